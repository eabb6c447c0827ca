//! One page: asked for, sealed, split and mapped.

use std::io::BufReader;
use std::sync::Arc;

use fondaco_connectors::core::{Connector, Cursor, Cx, Next, Record, RecordSink, Stream};
use fondaco_model::draft::Mapped;
use fondaco_model::exchange::ResponseHead;
use fondaco_model::ids::{AccountSourceId, RawAnswerId};
use fondaco_model::provider::{Manifest, Resource};
use fondaco_model::{Fault, FaultKind, Instant};
use fondaco_normalize::resolve::BATCH_MAX;
use fondaco_store::repo::Scope;
use fondaco_store::repo::job::Presence;
use fondaco_store::repo::raw::NewRawAnswer;
use fondaco_transport::{Body, Call, Caller, DayBudget};
use fondaco_vault::VaultError;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{Halt, Pull, PullError};

/// Seconds that one page may take, waits and retries included.
const PAGE_SECONDS_MAX: i64 = 120;

/// Most records of an answer that is held in memory.
const HELD_RECORDS_MAX: usize = 20_000;

/// Batches between the reader and the writer.
const CHANNEL_BATCHES: usize = 2;

/// A record as its family understood it.
pub(super) struct Item {
    pub(super) ordinal: i64,
    pub(super) mapped: Mapped,
}

/// A page that came whole: nothing of it is written before its last byte was understood.
pub(super) struct Page {
    pub(super) raw: RawAnswerId,
    pub(super) next: Next,
    pub(super) records: Records,
}

/// The records of a page.
pub(super) enum Records {
    /// All of them.
    Held(Vec<Item>),
    /// Too many to hold; they are read again from the raw answer.
    Stored(Splitter),
}

/// What splits an answer on a thread of its own.
#[derive(Clone)]
pub(super) struct Splitter {
    connector: &'static dyn Connector,
    manifest: Arc<Manifest>,
    stream: Stream,
    head: ResponseHead,
    now: Instant,
}

impl Pull<'_> {
    /// Reads one page.
    ///
    /// # Errors
    /// A fault of the institution; nothing of the page counts then.
    pub(super) async fn fetch(
        &self,
        stream: &Stream,
        cursor: Option<&Cursor>,
        account_source: Option<AccountSourceId>,
    ) -> Result<Page, Halt> {
        let now = self.now();
        let mut cx = Cx::new(&self.access.manifest, now);
        cx.consent_ref = self
            .access
            .consent_ref
            .as_ref()
            .map(fondaco_model::Secret::expose);
        let request = self.access.connector.request(&cx, stream, cursor)?;
        let new = self.new_answer(stream.resource);
        let writer = self
            .vault
            .raw_writer(self.request.tenant, new)
            .await
            .map_err(VaultError::from)?;
        let caller = Caller {
            tenant: self.request.tenant,
            credential: &self.access.credential,
        };
        let deadline = now.plus_seconds(PAGE_SECONDS_MAX);
        let mut call = Call::new(request, op(stream.resource), &self.target, caller, deadline)
            .spooled(&writer);
        // The pages of a list are one read of the day's allowance.
        if self.request.presence == Presence::Unattended && cursor.is_none() {
            call = call.budgeted(DayBudget {
                consent: self.access.consent.consent.id,
                account_source,
                operation: stream.resource.as_str(),
                per_day: self.access.manifest.limits.unattended_per_day,
            });
        }
        let answer = self.transport.send(call).await?;
        let bytes = match &answer.body {
            Body::Spooled { bytes } => *bytes,
            Body::Whole(_) => {
                return Err(Fault::new(FaultKind::Internal, op(stream.resource))
                    .with("reason", "body_was_not_spooled")
                    .into());
            }
        };
        writer.set_http_status(answer.head.status.as_u16()).await;
        let raw = writer.finish().await?.id;
        let splitter = Splitter {
            connector: self.access.connector,
            manifest: Arc::clone(&self.access.manifest),
            stream: stream.clone(),
            head: answer.head,
            now: self.now(),
        };
        self.understand(raw, splitter, bytes).await
    }

    fn new_answer(&self, resource: Resource) -> NewRawAnswer {
        NewRawAnswer {
            id: RawAnswerId::new(self.vault.effects()),
            end_user_id: self.access.link.end_user_id,
            link_id: Some(self.access.link.id),
            family: self.access.connector.family().to_owned(),
            resource: resource.as_str().to_owned(),
            request_fingerprint: None,
            // The writer sets the key that it seals with.
            data_key_id: self.sealer.data_key_id(),
            http_status: None,
            file_name_sealed: None,
            fetched_at: self.now(),
            retention_until: None,
        }
    }

    async fn understand(
        &self,
        raw: RawAnswerId,
        splitter: Splitter,
        bytes: u64,
    ) -> Result<Page, Halt> {
        let body = self
            .vault
            .raw_reader(self.request.tenant, (Scope::Tenant, raw))
            .await?;
        // Only transactions come in numbers that are worth a second reading.
        let held = bytes <= self.held_bytes || splitter.stream.resource != Resource::Transactions;
        let at_work = splitter.clone();
        let split = tokio::task::spawn_blocking(move || {
            let mut body = BufReader::new(body);
            if held {
                let mut items = Vec::new();
                let next = at_work.split(&mut body, &mut |item| {
                    items.push(item);
                    items.len() <= HELD_RECORDS_MAX
                })?;
                Ok::<_, Fault>((next, Some(items)))
            } else {
                Ok((at_work.check(&mut body)?, None))
            }
        });
        let (next, items) = split.await.map_err(|_| PullError::Stopped)??;
        let records = items.map_or(Records::Stored(splitter), Records::Held);
        Ok(Page { raw, next, records })
    }

    /// The batches of a page whose records are read again from its raw answer.
    pub(super) async fn batches(
        &self,
        raw: RawAnswerId,
        splitter: Splitter,
    ) -> Result<Batches, Halt> {
        let body = self
            .vault
            .raw_reader(self.request.tenant, (Scope::Tenant, raw))
            .await?;
        let (send, receive) = mpsc::channel(CHANNEL_BATCHES);
        let splitting = tokio::task::spawn_blocking(move || {
            let mut body = BufReader::new(body);
            let mut batch = Vec::with_capacity(BATCH_MAX);
            splitter.split(&mut body, &mut |item| {
                batch.push(item);
                let full = batch.len() == BATCH_MAX;
                // A receiver that is gone has no use for the rest.
                !full || send.blocking_send(std::mem::take(&mut batch)).is_ok()
            })?;
            // Nobody waits for the last batch either when the receiver is gone.
            let _ = send.blocking_send(batch);
            Ok(())
        });
        Ok(Batches { receive, splitting })
    }
}

