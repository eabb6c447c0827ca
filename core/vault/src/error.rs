//! What can go wrong in the vault.

use fondaco_model::{Fault, FaultKind};
use fondaco_store::{Retryable, StoreError};

use crate::keys::KeyError;
use crate::ledger::FactsError;
use crate::machine::Refused;
use crate::seal::SealError;

/// Why the vault could not do what was asked. Shows neither tokens nor personal data.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The store failed, or another writer was first.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A sealed value cannot be opened or made.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The consent does not take the event.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The institution's fault, or ours in speaking to it.
    #[error("{0}")]
    Provider(Box<Fault>),
    /// A sealed document does not have the form that this version writes.
    #[error("sealed document {0} has another form")]
    Document(&'static str),
    /// Facts of a ledger event are malformed.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// A value that the caller gave is out of its limits.
    #[error("{0}")]
    Invalid(&'static str),
    /// No entry describes the institution, or its family has no consent.
    #[error("institution {0} cannot be connected")]
    NotConnectable(String),
    /// There is no such thing for this caller.
    #[error("not found")]
    NotFound,
}

impl Retryable for VaultError {
    fn is_busy(&self) -> bool {
        match self {
            Self::Store(error) | Self::Key(KeyError::Store(error)) => error.is_busy(),
            _ => false,
        }
    }
}

impl From<Fault> for VaultError {
    fn from(fault: Fault) -> Self {
        Self::Provider(Box::new(fault))
    }
}

impl From<VaultError> for Fault {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Provider(fault) => *fault,
            VaultError::Store(error) => error.into(),
            VaultError::NotFound => Self::new(FaultKind::NotFoundOrGone, "vault"),
            other => Self::new(FaultKind::Internal, "vault").with("cause", other.to_string()),
        }
    }
}
