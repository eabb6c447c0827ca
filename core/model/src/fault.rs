//! What can go wrong between us and a provider: the one list of kinds.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Whether and when the same call may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Trying again cannot help.
    Never,
    /// Try again after at least this long.
    After(Duration),
    /// It was tried as often as the policy allows.
    Exhausted,
}

/// The kinds of fault. There is no other list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FaultKind {
    /// The access token is no longer good; a refresh may heal it. Never surfaces.
    AuthExpired,
    /// The person or the bank withdrew the authorisation.
    AuthRevoked,
    /// The consent's time is over.
    ConsentExpired,
    /// The person has to do something at the provider.
    UserActionRequired,
    /// The consent does not cover what was asked.
    ScopeMissing,
    /// The provider asked us to slow down.
    RateLimited,
    /// The provider does not answer, or answers with a failure of its own.
    ProviderDown,
    /// The provider understood the request and refuses it.
    ProviderRejected,
    /// The thing asked for is not there, or no longer.
    NotFoundOrGone,
    /// The account is restricted at the provider.
    AccountRestricted,
    /// An answer does not have the shape that the provider documents.
    SchemaDrift,
    /// The provider or the entry does not support what was asked.
    Unsupported,
    /// Our configuration is wrong.
    ConfigInvalid,
    /// A defect of ours.
    Internal,
}

impl FaultKind {
    /// The code that clients see, or none where the fault never surfaces as itself.
    pub fn code(self) -> &'static str {
        match self {
            Self::AuthExpired => "AUTH_EXPIRED",
            Self::AuthRevoked => "AUTH_REVOKED",
            Self::ConsentExpired => "CONSENT_EXPIRED",
            Self::UserActionRequired => "USER_ACTION_REQUIRED",
            Self::ScopeMissing => "SCOPE_MISSING",
            Self::RateLimited => "RATE_LIMITED",
            Self::ProviderDown => "PROVIDER_DOWN",
            Self::ProviderRejected => "PROVIDER_REJECTED",
            Self::NotFoundOrGone => "NOT_FOUND_OR_GONE",
            Self::AccountRestricted => "ACCOUNT_RESTRICTED",
            Self::SchemaDrift => "SCHEMA_DRIFT",
            Self::Unsupported => "UNSUPPORTED",
            Self::ConfigInvalid | Self::Internal => "INTERNAL",
        }
    }

    /// True when only the end user can mend it.
    pub fn needs_user(self) -> bool {
        matches!(
            self,
            Self::AuthRevoked
                | Self::ConsentExpired
                | Self::UserActionRequired
                | Self::ScopeMissing
        )
    }
}

/// One fault with what is needed to act on it.
///
/// `context` holds names and codes only: never a token, a body, a name or an account number.
#[derive(Debug, Clone)]
pub struct Fault {
    /// What kind of fault it is.
    pub kind: FaultKind,
    /// Whether the same call may be tried again.
    pub retry: Retry,
    /// The operation that failed, as a fixed word.
    pub op: &'static str,
    /// Codes and counts that tell where it happened; no personal data, no secrets.
    pub context: Vec<(&'static str, String)>,
}

impl Fault {
    /// A fault that is not worth a second try.
    pub fn new(kind: FaultKind, op: &'static str) -> Self {
        Self {
            kind,
            retry: Retry::Never,
            op,
            context: Vec::new(),
        }
    }

    /// The same fault, worth another try after a while.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry = Retry::After(wait);
        self
    }

    /// The same fault with one more fact about it.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.context.push((key, value.into()));
        self
    }

    /// The value of a context key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.context
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value.as_str())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.kind.code(), self.op)?;
        for (key, value) in &self.context {
            write!(f, " {key}={value}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}
