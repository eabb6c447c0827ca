//! What reads tell about a consent, and the end of consents whose time is over.

use fondaco_model::Fault;
use fondaco_model::ids::{ConsentId, TenantId};
use fondaco_model::v1::ConsentState;
use fondaco_store::repo::consent::{self, StoredConsent};
use fondaco_store::{Tx, in_tx};

use crate::consents::{Step, apply};
use crate::error::VaultError;
use crate::ledger::Actor;
use crate::machine::{AuthEvidence, ConsentEvent, ConsentSignal, signal_of};
use crate::{Inner, Vault};

impl Vault {
    /// A read under the consent went well: evidence against it is forgotten, a consent that waited
    /// for the person works again, and the link's older consents are superseded.
    ///
    /// It writes nothing when nothing changes, so that it may be called after each read.
    pub async fn read_succeeded(
        &self,
        tenant: TenantId,
        id: ConsentId,
    ) -> Result<ConsentState, VaultError> {
        let inner = &self.inner;
        let mut read = inner.db.read(tenant).await?;
        let stored = consent::get(&mut read, id)
            .await?
            .ok_or(VaultError::NotFound)?;
        let siblings = consent::list_by_link(&mut read, stored.consent.link_id).await?;
        drop(read);
        let heals = stored.consent.state == ConsentState::ReauthRequired
            || stored.reauth_evidence_at.is_some();
        let supersedes = siblings.iter().any(|older| is_older(older, &stored));
        if !heals && !supersedes {
            return Ok(stored.consent.state);
        }
        in_tx!(inner.db, tenant, |tx| read_succeeded(inner, tx, id).await)
    }

    /// A call under the consent failed: what the fault says about the consent itself is recorded,
    /// and ends or pauses it where the evidence is enough. Faults about anything else do nothing.
    ///
    /// Refusals of a refresh were recorded where they happened; a second record of the same one
    /// changes nothing, because refusals count only minutes apart.
    pub async fn read_failed(
        &self,
        tenant: TenantId,
        id: ConsentId,
        fault: &Fault,
    ) -> Result<ConsentState, VaultError> {
        let inner = &self.inner;
        in_tx!(inner.db, tenant, |tx| {
            tx.lock_tenant().await?;
            let mut stored = consent::get(tx, id).await?.ok_or(VaultError::NotFound)?;
            let event = match signal_of(fault.kind) {
                None => return Ok(stored.consent.state),
                Some(ConsentSignal::Explicit) => ConsentEvent::AuthFailed(AuthEvidence::Explicit),
                Some(ConsentSignal::Refused) => {
                    let first = stored.reauth_evidence_at;
                    ConsentEvent::AuthFailed(AuthEvidence::Refused { first })
                }
                Some(ConsentSignal::Expired) => ConsentEvent::BankExpired,
            };
            match apply(
                tx,
                &mut stored,
                &Step::new(&inner.effects, event, Actor::Bank),
            )
            .await
            {
                Ok(_) | Err(VaultError::Refused(_)) => Ok(stored.consent.state),
                Err(error) => Err(error),
            }
        })
    }

    /// Ends the tenant's consents whose last granted day is over, at most `limit`; answers how
    /// many ended.
    pub async fn expire_consents(&self, tenant: TenantId, limit: u32) -> Result<u32, VaultError> {
        let inner = &self.inner;
        let mut read = inner.db.read(tenant).await?;
        let lapsed = consent::lapsed(&mut read, inner.now().utc_date(), limit).await?;
        drop(read);
        let mut ended = 0;
        for stored in lapsed {
            let Some(granted_until) = stored.consent.granted_until else {
                continue;
            };
            let id = stored.consent.id;
            let done: Result<(), VaultError> = in_tx!(inner.db, tenant, |tx| {
                tx.lock_tenant().await?;
                let mut stored = consent::get(tx, id).await?.ok_or(VaultError::NotFound)?;
                let event = ConsentEvent::ExpiryReached { granted_until };
                apply(
                    tx,
                    &mut stored,
                    &Step::new(&inner.effects, event, Actor::System),
                )
                .await?;
                Ok(())
            });
            match done {
                Ok(()) => ended += 1,
                // It was renewed or ended in between.
                Err(VaultError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(ended)
    }
}

/// True for a consent with a grant that the newer one of the same link takes over from.
fn is_older(candidate: &StoredConsent, newer: &StoredConsent) -> bool {
    let (candidate, newer) = (&candidate.consent, &newer.consent);
    let holds = matches!(
        candidate.state,
        ConsentState::Active
            | ConsentState::ReconfirmDue
            | ConsentState::ReauthRequired
            | ConsentState::Suspended
    );
    candidate.id != newer.id && holds && candidate.activated_at < newer.activated_at
}

async fn read_succeeded(
    inner: &Inner,
    tx: &mut Tx,
    id: ConsentId,
) -> Result<ConsentState, VaultError> {
    tx.lock_tenant().await?;
    let mut stored = consent::get(tx, id).await?.ok_or(VaultError::NotFound)?;
    let step = Step::new(&inner.effects, ConsentEvent::ReadSucceeded, Actor::System);
    match apply(tx, &mut stored, &step).await {
        Ok(_) => {}
        // It ended while the read was under way; then it takes nothing over either.
        Err(VaultError::Refused(_)) => return Ok(stored.consent.state),
        Err(error) => return Err(error),
    }
    if stored.consent.state != ConsentState::Active {
        return Ok(stored.consent.state);
    }
    for mut older in consent::list_by_link(tx, stored.consent.link_id).await? {
        if is_older(&older, &stored) {
            older.consent.superseded_by = Some(id);
            let step = Step::new(&inner.effects, ConsentEvent::Superseded, Actor::System);
            apply(tx, &mut older, &step).await?;
        }
    }
    Ok(stored.consent.state)
}
