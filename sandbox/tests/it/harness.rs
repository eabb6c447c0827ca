//! A small client of the bank: a browser without JavaScript and a program with tokens.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use fondaco_sandbox::{Config, Sandbox};
use reqwest::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Client, RequestBuilder, StatusCode, redirect};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;
use url::form_urlencoded::Serializer;

pub(crate) const CALLBACK: &str = "http://127.0.0.1:9/callback/demo";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const TODAY: &str = "2025-11-20";

/// A bank and a client that knows it.
pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    pub(crate) http: Client,
}

/// An answer that was read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// What a client holds after the person approved.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) consent: String,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The code of the first tppMessage.
    pub(crate) fn refusal(&self) -> (u16, String) {
        let code = self.json()["tppMessages"][0]["code"]
            .as_str()
            .unwrap_or("")
            .to_owned();
        (self.status.as_u16(), code)
    }

    /// The query of the address it redirects to.
    pub(crate) fn sent_back(&self) -> BTreeMap<String, String> {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.text);
        let url = Url::parse(self.header(LOCATION.as_str())).unwrap();
        assert!(url.as_str().starts_with(CALLBACK), "{url}");
        url.query_pairs().into_owned().collect()
    }
}

pub(crate) fn config() -> Config {
    Config {
        redirect_uris: vec![CALLBACK.to_owned()],
        today: Some(TODAY.to_owned()),
        ..Config::default()
    }
}

pub(crate) async fn send(req: RequestBuilder) -> Result<Answer, reqwest::Error> {
    let response = req.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    Ok(Answer {
        status,
        headers,
        text: response.text().await?,
    })
}

pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

