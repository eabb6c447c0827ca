//! Where a call may go: scheme, origin and address, checked before anything is sent.
//!
//! Rules (RFC 9700 section 4.9, OWASP API7:2023): TLS only, unless a sandbox is spoken to on
//! loopback; an access token only to the institution's API origin and client credentials only to
//! its token and revocation origins; no address that [`deny`] knows as not public, but for the
//! loopback addresses of a sandbox.

pub mod deny;
mod resolve;

use std::net::IpAddr;

use fondaco_model::exchange::Credential;
use fondaco_model::{Fault, FaultKind};
use url::{Host, Url};

use crate::{Call, Target};

pub(crate) use resolve::{Guarded, LookupFailed, Refused};
pub use resolve::{Names, SystemNames};

/// Which addresses a target may be reached at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Addresses of the public internet.
    Public,
    /// These and loopback; no other private address.
    Sandbox,
}

impl Reach {
    /// The reach of a target.
    pub fn of(target: &Target) -> Self {
        if target.sandbox {
            Self::Sandbox
        } else {
            Self::Public
        }
    }

    /// True when an address may be connected to.
    pub fn allows(self, address: IpAddr) -> bool {
        let loopback = self == Self::Sandbox && address.is_loopback();
        loopback || deny::reason(address).is_none()
    }
}

/// Checks that a call's address is one that its target may be reached at.
///
/// Names are checked again, address by address, when they are resolved.
///
/// # Errors
/// [`FaultKind::ConfigInvalid`] with the reason `scheme_refused`, `userinfo_refused`,
/// `host_missing` or `address_refused`; [`FaultKind::SchemaDrift`] with `foreign_origin`, because
/// such an address comes out of a provider's answer. Neither is worth another try.
pub fn check(call: &Call<'_>) -> Result<(), Fault> {
    let url = &call.request.url;
    check_origin(call)?;
    let reach = Reach::of(call.target);
    address(url, reach).map_err(|reason| call.unsent(FaultKind::ConfigInvalid, reason))
}

/// Checks that the credential of a call belongs to the origin that it is about to be sent to.
///
/// # Errors
/// [`FaultKind::SchemaDrift`] with the reason `foreign_origin`.
pub fn check_origin(call: &Call<'_>) -> Result<(), Fault> {
    let origin = call.request.url.origin();
    let api = call.target.api.as_ref() == Some(&origin);
    let auth = call.target.auth.contains(&origin);
    let own = match call.request.credential {
        Credential::Grant => api,
        Credential::Client => auth,
        Credential::Anonymous => api || auth,
    };
    if own {
        Ok(())
    } else {
        Err(call.unsent(FaultKind::SchemaDrift, "foreign_origin"))
    }
}

/// Checks scheme and host of an address; the error is the reason.
///
/// Hosts need no spelling rules here: [`Url`] has read decimal, octal, hexadecimal and shortened
/// IPv4 hosts and those with a trailing dot into addresses (URL standard, section 3.5).
///
/// # Errors
/// The reason as a fixed word.
pub fn address(url: &Url, reach: Reach) -> Result<(), &'static str> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err("userinfo_refused");
    }
    let host = url.host().ok_or("host_missing")?;
    let (literal, local) = match host {
        Host::Ipv4(v4) => (Some(IpAddr::V4(v4)), v4.is_loopback()),
        Host::Ipv6(v6) => (Some(IpAddr::V6(v6)), v6.is_loopback()),
        Host::Domain(name) => (None, is_localhost(name)),
    };
    match url.scheme() {
        "https" => {}
        "http" if reach == Reach::Sandbox && local => {}
        _ => return Err("scheme_refused"),
    }
    match literal {
        Some(address) if !reach.allows(address) => Err("address_refused"),
        _ => Ok(()),
    }
}

/// True for the names that stand for this machine (RFC 6761 section 6.3).
pub(crate) fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests;
