//! The end of a try: done, later, or given up, in one transaction with what follows from it.

use fondaco_model::ids::{GrantId, LinkId};
use fondaco_model::{Fault, Instant};
use fondaco_store::repo::job::{self, Job, Next};
use fondaco_store::repo::link;
use fondaco_store::{OPERATOR, StoreError, Tx, in_tx};

use super::Inner;
use crate::schedule;

/// How often in a row a job is taken over from workers that were gone, before it is given up: it
/// may be what ends them.
pub(super) const TAKE_OVERS_MAX: i64 = 5;

/// What came of a try.
#[derive(Debug)]
pub(super) enum Done {
    /// It is done.
    Finished,
    /// It is done, and the link is read again at an instant.
    ReadAgain(LinkId, Instant),
    /// It is done, and the grant is refreshed again before its next use.
    RefreshAgain(GrantId),
    /// It is done, and the operator's next sweep is due.
    SweepAgain {
        /// The next sweep's round.
        round: u32,
    },
    /// It is to be tried again, however often it was tried.
    Later(Instant, Fault),
    /// A reading is to be tried again; after the last try the link is read at its regular time.
    TryLink {
        /// The link.
        link: LinkId,
        /// Not before; none backs off.
        at: Option<Instant>,
        /// Why.
        fault: Fault,
    },
    /// Trying again cannot help.
    GiveUp(Fault),
}

impl Inner {
    /// Records the end of a try; false when the job is somebody else's by now, and then nothing.
    pub(super) async fn settle(
        &self,
        job: &Job,
        done: Result<Done, Fault>,
    ) -> Result<bool, StoreError> {
        let now = self.effects().now();
        let last = job.attempt >= self.settings.attempts_max || job.taken_over > TAKE_OVERS_MAX;
        let soon = schedule::retry_at(self.effects(), job.attempt);
        log(&done, last);
        let recorded: Result<(), Lost> = in_tx!(self.db(), job.tenant_id, |tx| {
            let held = match &done {
                Ok(
                    Done::Finished
                    | Done::ReadAgain(..)
                    | Done::RefreshAgain(_)
                    | Done::SweepAgain { .. },
                ) => job::complete(tx, job.id, &self.owner, now).await?,
                Ok(Done::Later(at, fault)) => {
                    self.end_try(tx, job, fault, &Next::RetryAt(*at)).await?
                }
                Ok(Done::TryLink { at, fault, .. }) if !last => {
                    let next = Next::RetryAt(at.unwrap_or(soon));
                    self.end_try(tx, job, fault, &next).await?
                }
                Err(fault) if !last => self.end_try(tx, job, fault, &Next::RetryAt(soon)).await?,
                Ok(Done::TryLink { fault, .. } | Done::GiveUp(fault)) | Err(fault) => {
                    self.end_try(tx, job, fault, &Next::GiveUp(now)).await?
                }
            };
            if !held {
                return Err(Lost::Lost);
            }
            self.follow(tx, &done, (last, soon)).await?;
            Ok(())
        });
        match recorded {
            Ok(()) => Ok(true),
            Err(Lost::Lost) => Ok(false),
            Err(Lost::Store(error)) => Err(error),
        }
    }

    async fn end_try(
        &self,
        tx: &mut Tx,
        job: &Job,
        fault: &Fault,
        next: &Next,
    ) -> Result<bool, StoreError> {
        job::fail(tx, job.id, &self.owner, fault.kind.code(), next).await
    }

    /// What has to follow in the same transaction.
    async fn follow(
        &self,
        tx: &mut Tx,
        done: &Result<Done, Fault>,
        (last, soon): (bool, Instant),
    ) -> Result<(), StoreError> {
        match done {
            Ok(Done::ReadAgain(link, at)) => {
                schedule::read_later(tx, self.effects(), *link, *at).await
            }
            Ok(Done::RefreshAgain(grant)) => {
                schedule::refresh_later(tx, self.effects(), *grant).await
            }
            Ok(Done::SweepAgain { round }) => {
                let at = self.effects().now().plus_seconds(schedule::SWEEP_SECONDS);
                schedule::sweep_at(tx, self.effects(), *round, at).await
            }
            Ok(Done::TryLink { link, at, .. }) if last => {
                let every = self.settings.sync_seconds;
                let regular = schedule::next_read(self.effects(), every, u32::MAX);
                let at = at.map_or(regular, |at| at.max(regular));
                link::set_due(tx, *link, Some(at)).await?;
                schedule::read_later(tx, self.effects(), *link, at).await
            }
            Ok(Done::TryLink { link, at, .. }) => {
                link::set_due(tx, *link, Some(at.unwrap_or(soon)))
                    .await
                    .map(|_| ())
            }
            Ok(Done::Finished | Done::Later(..) | Done::GiveUp(_)) | Err(_) => Ok(()),
        }
    }

    /// Gives a job back that did not end in time, for another worker to begin at once.
    pub(super) async fn release(&self, job: &Job) -> Result<bool, StoreError> {
        let now = self.effects().now();
        tracing::info!("The job is given back.");
        in_tx!(self.db(), OPERATOR, |tx| {
            job::fail(tx, job.id, &self.owner, "STOPPED", &Next::RetryAt(now)).await
        })
    }
}

fn log(done: &Result<Done, Fault>, last: bool) {
    match done {
        Err(fault) | Ok(Done::TryLink { fault, .. }) if last => {
            tracing::error!(%fault, "A job was tried for the last time.");
        }
        Ok(Done::GiveUp(fault)) => tracing::error!(%fault, "A job was given up."),
        Err(fault) | Ok(Done::Later(_, fault) | Done::TryLink { fault, .. }) => {
            tracing::warn!(%fault, "A job failed and is tried again.");
        }
        Ok(
            Done::Finished | Done::ReadAgain(..) | Done::RefreshAgain(_) | Done::SweepAgain { .. },
        ) => {}
    }
}

/// Why an end is not recorded.
enum Lost {
    Lost,
    Store(StoreError),
}

impl From<StoreError> for Lost {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl fondaco_store::Retryable for Lost {
    fn is_busy(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_busy())
    }
}
