//! The answer to a method that a page does not take.

use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CACHE_CONTROL};
use http::{HeaderValue, StatusCode};

/// Pages that are only looked at.
pub(super) const READ: &str = "GET, HEAD";
/// Pages that are looked at and sent.
pub(super) const READ_AND_POST: &str = "GET, HEAD, POST";
/// Steps.
pub(super) const POST_ONLY: &str = "POST";
/// The callback, whose GET is a step.
pub(super) const GET_ONLY: &str = "GET";

/// 405 with the methods that are taken (RFC 9110 section 15.5.6).
pub(super) fn not_allowed(allow: &'static str) -> Response {
    let headers = [
        (ALLOW, HeaderValue::from_static(allow)),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (StatusCode::METHOD_NOT_ALLOWED, headers).into_response()
}
