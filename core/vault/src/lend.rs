//! Lends access tokens and client secrets to the transport's layers.
//!
//! A call names what it is sent for: under a grant its caller's credential is the grant's id, at a
//! token endpoint the registration's.

use std::sync::{Arc, OnceLock, Weak};

use fondaco_connectors::core::Connector;
use fondaco_model::ids::{GrantId, LinkId, RegistrationId, TenantId};
use fondaco_model::provider::{ClientAuth, Manifest};
use fondaco_model::v1::Link;
use fondaco_model::{Fault, FaultKind, Secret};
use fondaco_store::repo::consent::StoredConsent;
use fondaco_store::repo::{consent, grant, link, registration};
use fondaco_transport::Call;
use fondaco_transport::layers::authorize::{
    ClientAuthenticator, ClientKeys, ClientSecretBasic, ClientSecretPost, ClientSecrets,
    LentClient, TokenSource,
};
use futures_util::future::BoxFuture;

use crate::error::VaultError;
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

/// All that a reader needs to speak to a link's institution; no token is among it.
pub struct ReadAccess {
    /// The link.
    pub link: Link,
    /// The consent in force.
    pub consent: StoredConsent,
    /// The institution's entry.
    pub manifest: Arc<Manifest>,
    /// The institution's family.
    pub connector: &'static dyn Connector,
    /// The institution's own id of the consent; none when it gave it no name.
    pub consent_ref: Option<Secret>,
    /// Id of what pays for the calls: the grant, which the transport's layers turn into the token,
    /// or the registration where the institution gave no tokens.
    pub credential: String,
}

impl std::fmt::Debug for ReadAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let consent = self.consent.consent.id;
        write!(f, "ReadAccess({consent}, {})", self.manifest.id)
    }
}

impl Vault {
    /// What a read of a link needs; none when the link is not there or disconnected, or has no
    /// consent that could be in force.
    ///
    /// # Errors
    /// [`VaultError::NotConnectable`] when the institution's entry or family is not there any more.
    pub async fn read_access(
        &self,
        tenant: TenantId,
        id: LinkId,
    ) -> Result<Option<ReadAccess>, VaultError> {
        let inner = &self.inner;
        let mut read = inner.db.read(tenant).await?;
        let Some(link) = link::get(&mut read, id).await?.map(|stored| stored.link) else {
            return Ok(None);
        };
        let current = link
            .current_consent_id
            .filter(|_| link.disconnected_at.is_none());
        let Some(current) = current else {
            return Ok(None);
        };
        let consent = consent::get(&mut read, current).await?;
        let grant = grant::by_consent(&mut read, current).await?;
        drop(read);
        let Some(consent) = consent.filter(|stored| !stored.consent.state.is_terminal()) else {
            return Ok(None);
        };
        let unknown = || VaultError::NotConnectable(link.institution_id.clone());
        let manifest = inner.catalogue.manifest(&link.institution_id);
        let manifest = manifest.ok_or_else(unknown)?;
        let connector = inner.catalogue.connector(&manifest.family);
        let connector = connector.ok_or_else(unknown)?;
        let credential = grant.map_or_else(
            || consent.registration_id.to_string(),
            |grant| grant.id.to_string(),
        );
        Ok(Some(ReadAccess {
            consent_ref: grants::open_bank_consent(inner, tenant, &consent).await?,
            link,
            consent,
            manifest,
            connector,
            credential,
        }))
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
    fn client<'a>(&'a self, call: &'a Call<'_>) -> BoxFuture<'a, Result<LentClient, Fault>> {
        Box::pin(async move {
            let (inner, id) = (self.inner()?, credential::<RegistrationId>(call)?);
            let lent = async {
                let mut read = inner.db.read(call.caller.tenant).await?;
                let stored = registration::get(&mut read, id).await?;
                drop(read);
                let stored = stored.ok_or(VaultError::NotFound)?;
                let secret = client_secret(&inner, &stored).await?;
                let of = stored.registration;
                let manifest = inner.catalogue.manifest(&of.institution_id);
                let manifest = manifest
                    .ok_or_else(|| VaultError::NotConnectable(of.institution_id.clone()))?;
                Ok::<_, VaultError>(LentClient {
                    keys: ClientKeys {
                        id: of.client_id,
                        secret,
                    },
                    authenticator: authenticator(manifest.auth.client_auth),
                })
            };
            lent.await.map_err(Fault::from)
        })
    }
}

/// The implementation of the way that an entry's word names. A further way is its word, one line
/// here and its implementation; nothing else asks which way it is.
fn authenticator(word: ClientAuth) -> Arc<dyn ClientAuthenticator> {
    match word {
        ClientAuth::Basic => Arc::new(ClientSecretBasic),
        ClientAuth::Post => Arc::new(ClientSecretPost),
    }
}
