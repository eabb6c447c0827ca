//! The HTTP side of the API: routes, errors and what stands on every answer.

mod accept;
mod answer;
mod body;
pub mod code;
pub(crate) mod cors;
pub mod engine;
mod errors;
pub mod explorer;
mod graphql;
mod job_fault;
pub mod paper;
mod pipeline;
pub mod problem;
pub mod state;
pub mod user_code;

use std::panic::AssertUnwindSafe;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get};
use futures_util::FutureExt;
use http::{HeaderName, HeaderValue, StatusCode, header};

use engine::RequestId;
use explorer::File;
use state::ApiState;
use tracing::Instrument as _;

pub(crate) use graphql::bearer;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Characters of a request id that a client may choose.
const REQUEST_ID_CHARS_MAX: usize = 64;
const READ_ONLY: &str = "GET, HEAD";

/// The routes of the API alone: `/graphql`, `/health`, `/ready` and the explorer.
pub fn router(state: ApiState) -> Router {
    router_with(state, Router::new())
}

/// The routes of the API beside others, for example consent pages and uploads.
///
/// All get a request id, `Cache-Control: no-store` and `X-Content-Type-Options: nosniff` unless
/// they set their own; a panic in any becomes `INTERNAL`.
pub fn router_with(state: ApiState, others: Router) -> Router {
    Router::new()
        .route("/graphql", any(graphql::handle))
        .route("/health", read_only(get(health)))
        .route("/ready", read_only(get(ready)))
        .route("/graphiql", read_only(explorer_file(File::Page)))
        .route(
            "/graphiql/explorer.css",
            read_only(explorer_file(File::Sheet)),
        )
        .route(
            "/graphiql/explorer.js",
            read_only(explorer_file(File::Script)),
        )
        .route("/graphiql/examples.json", read_only(get(explorer_examples)))
        .with_state(state.clone())
        .merge(others)
        .fallback(nothing_here)
        .layer(from_fn_with_state(state, around))
}

fn explorer_file(file: File) -> MethodRouter<ApiState> {
    get(
        move |State(state): State<ApiState>, request: Request| async move {
            explorer::serve(file, &state, &id_of(&request))
        },
    )
}

async fn explorer_examples(State(state): State<ApiState>, request: Request) -> Response {
    let id = id_of(&request);
    let (parts, _) = request.into_parts();
    explorer::examples(&state, &parts, &id).await
}

fn read_only(route: MethodRouter<ApiState>) -> MethodRouter<ApiState> {
    route.fallback(
        |request: Request| async move { graphql::wrong_method(READ_ONLY, &id_of(&request)) },
    )
}

/// The answer to a request that failed as a whole, for routes beside these.
pub(crate) fn problem_response(problem: problem::Problem, request_id: &str) -> Response {
    answer::Answer::problem(problem).into_response(accept::Media::Json, request_id)
}

async fn nothing_here(request: Request) -> Response {
    graphql::not_found(&id_of(&request))
}

/// The process lives.
async fn health() -> Response {
    json(StatusCode::OK, r#"{"status":"ok"}"#)
}

/// The process can answer queries.
async fn ready(State(state): State<ApiState>) -> Response {
    if state.engine().ready().await {
        json(StatusCode::OK, r#"{"status":"ready"}"#)
    } else {
        json(
            StatusCode::SERVICE_UNAVAILABLE,
            r#"{"status":"unavailable"}"#,
        )
    }
}

fn json(status: StatusCode, text: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}

fn id_of(request: &Request) -> String {
    request
        .extensions()
        .get::<RequestId>()
        .map(|id| id.0.clone())
        .unwrap_or_default()
}

/// Gives each request its id, each answer its common headers, and each panic an answer.
async fn around(State(state): State<ApiState>, mut request: Request, next: Next) -> Response {
    let id = client_id(&request).unwrap_or_else(|| (state.config().new_id)().to_string());
    request.extensions_mut().insert(RequestId(id.clone()));
    // It stands in every line of the log, down to the call to a provider.
    let span = tracing::info_span!("request", request_id = id);
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind();
    let response = answered.instrument(span).await;
    let mut response = response.unwrap_or_else(|_| {
        tracing::error!(request_id = id, "a handler panicked");
        graphql::panicked(&id)
    });
    let headers = response.headers_mut();
    let common = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in common {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    // Answers differ by origin even where no origin was admitted.
    headers.append(header::VARY, HeaderValue::from_static("origin, accept"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// A request id that the client chose, if it is short and plain enough for a log line.
fn client_id(request: &Request) -> Option<String> {
    let id = request.headers().get(REQUEST_ID)?.to_str().ok()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let sane = (1..=REQUEST_ID_CHARS_MAX).contains(&id.len()) && id.bytes().all(plain);
    sane.then(|| id.to_owned())
}

#[cfg(test)]
mod tests;
