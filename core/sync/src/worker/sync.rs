//! The jobs that read a link.

use fondaco_model::{Fault, FaultKind};
use fondaco_store::repo::job::{Job, Presence};
use fondaco_store::repo::run::RunCause;
use fondaco_vault::jobs::{FIRST_SYNC, LinkPayload};

use super::Inner;
use super::settle::Done;
use crate::lease::Lease;
use crate::pull::{NextRead, PullError, ReadRequest, fault_of};

impl Inner {
    pub(super) async fn sync(
        &self,
        job: &Job,
        payload: LinkPayload,
        lease: &Lease,
    ) -> Result<Done, Fault> {
        let cause = match (job.kind == FIRST_SYNC, job.presence) {
            (true, _) => RunCause::Backfill,
            (false, Presence::Present) => RunCause::User,
            (false, Presence::Unattended) => RunCause::Schedule,
        };
        let link = payload.link;
        let request = ReadRequest {
            tenant: job.tenant_id,
            link,
            cause,
            presence: job.presence,
            request_id: job.request_id.clone(),
            lease: Some(lease.clone()),
        };
        let outcome = match self.puller.read(&request).await {
            Ok(outcome) => outcome,
            // Nothing is recorded for a job that is not ours: its new owner does.
            Err(error @ PullError::LeaseLost) => return Err(fault_of(error)),
            Err(error) => {
                let fault = fault_of(error);
                return Ok(Done::TryLink {
                    link,
                    at: None,
                    fault,
                });
            }
        };
        let word = if outcome.is_complete() {
            "OK"
        } else {
            "PARTIAL"
        };
        tracing::info!(%link, outcome = word, count = outcome.counts.records, "A link was read.");
        let fault = outcome
            .fault
            .unwrap_or_else(|| Fault::new(FaultKind::Internal, "sync.pull"));
        Ok(match outcome.next {
            NextRead::Regular(at) => Done::ReadAgain(link, at),
            NextRead::NotBefore(at) => Done::TryLink {
                link,
                at: Some(at),
                fault,
            },
            NextRead::BackOff => Done::TryLink {
                link,
                at: None,
                fault,
            },
            NextRead::None => Done::Finished,
        })
    }
}
