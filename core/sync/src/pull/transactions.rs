//! The transactions of one account in one window of days: one run, one snapshot.

use fondaco_connectors::core::{DateWindow, Next, PageGuard, Stream};
use fondaco_model::Date;
use fondaco_model::draft::Draft;
use fondaco_model::ids::CoverageId;
use fondaco_model::provider::Resource;
use fondaco_normalize::resolve::BATCH_MAX;
use fondaco_store::repo::coverage::{self, CoverageProof, CoverageRow, CoverageState};
use fondaco_store::repo::run;
use fondaco_store::repo::stream::{self, StreamPosition};
use fondaco_store::{StoreError, Tx};

use super::accounts::Account;
use super::page::{Item, Page, Records};
use super::run::{Of, Run, read_to_the_end};
use super::windows::{self, Ask, HISTORY_DAYS, Read, Windows};
use super::{Halt, Pull, PullError, Reading, fenced, settle};
use crate::ingest::{Claims, Counts, Stated, Target, Understood, remove_vanished, write_batch};

/// A window while it is read.
struct Snapshot<'a> {
    account: &'a Account,
    window: DateWindow,
    /// True for the window that reaches to the present.
    recent: bool,
    run: Run,
    claims: Claims,
    counts: Counts,
}

/// Where a batch stands in its window.
#[derive(Clone, Copy)]
struct Batch<'a> {
    raw: fondaco_model::ids::RawAnswerId,
    records: &'a [Understood],
    /// True for the last batch of the last page.
    last: bool,
}

