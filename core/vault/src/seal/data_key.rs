//! Data keys: one per subject and ring, wrapped by a master key beside the data that they seal.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use fondaco_model::Effects;
use fondaco_model::ids::{DataKeyId, EndUserId, TenantId};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::SealError;
use super::bytes::Canonical;
use super::cipher::{Cipher, KEY_BYTES, NONCE_BYTES};
use super::master::KeyRing;

/// Values that one key may seal with random nonces: 2^32 (NIST SP 800-38D section 8.3).
///
/// The count here is this process's own; keys are replaced by policy long before.
pub const SEALS_PER_KEY_MAX: u64 = 1 << 32;

/// Which half of the house a data key serves. A process that needs one ring loads only that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ring {
    /// Identifiers, raw answers and other data of a person.
    Data,
    /// Tokens, client secrets and what belongs to a flow.
    Token,
}

impl Ring {
    /// All rings.
    pub const ALL: &'static [Self] = &[Self::Data, Self::Token];

    /// The word that is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Data => "DATA",
            Self::Token => "TOKEN",
        }
    }

    /// The ring that a stored word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|ring| ring.as_str() == word)
    }
}

/// Whose data a key seals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// One end user: destroying the key erases what it sealed.
    EndUser(EndUserId),
    /// A tenant: its registrations' secrets and what belongs to no single person.
    Tenant(TenantId),
    /// The operator of the installation: the secrets of the registrations that it owns.
    Operator,
}

impl Subject {
    /// The word that is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EndUser(_) => "END_USER",
            Self::Tenant(_) => "TENANT",
            Self::Operator => "OPERATOR",
        }
    }

    /// The id that is stored; the nil UUID for the operator.
    pub fn id(self) -> Uuid {
        match self {
            Self::EndUser(id) => id.0,
            Self::Tenant(id) => id.0,
            Self::Operator => Uuid::nil(),
        }
    }

    /// The subject that a stored word and id name.
    pub fn from_stored(word: &str, id: Uuid) -> Option<Self> {
        [
            Self::EndUser(EndUserId(id)),
            Self::Tenant(TenantId(id)),
            Self::Operator,
        ]
        .into_iter()
        .find(|subject| subject.as_str() == word && subject.id() == id)
    }
}

/// What stands beside a wrapped data key in its row. The wrapping is bound to all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataKeyLabel {
    /// The key's id; sealed values name it.
    pub id: DataKeyId,
    /// Whose key it is; none for the operator.
    pub tenant: Option<TenantId>,
    /// Its ring.
    pub ring: Ring,
    /// Whose data it seals.
    pub subject: Subject,
}

impl DataKeyLabel {
    fn associated_data(&self) -> Vec<u8> {
        Canonical::of("fondaco.data-key.v1")
            .field(b"data-key")
            .optional(self.tenant.as_ref().map(|tenant| &tenant.0.as_bytes()[..]))
            .field(self.ring.as_str().as_bytes())
            .field(self.subject.as_str().as_bytes())
            .field(self.subject.id().as_bytes())
            .field(self.id.0.as_bytes())
            .finish()
    }
}

/// A data key in clear. Wiped when dropped; its `Debug` shows the label only.
pub struct DataKey {
    label: DataKeyLabel,
    bytes: Zeroizing<[u8; KEY_BYTES]>,
    cipher: Cipher,
    sealed: AtomicU64,
}

impl DataKey {
    /// A new random key.
    pub fn generate(effects: &Effects, label: DataKeyLabel) -> Self {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        effects.fill(&mut *bytes);
        Self::from_bytes(label, bytes)
    }

    pub(super) fn from_bytes(label: DataKeyLabel, bytes: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let cipher = Cipher::new(&bytes);
        Self {
            label,
            bytes,
            cipher,
            sealed: AtomicU64::new(0),
        }
    }

    /// The key as its row holds it: sealed by the current master key and bound to the label.
    /// 69 bytes, which name the master key.
    pub fn wrap(&self, effects: &Effects, masters: &KeyRing) -> Vec<u8> {
        masters.wrap(effects, &self.label.associated_data(), &self.bytes)
    }

    /// Reads a key from its row.
    ///
    /// # Errors
    /// [`SealError::UnknownKey`] when the master key is not at hand,
    /// [`SealError::NotAuthentic`] when the label is another, [`SealError::Malformed`].
    pub fn unwrap(
        label: DataKeyLabel,
        wrapped: &[u8],
        masters: &KeyRing,
    ) -> Result<Self, SealError> {
        let bytes = masters.unwrap(&label.associated_data(), wrapped)?;
        Ok(Self::from_bytes(label, bytes))
    }

    /// What stands beside the key.
    pub fn label(&self) -> &DataKeyLabel {
        &self.label
    }

    /// Takes one of the key's seals with a fresh nonce for it.
    pub(super) fn next_nonce(&self, effects: &Effects) -> Result<[u8; NONCE_BYTES], SealError> {
        let more = |count: u64| (count < SEALS_PER_KEY_MAX).then_some(count + 1);
        self.sealed
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .map_err(|_| SealError::KeyUsedUp)?;
        Ok(effects.bytes())
    }

    pub(super) fn cipher(&self) -> &Cipher {
        &self.cipher
    }

    #[cfg(test)]
    pub(super) fn pretend_sealed(&self, count: u64) {
        self.sealed.store(count, Ordering::Relaxed);
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey({} {})", self.label.id, self.label.ring.as_str())
    }
}
