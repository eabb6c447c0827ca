//! Tenants and the keys of their servers, each change with its entry in the tenant's ledger.

use fondaco_model::Secret;
use fondaco_model::ids::{ApiKeyId, TenantId};
use fondaco_model::scope::KeyScope;
use fondaco_store::repo::api_key::{ApiKey, KeyClass};
use fondaco_store::repo::tenant::{Details, Mode, Tenant};
use fondaco_store::repo::{api_key, ledger, tenant};
use fondaco_store::{Tx, in_tx};
use serde_json::json;
use url::{Host, Url};

use crate::Vault;
use crate::consents::entry;
use crate::error::VaultError;
use crate::ledger::Actor;
use crate::seal::{API_KEY_LIVE, API_KEY_TEST, secret_token, sha256};

/// Longest display name, support contact, address or label, in bytes.
pub const TEXT_BYTES_MAX: usize = 500;

/// Characters of a key that stay visible as its hint, the prefix included.
const HINT_CHARS: usize = 13;

/// A tenant that is to be made.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// What consent pages show.
    pub details: Details,
    /// Which institutions it reaches.
    pub mode: Mode,
    /// Where its frontends return to.
    pub return_urls: Vec<String>,
    /// The origins of its frontends.
    pub origins: Vec<String>,
}

/// A change of a tenant's addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressChange {
    /// The pages may return here; compared exactly.
    AddReturnUrl(String),
    /// They may no longer.
    RemoveReturnUrl(String),
    /// Pages of this origin may call us.
    AddOrigin(String),
    /// They may no longer.
    RemoveOrigin(String),
}

/// Checks an address that people are sent back to: https, or http on this machine's own
/// loopback; without credentials and fragment.
///
/// # Errors
/// [`VaultError::Invalid`].
pub fn check_return_url(text: &str) -> Result<(), VaultError> {
    let refused = Err(VaultError::Invalid(
        "a return URL is an https address (or http on loopback) without credentials and fragment",
    ));
    let Ok(url) = Url::parse(text) else {
        return refused;
    };
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if text.len() <= TEXT_BYTES_MAX && plain && is_secure(&url) {
        Ok(())
    } else {
        refused
    }
}

/// Checks an origin: scheme, host and port only, as browsers write it.
///
/// # Errors
/// [`VaultError::Invalid`].
pub fn check_origin(text: &str) -> Result<(), VaultError> {
    let url = Url::parse(text).ok().filter(is_secure);
    match url {
        Some(url) if url.origin().ascii_serialization() == text => Ok(()),
        _ => Err(VaultError::Invalid(
            "an origin is scheme, host and port as a browser sends them",
        )),
    }
}

fn is_secure(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}

fn check_details(details: &Details) -> Result<(), VaultError> {
    let fits = |text: &String| (1..=TEXT_BYTES_MAX).contains(&text.trim().len());
    let all = [
        &details.display_name,
        &details.privacy_url,
        &details.support_contact,
    ];
    if !all.into_iter().all(fits) {
        return Err(VaultError::Invalid(
            "a tenant has a display name, a privacy address and a support contact",
        ));
    }
    match Url::parse(&details.privacy_url) {
        Ok(url) if matches!(url.scheme(), "https" | "http") => Ok(()),
        _ => Err(VaultError::Invalid(
            "the privacy address is an http address",
        )),
    }
}

impl Vault {
    /// Makes a tenant with its addresses.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] for details that are missing and addresses that nobody can trust.
    pub async fn create_tenant(&self, new: &NewTenant) -> Result<Tenant, VaultError> {
        check_details(&new.details)?;
        new.return_urls
            .iter()
            .try_for_each(|url| check_return_url(url))?;
        new.origins
            .iter()
            .try_for_each(|origin| check_origin(origin))?;
        let effects = &self.inner.effects;
        let (id, mode) = (TenantId::new(effects), new.mode.as_str());
        let event = entry(
            effects,
            "tenant.created",
            Actor::Operator,
            &json!({ "mode": mode }),
        )?;
        in_tx!(self.inner.db, id, |tx| {
            let made = tenant::create(tx, &new.details, new.mode, event.at).await?;
            for url in &new.return_urls {
                tenant::add_return_url(tx, url).await?;
            }
            for origin in &new.origins {
                tenant::add_origin(tx, origin).await?;
            }
            ledger::append(tx, &event).await?;
            Ok::<_, VaultError>(made)
        })
    }

    /// Disables a tenant: its keys and tokens find nothing any more. False when it is disabled
    /// already or unknown.
    pub async fn disable_tenant(&self, id: TenantId) -> Result<bool, VaultError> {
        let event = entry(
            &self.inner.effects,
            "tenant.disabled",
            Actor::Operator,
            &json!({}),
        )?;
        in_tx!(self.inner.db, id, |tx| {
            let disabled = tenant::disable(tx, event.at).await?;
            if disabled {
                ledger::append(tx, &event).await?;
            }
            Ok::<_, VaultError>(disabled)
        })
    }

