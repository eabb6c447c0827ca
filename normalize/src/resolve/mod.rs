//! Identity: which stored transaction an incoming one is, if any.
//!
//! The rules run in order over all incoming rows, the surest first: a trusted reference, an
//! explicit link, the fingerprint that the source left behind, the multiset of one day, a
//! neighbouring day with a unique end-to-end proof, the settlement of a pending row. Equal rows of
//! one day stay as many as they are, because each stored row is claimed once. What no rule claims
//! is new.

mod rules;
mod similarity;

use fondaco_model::draft::TransactionDraft;
use fondaco_model::ids::{AccountSourceId, TransactionId};
use fondaco_model::money::Money;
use fondaco_model::time::Date;
use fondaco_model::v1::{ReferenceKind, Stability, TransactionStatus};

use crate::settle::Settled;

/// Most incoming rows of one call; files and pages are resolved in batches of at most this.
pub const BATCH_MAX: usize = 1_000;

/// How far the booking dates of two statements of one reference may lie apart, in days.
pub const REFERENCE_DAYS_MAX: i32 = 5;

/// How far a corrected booking date may move, in days.
pub const NEIGHBOUR_DAYS_MAX: i32 = 3;

/// How long after its own day a pending row may be booked, in days.
pub const SETTLEMENT_DAYS_MAX: i32 = 10;

/// Days around a batch in which stored rows are candidates: the widest of the windows above. A
/// row that states no day may be one of a batch however long ago it was first read.
pub const CANDIDATE_DAYS: i32 = SETTLEMENT_DAYS_MAX;

/// An incoming row: the draft, what the rules made of it, and the keyed hash of its counterparty.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// What the source states.
    pub draft: &'a TransactionDraft,
    /// What the rules made of it.
    pub settled: &'a Settled,
    /// Keyed hash of the counterparty's account number, when one is stated.
    pub counterparty_hash: Option<[u8; 32]>,
    /// The short name for what the row says: [`crate::digest::fingerprint`].
    pub fingerprint: &'a str,
}

/// A reference of a stored row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRef {
    /// The source that gave it.
    pub source: AccountSourceId,
    /// What kind of reference it is.
    pub kind: ReferenceKind,
    /// Its value.
    pub value: String,
    /// How far it can be trusted.
    pub stability: Stability,
}

/// A stored live row of the same logical account that may be one of the incoming.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its id.
    pub id: TransactionId,
    /// The source whose statement of it is stored.
    pub source: AccountSourceId,
    /// True when the source stopped to state it before it was booked.
    pub removed: bool,
    /// Its shared status.
    pub status: TransactionStatus,
    /// Its signed amount.
    pub amount: Money,
    /// The day that orders it.
    pub sort_date: Date,
    /// True when that day is only the day it was first read.
    pub first_seen_date: bool,
    /// Its folded text.
    pub search_text: String,
    /// Keyed hash of its counterparty's account number.
    pub counterparty_hash: Option<[u8; 32]>,
    /// Its end-to-end id.
    pub end_to_end_id: Option<String>,
    /// Its unique end-to-end transaction reference.
    pub uetr: Option<String>,
    /// Its references from all sources.
    pub refs: Vec<StoredRef>,
    /// True when this run has stated it already.
    pub claimed: bool,
}

impl Stored {
    /// True when the source has stated it in the status that it has now: a pending row leaves no
    /// fingerprint, so that a source whose pending row another source booked may still book it.
    fn known_by(&self, source: AccountSourceId) -> bool {
        let printed = |reference: &StoredRef| {
            reference.source == source && reference.kind == ReferenceKind::Fingerprint
        };
        self.source == source || self.refs.iter().any(printed)
    }
}

/// What the incoming rows are part of.
#[derive(Debug, Clone, Copy)]
pub struct Batch {
    /// The source that states them.
    pub source: AccountSourceId,
    /// True when the source states every row of the days that it covers, as an interface does;
    /// false for files, which may state a day in several parts.
    pub states_whole_days: bool,
}

/// The rule that found the stored row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A reference that can be trusted, with compatible content.
    Reference,
    /// The source names the pending row that this one settles.
    ExplicitLink,
    /// The source said exactly the same of it before.
    Fingerprint,
    /// The multiset of one day, currency and amount.
    SameDay,
    /// Another day close by, proven by a unique end-to-end reference.
    NeighbourDay,
    /// A pending row of the same amount was booked.
    Settlement,
}

impl Rule {
    /// The word that is stored as evidence.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reference => "REFERENCE",
            Self::ExplicitLink => "EXPLICIT_LINK",
            Self::Fingerprint => "FINGERPRINT",
            Self::SameDay => "SAME_DAY",
            Self::NeighbourDay => "NEIGHBOUR_DAY",
            Self::Settlement => "SETTLEMENT",
        }
    }
}

/// The stored row that an incoming one is, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// The stored row.
    pub id: TransactionId,
    /// The rule that found it.
    pub rule: Rule,
    /// How alike both are, 0 to 100.
    pub score: u8,
    /// Names of the facts that agreed.
    pub fields: Vec<&'static str>,
    /// True when the stored row is pending and the incoming one is booked.
    pub settles: bool,
}

/// What becomes of an incoming row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is a transaction that is not stored yet.
    New,
    /// It is a stored transaction.
    Known(Matched),
    /// The source stated the same row twice in one run; it is the other row, by its position in
    /// the batch, or a stored one.
    Repeated(Repeat),
}

/// What a repeated row repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// An earlier row of the same batch.
    Incoming(usize),
    /// A stored row that this run has stated already.
    Stored(TransactionId),
}

/// The decisions, one per incoming row, and the references that proved to be used again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// One per incoming row, in their order.
    pub decisions: Vec<Decision>,
    /// References that named a row of other content: stored row and its reference.
    pub reused: Vec<(TransactionId, ReferenceKind, String)>,
}

/// Decides for each incoming row which stored one it is.
///
/// `stored` holds the live and the removed rows of the logical account from [`CANDIDATE_DAYS`]
/// before the first to [`CANDIDATE_DAYS`] after the last day of the batch, those that state no
/// day for as long as they may wait, and every row that shares a reference.
pub fn resolve(batch: Batch, incoming: &[Incoming<'_>], stored: &[Stored]) -> Resolution {
    let mut work = rules::Work::new(batch, incoming, stored);
    work.repeated();
    work.by_reference();
    work.by_explicit_link();
    work.by_fingerprint();
    work.by_day();
    work.by_neighbour_day();
    work.by_settlement();
    work.finish()
}

#[cfg(test)]
mod tests;
