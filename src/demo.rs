//! What `serve --sandbox` shows: a test tenant, its registrations at the simulated bank, a key,
//! and a consent link.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use fondaco_model::Secret;
use fondaco_model::ids::TenantId;
use fondaco_model::scope::KeyScope;
use fondaco_model::v1::Owner;
use fondaco_store::repo::api_key::KeyClass;
use fondaco_store::repo::tenant::{Details, Mode};
use fondaco_vault::registrations::{NewRegistration, redirect_uri};
use fondaco_vault::tenants::{AddressChange, NewTenant};
use fondaco_vault::{StartLink, Vault};

use crate::cli::Cx;
use crate::failure::{Failure, Outcome};
use crate::wire::{Engine, House};
use crate::{find, folder};

/// The tenant's name.
const NAME: &str = "Demo";
/// The tenant's reference to the person who follows the link.
const PERSON: &str = "demo";
/// The environment of the registrations, so that nobody else's are touched.
const ENVIRONMENT: &str = "demo";
/// File of the key, within the data folder; what a test tenant can reach is made up.
const KEY_FILE: &str = "demo-api.key";

/// What was made, or found again.
pub(crate) struct Demo {
    tenant: TenantId,
    /// A key with every scope.
    pub(crate) key: Secret,
    /// What the simulated bank must accept.
    pub(crate) redirect_uris: Vec<String>,
}

impl Demo {
    /// Makes what is missing. Nothing is sent: the bank does not run yet.
    ///
    /// # Errors
    /// The store's and the vault's; a key file that cannot be written.
    pub(crate) async fn prepare(cx: &Cx, house: &House, engine: &Engine) -> Outcome<Self> {
        let vault = &engine.vault;
        let tenant = tenant(house, vault).await?;
        let back = AddressChange::AddReturnUrl(return_url(engine));
        vault.change_address(tenant, &back).await?;
        let mut redirect_uris = Vec::new();
        for manifest in vault
            .catalogue()
            .manifests()
            .filter(|manifest| manifest.sandbox)
        {
            redirect_uris.push(registration(engine, tenant, &manifest.id).await?);
        }
        let key = key(cx, vault, tenant).await?;
        Ok(Self {
            tenant,
            key,
            redirect_uris,
        })
    }

    /// A fresh link to the consent pages.
    ///
    /// # Errors
    /// The vault's.
    pub(crate) async fn link(&self, engine: &Engine) -> Outcome<Secret> {
        let start = StartLink {
            end_user_ref: PERSON,
            institution_id: None,
            return_url: &return_url(engine),
            locale: None,
            scopes: &[],
            history_from: None,
            link_id: None,
            request_id: None,
            api_key: None,
        };
        let started = engine.vault.start_link(self.tenant, &start).await;
        Ok(started
            .map_err(|error| Failure::failed(error.to_string()))?
            .url)
    }
}

fn return_url(engine: &Engine) -> String {
    format!("{}graphiql", engine.public_url)
}

async fn tenant(house: &House, vault: &Vault) -> Outcome<TenantId> {
    let all = find::tenants(house.db()).await?;
    let known = all.into_iter().find(|tenant| {
        let is_ours = tenant.mode == Mode::Test && tenant.details.display_name == NAME;
        is_ours && tenant.disabled_at.is_none()
    });
    if let Some(tenant) = known {
        return Ok(tenant.id);
    }
    let new = NewTenant {
        details: Details {
            display_name: NAME.to_owned(),
            privacy_url: "https://example.org/privacy".to_owned(),
            support_contact: "support@example.org".to_owned(),
        },
        mode: Mode::Test,
        return_urls: Vec::new(),
        origins: Vec::new(),
    };
    Ok(vault.create_tenant(&new).await?.id)
}

/// The redirect URI of the tenant's registration, which is made anew when the port has changed.
async fn registration(engine: &Engine, tenant: TenantId, institution: &str) -> Outcome<String> {
    let (vault, owner) = (&engine.vault, Owner::Tenant(tenant));
    let found = vault.registration_for(tenant, institution).await?;
    let found = found.filter(|stored| stored.registration.owner == owner);
    if let Some(stored) = found.filter(|stored| stored.environment == ENVIRONMENT) {
        let registered = stored.registration;
        if registered.redirect_uri == redirect_uri(&engine.public_url, registered.id) {
            return Ok(registered.redirect_uri);
        }
        vault.disable_registration(owner, registered.id).await?;
    }
    let bank = fondaco_sandbox::Config::default();
    let new = NewRegistration {
        owner,
        institution_id: institution.to_owned(),
        environment: ENVIRONMENT.to_owned(),
        client_id: bank.client_id,
        client_secret: Some(Secret::new(bank.client_secret)),
    };
    Ok(vault.add_registration(&new).await?.redirect_uri)
}

/// The key of the last start while it is good, so that a frontend goes on; else a new one.
async fn key(cx: &Cx, vault: &Vault, tenant: TenantId) -> Outcome<Secret> {
    let data = &cx.config().data;
    let path = data.join(KEY_FILE);
    if let Ok(text) = std::fs::read_to_string(&path) {
        let kept = Secret::new(text.trim());
        let known = vault.authenticate(kept.expose()).await?;
        if known.is_some_and(|caller| caller.tenant == tenant) {
            return Ok(kept);
        }
    }
    let class = (KeyClass::Server, KeyScope::ALL);
    let (_, fresh) = vault
        .create_api_key(tenant, "serve --sandbox", class)
        .await?;
    folder::make(data)?;
    keep(&path, &fresh)
        .map_err(|error| Failure::failed(format!("{}: {}", path.display(), error.kind())))?;
    Ok(fresh)
}

fn keep(path: &Path, key: &Secret) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{}", key.expose())
}
