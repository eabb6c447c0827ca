//! Who calls: API keys and frontend tokens, looked up by the hash of their secret each time.

use fondaco_model::ids::{ApiKeyId, EndUserId, TenantId};
use fondaco_model::scope::KeyScope;
use fondaco_model::{Instant, Secret};
use fondaco_store::repo::api_key::{KeyClass, TOUCH_SECONDS};
use fondaco_store::repo::frontend_token::FrontendToken;
use fondaco_store::repo::tenant::Mode;
use fondaco_store::repo::{Scope, api_key, end_user, frontend_token, ledger, tenant};
use fondaco_store::{OPERATOR, in_tx};
use serde_json::json;

use crate::Vault;
use crate::consents::entry;
use crate::error::VaultError;
use crate::ledger::Actor;
use crate::seal::{API_KEY_LIVE, API_KEY_TEST, FRONTEND_TOKEN, secret_token, sha256};

/// Longest life of a frontend token, in seconds: one hour.
pub const FRONTEND_SECONDS_MAX: u32 = 3_600;

/// Longest reference of a tenant to one of its people, in characters.
pub const END_USER_REF_CHARS_MAX: usize = 255;

/// Longest bearer token that is looked at, in bytes.
const BEARER_BYTES_MAX: usize = 256;

/// What kind of caller it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallerClass {
    /// A server that answers people.
    Server,
    /// A job that walks through everything.
    Job,
    /// A browser with a token for one person.
    Frontend,
}

/// A caller that was recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticated {
    /// Its tenant.
    pub tenant: TenantId,
    /// Which institutions the tenant reaches.
    pub mode: Mode,
    /// The key, or the key that made the token.
    pub key: ApiKeyId,
    /// What kind of caller it is.
    pub class: CallerClass,
    /// What it may do.
    pub scopes: Vec<KeyScope>,
    /// The only person whose data it reaches; none for a server.
    pub end_user: Option<EndUserId>,
    /// The origins that may call with it; empty for a server, which no browser should hold.
    pub origins: Vec<String>,
}

impl Authenticated {
    /// What the caller may see within its tenant.
    pub fn scope(&self) -> Scope {
        self.end_user.map_or(Scope::Tenant, Scope::EndUser)
    }

    /// True when the caller may do it.
    pub fn may(&self, scope: KeyScope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// A frontend token that is asked for.
#[derive(Debug, Clone)]
pub struct NewFrontendToken<'a> {
    /// The key that asks.
    pub api_key: ApiKeyId,
    /// What that key may do.
    pub held: &'a [KeyScope],
    /// The tenant's own reference to the person; made at first use.
    pub end_user_ref: &'a str,
    /// What the token may do; a part of what the key may.
    pub scopes: &'a [KeyScope],
    /// Seconds that it lives; at most [`FRONTEND_SECONDS_MAX`].
    pub ttl_seconds: u32,
}

/// Checks a tenant's reference to a person: 1 to 255 characters, none of them a control.
///
/// # Errors
/// [`VaultError::Invalid`].
pub fn check_end_user_ref(reference: &str) -> Result<(), VaultError> {
    let count = reference.chars().count();
    let plain = !reference.chars().any(char::is_control);
    if (1..=END_USER_REF_CHARS_MAX).contains(&count) && plain {
        Ok(())
    } else {
        Err(VaultError::Invalid(
            "an end user's reference has 1 to 255 characters",
        ))
    }
}

impl Vault {
    /// Who holds this bearer token; none when it is unknown, revoked or expired, or its tenant is
    /// disabled.
    pub async fn authenticate(&self, bearer: &str) -> Result<Option<Authenticated>, VaultError> {
        let is = |prefix: &str| bearer.starts_with(prefix);
        if bearer.len() > BEARER_BYTES_MAX {
            Ok(None)
        } else if is(API_KEY_TEST) || is(API_KEY_LIVE) {
            self.by_key(bearer).await
        } else if is(FRONTEND_TOKEN) {
            self.by_token(bearer).await
        } else {
            Ok(None)
        }
    }

