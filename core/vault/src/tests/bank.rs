//! A bank at the transport's door: consents, codes with PKCE, rotating refresh tokens, faults.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::time::Duration;

use fondaco_connectors::core::PkceVerifier;
use fondaco_model::exchange::{Request, ResponseHead};
use fondaco_model::{Fault, FaultKind};
use fondaco_transport::{Answer, Body, Call, Transport};
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Notify;
use url::{Url, form_urlencoded};

pub(super) const CLIENT: &str = "client-1";
pub(super) const CLIENT_SECRET: &str = "client-secret-1";
const REDIRECT_BASE: &str = "/redirect-bank/psd2/v1/";
pub(super) const ISSUER: &str = "http://127.0.0.1:8090";

/// What the bank does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Mischief {
    #[default]
    None,
    /// It acts on the next token request, and its answer is lost.
    LoseTokenAnswer,
    /// It does not answer token requests before it is told to.
    HangTokens,
    /// It answers token requests with 503.
    TokensDown,
    /// It answers deletions and revocations with 503.
    RevocationsDown,
    /// It refuses every refresh.
    RefuseRefreshes,
    /// It does not know the client.
    RefuseClient,
    /// Its token endpoint answers with this status and a page instead of an error.
    TokenPage(u16),
    /// It lets no consent be deleted.
    RefuseDeletions,
    /// Nothing answers.
    Dead,
}

#[derive(Default)]
struct State {
    next: u64,
    consents: BTreeMap<String, &'static str>,
    codes: HashMap<String, Code>,
    /// The addresses that the redirect bank sends people back to, by consent.
    backs: HashMap<String, Url>,
    /// Refresh token to whether it is still good.
    refresh: HashMap<String, bool>,
    calls: BTreeMap<&'static str, u32>,
    mischief: Mischief,
    /// A used refresh token is taken once more, as servers with a grace period do.
    grace: bool,
}

struct Code {
    consent: String,
    challenge: String,
    used: bool,
}

#[derive(Default)]
pub(super) struct Bank {
    state: Mutex<State>,
    /// Rings when a token request has arrived.
    pub(super) token_asked: Notify,
    /// Lets a token request that hangs go on.
    pub(super) resume: Notify,
    /// Rings when a token was revoked.
    pub(super) revoked: Notify,
}

impl Bank {
    pub(super) fn play(&self, mischief: Mischief) {
        self.state.lock().unwrap().mischief = mischief;
    }

    pub(super) fn grace(&self) {
        self.state.lock().unwrap().grace = true;
    }

    pub(super) fn calls(&self, word: &str) -> u32 {
        self.state
            .lock()
            .unwrap()
            .calls
            .get(word)
            .copied()
            .unwrap_or(0)
    }

