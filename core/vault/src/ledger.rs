//! The words of the ledger: who acted, facts in one canonical text, and personal parts.
//!
//! The store appends and chains the entries. Personal parts stand sealed beside them and only a
//! digest of them is chained, so that erasing a person leaves the chain whole. The digest is
//! salted with a value that is sealed together with the part: once that is gone, the digest tells
//! nothing.

mod facts;

pub use facts::{FACTS_BYTES_MAX, FACTS_DEPTH_MAX, Facts, FactsError};

use fondaco_model::Effects;
use zeroize::Zeroizing;

use crate::seal::sha256_of;

/// Bytes of the salt before a personal part.
const SALT_BYTES: usize = 32;

/// Who acted. Source: banking model, consent event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// The person whose data it is.
    EndUser,
    /// The tenant, through a key.
    Client,
    /// A provider in between.
    Provider,
    /// The bank.
    Bank,
    /// This system, by itself.
    System,
    /// Who runs this installation.
    Operator,
}

impl Actor {
    /// The word that is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EndUser => "END_USER",
            Self::Client => "CLIENT",
            Self::Provider => "PROVIDER",
            Self::Bank => "BANK",
            Self::System => "SYSTEM",
            Self::Operator => "OPERATOR",
        }
    }
}

/// A personal part of an entry, ready to be sealed beside it.
pub struct PersonalPart {
    /// Salt and content: what is sealed, as one value.
    pub plain: Zeroizing<Vec<u8>>,
    /// What is chained.
    pub digest: [u8; 32],
}

impl PersonalPart {
    /// Draws a salt for a content and digests both.
    pub fn new(effects: &Effects, content: &[u8]) -> Self {
        let mut plain = Zeroizing::new(Vec::with_capacity(SALT_BYTES + content.len()));
        plain.extend_from_slice(&*Zeroizing::new(effects.bytes::<SALT_BYTES>()));
        plain.extend_from_slice(content);
        let digest = personal_digest(&plain);
        Self { plain, digest }
    }
}

impl std::fmt::Debug for PersonalPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PersonalPart(…)")
    }
}

fn personal_digest(plain: &[u8]) -> [u8; 32] {
    sha256_of(&[b"fondaco.ledger.personal.v1", plain])
}

#[cfg(test)]
mod tests;
