//! A process with a vault of its own, which refreshes when it is told to.
//!
//! The test program starts itself again with a variable set; then this test reads its orders from
//! standard input and answers with a line each. Without the variable it has nothing to do.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use fondaco_connectors::registry;
use fondaco_model::effects::SystemEntropy;
use fondaco_model::exchange::Request;
use fondaco_model::ids::{LinkId, TenantId};
use fondaco_model::time::ManualClock;
use fondaco_model::{Effects, Secret};
use fondaco_store::{Db, PostgresConfig, SqliteConfig, StoreConfig};
use fondaco_sync::budget::StoredBudgets;
use fondaco_transport::guard::{Names, SystemNames};
use fondaco_transport::layers::authorize::TokenSource as _;
use fondaco_transport::layers::client::{Client, Settings};
use fondaco_transport::{Call, Caller, Stack, Target, TokioSleeper, Transport, layers};
use fondaco_vault::seal::{KeyRing, MasterKey};
use fondaco_vault::{Catalogue, Families, Keys, Lender, ReadAccess, Vault, VaultParts};
use serde::{Deserialize, Serialize};
use tokio::sync::Barrier;
use url::Url;

const VARIABLE: &str = "FONDACO_TEST_REFRESHER";
/// Stands before each answer, because the test harness prints lines of its own.
const ANSWER: &str = "refresher: ";
/// Seconds that a refresher would wait for its token.
const PATIENCE_SECONDS: i64 = 60;
const CONNECTIONS: u32 = 16;

/// What a process is told first.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct House {
    /// The embedded store's file.
    pub(crate) file: Option<String>,
    /// Or the server's address.
    pub(crate) postgres: Option<String>,
    /// Master keys of the two rings.
    pub(crate) keys: [String; 2],
    /// The institution's entry.
    pub(crate) entry: String,
    pub(crate) tenant: String,
    pub(crate) link: String,
    /// The house's clock stands here until it is moved.
    pub(crate) now_us: i64,
}

/// What a process is told to do.
#[derive(Serialize, Deserialize)]
enum Order {
    /// Takes the token as it is kept now.
    Hold,
    /// So many tasks want another token than the one that was taken.
    Refresh(usize),
    /// The clock goes forward by seconds.
    Advance(i64),
}

/// What its tasks got.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Got {
    /// How many got each token, by a digest of it.
    pub(crate) tokens: BTreeMap<String, usize>,
    /// How many got each kind of fault.
    pub(crate) faults: BTreeMap<String, usize>,
}

