//! One job under its lease: heartbeat beside it, and an end when the lease or the time is over.

use std::time::Duration;

use fondaco_model::{Fault, FaultKind};
use fondaco_store::repo::job::Job;
use fondaco_store::{StoreError, in_tx};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::Inner;
use super::jobs::abandoned;
use super::settle::{Done, TAKE_OVERS_MAX};
use crate::lease::Lease;

/// How a try ended.
enum Ended {
    /// By itself.
    Itself(Result<Done, Fault>),
    /// Another worker has the job.
    LeaseLost,
    /// The worker stops and the job did not end in time.
    Stopped,
}

impl Inner {
    /// Runs one claimed job to whatever end it has. The request that asked for it stands in the
    /// span, and with it in the log of every call to a provider.
    pub(super) async fn work(&self, job: Job, stop: CancellationToken) {
        let span = tracing::info_span!(
            "job",
            kind = job.kind,
            job = %job.id,
            tenant = %job.tenant_id,
            attempt = job.attempt,
            request_id = job.request_id,
        );
        self.supervised(&job, &stop).instrument(span).await;
    }

    async fn supervised(&self, job: &Job, stop: &CancellationToken) {
        if job.taken_over > TAKE_OVERS_MAX {
            let fault = Fault::new(FaultKind::Internal, "worker.job").with("reason", "worker_gone");
            return note(self.settle(job, abandoned(job, fault)).await);
        }
        let lease = Lease::new(job.id, self.owner.as_str(), self.settings.lease_seconds);
        // All three are polled side by side: a heartbeat must get its turn at the one writer of an
        // embedded store while the job waits for it too.
        let ended = tokio::select! {
            done = self.perform(job, &lease) => Ended::Itself(done),
            () = self.heartbeat(job, &lease) => Ended::LeaseLost,
            () = stop.cancelled() => Ended::Stopped,
        };
        let written = match ended {
            Ended::Itself(done) => self.settle(job, done).await,
            Ended::Stopped => self.release(job).await,
            Ended::LeaseLost => {
                tracing::warn!("The job belongs to another worker by now.");
                return;
            }
        };
        note(written);
    }

    /// Holds the lease as long as it is polled; ends when it is lost.
    async fn heartbeat(&self, job: &Job, lease: &Lease) {
        let seconds = self.settings.lease_seconds.max(3);
        let pause = Duration::from_secs(u64::try_from(seconds / 3).unwrap_or(1));
        let mut held_at = self.effects().now();
        loop {
            tokio::time::sleep(pause).await;
            let now = self.effects().now();
            let held: Result<bool, StoreError> =
                in_tx!(self.db(), job.tenant_id, |tx| lease.hold(tx, now).await);
            match held {
                Ok(true) => held_at = now,
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(%error, "A lease could not be extended.");
                    if now.seconds_since(held_at) >= seconds {
                        return;
                    }
                }
            }
        }
    }
}

fn note(written: Result<bool, StoreError>) {
    match written {
        Ok(true) => {}
        Ok(false) => tracing::warn!("The job belongs to another worker by now."),
        // Its lease runs out, and it is tried again.
        Err(error) => tracing::error!(%error, "The end of a job could not be recorded."),
    }
}
