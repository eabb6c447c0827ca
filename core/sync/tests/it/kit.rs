//! An installation over one test database: vault, real transport stack, puller and worker.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fondaco_connectors::core::manifests::with_origin;
use fondaco_connectors::registry;
use fondaco_model::effects::SystemEntropy;
use fondaco_model::ids::{DataKeyId, EndUserId, LinkId, TenantId};
use fondaco_model::time::ManualClock;
use fondaco_model::v1::{Consent, Link, Owner, TransactionStatus};
use fondaco_model::{Effects, Fault, Instant, Secret};
use fondaco_store::repo::job::Presence;
use fondaco_store::repo::run::RunCause;
use fondaco_store::repo::tenant::{Details, Mode};
use fondaco_store::repo::transaction::{PageQuery, Position, TransactionRow, page};
use fondaco_store::repo::{Scope, account, consent, link, transaction};
use fondaco_store::testing::TestDb;
use fondaco_sync::budget::StoredBudgets;
use fondaco_sync::import::Importer;
use fondaco_sync::pull::{Puller, ReadOutcome, ReadRequest};
use fondaco_sync::worker::{Worker, WorkerSettings};
use fondaco_transport::guard::{Names, SystemNames};
use fondaco_transport::layers::authorize::Authorize;
use fondaco_transport::layers::breaker::Breaker;
use fondaco_transport::layers::classify::Classify;
use fondaco_transport::layers::client::{Client, Settings};
use fondaco_transport::layers::deadline::Deadline;
use fondaco_transport::layers::limit::Limit;
use fondaco_transport::layers::record::Record;
use fondaco_transport::layers::retry::Retry;
use fondaco_transport::layers::sign::Sign;
use fondaco_transport::layers::timeout::Timeout;
use fondaco_transport::layers::trace::Trace;
use fondaco_transport::{Answer, Call, Sleeper, Stack, Transport};
use fondaco_vault::registrations::NewRegistration;
use fondaco_vault::seal::{KeyRing, MasterKey};
use fondaco_vault::tenants::NewTenant;
use fondaco_vault::{
    Catalogue, Departure, Families, Keys, Lender, StartLink, Vault, VaultParts, Visitor,
};
use futures_util::future::BoxFuture;
use serde_json::json;
use url::Url;

use crate::bank::Bank;

const RETURN_URL: &str = "https://shop.example/return";

/// Everything that a test drives.
pub(crate) struct Kit {
    pub(crate) db: TestDb,
    pub(crate) bank: Bank,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) vault: Vault,
    pub(crate) watch: Arc<Watch>,
    pub(crate) puller: Puller,
    pub(crate) tenant: TenantId,
}

/// A wait passes on the clock, not on the wall.
struct Skip(Arc<ManualClock>);

impl Sleeper for Skip {
    fn sleep(&self, wait: Duration) -> BoxFuture<'_, ()> {
        let seconds = i64::try_from(wait.as_millis().div_ceil(1_000)).unwrap();
        self.0.advance_seconds(seconds);
        Box::pin(tokio::task::yield_now())
    }
}

/// Counts the calls that are under way at once.
pub(crate) struct Watch {
    inner: Arc<dyn Transport>,
    now: AtomicUsize,
    pub(crate) most: AtomicUsize,
}

struct Leaving<'a>(&'a AtomicUsize);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Transport for Watch {
    fn send<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(async move {
            let under_way = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            let _leaving = Leaving(&self.now);
            self.most.fetch_max(under_way, Ordering::SeqCst);
            self.inner.send(call).await
        })
    }
}

fn ring(number: u8) -> Arc<KeyRing> {
    let mut text = String::new();
    for at in 0..32_u8 {
        use std::fmt::Write as _;
        write!(text, "{:02x}", number.wrapping_mul(31) ^ at).unwrap();
    }
    Arc::new(KeyRing::new(MasterKey::from_text(&text).unwrap(), Vec::new()).unwrap())
}

fn stack(
    effects: &Effects,
    clock: &Arc<ManualClock>,
    parts: (&Lender, Families, StoredBudgets),
) -> Arc<Watch> {
    let sleeper: Arc<dyn Sleeper> = Arc::new(Skip(Arc::clone(clock)));
    let names: Arc<dyn Names> = Arc::new(SystemNames);
    let (lender, families, budgets) = parts;
    let transport = Stack::new()
        .layer(Trace)
        .layer(Deadline::new(effects.clone()))
        .layer(Retry::new(effects.clone(), Arc::clone(&sleeper)))
        .layer(Breaker::new(effects.clone()))
        .layer(Limit::new(effects.clone(), sleeper, Arc::new(budgets)))
        .layer(Authorize::new(
            Arc::new(lender.clone()),
            Arc::new(lender.clone()),
        ))
        .layer(Sign::new(effects.clone(), None))
        .layer(Timeout::default())
        .layer(Classify::new(effects.clone(), Arc::new(families)))
        .layer(Record::new(None))
        .over(Arc::new(Client::new(Settings::default(), &names).unwrap()))
        .unwrap();
    Arc::new(Watch {
        inner: transport,
        now: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
    })
}

