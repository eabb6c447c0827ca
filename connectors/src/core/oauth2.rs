//! OAuth 2.0 authorization code with PKCE S256, refresh and revocation, as a step function.
//!
//! Sources: RFC 6749 sections 4.1, 5 and 6, RFC 7636, RFC 7009, RFC 9207. The client secret is
//! never seen here: a request asks for the client's credential and transport adds it. Addresses,
//! answers and error codes are those of the `oauth2` crate; the forms are ours (docs/adr/0008).

use ::oauth2::basic::{BasicClient, BasicErrorResponseType, BasicTokenResponse, BasicTokenType};
use ::oauth2::{AuthUrl, ClientId, CsrfToken, RedirectUrl, RefreshToken, Scope, TokenResponse};
use fondaco_model::exchange::{Credential, Fresh, Request, Response};
use fondaco_model::v1::RefusalReason;
use fondaco_model::{Fault, FaultKind, Secret};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method};
use serde::Deserialize;
use serde_json::{Map, Value};
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
    let registered = cx.client()?;
    let (Some(once), Some(challenge)) = (&state.state, &state.challenge) else {
        return Err(unexpected());
    };
    let consent = state.consent_ref.as_deref().unwrap_or_default();
    let scopes = cx.manifest.auth.scopes.iter();
    let scopes = scopes.map(|scope| Scope::new(scope.replace("{consent}", consent)));
    let client = BasicClient::new(ClientId::new(registered.id.clone()))
        .set_auth_uri(AuthUrl::from_url(endpoint.clone()))
        .set_redirect_uri(RedirectUrl::from_url(registered.redirect_uri.clone()));
    let (url, _) = client
        .authorize_url(|| CsrfToken::new(once.clone()))
        .add_scopes(scopes)
        .set_pkce_challenge(challenge.code_challenge())
        .url();
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
    request.credential = Credential::Client;
    Ok(request)
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
    let (answer, refresh_expires_in) =
        token_answer(&response.body).ok_or_else(|| drift("token.not_an_answer"))?;
    let access = answer.access_token().secret();
    let refresh = answer.refresh_token().map(RefreshToken::secret);
    let fits = |token: &String| !token.is_empty() && token.len() <= TOKEN_BYTES_MAX;
    if !fits(access) || refresh.is_some_and(|token| !fits(token)) {
        return Err(drift("token.length"));
    }
    if *answer.token_type() != BasicTokenType::Bearer {
        return Err(Fault::new(FaultKind::Unsupported, OP).with("rule", "token.not_bearer"));
    }
    let joined = |scopes: &Vec<Scope>| {
        let words: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
        words.join(" ")
    };
    Ok(Grant {
        access_token: Some(Secret::new(access)),
        refresh_token: refresh.map(Secret::new),
        token_type: Some(answer.token_type().as_ref().to_owned()),
        expires_in: answer.expires_in().map(|lifetime| lifetime.as_secs()),
        refresh_expires_in,
        scope: answer.scopes().map(joined),
        bank_consent_ref: None,
    })
}

/// Names under which servers state the life of a refresh token; the standard has none.
const REFRESH_LIFE: [&str; 2] = ["refresh_expires_in", "refresh_token_expires_in"];

/// The answer as the standard wants it, after two freedoms that servers take, and the seconds that
/// its refresh token lives; none for another shape. The parser's own message is dropped: it could
/// quote a token.
fn token_answer(body: &[u8]) -> Option<(BasicTokenResponse, Option<u64>)> {
    let mut fields: Map<String, Value> = serde_json::from_slice(body).ok()?;
    if fields.get("token_type").is_none_or(Value::is_null) {
        // Required, and left out by servers that know one type only.
        fields.insert("token_type".to_owned(), Value::from("bearer"));
    }
    let life = seconds(fields.get("expires_in"));
    // Nought stands for a token that does not expire, as offline tokens do.
    let refresh_life = REFRESH_LIFE
        .iter()
        .find_map(|name| seconds(fields.get(*name)));
    fields.insert("expires_in".to_owned(), Value::from(life));
    let answer = serde_json::from_value(Value::Object(fields)).ok()?;
    Some((answer, refresh_life.filter(|seconds| *seconds > 0)))
}

fn seconds(value: Option<&Value>) -> Option<u64> {
    match value? {
        Value::Number(number) => number.as_u64(),
        // Some servers quote the number.
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn error_of(op: &'static str, cx: &Cx<'_>, response: &Response) -> Option<Fault> {
    let shared = fault_of_status(op, &response.head)?;
    let mut fault = shared.with("institution", &cx.manifest.id);
    if response.head.status.is_server_error() || fault.kind == FaultKind::RateLimited {
        return Some(fault);
    }
    let error = error_code(&response.body);
    fault.kind = match &error {
        Some(code) => kind_of(code),
        // 401 at a token endpoint is about the client, never about the person.
        None if fault.kind == FaultKind::AuthExpired => FaultKind::ConfigInvalid,
        None => fault.kind,
    };
    if let (FaultKind::ProviderDown, Some(wait)) = (fault.kind, retry_after(&response.head)) {
        fault = fault.after(wait);
    }
    if let Some(code) = &error {
        fault = fault.with("oauth_error", code_word(code.as_ref()));
    }
    Some(fault)
}

/// The code of an error answer. Its description is not read: it may quote a token or a person.
fn error_code(body: &[u8]) -> Option<BasicErrorResponseType> {
    #[derive(Deserialize)]
    struct ErrorAnswer {
        error: BasicErrorResponseType,
    }
    let answer: ErrorAnswer = serde_json::from_slice(body).ok()?;
    Some(answer.error).filter(|code| !code.as_ref().is_empty())
}

/// The kind of an error code (RFC 6749 section 5.2, RFC 7009 section 2.2.1).
fn kind_of(code: &BasicErrorResponseType) -> FaultKind {
    use BasicErrorResponseType as Code;
    match code {
        Code::InvalidGrant => FaultKind::AuthRevoked,
        Code::InvalidClient | Code::UnauthorizedClient | Code::InvalidScope => {
            FaultKind::ConfigInvalid
        }
        Code::UnsupportedGrantType => FaultKind::Unsupported,
        Code::InvalidRequest => FaultKind::ProviderRejected,
        Code::Extension(word) => match word.as_str() {
            "unsupported_token_type" => FaultKind::Unsupported,
            "temporarily_unavailable" | "server_error" => FaultKind::ProviderDown,
            _ => FaultKind::ProviderRejected,
        },
    }
}

#[cfg(test)]
mod tests;
