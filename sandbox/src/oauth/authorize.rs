//! The authorization endpoint: checks the request and sends the person to the login page.

use std::collections::BTreeMap;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use url::Url;

use crate::consent::{Approach, Status};
use crate::oauth::SCOPE_PREFIX;
use crate::secret;
use crate::state::{Flow, Shared, Way};
use crate::web::{self, page};

/// An error that goes back to the client (RFC 6749, section 4.1.2.1).
struct Sent {
    error: &'static str,
    text: &'static str,
}

const fn sent(error: &'static str, text: &'static str) -> Sent {
    Sent { error, text }
}

/// `GET /oauth/authorize`.
pub(super) async fn begin(
    State(bank): State<Shared>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Some(asked) = parameters(&query.unwrap_or_default()) else {
        return page::problem(StatusCode::BAD_REQUEST, "A parameter was sent twice.");
    };
    let value = |name: &str| asked.get(name).map(String::as_str);
    // Until client and redirect URI are known to belong together nothing is sent anywhere.
    if value("client_id") != Some(bank.config.client_id.as_str()) {
        return page::problem(
            StatusCode::BAD_REQUEST,
            "The application is not known here.",
        );
    }
    let redirect_uri = value("redirect_uri").unwrap_or_default().to_owned();
    if !bank.visit().world.redirect_uris.contains(&redirect_uri) {
        return page::problem(
            StatusCode::BAD_REQUEST,
            "The application asked to return to an address that is not registered.",
        );
    }
    let state = value("state").map(str::to_owned);
    let (consent, challenge) = match checked(&asked) {
        Ok(found) => found,
        Err(error) => {
            return web::see_other(&refused(
                &bank.base_url,
                &redirect_uri,
                state.as_deref(),
                &error,
            ));
        }
    };
    let mut visit = bank.visit();
    let is_open = visit.consent(&consent).is_some_and(|found| {
        found.approach == Approach::OAuth
            && matches!(found.status, Status::Received | Status::Valid)
    });
    if !is_open {
        let error = sent("invalid_scope", "there is no open consent with this id");
        return web::see_other(&refused(
            &bank.base_url,
            &redirect_uri,
            state.as_deref(),
            &error,
        ));
    }
    let browser = web::browser_of(&headers).unwrap_or_else(|| secret::fresh("b_"));
    let flow = Flow {
        browser: browser.clone(),
        consent,
        way: Way::OAuth {
            redirect_uri: redirect_uri.clone(),
            state: state.clone(),
            challenge,
        },
        person: None,
        answer: None,
        expires_s: visit.now_s + i64::from(bank.config.login_ttl_s),
    };
    if let Some(id) = visit.keep_flow(flow) {
        return web::to_login(&id, &browser);
    }
    let error = sent("temporarily_unavailable", "too many logins are under way");
    web::see_other(&refused(
        &bank.base_url,
        &redirect_uri,
        state.as_deref(),
        &error,
    ))
}

/// The consent's id and the challenge of an acceptable request.
fn checked(asked: &BTreeMap<String, String>) -> Result<(String, String), Sent> {
    let value = |name: &str| asked.get(name).map_or("", String::as_str);
    if value("response_type") != "code" {
        return Err(sent(
            "unsupported_response_type",
            "response_type must be code",
        ));
    }
    if value("code_challenge_method") != "S256" {
        return Err(sent(
            "invalid_request",
            "code_challenge_method must be S256",
        ));
    }
    if !secret::is_challenge(value("code_challenge")) {
        return Err(sent(
            "invalid_request",
            "code_challenge must be a SHA-256 in base64url",
        ));
    }
    let consent = value("scope")
        .strip_prefix(SCOPE_PREFIX)
        .filter(|id| !id.is_empty() && !id.contains(' '))
        .ok_or_else(|| {
            sent(
                "invalid_scope",
                "scope must be AIS: and the id of a consent",
            )
        })?;
    Ok((consent.to_owned(), value("code_challenge").to_owned()))
}

/// The query's parameters; `None` when one occurs twice (RFC 6749, section 3.1).
pub(crate) fn parameters(query: &str) -> Option<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if found
            .insert(name.into_owned(), value.into_owned())
            .is_some()
        {
            return None;
        }
    }
    Some(found)
}

fn refused(issuer: &str, redirect_uri: &str, state: Option<&str>, error: &Sent) -> String {
    let pairs = [("error", error.error), ("error_description", error.text)];
    answer_url(issuer, redirect_uri, state, &pairs)
}

/// A redirect URI with the answer's parameters, the state and the issuer (RFC 9207).
pub(crate) fn answer_url(
    issuer: &str,
    redirect_uri: &str,
    state: Option<&str>,
    pairs: &[(&str, &str)],
) -> String {
    let Ok(mut url) = Url::parse(redirect_uri) else {
        return redirect_uri.to_owned();
    };
    url.query_pairs_mut().extend_pairs(pairs);
    if let Some(state) = state {
        url.query_pairs_mut().append_pair("state", state);
    }
    url.query_pairs_mut().append_pair("iss", issuer);
    url.into()
}
