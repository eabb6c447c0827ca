//! The rules of identity, each as one pass over what no earlier rule has claimed.

use std::collections::HashMap;

use fondaco_model::ids::TransactionId;
use fondaco_model::money::Money;
use fondaco_model::time::Date;
use fondaco_model::v1::{DateRule, ReferenceKind, Stability, TransactionStatus};

use super::similarity::similarity;
use super::{
    Batch, Decision, Incoming, Matched, NEIGHBOUR_DAYS_MAX, REFERENCE_DAYS_MAX, Repeat, Resolution,
    Rule, SETTLEMENT_DAYS_MAX, Stored,
};

/// Least likeness of two rows that one source states on one day, when it states whole days.
const SAME_SOURCE_SCORE_MIN: u8 = 20;

/// Least likeness of two rows that one source states on one day, when it states days in parts.
const PARTIAL_DAY_SCORE_MIN: u8 = 50;

pub(super) struct Work<'a> {
    batch: Batch,
    incoming: &'a [Incoming<'a>],
    stored: &'a [Stored],
    decisions: Vec<Option<Decision>>,
    claimed: Vec<bool>,
    by_reference: HashMap<(&'a str, &'a str), Vec<usize>>,
    by_fingerprint: HashMap<&'a str, Vec<usize>>,
    by_day: HashMap<(Option<Date>, Money, TransactionStatus), Vec<usize>>,
    reused: Vec<(TransactionId, ReferenceKind, String)>,
}

/// A possible pair with its likeness; the best pairs are taken first.
struct Pair {
    incoming: usize,
    stored: usize,
    score: u8,
}

