//! An error of a whole request, and the JSON in which errors leave.

use std::time::Duration;

use async_graphql::{PathSegment, Pos};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::code::Code;
use crate::guard::limits::Refusal;

/// Characters of a message; what is longer echoes the client's own input.
const MESSAGE_CHARS_MAX: usize = 500;
/// The only text of an internal fault.
pub(super) const INTERNAL_TEXT: &str = "The server failed; its log knows this request id.";

/// An error that is the answer to the whole request.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Code.
    pub code: Code,
    /// Text for a person.
    pub message: String,
    /// HTTP status when a more exact one than the code's is known.
    pub status: Option<StatusCode>,
    /// Place in the document.
    pub at: Option<Pos>,
    /// How long to wait.
    pub wait: Option<Duration>,
    /// Methods that are taken instead.
    pub allow: Option<&'static str>,
}

impl Problem {
    /// A problem with the code's own status.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            code,
            message,
            status: None,
            at: None,
            wait: None,
            allow: None,
        }
    }

    /// A request that HTTP has an exact status for.
    pub fn http(status: StatusCode, message: &str) -> Self {
        Self {
            status: Some(status),
            ..Self::new(Code::BadRequest, message)
        }
    }

    /// An internal fault.
    pub fn internal() -> Self {
        Self::new(Code::Internal, INTERNAL_TEXT)
    }

    /// A wrong method; `allow` is the list of the right ones.
    pub fn method(allow: &'static str) -> Self {
        let problem = Self::http(
            StatusCode::METHOD_NOT_ALLOWED,
            "This method is not taken here.",
        );
        Self {
            allow: Some(allow),
            ..problem
        }
    }

    /// An empty bucket.
    pub fn rate_limited(wait: Duration) -> Self {
        let message = "Too many requests for now; `retryAfterMs` says when to come back.";
        Self {
            wait: Some(wait),
            ..Self::new(Code::RateLimited, message)
        }
    }

    /// Whether GraphQL-over-HTTP wants 200 for it under `application/json`: the request was
    /// well-formed, its document was not accepted.
    pub fn is_about_the_document(&self) -> bool {
        use Code::{QueryInvalid, QueryTooExpensive, QueryTooLarge};
        self.status.is_none()
            && matches!(self.code, QueryInvalid | QueryTooLarge | QueryTooExpensive)
    }

    /// The problem as an entry of `errors`.
    pub fn to_error(&self, request_id: &str) -> ErrorBody {
        let mut error = ErrorBody::new(self.code, &self.message, request_id);
        error.locations.extend(self.at.map(Location::from));
        if let Some(wait) = self.wait {
            error
                .extensions
                .insert("retryAfterMs".to_owned(), json!(millis(wait)));
            error.extensions.insert("scope".to_owned(), json!("API"));
        }
        error
    }
}

/// Whole milliseconds, rounded up, at least one.
fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_micros().div_ceil(1_000))
        .unwrap_or(u64::MAX)
        .max(1)
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self {
            at: refusal.at,
            ..Self::new(refusal.code, refusal.message)
        }
    }
}

/// A place in the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Location {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
}

impl From<Pos> for Location {
    fn from(place: Pos) -> Self {
        Self {
            line: place.line,
            column: place.column,
        }
    }
}

/// One entry of `errors`.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorBody {
    /// Text for a person.
    pub message: String,
    /// Places in the document.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<Location>,
    /// Place in the answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<PathSegment>,
    /// Code, request id and more.
    pub extensions: Map<String, Value>,
}

impl ErrorBody {
    /// An error with the three fields that every error has.
    pub fn new(code: Code, message: &str, request_id: &str) -> Self {
        let mut extensions = Map::new();
        extensions.insert("code".to_owned(), json!(code.as_str()));
        extensions.insert("retryable".to_owned(), json!(code.retryable()));
        extensions.insert("requestId".to_owned(), json!(request_id));
        let message = if code == Code::Internal {
            INTERNAL_TEXT
        } else {
            message
        };
        let message = clean(message);
        Self {
            message,
            locations: Vec::new(),
            path: Vec::new(),
            extensions,
        }
    }
}

/// Cuts suggestions, control characters and length: a message may echo the client's input.
fn clean(message: &str) -> String {
    let end = message.find(" Did you mean").unwrap_or(message.len());
    let plain = message[..end].chars().filter(|c| !c.is_control());
    plain.take(MESSAGE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suggestion_never_leaves() {
        let text = "Unknown field \"acounts\" on type \"Query\". Did you mean \"accounts\"?";
        assert_eq!(clean(text), "Unknown field \"acounts\" on type \"Query\".");
    }

    #[test]
    fn a_message_has_at_most_five_hundred_characters() {
        assert_eq!(clean(&"ä".repeat(500)).chars().count(), 500);
        assert_eq!(clean(&"ä".repeat(501)).chars().count(), 500);
    }

    #[test]
    fn an_internal_fault_shows_only_the_fixed_text() {
        let error = ErrorBody::new(Code::Internal, "relation \"key\" does not exist", "r");
        assert_eq!(error.message, INTERNAL_TEXT);
        assert_eq!(error.extensions["requestId"], "r");
    }

    #[test]
    fn a_wait_is_at_least_one_millisecond() {
        assert_eq!(millis(Duration::ZERO), 1);
        assert_eq!(millis(Duration::from_micros(1_001)), 2);
    }
}
