//! `GET /keys/{registration}`: the public keys of a registration, as institutions fetch them.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use fondaco_model::ids::RegistrationId;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Request, StatusCode};

use super::ConnectState;
use super::method;
use super::pages::{Token, text_of};
use super::stop::limited;
use super::visit::Visit;
use crate::http::code::Code;
use crate::http::problem::Problem;
use crate::http::problem_response;

/// Media type of a JWK Set (RFC 7517 section 8.5.2).
const JWK_SET: &str = "application/jwk-set+json";

/// How long the set may be kept: a key has to be published for that long before it signs.
const KEPT: &str = "public, max-age=300";

pub(super) async fn keys(
    State(state): State<ConnectState>,
    registration: Token,
    request: Request<Body>,
) -> Response {
    let (visit, _) = Visit::of(request);
    let id = text_of(&registration).and_then(|text| text.parse().ok());
    match set(&state, &visit, id).await {
        Ok(body) => {
            let headers = [
                (CONTENT_TYPE, HeaderValue::from_static(JWK_SET)),
                (CACHE_CONTROL, HeaderValue::from_static(KEPT)),
            ];
            (StatusCode::OK, headers, body).into_response()
        }
        Err(problem) => problem_response(problem, &visit.request_id),
    }
}

/// Answers a method that is not taken.
pub(super) async fn wrong_method(request: Request<Body>) -> Response {
    let (visit, _) = Visit::of(request);
    problem_response(Problem::method(method::READ), &visit.request_id)
}

async fn set(
    state: &ConnectState,
    visit: &Visit,
    id: Option<RegistrationId>,
) -> Result<String, Problem> {
    state
        .admit_peer(visit)
        .map_err(|stop| Problem::rate_limited(limited(&stop)))?;
    // An id that is none and one that nobody has look the same from outside.
    let nothing = || Problem::new(Code::NotFound, "There is nothing at this address.");
    let found = state.vault().public_keys(id.ok_or_else(nothing)?).await;
    let found = found.map_err(|error| {
        tracing::error!(request_id = visit.request_id, %error, "public keys failed");
        Problem::internal()
    })?;
    let set = found.ok_or_else(nothing)?;
    serde_json::to_string(&set).map_err(|_| Problem::internal())
}