impl Kit {
    /// A bank with some months of books, and an installation that knows nobody yet.
    pub(crate) async fn start(db: TestDb, history_months: u16) -> Self {
        Self::start_at(db, Bank::open(history_months).await).await
    }

    /// An installation before a bank.
    pub(crate) async fn start_at(db: TestDb, bank: Bank) -> Self {
        let clock = Arc::new(ManualClock::at(
            bank.now().await.parse::<Instant>().unwrap(),
        ));
        let effects = Effects::new(Arc::clone(&clock) as _, Arc::new(SystemEntropy));
        let origin = Url::parse(&bank.sandbox.base_url).unwrap();
        let moved = |manifest: fondaco_model::provider::Manifest| {
            if manifest.sandbox {
                with_origin(&manifest, &origin).unwrap()
            } else {
                manifest
            }
        };
        let institutions = registry::institutions().unwrap();
        let catalogue = Arc::new(Catalogue::new(institutions.into_iter().map(moved)));
        let lender = Lender::new();
        let families = Families::new(Arc::clone(&catalogue), effects.clone());
        let budgets = StoredBudgets::new(db.clone(), effects.clone());
        let watch = stack(&effects, &clock, (&lender, families, budgets));
        let keys = Keys::new(db.clone(), effects.clone(), ring(1), Some(ring(2)));
        let vault = Vault::new(VaultParts {
            db: db.clone(),
            effects,
            keys,
            transport: Arc::clone(&watch) as _,
            sleeper: Arc::new(Skip(Arc::clone(&clock))),
            catalogue,
            public_url: Url::parse("http://127.0.0.1:9/").unwrap(),
            lender,
        });
        let tenant = tenant(&vault).await;
        let puller = Puller::new(vault.clone(), Arc::clone(&watch) as _, 6 * 3_600);
        Self {
            db,
            bank,
            clock,
            vault,
            watch,
            puller,
            tenant,
        }
    }

    pub(crate) fn worker(&self) -> Worker {
        self.worker_with(WorkerSettings::default())
    }

    pub(crate) fn worker_with(&self, settings: WorkerSettings) -> Worker {
        let importer = Importer::new(self.vault.clone(), 1 << 30);
        Worker::new(
            self.vault.clone(),
            Arc::clone(&self.watch) as _,
            importer,
            settings,
        )
    }

    pub(crate) fn now(&self) -> Instant {
        self.vault.effects().now()
    }

    /// Moves both clocks.
    pub(crate) async fn pass(&self, seconds: i64) {
        self.bank
            .control("clock", json!({ "advance_s": seconds }))
            .await;
        self.clock.advance_seconds(seconds);
    }

    /// The person links the bank; the first reading waits as a job.
    pub(crate) async fn link(&self, user: &str) -> LinkId {
        self.link_at(user, "sandbox_bank").await
    }

    /// The same at another institution of the sandbox.
    pub(crate) async fn link_at(&self, user: &str, institution: &str) -> LinkId {
        let registration = self.register(institution).await;
        let start = StartLink {
            end_user_ref: user,
            institution_id: Some(institution),
            return_url: RETURN_URL,
            locale: None,
            scopes: &[],
            history_from: None,
            link_id: None,
            request_id: Some("req-1"),
            api_key: None,
        };
        let started = self.vault.start_link(self.tenant, &start).await.unwrap();
        let page = started.url.expose().rsplit('/').next().unwrap().to_owned();
        let visitor = Visitor {
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            user_agent: None,
        };
        let departure = Departure {
            browser: None,
            visitor: &visitor,
            text_shown_sha256: None,
            locale: None,
        };
        let leaving = self
            .vault
            .continue_to_bank(&page, &departure)
            .await
            .unwrap();
        let pairs = self.bank.approve(&leaving.url, user).await;
        let cookies = [leaving.cookie.expose()];
        self.vault
            .callback(registration, pairs, (&cookies, &visitor))
            .await
            .unwrap();
        let session = self
            .vault
            .link_session(self.tenant, started.session)
            .await
            .unwrap()
            .unwrap();
        session.link_id.unwrap()
    }

    async fn register(&self, institution: &str) -> fondaco_model::ids::RegistrationId {
        let known = self.vault.registrations(self.tenant).await.unwrap();
        let mut known = known.iter().map(|known| &known.registration);
        if let Some(known) = known.find(|known| known.institution_id == institution) {
            return known.id;
        }
        let new = NewRegistration {
            owner: Owner::Tenant(self.tenant),
            institution_id: institution.to_owned(),
            environment: "sandbox".to_owned(),
            client_id: self.bank.sandbox.client_id.clone(),
            client_secret: Some(Secret::new(self.bank.sandbox.client_secret.as_str())),
        };
        let made = self.vault.add_registration(&new).await.unwrap();
        self.bank
            .control("redirect-uris", json!({ "add": [made.redirect_uri] }))
            .await;
        made.id
    }

