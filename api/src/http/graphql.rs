//! `/graphql`: methods, authentication and origins around the pipeline.
//!
//! Source: GraphQL over HTTP (draft of June 2025); the OWASP GraphQL cheat sheet for CSRF.

use std::net::{IpAddr, SocketAddr};

use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, Method, Request, StatusCode, header};

use super::accept::{Media, check_content, negotiate};
use super::answer::Answer;
use super::code::Code;
use super::engine::{AuthError, Caller, Presented, RequestId};
use super::pipeline::{self, Mode};
use super::problem::Problem;
use super::state::ApiState;
use super::{body, cors};
use crate::guard::json::{Operation, parse_body, parse_query_string};

/// Headers that a page cannot send without a preflight; one must stand on every GET.
const PREFLIGHTED: [&str; 2] = ["graphql-preflight", "x-requested-with"];
/// Header that asks for the cost only.
const COST_ONLY: &str = "x-cost-only";
/// Bytes of a key that is looked up.
const BEARER_BYTES_MAX: usize = 512;
const ALLOWED: &str = "GET, HEAD, POST, OPTIONS";

/// Answers every method on `/graphql`.
pub(super) async fn handle(State(state): State<ApiState>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    if parts.method == Method::OPTIONS {
        return cors::preflight(&state, &parts.headers).await;
    }
    let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone());
    let request_id = request_id.unwrap_or_default();
    // The body is read before anything is refused: a client that is cut off while it writes
    // never sees why.
    let body = body::read(body, state.config().limits.body_bytes).await;
    let (media, negotiated) = match negotiate(&parts.headers) {
        Ok(media) => (media, Ok(())),
        Err(problem) => (Media::GraphQl, Err(problem)),
    };
    let admitted = match negotiated.and_then(|()| check_request(&parts)) {
        Ok(()) => admit(&state, &parts).await,
        Err(problem) => Err(problem),
    };
    let origin = cors::foreign_origin(&parts.headers).ok().flatten();
    let (answer, readable) = match admitted {
        Ok(caller) => {
            let operation = read(&state, &parts, body);
            let mode = Mode {
                safe: parts.method != Method::POST,
                cost_only: parts
                    .headers
                    .get(COST_ONLY)
                    .is_some_and(|value| value == "1"),
            };
            (
                pipeline::run(&state, &caller, &request_id, operation, mode).await,
                true,
            )
        }
        Err(problem) => {
            // A page of a registered origin may read that its token is over.
            let readable = match origin {
                Some(origin) if problem.code != Code::Forbidden => {
                    state.engine().origin_known(origin).await
                }
                _ => false,
            };
            (Answer::problem(problem), readable)
        }
    };
    let mut response = answer.into_response(media, &request_id);
    if let Some(origin) = origin.filter(|_| readable) {
        cors::admit(response.headers_mut(), origin);
    }
    response
}

/// Refuses by method, media type and missing preflight, before any key is looked up.
fn check_request(parts: &Parts) -> Result<(), Problem> {
    match parts.method {
        Method::POST => check_content(&parts.headers),
        Method::GET | Method::HEAD => {
            if PREFLIGHTED
                .iter()
                .any(|name| parts.headers.contains_key(*name))
            {
                return Ok(());
            }
            let message = "Send the header `GraphQL-Preflight: 1` with GET, or use POST.";
            Err(Problem::new(Code::BadRequest, message))
        }
        _ => Err(Problem::method(ALLOWED)),
    }
}

fn read(
    state: &ApiState,
    parts: &Parts,
    body: Result<Vec<u8>, Problem>,
) -> Result<Operation, Problem> {
    let limits = &state.config().limits;
    let body = body?;
    let operation = match parts.method {
        Method::POST => parse_body(&body, limits)?,
        _ => parse_query_string(parts.uri.query().unwrap_or_default(), limits)?,
    };
    Ok(operation)
}

/// Finds the caller and checks the page that sends for it.
pub(super) async fn admit(state: &ApiState, parts: &Parts) -> Result<Caller, Problem> {
    let origin = cors::foreign_origin(&parts.headers)?;
    let peer = parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0.ip());
    let presented = Presented {
        bearer: bearer(&parts.headers),
        peer,
        origin,
    };
    match state.engine().authenticate(presented).await {
        Ok(caller) => cors::check(origin, &caller.origins).map(|()| caller),
        Err(AuthError::Rejected) => Err(rejected(state, peer)),
        Err(AuthError::Unavailable) => Err(Problem::new(
            Code::Unavailable,
            "Keys cannot be looked up now.",
        )),
    }
}

fn rejected(state: &ApiState, peer: Option<IpAddr>) -> Problem {
    match peer.map(|peer| state.failures().note(peer)) {
        Some(Err(wait)) => Problem::rate_limited(wait),
        Some(Ok(())) | None => Problem::new(Code::Unauthenticated, "A valid key is needed."),
    }
}

/// The key of a request; none when it stands there twice or is too long.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
    let key = key.trim();
    let fits = !key.is_empty() && key.len() <= BEARER_BYTES_MAX;
    (scheme.eq_ignore_ascii_case("bearer") && fits).then_some(key)
}

/// The answer to an address that is not served.
pub(super) fn not_found(request_id: &str) -> Response {
    let problem = Problem::new(Code::NotFound, "There is nothing at this address.");
    Answer::problem(problem).into_response(Media::Json, request_id)
}

/// The answer to a method that an address does not take.
pub(super) fn wrong_method(allow: &'static str, request_id: &str) -> Response {
    Answer::problem(Problem::method(allow)).into_response(Media::Json, request_id)
}

/// The answer when a handler panicked.
pub(super) fn panicked(request_id: &str) -> Response {
    let mut response = Answer::problem(Problem::internal()).into_response(Media::Json, request_id);
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
