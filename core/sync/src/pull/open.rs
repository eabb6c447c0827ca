//! The opening of a reading: link, consent, institution and credential, or the reason for none.

use fondaco_model::Secret;
use fondaco_model::ids::TenantId;
use fondaco_model::v1::ConsentState;
use fondaco_store::repo::consent::StoredConsent;
use fondaco_store::repo::{consent, grant, link};
use fondaco_transport::Target;
use fondaco_vault::seal::{Place, open_text, purpose};
use fondaco_vault::{Vault, VaultError};

use super::{Pull, PullError, Puller, ReadRequest, Reading};
use crate::ingest::Sealer;

impl<'a> Pull<'a> {
    /// Everything that a reading works with; none when the link is not to be read: it is gone or
    /// disconnected, or no consent allows it.
    pub(super) async fn open(
        puller: &'a Puller,
        request: &'a ReadRequest,
    ) -> Result<Option<Pull<'a>>, PullError> {
        let (vault, tenant) = (&puller.vault, request.tenant);
        let mut session = vault.db().read(tenant).await?;
        let Some(stored) = link::get(&mut session, request.link).await? else {
            return Ok(None);
        };
        let Some(current) = stored.link.current_consent_id else {
            return Ok(None);
        };
        let Some(consent) = consent::get(&mut session, current).await? else {
            return Ok(None);
        };
        let grant = grant::by_consent(&mut session, current).await?;
        drop(session);
        if stored.link.disconnected_at.is_some() || !may_be_read(consent.consent.state) {
            return Ok(None);
        }
        let id = &stored.link.institution_id;
        let unknown = || PullError::Vault(VaultError::NotConnectable(id.clone()));
        let manifest = vault.catalogue().manifest(id).ok_or_else(unknown)?;
        let connector = vault
            .catalogue()
            .connector(&manifest.family)
            .ok_or_else(unknown)?;
        let credential = grant.as_ref().map_or_else(
            || consent.registration_id.to_string(),
            |grant| grant.id.to_string(),
        );
        Ok(Some(Pull {
            vault,
            transport: puller.transport.as_ref(),
            request,
            sync_seconds: puller.sync_seconds,
            held_bytes: puller.held_bytes,
            target: Target::of(&manifest),
            credential,
            consent_ref: bank_consent(vault, tenant, &consent).await?,
            sealer: Sealer::new(vault, tenant, stored.link.end_user_id).await?,
            link: stored.link,
            consent,
            manifest,
            connector,
        }))
    }

    /// Tells the vault what the reading says about the consent; answers how that stands then.
    pub(super) async fn tell_consent(&self, reading: &Reading) -> Result<ConsentState, PullError> {
        let (vault, tenant) = (self.vault, self.request.tenant);
        let consent = self.consent.consent.id;
        Ok(match &reading.stop {
            Some(fault) => vault.read_failed(tenant, consent, fault).await?,
            None => vault.read_succeeded(tenant, consent).await?,
        })
    }
}

/// What the institution calls a consent; none when it gave it no name.
async fn bank_consent(
    vault: &Vault,
    tenant: TenantId,
    stored: &StoredConsent,
) -> Result<Option<Secret>, VaultError> {
    let Some(sealed) = stored.bank_consent_sealed.as_deref() else {
        return Ok(None);
    };
    let key = vault.keys().by_id(tenant, stored.data_key_id).await?;
    // The vault seals it once for its row.
    let place = Place {
        purpose: purpose::BANK_CONSENT,
        tenant: Some(tenant),
        table: "consent",
        column: "bank_consent_sealed",
        row: stored.consent.id.0,
        version: 1,
        part: 0,
    };
    Ok(Some(open_text(&key, &place, sealed)?))
}

/// True for a consent that is in force, and for one that is probed whether it works again.
fn may_be_read(state: ConsentState) -> bool {
    match state {
        ConsentState::Active | ConsentState::ReconfirmDue | ConsentState::ReauthRequired => true,
        ConsentState::Created
        | ConsentState::AwaitingAuthorisation
        | ConsentState::PartiallyAuthorised
        | ConsentState::Exchanging
        | ConsentState::Suspended
        | ConsentState::Rejected
        | ConsentState::Abandoned
        | ConsentState::Failed
        | ConsentState::Expired
        | ConsentState::Revoked
        | ConsentState::Superseded => false,
    }
}
