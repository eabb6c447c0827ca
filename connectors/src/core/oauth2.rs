//! OAuth 2.0 authorization code with PKCE S256, refresh and revocation, as a step function.
//!
//! Sources: RFC 6749 sections 4.1, 5 and 6, RFC 7636, RFC 7009, RFC 9207. The client secret is
//! never seen here: a request names its credential and transport adds it.

use fondaco_model::exchange::{Credential, Fresh, Request, Response};
use fondaco_model::provider::ClientAuth;
use fondaco_model::v1::RefusalReason;
use fondaco_model::{Fault, FaultKind, Secret};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method};
use serde::Deserialize;
use serde_json::Value;
use url::Url;
use url::form_urlencoded::Serializer;

use super::connector::Cx;
use super::consent::{Callback, ConsentFlow, FlowEvent, FlowState, FlowStep, Grant, Phase};
use super::faults::{code_word, fault_of_status, retry_after};
use super::pkce::PkceVerifier;

/// Longest token that is taken, in bytes.
pub const TOKEN_BYTES_MAX: usize = 16 << 10;

/// The flow of providers that need nothing besides OAuth.
#[derive(Debug, Clone, Copy, Default)]
pub struct StandardOAuth2;

impl ConsentFlow for StandardOAuth2 {
    fn step(
        &self,
        cx: &Cx<'_>,
        at: Option<&FlowState>,
        event: FlowEvent<'_>,
    ) -> Result<FlowStep, Fault> {
        let phase = at.map(|state| state.phase);
        match (event, phase, at) {
            (FlowEvent::Begin(begin), None, _) => {
                let state = FlowState::begin(Phase::AtProvider, &begin);
                let authorize_url = endpoint(cx, cx.manifest.auth.authorize_url.as_ref())?;
                Ok(FlowStep::Redirect(
                    authorize(cx, authorize_url, &state)?,
                    state.at_provider(),
                ))
            }
            (FlowEvent::Callback(callback), Some(Phase::AtProvider), Some(state)) => {
                returned(cx, state, &callback)
            }
            (FlowEvent::Refresh(grant), ..) => refresh(cx, grant),
            (FlowEvent::Revoke(grant), ..) => revoke(cx, grant),
            (FlowEvent::Response(response, _), Some(_), Some(state)) => {
                answered(cx, state, response)
            }
            _ => Err(unexpected()),
        }
    }
}

/// The fault for an event that a state does not expect.
pub(crate) fn unexpected() -> Fault {
    Fault::new(FaultKind::Internal, "oauth.step").with("reason", "event_out_of_order")
}

fn endpoint<'a>(cx: &Cx<'a>, url: Option<&'a Url>) -> Result<&'a Url, Fault> {
    url.ok_or_else(|| {
        Fault::new(FaultKind::ConfigInvalid, "oauth.endpoint")
            .with("institution", &cx.manifest.id)
            .with("reason", "no_endpoint")
    })
}

/// The address of the authorization request (RFC 6749 section 4.1.1, RFC 7636 section 4.3).
///
/// # Errors
/// `ConfigInvalid` without a registration, `Internal` for a state without challenge.
pub fn authorize(cx: &Cx<'_>, endpoint: &Url, state: &FlowState) -> Result<Url, Fault> {
    let client = cx.client()?;
    let (Some(once), Some(challenge)) = (&state.state, &state.challenge) else {
        return Err(unexpected());
    };
    let consent = state.consent_ref.as_deref().unwrap_or_default();
    let scopes = cx.manifest.auth.scopes.iter();
    let scopes: Vec<String> = scopes.map(|s| s.replace("{consent}", consent)).collect();
    let mut url = endpoint.clone();
    {
        let mut query = url.query_pairs_mut();
        query.append_pair("response_type", "code");
        query.append_pair("client_id", &client.id);
        query.append_pair("redirect_uri", client.redirect_uri.as_str());
        if !scopes.is_empty() {
            query.append_pair("scope", &scopes.join(" "));
        }
        query.append_pair("state", once);
        query.append_pair("code_challenge", challenge);
        query.append_pair("code_challenge_method", "S256");
    }
    Ok(url)
}

/// The step after the person's return.
///
/// # Errors
/// `ProviderRejected` with reason `issuer_mismatch` or `no_code`, and the faults of an error code.
pub fn returned(
    cx: &Cx<'_>,
    state: &FlowState,
    callback: &Callback<'_>,
) -> Result<FlowStep, Fault> {
    if !issuer_matches(cx, callback.iss) {
        return Err(rejected("issuer_mismatch"));
    }
    if let Some(error) = callback.error {
        return refused(error);
    }
    let code = callback
        .code
        .filter(|code| !code.is_empty() && code.len() <= TOKEN_BYTES_MAX);
    let code = code.ok_or_else(|| rejected("no_code"))?;
    let request = exchange(cx, code, callback.verifier)?;
    Ok(FlowStep::Send(request, state.at(Phase::TokenSent)))
}

