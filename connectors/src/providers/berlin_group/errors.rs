//! Error answers: `tppMessages` and the RFC 7807 form, from message code to fault.

use std::time::Duration;

use fondaco_model::exchange::Response;
use fondaco_model::{Fault, FaultKind};
use serde::Deserialize;

use crate::core::{Cx, fault_of_status};

const OP: &str = "berlin_group.answer";

#[derive(Deserialize)]
struct ErrorAnswer {
    #[serde(default, rename = "tppMessages")]
    messages: Vec<Message>,
    // RFC 7807 form: the code stands at the top.
    code: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    category: Option<String>,
    code: Option<String>,
}

/// The message code of an error answer.
pub(super) fn code(body: &[u8]) -> Option<String> {
    let answer: ErrorAnswer = serde_json::from_slice(body).ok()?;
    let messages = answer.messages.into_iter();
    let error = |m: &Message| m.category.as_deref().is_none_or(|word| word == "ERROR");
    let code = messages.filter(error).find_map(|message| message.code);
    code.or(answer.code).filter(|code| plain(code))
}

fn plain(code: &str) -> bool {
    let word = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    (1..=64).contains(&code.len()) && code.bytes().all(word)
}

/// The fault that an answer's message code states; none leaves it to the shared table.
/// Source: the guidelines' list of message codes for AIS and for every service.
pub(super) fn read(cx: &Cx<'_>, response: &Response) -> Option<Fault> {
    let shared = fault_of_status(OP, &response.head)?;
    let code = code(&response.body)?;
    let kind = match code.as_str() {
        "CONSENT_EXPIRED" => FaultKind::ConsentExpired,
        // A consent that the bank no longer knows is one that the person cannot use any more.
        "CONSENT_INVALID" | "CONSENT_UNKNOWN" => FaultKind::AuthRevoked,
        "TOKEN_INVALID" | "TOKEN_EXPIRED" | "TOKEN_UNKNOWN" => FaultKind::AuthExpired,
        "ACCESS_EXCEEDED" => FaultKind::RateLimited,
        "RESOURCE_UNKNOWN" | "RESOURCE_EXPIRED" => FaultKind::NotFoundOrGone,
        "RESOURCE_BLOCKED" | "SERVICE_BLOCKED" => FaultKind::AccountRestricted,
        "PSU_CREDENTIALS_INVALID"
        | "SCA_INVALID"
        | "SCA_METHOD_UNKNOWN"
        | "CORPORATE_ID_INVALID" => FaultKind::UserActionRequired,
        "CERTIFICATE_INVALID"
        | "CERTIFICATE_EXPIRED"
        | "CERTIFICATE_BLOCKED"
        | "CERTIFICATE_REVOKED"
        | "CERTIFICATE_MISSING"
        | "SIGNATURE_INVALID"
        | "SIGNATURE_MISSING"
        | "ROLE_INVALID" => FaultKind::ConfigInvalid,
        "FORMAT_ERROR"
        | "PARAMETER_NOT_CONSISTENT"
        | "PARAMETER_NOT_SUPPORTED"
        | "PERIOD_INVALID"
        | "SERVICE_INVALID"
        | "TIMESTAMP_INVALID"
        | "STATUS_INVALID" => FaultKind::ProviderRejected,
        "REQUESTED_FORMATS_INVALID" | "SESSIONS_NOT_SUPPORTED" => FaultKind::Unsupported,
        "INTERNAL_SERVER_ERROR" => FaultKind::ProviderDown,
        _ => return Some(shared.with("code", code)),
    };
    let stated = crate::core::retry_after(&response.head);
    let mut fault = Fault::new(kind, OP);
    fault.context = shared.context;
    fault = fault.with("code", code);
    Some(match kind {
        FaultKind::RateLimited => fault.after(stated.unwrap_or_else(|| quota_wait(cx))),
        FaultKind::ProviderDown => fault.after(stated.unwrap_or(Duration::from_secs(1))),
        _ => fault,
    })
}

/// `ACCESS_EXCEEDED` speaks of a day's budget: without a stated wait, one share of the day.
fn quota_wait(cx: &Cx<'_>) -> Duration {
    Duration::from_secs(86_400 / u64::from(cx.manifest.limits.unattended_per_day.max(1)))
}