/// Batches of records as they are read.
pub(super) struct Batches {
    receive: mpsc::Receiver<Vec<Item>>,
    splitting: JoinHandle<Result<(), Fault>>,
}

impl Batches {
    /// The next batch; none behind the last.
    ///
    /// # Errors
    /// The fault that reading the raw answer again gave, which the first reading did not.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Item>>, Halt> {
        if let Some(batch) = self.receive.recv().await {
            return Ok(Some(batch));
        }
        (&mut self.splitting)
            .await
            .map_err(|_| PullError::Stopped)??;
        Ok(None)
    }
}

impl Splitter {
    fn cx(&self) -> Cx<'_> {
        Cx::new(&self.manifest, self.now)
    }

    /// Splits and maps; stops with a fault when `take` answers false.
    fn split(
        &self,
        body: &mut dyn std::io::BufRead,
        take: &mut dyn FnMut(Item) -> bool,
    ) -> Result<Next, Fault> {
        let mut sink = Mapping {
            splitter: self,
            take,
        };
        self.connector
            .page(&self.cx(), &self.stream, &self.head, body, &mut sink)
    }

    /// Splits without mapping: tells whether the answer is whole and what comes after it.
    fn check(&self, body: &mut dyn std::io::BufRead) -> Result<Next, Fault> {
        self.connector
            .page(&self.cx(), &self.stream, &self.head, body, &mut Nowhere)
    }
}

struct Mapping<'a> {
    splitter: &'a Splitter,
    take: &'a mut dyn FnMut(Item) -> bool,
}

impl RecordSink for Mapping<'_> {
    fn record(&mut self, record: Record<'_>) -> Result<(), Fault> {
        let splitter = self.splitter;
        let item = Item {
            ordinal: record.ordinal,
            mapped: splitter
                .connector
                .map(&splitter.cx(), &splitter.stream, &record),
        };
        if (self.take)(item) {
            Ok(())
        } else {
            Err(
                Fault::new(FaultKind::SchemaDrift, op(splitter.stream.resource))
                    .with("rule", "records.too_many"),
            )
        }
    }
}

struct Nowhere;

impl RecordSink for Nowhere {
    fn record(&mut self, _record: Record<'_>) -> Result<(), Fault> {
        Ok(())
    }
}

fn op(resource: Resource) -> &'static str {
    match resource {
        Resource::Accounts => "accounts.read",
        Resource::Balances => "balances.read",
        Resource::Transactions => "transactions.read",
        Resource::Statement => "statement.read",
    }
}