    /// Changes what consent pages show about a tenant.
    ///
    /// # Errors
    /// [`VaultError::Invalid`]; `StoreError::NotFound` when there is no such tenant.
    pub async fn update_tenant(&self, id: TenantId, details: &Details) -> Result<(), VaultError> {
        check_details(details)?;
        let event = entry(
            &self.inner.effects,
            "tenant.updated",
            Actor::Operator,
            &json!({}),
        )?;
        in_tx!(self.inner.db, id, |tx| {
            tenant::update(tx, details).await?;
            ledger::append(tx, &event).await
        })?;
        Ok(())
    }

    /// Changes a tenant's return addresses and origins; false when nothing had to change.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] for an address that nobody can trust.
    pub async fn change_address(
        &self,
        id: TenantId,
        change: &AddressChange,
    ) -> Result<bool, VaultError> {
        let (kind, text) = match change {
            AddressChange::AddReturnUrl(url) => ("tenant.return_url_added", url),
            AddressChange::RemoveReturnUrl(url) => ("tenant.return_url_removed", url),
            AddressChange::AddOrigin(origin) => ("tenant.origin_added", origin),
            AddressChange::RemoveOrigin(origin) => ("tenant.origin_removed", origin),
        };
        let facts = json!({ "address": text });
        let event = entry(&self.inner.effects, kind, Actor::Operator, &facts)?;
        match change {
            AddressChange::AddReturnUrl(url) => check_return_url(url)?,
            AddressChange::AddOrigin(origin) => check_origin(origin)?,
            AddressChange::RemoveReturnUrl(_) | AddressChange::RemoveOrigin(_) => {}
        }
        in_tx!(self.inner.db, id, |tx| {
            let changed = change_address(tx, change).await?;
            if changed {
                ledger::append(tx, &event).await?;
            }
            Ok::<_, VaultError>(changed)
        })
    }

    /// Makes a key for a tenant's server. The secret is shown here and never again.
    ///
    /// # Errors
    /// [`VaultError::NotFound`] when there is no such tenant or it is disabled,
    /// [`VaultError::Invalid`] for a label that is too long.
    pub async fn create_api_key(
        &self,
        tenant_id: TenantId,
        label: &str,
        (class, scopes): (KeyClass, &[KeyScope]),
    ) -> Result<(ApiKey, Secret), VaultError> {
        if label.len() > TEXT_BYTES_MAX {
            return Err(VaultError::Invalid("a label has at most 500 bytes"));
        }
        let inner = &self.inner;
        let mut session = inner.db.read(tenant_id).await?;
        let found = tenant::get(&mut session)
            .await?
            .filter(|found| found.disabled_at.is_none());
        let owner = found.ok_or(VaultError::NotFound)?;
        drop(session);
        let prefix = match owner.mode {
            Mode::Test => API_KEY_TEST,
            Mode::Live => API_KEY_LIVE,
        };
        let secret = secret_token(&inner.effects, prefix);
        let key = ApiKey {
            id: ApiKeyId::new(&inner.effects),
            tenant_id,
            hint: secret.expose().chars().take(HINT_CHARS).collect(),
            label: label.to_owned(),
            class,
            scopes: scopes.to_vec(),
            created_at: inner.now(),
            last_used_at: None,
            revoked_at: None,
        };
        let words: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
        let facts = json!({ "key": key.id, "class": class.as_str(), "scopes": words });
        let event = entry(&inner.effects, "api_key.created", Actor::Operator, &facts)?;
        let hash = sha256(secret.expose());
        in_tx!(inner.db, tenant_id, |tx| {
            api_key::insert(tx, &key, &hash).await?;
            ledger::append(tx, &event).await
        })?;
        Ok((key, secret))
    }

    /// Revokes a key and the frontend tokens that it made; false when it is revoked already or
    /// not the tenant's.
    pub async fn revoke_api_key(&self, tenant: TenantId, id: ApiKeyId) -> Result<bool, VaultError> {
        let facts = json!({ "key": id });
        let event = entry(
            &self.inner.effects,
            "api_key.revoked",
            Actor::Operator,
            &facts,
        )?;
        in_tx!(self.inner.db, tenant, |tx| {
            let revoked = api_key::revoke(tx, id, event.at).await?;
            if revoked {
                ledger::append(tx, &event).await?;
            }
            Ok::<_, VaultError>(revoked)
        })
    }
}

async fn change_address(tx: &mut Tx, change: &AddressChange) -> Result<bool, VaultError> {
    Ok(match change {
        AddressChange::AddReturnUrl(url) => {
            let known = tenant::return_url_registered(tx, url).await?;
            tenant::add_return_url(tx, url).await?;
            !known
        }
        AddressChange::RemoveReturnUrl(url) => tenant::remove_return_url(tx, url).await?,
        AddressChange::AddOrigin(origin) => {
            let known = tenant::has_origin(tx, origin).await?;
            tenant::add_origin(tx, origin).await?;
            !known
        }
        AddressChange::RemoveOrigin(origin) => tenant::remove_origin(tx, origin).await?,
    })
}
