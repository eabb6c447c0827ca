//! Which web pages may call the API: those whose origin a tenant registered, never all.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::code::Code;
use super::problem::Problem;
use super::state::ApiState;

/// Bytes of an origin that is looked at: a host name has at most 253.
const ORIGIN_BYTES_MAX: usize = 300;
/// What pages may send to `/graphql`.
const GRAPHQL: Allowed = Allowed {
    allow: "GET, HEAD, POST, OPTIONS",
    methods: "GET, POST",
    headers: "authorization, content-type, accept, graphql-preflight, x-requested-with, \
              x-request-id, x-cost-only",
};
const EXPOSED: &str = "ratelimit, ratelimit-policy, retry-after, x-request-id";
/// Seconds for which a browser may keep the answer to a preflight.
const PREFLIGHT_SECONDS: &str = "600";

/// What pages of registered origins may send to an address.
pub(crate) struct Allowed {
    /// Methods of the address, as `Allow` names them.
    pub(crate) allow: &'static str,
    /// Methods of pages.
    pub(crate) methods: &'static str,
    /// Headers that pages may set.
    pub(crate) headers: &'static str,
}

/// Origin of the page that sends a request, when it is another one than the server's own.
///
/// # Errors
/// 400 for an origin that is no text or too long.
pub(crate) fn foreign_origin(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get(header::ORIGIN) else {
        return Ok(None);
    };
    let origin = value
        .to_str()
        .ok()
        .filter(|origin| origin.len() <= ORIGIN_BYTES_MAX);
    let Some(origin) = origin else {
        return Err(Problem::new(
            Code::BadRequest,
            "The Origin header cannot be read.",
        ));
    };
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let own = origin
        .split_once("://")
        .is_some_and(|(_, authority)| Some(authority) == host);
    Ok((!own).then_some(origin))
}

/// Checks a page's origin against those of the caller's own tenant.
///
/// # Errors
/// `FORBIDDEN` for any other origin.
pub(crate) fn check(origin: Option<&str>, origins: &[String]) -> Result<(), Problem> {
    match origin {
        Some(origin) if !origins.iter().any(|known| known == origin) => Err(Problem::new(
            Code::Forbidden,
            "The page's origin is not registered.",
        )),
        _ => Ok(()),
    }
}

/// Lets the page at `origin` read an answer.
pub(crate) fn admit(headers: &mut HeaderMap, origin: &str) {
    if let Ok(origin) = HeaderValue::from_str(origin) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let exposed = HeaderValue::from_static(EXPOSED);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}

/// Answers OPTIONS on `/graphql`.
pub(super) async fn preflight(state: &ApiState, headers: &HeaderMap) -> Response {
    let known = match foreign_origin(headers) {
        Ok(Some(origin)) if state.engine().origin_known(origin).await => Some(origin),
        _ => None,
    };
    answer_preflight(known, &GRAPHQL)
}

/// The answer to a preflight, `known` being the page's origin when some tenant registered it. A
/// preflight has no key, so that any tenant's origin passes here; the request after it is checked
/// against the caller's own.
pub(crate) fn answer_preflight(known: Option<&str>, allowed: &Allowed) -> Response {
    let mut answer = StatusCode::NO_CONTENT.into_response();
    let out = answer.headers_mut();
    out.insert(header::ALLOW, HeaderValue::from_static(allowed.allow));
    if let Some(origin) = known {
        admit(out, origin);
        let mut set = |name, value| out.insert(name, HeaderValue::from_static(value));
        set(header::ACCESS_CONTROL_ALLOW_METHODS, allowed.methods);
        set(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed.headers);
        set(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS);
    }
    answer
}
