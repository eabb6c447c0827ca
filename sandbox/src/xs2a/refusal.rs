//! Errors as `tppMessages` (Berlin Group implementation guidelines 1.3.x, section 14.11).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A refused request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    /// The element that is wrong.
    path: Option<&'static str>,
    text: &'static str,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, text: &'static str) -> Self {
        Self {
            status,
            code,
            path: None,
            text,
        }
    }

    /// A missing or malformed element.
    pub(super) fn format(path: &'static str, text: &'static str) -> Self {
        Self {
            path: Some(path),
            ..Self::new(StatusCode::BAD_REQUEST, "FORMAT_ERROR", text)
        }
    }

    pub(super) fn unauthorized(code: &'static str, text: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, text)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut message = json!({"category": "ERROR", "code": self.code, "text": self.text});
        if let Some(path) = self.path {
            message["path"] = json!(path);
        }
        let body = Json(json!({"tppMessages": [message]}));
        let mut response = (self.status, body).into_response();
        if self.code.starts_with("TOKEN_") {
            let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

pub(super) async fn no_such_path() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "RESOURCE_UNKNOWN",
        "There is nothing at this address",
    )
}

pub(super) async fn no_such_method() -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "SERVICE_INVALID",
        "Not with this method",
    )
}
