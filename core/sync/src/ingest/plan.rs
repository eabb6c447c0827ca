//! What the decisions about a batch amount to: rows, references, events, revisions, evidence.

use std::collections::HashMap;

use fondaco_model::ids::{MatchEvidenceId, RevisionId, TransactionId};
use fondaco_model::time::Date;
use fondaco_model::v1::{RevisionCause, Stability, TransactionStatus};
use fondaco_model::version;
use fondaco_normalize::{Decision, Matched, Rule, digest};
use fondaco_store::repo::change;
use fondaco_store::repo::transaction::{Candidate, DetailRow, RefRow, TransactionRow};

use super::batch::{Counts, Known};
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
        candidates: &[Candidate],
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
            out.references(target, row, stored, id);
            if let Some(cause) = step.cause {
                let placed = Placed {
                    id,
                    created_seq: stored.map_or(seq, |found| found.created_seq),
                    changed_seq: seq,
                    ordinal: row.ordinal,
                    confidence: confidence(row, step.matched),
                };
                let written = rows::transaction(target, row.draft, &row.settled, placed)?;
                out.details
                    .extend(rows::details(target, id, &row.draft.details)?);
                out.changes(target, stored, &written, cause);
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

/// Why a known row is written, if it is.
fn cause(
    target: &Target<'_>,
    row: &Known<'_>,
    stored: &Candidate,
    matched: &Matched,
) -> Option<RevisionCause> {
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
    row.draft
        .references
        .iter()
        .any(|reference| match reference.stability {
            Stability::DeclaredImmutable | Stability::ObservedStable => true,
            Stability::Volatile | Stability::Reused => false,
        })
}

fn confidence(row: &Known<'_>, matched: Option<&Matched>) -> Confidence {
    match matched.map(|matched| matched.rule) {
        Some(Rule::Reference | Rule::ExplicitLink) => Confidence::Exact,
        Some(Rule::SameDay | Rule::NeighbourDay | Rule::Settlement) => Confidence::Matched,
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
    fn references(
        &mut self,
        target: &Target<'_>,
        row: &Known<'_>,
        stored: Option<&Candidate>,
        id: TransactionId,
    ) {
        let print = digest::fingerprint(
            target.account_id,
            row.draft,
            &row.settled,
            row.hash.as_ref(),
        );
        let known = |reference: &RefRow| {
            stored.is_some_and(|stored| {
                stored.refs.iter().any(|have| {
                    have.account_source_id == reference.account_source_id
                        && have.kind == reference.kind
                        && have.value == reference.value
                })
            })
        };
        let refs = rows::references(target, id, row.draft, print);
        self.refs
            .extend(refs.into_iter().filter(|reference| !known(reference)));
    }

    fn changes(
        &mut self,
        target: &Target<'_>,
        stored: Option<&Candidate>,
        written: &TransactionRow,
        cause: RevisionCause,
    ) {
        let seq = written.changed_seq;
        self.events.push(change::ChangeEventRow {
            seq,
            end_user_id: Some(target.reading.end_user_id),
            entity: change::Entity::Transaction,
            entity_id: written.id.0,
            op: if stored.is_none() {
                change::ChangeOp::Created
            } else {
                change::ChangeOp::Updated
            },
            cause: cause.as_str().to_owned(),
            at: target.reading.now,
        });
        let Some(stored) = stored else { return };
        self.revisions.push(change::RevisionRow {
            id: RevisionId::new(target.reading.effects),
            end_user_id: target.reading.end_user_id,
            transaction_id: written.id,
            seq,
            cause,
            changed_fields: changed_fields(stored, written),
            before_sealed: None,
            data_key_id: target.reading.sealer.data_key_id(),
            raw_answer_id: Some(target.reading.raw_answer_id),
            schema_version: version::CURRENT,
            recorded_at: target.reading.now,
        });
    }
}

fn changed_fields(stored: &Candidate, written: &TransactionRow) -> Vec<String> {
    let bank = &written.bank;
    let differs = [
        ("status", stored.status != written.status),
        ("amount", stored.amount != written.amount),
        ("sortDate", stored.sort_date != written.sort_date),
        ("text", stored.search_text != written.search_text),
        ("endToEndId", stored.end_to_end_id != bank.end_to_end_id),
        ("uetr", stored.uetr != bank.uetr),
    ];
    let mut names: Vec<String> = differs
        .into_iter()
        .filter(|(_, differs)| *differs)
        .map(|(name, _)| name.into())
        .collect();
    if names.is_empty() {
        names.push("other".to_owned());
    }
    names
}
