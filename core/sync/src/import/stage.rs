//! The first pass: the file is split and mapped once, and its entries wait in order.

use std::collections::BTreeMap;
use std::io::BufReader;

use fondaco_connectors::core::{Record, RecordSink, Stream, file_head};
use fondaco_connectors::registry::verdict::StatementSums;
use fondaco_model::draft::{Draft, Mapped, Remark, StatementDraft};
use fondaco_model::provider::Resource;
use fondaco_model::{Date, Fault, FaultKind};
use fondaco_normalize::settle;
use fondaco_store::in_tx;
use fondaco_store::repo::Scope;
use fondaco_store::repo::quarantine::{self, RemarkRow};
use fondaco_store::repo::staged::{self, StagedKey, StagedRow};
use tokio::sync::mpsc;

use super::{ImportError, Job, Progress};
use crate::ingest::{
    AccountError, AccountOrigin, AccountTarget, Counts, FoundAccount, account, refused, remark_row,
};

/// Records that are staged by one transaction.
const STAGE_BATCH: usize = 500;

/// Records between the reader and the writer.
const CHANNEL_RECORDS: usize = 64;

/// Statements of one file; more are refused.
pub(super) const STATEMENTS_MAX: usize = 10_000;

/// One statement of the file.
pub(super) struct Statement {
    pub(super) draft: StatementDraft,
    pub(super) ordinal: i64,
    /// Position of its last record.
    pub(super) last: i64,
    /// Where its entries go; none when its account could not be found or made.
    pub(super) found: Option<FoundAccount>,
    pub(super) problem: Option<String>,
    pub(super) sums: StatementSums,
    pub(super) entries: i64,
    /// The first day of an entry that was staged.
    pub(super) first_day: Option<Date>,
    pub(super) counts: Counts,
}

/// What the first pass found.
pub(super) struct Staged {
    pub(super) statements: BTreeMap<i32, Statement>,
    pub(super) records: u64,
    /// Records of no statement: its head was refused, or the file has too many statements.
    pub(super) unplaced: i64,
    /// Why the file broke off, when it did.
    pub(super) fault: Option<Fault>,
}

struct Item {
    ordinal: i64,
    group: i32,
    bytes: Vec<u8>,
    mapped: Mapped,
}

/// Splits and maps the raw answer, finds the accounts, and stages every entry that can be dated.
pub(super) async fn stage(job: &Job<'_>) -> Result<Staged, ImportError> {
    let (send, mut receive) = mpsc::channel(CHANNEL_RECORDS);
    let reader = job
        .vault
        .raw_reader(job.request.tenant, (Scope::Tenant, job.raw))
        .await?;
    let (connector, manifest) = (job.connector, std::sync::Arc::clone(&job.manifest));
    let now = job.vault.effects().now();
    let splitting = tokio::task::spawn_blocking(move || {
        let cx = fondaco_connectors::core::Cx::new(&manifest, now);
        let stream = Stream::of(Resource::Statement);
        let head = file_head();
        let map = |record: &Record<'_>| connector.map(&cx, &stream, record);
        let mut sink = Sender { send, map };
        let mut body = BufReader::new(reader);
        connector
            .page(&cx, &stream, &head, &mut body, &mut sink)
            .map(|_| ())
    });
    let mut staged = Staged {
        statements: BTreeMap::new(),
        records: 0,
        unplaced: 0,
        fault: None,
    };
    let mut waiting = Waiting::default();
    while let Some(item) = receive.recv().await {
        take(job, &mut staged, &mut waiting, item).await?;
        if waiting.len() >= STAGE_BATCH {
            flush(job, &mut staged, &mut waiting).await?;
        }
    }
    flush(job, &mut staged, &mut waiting).await?;
    staged.fault = splitting.await.map_err(|_| ImportError::Stopped)?.err();
    match staged.fault.take() {
        Some(fault) if staged.statements.is_empty() => Err(ImportError::Malformed(fault)),
        fault => Ok(Staged { fault, ..staged }),
    }
}

/// Hands records over to the writer, mapped while they are still borrowed.
struct Sender<F> {
    send: mpsc::Sender<Item>,
    map: F,
}

impl<F: Fn(&Record<'_>) -> Mapped> RecordSink for Sender<F> {
    fn record(&mut self, record: Record<'_>) -> Result<(), Fault> {
        let item = Item {
            ordinal: record.ordinal,
            group: record.group,
            bytes: record.bytes.to_vec(),
            mapped: (self.map)(&record),
        };
        let gone = |_| Fault::new(FaultKind::Internal, "import.stage");
        self.send.blocking_send(item).map_err(gone)
    }
}

/// Records that the next transaction writes.
#[derive(Default)]
struct Waiting {
    rows: Vec<StagedRow>,
    refused: Vec<(i64, Remark)>,
    /// Remarks about heads of statements; those about entries are written with their transaction.
    remarks: Vec<(i64, Vec<Remark>)>,
}

impl Waiting {
    fn len(&self) -> usize {
        self.rows.len() + self.refused.len() + self.remarks.len()
    }
}

