//! The explorer at `/graphiql`: one page, one sheet, one script, no third party.

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, header};
use serde::Serialize;

use super::graphql::not_found;
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

/// A file of the explorer.
#[derive(Clone, Copy)]
pub(super) enum File {
    Page,
    Sheet,
    Script,
    Examples,
}

/// Serves a file of the explorer, or 404 when it is switched off.
pub(super) fn serve(file: File, state: &ApiState, request_id: &str) -> Response {
    let Some(examples) = &state.config().explorer else {
        return not_found(request_id);
    };
    let (media, text) = match file {
        File::Page => ("text/html; charset=utf-8", PAGE.to_owned()),
        File::Sheet => ("text/css; charset=utf-8", SHEET.to_owned()),
        File::Script => ("text/javascript; charset=utf-8", SCRIPT.to_owned()),
        File::Examples => {
            let text = serde_json::to_string(examples).expect("three texts each");
            ("application/json; charset=utf-8", text)
        }
    };
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
