//! The driving half against a bank that answers at the transport's door, on both engines.

mod access;
mod bank;
mod flows;
mod raws;
mod redirects;
mod refreshes;
mod sessions;
mod tested;
mod withdrawals;

use std::sync::Arc;
use std::time::Duration;

use fondaco_connectors::registry;
use fondaco_model::ids::{ConsentId, GrantId, LinkId, RegistrationId, TenantId};
use fondaco_model::scope::KeyScope;
use fondaco_model::time::ManualClock;
use fondaco_model::v1::{ConsentState, Owner};
use fondaco_model::{Effects, Instant, Secret};
use fondaco_store::repo::api_key::{ApiKey, KeyClass};
use fondaco_store::repo::consent::{self, StoredConsent};
use fondaco_store::repo::tenant::{Details, Mode};
use fondaco_store::repo::{grant, ledger, link};
use fondaco_store::testing::{TestDb, engines};
use fondaco_store::{Db, OPERATOR};
use fondaco_transport::layers::authorize::Authorize;
use fondaco_transport::{Layer as _, Sleeper};
use futures_util::future::BoxFuture;
use url::Url;

use self::bank::Bank;
use super::*;
use crate::registrations::NewRegistration;
use crate::seal::{KeyRing, MasterKey};
use crate::tenants::NewTenant;

/// 2026-01-02T03:04:05Z.
const START: i64 = 1_767_323_045_000_000;
const RETURN_URL: &str = "https://shop.example/banks?step=2";
const INSTITUTION: &str = "sandbox_bank";

/// Lets others run instead of waiting.
struct Yielding;

impl Sleeper for Yielding {
    fn sleep(&self, _: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(Duration::from_millis(1)))
    }
}

/// One installation with a test tenant and a registration at the bank.
struct House {
    db: TestDb,
    clock: Arc<ManualClock>,
    bank: Arc<Bank>,
    vault: Vault,
    tenant: TenantId,
    key: ApiKey,
    secret: Secret,
    registration: RegistrationId,
}

fn vault(db: &Db, clock: &Arc<ManualClock>, bank: &Arc<Bank>) -> Vault {
    vault_with(
        db,
        (clock, bank),
        Catalogue::new(registry::institutions().unwrap()),
    )
}

fn vault_with(
    db: &Db,
    (clock, bank): (&Arc<ManualClock>, &Arc<Bank>),
    catalogue: Catalogue,
) -> Vault {
    let effects = Effects::new(
        clock.clone(),
        Arc::new(fondaco_model::effects::SystemEntropy),
    );
    let ring = |letter: &str| {
        let text = format!("{}0", letter.repeat(63));
        Arc::new(KeyRing::new(MasterKey::from_text(&text).unwrap(), Vec::new()).unwrap())
    };
    let keys = Keys::new(db.clone(), effects.clone(), ring("a"), Some(ring("b")));
    let lender = Lender::new();
    let authorize = Authorize::new(Arc::new(lender.clone()), Arc::new(lender.clone()));
    Vault::new(VaultParts {
        db: db.clone(),
        effects,
        keys,
        transport: authorize.wrap(bank.clone()),
        sleeper: Arc::new(Yielding),
        catalogue: Arc::new(catalogue),
        public_url: Url::parse("http://127.0.0.1:8080/").unwrap(),
        lender,
    })
}

async fn houses() -> Vec<House> {
    let mut houses = Vec::new();
    for db in engines().await {
        houses.push(House::build(db).await);
    }
    houses
}

fn new_tenant(mode: Mode) -> NewTenant {
    NewTenant {
        details: Details {
            display_name: "Example Shop".to_owned(),
            privacy_url: "https://shop.example/privacy".to_owned(),
            support_contact: "help@shop.example".to_owned(),
        },
        mode,
        return_urls: vec![RETURN_URL.to_owned()],
        origins: vec!["https://shop.example".to_owned()],
    }
}

impl House {
    async fn build(db: TestDb) -> Self {
        let clock = Arc::new(ManualClock::at(Instant::from_micros(START)));
        let bank = Arc::new(Bank::default());
        let vault = vault(&db, &clock, &bank);
        let institutions = vault.catalogue().institutions();
        let now = vault.effects().now();
        fondaco_store::in_tx!(db, OPERATOR, |tx| {
            fondaco_store::repo::institution::sync(tx, &institutions, now).await
        })
        .unwrap();
        let tenant = vault
            .create_tenant(&new_tenant(Mode::Test))
            .await
            .unwrap()
            .id;
        let scopes = (KeyClass::Server, KeyScope::ALL);
        let (key, secret) = vault
            .create_api_key(tenant, "server", scopes)
            .await
            .unwrap();
        let new = NewRegistration {
            owner: Owner::Operator,
            institution_id: INSTITUTION.to_owned(),
            environment: "sandbox".to_owned(),
            client_id: bank::CLIENT.to_owned(),
            client_secret: Some(Secret::new(bank::CLIENT_SECRET)),
        };
        let registration = vault.add_registration(&new).await.unwrap().id;
        Self {
            db,
            clock,
            bank,
            vault,
            tenant,
            key,
            secret,
            registration,
        }
    }

