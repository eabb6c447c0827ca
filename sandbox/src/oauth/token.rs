//! The token and revocation endpoints.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::consent::Status;
use crate::oauth::client::{self, Form};
use crate::state::{Shared, Visit};

/// `POST /oauth/token`.
pub(super) async fn exchange(
    State(bank): State<Shared>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let form = match client::authenticate(&bank.config, &headers, &body) {
        Ok(form) => form,
        Err(response) => {
            bank.visit()
                .world
                .stats
                .count_token("unauthenticated", false);
            return *response;
        }
    };
    let mut visit = bank.visit();
    let grant_type = form.value("grant_type").to_owned();
    let outcome = match grant_type.as_str() {
        "authorization_code" => spend_code(&mut visit, &form),
        "refresh_token" => spend_refresh(&mut visit, &form),
        "" => Err(("invalid_request", "grant_type is missing")),
        _ => Err((
            "unsupported_grant_type",
            "only authorization_code and refresh_token",
        )),
    };
    let outcome = outcome.and_then(|grant| with_valid_consent(&mut visit, grant));
    visit.world.stats.count_token(&grant_type, outcome.is_ok());
    match outcome {
        Ok(grant) => issue(&bank, &mut visit, grant),
        Err((error, text)) => client::refused(error, text),
    }
}

type Refused = (&'static str, &'static str);

fn spend_code(visit: &mut Visit<'_>, form: &Form) -> Result<u64, Refused> {
    for name in ["code", "redirect_uri", "code_verifier"] {
        if form.value(name).is_empty() {
            return Err((
                "invalid_request",
                "code, redirect_uri and code_verifier are needed",
            ));
        }
    }
    let (redirect_uri, verifier) = (form.value("redirect_uri"), form.value("code_verifier"));
    let now_s = visit.now_s;
    let grants = &mut visit.world.grants;
    grants
        .spend_code(form.value("code"), redirect_uri, verifier, now_s)
        .map_err(|text| ("invalid_grant", text))
}

fn spend_refresh(visit: &mut Visit<'_>, form: &Form) -> Result<u64, Refused> {
    let token = form.value("refresh_token");
    if token.is_empty() {
        return Err(("invalid_request", "refresh_token is missing"));
    }
    let now_s = visit.now_s;
    visit
        .world
        .grants
        .spend_refresh(token, now_s)
        .map_err(|text| ("invalid_grant", text))
}

/// A grant lives no longer than the consent it was given for.
fn with_valid_consent(visit: &mut Visit<'_>, grant: u64) -> Result<u64, Refused> {
    let ended = ("invalid_grant", "the consent is no longer valid");
    let found = visit.world.grants.by_id.get(&grant).ok_or(ended)?;
    if found.ended.is_some() {
        return Err(("invalid_grant", "the grant has ended"));
    }
    let consent = found.consent.clone();
    let is_valid = visit
        .consent(&consent)
        .is_some_and(|found| found.status == Status::Valid);
    if is_valid { Ok(grant) } else { Err(ended) }
}

fn issue(bank: &Shared, visit: &mut Visit<'_>, grant: u64) -> Response {
    let now_s = visit.now_s;
    let Some(issued) = visit.world.grants.issue(grant, bank.lifetimes(), now_s) else {
        return client::refused("invalid_grant", "the grant has ended");
    };
    let consent = visit
        .world
        .grants
        .by_id
        .get(&grant)
        .map(|found| found.consent.clone());
    let consent = consent.unwrap_or_default();
    visit
        .world
        .hand_out("access_token", &issued.access, &consent);
    visit
        .world
        .hand_out("refresh_token", &issued.refresh, &consent);
    let body = axum::Json(json!({
        "access_token": issued.access,
        "token_type": "Bearer",
        "expires_in": bank.config.access_ttl_s,
        "refresh_expires_in": bank.config.refresh_ttl_s,
        "refresh_token": issued.refresh,
        "scope": issued.scope,
    }));
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::PRAGMA, "no-cache"),
    ];
    (StatusCode::OK, headers, body).into_response()
}

/// `POST /oauth/revoke`. An unknown token is no error (RFC 7009, section 2.2).
pub(super) async fn revoke(
    State(bank): State<Shared>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let form = match client::authenticate(&bank.config, &headers, &body) {
        Ok(form) => form,
        Err(response) => return *response,
    };
    let token = form.value("token");
    if token.is_empty() {
        return client::refused("invalid_request", "token is missing");
    }
    bank.visit().world.grants.revoke(token);
    StatusCode::OK.into_response()
}