    pub(crate) fn request(&self, link: LinkId) -> ReadRequest {
        ReadRequest {
            tenant: self.tenant,
            link,
            cause: RunCause::User,
            presence: Presence::Present,
            request_id: None,
            lease: None,
        }
    }

    pub(crate) async fn read(&self, link: LinkId) -> ReadOutcome {
        self.puller.read(&self.request(link)).await.unwrap()
    }

    pub(crate) async fn link_row(&self, id: LinkId) -> Link {
        let mut session = self.db.read(self.tenant).await.unwrap();
        link::get(&mut session, id).await.unwrap().unwrap().link
    }

    pub(crate) async fn consent_of(&self, id: LinkId) -> Consent {
        let mut session = self.db.read(self.tenant).await.unwrap();
        let mut all = consent::list_by_link(&mut session, id).await.unwrap();
        all.pop().unwrap().consent
    }

    /// The key that seals a person's data.
    pub(crate) async fn data_key(&self, person: EndUserId) -> DataKeyId {
        self.vault
            .identifier_sealer(self.tenant, person)
            .await
            .unwrap()
            .data_key_id()
    }

    /// Every live transaction of a link's accounts, by account name.
    pub(crate) async fn live(&self, link: LinkId) -> Vec<(String, Vec<TransactionRow>)> {
        let mut session = self.db.read(self.tenant).await.unwrap();
        let accounts = account::by_link(&mut session, Scope::Tenant, link)
            .await
            .unwrap();
        let mut all = Vec::new();
        for account in accounts {
            let mut query = PageQuery::newest(100);
            query.filter.accounts = Some(vec![account.id]);
            let mut rows = Vec::new();
            loop {
                let found = page(&mut session, Scope::Tenant, &query).await.unwrap();
                query.after = found.rows.last().map(|row| Position::of(row, query.order));
                rows.extend(found.rows);
                if !found.more {
                    break;
                }
            }
            all.push((account.name.unwrap(), rows));
        }
        all
    }

    /// Compares what is stored with what the bank says: counts, sums and references of each
    /// account, and its balances.
    pub(crate) async fn check(&self, link: LinkId, user: &str, what: &str) {
        let stored = self.live(link).await;
        let truth = self.bank.accounts_of(user).await;
        assert_eq!(stored.len(), truth.len(), "{what}: accounts");
        for (name, rows) in &stored {
            let account = truth
                .iter()
                .find(|account| account["name"] == name.as_str())
                .unwrap();
            let what = format!("{} {what}: {name}", self.db.name());
            for (status, word) in [
                (TransactionStatus::Posted, "booked"),
                (TransactionStatus::Pending, "pending"),
            ] {
                let of = rows.iter().filter(|row| row.status == status);
                let count = of.clone().count();
                assert_eq!(account[word]["count"], count, "{what}: {word}");
                let sum: i64 = of.map(|row| row.amount.minor()).sum();
                assert_eq!(minor(&account[word]["sum"]), sum, "{what}: {word}");
            }
            self.check_references(rows, account, &what).await;
        }
    }

    async fn check_references(
        &self,
        rows: &[TransactionRow],
        account: &serde_json::Value,
        what: &str,
    ) {
        let booked = rows
            .iter()
            .filter(|row| row.status == TransactionStatus::Posted);
        let ids: Vec<_> = booked.map(|row| row.id).collect();
        let mut session = self.db.read(self.tenant).await.unwrap();
        let mut found = Vec::new();
        for ids in ids.chunks(500) {
            let refs = transaction::references(&mut session, ids).await.unwrap();
            found.extend(refs.into_iter().map(|reference| reference.value));
        }
        for reference in account["booked"]["entryReferences"].as_array().unwrap() {
            let reference = reference.as_str().unwrap();
            let count = found.iter().filter(|value| *value == reference).count();
            assert_eq!(count, 1, "{what}: {reference}");
        }
    }
}

/// An amount of the control port in minor units: its decimals are the currency's.
fn minor(amount: &serde_json::Value) -> i64 {
    amount.as_str().unwrap().replace('.', "").parse().unwrap()
}

async fn tenant(vault: &Vault) -> TenantId {
    let new = NewTenant {
        details: Details {
            display_name: "Shop".to_owned(),
            privacy_url: "https://shop.example/privacy".to_owned(),
            support_contact: "help@shop.example".to_owned(),
        },
        mode: Mode::Test,
        return_urls: vec![RETURN_URL.to_owned()],
        origins: Vec::new(),
    };
    vault.create_tenant(&new).await.unwrap().id
}