fn rejected(reason: &str) -> Fault {
    Fault::new(FaultKind::ProviderRejected, "oauth.callback").with("reason", reason)
}

/// True when the issuer of a callback is the expected one (RFC 9207 section 2.4): compared
/// exactly, and missing only where the entry does not require it.
pub fn issuer_matches(cx: &Cx<'_>, iss: Option<&str>) -> bool {
    let auth = &cx.manifest.auth;
    match (iss, &auth.issuer) {
        (Some(stated), Some(expected)) => stated == expected,
        // A missing issuer, or one that nobody can compare, proves nothing.
        (Some(_), None) | (None, _) => !auth.iss_required,
    }
}

/// What an error of the authorization endpoint means (RFC 6749 section 4.1.2.1).
///
/// # Errors
/// Every error but a refusal is a fault.
pub fn refused(error: &str) -> Result<FlowStep, Fault> {
    let fault = |kind| Fault::new(kind, "oauth.authorize").with("oauth_error", code_word(error));
    match error {
        "access_denied" => Ok(FlowStep::Refused(RefusalReason::UserDenied)),
        "login_required" | "interaction_required" | "consent_required" => {
            Err(fault(FaultKind::UserActionRequired))
        }
        "temporarily_unavailable" | "server_error" => Err(fault(FaultKind::ProviderDown)),
        "unauthorized_client" | "invalid_scope" | "unsupported_response_type" => {
            Err(fault(FaultKind::ConfigInvalid))
        }
        _ => Err(fault(FaultKind::ProviderRejected)),
    }
}

/// The token request for a code (RFC 6749 section 4.1.3, RFC 7636 section 4.5).
///
/// # Errors
/// `ConfigInvalid` without token endpoint or registration.
pub fn exchange(cx: &Cx<'_>, code: &str, verifier: &PkceVerifier) -> Result<Request, Fault> {
    let redirect_uri = cx.client()?.redirect_uri.as_str();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect_uri),
        ("code_verifier", verifier.expose()),
    ];
    form_post(
        cx,
        endpoint(cx, cx.manifest.auth.token_url.as_ref())?,
        &form,
    )
}

/// The first step of a refresh (RFC 6749 section 6).
///
/// # Errors
/// `UserActionRequired` when there is no refresh token.
pub fn refresh(cx: &Cx<'_>, grant: &Grant) -> Result<FlowStep, Fault> {
    let token = grant.refresh_token.as_ref().ok_or_else(|| {
        Fault::new(FaultKind::UserActionRequired, "oauth.refresh")
            .with("reason", "no_refresh_token")
    })?;
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", token.expose()),
    ];
    let url = endpoint(cx, cx.manifest.auth.token_url.as_ref())?;
    let state = FlowState::of_grant(Phase::RefreshSent, grant);
    Ok(FlowStep::Send(form_post(cx, url, &form)?, state))
}

/// The first step of a revocation (RFC 7009 section 2.1); the refresh token ends the whole grant.
///
/// # Errors
/// None today.
pub fn revoke(cx: &Cx<'_>, grant: &Grant) -> Result<FlowStep, Fault> {
    let refresh = grant
        .refresh_token
        .as_ref()
        .map(|token| (token, "refresh_token"));
    let token = refresh.or(grant
        .access_token
        .as_ref()
        .map(|token| (token, "access_token")));
    let (Some(url), Some((token, hint))) = (&cx.manifest.auth.revoke_url, token) else {
        return Ok(FlowStep::Revoked);
    };
    let form = [("token", token.expose()), ("token_type_hint", hint)];
    let state = FlowState::of_grant(Phase::RevokeSent, grant);
    Ok(FlowStep::Send(form_post(cx, url, &form)?, state))
}

/// The step after an answer of the token or revocation endpoint.
///
/// # Errors
/// The fault that the answer states.
pub fn answered(cx: &Cx<'_>, state: &FlowState, response: &Response) -> Result<FlowStep, Fault> {
    match state.phase {
        Phase::TokenSent | Phase::RefreshSent => {
            let mut grant = read_token(cx, response)?;
            grant.bank_consent_ref.clone_from(&state.consent_ref);
            Ok(FlowStep::Granted(grant))
        }
        Phase::RevokeSent => match error_of("oauth.revoke", cx, response) {
            None => Ok(FlowStep::Revoked),
            // An invalid token is answered with 200; some servers say so with an error instead.
            Some(fault) if fault.get("oauth_error") == Some("invalid_token") => {
                Ok(FlowStep::Revoked)
            }
            Some(fault) if fault.kind == FaultKind::AuthRevoked => Ok(FlowStep::Revoked),
            Some(fault) => Err(fault),
        },
        _ => Err(unexpected()),
    }
}

