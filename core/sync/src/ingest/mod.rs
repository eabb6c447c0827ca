//! Ingest: one write transaction for a batch of understood records.
//!
//! A batch is resolved against what is stored, written, and recorded as a page of its run, all in
//! one transaction: a kill at any point leaves the batch wholly done or not done at all.

mod accounts;
mod batch;
mod doubts;
mod history;
mod plan;
mod removal;
mod rows;
mod sealer;

use fondaco_model::Effects;
use fondaco_model::draft::{Remark, TransactionDraft};
use fondaco_model::ids::{AccountId, AccountSourceId, EndUserId, RawAnswerId, SyncRunId};
use fondaco_model::time::Instant;
use fondaco_store::StoreError;

pub use accounts::{AccountError, AccountOrigin, AccountTarget, FoundAccount, account, balances};
pub use batch::{Claims, Counts, Wrote, write_batch};
pub use doubts::{refused, remark_row};
pub use history::before_spot;
pub use removal::{PENDING_DAYS_MAX, Stated, remove_vanished};
pub use sealer::Sealer;

/// Why a batch could not be written.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The store failed; nothing of the batch is written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A number could not be sealed; nothing of the batch is written.
    #[error(transparent)]
    Seal(#[from] fondaco_vault::seal::SealError),
}

impl fondaco_store::Retryable for IngestError {
    fn is_busy(&self) -> bool {
        match self {
            Self::Store(error) => error.is_busy(),
            Self::Seal(_) => false,
        }
    }
}

/// What everything that is read in one run shares.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// Clock and randomness.
    pub effects: &'a Effects,
    /// The instant that what is written is dated with.
    pub now: Instant,
    /// Seals numbers under the end user's key.
    pub sealer: &'a Sealer,
    /// Whose data it is.
    pub end_user_id: EndUserId,
    /// The run that reads it.
    pub run_id: SyncRunId,
    /// The raw answer that holds the records.
    pub raw_answer_id: RawAnswerId,
    /// Version of the family's mapping.
    pub mapping_version: i32,
}

/// What a batch of transactions is written to.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// What the run's records share.
    pub reading: Reading<'a>,
    /// The logical account.
    pub account_id: AccountId,
    /// The source that states the batch.
    pub source_id: AccountSourceId,
    /// True when the source states every row of the days that it covers.
    pub states_whole_days: bool,
}

/// One record as its family understood it.
#[derive(Debug)]
pub struct Understood {
    /// Position of the record within the raw answer.
    pub ordinal: i64,
    /// What was understood; none when a required fact is missing.
    pub draft: Option<TransactionDraft>,
    /// What was not, or only with a doubt.
    pub remarks: Vec<Remark>,
}
