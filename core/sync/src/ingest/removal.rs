//! Removal of pending rows that their source no longer states.
//!
//! A pending row may vanish without ever being booked: a hold that was released, or an order that
//! was booked with another id and amount. It stops to count once two complete readings in a row
//! did not state it, or once it is older than any pending row should be. It counts again when it
//! comes back.

use std::collections::HashSet;

use fondaco_model::ids::{AccountSourceId, MatchEvidenceId, RevisionId, SyncRunId, TransactionId};
use fondaco_model::provider::Resource;
use fondaco_model::time::Date;
use fondaco_model::v1::{Lifecycle, RevisionCause};
use fondaco_model::version;
use fondaco_store::repo::run::{RunOutcome, RunRow};
use fondaco_store::repo::transaction::{self, PENDING_MAX, PendingRow};
use fondaco_store::repo::{Scope, change, run};
use fondaco_store::{StoreError, Tx};
use serde_json::json;

use super::batch::{Claims, Wrote};
use super::{IngestError, Target, history};

/// How old a pending row may become, in days.
pub const PENDING_DAYS_MAX: i32 = 30;

/// Most steps of [`PENDING_MAX`] pending rows that one reading looks at, the oldest first; those
/// behind them wait until some of these are gone.
const STEPS_MAX: usize = 20;

/// Most runs of a source that are searched for the complete reading before.
const RUNS_MAX: u32 = 60;

/// Pages of a run whose claims are held at once; 16 bytes for each of at most 1,000 rows.
const CLAIM_PAGES: u32 = 20;

/// What a reading has stated whose last page is being written.
#[derive(Clone, Copy)]
pub struct Stated<'a> {
    /// What its earlier pages stated.
    pub claims: &'a Claims,
    /// What its last batch stated.
    pub wrote: &'a Wrote,
    /// The first day that it covers; it reaches to the present.
    pub from: Date,
}

/// Why a row is removed, as evidence says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// Two complete readings in a row did not state it.
    AbsentTwice,
    /// It is older than [`PENDING_DAYS_MAX`], and not stated any more.
    Overdue,
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Self::AbsentTwice => "ABSENT_TWICE",
            Self::Overdue => "OVERDUE",
        }
    }
}

/// Removes the source's pending rows that the reading should have stated and did not, in the
/// transaction of its last page. Gives the number of rows that were removed.
///
/// Only for a reading without a record in quarantine: that might be the row.
///
/// # Errors
/// [`IngestError`]; nothing is removed then.
pub async fn remove_vanished(
    tx: &mut Tx,
    target: &Target<'_>,
    stated: Stated<'_>,
) -> Result<usize, IngestError> {
    let (mut after, mut removed) = (None, 0);
    let mut earlier = None;
    for _ in 0..STEPS_MAX {
        let rows = transaction::pending(tx, target.source_id, after).await?;
        after = rows.last().map(|row| (row.sort_date, row.id));
        let whole = rows.len() < usize::try_from(PENDING_MAX).unwrap_or(usize::MAX);
        let missing: Vec<PendingRow> = rows
            .into_iter()
            .filter(|row| !stated.claims.holds(row.id) && !stated.wrote.claims(row.id))
            .collect();
        if !missing.is_empty() {
            if earlier.is_none() {
                earlier = Some(Earlier::find(tx, target).await?);
            }
            let earlier = earlier.as_ref().expect("it was found just now");
            let gone = gone(tx, target, (&stated, earlier), missing).await?;
            write(tx, target, &gone).await?;
            removed += gone.len();
        }
        if whole {
            break;
        }
    }
    Ok(removed)
}

/// The complete reading before, and the broken ones since, newest first.
struct Earlier {
    complete: Option<RunRow>,
    since: Vec<SyncRunId>,
}

impl Earlier {
    async fn find(tx: &mut Tx, target: &Target<'_>) -> Result<Self, StoreError> {
        let source: AccountSourceId = target.source_id;
        let runs = run::by_source(tx, Scope::Tenant, source, RUNS_MAX).await?;
        let mut since = Vec::new();
        for row in runs {
            let other =
                row.id == target.reading.run_id || row.resource != Resource::Transactions.as_str();
            if other {
                continue;
            }
            // A window of history does not reach to the present, where pending rows are.
            let complete = row.outcome == Some(RunOutcome::Ok) && row.window_to.is_none();
            if complete {
                let complete = Some(row);
                return Ok(Self { complete, since });
            }
            since.push(row.id);
        }
        let complete = None;
        Ok(Self { complete, since })
    }

