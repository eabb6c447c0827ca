//! Rewrites the errors of the executor into those of the closed list.

use async_graphql::{Response, ServerError, Value};

use super::code::Code;
use super::problem::{ErrorBody, Location};

/// Errors in the answer to a document that was not accepted.
const REQUEST_ERRORS_MAX: usize = 5;
/// Errors of single fields in one answer.
const FIELD_ERRORS_MAX: usize = 100;
/// Places of one error.
const LOCATIONS_MAX: usize = 5;
/// Further fields that an error of ours may carry.
const KEPT: [&str; 7] = [
    "retryAfterMs",
    "retryAt",
    "scope",
    "provider",
    "connection",
    "link",
    "oldest",
];

/// Beginnings of the executor's messages that speak about the client's document only
/// (async-graphql 7.2.1: `validation/rules`, `schema.rs`, `context.rs`, `error.rs`).
const ABOUT_THE_DOCUMENT: [&str; 23] = [
    "Cannot query field \"",
    "Cannot spread fragment \"",
    "Directive \"",
    "Duplicate directive \"",
    "Expected input type \"",
    "Failed to parse \"",
    "Field \"",
    "Fields \"",
    "Fragment \"",
    "Fragment cannot ",
    "Invalid default value for argument",
    "Invalid value for argument",
    "Operation name required",
    "Subscriptions are not supported",
    "The number of directives on the field",
    "The recursion depth of the query",
    "There can only be one ",
    "Unknown argument \"",
    "Unknown directive \"",
    "Unknown field \"",
    "Unknown fragment",
    "Unknown operation named",
    "Unknown type \"",
];

/// The same about variables.
const VARIABLES: [&str; 1] = ["Variable "];

/// An answer of the executor, sorted.
pub(super) enum Outcome {
    /// The document was not accepted; nothing ran and there is no data.
    Refused(Vec<ErrorBody>),
    /// The operation ran; some fields may have failed.
    Ran(Value, Vec<ErrorBody>),
}

/// Tells an answer that ran from one that was refused before, and cleans its errors.
pub(super) fn sort(response: Response, request_id: &str) -> Outcome {
    let Response { data, errors, .. } = response;
    // An error of a field has a path; what is wrong with the document has none.
    let refused =
        data == Value::Null && !errors.is_empty() && errors.iter().all(|e| e.path.is_empty());
    let max = if refused {
        REQUEST_ERRORS_MAX
    } else {
        FIELD_ERRORS_MAX
    };
    let fallback = if refused {
        Code::QueryInvalid
    } else {
        Code::Internal
    };
    let errors = errors
        .into_iter()
        .take(max)
        .map(|error| rewrite(error, fallback, request_id))
        .collect();
    if refused {
        Outcome::Refused(errors)
    } else {
        Outcome::Ran(data, errors)
    }
}

fn rewrite(error: ServerError, fallback: Code, request_id: &str) -> ErrorBody {
    let ServerError {
        message,
        locations,
        path,
        extensions,
        ..
    } = error;
    let value = |name: &str| extensions.as_ref().and_then(|values| values.get(name));
    let ours = match value("code") {
        Some(Value::String(word)) => Code::parse(word),
        _ => None,
    };
    let mut body = match ours {
        Some(code) => ErrorBody::new(code, &message, request_id),
        None if is_about_the_document(&message) => {
            ErrorBody::new(Code::QueryInvalid, &message, request_id)
        }
        None => {
            let text = "The document does not fit the schema.";
            tracing::warn!(
                request_id,
                code = fallback.as_str(),
                "an error came without a code"
            );
            ErrorBody::new(fallback, text, request_id)
        }
    };
    for name in KEPT {
        // Only an error of ours has them, and only plain values.
        if let (Some(_), Some(Ok(kept))) = (ours, value(name).map(|v| v.clone().into_json())) {
            body.extensions.insert(name.to_owned(), kept);
        }
    }
    body.locations = locations
        .into_iter()
        .take(LOCATIONS_MAX)
        .map(Location::from)
        .collect();
    body.path = path;
    body
}

fn is_about_the_document(message: &str) -> bool {
    ABOUT_THE_DOCUMENT
        .iter()
        .chain(&VARIABLES)
        .any(|begin| message.starts_with(begin))
}
