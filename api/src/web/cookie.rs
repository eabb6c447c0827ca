//! The cookie that binds one consent flow to the browser that began it.
//!
//! A browser holds one cookie per flow, so that two tabs may finish in any order. The callback
//! goes on only in a browser that presents the flow's own secret; the store keeps its digest.

use std::fmt;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

/// Most flows that one browser keeps open; a further one drops the oldest.
pub const FLOWS_MAX: usize = 20;
/// Most bytes of `Cookie` headers that are read; what lies beyond counts as absent.
pub const COOKIE_BYTES_MAX: usize = 16 * 1024;
/// Most cookies of a request that are looked at, ours or not.
pub const COOKIES_MAX: usize = 200;
/// Longest flow id, in bytes.
pub const FLOW_ID_BYTES_MAX: usize = 64;
/// Shortest binding secret, in characters of base64url: 128 bits.
pub const SECRET_CHARS_MIN: usize = 22;
/// Longest binding secret, in characters of base64url: 512 bits.
pub const SECRET_CHARS_MAX: usize = 86;

/// The part of the name that every flow cookie shares.
const NAME: &str = "fondaco-flow-";
/// The prefix that makes a browser refuse the cookie unless it is Secure, host-only and at `/`.
const HOST_PREFIX: &str = "__Host-";

/// A flow's public id as it stands in a cookie's name: letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowId(String);

impl FlowId {
    /// Checks an id; `None` when it is empty, longer than [`FLOW_ID_BYTES_MAX`] or has other
    /// characters.
    pub fn new(id: &str) -> Option<Self> {
        let fits = (1..=FLOW_ID_BYTES_MAX).contains(&id.len());
        (fits && id.bytes().all(is_base64url)).then(|| Self(id.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The secret of one flow in one browser, in base64url; never shown by `Debug`.
#[derive(Clone)]
pub struct BindingSecret(String);

impl BindingSecret {
    /// Checks a secret: base64url of [`SECRET_CHARS_MIN`] to [`SECRET_CHARS_MAX`] characters.
    pub fn new(secret: &str) -> Option<Self> {
        let fits = (SECRET_CHARS_MIN..=SECRET_CHARS_MAX).contains(&secret.len());
        (fits && secret.bytes().all(is_base64url)).then(|| Self(secret.to_owned()))
    }

    /// The secret itself, to be digested and compared in constant time.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BindingSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BindingSecret(..)")
    }
}

const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// A flow cookie that a browser presented.
#[derive(Debug, Clone)]
pub struct FlowCookie {
    /// The flow.
    pub flow: FlowId,
    /// When it was set, in seconds since 1970, as the browser says; only used to drop the oldest.
    pub issued_at_s: u64,
    /// The secret that proves the browser.
    pub secret: BindingSecret,
}

/// How the pages are reached, which decides the cookie's name and attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `https`: the `__Host-` prefix and `Secure`.
    Https,
    /// Plain `http`, for a machine's own loopback address only: browsers keep no Secure cookie.
    Http,
}

impl Scheme {
    /// The name of a flow's cookie.
    pub fn name(self, flow: &FlowId) -> String {
        format!("{}{NAME}{}", self.prefix(), flow.0)
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Https => HOST_PREFIX,
            Self::Http => "",
        }
    }

    /// The `Set-Cookie` value for a flow cookie that lives `max_age_s` seconds.
    ///
    /// `SameSite=Lax`, because the bank's redirect back is a top-level navigation from another
    /// site, which `Strict` would leave without the cookie (RFC 6265bis section 5.6.7.1).
    pub fn set(self, cookie: &FlowCookie, max_age_s: u32) -> HeaderValue {
        let value = format!("{}.{}", cookie.issued_at_s, cookie.secret.0);
        self.header(&cookie.flow, &value, max_age_s)
    }

    /// The `Set-Cookie` value that removes a flow's cookie.
    pub fn clear(self, flow: &FlowId) -> HeaderValue {
        self.header(flow, "", 0)
    }

    fn header(self, flow: &FlowId, value: &str, max_age_s: u32) -> HeaderValue {
        let secure = match self {
            Self::Https => "; Secure",
            Self::Http => "",
        };
        let name = self.name(flow);
        let text =
            format!("{name}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}");
        HeaderValue::from_str(&text).expect("ids, secrets and numbers are visible ASCII")
    }

    /// All flow cookies of a request, in the order in which the browser sent them.
    ///
    /// Malformed ones are left out. A name that occurs twice is left out altogether: one of the
    /// two was planted, and nothing tells which.
    pub fn read(self, headers: &HeaderMap) -> Vec<FlowCookie> {
        let mut bytes_left = COOKIE_BYTES_MAX;
        let mut found: Vec<(String, Option<FlowCookie>)> = Vec::new();
        let pairs = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .take_while(|value| {
                let fits = value.len() <= bytes_left;
                bytes_left = bytes_left.saturating_sub(value.len());
                fits
            })
            .flat_map(|value| value.split(';'))
            .take(COOKIES_MAX);
        for pair in pairs {
            let Some((name, value)) = pair.trim().split_once('=') else {
                continue;
            };
            let Some(id) = name
                .strip_prefix(self.prefix())
                .and_then(|n| n.strip_prefix(NAME))
            else {
                continue;
            };
            match found.iter_mut().find(|(known, _)| known == id) {
                Some((_, twice)) => *twice = None,
                None => found.push((id.to_owned(), parse(id, value))),
            }
        }
        found.into_iter().filter_map(|(_, cookie)| cookie).collect()
    }

    /// The secret of one flow, if this browser holds it.
    pub fn read_one(self, headers: &HeaderMap, flow: &FlowId) -> Option<BindingSecret> {
        let cookies = self.read(headers);
        cookies
            .into_iter()
            .find(|cookie| cookie.flow == *flow)
            .map(|cookie| cookie.secret)
    }

    /// The `Set-Cookie` values for a new flow: its own, and the removal of the oldest ones so
    /// that no more than [`FLOWS_MAX`] remain.
    pub fn begin(
        self,
        headers: &HeaderMap,
        cookie: &FlowCookie,
        max_age_s: u32,
    ) -> Vec<HeaderValue> {
        let mut others = self.read(headers);
        others.retain(|other| other.flow != cookie.flow);
        others.sort_by_key(|other| other.issued_at_s);
        let surplus = (others.len() + 1).saturating_sub(FLOWS_MAX);
        let mut values = vec![self.set(cookie, max_age_s)];
        values.extend(
            others
                .iter()
                .take(surplus)
                .map(|other| self.clear(&other.flow)),
        );
        values
    }
}

fn parse(id: &str, value: &str) -> Option<FlowCookie> {
    let (issued, secret) = value.split_once('.')?;
    Some(FlowCookie {
        flow: FlowId::new(id)?,
        issued_at_s: issued.parse().ok()?,
        secret: BindingSecret::new(secret)?,
    })
}

#[cfg(test)]
mod tests;
