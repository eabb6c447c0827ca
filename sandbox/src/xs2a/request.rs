//! The headers that every request carries.

use std::net::IpAddr;

use axum::http::HeaderMap;

use crate::xs2a::refusal::Refusal;

pub(super) const REQUEST_ID: &str = "x-request-id";
const CONSENT_ID: &str = "consent-id";
const PSU_IP: &str = "psu-ip-address";

/// A header as text; an unreadable one counts as absent.
pub(super) fn header<'req>(headers: &'req HeaderMap, name: &str) -> Option<&'req str> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .filter(|text| !text.is_empty())
}

/// Checks X-Request-ID and tells whether the person is present (PSU-IP-Address).
pub(super) fn is_attended(headers: &HeaderMap) -> Result<bool, Refusal> {
    let id = header(headers, REQUEST_ID)
        .ok_or_else(|| Refusal::format("X-Request-ID", "X-Request-ID is missing"))?;
    if uuid::Uuid::parse_str(id).is_err() {
        return Err(Refusal::format(
            "X-Request-ID",
            "X-Request-ID must be a UUID",
        ));
    }
    match header(headers, PSU_IP) {
        None => Ok(false),
        Some(text) => match text.parse::<IpAddr>() {
            Ok(_) => Ok(true),
            Err(_) => Err(Refusal::format(
                "PSU-IP-Address",
                "PSU-IP-Address is no address",
            )),
        },
    }
}

pub(super) fn consent_id(headers: &HeaderMap) -> Result<&str, Refusal> {
    header(headers, CONSENT_ID)
        .ok_or_else(|| Refusal::format("Consent-ID", "Consent-ID is missing"))
}

/// The bearer token (RFC 6750, section 2.1).
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = header(headers, "authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
