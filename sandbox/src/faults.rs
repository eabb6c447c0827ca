//! Switchable faults: a layer before every public endpoint.

use std::io;
use std::time::Duration;

use axum::body::{self, Body};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;

use crate::line::Peer;
use crate::state::Shared;

/// The bank's own answers are far smaller than this.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
const REQUEST_BYTES_MAX: usize = 64 * 1024;
const DELAY_MS_MAX: u64 = 600_000;
/// So many switches may be set at once.
pub(crate) const FAULTS_MAX: usize = 100;

/// What goes wrong.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Too many requests; the work is not done.
    #[serde(rename = "429")]
    TooMany,
    /// Internal error; the work is not done.
    #[serde(rename = "500")]
    Internal,
    /// Not available; the work is not done.
    #[serde(rename = "503")]
    Unavailable,
    /// The work is done, the connection breaks in the middle of the answer's body.
    #[serde(rename = "cut")]
    Cut,
    /// The work is done, the connection breaks before the answer.
    #[serde(rename = "lost")]
    Lost,
    /// The answer comes late.
    #[serde(rename = "slow")]
    Slow,
    /// A complete HTTP answer with half a body.
    #[serde(rename = "truncate")]
    Truncate,
    /// A complete HTTP answer with a body that is not what its type says.
    #[serde(rename = "garbage")]
    Garbage,
}

impl Kind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::TooMany => "429",
            Self::Internal => "500",
            Self::Unavailable => "503",
            Self::Cut => "cut",
            Self::Lost => "lost",
            Self::Slow => "slow",
            Self::Truncate => "truncate",
            Self::Garbage => "garbage",
        }
    }
}

/// A fault switch as the control port takes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    /// Name of the endpoint, or `*`.
    #[serde(rename = "match")]
    pub(crate) endpoint: String,
    /// How many requests it hits; 1 without it.
    #[serde(default = "once")]
    pub(crate) times: u32,
    /// How many matching requests pass unharmed first.
    #[serde(default)]
    pub(crate) after: u32,
    /// Only token requests of this grant type.
    #[serde(default)]
    pub(crate) grant_type: Option<String>,
    #[serde(default)]
    pub(crate) retry_after_s: Option<u32>,
    #[serde(default)]
    pub(crate) delay_ms: u64,
}

fn once() -> u32 {
    1
}

/// Endpoint names that a fault can match.
pub(crate) const ENDPOINTS: &[&str] = &[
    "metadata",
    "authorize",
    "login",
    "token",
    "revoke",
    "consents",
    "accounts",
    "balances",
    "transactions",
    "other",
    "*",
];

/// The name of what a request asks for.
fn endpoint_of(path: &str) -> &'static str {
    let rest = path.strip_prefix("/redirect-bank").unwrap_or(path);
    if let Some(xs2a) = rest.strip_prefix("/psd2/v1/") {
        return match xs2a.split('/').collect::<Vec<_>>()[..] {
            ["consents", ..] => "consents",
            ["accounts", _, "balances"] => "balances",
            ["accounts", _, "transactions", ..] => "transactions",
            ["accounts", ..] => "accounts",
            _ => "other",
        };
    }
    match rest {
        "/.well-known/oauth-authorization-server" => "metadata",
        "/oauth/authorize" | "/authorize" => "authorize",
        "/oauth/token" => "token",
        "/oauth/revoke" => "revoke",
        "/bank/login" | "/bank/approve" => "login",
        _ => "other",
    }
}

/// Counts the request and does to it what the switches say.
pub(crate) async fn disturb(
    State(bank): State<Shared>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    req: Request,
    next: Next,
) -> Response {
    let endpoint = endpoint_of(req.uri().path());
    let (req, grant_type) = match with_grant_type(endpoint, req).await {
        Ok(read) => read,
        Err(status) => return status.into_response(),
    };
    let fault = {
        let mut visit = bank.visit();
        visit.world.stats.count_request(endpoint);
        let fault = take(&mut visit.world.faults, endpoint, grant_type.as_deref());
        if let Some(fault) = &fault {
            visit.world.stats.count_fault(fault.kind.word());
        }
        fault
    };
    let Some(fault) = fault else {
        return next.run(req).await;
    };
    match fault.kind {
        Kind::TooMany => refusal(StatusCode::TOO_MANY_REQUESTS, &fault, endpoint),
        Kind::Internal => refusal(StatusCode::INTERNAL_SERVER_ERROR, &fault, endpoint),
        Kind::Unavailable => refusal(StatusCode::SERVICE_UNAVAILABLE, &fault, endpoint),
        Kind::Slow => {
            tokio::time::sleep(Duration::from_millis(fault.delay_ms.min(DELAY_MS_MAX))).await;
            next.run(req).await
        }
        Kind::Lost => {
            let response = next.run(req).await;
            peer.cut();
            response
        }
        Kind::Cut => spoil(next.run(req).await, |bytes| cut_body(&bytes)).await,
        Kind::Truncate => {
            spoil(next.run(req).await, |bytes| {
                Body::from(bytes.slice(..bytes.len() / 2))
            })
            .await
        }
        Kind::Garbage => spoil(next.run(req).await, |_| Body::from("<html>\u{0}\u{fffd}{")).await,
    }
}