    async fn by_key(&self, bearer: &str) -> Result<Option<Authenticated>, VaultError> {
        let db = &self.inner.db;
        let mut session = db.read(OPERATOR).await?;
        let Some(found) = api_key::find(&mut session, &sha256(bearer)).await? else {
            return Ok(None);
        };
        drop(session);
        let (key, now) = (found.key, self.inner.now());
        let stale = |at: Instant| now.seconds_since(at) >= TOUCH_SECONDS;
        if key.last_used_at.is_none_or(stale) {
            in_tx!(db, key.tenant_id, |tx| api_key::touch(tx, key.id, now)
                .await)?;
        }
        Ok(Some(Authenticated {
            tenant: key.tenant_id,
            mode: found.mode,
            key: key.id,
            class: match key.class {
                KeyClass::Server => CallerClass::Server,
                KeyClass::Job => CallerClass::Job,
            },
            scopes: key.scopes,
            end_user: None,
            origins: Vec::new(),
        }))
    }

    async fn by_token(&self, bearer: &str) -> Result<Option<Authenticated>, VaultError> {
        let db = &self.inner.db;
        let mut session = db.read(OPERATOR).await?;
        let found = frontend_token::find(&mut session, &sha256(bearer), self.inner.now()).await?;
        drop(session);
        let Some(found) = found else {
            return Ok(None);
        };
        let token = found.token;
        let mut session = db.read(token.tenant_id).await?;
        let origins = tenant::origins(&mut session).await?;
        Ok(Some(Authenticated {
            tenant: token.tenant_id,
            mode: found.mode,
            key: token.api_key_id,
            class: CallerClass::Frontend,
            scopes: token.scopes,
            end_user: Some(token.end_user_id),
            origins,
        }))
    }

    /// Makes a token for one person's browser, and the person at first use. Answers the secret,
    /// which is shown here alone, when it expires, and the person's id.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] for scopes that the key does not have, a lifetime of 0 or above
    /// [`FRONTEND_SECONDS_MAX`], and a reference out of its limits.
    pub async fn create_frontend_token(
        &self,
        tenant: TenantId,
        new: &NewFrontendToken<'_>,
    ) -> Result<(Secret, Instant, EndUserId), VaultError> {
        check_end_user_ref(new.end_user_ref)?;
        if !(1..=FRONTEND_SECONDS_MAX).contains(&new.ttl_seconds) {
            return Err(VaultError::Invalid(
                "a frontend token lives 1 to 3600 seconds",
            ));
        }
        if !new.scopes.iter().all(|scope| new.held.contains(scope)) {
            return Err(VaultError::Invalid(
                "a frontend token may do no more than its key",
            ));
        }
        let effects = &self.inner.effects;
        let secret = secret_token(effects, FRONTEND_TOKEN);
        let hash = sha256(secret.expose());
        let (now, fresh_id) = (effects.now(), EndUserId::new(effects));
        let expires_at = now.plus_seconds(new.ttl_seconds.into());
        let words: Vec<_> = new.scopes.iter().map(|scope| scope.as_str()).collect();
        let facts = json!({ "key": new.api_key, "scopes": words, "seconds": new.ttl_seconds });
        let mut event = entry(effects, "frontend_token.created", Actor::Client, &facts)?;
        let person = in_tx!(self.inner.db, tenant, |tx| {
            let person = end_user::get_or_create(tx, new.end_user_ref, fresh_id, now).await?;
            let token = FrontendToken {
                tenant_id: tenant,
                end_user_id: person.id,
                api_key_id: new.api_key,
                scopes: new.scopes.to_vec(),
                created_at: now,
                expires_at,
            };
            frontend_token::insert(tx, &token, &hash).await?;
            event.end_user_id = Some(person.id);
            ledger::append(tx, &event).await?;
            Ok::<_, VaultError>(person.id)
        })?;
        Ok((secret, expires_at, person))
    }
}