impl<'a> Work<'a> {
    pub(super) fn new(batch: Batch, incoming: &'a [Incoming<'a>], stored: &'a [Stored]) -> Self {
        let mut by_reference: HashMap<_, Vec<usize>> = HashMap::new();
        let mut by_fingerprint: HashMap<_, Vec<usize>> = HashMap::new();
        let mut by_day: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, row) in stored.iter().enumerate() {
            for reference in row.refs.iter().filter(|r| r.source == batch.source) {
                let value = reference.value.as_str();
                if reference.kind == ReferenceKind::Fingerprint {
                    by_fingerprint.entry(value).or_default().push(at);
                } else if trusted(reference.stability) {
                    let key = (reference.kind.as_str(), value);
                    by_reference.entry(key).or_default().push(at);
                }
            }
            // A row that states no day is on every day: its own is only when it was first read.
            let undated = row.first_seen_date.then_some(None);
            for day in undated.into_iter().chain([Some(row.sort_date)]) {
                let key = (day, row.amount, row.status);
                by_day.entry(key).or_default().push(at);
            }
        }
        Self {
            batch,
            incoming,
            stored,
            decisions: vec![None; incoming.len()],
            claimed: stored.iter().map(|row| row.claimed).collect(),
            by_reference,
            by_fingerprint,
            by_day,
            reused: Vec::new(),
        }
    }

    pub(super) fn finish(self) -> Resolution {
        let decided = |decision: Option<Decision>| decision.unwrap_or(Decision::New);
        Resolution {
            decisions: self.decisions.into_iter().map(decided).collect(),
            reused: self.reused,
        }
    }

    /// A source that sends one row twice in one run, by reference and content, means one row.
    pub(super) fn repeated(&mut self) {
        let mut seen: HashMap<(&str, &str), usize> = HashMap::new();
        for (at, row) in self.incoming.iter().enumerate() {
            for reference in trusted_references(row) {
                let earlier = seen.get(&reference).copied();
                if let Some(earlier) = earlier.filter(|e| same_row(&self.incoming[*e], row)) {
                    self.decisions[at] = Some(Decision::Repeated(Repeat::Incoming(earlier)));
                    break;
                }
                let stated = self
                    .by_reference
                    .get(&reference)
                    .into_iter()
                    .flatten()
                    .copied();
                let mut stated = stated.filter(|s| self.stored[*s].claimed);
                if let Some(stored) = stated.find(|s| same_stored(&self.stored[*s], row)) {
                    let id = self.stored[stored].id;
                    self.decisions[at] = Some(Decision::Repeated(Repeat::Stored(id)));
                    break;
                }
                seen.entry(reference).or_insert(at);
            }
        }
    }

    /// Rule 1: a trusted reference counts only when the content is compatible.
    pub(super) fn by_reference(&mut self) {
        let mut pairs = Vec::new();
        for at in self.undecided() {
            let row = &self.incoming[at];
            for reference in trusted_references(row) {
                for &stored in self.by_reference.get(&reference).into_iter().flatten() {
                    if compatible_by_reference(row, &self.stored[stored]) {
                        pairs.push(self.pair(at, stored));
                    } else {
                        let kind = ReferenceKind::from_word(reference.0);
                        let id = self.stored[stored].id;
                        self.reused.push((id, kind, reference.1.to_owned()));
                    }
                }
            }
        }
        self.assign(pairs, Rule::Reference, 0);
    }

    /// Rule 2: the source itself names the pending row that a booked one settles.
    pub(super) fn by_explicit_link(&mut self) {
        let mut pairs = Vec::new();
        for at in self.undecided() {
            let row = &self.incoming[at];
            let links = row.draft.references.iter();
            for link in links.filter(|reference| reference.kind == ReferenceKind::PendingId) {
                let key = (
                    ReferenceKind::TransactionId.as_str().to_owned(),
                    link.value.as_str(),
                );
                let key = (key.0.as_str(), key.1);
                for &stored in self.by_reference.get(&key).into_iter().flatten() {
                    if self.stored[stored].status == TransactionStatus::Pending {
                        pairs.push(self.pair(at, stored));
                    }
                }
            }
        }
        self.assign(pairs, Rule::ExplicitLink, 0);
    }

    /// Rule 3: the source said exactly the same of a stored row before, whatever words another
    /// source has given to it since. Equal rows stay as many as they are: each is claimed once.
    pub(super) fn by_fingerprint(&mut self) {
        for at in self.undecided() {
            let row = &self.incoming[at];
            let known = self.by_fingerprint.get(row.fingerprint);
            let mut free = known.into_iter().flatten().copied();
            let same = free.find(|&stored| {
                !self.claimed[stored] && self.said_before(row, &self.stored[stored])
            });
            if let Some(stored) = same {
                let pair = self.pair(at, stored);
                self.assign(vec![pair], Rule::Fingerprint, 0);
            }
        }
    }

    fn said_before(&self, row: &Incoming<'_>, stored: &Stored) -> bool {
        // A fingerprint outlives what it was made of. Where the source's own words are stored,
        // they say which day it means by now.
        let current =
            stored.source != self.batch.source || stored.sort_date == row.settled.sort_date;
        current
            && stored.status == row.settled.status
            && stored.amount == row.draft.amount
            && !references_differ(row, stored, self.batch)
    }

    /// Rule 4: the multiset of one day, currency, amount and status.
    pub(super) fn by_day(&mut self) {
        let mut pairs = Vec::new();
        for at in self.undecided() {
            let row = &self.incoming[at];
            let undated = row.settled.sort_date_rule == DateRule::FirstSeen;
            let day = (!undated).then_some(row.settled.sort_date);
            let key = (day, row.draft.amount, row.settled.status);
            for &stored in self.by_day.get(&key).into_iter().flatten() {
                let pair = self.pair(at, stored);
                if self.may_be_same_day(row, &self.stored[stored], pair.score) {
                    pairs.push(pair);
                }
            }
        }
        self.assign(pairs, Rule::SameDay, 0);
    }

    fn may_be_same_day(&self, row: &Incoming<'_>, stored: &Stored, score: u8) -> bool {
        if contradicts(row, stored) {
            return false;
        }
        if !stored.known_by(self.batch.source) {
            // Two sources word one row differently; pending rows of two sources stay apart.
            return stored.status == TransactionStatus::Posted;
        }
        let differs = references_differ(row, stored, self.batch);
        if self.batch.states_whole_days {
            !differs && score >= SAME_SOURCE_SCORE_MIN
        } else {
            !differs && score >= PARTIAL_DAY_SCORE_MIN
        }
    }

    /// Rule 5: a corrected booking date, proven by a reference that is unique among the candidates.
    pub(super) fn by_neighbour_day(&mut self) {
        let mut pairs = Vec::new();
        for at in self.undecided() {
            let row = &self.incoming[at];
            if row.settled.status != TransactionStatus::Posted {
                continue;
            }
            if let Some(stored) = self.unique_proof(row) {
                pairs.push(self.pair(at, stored));
            }
        }
        self.assign(pairs, Rule::NeighbourDay, 0);
    }

    fn unique_proof(&self, row: &Incoming<'_>) -> Option<usize> {
        // What neither of two rows states proves nothing.
        let both = |one: &Option<String>, other: &Option<String>| one.is_some() && one == other;
        let same_proof = |stored: &Stored| {
            let uetr = both(&row.draft.uetr, &stored.uetr);
            let end_to_end = both(&row.draft.end_to_end_id, &stored.end_to_end_id)
                && !stored.known_by(self.batch.source);
            stored.amount == row.draft.amount
                && stored.status == TransactionStatus::Posted
                && (uetr || end_to_end)
        };
        let mut found = (0..self.stored.len()).filter(|at| same_proof(&self.stored[*at]));
        let only = found.next()?;
        let apart = self.stored[only]
            .sort_date
            .days_since(row.settled.sort_date)
            .abs();
        let unique = found.next().is_none();
        let repeats = self.incoming.iter().filter(|other| {
            other.draft.amount == row.draft.amount
                && (both(&row.draft.end_to_end_id, &other.draft.end_to_end_id)
                    || both(&row.draft.uetr, &other.draft.uetr))
        });
        let alone = repeats.take(2).count() == 1;
        (unique && alone && apart <= NEIGHBOUR_DAYS_MAX && !contradicts(row, &self.stored[only]))
            .then_some(only)
    }

    /// Rule 6: a booked row settles a pending one of exactly its amount.
    pub(super) fn by_settlement(&mut self) {
        let mut pairs = Vec::new();
        let pending: Vec<usize> = (0..self.stored.len())
            .filter(|at| self.stored[*at].status == TransactionStatus::Pending)
            .collect();
        for at in self.undecided() {
            let row = &self.incoming[at];
            if row.settled.status != TransactionStatus::Posted {
                continue;
            }
            for &stored in &pending {
                let candidate = &self.stored[stored];
                let waited = row.settled.sort_date.days_since(candidate.sort_date);
                let earliest = if candidate.first_seen_date {
                    -NEIGHBOUR_DAYS_MAX
                } else {
                    0
                };
                let in_time = (earliest..=SETTLEMENT_DAYS_MAX).contains(&waited);
                if candidate.amount == row.draft.amount && in_time && !contradicts(row, candidate) {
                    pairs.push(self.pair(at, stored));
                }
            }
        }
        self.assign(pairs, Rule::Settlement, 0);
    }

    fn undecided(&self) -> Vec<usize> {
        (0..self.incoming.len())
            .filter(|at| self.decisions[*at].is_none())
            .collect()
    }

    fn pair(&self, incoming: usize, stored: usize) -> Pair {
        let text = &self.incoming[incoming].settled.search_text;
        let score = similarity(text, &self.stored[stored].search_text);
        Pair {
            incoming,
            stored,
            score,
        }
    }

    /// Takes live rows before removed ones, then the most alike pairs first; equal ones in their
    /// order, so that permuting equal rows changes nothing that anybody could tell apart.
    fn assign(&mut self, mut pairs: Vec<Pair>, rule: Rule, score_min: u8) {
        pairs.sort_by_key(|pair| {
            let removed = self.stored[pair.stored].removed;
            let score = std::cmp::Reverse(pair.score);
            (removed, score, pair.incoming, pair.stored)
        });
        for pair in pairs {
            let free = self.decisions[pair.incoming].is_none() && !self.claimed[pair.stored];
            if !free || pair.score < score_min {
                continue;
            }
            self.claimed[pair.stored] = true;
            let (row, stored) = (&self.incoming[pair.incoming], &self.stored[pair.stored]);
            self.decisions[pair.incoming] = Some(Decision::Known(Matched {
                id: stored.id,
                rule,
                score: pair.score,
                fields: agreements(row, stored, pair.score),
                settles: stored.status == TransactionStatus::Pending
                    && row.settled.status == TransactionStatus::Posted,
            }));
        }
    }
}

