//! What a request says: who sends it, what it asks for, which cookies it holds.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::body::Body;
use axum::extract::ConnectInfo;
use fondaco_vault::Visitor;
use http::header::USER_AGENT;
use http::{HeaderMap, Request};
use url::form_urlencoded;

use super::ConnectState;
use super::token::PageToken;
use crate::http::engine::RequestId;
use crate::web::cookie::FlowCookie;
use crate::web::i18n::Locale;

/// Characters of a browser's own description that go to the bank and into the ledger.
const USER_AGENT_CHARS_MAX: usize = 256;
/// Pairs of a page's query that are looked at.
const QUERY_PAIRS_MAX: usize = 16;

/// A request without its body.
pub(super) struct Visit {
    pub(super) headers: HeaderMap,
    pub(super) peer: Option<IpAddr>,
    pub(super) request_id: String,
    /// The query as it stands in the address.
    pub(super) query: String,
}

impl Visit {
    /// Takes a request apart.
    pub(super) fn of(request: Request<Body>) -> (Self, Body) {
        let (parts, body) = request.into_parts();
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let request_id = parts.extensions.get::<RequestId>();
        let visit = Self {
            peer: peer.map(|info| info.0.ip()),
            request_id: request_id.map(|id| id.0.clone()).unwrap_or_default(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
        };
        (visit, body)
    }

    /// The first value of a parameter of the query.
    pub(super) fn param(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.query.as_bytes()).take(QUERY_PAIRS_MAX);
        pairs
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The language: as the address wants it, then the session, then the browser.
    pub(super) fn locale(&self, session: Option<&str>) -> Locale {
        Locale::negotiate(self.param("locale").as_deref(), session, &self.headers)
    }

    /// The cookie of a page's flow, if this browser holds it.
    pub(super) fn cookie(&self, state: &ConnectState, page: &PageToken) -> Option<FlowCookie> {
        let mut cookies = state.scheme().read(&self.headers).into_iter();
        cookies.find(|cookie| PageToken::of(cookie).as_ref() == Some(page))
    }

    /// The person as the server sees them. Forwarded headers are never read.
    pub(super) fn visitor(&self) -> Visitor {
        let agent = self
            .headers
            .get(USER_AGENT)
            .and_then(|value| value.to_str().ok());
        Visitor {
            ip: self.peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            user_agent: agent.map(|text| text.chars().take(USER_AGENT_CHARS_MAX).collect()),
        }
    }
}
