//! The simulated bank as a test sees it: its control port, and a person with a browser.

use fondaco_sandbox::{Config, Sandbox};
use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Response, redirect};
use serde_json::{Value, json};
use url::Url;
use url::form_urlencoded::Serializer;

/// The first day of every bank here.
pub(crate) const TODAY: &str = "2025-11-20";

/// What the bank's 429 asks for: longer than a call may take.
pub(crate) const RETRY_AFTER_SECONDS: i64 = 900;

/// A bank with a browser before it.
pub(crate) struct Bank {
    pub(crate) sandbox: Sandbox,
    http: Client,
}

impl Bank {
    pub(crate) async fn open(history_months: u16) -> Self {
        Self::open_with(Config {
            history_months,
            ..Config::default()
        })
        .await
    }

    pub(crate) async fn open_with(config: Config) -> Self {
        let config = Config {
            today: Some(TODAY.to_owned()),
            ..config
        };
        let sandbox = fondaco_sandbox::start(config).await.unwrap();
        let http = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self { sandbox, http }
    }

    pub(crate) async fn control(&self, path: &str, body: Value) -> Value {
        let url = format!("{}/{path}", self.sandbox.control_url);
        let req = self.http.post(url).header(CONTENT_TYPE, "application/json");
        json_of(req.body(body.to_string()).send().await.unwrap()).await
    }

    pub(crate) async fn ask(&self, path: &str) -> Value {
        let url = format!("{}/{path}", self.sandbox.control_url);
        json_of(self.http.get(url).send().await.unwrap()).await
    }

    pub(crate) async fn clear_faults(&self) {
        let url = format!("{}/faults", self.sandbox.control_url);
        json_of(self.http.delete(url).send().await.unwrap()).await;
    }

    /// Sets a fault that hits every attempt of a call and of its repeats.
    pub(crate) async fn fault(&self, kind: &str, endpoint: &str, after: u32) {
        let mut fault = json!({ "kind": kind, "match": endpoint, "times": 40, "after": after });
        if kind == "429" {
            fault["retry_after_s"] = json!(RETRY_AFTER_SECONDS);
        }
        self.control("faults", fault).await;
    }

    /// Lets the next answer wait for longer than any test.
    pub(crate) async fn stall(&self, endpoint: &str) {
        let fault = json!({ "kind": "slow", "match": endpoint, "delay_ms": 600_000 });
        self.control("faults", fault).await;
    }

    /// Calls for a new access token so far.
    pub(crate) async fn refreshes(&self) -> i64 {
        let stats = self.ask("stats").await;
        stats["token"]["refresh_token"]["calls"]
            .as_i64()
            .unwrap_or(0)
    }

    /// Calls for accounts, balances and transactions so far, by endpoint.
    pub(crate) async fn calls(&self) -> Value {
        self.ask("stats").await["requests"].clone()
    }

    pub(crate) async fn now(&self) -> String {
        self.ask("clock").await["now"].as_str().unwrap().to_owned()
    }

    /// How the bank's consents stand.
    pub(crate) async fn consents(&self) -> Vec<String> {
        let info = self.ask("info").await;
        let consents = info["consents"].as_array().unwrap().iter();
        consents
            .map(|consent| consent["consentStatus"].as_str().unwrap().to_owned())
            .collect()
    }

    /// What the bank says about the accounts of a person.
    pub(crate) async fn accounts_of(&self, user: &str) -> Vec<Value> {
        let info = self.ask("info").await;
        let people = info["people"].as_array().unwrap();
        let person = people.iter().find(|person| person["user"] == user).unwrap();
        person["accounts"].as_array().unwrap().clone()
    }

    /// The person logs in, shares all accounts, and is sent back; gives the callback's pairs.
    pub(crate) async fn approve(&self, at: &Url, user: &str) -> Vec<(String, String)> {
        let opened = self.http.get(at.clone()).send().await.unwrap();
        assert_eq!(opened.status(), 303);
        let cookie = opened.headers()[SET_COOKIE].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let to = opened.headers()[LOCATION].to_str().unwrap();
        let flow = to.split_once("flow=").unwrap().1.to_owned();
        let login = [
            ("flow", flow.as_str()),
            ("user", user),
            ("password", "sandbox"),
        ];
        assert_eq!(
            self.submit("/bank/login", &cookie, &login).await.status(),
            303
        );
        let accounts = self.accounts_of(user).await;
        let mut fields = vec![("flow", flow.as_str()), ("decision", "approve")];
        let keys = accounts
            .iter()
            .map(|account| account["key"].as_str().unwrap());
        fields.extend(keys.map(|key| ("account", key)));
        let back = self.submit("/bank/approve", &cookie, &fields).await;
        let to = Url::parse(back.headers()[LOCATION].to_str().unwrap()).unwrap();
        to.query_pairs().into_owned().collect()
    }

    async fn submit(&self, path: &str, cookie: &str, pairs: &[(&str, &str)]) -> Response {
        let body = Serializer::new(String::new()).extend_pairs(pairs).finish();
        let url = format!("{}{path}", self.sandbox.base_url);
        let req = self.http.post(url).header(COOKIE, cookie);
        let req = req.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        req.body(body).send().await.unwrap()
    }
}

async fn json_of(response: Response) -> Value {
    let status = response.status();
    let text = response.text().await.unwrap();
    assert!(status.is_success(), "{status}: {text}");
    serde_json::from_str(&text).unwrap()
}