    /// Drops the rows that the complete reading before, or a broken one since, has stated.
    async fn forget_stated(
        &self,
        tx: &mut Tx,
        rows: &mut HashSet<TransactionId>,
    ) -> Result<(), StoreError> {
        let complete = self.complete.iter().map(|row| row.id);
        for run in self.since.iter().copied().chain(complete) {
            let mut after = None;
            while !rows.is_empty() {
                let pages = run::pages(tx, run, after, CLAIM_PAGES).await?;
                let Some(last) = pages.last() else { break };
                after = Some(last.number);
                for id in pages.iter().flat_map(|page| &page.claimed) {
                    rows.remove(id);
                }
            }
        }
        Ok(())
    }
}

async fn gone(
    tx: &mut Tx,
    target: &Target<'_>,
    (stated, earlier): (&Stated<'_>, &Earlier),
    missing: Vec<PendingRow>,
) -> Result<Vec<(TransactionId, Reason)>, StoreError> {
    let oldest = target.reading.now.utc_date().plus_days(-PENDING_DAYS_MAX);
    let twice = |row: &PendingRow| {
        // Both readings have to cover its day, and it has to be older than the first of them.
        let before = earlier.complete.as_ref();
        before.is_some_and(|run| {
            let from = run
                .window_from
                .map_or(stated.from, |from| from.max(stated.from));
            row.sort_date >= from && row.mapped_at <= run.started_at
        })
    };
    let mut absent: HashSet<TransactionId> = missing
        .iter()
        .filter(|row| row.sort_date >= oldest && twice(row))
        .map(|row| row.id)
        .collect();
    earlier.forget_stated(tx, &mut absent).await?;
    let reason = |row: PendingRow| {
        if row.sort_date < oldest {
            Some((row.id, Reason::Overdue))
        } else {
            absent
                .contains(&row.id)
                .then_some((row.id, Reason::AbsentTwice))
        }
    };
    Ok(missing.into_iter().filter_map(reason).collect())
}

async fn write(
    tx: &mut Tx,
    target: &Target<'_>,
    gone: &[(TransactionId, Reason)],
) -> Result<(), IngestError> {
    if gone.is_empty() {
        return Ok(());
    }
    let count = u32::try_from(gone.len()).unwrap_or(u32::MAX);
    let first = tx.reserve_seq(count).await?;
    let mut rows = Vec::with_capacity(gone.len());
    let (mut events, mut revisions, mut proofs) = (Vec::new(), Vec::new(), Vec::new());
    for ((id, reason), seq) in gone.iter().copied().zip(first..) {
        rows.push((id, seq));
        events.push(event(target, id, seq));
        revisions.push(revision(target, id, seq)?);
        proofs.push(evidence(target, (id, reason), seq));
    }
    transaction::remove(tx, &rows).await?;
    change::insert_events(tx, &events).await?;
    change::insert_revisions(tx, &revisions).await?;
    change::insert_evidence(tx, &proofs).await?;
    Ok(())
}

fn event(target: &Target<'_>, id: TransactionId, seq: i64) -> change::ChangeEventRow {
    change::ChangeEventRow {
        seq,
        end_user_id: Some(target.reading.end_user_id),
        entity: change::Entity::Transaction,
        entity_id: id.0,
        op: change::ChangeOp::Deleted,
        cause: RevisionCause::Removed.as_str().to_owned(),
        at: target.reading.now,
    }
}

fn revision(
    target: &Target<'_>,
    transaction_id: TransactionId,
    seq: i64,
) -> Result<change::RevisionRow, IngestError> {
    let id = RevisionId::new(target.reading.effects);
    let before = json!({ "lifecycle": Lifecycle::Live.as_str() }).to_string();
    Ok(change::RevisionRow {
        id,
        end_user_id: target.reading.end_user_id,
        transaction_id,
        seq,
        cause: RevisionCause::Removed,
        changed_fields: vec!["lifecycle".to_owned()],
        before_sealed: Some(history::seal(target.reading.sealer, id, &before)?),
        data_key_id: target.reading.sealer.data_key_id(),
        raw_answer_id: Some(target.reading.raw_answer_id),
        schema_version: version::CURRENT,
        recorded_at: target.reading.now,
    })
}

fn evidence(
    target: &Target<'_>,
    (transaction_id, reason): (TransactionId, Reason),
    seq: i64,
) -> change::MatchEvidenceRow {
    change::MatchEvidenceRow {
        id: MatchEvidenceId::new(target.reading.effects),
        end_user_id: target.reading.end_user_id,
        transaction_id,
        run_id: target.reading.run_id,
        rule: reason.as_str().to_owned(),
        score: 100,
        fields: Vec::new(),
        decision: change::MatchDecision::Auto,
        seq,
        decided_at: target.reading.now,
    }
}
