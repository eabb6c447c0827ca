//! A scripted bank behind the transport trait: consents are made, codes are exchanged once.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use fondaco_model::exchange::ResponseHead;
use fondaco_model::{Fault, FaultKind};
use fondaco_transport::{Answer, Body, Call, Transport};
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use url::form_urlencoded;

/// How the bank behaves, and what it was asked.
#[derive(Default)]
pub(super) struct Bank {
    /// Consents that were made.
    pub(super) consents: AtomicUsize,
    /// Codes that were exchanged.
    pub(super) exchanges: AtomicUsize,
    /// While true every new consent fails.
    pub(super) down: AtomicBool,
    /// While true an exchange waits for a permit of `gate`.
    pub(super) slow: AtomicBool,
    /// Lets slow exchanges go on.
    pub(super) gate: Gate,
    codes: Mutex<HashSet<String>>,
}

/// Permits that tests hand out, none at first.
pub(super) struct Gate(pub(super) Arc<Semaphore>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }
}

impl Gate {
    /// Lets this many more through.
    pub(super) fn open(&self, count: usize) {
        self.0.add_permits(count);
    }
}

/// Waits for a permit and uses it up.
pub(super) async fn pass(gate: Arc<Semaphore>) {
    gate.acquire().await.unwrap().forget();
}

impl Bank {
    pub(super) fn consents(&self) -> usize {
        self.consents.load(Ordering::SeqCst)
    }

    pub(super) fn exchanges(&self) -> usize {
        self.exchanges.load(Ordering::SeqCst)
    }

    pub(super) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    pub(super) fn set_slow(&self, slow: bool) {
        self.slow.store(slow, Ordering::SeqCst);
    }

    async fn answer(&self, call: Call<'_>) -> Result<Answer, Fault> {
        let request = &call.request;
        let path = request.url.path().to_owned();
        if request.method == Method::POST && path.ends_with("/consents") {
            if self.down.load(Ordering::SeqCst) {
                return Err(Fault::new(FaultKind::ProviderDown, call.op));
            }
            let number = self.consents.fetch_add(1, Ordering::SeqCst) + 1;
            let id = format!("consent-{number}");
            let links = json!({ "scaOAuth": { "href": "/.well-known/oauth" } });
            let body = json!({ "consentStatus": "received", "consentId": id, "_links": links });
            return Ok(answer(StatusCode::CREATED, &body));
        }
        if request.method == Method::POST && path.ends_with("/token") {
            return Ok(self.exchange(&request.body).await);
        }
        let standing = json!({ "consentStatus": "valid", "validUntil": "2026-06-30" });
        Ok(answer(StatusCode::OK, &standing))
    }

    async fn exchange(&self, form: &[u8]) -> Answer {
        if self.slow.load(Ordering::SeqCst) {
            pass(Arc::clone(&self.gate.0)).await;
        }
        let code = form_urlencoded::parse(form).find(|(name, _)| name == "code");
        let code = code
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default();
        self.exchanges.fetch_add(1, Ordering::SeqCst);
        if !self.codes.lock().unwrap().insert(code.clone()) {
            return answer(
                StatusCode::BAD_REQUEST,
                &json!({ "error": "invalid_grant" }),
            );
        }
        let tokens = json!({
            "access_token": format!("access-{code}"),
            "refresh_token": format!("refresh-{code}"),
            "token_type": "Bearer",
            "expires_in": 300,
        });
        answer(StatusCode::OK, &tokens)
    }
}

fn answer(status: StatusCode, body: &Value) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/json".parse().unwrap());
    Answer {
        head: ResponseHead { status, headers },
        body: Body::Whole(body.to_string().into_bytes()),
    }
}

/// The bank as a vault's transport.
pub(super) struct Line(pub(super) Arc<Bank>);

impl Transport for Line {
    fn send<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(self.0.answer(call))
    }
}