impl Pull<'_> {
    /// The windows that an account is read in.
    pub(super) async fn windows(&self, account: &Account) -> Result<Windows, PullError> {
        let of = Of::account(Resource::Transactions, account.found.source_id);
        let mut session = self.vault.db().read(self.request.tenant).await?;
        let known = stream::get(&mut session, &self.key(of)).await?;
        drop(session);
        let read = known.map_or_else(Read::default, |row| Read {
            through: row.complete_through,
            from: row.history_from,
        });
        let today = self.now().utc_date();
        let entry = self.access.manifest.resources.transactions.as_ref();
        let days = entry
            .and_then(|entry| entry.history_days)
            .unwrap_or(HISTORY_DAYS);
        let days = i32::try_from(days).unwrap_or(i32::MAX);
        let allowed = today.plus_days(-days);
        let ask = Ask {
            today,
            earliest: self
                .access
                .consent
                .consent
                .history_from
                .map_or(allowed, |from| from.max(allowed)),
            reads_per_day: self.access.manifest.limits.unattended_per_day,
        };
        Ok(windows::plan(ask, read))
    }

    /// Reads one window of one account; the account's own fault stays with the account.
    ///
    /// # Errors
    /// [`Halt`] when the fault ends the whole reading.
    pub(super) async fn window(
        &self,
        reading: &mut Reading,
        at: usize,
        window: DateWindow,
        recent: bool,
    ) -> Result<(), Halt> {
        let account = &mut reading.accounts[at];
        let read = self.read_window(account, window, recent).await;
        reading.counts += settle(account, read, Resource::Transactions)?;
        Ok(())
    }

    async fn read_window(
        &self,
        account: &Account,
        window: DateWindow,
        recent: bool,
    ) -> Result<Counts, Halt> {
        let of = Of {
            window: Some(window),
            ..Of::account(Resource::Transactions, account.found.source_id)
        };
        let mut snapshot = Snapshot {
            account,
            window,
            recent,
            run: self.begin_run(of).await?,
            claims: Claims::default(),
            counts: Counts::default(),
        };
        match self.pages(&mut snapshot).await {
            Ok(()) => Ok(snapshot.counts),
            Err(halt) => self.failed(&snapshot.run, halt).await,
        }
    }

    async fn pages(&self, snapshot: &mut Snapshot<'_>) -> Result<(), Halt> {
        let account = snapshot.account;
        let mut stream = Stream::of_account(Resource::Transactions, account.provider_id.as_str());
        stream.window = Some(snapshot.window);
        let source = Some(account.found.source_id);
        let (mut cursor, mut guard) = (None, PageGuard::default());
        loop {
            let page = self.fetch(&stream, cursor.as_ref(), source).await?;
            let next = page.next.clone();
            self.page_of_transactions(snapshot, page).await?;
            match next {
                Next::Done => return Ok(()),
                Next::Page(next) => {
                    guard.advance(&next)?;
                    cursor = Some(next);
                }
            }
        }
    }

    async fn page_of_transactions(
        &self,
        snapshot: &mut Snapshot<'_>,
        page: Page,
    ) -> Result<(), Halt> {
        let (raw, done) = (page.raw, page.next == Next::Done);
        match page.records {
            Records::Held(items) => {
                let records: Vec<Understood> = items.into_iter().map(understood).collect();
                let mut rest = records.as_slice();
                loop {
                    let (now, later) = rest.split_at(rest.len().min(BATCH_MAX));
                    let last = done && later.is_empty();
                    let records = now;
                    self.batch(snapshot, Batch { raw, records, last }).await?;
                    if later.is_empty() {
                        return Ok(());
                    }
                    rest = later;
                }
            }
            Records::Stored(splitter) => {
                let mut batches = self.batches(raw, splitter).await?;
                let mut held = batches.next().await?.unwrap_or_default();
                loop {
                    let later = batches.next().await?;
                    let records: Vec<Understood> = held.into_iter().map(understood).collect();
                    let last = done && later.is_none();
                    let records = records.as_slice();
                    self.batch(snapshot, Batch { raw, records, last }).await?;
                    match later {
                        None => return Ok(()),
                        Some(later) => held = later,
                    }
                }
            }
        }
    }

    async fn batch(&self, snapshot: &mut Snapshot<'_>, batch: Batch<'_>) -> Result<(), PullError> {
        let target = Target {
            reading: self.shared(&snapshot.run, batch.raw),
            account_id: snapshot.account.found.account_id,
            source_id: snapshot.account.found.source_id,
            states_whole_days: true,
        };
        let (number, before, at) = (snapshot.run.number, snapshot.counts, &*snapshot);
        let wrote: Result<_, PullError> = fenced!(self, |tx| {
            // Of two sources that state one account at once, the second sees what the first wrote.
            tx.lock_tenant().await?;
            let wrote = write_batch(tx, &target, number, batch.records, &at.claims).await?;
            let mut total = before;
            total += wrote.counts;
            if batch.last {
                // What waits in quarantine may be the pending row that seems to be missing.
                if at.recent && total.quarantined == 0 {
                    let stated = Stated {
                        claims: &at.claims,
                        wrote: &wrote,
                        from: at.window.from,
                    };
                    remove_vanished(tx, &target, stated).await?;
                }
                self.finish_window(tx, at, &target, total).await?;
            }
            Ok((wrote, total))
        });
        let (wrote, total) = wrote?;
        snapshot.claims.keep(wrote);
        snapshot.counts = total;
        snapshot.run.number += 1;
        Ok(())
    }

    /// What belongs into the transaction of a window's last batch.
    async fn finish_window(
        &self,
        tx: &mut Tx,
        snapshot: &Snapshot<'_>,
        target: &Target<'_>,
        total: Counts,
    ) -> Result<(), StoreError> {
        let now = target.reading.now;
        let from = snapshot.window.from;
        let through = snapshot
            .window
            .to
            .unwrap_or_else(|| now.utc_date())
            .max(from);
        let of = Of::account(Resource::Transactions, target.source_id);
        let position = StreamPosition {
            cursor: None,
            complete_through: snapshot.recent.then_some(through),
            history_from: self.first_day(tx, of, snapshot).await?,
            at: now,
        };
        stream::advance(tx, &self.key(of), &position).await?;
        let whole = total.quarantined == 0;
        let span = CoverageRow {
            id: CoverageId::new(self.vault.effects()),
            account_id: target.account_id,
            account_source_id: target.source_id,
            end_user_id: target.reading.end_user_id,
            from,
            to: through,
            state: if whole {
                CoverageState::Complete
            } else {
                CoverageState::Partial
            },
            proof: CoverageProof::ProviderAsserted,
            run_id: snapshot.run.id,
            recorded_at: now,
        };
        coverage::insert(tx, &span).await?;
        let outcome = read_to_the_end(total.quarantined);
        run::finish(tx, snapshot.run.id, outcome, None, now).await
    }

    /// The first day that is read with this window; a later reading's recent window begins later
    /// than what is read already.
    async fn first_day(
        &self,
        tx: &mut Tx,
        of: Of,
        snapshot: &Snapshot<'_>,
    ) -> Result<Option<Date>, StoreError> {
        let from = snapshot.window.from;
        let known = stream::get(tx, &self.key(of))
            .await?
            .and_then(|row| row.history_from);
        Ok(known.is_none_or(|known| from < known).then_some(from))
    }
}

fn understood(item: Item) -> Understood {
    let draft = item
        .mapped
        .drafts
        .into_iter()
        .find_map(|draft| match draft {
            Draft::Transaction(draft) => Some(draft),
            Draft::Account(_) | Draft::Balance(_) | Draft::Statement(_) => None,
        });
    Understood {
        ordinal: item.ordinal,
        draft,
        remarks: item.mapped.remarks,
    }
}
