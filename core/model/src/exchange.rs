//! HTTP as data: what a connector asks to be sent and what comes back.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderName, Method, StatusCode};
use url::Url;

/// A header value that transport makes anew for each attempt, before signing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fresh {
    /// A random UUID, for request ids.
    Uuid,
    /// The present time in the form of RFC 9110 section 5.6.7.
    Date,
}

/// Which credential the transport stack adds; the one who describes a request never sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// None.
    Anonymous,
    /// The access token of the grant, as a bearer token (RFC 6750 section 2.1).
    Grant,
    /// The client's own, in the way that the institution's entry names (RFC 6749 section 2.3).
    Client,
}

/// One request to a provider.
#[derive(Clone)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Absolute address.
    pub url: Url,
    /// Headers that are known when the request is described.
    pub headers: HeaderMap,
    /// Headers whose values are made per attempt.
    pub fresh: Vec<(HeaderName, Fresh)>,
    /// Body bytes; empty for none.
    pub body: Vec<u8>,
    /// The credential to add.
    pub credential: Credential,
}

impl Request {
    /// A request without headers and body that carries the grant's token.
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            fresh: Vec::new(),
            body: Vec::new(),
            credential: Credential::Grant,
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Query and body may hold codes, tokens and account numbers.
        write!(
            f,
            "Request({} {}{})",
            self.method,
            self.url.authority(),
            self.url.path().len()
        )
    }
}

/// Status and headers of an answer.
#[derive(Clone)]
pub struct ResponseHead {
    /// Status code.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
}

impl ResponseHead {
    /// A header as text, when it is one.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The wait that `Retry-After` asks for in seconds (RFC 9110 section 10.2.3).
    pub fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after")?
            .trim()
            .parse()
            .ok()
            .map(Duration::from_secs)
    }
}

impl fmt::Debug for ResponseHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResponseHead({})", self.status)
    }
}

/// A whole answer, for the small ones; large ones are spooled.
#[derive(Clone)]
pub struct Response {
    /// Status and headers.
    pub head: ResponseHead,
    /// The body, at most as large as the call's cap.
    pub body: Vec<u8>,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Response({}, {} bytes)",
            self.head.status,
            self.body.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_shows_neither_query_nor_body() {
        let url = Url::parse("https://bank.example/token?code=secret-code").unwrap();
        let mut request = Request::new(Method::POST, url);
        request.body = b"refresh_token=secret-token".to_vec();
        assert!(!format!("{request:?}").contains("secret"));
    }
}
