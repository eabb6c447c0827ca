//! The callback's parameters as they arrive, and the error codes among them.

use std::fmt;

use fondaco_model::Secret;
use fondaco_model::v1::RefusalReason;

use crate::machine::FlowFailure;

/// Parameters of a callback that are read at most.
pub const PARAMS_MAX: usize = 32;
/// Bytes of one parameter's value at most.
pub const PARAM_BYTES_MAX: usize = 4096;
/// Bytes of an unknown error code that are kept.
const ERROR_BYTES_MAX: usize = 64;

/// Why a callback's parameters are not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// A parameter stands there twice (RFC 6749 section 3.1, RFC 9207 section 2.4).
    #[error("a parameter of the callback stands there twice")]
    Duplicate,
    /// More than [`PARAMS_MAX`], or a value longer than [`PARAM_BYTES_MAX`].
    #[error("the callback is too large")]
    TooLarge,
}

/// What a callback says. Parameters that are not known are ignored (RFC 6749 section 4.1.2), and
/// the error's description is not even kept: it is foreign text that may name the person.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CallbackParams {
    /// `state`.
    pub state: Option<Secret>,
    /// `code`.
    pub code: Option<Secret>,
    /// `iss` (RFC 9207).
    pub iss: Option<String>,
    /// `error`.
    pub error: Option<BankErrorCode>,
}

impl CallbackParams {
    /// Reads decoded pairs of name and value. A parameter without a value counts as absent
    /// (RFC 6749 section 3.1), but not for the question whether it stands there twice.
    ///
    /// # Errors
    /// [`ParamsError`].
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Result<Self, ParamsError>
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        const NAMES: [&str; 4] = ["state", "code", "iss", "error"];
        let mut values: [Option<String>; 4] = [const { None }; 4];
        for (count, (name, value)) in pairs.into_iter().enumerate() {
            let value = value.as_ref();
            if count >= PARAMS_MAX || value.len() > PARAM_BYTES_MAX {
                return Err(ParamsError::TooLarge);
            }
            let Some(at) = NAMES.iter().position(|known| *known == name.as_ref()) else {
                continue;
            };
            if values[at].replace(value.to_owned()).is_some() {
                return Err(ParamsError::Duplicate);
            }
        }
        let [state, code, iss, error] = values.map(|value| value.filter(|text| !text.is_empty()));
        Ok(Self {
            state: state.map(Secret::new),
            code: code.map(Secret::new),
            iss,
            error: error.as_deref().map(BankErrorCode::from_word),
        })
    }
}

impl fmt::Debug for CallbackParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackParams")
            .field("state", &self.state.is_some())
            .field("code", &self.code.is_some())
            .field("iss", &self.iss.is_some())
            .field("error", &self.error)
            .finish()
    }
}

/// Error codes of an authorization answer: RFC 6749 section 4.1.2.1, OpenID Connect Core
/// section 3.1.2.6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BankErrorCode {
    /// `access_denied`.
    AccessDenied,
    /// `consent_required`.
    ConsentRequired,
    /// `login_required`.
    LoginRequired,
    /// `interaction_required`.
    InteractionRequired,
    /// `account_selection_required`.
    AccountSelectionRequired,
    /// `server_error`.
    ServerError,
    /// `temporarily_unavailable`.
    TemporarilyUnavailable,
    /// `invalid_request`.
    InvalidRequest,
    /// `unauthorized_client`.
    UnauthorizedClient,
    /// `unsupported_response_type`.
    UnsupportedResponseType,
    /// `invalid_scope`.
    InvalidScope,
    /// `invalid_request_uri`.
    InvalidRequestUri,
    /// `invalid_request_object`.
    InvalidRequestObject,
    /// Another code; kept where it is at most 64 characters of `a-z A-Z 0-9 _ - .`.
    Other(Option<String>),
}

impl BankErrorCode {
    /// The codes that are known.
    const KNOWN: [Self; 13] = [
        Self::AccessDenied,
        Self::ConsentRequired,
        Self::LoginRequired,
        Self::InteractionRequired,
        Self::AccountSelectionRequired,
        Self::ServerError,
        Self::TemporarilyUnavailable,
        Self::InvalidRequest,
        Self::UnauthorizedClient,
        Self::UnsupportedResponseType,
        Self::InvalidScope,
        Self::InvalidRequestUri,
        Self::InvalidRequestObject,
    ];

    /// Reads a code; total, because an unknown one is an error too.
    pub fn from_word(word: &str) -> Self {
        let known = Self::KNOWN.into_iter().find(|code| code.as_str() == word);
        known.unwrap_or_else(|| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
            let harmless = word.len() <= ERROR_BYTES_MAX && word.bytes().all(plain);
            Self::Other(harmless.then(|| word.to_owned()))
        })
    }

    /// The word for logs and operators.
    pub fn as_str(&self) -> &str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::ConsentRequired => "consent_required",
            Self::LoginRequired => "login_required",
            Self::InteractionRequired => "interaction_required",
            Self::AccountSelectionRequired => "account_selection_required",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::InvalidRequest => "invalid_request",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidRequestUri => "invalid_request_uri",
            Self::InvalidRequestObject => "invalid_request_object",
            Self::Other(word) => word.as_deref().unwrap_or("unreadable"),
        }
    }

    /// The refusal that the code stands for, where the person or the bank said no.
    pub fn refusal(&self) -> Option<RefusalReason> {
        match self {
            Self::AccessDenied | Self::ConsentRequired => Some(RefusalReason::UserDenied),
            Self::LoginRequired | Self::InteractionRequired => Some(RefusalReason::ScaFailed),
            Self::AccountSelectionRequired => Some(RefusalReason::NotEligible),
            Self::ServerError
            | Self::TemporarilyUnavailable
            | Self::InvalidRequest
            | Self::UnauthorizedClient
            | Self::UnsupportedResponseType
            | Self::InvalidScope
            | Self::InvalidRequestUri
            | Self::InvalidRequestObject
            | Self::Other(_) => None,
        }
    }

    /// Whose failure it is: what complains about our request is ours.
    pub fn failure(&self) -> FlowFailure {
        match self {
            Self::InvalidRequest
            | Self::UnauthorizedClient
            | Self::UnsupportedResponseType
            | Self::InvalidScope
            | Self::InvalidRequestUri
            | Self::InvalidRequestObject => FlowFailure::OurError,
            Self::AccessDenied
            | Self::ConsentRequired
            | Self::LoginRequired
            | Self::InteractionRequired
            | Self::AccountSelectionRequired
            | Self::ServerError
            | Self::TemporarilyUnavailable
            | Self::Other(_) => FlowFailure::BankError,
        }
    }
}