fn form_post(cx: &Cx<'_>, url: &Url, form: &[(&str, &str)]) -> Result<Request, Fault> {
    // A token endpoint is only spoken to in the name of a registration.
    cx.client()?;
    let mut request = Request::new(Method::POST, url.clone());
    request.body = Serializer::new(String::new())
        .extend_pairs(form)
        .finish()
        .into_bytes();
    let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers.insert(CONTENT_TYPE, form_type);
    request
        .headers
        .insert(ACCEPT, HeaderValue::from_static("application/json"));
    request
        .fresh
        .push((HeaderName::from_static("x-request-id"), Fresh::Uuid));
    request.credential = match cx.manifest.auth.client_auth {
        ClientAuth::Basic => Credential::ClientBasic,
        ClientAuth::Post => Credential::ClientPost,
    };
    Ok(request)
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    token_type: Option<String>,
    expires_in: Option<Value>,
    refresh_token: Option<String>,
    scope: Option<String>,
}

/// Reads an answer of the token endpoint (RFC 6749 sections 5.1 and 5.2).
///
/// # Errors
/// `AuthRevoked` for `invalid_grant`, `ConfigInvalid` for a refused client, `Unsupported` for a
/// token that is no bearer token, `SchemaDrift` for an answer without the documented shape.
pub fn read_token(cx: &Cx<'_>, response: &Response) -> Result<Grant, Fault> {
    const OP: &str = "oauth.token";
    if let Some(fault) = error_of(OP, cx, response) {
        return Err(fault);
    }
    let drift = |rule| Fault::new(FaultKind::SchemaDrift, OP).with("rule", rule);
    // The parser's own message could quote a token.
    let answer: TokenAnswer =
        serde_json::from_slice(&response.body).map_err(|_| drift("token.not_an_answer"))?;
    let fits = |token: &String| !token.is_empty() && token.len() <= TOKEN_BYTES_MAX;
    if !fits(&answer.access_token) || answer.refresh_token.iter().any(|token| !fits(token)) {
        return Err(drift("token.length"));
    }
    let bearer = |kind: &String| kind.eq_ignore_ascii_case("bearer");
    if answer.token_type.as_ref().is_some_and(|kind| !bearer(kind)) {
        return Err(Fault::new(FaultKind::Unsupported, OP).with("rule", "token.not_bearer"));
    }
    let seconds = |value: &Value| match value {
        Value::Number(number) => number.as_u64(),
        // Some servers quote the number.
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    Ok(Grant {
        access_token: Some(Secret::new(answer.access_token)),
        refresh_token: answer.refresh_token.map(Secret::new),
        token_type: answer.token_type,
        expires_in: answer.expires_in.as_ref().and_then(seconds),
        scope: answer.scope,
        bank_consent_ref: None,
    })
}

fn error_of(op: &'static str, cx: &Cx<'_>, response: &Response) -> Option<Fault> {
    #[derive(Deserialize)]
    struct ErrorAnswer {
        error: String,
    }
    let shared = fault_of_status(op, &response.head)?;
    let mut fault = shared.with("institution", &cx.manifest.id);
    if response.head.status.is_server_error() || fault.kind == FaultKind::RateLimited {
        return Some(fault);
    }
    let answer: Option<ErrorAnswer> = serde_json::from_slice(&response.body).ok();
    let error = answer.as_ref().map_or("", |answer| &answer.error);
    fault.kind = match error {
        "invalid_grant" => FaultKind::AuthRevoked,
        "invalid_client" | "unauthorized_client" | "invalid_scope" => FaultKind::ConfigInvalid,
        "unsupported_grant_type" | "unsupported_token_type" => FaultKind::Unsupported,
        "temporarily_unavailable" | "server_error" => FaultKind::ProviderDown,
        // 401 at a token endpoint is about the client, never about the person.
        "" if fault.kind == FaultKind::AuthExpired => FaultKind::ConfigInvalid,
        "" => fault.kind,
        _ => FaultKind::ProviderRejected,
    };
    if let (FaultKind::ProviderDown, Some(wait)) = (fault.kind, retry_after(&response.head)) {
        fault = fault.after(wait);
    }
    if !error.is_empty() {
        fault = fault.with("oauth_error", code_word(error));
    }
    Some(fault)
}

#[cfg(test)]
mod tests;
