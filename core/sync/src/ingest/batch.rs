//! One batch of transactions: settle, resolve, write, record.

use std::collections::HashMap;

use fondaco_model::draft::{Remark, TransactionDraft};
use fondaco_model::ids::TransactionId;
use fondaco_model::time::Date;
use fondaco_model::v1::{DateRule, Lifecycle};
use fondaco_normalize::resolve::{BATCH_MAX, Batch, CANDIDATE_DAYS, Resolution};
use fondaco_normalize::{Incoming, Settled, Stored, StoredRef, digest, resolve, settle};
use fondaco_store::Tx;
use fondaco_store::repo::transaction::{self, Candidate, CandidateQuery, Narrow};
use fondaco_store::repo::{change, run};

use super::history::Before;
use super::plan::Plan;
use super::{IngestError, PENDING_DAYS_MAX, Target, Understood, doubts};

/// What became of the records of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records that were looked at.
    pub records: i64,
    /// Transactions that were not stored before.
    pub inserted: i64,
    /// Stored transactions that the source states differently now.
    pub changed: i64,
    /// Stored transactions that stayed as they are.
    pub unchanged: i64,
    /// Records that could not become transactions.
    pub quarantined: i64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.records += other.records;
        self.inserted += other.inserted;
        self.changed += other.changed;
        self.unchanged += other.unchanged;
        self.quarantined += other.quarantined;
    }
}

/// A batch that was written, when its transaction commits.
#[derive(Debug)]
pub struct Wrote {
    /// What became of its records.
    pub counts: Counts,
    claimed: Vec<(TransactionId, Date)>,
}

impl Wrote {
    /// True when the batch stated a row.
    pub(super) fn claims(&self, id: TransactionId) -> bool {
        self.claimed.iter().any(|(claimed, _)| *claimed == id)
    }
}

/// The stored rows that a snapshot has stated so far, so that none is claimed twice.
///
/// Bounded: [`forget_before`](Self::forget_before) drops days that no later record can touch.
#[derive(Debug, Default)]
pub struct Claims(HashMap<TransactionId, Date>);

impl Claims {
    /// Takes claims back that an earlier process recorded.
    pub fn restore(&mut self, ids: impl IntoIterator<Item = TransactionId>, day: Date) {
        self.0.extend(ids.into_iter().map(|id| (id, day)));
    }

    /// Keeps what a batch claimed, once its transaction has committed: a transaction that is run
    /// again must not find its own first try.
    pub fn keep(&mut self, wrote: Wrote) {
        self.0.extend(wrote.claimed);
    }

    /// Drops what lies further back than any candidate of a batch that begins on a day; for
    /// sources that state their records in the order of days.
    pub fn forget_before(&mut self, day: Date) {
        let oldest = day.plus_days(-2 * CANDIDATE_DAYS);
        self.0.retain(|_, claimed| *claimed >= oldest);
    }

    /// True when the snapshot has stated a row.
    pub(super) fn holds(&self, id: TransactionId) -> bool {
        self.0.contains_key(&id)
    }
}

/// A draft that can become a row.
pub(super) struct Known<'a> {
    pub(super) ordinal: i64,
    pub(super) draft: &'a TransactionDraft,
    pub(super) settled: Settled,
    pub(super) hash: Option<[u8; 32]>,
    pub(super) fingerprint: String,
}

impl From<Counts> for run::RunCounts {
    fn from(counts: Counts) -> Self {
        Self {
            records: counts.records,
            inserted: counts.inserted,
            changed: counts.changed,
            unchanged: counts.unchanged,
            quarantined: counts.quarantined,
        }
    }
}

/// Writes a batch of at most [`BATCH_MAX`] records as page `number` of the run.
///
/// # Errors
/// [`IngestError`]; nothing is written then. A page that is recorded already is refused by the
/// store, so that a batch cannot be written twice.
pub async fn write_batch(
    tx: &mut Tx,
    target: &Target<'_>,
    number: i64,
    records: &[Understood],
    claims: &Claims,
) -> Result<Wrote, IngestError> {
    debug_assert!(records.len() <= BATCH_MAX, "callers work in batches");
    let settled = settle_all(target, records);
    let candidates = load(tx, target, &settled.known, claims).await?;
    let decided = decide(target, &settled.known, &candidates, claims);
    let plan = Plan::new(target, &settled.known, &candidates, &decided.decisions);
    let seqs = u32::try_from(plan.writes()).unwrap_or(u32::MAX);
    let first_seq = if seqs == 0 {
        0
    } else {
        tx.reserve_seq(seqs).await?
    };
    let before = Before::load(tx, &plan.changed()).await?;
    let written = plan.written(target, &settled.known, (&candidates, &before), first_seq)?;
    transaction::upsert(tx, &written.rows, &written.details).await?;
    transaction::add_references(tx, target.reading.end_user_id, &written.refs).await?;
    for (id, kind, value) in &decided.reused {
        transaction::mark_reused(tx, *id, kind, value).await?;
    }
    change::insert_events(tx, &written.events).await?;
    change::insert_revisions(tx, &written.revisions).await?;
    change::insert_evidence(tx, &written.evidence).await?;
    doubts::write(tx, target, records, &settled.refused, &written.targets).await?;
    let page = run::RunPage {
        run_id: target.reading.run_id,
        number,
        raw_answer_id: target.reading.raw_answer_id,
        claimed: written.claimed.iter().map(|(id, _)| *id).collect(),
        created_at: target.reading.now,
    };
    run::insert_page(tx, &page).await?;
    let counts = Counts {
        records: i64::try_from(records.len()).unwrap_or(i64::MAX),
        quarantined: i64::try_from(settled.refused.len()).unwrap_or(i64::MAX),
        ..plan.counts()
    };
    run::add_counts(tx, target.reading.run_id, &counts.into()).await?;
    Ok(Wrote {
        counts,
        claimed: written.claimed,
    })
}