    pub(super) fn consent_states(&self) -> Vec<&'static str> {
        self.state
            .lock()
            .unwrap()
            .consents
            .values()
            .copied()
            .collect()
    }

    /// The bank knows none of its consents any more.
    pub(super) fn forget_consents(&self) {
        self.state.lock().unwrap().consents.clear();
    }

    pub(super) fn set_consents(&self, status: &'static str) {
        self.state
            .lock()
            .unwrap()
            .consents
            .values_mut()
            .for_each(|state| *state = status);
    }

    /// The person approves: what the callback brings.
    pub(super) fn approve(&self, authorize: &Url) -> Vec<(String, String)> {
        let query: HashMap<String, String> = authorize.query_pairs().into_owned().collect();
        assert_eq!(query["code_challenge_method"], "S256");
        assert_eq!(query["client_id"], CLIENT);
        let consent = query["scope"].strip_prefix("AIS:").unwrap().to_owned();
        let mut state = self.state.lock().unwrap();
        *state.consents.get_mut(&consent).unwrap() = "valid";
        let code = state.fresh("code");
        let challenge = query["code_challenge"].clone();
        let used = false;
        state.codes.insert(
            code.clone(),
            Code {
                consent,
                challenge,
                used,
            },
        );
        pairs(&[("state", &query["state"]), ("code", &code), ("iss", ISSUER)])
    }

    /// The person approves at the redirect bank, which sends them back to the address it was told.
    pub(super) fn approve_redirect(
        &self,
        page: &Url,
        status: &'static str,
    ) -> Vec<(String, String)> {
        let consent = page.query_pairs().next().unwrap().1.into_owned();
        let mut state = self.state.lock().unwrap();
        *state.consents.get_mut(&consent).unwrap() = status;
        state.backs[&consent].query_pairs().into_owned().collect()
    }

    /// The person declines.
    pub(super) fn deny(authorize: &Url) -> Vec<(String, String)> {
        let query: HashMap<String, String> = authorize.query_pairs().into_owned().collect();
        pairs(&[
            ("state", &query["state"]),
            ("error", "access_denied"),
            ("iss", ISSUER),
        ])
    }

    async fn answer(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let request = &call.request;
        let path = request.url.path().to_owned();
        let form: HashMap<String, String> =
            form_urlencoded::parse(&request.body).into_owned().collect();
        if path == "/oauth/token" {
            self.token_asked.notify_one();
            if self.state.lock().unwrap().mischief == Mischief::HangTokens {
                self.resume.notified().await;
            }
            // So that two that ask at once would both be seen.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut state = self.state.lock().unwrap();
        if state.mischief == Mischief::Dead {
            return Err(down());
        }
        if let Some(path) = path.strip_prefix(REDIRECT_BASE) {
            return Ok(state.redirect_bank(request, path));
        }
        match (&request.method, path.as_str()) {
            (&Method::POST, "/psd2/v1/consents") => Ok(state.consent()),
            (&Method::GET, path) if path.starts_with("/psd2/v1/consents/") => {
                assert!(request.headers.contains_key("authorization"));
                Ok(state.standing(&path["/psd2/v1/consents/".len()..]))
            }
            (&Method::DELETE, path) => Ok(state.delete(&path["/psd2/v1/consents/".len()..])),
            (&Method::POST, "/oauth/token") => {
                assert!(request.headers.contains_key("authorization"));
                state.token(&form)
            }
            (&Method::POST, "/oauth/revoke") => {
                self.revoked.notify_one();
                Ok(state.revoke(&form))
            }
            (method, path) => panic!("the bank serves no {method} {path}"),
        }
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn answer(status: u16, body: &Value) -> Answer {
    Answer {
        head: ResponseHead {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
        },
        body: Body::Whole(body.to_string().into_bytes()),
    }
}

fn down() -> Fault {
    Fault::new(FaultKind::ProviderDown, "test").after(Duration::ZERO)
}

impl State {
    fn fresh(&mut self, word: &str) -> String {
        self.next += 1;
        format!("{word}-{}", self.next)
    }

    fn count(&mut self, word: &'static str) {
        *self.calls.entry(word).or_default() += 1;
    }

    /// A bank whose consent is the credential: no call carries a token.
    fn redirect_bank(&mut self, request: &Request, path: &str) -> Answer {
        assert!(!request.headers.contains_key("authorization"));
        let id = path.strip_prefix("consents/").unwrap_or_default();
        match (&request.method, path) {
            (&Method::GET, "") => {
                self.count("knock");
                answer(404, &json!({}))
            }
            (&Method::POST, "consents") => {
                self.count("consent");
                let id = self.fresh("consent");
                self.consents.insert(id.clone(), "received");
                let back = request.headers["tpp-redirect-uri"].to_str().unwrap();
                self.backs.insert(id.clone(), back.parse().unwrap());
                let page = format!("{ISSUER}/redirect-bank/authorise?consent={id}");
                let links = json!({ "scaRedirect": { "href": page } });
                let status = "received";
                answer(
                    201,
                    &json!({ "consentStatus": status, "consentId": id, "_links": links }),
                )
            }
            (&Method::GET, _) if id.ends_with("/status") => {
                self.count("status");
                let status = self.consents[id.trim_end_matches("/status")];
                answer(200, &json!({ "consentStatus": status }))
            }
            (&Method::GET, _) => self.standing(id),
            (&Method::DELETE, _) => self.delete(id),
            (method, path) => panic!("the bank serves no {method} {path}"),
        }
    }

    fn consent(&mut self) -> Answer {
        self.count("consent");
        let id = self.fresh("consent");
        self.consents.insert(id.clone(), "received");
        answer(
            201,
            &json!({ "consentStatus": "received", "consentId": id }),
        )
    }

    fn standing(&mut self, id: &str) -> Answer {
        self.count("standing");
        let status = self.consents[id];
        answer(
            200,
            &json!({ "consentStatus": status, "validUntil": "2026-04-01" }),
        )
    }

    fn delete(&mut self, id: &str) -> Answer {
        self.count("delete");
        match self.mischief {
            Mischief::RevocationsDown => return answer(503, &json!({})),
            Mischief::RefuseDeletions => return answer(403, &json!({})),
            _ => {}
        }
        match self.consents.get_mut(id) {
            Some(status) => {
                *status = "terminatedByTpp";
                answer(204, &json!({}))
            }
            None => answer(404, &json!({})),
        }
    }

    fn token(&mut self, form: &HashMap<String, String>) -> Result<Answer, Fault> {
        let exchange = form["grant_type"] == "authorization_code";
        self.count(if exchange { "exchange" } else { "refresh" });
        match self.mischief {
            Mischief::TokensDown => return Ok(answer(503, &json!({}))),
            Mischief::TokenPage(status) => return Ok(answer(status, &json!("a page"))),
            Mischief::RefuseClient => {
                return Ok(answer(401, &json!({ "error": "invalid_client" })));
            }
            _ => {}
        }
        let good = if exchange {
            self.redeem(form)
        } else {
            self.rotate(form)
        };
        if !good {
            return Ok(answer(400, &json!({ "error": "invalid_grant" })));
        }
        let (access, refresh) = (self.fresh("access"), self.fresh("refresh"));
        self.refresh.insert(refresh.clone(), true);
        if self.mischief == Mischief::LoseTokenAnswer {
            self.mischief = Mischief::None;
            return Err(down().with("reason", "connection_lost"));
        }
        Ok(answer(
            200,
            &json!({
                "access_token": access,
                "refresh_token": refresh,
                "token_type": "Bearer",
                "expires_in": 300,
            }),
        ))
    }

    fn redeem(&mut self, form: &HashMap<String, String>) -> bool {
        let verifier = PkceVerifier::from_text(&form["code_verifier"]).unwrap();
        let Some(code) = self.codes.get_mut(&form["code"]) else {
            return false;
        };
        let fits = code.challenge == verifier.challenge().as_str() && !code.used;
        code.used = true;
        fits && self.consents[&code.consent] != "rejected"
    }

    fn rotate(&mut self, form: &HashMap<String, String>) -> bool {
        let grace = self.grace;
        if self.mischief == Mischief::RefuseRefreshes {
            return false;
        }
        let Some(live) = self.refresh.get_mut(&form["refresh_token"]) else {
            return false;
        };
        std::mem::replace(live, false) || grace
    }

    fn revoke(&mut self, form: &HashMap<String, String>) -> Answer {
        self.count("revoke");
        if self.mischief == Mischief::RevocationsDown {
            return answer(503, &json!({}));
        }
        if let Some(live) = self.refresh.get_mut(&form["token"]) {
            *live = false;
        }
        answer(200, &json!({}))
    }
}

impl Transport for Bank {
    fn send<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(async move { self.answer(&call).await })
    }
}
