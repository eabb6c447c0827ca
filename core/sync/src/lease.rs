//! A job's lease as the work under it sees it: every write asks whether it still holds.

use fondaco_model::Instant;
use fondaco_model::ids::JobId;
use fondaco_store::repo::job;
use fondaco_store::{StoreError, Tx};

/// The lease under which work is done.
///
/// A worker that stalls loses its job to another one. Asking within the write transaction, and not
/// before it, leaves no moment in which both could write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    job: JobId,
    owner: String,
    seconds: i64,
}

impl Lease {
    /// The lease of a job that `owner` claimed; each hold makes it last `seconds` from then on.
    pub fn new(job: JobId, owner: impl Into<String>, seconds: i64) -> Self {
        Self {
            job,
            owner: owner.into(),
            seconds,
        }
    }

    /// The job.
    pub fn job(&self) -> JobId {
        self.job
    }

    /// Who holds it.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Holds the job for longer; false when it is somebody else's by now, and then whatever else
    /// the transaction holds must be undone.
    ///
    /// # Errors
    /// The store's own.
    pub async fn hold(&self, tx: &mut Tx, now: Instant) -> Result<bool, StoreError> {
        job::extend(tx, self.job, &self.owner, now.plus_seconds(self.seconds)).await
    }
}
