//! What the decisions about a batch amount to: rows, references, events, revisions, evidence.

use std::collections::HashMap;

use fondaco_model::ids::{MatchEvidenceId, RevisionId, TransactionId};
use fondaco_model::time::Date;
use fondaco_model::v1::{DateRule, Lifecycle, RevisionCause, Stability, TransactionStatus};
use fondaco_model::version;
use fondaco_normalize::{Decision, Matched, Rule, Settled, digest};
use fondaco_store::repo::change;
use fondaco_store::repo::transaction::{Candidate, DetailRow, RefRow, TransactionRow};

use super::batch::{Counts, Known};
use super::history::{self, Before, Stated};
use super::rows::{self, Confidence, Placed};
use super::{IngestError, Target};

/// One incoming row and what is to be done with it.
struct Step<'a> {
    incoming: usize,
    stored: Option<usize>,
    matched: Option<&'a Matched>,
    /// Why the row is written; none when it stays as it is.
    cause: Option<RevisionCause>,
}

/// The steps of a batch.
pub(super) struct Plan<'a> {
    steps: Vec<Step<'a>>,
}

/// Everything that one batch writes.
#[derive(Default)]
pub(super) struct Written {
    pub(super) rows: Vec<TransactionRow>,
    pub(super) details: Vec<DetailRow>,
    pub(super) refs: Vec<RefRow>,
    pub(super) events: Vec<change::ChangeEventRow>,
    pub(super) revisions: Vec<change::RevisionRow>,
    pub(super) evidence: Vec<change::MatchEvidenceRow>,
    /// The stored rows that the batch states, with their days.
    pub(super) claimed: Vec<(TransactionId, Date)>,
    /// The row that a record became, by the record's position in the raw answer.
    pub(super) targets: HashMap<i64, TransactionId>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        target: &Target<'_>,
        known: &[Known<'_>],
        candidates: &[Candidate],
        decisions: &'a [Decision],
    ) -> Self {
        let places: HashMap<TransactionId, usize> = candidates
            .iter()
            .enumerate()
            .map(|(at, row)| (row.id, at))
            .collect();
        let steps =
            decisions
                .iter()
                .enumerate()
                .filter_map(|(incoming, decision)| match decision {
                    Decision::New => {
                        let cause = Some(RevisionCause::Insert);
                        Some(Step {
                            incoming,
                            stored: None,
                            matched: None,
                            cause,
                        })
                    }
                    Decision::Known(matched) => {
                        let stored = *places.get(&matched.id)?;
                        let cause = cause(target, &known[incoming], &candidates[stored], matched);
                        Some(Step {
                            incoming,
                            stored: Some(stored),
                            matched: Some(matched),
                            cause,
                        })
                    }
                    Decision::Repeated(_) => None,
                });
        Self {
            steps: steps.collect(),
        }
    }

    /// Number of rows that are written, and of sequence numbers that they need.
    pub(super) fn writes(&self) -> usize {
        self.steps
            .iter()
            .filter(|step| step.cause.is_some())
            .count()
    }

    /// The stored rows that are going to be written again.
    pub(super) fn changed(&self) -> Vec<TransactionId> {
        let changed = self.steps.iter().filter(|step| step.cause.is_some());
        changed.filter_map(|step| Some(step.matched?.id)).collect()
    }

    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for step in &self.steps {
            match (step.stored, step.cause) {
                (None, _) => counts.inserted += 1,
                (Some(_), Some(_)) => counts.changed += 1,
                (Some(_), None) => counts.unchanged += 1,
            }
        }
        counts
    }

    pub(super) fn written(
        &self,
        target: &Target<'_>,
        known: &[Known<'_>],
        (candidates, before): (&[Candidate], &Before),
        first_seq: i64,
    ) -> Result<Written, IngestError> {
        let mut out = Written::default();
        let mut seq = first_seq;
        for step in &self.steps {
            let row = &known[step.incoming];
            let stored = step.stored.map(|at| &candidates[at]);
            let id = stored.map_or_else(
                || TransactionId::new(target.reading.effects),
                |found| found.id,
            );
            out.claimed.push((id, row.settled.sort_date));
            out.targets.insert(row.ordinal, id);
            let renamed = out.references(target, row, stored, id);
            if let Some(cause) = step.cause {
                let placed = Placed {
                    id,
                    created_seq: stored.map_or(seq, |found| found.created_seq),
                    changed_seq: seq,
                    ordinal: row.ordinal,
                    confidence: confidence(row, step.matched),
                };
                let settled = since_first_seen(&row.settled, stored);
                let written = rows::transaction(target, row.draft, &settled, placed)?;
                let details = rows::details(target, id, &row.draft.details)?;
                let new = Stated {
                    row: &written,
                    details: &details,
                };
                out.events.push(event(target, stored, (id, seq), cause));
                if let Some(old) = before.of(id) {
                    let altered = history::altered(&old, &new, renamed);
                    out.revisions
                        .push(revision(target, altered, (id, seq), cause)?);
                }
                out.details.extend(details);
                out.rows.push(written);
                seq += 1;
            }
            if let Some(matched) = step
                .matched
                .filter(|matched| tells(target, stored, matched))
            {
                out.evidence.push(evidence(target, matched, seq.max(1) - 1));
            }
        }
        Ok(out)
    }
}

