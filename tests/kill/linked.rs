//! An installation whose person has approved at a bank that lives outside of it, and that has
//! read nothing yet.

use std::net::TcpListener;
use std::path::Path;

use fondaco_sandbox::{Config, Sandbox};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use url::Url;

use crate::program::Home;
use crate::server::{Browser, Server, exchange};

/// The id of the bank's entry.
pub(crate) const BANK: &str = "outside_bank";
/// Where the person returns to.
const RETURN_URL: &str = "https://budget.example/banks";

/// A simulated bank that outlives every process under test.
pub(crate) struct Bank {
    runtime: Runtime,
    sandbox: Option<Sandbox>,
}

impl Bank {
    /// Opens the bank; its day does not change while it is open for a few hours.
    pub(crate) fn open(config: Config) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a test may start a runtime");
        let today = fondaco_model::Effects::system().now().utc_date();
        let config = Config {
            today: Some(today.to_string()),
            ..config
        };
        let sandbox = runtime.block_on(fondaco_sandbox::start(config));
        Self {
            runtime,
            sandbox: Some(sandbox.expect("there is a free port")),
        }
    }

    fn sandbox(&self) -> &Sandbox {
        self.sandbox
            .as_ref()
            .expect("the bank is open until it is dropped")
    }

    /// Asks the control port, or tells it something.
    pub(crate) fn control(&self, what: &str, told: Option<&Value>) -> Value {
        let url = Url::parse(&format!("{}/{what}", self.sandbox().control_url));
        let url = url.expect("a path is one");
        let (method, body) = match told {
            Some(told) => ("POST", told.to_string()),
            None => ("GET", String::new()),
        };
        let headers = [("Content-Type", "application/json")];
        let answer = exchange(method, &url, &headers, body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).expect("the control port speaks JSON")
    }

    /// The bank's entry: all accounts of a person under one consent, and as many readings a day as
    /// kills need.
    pub(crate) fn entry(&self) -> String {
        let url = &self.sandbox().base_url;
        format!(
            r#"id = "{BANK}"
family = "berlin_group"
name = "Outside Bank"
countries = ["DE"]
bic = "OUTBDEFFXXX"
base_url = "{url}/psd2/v1/"
source = "The simulated bank of the tests"
sandbox = true

[auth]
scheme = "oauth2"
issuer = "{url}"
authorize_url = "{url}/oauth/authorize"
token_url = "{url}/oauth/token"
revoke_url = "{url}/oauth/revoke"
scopes = ["AIS:{{consent}}"]
client_auth = "basic"
iss_required = true
refresh_rotates = true
authorise_seconds_max = 900

[limits]
requests_per_minute = 6000
unattended_per_day = 1000
consent_days_max = 180

[resources.accounts]

[resources.balances]
parent = "accounts"

[resources.transactions]
parent = "accounts"
history_days = 730

[quirks]
consent_access = "all_psd2"
"#
        )
    }
}

impl Drop for Bank {
    fn drop(&mut self) {
        if let Some(sandbox) = self.sandbox.take() {
            self.runtime.block_on(sandbox.stop());
        }
    }
}

/// What a linked installation is reached with.
pub(crate) struct Linked {
    /// Everything at rest: no process runs.
    pub(crate) home: Home,
    /// A key with every scope.
    pub(crate) key: String,
    /// The link's id.
    pub(crate) link: String,
    /// The tenant's id.
    pub(crate) tenant: String,
}

/// An installation that knows the bank, before anybody has linked.
pub(crate) struct Registered {
    /// Everything at rest. Its address is fixed, because the bank knows the redirect URI.
    pub(crate) home: Home,
    /// A key with the scopes of a link.
    pub(crate) key: String,
    tenant: String,
}

/// Leads a person of the bank through a consent. Nobody works meanwhile, so nothing is read.
pub(crate) fn link(home: Home, bank: &Bank, user: &str) -> Linked {
    let Registered { home, key, tenant } = register(home, bank);
    let link = consent(&home, &key, user);
    Linked {
        home,
        key,
        link,
        tenant,
    }
}

/// Makes a tenant with a key, and registers it at the bank.
pub(crate) fn register(mut home: Home, bank: &Bank) -> Registered {
    let folder = home.folder.join("institutions");
    std::fs::create_dir_all(&folder).expect("the temporary folder takes a folder");
    write(&folder.join("outside.toml"), &bank.entry());
    write(
        &home.folder.join("bank.secret"),
        &bank.sandbox().client_secret,
    );
    let listen = free_address();
    for (name, value) in [
        ("FONDACO_INSTITUTIONS_FOLDER", "institutions"),
        ("FONDACO_SERVER_LISTEN", listen.as_str()),
        // A job of a killed process is taken over as soon as the settings allow.
        ("FONDACO_SYNC_LEASE_SECONDS", "3"),
        ("FONDACO_SYNC_POLL_MS", "50"),
    ] {
        home.keys.push((name.to_owned(), value.to_owned()));
    }
    let tenant = home.tenant("One")["id"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    home.json(&["tenants", "return-url", "add", RETURN_URL])
        .ended(0);
    let scopes = "accounts:read,transactions:read,link:write";
    let made = home
        .json(&["keys", "create", "--scopes", scopes])
        .ended(0)
        .line();
    let key = made["apiKey"].as_str().unwrap_or_default().to_owned();
    let client = &bank.sandbox().client_id;
    let registration = [
        "registrations",
        "add",
        "--institution",
        BANK,
        "--client-id",
        client,
    ];
    let secret = ["--secret-file", "bank.secret"];
    let registered = home
        .json(&[&registration[..], &secret].concat())
        .ended(0)
        .line();
    bank.control(
        "redirect-uris",
        Some(&json!({ "add": [registered["redirectUri"]] })),
    );
    Registered { home, key, tenant }
}

/// Leads a person through a consent at the installation's own address; the link's id.
pub(crate) fn consent(home: &Home, key: &str, user: &str) -> String {
    let server = Server::command(home, &["serve", "--no-work"]);
    approve(&server, key, user);
    let answer = server.query(key, "{ links(first: 1) { nodes { id } } }");
    let link = answer["data"]["links"]["nodes"][0]["id"].as_str();
    let link = link.unwrap_or_else(|| panic!("{answer}")).to_owned();
    let (code, log) = server.stop("TERM");
    assert_eq!(code, Some(0), "{log}");
    link
}

fn approve(server: &Server, key: &str, user: &str) {
    let mutation = format!(
        "mutation {{ startLink(input: {{ endUserReference: \"user-1\", institutionId: \
         \"{BANK}\", returnUrl: \"{RETURN_URL}\", idempotencyKey: \"one\" }}) {{ url userErrors \
         {{ code message }} }} }}"
    );
    let started = server.query(key, &mutation);
    let url = started["data"]["startLink"]["url"].as_str();
    let url = url.unwrap_or_else(|| panic!("{started}"));
    let mut browser = Browser::default();
    browser.open(url);
    browser.submit("/continue", &[]);
    browser.leave();
    browser.submit("/bank/login", &[("user", user), ("password", "sandbox")]);
    browser.submit("/bank/approve", &[("decision", "approve")]);
    assert!(
        browser.page.contains("Your accounts are connected"),
        "{}",
        browser.page
    );
}

fn write(file: &Path, text: &str) {
    std::fs::write(file, text).expect("the temporary folder takes a file");
}

/// The redirect URI is registered before the server listens, so its port is chosen here.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener
        .local_addr()
        .expect("it has an address")
        .to_string()
}
