//! Why a command ended early: what went wrong, what to do next, and the exit code.

use std::io;
use std::process::ExitCode;

use fondaco_model::Fault;
use fondaco_store::StoreError;
use fondaco_vault::VaultError;
use serde_json::json;

use crate::config::{ConfigError, Origin};

/// Exit codes; docs/guides/cli.md promises them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything was done.
    Done,
    /// It failed.
    Failed,
    /// The command line or the configuration is wrong; nothing was begun.
    Usage,
    /// Done in part: some records or files were refused.
    Partial,
    /// What was named is not there, or more than one thing has the name.
    NotFound,
    /// The store cannot be reached, or its schema is not the one that this build needs.
    Unavailable,
}

impl Exit {
    /// The number that the process ends with.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Partial => 3,
            Self::NotFound => 4,
            Self::Unavailable => 5,
        }
    }

    /// The word in JSON.
    fn word(self) -> &'static str {
        match self {
            Self::Done => "DONE",
            Self::Failed => "FAILED",
            Self::Usage => "USAGE",
            Self::Partial => "PARTIAL",
            Self::NotFound => "NOT_FOUND",
            Self::Unavailable => "UNAVAILABLE",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}

/// The result of a command.
pub(crate) type Outcome<T = Exit> = Result<T, Failure>;

/// Why a command ended early. Shows neither secrets nor personal data.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    hint: Option<String>,
}

impl Failure {
    /// A failure in one sentence.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            hint: None,
        }
    }

    /// A plain failure.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// A wrong command line.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Something that is not there.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Exit::NotFound, message)
    }

    /// The same failure with what to do next.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The code to end with.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// What went wrong.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// What to do next, or nothing.
    pub(crate) fn advice(&self) -> &str {
        self.hint.as_deref().unwrap_or_default()
    }

    /// Tells the person, or the program, on standard error.
    pub(crate) fn tell(&self, json: bool) {
        if self.message.is_empty() {
            return;
        }
        if json {
            let error = json!({
                "code": self.exit.word(),
                "exit": self.exit.number(),
                "message": self.message,
                "hint": self.hint,
            });
            eprintln!("{}", json!({ "error": error }));
        } else {
            eprintln!("error: {}", self.message);
            if let Some(hint) = &self.hint {
                eprintln!("hint: {hint}");
            }
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let hint = match &error.origin {
            Origin::Default => "this is a defect of the program; please report it",
            Origin::File { .. } => "`fondaco config` lists every key with its meaning and default",
            Origin::Variable { .. } => {
                "unset the variable, or see `fondaco config` for its meaning"
            }
            Origin::Option { .. } => "see `--help` for the option",
        };
        Self::usage(format!("configuration: {error}")).hint(hint)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let message = format!("store: {error}");
        match &error {
            StoreError::Driver { .. } => Self::new(Exit::Unavailable, message)
                .hint("`fondaco doctor` says which part of the store does not answer"),
            StoreError::Schema(_) => Self::new(Exit::Unavailable, message)
                .hint("run `fondaco migrate` with the same build"),
            StoreError::Busy => Self::new(Exit::Unavailable, message)
                .hint("another process writes; try again in a moment"),
            StoreError::NotFound => Self::not_found(message),
            StoreError::Conflict { .. }
            | StoreError::Inconsistent { .. }
            | StoreError::LostUpdate => Self::failed(message),
        }
    }
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Store(error) => error.into(),
            VaultError::Provider(fault) => (*fault).into(),
            VaultError::Invalid(why) => Self::usage(why),
            VaultError::NotConnectable(_) => Self::not_found(error.to_string())
                .hint("`fondaco institutions list` shows what can be connected"),
            VaultError::NotFound => Self::not_found("there is no such thing, or it is disabled"),
            VaultError::Key(_) | VaultError::Seal(_) => Self::failed(format!("vault: {error}"))
                .hint("is the master key the one that this database was made with?"),
            VaultError::Refused(_) | VaultError::Document(_) | VaultError::Facts(_) => {
                Self::failed(format!("vault: {error}"))
            }
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::failed(fault.to_string())
    }
}

impl From<io::Error> for Failure {
    /// A reader that has seen enough, such as `head`, is no failure to speak of.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Exit::Done, ""),
            kind => Self::failed(kind.to_string()),
        }
    }
}