pub(crate) fn all_psd2() -> Value {
    json!({
        "access": {"allPsd2": "allAccounts"},
        "recurringIndicator": true,
        "validUntil": "2026-03-01",
        "frequencyPerDay": 4,
        "combinedServiceIndicator": false,
    })
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let sandbox = fondaco_sandbox::start(config).await.unwrap();
        let http = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(0)
            .build()
            .unwrap();
        Self { sandbox, http }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.base_url)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        send(self.http.get(self.url(path))).await.unwrap()
    }

    pub(crate) async fn control(&self, path: &str, body: Value) -> Answer {
        let req = self.http.post(self.url(&format!("/control/{path}")));
        send(
            req.header("content-type", "application/json")
                .body(body.to_string()),
        )
        .await
        .unwrap()
    }

    pub(crate) async fn info(&self) -> Value {
        self.get("/control/info").await.json()
    }

    /// What the bank says about one account.
    pub(crate) async fn truth(&self, key: &str) -> Value {
        let info = self.info().await;
        let people = info["people"].as_array().unwrap();
        let mut accounts = people
            .iter()
            .flat_map(|one| one["accounts"].as_array().unwrap());
        accounts
            .find(|account| account["key"] == key)
            .unwrap()
            .clone()
    }

    pub(crate) fn consent_request(&self, base: &str, body: &Value) -> RequestBuilder {
        self.http
            .post(self.url(&format!("{base}/consents")))
            .header("x-request-id", uuid::Uuid::new_v4().to_string())
            .header("tpp-redirect-uri", CALLBACK)
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    pub(crate) async fn consent(&self, body: &Value) -> String {
        let answer = send(self.consent_request("/psd2/v1", body)).await.unwrap();
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()["consentId"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn consent_status(&self, id: &str) -> String {
        let req = self
            .http
            .get(self.url(&format!("/psd2/v1/consents/{id}/status")));
        let req = req.header("x-request-id", uuid::Uuid::new_v4().to_string());
        let answer = send(req).await.unwrap();
        answer.json()["consentStatus"].as_str().unwrap().to_owned()
    }

    /// The path of an authorization request; a change may overwrite or remove a parameter.
    pub(crate) fn authorize_path(&self, consent: &str, change: &[(&str, Option<&str>)]) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let scope = format!("AIS:{consent}");
        let mut fields = BTreeMap::from([
            ("response_type", "code"),
            ("client_id", self.sandbox.client_id.as_str()),
            ("redirect_uri", CALLBACK),
            ("scope", scope.as_str()),
            ("state", "st at&e"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ]);
        for (name, value) in change {
            match value {
                Some(value) => fields.insert(name, value),
                None => fields.remove(name),
            };
        }
        let pairs: Vec<_> = fields.into_iter().collect();
        format!("/oauth/authorize?{}", form(&pairs))
    }

    /// Opens a link in a fresh browser; gives the flow's id and the browser's cookie.
    pub(crate) async fn open(&self, path: &str) -> (String, String) {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        let cookie = answer
            .header(SET_COOKIE.as_str())
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        let flow = answer
            .header(LOCATION.as_str())
            .split_once("flow=")
            .unwrap()
            .1
            .to_owned();
        (flow, cookie)
    }

    pub(crate) async fn post_page(
        &self,
        path: &str,
        cookie: &str,
        pairs: &[(&str, &str)],
    ) -> Answer {
        let req = self
            .http
            .post(self.url(path))
            .header(COOKIE, cookie)
            .body(form(pairs));
        let req = req.header("content-type", "application/x-www-form-urlencoded");
        send(req).await.unwrap()
    }

    pub(crate) async fn log_in(&self, flow: &str, cookie: &str, user: &str) {
        let fields = [("flow", flow), ("user", user), ("password", "sandbox")];
        let answer = self.post_page("/bank/login", cookie, &fields).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
    }

    /// Opens, logs in and approves; gives what was sent back.
    pub(crate) async fn approve(&self, path: &str, user: &str) -> Answer {
        let (flow, cookie) = self.open(path).await;
        self.log_in(&flow, &cookie, user).await;
        let fields = [("flow", flow.as_str()), ("decision", "approve")];
        self.post_page("/bank/approve", &cookie, &fields).await
    }

    pub(crate) async fn code(&self, consent: &str, user: &str) -> String {
        let answer = self.approve(&self.authorize_path(consent, &[]), user).await;
        answer.sent_back()["code"].clone()
    }

    pub(crate) fn token_request(&self, pairs: &[(&str, &str)]) -> RequestBuilder {
        let pair = format!("{}:{}", self.sandbox.client_id, self.sandbox.client_secret);
        self.http
            .post(self.url("/oauth/token"))
            .header("authorization", format!("Basic {}", STANDARD.encode(pair)))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form(pairs))
    }

    pub(crate) async fn exchange(&self, code: &str, verifier: &str) -> Answer {
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", verifier),
        ];
        send(self.token_request(&pairs)).await.unwrap()
    }

    pub(crate) fn refresh_request(&self, token: &str) -> RequestBuilder {
        self.token_request(&[("grant_type", "refresh_token"), ("refresh_token", token)])
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        send(self.refresh_request(token)).await.unwrap()
    }

    /// Consent, approval and exchange in one go.
    pub(crate) async fn session(&self, user: &str) -> Session {
        let consent = self.consent(&all_psd2()).await;
        let code = self.code(&consent, user).await;
        let answer = self.exchange(&code, VERIFIER).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        session(consent, &answer.json())
    }

    pub(crate) fn read_request(&self, session: &Session, path: &str) -> RequestBuilder {
        self.http
            .get(self.url(path))
            .header("x-request-id", uuid::Uuid::new_v4().to_string())
            .header("consent-id", &session.consent)
            .header("authorization", format!("Bearer {}", session.access))
    }

    pub(crate) async fn read(&self, session: &Session, path: &str) -> Answer {
        send(self.read_request(session, path)).await.unwrap()
    }

    /// The path of the account with this IBAN or BBAN.
    pub(crate) async fn account_path(&self, session: &Session, key: &str) -> String {
        let truth = self.truth(key).await;
        let list = self.read(session, "/psd2/v1/accounts").await.json();
        let accounts = list["accounts"].as_array().unwrap();
        let found = accounts
            .iter()
            .find(|account| account["iban"] == truth["iban"] && account["bban"] == truth["bban"]);
        let id = found.unwrap()["resourceId"].as_str().unwrap().to_owned();
        format!("/psd2/v1/accounts/{id}")
    }

    /// Follows the links of a list to its end; gives booked and pending rows and the page count.
    pub(crate) async fn rows(
        &self,
        session: &Session,
        account: &str,
        query: &str,
    ) -> (Vec<Value>, Vec<Value>, usize) {
        const PAGES_MAX: usize = 1_000;
        let mut next = Some(format!("{account}/transactions?{query}"));
        let (mut booked, mut pending, mut pages) = (Vec::new(), Vec::new(), 0);
        while let Some(path) = next.take() {
            let answer = self.read(session, &path).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let report = answer.json()["transactions"].clone();
            let list = |name: &str| report[name].as_array().cloned().unwrap_or_default();
            booked.extend(list("booked"));
            pending.extend(list("pending"));
            next = report["_links"]["next"]["href"].as_str().map(str::to_owned);
            pages += 1;
            assert!(pages < PAGES_MAX);
        }
        (booked, pending, pages)
    }
}

pub(crate) fn session(consent: String, tokens: &Value) -> Session {
    let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
    Session {
        consent,
        access: text("access_token"),
        refresh: text("refresh_token"),
    }
}