/// A row that still states no day keeps the one on which it was first read.
fn since_first_seen(settled: &Settled, stored: Option<&Candidate>) -> Settled {
    let mut settled = settled.clone();
    let undated = |rule| rule == DateRule::FirstSeen;
    let first =
        stored.filter(|stored| undated(stored.sort_date_rule) && undated(settled.sort_date_rule));
    if let Some(first) = first {
        settled.sort_date = first.sort_date;
    }
    settled
}

/// Why a known row is written, if it is.
fn cause(
    target: &Target<'_>,
    row: &Known<'_>,
    stored: &Candidate,
    matched: &Matched,
) -> Option<RevisionCause> {
    if stored.lifecycle == Lifecycle::Removed {
        return Some(RevisionCause::Restored);
    }
    if matched.settles {
        return Some(RevisionCause::Settled);
    }
    let posted = stored.status == TransactionStatus::Posted;
    if posted && row.settled.status != TransactionStatus::Posted {
        // A late answer that still calls a booked row pending.
        return None;
    }
    if stored.account_source_id != target.source_id {
        // Another source's statement is stored; this one adds its references only.
        return None;
    }
    let digest = digest::content(row.draft, target.reading.sealer.content_key());
    if stored.content_sha256 == digest {
        return None;
    }
    let renumbered = matched.rule != Rule::Reference && has_lasting_reference(row);
    Some(if renumbered {
        RevisionCause::Renumbered
    } else {
        RevisionCause::ProviderUpdate
    })
}

fn has_lasting_reference(row: &Known<'_>) -> bool {
    let mut references = row.draft.references.iter();
    references.any(|reference| lasting(reference.stability))
}

fn lasting(stability: Stability) -> bool {
    match stability {
        Stability::DeclaredImmutable | Stability::ObservedStable => true,
        Stability::Volatile | Stability::Reused => false,
    }
}

fn confidence(row: &Known<'_>, matched: Option<&Matched>) -> Confidence {
    match matched.map(|matched| matched.rule) {
        Some(Rule::Reference | Rule::ExplicitLink) => Confidence::Exact,
        Some(Rule::Fingerprint | Rule::SameDay | Rule::NeighbourDay | Rule::Settlement) => {
            Confidence::Matched
        }
        None if has_lasting_reference(row) => Confidence::Exact,
        None => Confidence::New,
    }
}

/// A match is evidence when it joins two statements: a settlement, or a further source.
fn tells(target: &Target<'_>, stored: Option<&Candidate>, matched: &Matched) -> bool {
    let first = stored.is_some_and(|stored| {
        !stored
            .refs
            .iter()
            .any(|reference| reference.account_source_id == target.source_id)
    });
    matched.settles || first || matched.rule == Rule::NeighbourDay
}

fn evidence(target: &Target<'_>, matched: &Matched, seq: i64) -> change::MatchEvidenceRow {
    change::MatchEvidenceRow {
        id: MatchEvidenceId::new(target.reading.effects),
        end_user_id: target.reading.end_user_id,
        transaction_id: matched.id,
        run_id: target.reading.run_id,
        rule: matched.rule.as_str().to_owned(),
        score: i16::from(matched.score),
        fields: matched
            .fields
            .iter()
            .map(|name| (*name).to_owned())
            .collect(),
        decision: change::MatchDecision::Auto,
        seq,
        decided_at: target.reading.now,
    }
}

impl Written {
    /// Adds the references that are not stored yet; true when one of them lasts.
    fn references(
        &mut self,
        target: &Target<'_>,
        row: &Known<'_>,
        stored: Option<&Candidate>,
        id: TransactionId,
    ) -> bool {
        let known = |reference: &RefRow| {
            stored.is_some_and(|stored| {
                stored.refs.iter().any(|have| {
                    have.account_source_id == reference.account_source_id
                        && have.kind == reference.kind
                        && have.value == reference.value
                })
            })
        };
        let mut refs = rows::references(target, id, row);
        refs.retain(|reference| !known(reference));
        let lasts = refs.iter().any(|reference| lasting(reference.stability));
        self.refs.extend(refs);
        lasts
    }
}

fn event(
    target: &Target<'_>,
    stored: Option<&Candidate>,
    (id, seq): (TransactionId, i64),
    cause: RevisionCause,
) -> change::ChangeEventRow {
    let op = match stored.map(|stored| stored.lifecycle) {
        None => change::ChangeOp::Created,
        Some(Lifecycle::Removed) => change::ChangeOp::Restored,
        Some(Lifecycle::Live | Lifecycle::Superseded) => change::ChangeOp::Updated,
    };
    change::ChangeEventRow {
        seq,
        end_user_id: Some(target.reading.end_user_id),
        entity: change::Entity::Transaction,
        entity_id: id.0,
        op,
        cause: cause.as_str().to_owned(),
        at: target.reading.now,
    }
}

fn revision(
    target: &Target<'_>,
    altered: history::Altered,
    (transaction_id, seq): (TransactionId, i64),
    cause: RevisionCause,
) -> Result<change::RevisionRow, IngestError> {
    let id = RevisionId::new(target.reading.effects);
    let sealed = history::seal(target.reading.sealer, id, &altered.before)?;
    Ok(change::RevisionRow {
        id,
        end_user_id: target.reading.end_user_id,
        transaction_id,
        seq,
        cause,
        changed_fields: altered.fields,
        before_sealed: Some(sealed),
        data_key_id: target.reading.sealer.data_key_id(),
        raw_answer_id: Some(target.reading.raw_answer_id),
        schema_version: version::CURRENT,
        recorded_at: target.reading.now,
    })
}