async fn take(
    job: &Job<'_>,
    staged: &mut Staged,
    waiting: &mut Waiting,
    item: Item,
) -> Result<(), ImportError> {
    let mut drafts = item.mapped.drafts.into_iter();
    match drafts.next() {
        Some(Draft::Statement(draft)) => {
            if !item.mapped.remarks.is_empty() {
                waiting.remarks.push((item.ordinal, item.mapped.remarks));
            }
            open(job, staged, item.ordinal, draft).await
        }
        Some(Draft::Transaction(draft)) => {
            let Some(statement) = staged.statements.get_mut(&item.group) else {
                staged.unplaced += 1;
                return Ok(());
            };
            statement.last = item.ordinal;
            statement.entries += 1;
            statement.sums.add(&draft);
            if statement.found.is_none() {
                return Ok(());
            }
            match settle(&draft, job.vault.effects().now().utc_date()) {
                Ok(settled) => {
                    let day = settled.sort_date;
                    statement.first_day =
                        Some(statement.first_day.map_or(day, |first| first.min(day)));
                    let key = StagedKey {
                        statement: i64::from(item.group),
                        sort_date: settled.sort_date,
                        amount: draft.amount,
                        ordinal: item.ordinal,
                    };
                    let sealed = job.sealer.staged(job.run, item.ordinal, &item.bytes)?;
                    waiting.rows.push(StagedRow { key, sealed });
                }
                Err(remark) => {
                    statement.counts.quarantined += 1;
                    waiting.refused.push((item.ordinal, remark));
                }
            }
            Ok(())
        }
        Some(Draft::Account(_) | Draft::Balance(_)) => Ok(()),
        None => {
            if let Some(statement) = staged.statements.get_mut(&item.group) {
                statement.last = item.ordinal;
                statement.entries += 1;
                statement.counts.quarantined += 1;
            } else {
                staged.unplaced += 1;
            }
            let fatal = item.mapped.remarks.into_iter().find(|remark| remark.fatal);
            waiting
                .refused
                .extend(fatal.map(|remark| (item.ordinal, remark)));
            Ok(())
        }
    }
}

async fn open(
    job: &Job<'_>,
    staged: &mut Staged,
    ordinal: i64,
    draft: StatementDraft,
) -> Result<(), ImportError> {
    if staged.statements.len() >= STATEMENTS_MAX {
        staged.unplaced += 1;
        return Ok(());
    }
    let target = account_target(job, ordinal);
    let tenant = job.request.tenant;
    let written = in_tx!(job.vault.db(), tenant, |tx| {
        // Two imports at once must not make one account twice.
        tx.lock_tenant().await?;
        account(tx, &target, &draft.account).await
    });
    let (found, problem) = match written {
        Ok(found) => (Some(found), None),
        Err(error @ (AccountError::Unknown | AccountError::Other | AccountError::Ambiguous)) => {
            (None, Some(error.to_string()))
        }
        Err(error) => return Err(error.into()),
    };
    let statement = Statement {
        ordinal,
        last: ordinal,
        found,
        problem,
        sums: StatementSums::default(),
        entries: 0,
        first_day: None,
        counts: Counts::default(),
        draft,
    };
    staged.statements.insert(statement.draft.ordinal, statement);
    Ok(())
}

/// What the account of a statement is written with.
pub(super) fn account_target<'a>(job: &'a Job<'_>, ordinal: i64) -> AccountTarget<'a> {
    let request = job.request;
    AccountTarget {
        reading: job.reading(),
        family: job.connector.family(),
        origin: AccountOrigin::File {
            chosen: request.account,
            create: request.create,
        },
        ordinal,
    }
}

async fn flush(
    job: &Job<'_>,
    staged: &mut Staged,
    waiting: &mut Waiting,
) -> Result<(), ImportError> {
    let rows = std::mem::take(&mut waiting.rows);
    let reading = job.reading();
    let refused: Result<Vec<_>, _> = std::mem::take(&mut waiting.refused)
        .iter()
        .map(|(ordinal, remark)| refused(&reading, *ordinal, remark))
        .collect();
    let refused = refused?;
    let remarks = remark_rows(job, std::mem::take(&mut waiting.remarks))?;
    in_tx!(job.vault.db(), job.request.tenant, |tx| {
        staged::insert(tx, job.run, &rows).await?;
        quarantine::insert(tx, &refused).await?;
        quarantine::insert_remarks(tx, &remarks).await
    })?;
    staged.records += u64::try_from(rows.len()).unwrap_or(0);
    (job.listener)(Progress::Staged(staged.records));
    Ok(())
}

fn remark_rows(
    job: &Job<'_>,
    about: Vec<(i64, Vec<Remark>)>,
) -> Result<Vec<RemarkRow>, ImportError> {
    let reading = job.reading();
    let mut rows = Vec::new();
    for (ordinal, remarks) in about {
        for remark in (0..).zip(&remarks) {
            rows.push(remark_row(&reading, ordinal, remark, None)?);
        }
    }
    Ok(rows)
}