fn trusted(stability: Stability) -> bool {
    match stability {
        Stability::DeclaredImmutable | Stability::ObservedStable => true,
        Stability::Volatile | Stability::Reused => false,
    }
}

fn trusted_references<'a>(row: &Incoming<'a>) -> impl Iterator<Item = (&'a str, &'a str)> {
    let draft = row.draft;
    let references = draft
        .references
        .iter()
        .filter(|reference| trusted(reference.stability));
    references.map(|reference| (reference.kind.as_str(), reference.value.as_str()))
}

fn same_row(one: &Incoming<'_>, other: &Incoming<'_>) -> bool {
    one.draft.amount == other.draft.amount
        && one.settled == other.settled
        && one.draft.booking_date == other.draft.booking_date
}

fn same_stored(stored: &Stored, row: &Incoming<'_>) -> bool {
    stored.amount == row.draft.amount
        && stored.status == row.settled.status
        && stored.sort_date == row.settled.sort_date
        && stored.search_text == row.settled.search_text
}

fn compatible_by_reference(row: &Incoming<'_>, stored: &Stored) -> bool {
    let same_amount = stored.amount == row.draft.amount;
    let was_pending = stored.status == TransactionStatus::Pending;
    stored.amount.currency() == row.draft.amount.currency()
        && (stored.amount.is_negative() == row.draft.amount.is_negative())
        && (same_amount || was_pending)
        && stored.sort_date.days_since(row.settled.sort_date).abs() <= REFERENCE_DAYS_MAX
}

