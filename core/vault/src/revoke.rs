//! Disconnecting: here at once, at the bank until it is done or its time is over.

use std::time::Duration;

use fondaco_connectors::core::{FlowEvent, Grant};
use fondaco_model::ids::{ConsentId, LinkId, TenantId};
use fondaco_model::v1::{ConsentRevocation, Registration, RevokedBy};
use fondaco_model::{Fault, Retry, Secret};
use fondaco_store::repo::consent::StoredConsent;
use fondaco_store::repo::{Scope, consent, grant, job, ledger, link, registration};
use fondaco_store::{Tx, in_tx};
use serde_json::json;

use crate::consents::{Step, apply, ask_to_revoke, entry, revocation_key};
use crate::error::VaultError;
use crate::flow::{Bank, Halt};
use crate::grants;
use crate::ledger::Actor;
use crate::machine::ConsentEvent;
use crate::{Inner, Vault};

/// Seconds after a consent's end in which the bank is told: 72 hours (docs/adr/0009).
pub const REVOKE_SECONDS_MAX: i64 = 72 * 3_600;

/// The wait before the bank is told again when its fault states none.
const AGAIN: Duration = Duration::from_mins(15);

/// What came of telling the bank.
#[derive(Debug, Clone)]
pub enum Revocation {
    /// The bank knows; the grant is destroyed.
    Done,
    /// There was nothing to tell.
    NothingToTell,
    /// Nobody had authorised it, and the bank does not take it back: it runs out there by itself.
    LeftAtBank,
    /// The bank did not take it; tell it again after the wait.
    Again(Duration, Box<Fault>),
    /// [`REVOKE_SECONDS_MAX`] are over; the grant is destroyed all the same.
    GivenUp,
}

/// How a link was disconnected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disconnected {
    /// Now; the bank is told by a job where it has to be told.
    Now,
    /// It had been before.
    Before,
}

fn actor_of(by: RevokedBy) -> Actor {
    match by {
        RevokedBy::EndUserHere | RevokedBy::EndUserAtBank => Actor::EndUser,
        RevokedBy::Client => Actor::Client,
        RevokedBy::Bank => Actor::Bank,
        RevokedBy::Provider => Actor::Provider,
        RevokedBy::Regulatory => Actor::Operator,
    }
}

impl Vault {
    /// Ends a link: its consents are revoked, no read is planned and no token lent from this
    /// transaction on. The bank is told by a job.
    ///
    /// # Errors
    /// [`VaultError::NotFound`] when the scope sees no such link.
    pub async fn disconnect(
        &self,
        tenant: TenantId,
        (scope, id): (Scope, LinkId),
        by: RevokedBy,
    ) -> Result<Disconnected, VaultError> {
        let inner = &self.inner;
        let (now, actor) = (inner.now(), actor_of(by));
        in_tx!(inner.db, tenant, |tx| {
            let seq = tx.reserve_seq(1).await?;
            let stored = link::get(tx, id).await?.filter(|stored| {
                let owner = stored.link.end_user_id;
                scope.end_user().is_none_or(|only| only == owner)
            });
            let of_link = stored.ok_or(VaultError::NotFound)?.link;
            if of_link.disconnected_at.is_some() {
                return Ok(Disconnected::Before);
            }
            job::cancel(tx, &id.to_string(), now).await?;
            for mut stored in consent::list_by_link(tx, id).await? {
                if !stored.consent.state.is_terminal() {
                    let event = ConsentEvent::Revoked(by);
                    apply(tx, &mut stored, &Step::new(&inner.effects, event, actor)).await?;
                }
            }
            link::disconnect(tx, id, now, seq).await?;
            let facts = json!({ "by": by.as_str() });
            let mut event = entry(&inner.effects, "link.disconnected", actor, &facts)?;
            event.end_user_id = Some(of_link.end_user_id);
            event.link_id = Some(id);
            ledger::append(tx, &event).await?;
            Ok::<_, VaultError>(Disconnected::Now)
        })
    }

    /// Tells the bank that a consent is over; called by a job until it is done.
    ///
    /// # Errors
    /// [`VaultError`] for our own failures; the bank's are [`Revocation::Again`].
    pub async fn revoke_at_bank(
        &self,
        tenant: TenantId,
        id: ConsentId,
    ) -> Result<Revocation, VaultError> {
        let inner = &self.inner;
        let mut read = inner.db.read(tenant).await?;
        let stored = consent::get(&mut read, id)
            .await?
            .ok_or(VaultError::NotFound)?;
        let row = grant::by_consent(&mut read, id).await?;
        let with = registration::get(&mut read, stored.registration_id).await?;
        drop(read);
        if !stored.revocation_pending() {
            return Ok(Revocation::NothingToTell);
        }
        let row = row.filter(|row| row.document_sealed.is_some());
        let with = with.map(|with| with.registration);
        match self.tell(tenant, &stored, (row.as_ref(), with)).await {
            Ok(Ok(Halt::Revoked)) => self.settle(tenant, id, Revocation::Done).await,
            Ok(Err(fault)) if row.is_none() && fault.retry == Retry::Never => {
                self.settle(tenant, id, Revocation::LeftAtBank).await
            }
            Ok(Ok(_)) => self.again(tenant, &stored, None).await,
            Ok(Err(fault)) => self.again(tenant, &stored, Some(fault)).await,
            // Our own failures end with the same time: what opens the bank's door goes then.
            Err(error) => self.again(tenant, &stored, Some(error.into())).await,
        }
    }

