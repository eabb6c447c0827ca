//! A whole installation for a test: store, vault, bank, routes.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::Router;
use fondaco_connectors::registry;
use fondaco_model::effects::SystemEntropy;
use fondaco_model::ids::TenantId;
use fondaco_model::provider::{AuthScheme, Manifest};
use fondaco_model::scope::KeyScope;
use fondaco_model::time::ManualClock;
use fondaco_model::v1::Owner;
use fondaco_model::{Effects, Instant, Secret};
use fondaco_store::repo::api_key::KeyClass;
use fondaco_store::repo::institution;
use fondaco_store::repo::ledger;
use fondaco_store::repo::tenant::{Details, Mode};
use fondaco_store::testing::{TestDb, engines};
use fondaco_store::{OPERATOR, in_tx};
use fondaco_transport::TokioSleeper;
use fondaco_vault::registrations::NewRegistration;
use fondaco_vault::seal::{KeyRing, MasterKey};
use fondaco_vault::tenants::NewTenant;
use fondaco_vault::{Catalogue, Keys, Lender, StartLink, Vault, VaultParts};
use tokio::sync::Semaphore;
use url::Url;

use super::bank::{Bank, Gate, Line, pass};
use super::browser::Browser;
use crate::connect::{ConnectConfig, PeerRates, router};

/// Where the installation is reached.
pub(super) const ORIGIN: &str = "http://127.0.0.1:8080";
/// Where people return to.
pub(super) const RETURN_URL: &str = "https://app.example/linked?from=bank";
/// Largest statement.
pub(super) const IMPORT_BYTES_MAX: u64 = 3 * 1024 * 1024;

const NOW: Instant = Instant::from_micros(1_767_225_600_000_000);

/// An installation with one tenant and one bank.
pub(super) struct Town {
    pub(super) db: TestDb,
    pub(super) vault: Vault,
    pub(super) app: Router,
    pub(super) bank: Arc<Bank>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) tenant: TenantId,
    /// Institutions with a registration: one with OAuth.
    pub(super) institution: String,
    /// Each permit lets one wait of an answer pass.
    pub(super) patience: Gate,
}

/// An installation on each engine.
pub(super) async fn towns() -> Vec<Town> {
    let mut towns = Vec::new();
    for db in engines().await {
        towns.push(Town::build(db, PeerRates::default()).await);
    }
    towns
}

/// An installation where one peer may make a few requests only.
pub(super) async fn strict_town(burst: u32) -> Town {
    let rates = PeerRates {
        burst: NonZeroU32::new(burst).unwrap(),
        per_second: NonZeroU32::MIN,
    };
    Town::build(fondaco_store::testing::sqlite().await, rates).await
}

fn ring(digit: char) -> Arc<KeyRing> {
    let text = format!("{}01", digit.to_string().repeat(62));
    Arc::new(KeyRing::new(MasterKey::from_text(&text).unwrap(), Vec::new()).unwrap())
}

fn oauth_bank() -> Manifest {
    let mut institutions = registry::institutions().unwrap().into_iter();
    institutions
        .find(|entry| entry.auth.scheme == AuthScheme::Oauth2)
        .unwrap()
}

impl Town {
    async fn build(db: TestDb, rates: PeerRates) -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let effects = Effects::new(clock.clone(), Arc::new(SystemEntropy));
        let catalogue = Arc::new(Catalogue::new(registry::institutions().unwrap()));
        let entries = catalogue.institutions();
        in_tx!(db, OPERATOR, |tx| institution::sync(tx, &entries, NOW)
            .await)
        .unwrap();
        let bank = Arc::new(Bank::default());
        let keys = Keys::new(db.clone(), effects.clone(), ring('a'), Some(ring('b')));
        let public_url = Url::parse(ORIGIN).unwrap();
        let vault = Vault::new(VaultParts {
            db: db.clone(),
            effects,
            keys,
            transport: Arc::new(Line(Arc::clone(&bank))),
            sleeper: Arc::new(TokioSleeper),
            catalogue,
            public_url: public_url.clone(),
            lender: Lender::new(),
        });
        let patience = Gate::default();
        let waits: Arc<Semaphore> = Arc::clone(&patience.0);
        let app = router(ConnectConfig {
            vault: vault.clone(),
            public_url,
            import_bytes_max: IMPORT_BYTES_MAX,
            statement_family: "files",
            rates,
            pause: Arc::new(move |_| Box::pin(pass(Arc::clone(&waits)))),
        });
        let tenant = tenant(&vault, "Acme Books").await;
        let institution = oauth_bank().id;
        register(&vault, &institution).await;
        Self {
            db,
            vault,
            app,
            bank,
            clock,
            tenant,
            institution,
            patience,
        }
    }

    pub(super) fn browser(&self) -> Browser {
        Browser::new(&self.app)
    }

    /// A link session with the institution fixed; gives the page's address.
    pub(super) async fn link(&self) -> String {
        self.link_to(Some(&self.institution)).await
    }

    pub(super) async fn link_to(&self, institution_id: Option<&str>) -> String {
        let start = StartLink {
            end_user_ref: "ann",
            institution_id,
            return_url: RETURN_URL,
            locale: None,
            scopes: &[],
            history_from: None,
            link_id: None,
            request_id: None,
            api_key: None,
        };
        let started = self.vault.start_link(self.tenant, &start).await.unwrap();
        started.url.expose().to_owned()
    }

    /// Entries of the tenant's ledger: everything that happened leaves one.
    pub(super) async fn happened(&self) -> Vec<String> {
        let mut read = self.db.read(self.tenant).await.unwrap();
        let entries = ledger::list(&mut read, 0, 500).await.unwrap();
        entries.into_iter().map(|entry| entry.event.kind).collect()
    }

    pub(super) async fn api_key(&self, scopes: &[KeyScope]) -> String {
        let kind = (KeyClass::Server, scopes);
        let (_, secret) = self
            .vault
            .create_api_key(self.tenant, "test", kind)
            .await
            .unwrap();
        secret.expose().to_owned()
    }
}

async fn tenant(vault: &Vault, name: &str) -> TenantId {
    let new = NewTenant {
        details: Details {
            display_name: name.to_owned(),
            privacy_url: "https://app.example/privacy".to_owned(),
            support_contact: "help@app.example".to_owned(),
        },
        mode: Mode::Test,
        return_urls: vec![RETURN_URL.to_owned()],
        origins: Vec::new(),
    };
    vault.create_tenant(&new).await.unwrap().id
}

async fn register(vault: &Vault, institution: &str) {
    let new = NewRegistration {
        owner: Owner::Operator,
        institution_id: institution.to_owned(),
        environment: "sandbox".to_owned(),
        client_id: "client".to_owned(),
        client_secret: Some(Secret::new("client-secret")),
    };
    vault.add_registration(&new).await.unwrap();
}