/// Reads the grant type of a token request, so that a fault can hit only refreshes.
async fn with_grant_type(
    endpoint: &str,
    req: Request,
) -> Result<(Request, Option<String>), StatusCode> {
    if endpoint != "token" || req.method() != Method::POST {
        return Ok((req, None));
    }
    let (parts, stream) = req.into_parts();
    let bytes = body::to_bytes(stream, REQUEST_BYTES_MAX)
        .await
        .map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    let grant_type = url::form_urlencoded::parse(&bytes)
        .find(|(name, _)| name == "grant_type")
        .map(|(_, value)| value.into_owned());
    Ok((Request::from_parts(parts, Body::from(bytes)), grant_type))
}

/// The first switch that fits; it is counted down and removed when it is spent.
fn take(faults: &mut Vec<Fault>, endpoint: &str, grant_type: Option<&str>) -> Option<Fault> {
    let fits = |fault: &Fault| {
        (fault.endpoint == "*" || fault.endpoint == endpoint)
            && (fault.grant_type.is_none() || fault.grant_type.as_deref() == grant_type)
    };
    let at = faults.iter().position(fits)?;
    let fault = &mut faults[at];
    if fault.after > 0 {
        fault.after -= 1;
        return None;
    }
    fault.times = fault.times.saturating_sub(1);
    let taken = fault.clone();
    if fault.times == 0 {
        faults.remove(at);
    }
    Some(taken)
}

/// An error answer in the dialect of the endpoint.
fn refusal(status: StatusCode, fault: &Fault, endpoint: &str) -> Response {
    let is_oauth = matches!(
        endpoint,
        "token" | "revoke" | "metadata" | "authorize" | "login"
    );
    let body = if is_oauth {
        let error = if status == StatusCode::INTERNAL_SERVER_ERROR {
            "server_error"
        } else {
            "temporarily_unavailable"
        };
        json!({"error": error, "error_description": "a fault switch is on"})
    } else {
        let code = match status {
            StatusCode::TOO_MANY_REQUESTS => "ACCESS_EXCEEDED",
            StatusCode::SERVICE_UNAVAILABLE => "SERVICE_UNAVAILABLE",
            _ => "INTERNAL_SERVER_ERROR",
        };
        let text = "A fault switch is on";
        json!({"tppMessages": [{"category": "ERROR", "code": code, "text": text}]})
    };
    let mut response = (status, axum::Json(body)).into_response();
    if let Some(seconds) = fault.retry_after_s {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Replaces the body of an answer; an answer too large to hold is left as it is, empty.
async fn spoil(response: Response, change: impl FnOnce(Bytes) -> Body) -> Response {
    let (mut parts, stream) = response.into_parts();
    let bytes = body::to_bytes(stream, ANSWER_BYTES_MAX)
        .await
        .unwrap_or_default();
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, change(bytes))
}

/// A body that promises nothing about its length, brings half and then breaks the connection.
fn cut_body(bytes: &Bytes) -> Body {
    let half = bytes.slice(..bytes.len() / 2);
    let first = stream::once(async move { Ok(half) });
    let rest = stream::once(async {
        // Being pending once lets the server send what it has before the connection breaks.
        tokio::task::yield_now().await;
        Err(io::Error::from(io::ErrorKind::ConnectionReset))
    });
    Body::from_stream(first.chain(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_endpoint_names() {
        for (path, expected) in [
            ("/psd2/v1/consents/x/status", "consents"),
            ("/psd2/v1/accounts", "accounts"),
            ("/psd2/v1/accounts/x", "accounts"),
            ("/redirect-bank/psd2/v1/accounts/x/balances", "balances"),
            ("/psd2/v1/accounts/x/transactions", "transactions"),
            ("/oauth/token", "token"),
            ("/redirect-bank/authorize", "authorize"),
            ("/", "other"),
        ] {
            assert_eq!(endpoint_of(path), expected, "{path}");
            assert!(ENDPOINTS.contains(&expected));
        }
    }

    #[test]
    fn a_switch_waits_hits_and_is_gone() {
        let mut faults = vec![Fault {
            kind: Kind::Lost,
            endpoint: "token".to_owned(),
            times: 2,
            after: 1,
            grant_type: Some("refresh_token".to_owned()),
            retry_after_s: None,
            delay_ms: 0,
        }];
        let refresh = Some("refresh_token");
        assert!(take(&mut faults, "token", Some("authorization_code")).is_none());
        assert!(take(&mut faults, "accounts", None).is_none());
        assert!(take(&mut faults, "token", refresh).is_none());
        assert!(take(&mut faults, "token", refresh).is_some());
        assert!(take(&mut faults, "token", refresh).is_some());
        assert!(take(&mut faults, "token", refresh).is_none());
        assert!(faults.is_empty());
    }
}
