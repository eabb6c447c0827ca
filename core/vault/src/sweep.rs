//! Ends what nobody finished: exchanges that were interrupted, sessions whose time is over.

use fondaco_model::ids::{AttemptId, LinkSessionId, TenantId};
use fondaco_model::v1::TerminationReason;
use fondaco_model::{Instant, Secret};
use fondaco_store::repo::link_session::{LinkSession, SessionState};
use fondaco_store::repo::{attempt, consent, link_session};
use fondaco_store::{OPERATOR, Tx, in_tx};

use crate::attempt::ATTEMPT_SECONDS_DEFAULT;
use crate::consents::{Step, apply};
use crate::error::VaultError;
use crate::ledger::Actor;
use crate::machine::{ConsentEvent, ExchangeFailure};
use crate::outcome::{self, EndedAs, Finish};
use crate::settle::failed;
use crate::{Inner, Vault};

/// Sessions that one sweep looks at.
pub const SWEEP_MAX: u32 = 500;

/// Seconds that a bank may leave a consent undecided after a session's time: a day and an hour.
const UNDECIDED_SECONDS: i64 = 25 * 3_600;

/// What a sweep ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Sessions whose person did not come or come back in time.
    pub expired: u32,
    /// Sessions whose exchange was interrupted.
    pub interrupted: u32,
}

impl Vault {
    /// Ends an attempt whose code was kept and whose exchange nobody finished: the process died
    /// between the two. The code is never sent again. False when the attempt was settled.
    pub async fn settle_interrupted(
        &self,
        tenant: TenantId,
        id: AttemptId,
    ) -> Result<bool, VaultError> {
        let inner = &self.inner;
        let mut read = inner.db.read(tenant).await?;
        let of = attempt::get(&mut read, id)
            .await?
            .ok_or(VaultError::NotFound)?;
        drop(read);
        if of.used_at.is_none() {
            return Ok(false);
        }
        let code = outcome::result_code(inner, tenant, of.link_session_id).await?;
        let settled = in_tx!(inner.db, tenant, |tx| {
            tx.lock_tenant().await?;
            if !attempt::settle(tx, id, "INTERRUPTED", None).await? {
                return Ok(false);
            }
            let mut stored = consent::get(tx, of.consent_id)
                .await?
                .ok_or(VaultError::NotFound)?;
            let failure = ExchangeFailure::Interrupted;
            failed(inner, tx, of.link_session_id, (&mut stored, failure, &code)).await?;
            Ok::<_, VaultError>(true)
        });
        match settled {
            // The consent ended in another way meanwhile.
            Err(VaultError::Refused(_)) => {
                self.end_overtaken(&of).await?;
                Ok(false)
            }
            other => other,
        }
    }

    /// Ends the sessions of all tenants whose time is over, at most [`SWEEP_MAX`].
    pub async fn sweep_sessions(&self) -> Result<Swept, VaultError> {
        let inner = &self.inner;
        let now = inner.now();
        let mut read = inner.db.read(OPERATOR).await?;
        let late = link_session::expired(&mut read, now, SWEEP_MAX).await?;
        drop(read);
        let mut swept = Swept::default();
        for session in late.iter().filter(|session| inner.is_over(session, now)) {
            let code = outcome::result_code(inner, session.tenant_id, session.id).await?;
            let tenant = session.tenant_id;
            let ended = in_tx!(inner.db, tenant, |tx| end(inner, tx, (session.id, &code))
                .await)?;
            match ended {
                Some(EndedAs::Expired) => swept.expired += 1,
                Some(_) => swept.interrupted += 1,
                None => {}
            }
        }
        Ok(swept)
    }
}

impl Inner {
    /// True when nobody can come back to the session any more.
    fn is_over(&self, session: &LinkSession, now: Instant) -> bool {
        let grace = match session.state {
            SessionState::AtBank => {
                let id = session.institution_id.as_deref();
                let manifest = id.and_then(|id| self.catalogue.manifest(id));
                let own = manifest.and_then(|manifest| manifest.auth.authorise_seconds_max);
                own.map_or(ATTEMPT_SECONDS_DEFAULT, i64::from)
            }
            // Interrupted exchanges have a job of their own; undecided banks have a day.
            SessionState::Exchanging => UNDECIDED_SECONDS,
            SessionState::Created
            | SessionState::Opened
            | SessionState::Succeeded
            | SessionState::Denied
            | SessionState::Cancelled
            | SessionState::Failed
            | SessionState::Expired => 0,
        };
        session.expires_at.plus_seconds(grace) <= now
    }
}

async fn end(
    inner: &Inner,
    tx: &mut Tx,
    (id, code): (LinkSessionId, &Secret),
) -> Result<Option<EndedAs>, VaultError> {
    tx.lock_tenant().await?;
    let session = link_session::get(tx, id)
        .await?
        .ok_or(VaultError::NotFound)?;
    if session.state.is_final() {
        return Ok(None);
    }
    let exchanging = session.state == SessionState::Exchanging;
    if let Some(id) = session.consent_id
        && let Some(mut stored) = consent::get(tx, id).await?
    {
        let event = if exchanging {
            ConsentEvent::ExchangeFailed(ExchangeFailure::TimedOut)
        } else {
            ConsentEvent::DeadlinePassed {
                deadline: session.expires_at,
            }
        };
        match apply(
            tx,
            &mut stored,
            &Step::new(&inner.effects, event, Actor::System),
        )
        .await
        {
            Ok(_) | Err(VaultError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let ended = if exchanging {
        EndedAs::Failed
    } else {
        EndedAs::Expired
    };
    let finish = Finish {
        ended,
        reason: Some(TerminationReason::TimedOut),
        code,
        actor: Actor::System,
        now: inner.now(),
    };
    outcome::finish(inner, tx, &session, &finish).await?;
    Ok(Some(ended))
}
