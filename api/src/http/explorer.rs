//! The explorer at `/graphiql`: one page, one sheet, one script, no third party.
//!
//! A browser opens the page before it knows a key, so that the page is open to all and tells
//! nothing. What it shows of the schema, the saved queries included, it asks for with the key.

use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderName, HeaderValue, header};
use serde::Serialize;

use super::code::Code;
use super::graphql::{admit, not_found};
use super::problem::Problem;
use super::problem_response;
use super::state::ApiState;

const PAGE: &str = include_str!("../../web/explorer/index.html");
const SHEET: &str = include_str!("../../web/explorer/explorer.css");
const SCRIPT: &str = include_str!("../../web/explorer/explorer.js");

/// Nothing inline, nothing foreign, no frame around it; the page talks to its own server only.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                                       connect-src 'self'; base-uri 'none'; form-action 'none'; \
                                       frame-ancestors 'none'";
const HEADERS: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// A saved query of the explorer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// What it shows, in a few words.
    pub title: String,
    /// The document.
    pub query: String,
    /// Its variables as JSON, or empty.
    pub variables: String,
}

/// A file of the explorer that tells nothing about the schema.
#[derive(Clone, Copy)]
pub(super) enum File {
    Page,
    Sheet,
    Script,
}

/// Serves a file of the explorer, or 404 when it is switched off.
pub(super) fn serve(file: File, state: &ApiState, request_id: &str) -> Response {
    if state.config().explorer.is_none() {
        return not_found(request_id);
    }
    let (media, text) = match file {
        File::Page => ("text/html; charset=utf-8", PAGE),
        File::Sheet => ("text/css; charset=utf-8", SHEET),
        File::Script => ("text/javascript; charset=utf-8", SCRIPT),
    };
    protected(media, text.into_response())
}

/// Serves the saved queries to a key that may ask for the schema, which they tell about.
pub(super) async fn examples(state: &ApiState, parts: &Parts, request_id: &str) -> Response {
    let Some(examples) = &state.config().explorer else {
        return not_found(request_id);
    };
    match admit(state, parts).await {
        Ok(caller) if state.may_introspect(&caller) => {
            let text = serde_json::to_string(examples).expect("three texts each");
            protected("application/json; charset=utf-8", text.into_response())
        }
        Ok(_) => {
            let message = "The explorer is not open to this key: it needs the scope `schema:read`.";
            problem_response(Problem::new(Code::Forbidden, message), request_id)
        }
        Err(problem) => problem_response(problem, request_id),
    }
}

fn protected(media: &'static str, mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
