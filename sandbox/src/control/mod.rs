//! The control port: moves the clock, sets faults, withdraws consents, tells what the bank knows.

mod info;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::{SECONDS_PER_DAY, instant_text};
use crate::config;
use crate::consent::Status;
use crate::faults::{ENDPOINTS, FAULTS_MAX, Fault};
use crate::line::Peer;
use crate::state::{Bank, Shared};

/// One step of the clock is at most ten years.
const STEP_MAX_S: i64 = 3_660 * SECONDS_PER_DAY;
const REDIRECT_URIS_MAX: usize = 100;

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/control/info", get(info::info))
        .route("/control/stats", get(stats))
        .route("/control/tokens", get(tokens))
        .route("/control/clock", get(clock).post(advance))
        .route(
            "/control/faults",
            get(faults).post(set_fault).delete(clear_faults),
        )
        .route("/control/revoke-consent", post(revoke_consent))
        .route("/control/redirect-uris", post(add_redirect_uris))
        .route("/control/reset", post(reset))
        .layer(middleware::from_fn(loopback_only))
}

/// Refuses other machines, and pages in browsers (they send an Origin).
async fn loopback_only(ConnectInfo(peer): ConnectInfo<Peer>, req: Request, next: Next) -> Response {
    if peer.is_loopback() && !req.headers().contains_key(header::ORIGIN) {
        next.run(req).await
    } else {
        problem(StatusCode::FORBIDDEN, "only for programs on this machine").into_response()
    }
}

type Answer = Result<Json<Value>, (StatusCode, Json<Value>)>;

fn problem(status: StatusCode, text: &str) -> (StatusCode, Json<Value>) {
    (status, Json(json!({"error": text})))
}

fn bad(text: &str) -> (StatusCode, Json<Value>) {
    problem(StatusCode::BAD_REQUEST, text)
}

fn clock_text(bank: &Bank) -> Json<Value> {
    let now = instant_text(bank.clock.now_s());
    Json(json!({"now": now, "today": bank.clock.today().to_string()}))
}

async fn clock(State(bank): State<Shared>) -> Json<Value> {
    clock_text(&bank)
}

/// A step of the clock.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    #[serde(default)]
    advance_days: i64,
    #[serde(default)]
    advance_s: i64,
}

async fn advance(State(bank): State<Shared>, Json(step): Json<Step>) -> Answer {
    let seconds = step
        .advance_days
        .saturating_mul(SECONDS_PER_DAY)
        .saturating_add(step.advance_s);
    if step.advance_days < 0 || step.advance_s < 0 || seconds > STEP_MAX_S {
        return Err(bad("a step goes forward, by at most ten years"));
    }
    let last_s = i64::from(config::last_today().0) * SECONDS_PER_DAY;
    if bank.clock.now_s() + seconds > last_s {
        return Err(bad("the clock ends with the year 2099"));
    }
    bank.clock.advance(seconds);
    Ok(clock_text(&bank))
}

fn fault_list(bank: &Bank) -> Json<Value> {
    let visit = bank.visit();
    let list: Vec<Value> = visit
        .world
        .faults
        .iter()
        .map(|fault| {
            json!({
                "kind": fault.kind.word(),
                "match": fault.endpoint,
                "times": fault.times,
                "after": fault.after,
                "grant_type": fault.grant_type,
            })
        })
        .collect();
    Json(json!({"faults": list}))
}

async fn faults(State(bank): State<Shared>) -> Json<Value> {
    fault_list(&bank)
}

async fn set_fault(State(bank): State<Shared>, Json(fault): Json<Fault>) -> Answer {
    if !ENDPOINTS.contains(&fault.endpoint.as_str()) {
        return Err(bad(&format!(
            "match must be one of {}",
            ENDPOINTS.join(", ")
        )));
    }
    if fault.times == 0 {
        return Err(bad("times must be at least 1"));
    }
    {
        let mut visit = bank.visit();
        if visit.world.faults.len() >= FAULTS_MAX {
            return Err(bad("too many switches are set"));
        }
        visit.world.faults.push(fault);
    }
    Ok(fault_list(&bank))
}

async fn clear_faults(State(bank): State<Shared>) -> Json<Value> {
    bank.visit().world.faults.clear();
    fault_list(&bank)
}

/// Which consents the person withdraws at the bank.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Withdrawal {
    #[serde(default, rename = "consentId")]
    consent_id: Option<String>,
    #[serde(default)]
    all: bool,
}

async fn revoke_consent(State(bank): State<Shared>, Json(asked): Json<Withdrawal>) -> Answer {
    let mut visit = bank.visit();
    let ids: Vec<String> = match (asked.consent_id, asked.all) {
        (Some(id), false) => vec![id],
        (None, true) => visit.world.consents.keys().cloned().collect(),
        _ => return Err(bad("give either consentId or all: true")),
    };
    if ids.iter().any(|id| !visit.world.consents.contains_key(id)) {
        return Err(problem(StatusCode::NOT_FOUND, "there is no such consent"));
    }
    for id in &ids {
        visit.end_consent(id, Status::RevokedByPsu, "consent withdrawn at the bank");
    }
    Ok(Json(json!({"revoked": ids})))
}

/// Redirect URIs to register beside those of the configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Registration {
    add: Vec<String>,
}

async fn add_redirect_uris(State(bank): State<Shared>, Json(asked): Json<Registration>) -> Answer {
    if asked
        .add
        .iter()
        .any(|uri| url::Url::parse(uri).is_err() || uri.contains('#'))
    {
        return Err(bad("a redirect URI is an absolute URL without a fragment"));
    }
    let mut visit = bank.visit();
    if visit.world.redirect_uris.len() + asked.add.len() > REDIRECT_URIS_MAX {
        return Err(bad("too many redirect URIs"));
    }
    for uri in asked.add {
        if !visit.world.redirect_uris.contains(&uri) {
            visit.world.redirect_uris.push(uri);
        }
    }
    Ok(Json(json!({"redirect_uris": visit.world.redirect_uris})))
}

async fn stats(State(bank): State<Shared>) -> Json<Value> {
    let visit = bank.visit();
    Json(visit.world.stats.report(&visit.world.grants))
}

/// Every secret that left the bank, for tests that search for it where it must not be.
async fn tokens(State(bank): State<Shared>) -> Json<Value> {
    let visit = bank.visit();
    let list: Vec<Value> = visit
        .world
        .handed_out
        .iter()
        .map(|one| json!({"kind": one.kind, "value": one.value, "consentId": one.consent}))
        .collect();
    Json(json!({"tokens": list}))
}

async fn reset(State(bank): State<Shared>) -> Json<Value> {
    bank.reset();
    clock_text(&bank)
}
