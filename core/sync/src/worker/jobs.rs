//! What each kind of job does.

use fondaco_model::ids::TenantId;
use fondaco_model::{Fault, FaultKind, Instant};
use fondaco_store::repo::job::Job;
use fondaco_vault::jobs::{
    self, AttemptPayload, ConsentPayload, EXPIRE_CONSENTS, EXPIRE_SESSIONS, FIRST_SYNC,
    GrantPayload, IMPORT_UPLOAD, LinkPayload, POLL_CONSENT, REFRESH_GRANT, REVOKE_AT_BANK,
    SETTLE_INTERRUPTED, SYNC_LINK,
};
use fondaco_vault::{Revocation, VaultError};
use serde::de::DeserializeOwned;

use super::Inner;
use super::settle::Done;
use crate::lease::Lease;
use crate::schedule::{self, SWEEP, SWEEP_TENANT, SweepPayload};

/// Consents of a tenant that one job ends; the next one goes on.
const CONSENTS_MAX: u32 = 500;

impl Inner {
    /// Does what a job asks for.
    ///
    /// # Errors
    /// The fault of a try that failed; the job is tried again, later each time.
    pub(super) async fn perform(&self, job: &Job, lease: &Lease) -> Result<Done, Fault> {
        let (vault, tenant) = (&self.vault, job.tenant_id);
        match job.kind.as_str() {
            FIRST_SYNC | SYNC_LINK => self.sync(job, payload(job)?, lease).await,
            REFRESH_GRANT => {
                let GrantPayload { grant } = payload(job)?;
                // The reading that needs the token tries again, and judges what it finds.
                if let Err(fault) = vault.refresh_grant(tenant, grant).await {
                    tracing::warn!(%fault, "A grant was not refreshed ahead of its time.");
                    if fault.kind != FaultKind::ProviderDown {
                        return Ok(Done::Finished);
                    }
                }
                Ok(Done::RefreshAgain(grant))
            }
            REVOKE_AT_BANK => self.revoke(tenant, payload(job)?).await,
            POLL_CONSENT => {
                vault
                    .poll_consent(tenant, payload(job)?)
                    .await
                    .map_err(fault)?;
                Ok(Done::Finished)
            }
            SETTLE_INTERRUPTED => {
                let AttemptPayload { attempt } = payload(job)?;
                vault
                    .settle_interrupted(tenant, attempt)
                    .await
                    .map_err(fault)?;
                Ok(Done::Finished)
            }
            IMPORT_UPLOAD => self.import(job, payload(job)?).await,
            EXPIRE_SESSIONS => {
                vault.sweep_sessions().await.map_err(fault)?;
                Ok(Done::Finished)
            }
            EXPIRE_CONSENTS => {
                vault
                    .expire_consents(tenant, CONSENTS_MAX)
                    .await
                    .map_err(fault)?;
                vault
                    .remind_revocations(tenant, CONSENTS_MAX)
                    .await
                    .map_err(fault)?;
                Ok(Done::Finished)
            }
            SWEEP => {
                let SweepPayload { round } = payload(job)?;
                if let Err(error) = schedule::sweep_all(self.db(), self.effects(), round).await {
                    // The next sweep goes on; it must be asked for whatever happens to this one.
                    tracing::error!(%error, "A sweep did not come to its end.");
                }
                Ok(Done::SweepAgain {
                    round: round.wrapping_add(1),
                })
            }
            SWEEP_TENANT => {
                schedule::sweep_tenant(self.db(), self.effects(), tenant).await?;
                Ok(Done::Finished)
            }
            // A newer version may have asked for it, and may be there for the next try.
            other => Err(Fault::new(FaultKind::Unsupported, "worker.job").with("kind", other)),
        }
    }

    async fn revoke(
        &self,
        tenant: TenantId,
        ConsentPayload { consent }: ConsentPayload,
    ) -> Result<Done, Fault> {
        let told = self.vault.revoke_at_bank(tenant, consent).await;
        Ok(match told.map_err(fault)? {
            Revocation::Done
            | Revocation::NothingToTell
            | Revocation::LeftAtBank
            | Revocation::GivenUp => Done::Finished,
            Revocation::Again(wait, fault) => Done::Later(self.after(wait), *fault),
        })
    }

    fn after(&self, wait: std::time::Duration) -> Instant {
        let millis = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        self.effects().now().plus_millis(millis)
    }
}

/// The end of a job that is not tried again: a link is read at its regular time, and the sweeps go
/// on.
///
/// # Errors
/// The fault, for every other job.
pub(super) fn abandoned(job: &Job, fault: Fault) -> Result<Done, Fault> {
    match job.kind.as_str() {
        FIRST_SYNC | SYNC_LINK => {
            let LinkPayload { link } = payload(job)?;
            let at = None;
            Ok(Done::TryLink { link, at, fault })
        }
        SWEEP => {
            let SweepPayload { round } = payload(job)?;
            let round = round.wrapping_add(1);
            Ok(Done::SweepAgain { round })
        }
        _ => Err(fault),
    }
}

fn payload<T: DeserializeOwned>(job: &Job) -> Result<T, Fault> {
    let known = job.payload_version <= jobs::PAYLOAD_VERSION;
    known
        .then(|| jobs::read(&job.payload))
        .flatten()
        .ok_or_else(|| {
            Fault::new(FaultKind::Unsupported, "worker.job")
                .with("reason", "payload")
                .with("version", job.payload_version.to_string())
        })
}

fn fault(error: VaultError) -> Fault {
    error.into()
}
