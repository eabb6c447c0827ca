//! What a caller can correct, and the failures of the vault as clients see them.

use async_graphql::SimpleObject;
use fondaco_store::Retryable;
use fondaco_vault::VaultError;

use crate::http::code::Code;
use crate::http::user_code::UserErrorCode;

/// Something in the input that the caller can correct.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject)]
pub(crate) struct UserError {
    /// What is wrong, as a word of a closed list; docs/errors.md says what to do. May grow.
    code: UserErrorCode,
    /// Path of the input's field, when one is to blame.
    field: Option<Vec<String>>,
    /// A sentence for people.
    message: String,
}

impl UserError {
    pub(crate) fn new(code: impl Into<UserErrorCode>, field: &str, message: &str) -> Self {
        Self {
            code: code.into(),
            field: Some(vec!["input".to_owned(), field.to_owned()]),
            message: message.to_owned(),
        }
    }
}

/// A failure of the vault that is not about the input; its text stays in the log.
pub(crate) fn vault_error(error: &VaultError) -> async_graphql::Error {
    tracing::error!(%error, "a write failed");
    if error.is_busy() {
        return Code::Unavailable.error("The database is busy; try again.");
    }
    if let VaultError::Provider(fault) = error
        && let Some(code) = Code::parse(fault.kind.code())
    {
        return code.error(code.meaning());
    }
    Code::Internal.error("")
}
