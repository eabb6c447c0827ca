//! What reads tell about a consent, and the end of consents whose time is over.

use std::sync::Arc;

use fondaco_connectors::core::StandingState;
use fondaco_model::Fault;
use fondaco_model::ids::{ConsentId, TenantId};
use fondaco_model::v1::{ConsentState, RevokedBy};
use fondaco_store::repo::consent::{self, StoredConsent};
use fondaco_store::repo::{grant, registration};
use fondaco_store::{Tx, in_tx};

use crate::consents::{Step, apply};
use crate::error::VaultError;
use crate::flow::Bank;
use crate::grants;
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
    /// After a refusal the bank is asked how the consent stands: a person who withdrew it there is
    /// believed at once. Where it does not say, refusals count, and only minutes apart. Those of a
    /// refresh were recorded where they happened; a second record of the same one changes nothing.
    pub async fn read_failed(
        &self,
        tenant: TenantId,
        id: ConsentId,
        fault: &Fault,
    ) -> Result<ConsentState, VaultError> {
        let inner = &self.inner;
        let signal = signal_of(fault.kind);
        let ended = match signal {
            Some(ConsentSignal::Refused) => inner.end_at_bank(tenant, id).await?,
            Some(ConsentSignal::Explicit | ConsentSignal::Expired) | None => None,
        };
        in_tx!(inner.db, tenant, |tx| {
            tx.lock_tenant().await?;
            let mut stored = consent::get(tx, id).await?.ok_or(VaultError::NotFound)?;
            let event = match (ended, signal) {
                (Some(ended), _) => ended,
                (None, None) => return Ok(stored.consent.state),
                (None, Some(ConsentSignal::Explicit)) => {
                    ConsentEvent::AuthFailed(AuthEvidence::Explicit)
                }
                (None, Some(ConsentSignal::Refused)) => {
                    let first = stored.reauth_evidence_at;
                    ConsentEvent::AuthFailed(AuthEvidence::Refused { first })
                }
                (None, Some(ConsentSignal::Expired)) => ConsentEvent::BankExpired,
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

impl Inner {
    /// The end of a consent that the bank states when it is asked; none when it states none, or
    /// cannot be asked.
    async fn end_at_bank(
        self: &Arc<Self>,
        tenant: TenantId,
        id: ConsentId,
    ) -> Result<Option<ConsentEvent>, VaultError> {
        let mut read = self.db.read(tenant).await?;
        let stored = consent::get(&mut read, id)
            .await?
            .ok_or(VaultError::NotFound)?;
        let held = grant::by_consent(&mut read, id).await?;
        let with = registration::get(&mut read, stored.registration_id).await?;
        drop(read);
        let in_force = [ConsentState::Active, ConsentState::ReconfirmDue];
        if !in_force.contains(&stored.consent.state) {
            return Ok(None);
        }
        let with = with.ok_or(VaultError::NotFound)?;
        let mut bank = Bank::of(self, tenant, &with.registration)?;
        bank.grant = held.map(|row| row.id);
        let reference = grants::open_bank_consent(self, tenant, &stored).await?;
        bank.consent_ref = reference.map(|text| text.expose().to_owned());
        let standing = match bank.standing("consent.standing").await {
            Ok(standing) => standing,
            Err(fault) => {
                tracing::info!(consent = %id, error = %fault, "consent not inquired");
                None
            }
        };
        Ok(standing.and_then(|standing| match standing.state {
            StandingState::RevokedByUser => Some(ConsentEvent::Revoked(RevokedBy::EndUserAtBank)),
            // Ours is in force: an end that the bank ascribes to us is the bank's word for it.
            StandingState::RevokedByProvider
            | StandingState::RevokedByUs
            | StandingState::Rejected => Some(ConsentEvent::Revoked(RevokedBy::Bank)),
            StandingState::Expired => Some(ConsentEvent::BankExpired),
            StandingState::Awaiting
            | StandingState::PartiallyAuthorised
            | StandingState::Valid
            | StandingState::Unknown => None,
        }))
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
