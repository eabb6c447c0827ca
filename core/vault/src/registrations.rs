//! Registrations: what a provider gave an operator or a tenant, with its secret sealed.

use fondaco_connectors::core::{FlowEvent, Grant};
use fondaco_model::ids::{RegistrationId, TenantId};
use fondaco_model::provider::AuthScheme;
use fondaco_model::v1::{Owner, Registration};
use fondaco_model::{Fault, Instant, Secret};
use fondaco_store::repo::registration::{Rotation, StoredRegistration};
use fondaco_store::repo::{ledger, registration};
use fondaco_store::{OPERATOR, in_tx};
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;

use crate::consents::entry;
use crate::error::VaultError;
use crate::flow::Bank;
use crate::ledger::Actor;
use crate::seal::{DataKey, Place, Ring, Subject, open_text, purpose, seal_text};
use crate::{Inner, Vault};

/// Longest client id or client secret, in bytes.
pub const CLIENT_BYTES_MAX: usize = 4_096;

/// The name of the test's calls.
const TEST: &str = "registration.test";

/// What a provider gave.
#[derive(Debug, Clone)]
pub struct NewRegistration {
    /// Whose it is.
    pub owner: Owner,
    /// The institution's entry.
    pub institution_id: String,
    /// The provider's environment, as a word: `sandbox`, `production`.
    pub environment: String,
    /// Client id.
    pub client_id: String,
    /// Client secret; none for a public client.
    pub client_secret: Option<Secret>,
}

/// How a registration stood the test.
#[derive(Debug, Clone)]
pub enum Tested {
    /// The token endpoint knows the client.
    ClientAccepted,
    /// The institution answers, if only with an error; it has no token endpoint that could tell
    /// more.
    Reachable,
    /// The token endpoint refuses the client.
    ClientRefused,
    /// Nothing was learned about the client.
    Unclear(Fault),
}

/// A JWK Set (RFC 7517 section 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    /// Public keys.
    pub keys: Vec<Value>,
}

/// The tenant under which an owner's rows stand.
pub(crate) fn tenant_of(owner: Owner) -> TenantId {
    match owner {
        Owner::Operator => OPERATOR,
        Owner::Tenant(id) => id,
    }
}

fn subject_of(owner: Owner) -> Subject {
    match owner {
        Owner::Operator => Subject::Operator,
        Owner::Tenant(id) => Subject::Tenant(id),
    }
}

fn actor_of(owner: Owner) -> Actor {
    match owner {
        Owner::Operator => Actor::Operator,
        Owner::Tenant(_) => Actor::Client,
    }
}

/// `since` is when the secret was last changed, so that an older one does not pass for it.
fn place(owner: Owner, id: RegistrationId, since: Instant) -> Place {
    Place {
        purpose: purpose::CLIENT_SECRET,
        tenant: match owner {
            Owner::Operator => None,
            Owner::Tenant(id) => Some(id),
        },
        table: "registration",
        column: "client_secret_sealed",
        row: id.0,
        version: since.micros().unsigned_abs(),
        part: 0,
    }
}

/// The redirect URI of a registration: one, fixed, so that it can be registered at the provider.
pub fn redirect_uri(public_url: &Url, id: RegistrationId) -> String {
    let base = public_url.as_str().trim_end_matches('/');
    format!("{base}/callback/{id}")
}

/// Where the public keys of a registration are read, a JWK Set (RFC 7517 section 5).
pub fn keys_uri(public_url: &Url, id: RegistrationId) -> String {
    let base = public_url.as_str().trim_end_matches('/');
    format!("{base}/keys/{id}")
}

/// The client secret of a registration, opened.
pub(crate) async fn client_secret(
    inner: &Inner,
    stored: &StoredRegistration,
) -> Result<Option<Secret>, VaultError> {
    let Some(sealed) = &stored.client_secret_sealed else {
        return Ok(None);
    };
    let of = &stored.registration;
    let key = inner
        .keys
        .by_id(tenant_of(of.owner), stored.data_key_id)
        .await?;
    let since = stored.rotated_at.unwrap_or(of.created_at);
    Ok(Some(open_text(
        &key,
        &place(of.owner, of.id, since),
        sealed,
    )?))
}