/// True when two facts that both sides state cannot belong to one transaction.
fn contradicts(row: &Incoming<'_>, stored: &Stored) -> bool {
    let differ = |one: Option<&str>, other: Option<&str>| {
        one.zip(other).is_some_and(|(one, other)| one != other)
    };
    let parties = row.counterparty_hash.zip(stored.counterparty_hash);
    differ(
        row.draft.end_to_end_id.as_deref(),
        stored.end_to_end_id.as_deref(),
    ) || differ(row.draft.uetr.as_deref(), stored.uetr.as_deref())
        || parties.is_some_and(|(one, other)| one != other)
}

/// True when the source gave both rows trusted references of one kind that differ: always for
/// declared ones, and for observed ones unless the source states whole days and so may have
/// renumbered the row.
fn references_differ(row: &Incoming<'_>, stored: &Stored, batch: Batch) -> bool {
    let own = stored
        .refs
        .iter()
        .filter(|reference| reference.source == batch.source);
    own.filter(|reference| trusted(reference.stability))
        .any(|reference| {
            let same_kind = row
                .draft
                .references
                .iter()
                .filter(|r| r.kind == reference.kind);
            let mut trusted_kind = same_kind.filter(|r| trusted(r.stability)).peekable();
            let declared = reference.stability == Stability::DeclaredImmutable;
            let counts = declared || !batch.states_whole_days;
            counts
                && trusted_kind.peek().is_some()
                && trusted_kind.all(|other| other.value != reference.value)
        })
}

fn agreements(row: &Incoming<'_>, stored: &Stored, score: u8) -> Vec<&'static str> {
    let mut fields = Vec::new();
    let mut add = |agrees: bool, name| {
        if agrees {
            fields.push(name);
        }
    };
    let both = |one: &Option<String>, other: &Option<String>| one.is_some() && one == other;
    add(stored.amount == row.draft.amount, "amount");
    add(stored.sort_date == row.settled.sort_date, "sortDate");
    add(
        both(&row.draft.end_to_end_id, &stored.end_to_end_id),
        "endToEndId",
    );
    add(both(&row.draft.uetr, &stored.uetr), "uetr");
    let party =
        row.counterparty_hash.is_some() && row.counterparty_hash == stored.counterparty_hash;
    add(party, "counterparty");
    add(score == 100, "text");
    let shared = trusted_references(row).any(|(kind, value)| {
        stored
            .refs
            .iter()
            .any(|r| r.kind.as_str() == kind && r.value == value)
    });
    add(shared, "reference");
    fields
}