    /// Speaks to the bank; its faults are the inner ones.
    async fn tell(
        &self,
        tenant: TenantId,
        stored: &StoredConsent,
        (row, with): (Option<&grant::Grant>, Option<Registration>),
    ) -> Result<Result<Halt, Fault>, VaultError> {
        let inner = &self.inner;
        let mut held = match row {
            Some(row) => grants::open(inner, tenant, row).await?,
            None => Grant::default(),
        };
        if held.bank_consent_ref.is_none() {
            let reference = grants::open_bank_consent(inner, tenant, stored).await?;
            held.bank_consent_ref = reference.map(|text| text.expose().to_owned());
        }
        let with = with.ok_or(VaultError::NotFound)?;
        let mut bank = Bank::of(inner, tenant, &with)?;
        bank.grant = row.map(|row| row.id);
        bank.consent_ref.clone_from(&held.bank_consent_ref);
        let token: Option<Secret> = held.access_token.clone();
        let _errand = bank
            .grant
            .zip(token)
            .map(|(id, token)| inner.errand(id, token));
        Ok(bank
            .run(None, FlowEvent::Revoke(&held), "consent.revoke")
            .await)
    }

    /// Asks again for the revocations that wait and have no job any more, at most `limit` of the
    /// tenant's; answers how many.
    pub async fn remind_revocations(
        &self,
        tenant: TenantId,
        limit: u32,
    ) -> Result<u32, VaultError> {
        let inner = &self.inner;
        let mut read = inner.db.read(tenant).await?;
        let pending = ConsentRevocation::Pending;
        let pending = consent::by_revocation(&mut read, pending, limit).await?;
        drop(read);
        let mut asked = 0;
        for stored in pending {
            let id = stored.consent.id;
            asked += in_tx!(inner.db, tenant, |tx| remind(inner, tx, id).await)?;
        }
        Ok(asked)
    }

    async fn again(
        &self,
        tenant: TenantId,
        stored: &StoredConsent,
        fault: Option<Fault>,
    ) -> Result<Revocation, VaultError> {
        let consent = &stored.consent;
        let since = consent.ended_at.unwrap_or(consent.requested_at);
        if self.inner.now().seconds_since(since) >= REVOKE_SECONDS_MAX {
            tracing::error!(consent = %consent.id, "bank was not told that a consent is over");
            return self.settle(tenant, consent.id, Revocation::GivenUp).await;
        }
        let fault = fault
            .unwrap_or_else(|| Fault::new(fondaco_model::FaultKind::Internal, "consent.revoke"));
        let wait = match fault.retry {
            Retry::After(wait) => wait.max(Duration::from_secs(1)),
            Retry::Never | Retry::Exhausted => AGAIN,
        };
        Ok(Revocation::Again(wait, Box::new(fault)))
    }

    /// Writes how the revocation ended; another process may have been first.
    async fn settle(
        &self,
        tenant: TenantId,
        id: ConsentId,
        ended: Revocation,
    ) -> Result<Revocation, VaultError> {
        let inner = &self.inner;
        let written = match ended {
            Revocation::Done => (ConsentRevocation::Done, "consent.revoked_at_bank"),
            Revocation::LeftAtBank => (ConsentRevocation::NotNeeded, "consent.left_at_bank"),
            Revocation::GivenUp => (ConsentRevocation::GivenUp, "consent.revocation_given_up"),
            Revocation::NothingToTell | Revocation::Again(..) => return Ok(ended),
        };
        let first = in_tx!(inner.db, tenant, |tx| write(inner, tx, (id, written)).await)?;
        Ok(if first {
            ended
        } else {
            Revocation::NothingToTell
        })
    }
}

/// 1 when a job was missing and is there now.
async fn remind(inner: &Inner, tx: &mut Tx, id: ConsentId) -> Result<u32, VaultError> {
    tx.lock_tenant().await?;
    let stored = consent::get(tx, id).await?.ok_or(VaultError::NotFound)?;
    if !stored.revocation_pending() || job::is_open(tx, &revocation_key(id)).await? {
        return Ok(0);
    }
    let of_link = link::get(tx, stored.consent.link_id).await?;
    let of_link = of_link.ok_or(VaultError::NotFound)?;
    ask_to_revoke(tx, &stored, &of_link, &inner.effects).await?;
    Ok(1)
}

/// The grant is destroyed, the consent says how it ended; false when it did already.
async fn write(
    inner: &Inner,
    tx: &mut Tx,
    (id, (revocation, kind)): (ConsentId, (ConsentRevocation, &str)),
) -> Result<bool, VaultError> {
    tx.lock_tenant().await?;
    let mut stored = consent::get(tx, id).await?.ok_or(VaultError::NotFound)?;
    if !stored.revocation_pending() {
        return Ok(false);
    }
    stored.consent.revocation = revocation;
    consent::transition(tx, stored.consent.state, &stored).await?;
    if let Some(row) = grant::by_consent(tx, id).await? {
        grant::destroy(tx, row.id, inner.now()).await?;
    }
    let mut event = entry(&inner.effects, kind, Actor::System, &json!({}))?;
    event.end_user_id = Some(stored.consent.end_user_id);
    event.link_id = Some(stored.consent.link_id);
    event.consent_id = Some(id);
    ledger::append(tx, &event).await?;
    Ok(true)
}