impl Vault {
    /// Keeps a registration and answers it with its redirect URI.
    ///
    /// # Errors
    /// [`VaultError::NotConnectable`] for an unknown institution, [`VaultError::Invalid`] for
    /// values out of their limits.
    pub async fn add_registration(
        &self,
        new: &NewRegistration,
    ) -> Result<Registration, VaultError> {
        let inner = &self.inner;
        let known = inner.catalogue.manifest(&new.institution_id);
        if known
            .and_then(|manifest| inner.catalogue.flow(&manifest))
            .is_none()
        {
            return Err(VaultError::NotConnectable(new.institution_id.clone()));
        }
        check_client(&new.client_id, new.client_secret.as_ref())?;
        let (id, now) = (RegistrationId::new(&inner.effects), inner.now());
        let key = self.owner_key(new.owner).await?;
        let sealed =
            self.seal_secret(&key, place(new.owner, id, now), new.client_secret.as_ref())?;
        let stored = StoredRegistration {
            registration: Registration {
                id,
                owner: new.owner,
                institution_id: new.institution_id.clone(),
                client_id: new.client_id.clone(),
                redirect_uri: redirect_uri(&inner.public_url, id),
                created_at: now,
            },
            environment: new.environment.clone(),
            client_secret_sealed: sealed,
            data_key_id: key.label().id,
            rotated_at: None,
            disabled_at: None,
        };
        let facts = json!({ "registration": id, "institution": new.institution_id });
        let event = entry(
            &inner.effects,
            "registration.added",
            actor_of(new.owner),
            &facts,
        )?;
        in_tx!(inner.db, tenant_of(new.owner), |tx| {
            registration::insert(tx, &stored).await?;
            ledger::append(tx, &event).await
        })?;
        Ok(stored.registration)
    }

    /// Replaces client id and secret; the redirect URI stays.
    ///
    /// # Errors
    /// `StoreError::NotFound` when it is not there or has another owner.
    pub async fn rotate_registration(
        &self,
        owner: Owner,
        id: RegistrationId,
        (client_id, secret): (&str, Option<Secret>),
    ) -> Result<(), VaultError> {
        let inner = &self.inner;
        check_client(client_id, secret.as_ref())?;
        let (key, now) = (self.owner_key(owner).await?, inner.now());
        let rotation = Rotation {
            client_id: client_id.to_owned(),
            client_secret_sealed: self.seal_secret(&key, place(owner, id, now), secret.as_ref())?,
            data_key_id: key.label().id,
            at: now,
        };
        let facts = json!({ "registration": id });
        let event = entry(
            &inner.effects,
            "registration.rotated",
            actor_of(owner),
            &facts,
        )?;
        in_tx!(inner.db, tenant_of(owner), |tx| {
            registration::rotate(tx, id, &rotation).await?;
            ledger::append(tx, &event).await
        })?;
        Ok(())
    }

    /// Lets no new link be made with a registration; false when it is disabled already or has
    /// another owner.
    pub async fn disable_registration(
        &self,
        owner: Owner,
        id: RegistrationId,
    ) -> Result<bool, VaultError> {
        let inner = &self.inner;
        let facts = json!({ "registration": id });
        let event = entry(
            &inner.effects,
            "registration.disabled",
            actor_of(owner),
            &facts,
        )?;
        in_tx!(inner.db, tenant_of(owner), |tx| {
            let disabled = registration::disable(tx, id, event.at).await?;
            if disabled {
                ledger::append(tx, &event).await?;
            }
            Ok::<_, VaultError>(disabled)
        })
    }

    /// The registrations that a tenant may use; all for the operator.
    pub async fn registrations(
        &self,
        tenant: TenantId,
    ) -> Result<Vec<StoredRegistration>, VaultError> {
        let mut session = self.inner.db.read(tenant).await?;
        Ok(registration::list(&mut session).await?)
    }

    /// The address of a registration's public keys.
    pub fn public_keys_uri(&self, id: RegistrationId) -> String {
        keys_uri(&self.inner.public_url, id)
    }

