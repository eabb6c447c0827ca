//! The shared table from HTTP status to fault.

use std::time::Duration;

use fondaco_model::exchange::{Response, ResponseHead};
use fondaco_model::{Fault, FaultKind};
use http::StatusCode;

use super::connector::{Connector, Cx};

/// Longest wait that `Retry-After` can impose: one day.
pub const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);

/// The wait after 429 when the provider states none.
const RATE_LIMIT_WAIT: Duration = Duration::from_mins(1);

/// The wait after a failure of the provider when it states none; back-off grows from here.
const DOWN_WAIT: Duration = Duration::from_secs(1);

/// The fault that an answer states, or none for a success: the family's own reading first, then
/// the shared table. The institution's id is in its context.
pub fn classify(
    connector: &dyn Connector,
    cx: &Cx<'_>,
    op: &'static str,
    response: &Response,
) -> Option<Fault> {
    let shared = fault_of_status(op, &response.head)?;
    let mut fault = connector.fault(cx, response).unwrap_or(shared);
    fault.op = op;
    Some(fault.with("institution", &cx.manifest.id))
}

/// The fault that a status stands for, or none for 2xx (RFC 9110 section 15, RFC 6585).
pub fn fault_of_status(op: &'static str, head: &ResponseHead) -> Option<Fault> {
    let status = head.status;
    let new = |kind| Fault::new(kind, op).with("status", status.as_str());
    let wait = |default| retry_after(head).unwrap_or(default);
    Some(match status {
        _ if status.is_success() => return None,
        StatusCode::UNAUTHORIZED => new(FaultKind::AuthExpired),
        StatusCode::FORBIDDEN => new(FaultKind::ScopeMissing),
        StatusCode::NOT_FOUND | StatusCode::GONE => new(FaultKind::NotFoundOrGone),
        StatusCode::REQUEST_TIMEOUT => new(FaultKind::ProviderDown).after(wait(DOWN_WAIT)),
        StatusCode::TOO_MANY_REQUESTS => new(FaultKind::RateLimited).after(wait(RATE_LIMIT_WAIT)),
        StatusCode::NOT_IMPLEMENTED => new(FaultKind::Unsupported),
        _ if status.is_server_error() => new(FaultKind::ProviderDown).after(wait(DOWN_WAIT)),
        _ if status.is_client_error() => new(FaultKind::ProviderRejected),
        // Redirects are not followed: a token must not travel to an address nobody chose.
        _ => new(FaultKind::SchemaDrift),
    })
}

/// `Retry-After` in seconds, held at [`RETRY_AFTER_MAX`].
pub(crate) fn retry_after(head: &ResponseHead) -> Option<Duration> {
    head.retry_after().map(|wait| wait.min(RETRY_AFTER_MAX))
}

/// A provider's code as it may stand in a fault: letters, digits and `_.-`, at most 64; anything
/// else could be a text about a person.
pub(crate) fn code_word(text: &str) -> &str {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
        text
    } else {
        "unreadable"
    }
}

#[cfg(test)]
mod tests {
    use fondaco_model::Retry;
    use http::HeaderMap;

    use super::*;

    fn fault(status: u16, retry_after: Option<&'static str>) -> Option<Fault> {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert("retry-after", value.parse().unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        fault_of_status("test", &ResponseHead { status, headers })
    }

    #[test]
    fn every_status_has_its_kind() {
        assert!(fault(200, None).is_none());
        assert!(fault(204, None).is_none());
        for (status, kind) in [
            (302, FaultKind::SchemaDrift),
            (400, FaultKind::ProviderRejected),
            (401, FaultKind::AuthExpired),
            (403, FaultKind::ScopeMissing),
            (404, FaultKind::NotFoundOrGone),
            (408, FaultKind::ProviderDown),
            (410, FaultKind::NotFoundOrGone),
            (429, FaultKind::RateLimited),
            (500, FaultKind::ProviderDown),
            (501, FaultKind::Unsupported),
            (503, FaultKind::ProviderDown),
        ] {
            assert_eq!(fault(status, None).unwrap().kind, kind, "{status}");
        }
    }

    #[test]
    fn retry_after_is_honoured_up_to_a_day() {
        let retry = |status, value| fault(status, value).unwrap().retry;
        assert_eq!(retry(429, Some("7")), Retry::After(Duration::from_secs(7)));
        assert_eq!(retry(429, None), Retry::After(RATE_LIMIT_WAIT));
        assert_eq!(retry(503, Some("86400")), Retry::After(RETRY_AFTER_MAX));
        assert_eq!(retry(503, Some("86401")), Retry::After(RETRY_AFTER_MAX));
        assert_eq!(retry(503, Some("soon")), Retry::After(DOWN_WAIT));
        assert_eq!(retry(400, Some("7")), Retry::Never);
    }
}