/// The drafts that can become rows, and the records that cannot, with the reason.
struct SettledBatch<'a> {
    known: Vec<Known<'a>>,
    refused: Vec<(i64, Remark)>,
}

fn settle_all<'a>(target: &Target<'_>, records: &'a [Understood]) -> SettledBatch<'a> {
    let mut batch = SettledBatch {
        known: Vec::new(),
        refused: Vec::new(),
    };
    for record in records {
        let Some(draft) = &record.draft else {
            let reason = record.remarks.iter().find(|remark| remark.fatal);
            batch
                .refused
                .extend(reason.map(|remark| (record.ordinal, remark.clone())));
            continue;
        };
        match settle(draft, target.reading.now.utc_date()) {
            Ok(settled) => {
                let identifier = draft.counterparty.identifiers.first();
                let hash = identifier.map(|identifier| target.reading.sealer.hash(identifier));
                let lasting = identifier.map(|number| target.reading.sealer.lasting(number));
                let account = target.account_id;
                batch.known.push(Known {
                    ordinal: record.ordinal,
                    draft,
                    fingerprint: digest::fingerprint(account, draft, &settled, lasting.as_ref()),
                    settled,
                    hash,
                });
            }
            Err(remark) => batch.refused.push((record.ordinal, remark)),
        }
    }
    batch
}

/// The stored rows that any rule may take for one of the batch.
async fn load(
    tx: &mut Tx,
    target: &Target<'_>,
    known: &[Known<'_>],
    claims: &Claims,
) -> Result<Vec<Candidate>, IngestError> {
    let days = sorted(known.iter().map(|row| row.settled.sort_date));
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return Ok(Vec::new());
    };
    let minors = sorted(known.iter().map(|row| row.draft.amount.minor()));
    let references = known.iter().flat_map(|row| &row.draft.references);
    let references = sorted(references.map(|reference| reference.value.as_str()));
    let ids = known
        .iter()
        .filter_map(|row| row.draft.end_to_end_id.as_deref());
    let uetrs = known.iter().filter_map(|row| row.draft.uetr.as_deref());
    let (end_to_end_ids, uetrs) = (sorted(ids), sorted(uetrs));
    let fingerprints = sorted(known.iter().map(|row| row.fingerprint.as_str()));
    let claimed = |id| claims.holds(id);
    // A row without a day stays on the one when it was first read, for as long as it may wait.
    let oldest = target.reading.now.utc_date().plus_days(-PENDING_DAYS_MAX);
    let undated = |row: &Known<'_>| row.settled.sort_date_rule == DateRule::FirstSeen;
    let asked = CandidateQuery {
        account_id: target.account_id,
        account_source_id: target.source_id,
        from: first.plus_days(-CANDIDATE_DAYS),
        to: last.plus_days(CANDIDATE_DAYS),
        minors: &minors,
        references: &references,
        narrow: Some(Narrow {
            days: &days,
            end_to_end_ids: &end_to_end_ids,
            uetrs: &uetrs,
            fingerprints: &fingerprints,
            undated_from: known.iter().any(undated).then_some(oldest),
            claimed: &claimed,
        }),
    };
    Ok(transaction::candidates(tx, &asked).await?)
}

fn sorted<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.dedup();
    values
}

fn decide(
    target: &Target<'_>,
    known: &[Known<'_>],
    candidates: &[Candidate],
    claims: &Claims,
) -> Resolution {
    // A hash of a key that was replaced can be compared with none of today: it is not known.
    let key = target.reading.sealer.hash_key();
    let stored: Vec<Stored> = candidates
        .iter()
        .map(|row| Stored {
            id: row.id,
            source: row.account_source_id,
            removed: row.lifecycle == Lifecycle::Removed,
            status: row.status,
            amount: row.amount,
            sort_date: row.sort_date,
            first_seen_date: row.sort_date_rule == DateRule::FirstSeen,
            search_text: row.search_text.clone(),
            counterparty_hash: row
                .counterparty_hash
                .filter(|_| row.counterparty_hash_key_id == Some(key)),
            end_to_end_id: row.end_to_end_id.clone(),
            uetr: row.uetr.clone(),
            refs: row
                .refs
                .iter()
                .map(|reference| StoredRef {
                    source: reference.account_source_id,
                    kind: reference.kind.clone(),
                    value: reference.value.clone(),
                    stability: reference.stability,
                })
                .collect(),
            claimed: claims.holds(row.id),
        })
        .collect();
    let incoming: Vec<Incoming<'_>> = known
        .iter()
        .map(|row| Incoming {
            draft: row.draft,
            settled: &row.settled,
            counterparty_hash: row.hash,
            fingerprint: &row.fingerprint,
        })
        .collect();
    let batch = Batch {
        source: target.source_id,
        states_whole_days: target.states_whole_days,
    };
    resolve(batch, &incoming, &stored)
}