    /// The public keys of a registration, as institutions read them; none when there is no such
    /// registration. A disabled one has them still: what was signed before can be checked.
    ///
    /// No registration has signing keys yet: the institutions that we know take a client secret.
    pub async fn public_keys(&self, id: RegistrationId) -> Result<Option<JwkSet>, VaultError> {
        // Whoever asks is no tenant: the id finds the registration.
        let mut session = self.inner.db.read(OPERATOR).await?;
        let found = registration::get(&mut session, id).await?;
        Ok(found.map(|_| JwkSet { keys: Vec::new() }))
    }

    /// The registration for a new link of a tenant: its own first, else the operator's.
    pub async fn registration_for(
        &self,
        tenant: TenantId,
        institution: &str,
    ) -> Result<Option<StoredRegistration>, VaultError> {
        let mut session = self.inner.db.read(tenant).await?;
        Ok(registration::for_institution(&mut session, institution).await?)
    }

    /// Asks the institution whether it knows the client: a refresh with a token that nobody has.
    /// Where no token endpoint could tell, only that the institution answers.
    ///
    /// # Errors
    /// [`VaultError::NotFound`] when the tenant may use no such registration.
    pub async fn test_registration(
        &self,
        tenant: TenantId,
        id: RegistrationId,
    ) -> Result<Tested, VaultError> {
        let mut session = self.inner.db.read(tenant).await?;
        let stored = registration::get(&mut session, id)
            .await?
            .ok_or(VaultError::NotFound)?;
        drop(session);
        let bank = Bank::of(&self.inner, tenant, &stored.registration)?;
        if bank.manifest.auth.scheme != AuthScheme::Oauth2 {
            return Ok(match bank.knock(TEST).await {
                Ok(()) => Tested::Reachable,
                Err(fault) => Tested::Unclear(fault),
            });
        }
        let nobody = Grant {
            refresh_token: Some(Secret::new("fondaco-registration-test")),
            ..Grant::default()
        };
        Ok(
            match bank.run(None, FlowEvent::Refresh(&nobody), TEST).await {
                // No server should; but then it knows the client.
                Ok(_) => Tested::ClientAccepted,
                Err(fault) => judge(fault),
            },
        )
    }

    async fn owner_key(&self, owner: Owner) -> Result<std::sync::Arc<DataKey>, VaultError> {
        let (tenant, subject) = (tenant_of(owner), subject_of(owner));
        Ok(self
            .inner
            .keys
            .of_subject(tenant, Ring::Token, subject)
            .await?)
    }

    fn seal_secret(
        &self,
        key: &DataKey,
        place: Place,
        secret: Option<&Secret>,
    ) -> Result<Option<String>, VaultError> {
        let seal = |secret: &Secret| seal_text(&self.inner.effects, key, &place, secret.expose());
        Ok(secret.map(seal).transpose()?)
    }
}

/// What a token endpoint says about the client by refusing the token. Only words that come after
/// the client was checked (RFC 6749 section 5.2) prove that it is known; a request that the server
/// does not understand, or a page of a proxy, proves nothing.
fn judge(fault: Fault) -> Tested {
    let word = fault.get("oauth_error").or_else(|| fault.get("reason"));
    match word {
        Some("invalid_grant" | "invalid_scope") => Tested::ClientAccepted,
        Some("invalid_client" | "unauthorized_client" | "client_refused") => Tested::ClientRefused,
        // Refused without a word: at a token endpoint that is about the client.
        None if fault.get("status") == Some("401") => Tested::ClientRefused,
        _ => Tested::Unclear(fault),
    }
}

fn check_client(id: &str, secret: Option<&Secret>) -> Result<(), VaultError> {
    let fits = |text: &str| (1..=CLIENT_BYTES_MAX).contains(&text.len());
    if fits(id) && secret.is_none_or(|secret| fits(secret.expose())) {
        Ok(())
    } else {
        Err(VaultError::Invalid(
            "client id and secret have 1 to 4096 bytes",
        ))
    }
}