    /// Another process on the same database.
    async fn other_process(&self) -> (Db, Vault) {
        let db = Db::open(self.db.config()).await.unwrap();
        let vault = vault(&db, &self.clock, &self.bank);
        (db, vault)
    }

    /// The same installation after its operator took every institution out.
    fn without_institutions(&self) -> Vault {
        vault_with(&self.db, (&self.clock, &self.bank), Catalogue::new([]))
    }

    async fn start(&self) -> Started {
        self.start_for("customer 7", None).await
    }

    async fn start_for(&self, end_user_ref: &str, link: Option<LinkId>) -> Started {
        let start = StartLink {
            end_user_ref,
            institution_id: Some(INSTITUTION),
            return_url: RETURN_URL,
            locale: Some("de-AT"),
            scopes: &[],
            history_from: None,
            link_id: link,
            request_id: Some("req-1"),
            api_key: Some(self.key.id),
        };
        self.vault.start_link(self.tenant, &start).await.unwrap()
    }

    /// Goes to the bank: the address there and the cookie.
    async fn leave(&self, started: &Started) -> Redirect {
        let departure = Departure {
            browser: None,
            visitor: &visitor(),
            text_shown_sha256: Some([7; 32]),
            locale: Some("de"),
        };
        self.vault
            .continue_to_bank(&page_token(started), &departure)
            .await
            .unwrap()
    }

    async fn come_back(&self, pairs: &[(String, String)], cookies: &[&str]) -> CallbackOutcome {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let with = (cookies, &visitor());
        self.vault
            .callback(self.registration, pairs, with)
            .await
            .unwrap()
    }

    /// The whole way: a link in force.
    async fn linked(&self) -> Linked {
        let started = self.start().await;
        self.finish(&started).await
    }

    async fn finish(&self, started: &Started) -> Linked {
        let redirect = self.leave(started).await;
        let pairs = self.bank.approve(&redirect.url);
        let outcome = self.come_back(&pairs, &[redirect.cookie.expose()]).await;
        let CallbackOutcome::Ended(ended) = outcome else {
            panic!("not ended: {outcome:?}");
        };
        assert_eq!(ended.ended, EndedAs::Succeeded, "{:?}", ended.reason);
        let link = ended.link.unwrap();
        let mut read = self.db.read(self.tenant).await.unwrap();
        let stored = link::get(&mut read, link).await.unwrap().unwrap();
        let consent = stored.link.current_consent_id.unwrap();
        let row = grant::by_consent(&mut read, consent)
            .await
            .unwrap()
            .unwrap();
        Linked {
            ended: *ended,
            link,
            consent,
            grant: row.id,
        }
    }

    async fn consent(&self, id: ConsentId) -> StoredConsent {
        let mut read = self.db.read(self.tenant).await.unwrap();
        consent::get(&mut read, id).await.unwrap().unwrap()
    }

    async fn state(&self, id: ConsentId) -> ConsentState {
        self.consent(id).await.consent.state
    }

    /// The consent of a session that left.
    async fn consent_of(&self, started: &Started) -> ConsentId {
        let session = self
            .vault
            .link_session(self.tenant, started.session)
            .await
            .unwrap();
        session.unwrap().consent_id.unwrap()
    }

    async fn grant(&self, id: GrantId) -> grant::Grant {
        let mut read = self.db.read(self.tenant).await.unwrap();
        grant::get(&mut read, id).await.unwrap().unwrap()
    }

    /// Words of the ledger in their order; the chain has to hold.
    async fn ledger(&self) -> Vec<String> {
        let mut words = Vec::new();
        for tenant in [OPERATOR, self.tenant] {
            let mut read = self.db.read(tenant).await.unwrap();
            let verified = ledger::verify(&mut read).await.unwrap();
            assert_eq!(verified.first_bad, None, "{}", self.db.name());
            words = ledger::list(&mut read, 0, 1_000)
                .await
                .unwrap()
                .into_iter()
                .map(|event| event.event.kind)
                .collect();
        }
        words
    }

    async fn access_token(&self, id: GrantId) -> Secret {
        self.vault.inner.token_of(self.tenant, id).await.unwrap()
    }
}

/// What a finished link has.
struct Linked {
    ended: Ended,
    link: LinkId,
    consent: ConsentId,
    grant: GrantId,
}

impl Linked {
    fn code(&self) -> String {
        code_of(&self.ended)
    }
}

fn code_of(ended: &Ended) -> String {
    let mut pairs = ended.return_url.query_pairs();
    let code = pairs.find(|(name, _)| name == RESULT_PARAM);
    code.map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn visitor() -> Visitor {
    Visitor {
        ip: "192.0.2.7".parse().unwrap(),
        user_agent: Some("Test/1.0".to_owned()),
    }
}

fn page_token(started: &Started) -> String {
    let url = started.url.expose();
    url.rsplit('/').next().unwrap().to_owned()
}