/// A second process of this test program.
pub(crate) struct Process {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Process {
    /// Starts a process in a house; it is ready when this returns.
    pub(crate) fn start(house: &House) -> Self {
        let program = std::env::current_exe().expect("a test knows its program");
        let mut child = Command::new(program)
            .args([
                "--exact",
                "refresher::a_process_refreshes_when_it_is_told_to",
            ])
            .args(["--nocapture", "--test-threads", "1"])
            .env(VARIABLE, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the test program starts again");
        let orders = child.stdin.take().expect("standard input is piped");
        let answers = BufReader::new(child.stdout.take().expect("standard output is piped"));
        let mut process = Self {
            child,
            orders,
            answers,
        };
        process.write(&serde_json::to_string(house).expect("a house is JSON"));
        process.answer();
        process
    }

    /// Takes the token that will have run out when tasks refresh.
    pub(crate) fn hold(&mut self) {
        self.order(&Order::Hold);
        self.answer();
    }

    /// Lets so many tasks refresh at once, without waiting for them.
    pub(crate) fn refresh(&mut self, tasks: usize) {
        self.order(&Order::Refresh(tasks));
    }

    /// Moves the process's clock.
    pub(crate) fn advance(&mut self, seconds: i64) {
        self.order(&Order::Advance(seconds));
        self.answer();
    }

    fn order(&mut self, order: &Order) {
        self.write(&serde_json::to_string(order).expect("an order is JSON"));
    }

    fn write(&mut self, line: &str) {
        writeln!(self.orders, "{line}").expect("the process reads");
        self.orders.flush().expect("the process reads");
    }

    /// The answer to the last order.
    pub(crate) fn answer(&mut self) -> Got {
        let mut line = String::new();
        loop {
            line.clear();
            let read = self
                .answers
                .read_line(&mut line)
                .expect("the process answers in text");
            assert!(read > 0, "the process ended");
            // The harness's own words may stand before it on the line.
            if let Some((_, answer)) = line.split_once(ANSWER) {
                return serde_json::from_str(answer).expect("the process answers in JSON");
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the other half of this test sets the variable"
)]
fn a_process_refreshes_when_it_is_told_to() {
    if std::env::var_os(VARIABLE).is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a test may start a runtime");
    let mut lines = std::io::stdin().lines().map_while(Result::ok);
    let house: House = lines
        .next()
        .and_then(|line| serde_json::from_str(&line).ok())
        .expect("the first line is a house");
    let worker = Arc::new(runtime.block_on(Worker::open(&house)));
    say(&Got::default());
    let mut held = Secret::new("");
    for line in lines {
        match serde_json::from_str(&line).expect("a line is an order") {
            Order::Hold => {
                held = runtime.block_on(worker.token()).unwrap_or(held);
                say(&Got::default());
            }
            Order::Refresh(tasks) => say(&runtime.block_on(refresh(&worker, tasks, &held))),
            Order::Advance(seconds) => {
                worker.clock.advance_seconds(seconds);
                say(&Got::default());
            }
        }
    }
}

fn say(got: &Got) {
    println!(
        "{ANSWER}{}",
        serde_json::to_string(got).expect("an answer is JSON")
    );
}

/// A vault over the real stack of outbound calls, as the program builds it.
struct Worker {
    clock: Arc<ManualClock>,
    effects: Effects,
    lender: Lender,
    access: ReadAccess,
    tenant: TenantId,
    _vault: Vault,
}

impl Worker {
    async fn open(house: &House) -> Self {
        let clock = Arc::new(ManualClock::at(fondaco_model::Instant::from_micros(
            house.now_us,
        )));
        let effects = Effects::new(clock.clone(), Arc::new(SystemEntropy));
        let db = Db::open(&store(house)).await.expect("the store is there");
        let [data, token] = house.keys.each_ref().map(|text| {
            let key = MasterKey::from_text(text.trim()).expect("a master key");
            Arc::new(KeyRing::new(key, Vec::new()).expect("a ring of one key"))
        });
        let keys = Keys::new(db.clone(), effects.clone(), data, Some(token));
        let entries = registry::institutions_with([("outside.toml", house.entry.as_str())]);
        let catalogue = Arc::new(Catalogue::new(entries.expect("the entry loads")));
        let lender = Lender::new();
        let transport = transport(&effects, &db, (&catalogue, &lender));
        let vault = Vault::new(VaultParts {
            db,
            effects: effects.clone(),
            keys,
            transport,
            sleeper: Arc::new(TokioSleeper),
            catalogue,
            public_url: Url::parse("http://127.0.0.1:8080/").expect("an address"),
            lender: lender.clone(),
        });
        let tenant: TenantId = house.tenant.parse().expect("a tenant's id");
        let link: LinkId = house.link.parse().expect("a link's id");
        let access = vault
            .read_access(tenant, link)
            .await
            .expect("the store answers")
            .expect("the link is in force");
        Self {
            clock,
            effects,
            lender,
            access,
            tenant,
            _vault: vault,
        }
    }
}

impl Worker {
    /// The token as it is kept now; none when it has run out and there is no other.
    async fn token(&self) -> Option<Secret> {
        let (target, credential) = self.reads();
        let call = self.call(&target, &credential);
        self.lender.token(&call).await.ok()
    }

    fn reads(&self) -> (Target, String) {
        (
            Target::of(&self.access.manifest),
            self.access.credential.clone(),
        )
    }

    /// A read under the grant; nothing of it is sent here.
    #[expect(
        clippy::default_trait_access,
        reason = "GET is the default of a type whose crate is none of this package's"
    )]
    fn call<'a>(&self, target: &'a Target, credential: &'a str) -> Call<'a> {
        let caller = Caller {
            tenant: self.tenant,
            credential,
        };
        let url = self.access.manifest.base_url.clone();
        let request = Request::new(Default::default(), url.expect("a bank has an address"));
        let deadline = self.effects.now().plus_seconds(PATIENCE_SECONDS);
        Call::new(request, "test.refresh", target, caller, deadline)
    }
}

fn store(house: &House) -> StoreConfig {
    match (&house.file, &house.postgres) {
        (Some(path), _) => StoreConfig::Sqlite(SqliteConfig {
            path: path.into(),
            readers: 4,
        }),
        (None, Some(url)) => StoreConfig::Postgres(PostgresConfig {
            url: Secret::new(url.clone()),
            owner_url: None,
            connections: CONNECTIONS,
        }),
        (None, None) => panic!("a house has a store"),
    }
}

fn transport(
    effects: &Effects,
    db: &Db,
    (catalogue, lender): (&Arc<Catalogue>, &Lender),
) -> Arc<dyn Transport> {
    let (fx, sleeper) = (|| effects.clone(), Arc::new(TokioSleeper));
    let names: Arc<dyn Names> = Arc::new(SystemNames);
    let settings = Settings::default();
    let lend = Arc::new(lender.clone());
    let wait = std::time::Duration::from_secs(30);
    let stack = Stack::new()
        .layer(layers::trace::Trace)
        .layer(layers::deadline::Deadline::new(fx()))
        .layer(layers::retry::Retry::new(fx(), sleeper.clone()))
        .layer(layers::breaker::Breaker::new(fx()))
        .layer(layers::limit::Limit::new(
            fx(),
            sleeper,
            Arc::new(StoredBudgets::new(db.clone(), fx())),
        ))
        .layer(layers::authorize::Authorize::new(lend.clone(), lend))
        .layer(layers::sign::Sign::new(fx(), None))
        .layer(layers::timeout::Timeout {
            collected: wait,
            spooled: wait,
        })
        .layer(layers::classify::Classify::new(
            fx(),
            Arc::new(Families::new(catalogue.clone(), fx())),
        ))
        .layer(layers::record::Record::new(None))
        .over(Arc::new(
            Client::new(settings, &names).expect("root certificates"),
        ));
    stack.expect("the layers stand in their order")
}

/// All tasks hold the same token and want another one, at the same moment.
async fn refresh(worker: &Arc<Worker>, tasks: usize, held: &Secret) -> Got {
    let barrier = Arc::new(Barrier::new(tasks));
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..tasks {
        let (worker, barrier) = (Arc::clone(worker), Arc::clone(&barrier));
        let held = held.clone();
        running.spawn(async move {
            barrier.wait().await;
            let (target, credential) = worker.reads();
            let call = worker.call(&target, &credential);
            worker.lender.refresh(&call, &held).await
        });
    }
    let mut got = Got::default();
    while let Some(done) = running.join_next().await {
        match done.expect("no task panics") {
            Ok(token) => *got.tokens.entry(digest(&token)).or_default() += 1,
            Err(fault) => *got.faults.entry(format!("{:?}", fault.kind)).or_default() += 1,
        }
    }
    got
}

fn digest(token: &Secret) -> String {
    let mut hasher = DefaultHasher::new();
    token.expose().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
