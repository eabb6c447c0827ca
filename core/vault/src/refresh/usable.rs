//! Whether a grant may be used, and the token that is lent for it.

use std::sync::Arc;

use fondaco_connectors::core::Grant;
use fondaco_model::ids::{GrantId, TenantId};
use fondaco_model::v1::ConsentState;
use fondaco_model::{Fault, FaultKind, Secret};
use fondaco_store::repo::consent::{self, StoredConsent};
use fondaco_store::repo::grant as rows;

use super::fault;
use crate::Inner;
use crate::error::VaultError;
use crate::grants;

/// Seconds before its expiry at which a token is not lent any more.
const EXPIRY_SLACK_SECONDS: i64 = 30;

/// A grant with all that decides about it.
pub(super) struct Loaded {
    pub(super) tenant: TenantId,
    pub(super) row: rows::Grant,
    pub(super) consent: StoredConsent,
    pub(super) grant: Grant,
}

impl Inner {
    pub(super) async fn load(&self, tenant: TenantId, id: GrantId) -> Result<Loaded, VaultError> {
        let mut read = self.db.read(tenant).await?;
        let row = rows::get(&mut read, id)
            .await?
            .ok_or(VaultError::NotFound)?;
        let stored = consent::get(&mut read, row.consent_id)
            .await?
            .ok_or(VaultError::NotFound)?;
        drop(read);
        let grant = match grants::open(self, tenant, &row).await {
            // Destroyed: the consent's state says why.
            Err(VaultError::NotFound) => Grant::default(),
            opened => opened?,
        };
        Ok(Loaded {
            tenant,
            row,
            consent: stored,
            grant,
        })
    }

    /// # Errors
    /// The fault that says why nobody may use the grant.
    pub(super) fn check_usable(&self, loaded: &Loaded) -> Result<(), Fault> {
        // The revocation alone may still use a retired grant.
        if loaded.consent.revocation_pending() && self.errand_token(loaded.row.id).is_some() {
            return Ok(());
        }
        match loaded.consent.consent.state {
            ConsentState::Active | ConsentState::ReconfirmDue | ConsentState::ReauthRequired => {
                Ok(())
            }
            ConsentState::Expired => Err(fault(FaultKind::ConsentExpired, "consent_expired")),
            ConsentState::Suspended => Err(fault(FaultKind::AuthRevoked, "consent_suspended")),
            ConsentState::Created
            | ConsentState::AwaitingAuthorisation
            | ConsentState::PartiallyAuthorised
            | ConsentState::Exchanging
            | ConsentState::Rejected
            | ConsentState::Abandoned
            | ConsentState::Failed
            | ConsentState::Revoked
            | ConsentState::Superseded => {
                Err(fault(FaultKind::AuthRevoked, "consent_not_in_force"))
            }
        }
    }

    /// The access token of a grant; refreshed first when it is about to run out.
    pub(crate) async fn token_of(
        self: &Arc<Self>,
        tenant: TenantId,
        id: GrantId,
    ) -> Result<Secret, Fault> {
        if let Some(token) = self.errand_token(id) {
            return Ok(token);
        }
        let loaded = self.load(tenant, id).await?;
        self.check_usable(&loaded)?;
        let token = loaded.grant.access_token.clone();
        let token = token.ok_or_else(|| fault(FaultKind::AuthRevoked, "no_access_token"))?;
        let soon = self.now().plus_seconds(EXPIRY_SLACK_SECONDS);
        let ends = loaded.row.access_expires_at.is_some_and(|at| at <= soon);
        if ends && loaded.row.refreshable {
            return self.refreshed(tenant, id, &token).await;
        }
        Ok(token)
    }
}
