//! Lends access tokens and client secrets to the transport's layers.
//!
//! A call names what it is sent for: under a grant its caller's credential is the grant's id, at a
//! token endpoint the registration's.

use std::sync::{Arc, OnceLock, Weak};

use fondaco_connectors::core::Client;
use fondaco_model::ids::{GrantId, LinkId, RegistrationId, TenantId};
use fondaco_model::provider::Manifest;
use fondaco_model::v1::Consent;
use fondaco_model::{Fault, FaultKind, Secret};
use fondaco_store::repo::{consent, grant, link, registration};
use fondaco_transport::Call;
use fondaco_transport::layers::authorize::{ClientKeys, ClientSecrets, TokenSource};
use futures_util::future::BoxFuture;

use crate::error::VaultError;
use crate::flow::Bank;
use crate::grants;
use crate::registrations::client_secret;
use crate::{Inner, Vault};

/// Stands between the transport's stack, which is built first, and the vault, which is built over
/// it. Until there is a vault, or once it is gone, it lends nothing.
#[derive(Clone, Default)]
pub struct Lender(Arc<OnceLock<Weak<Inner>>>);

impl Lender {
    /// A lender that waits for its vault.
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn serve(&self, inner: &Arc<Inner>) {
        // The first vault stays: two over one stack would lend each other's tokens.
        let _ = self.0.set(Arc::downgrade(inner));
    }

    fn inner(&self) -> Result<Arc<Inner>, Fault> {
        let inner = self.0.get().and_then(Weak::upgrade);
        inner
            .ok_or_else(|| Fault::new(FaultKind::Internal, "vault.lend").with("reason", "no_vault"))
    }
}

impl std::fmt::Debug for Lender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lender")
    }
}

fn credential<T: std::str::FromStr>(call: &Call<'_>) -> Result<T, Fault> {
    call.caller.credential.parse().map_err(|_| {
        Fault::new(FaultKind::Internal, "vault.lend").with("reason", "credential_is_no_id")
    })
}

/// All that a reader needs to speak to a link's institution; no secret is among it.
#[derive(Clone)]
pub struct ReadAccess {
    /// The consent in force.
    pub consent: Consent,
    /// The institution's entry.
    pub manifest: Arc<Manifest>,
    /// The public half of the registration.
    pub client: Client,
    /// The bank's own id of the consent.
    pub consent_ref: Option<String>,
    /// The grant; its id is the credential of every call, which the transport's layers turn into
    /// the token.
    pub grant: GrantId,
}

impl std::fmt::Debug for ReadAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReadAccess({}, {})", self.consent.id, self.manifest.id)
    }
}

impl Vault {
    /// What a read of a link needs.
    ///
    /// # Errors
    /// [`VaultError::NotFound`] when the link is disconnected, has no consent in force, or its
    /// grant is destroyed.
    pub async fn read_access(
        &self,
        tenant: TenantId,
        id: LinkId,
    ) -> Result<ReadAccess, VaultError> {
        let inner = &self.inner;
        let mut read = inner.db.read(tenant).await?;
        let of_link = link::get(&mut read, id)
            .await?
            .ok_or(VaultError::NotFound)?
            .link;
        let current = of_link
            .current_consent_id
            .filter(|_| of_link.disconnected_at.is_none());
        let current = current.ok_or(VaultError::NotFound)?;
        let stored = consent::get(&mut read, current)
            .await?
            .ok_or(VaultError::NotFound)?;
        let row = grant::by_consent(&mut read, current)
            .await?
            .ok_or(VaultError::NotFound)?;
        let with = registration::get(&mut read, stored.registration_id).await?;
        drop(read);
        if stored.consent.state.is_terminal() {
            return Err(VaultError::NotFound);
        }
        let bank = Bank::of(
            inner,
            tenant,
            &with.ok_or(VaultError::NotFound)?.registration,
        )?;
        let reference = grants::open_bank_consent(inner, tenant, &stored).await?;
        Ok(ReadAccess {
            consent: stored.consent,
            manifest: Arc::clone(&bank.manifest),
            client: bank.client,
            consent_ref: reference.map(|text| text.expose().to_owned()),
            grant: row.id,
        })
    }
}

impl TokenSource for Lender {
    fn token<'a>(&'a self, call: &'a Call<'_>) -> BoxFuture<'a, Result<Secret, Fault>> {
        Box::pin(async move {
            let (inner, tenant) = (self.inner()?, call.caller.tenant);
            inner.token_of(tenant, credential::<GrantId>(call)?).await
        })
    }

    fn refresh<'a>(
        &'a self,
        call: &'a Call<'_>,
        stale: &'a Secret,
    ) -> BoxFuture<'a, Result<Secret, Fault>> {
        Box::pin(async move {
            let (inner, tenant) = (self.inner()?, call.caller.tenant);
            inner
                .refreshed(tenant, credential::<GrantId>(call)?, stale)
                .await
        })
    }
}

impl ClientSecrets for Lender {
    fn client<'a>(&'a self, call: &'a Call<'_>) -> BoxFuture<'a, Result<ClientKeys, Fault>> {
        Box::pin(async move {
            let (inner, id) = (self.inner()?, credential::<RegistrationId>(call)?);
            let lent = async {
                let mut read = inner.db.read(call.caller.tenant).await?;
                let stored = registration::get(&mut read, id).await?;
                drop(read);
                let stored = stored.ok_or(VaultError::NotFound)?;
                let secret = client_secret(&inner, &stored).await?;
                Ok::<_, VaultError>(ClientKeys {
                    id: stored.registration.client_id,
                    secret,
                })
            };
            lent.await.map_err(Fault::from)
        })
    }
}
