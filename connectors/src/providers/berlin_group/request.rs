//! Describes requests: addresses, the headers that every call carries, paging by link.

use fondaco_model::exchange::{Credential, Fresh, Request};
use fondaco_model::provider::Resource;
use fondaco_model::provider::{AuthScheme, ResourceEntry};
use fondaco_model::{Fault, FaultKind};
use http::header::ACCEPT;
use http::{HeaderName, HeaderValue, Method};
use url::Url;

use super::config;
use super::quirks::Quirks;
use crate::core::{Cursor, Cx, Position, Stream};

/// Days of history that are asked for when the entry states none: what PSD2 lets be read without
/// a new authentication (Delegated Regulation (EU) 2018/389, article 10).
const HISTORY_DAYS: u32 = 90;

/// The entry's base address.
pub(super) fn base<'a>(cx: &Cx<'a>) -> Result<&'a Url, Fault> {
    let base = cx.manifest.base_url.as_ref();
    base.ok_or_else(|| config(cx, "no_base_url"))
}

/// A path below the base address; each segment is encoded.
pub(super) fn below(cx: &Cx<'_>, segments: &[&str]) -> Result<Url, Fault> {
    // The address type leaves such segments out, and `consents/..` would be all consents.
    if segments
        .iter()
        .any(|segment| matches!(*segment, "" | "." | ".."))
    {
        return Err(config(cx, "path_segment"));
    }
    let mut url = base(cx)?.clone();
    match url.path_segments_mut() {
        Ok(mut path) => path.pop_if_empty().extend(segments),
        Err(()) => return Err(config(cx, "base_url")),
    };
    Ok(url)
}

/// The request for a page of a resource.
pub(super) fn read(
    cx: &Cx<'_>,
    stream: &Stream,
    cursor: Option<&Cursor>,
) -> Result<Request, Fault> {
    let first = address(cx, stream)?;
    let url = match cursor {
        None => first,
        Some(cursor) => Position::decode(cursor)?.url(base(cx)?)?,
    };
    let consent = cx.consent_ref.ok_or_else(|| config(cx, "no_consent"))?;
    let mut request = call(cx, Method::GET, url)?;
    let consent = HeaderValue::from_str(consent).map_err(|_| config(cx, "consent_id"))?;
    request.headers.insert("consent-id", consent);
    request.credential = credential(cx);
    Ok(request)
}

/// The address of the first page of a stream.
pub(super) fn address(cx: &Cx<'_>, stream: &Stream) -> Result<Url, Fault> {
    let resources = &cx.manifest.resources;
    let declared = match stream.resource {
        Resource::Accounts => &resources.accounts,
        Resource::Balances => &resources.balances,
        Resource::Transactions => &resources.transactions,
        Resource::Statement => &None,
    };
    let Some(entry) = declared else {
        return Err(Fault::new(FaultKind::Unsupported, "berlin_group.request")
            .with("institution", &cx.manifest.id)
            .with("resource", stream.resource.as_str()));
    };
    if stream.resource == Resource::Accounts {
        return below(cx, &["accounts"]);
    }
    let account = stream
        .parent
        .as_deref()
        .ok_or_else(|| config(cx, "no_account"))?;
    let mut url = below(cx, &["accounts", account, stream.resource.as_str()])?;
    if stream.resource == Resource::Transactions {
        window(cx, stream, entry, &mut url);
    }
    Ok(url)
}

fn window(cx: &Cx<'_>, stream: &Stream, entry: &ResourceEntry, url: &mut Url) {
    let history = entry.history_days.unwrap_or(HISTORY_DAYS);
    let days = i32::try_from(history).unwrap_or(i32::MAX);
    let earliest = cx.now.utc_date().plus_days(-days);
    let from = stream
        .window
        .map_or(earliest, |window| window.from.max(earliest));
    let pending = Quirks::read(cx.manifest).unwrap_or_default().pending;
    let mut query = url.query_pairs_mut();
    query.append_pair("dateFrom", &from.to_string());
    if let Some(to) = stream.window.and_then(|window| window.to) {
        // A window that lies before the history is asked for as its last day, never backwards.
        query.append_pair("dateTo", &to.max(from).to_string());
    }
    query.append_pair("bookingStatus", if pending { "both" } else { "booked" });
}

/// A request with the headers that every call carries.
pub(super) fn call(cx: &Cx<'_>, method: Method, url: Url) -> Result<Request, Fault> {
    let mut request = Request::new(method, url);
    request.credential = Credential::Anonymous;
    let json = HeaderValue::from_static("application/json");
    request.headers.insert(ACCEPT, json);
    request
        .fresh
        .push((HeaderName::from_static("x-request-id"), Fresh::Uuid));
    // Only a person who is present lifts the limit of unattended reads; never made up.
    if let Some(psu) = cx.psu {
        let ip = HeaderValue::from_str(&psu.ip.to_string());
        let ip = ip.map_err(|_| config(cx, "psu_ip"))?;
        request.headers.insert("psu-ip-address", ip);
        let agent = psu.user_agent.as_deref().map(HeaderValue::from_str);
        if let Some(Ok(agent)) = agent {
            request.headers.insert("psu-user-agent", agent);
        }
    }
    Ok(request)
}

/// The credential of calls under a consent.
pub(super) fn credential(cx: &Cx<'_>) -> Credential {
    match cx.manifest.auth.scheme {
        AuthScheme::Oauth2 => Credential::Grant,
        AuthScheme::Redirect | AuthScheme::None => Credential::Anonymous,
    }
}
