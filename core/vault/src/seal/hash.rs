//! Hashes: keyed ones for what can be guessed, plain ones for what cannot.

use std::fmt;

use aws_lc_rs::{constant_time, digest, hmac};
use fondaco_model::Effects;
use fondaco_model::ids::TenantId;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::bytes::Canonical;
use super::cipher::KEY_BYTES;
use super::{KeyRing, SealError};

/// Hash keys of one tenant and purpose that are searched at most.
pub const HASH_KEYS_MAX: usize = 8;

/// SHA-256 of a secret that nobody can guess: a key, a token, a state (at least 128 random bits).
///
/// For account numbers, references and other things that can be guessed use [`HashKey`].
pub fn sha256(secret: &str) -> [u8; 32] {
    sha256_of(&[secret.as_bytes()])
}

/// SHA-256 of content that streams by.
#[derive(Clone)]
pub struct Sha256(digest::Context);

impl Sha256 {
    /// Of nothing so far.
    pub fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes.
    pub fn finish(self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(self.0.finish().as_ref());
        hash
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sha256")
    }
}

/// SHA-256 over parts, one after the other.
pub(crate) fn sha256_of(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Sha256::new();
    for part in parts {
        context.update(part);
    }
    context.finish()
}

/// Compares two secrets or hashes in a time that tells nothing about where they differ.
/// Their lengths are not secret.
pub fn same_secret(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// What a hash key is for. Hashes of two purposes cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HashPurpose {
    /// Account identifiers.
    Identifier,
    /// An account id or reference that a provider gave and that tells who somebody is.
    ProviderRef,
    /// Places in lists that clients hold: cursors are authenticated, not hidden.
    Cursor,
    /// What records state, so that an unchanged record is recognised.
    Content,
    /// The one-use codes that fetch a session's result; made again when a page is reloaded.
    ResultCode,
}

impl HashPurpose {
    /// The word that is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identifier => "IDENTIFIER",
            Self::ProviderRef => "PROVIDER_REF",
            Self::Cursor => "CURSOR",
            Self::Content => "CONTENT",
            Self::ResultCode => "RESULT_CODE",
        }
    }
}

/// The id of a hash key. It stands beside each hash, so that the key can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HashKeyId(pub Uuid);

/// What stands beside a wrapped hash key in its row. The wrapping is bound to all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashKeyLabel {
    /// The key's id.
    pub id: HashKeyId,
    /// Whose values it hashes.
    pub tenant: TenantId,
    /// What for.
    pub purpose: HashPurpose,
}

impl HashKeyLabel {
    fn associated_data(&self) -> Vec<u8> {
        Canonical::of("fondaco.hash-key.v1")
            .field(b"hash-key")
            .field(self.tenant.0.as_bytes())
            .field(self.purpose.as_str().as_bytes())
            .field(self.id.0.as_bytes())
            .finish()
    }
}

/// A hash with the id of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyedHash {
    /// The key that made it.
    pub key: HashKeyId,
    /// HMAC-SHA-256 (RFC 2104).
    pub hash: [u8; 32],
}

/// A key of keyed hashes: one per tenant and purpose. `Debug` shows its id only.
pub struct HashKey {
    label: HashKeyLabel,
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

impl HashKey {
    /// A new random key.
    pub fn generate(effects: &Effects, label: HashKeyLabel) -> Self {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        effects.fill(&mut *bytes);
        Self { label, bytes }
    }

    /// The key as its row holds it; see [`DataKey::wrap`](super::DataKey::wrap).
    pub fn wrap(&self, effects: &Effects, masters: &KeyRing) -> Vec<u8> {
        masters.wrap(effects, &self.label.associated_data(), &self.bytes)
    }

    /// Reads a key from its row.
    ///
    /// # Errors
    /// As [`DataKey::unwrap`](super::DataKey::unwrap).
    pub fn unwrap(
        label: HashKeyLabel,
        wrapped: &[u8],
        masters: &KeyRing,
    ) -> Result<Self, SealError> {
        let bytes = masters.unwrap(&label.associated_data(), wrapped)?;
        Ok(Self { label, bytes })
    }

    /// What stands beside the key.
    pub fn label(&self) -> &HashKeyLabel {
        &self.label
    }

    /// The hash of a value that was brought to its normal form by the caller.
    pub fn hash(&self, normalised: &str) -> KeyedHash {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.bytes[..]);
        let mut hash = [0; 32];
        hash.copy_from_slice(hmac::sign(&key, normalised.as_bytes()).as_ref());
        KeyedHash {
            key: self.label.id,
            hash,
        }
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "HashKey({:?} {})",
            self.label.id,
            self.label.purpose.as_str()
        )
    }
}

/// The hash keys of one tenant and purpose: one makes hashes, all of them search.
#[derive(Debug)]
pub struct HashKeys {
    current: HashKey,
    others: Vec<HashKey>,
}

impl HashKeys {
    /// The key that makes hashes and the others whose hashes may stand; of these the first
    /// [`HASH_KEYS_MAX`] less one are kept.
    ///
    /// # Errors
    /// [`SealError::UnknownKey`] when a key is of another tenant or purpose.
    pub fn new(current: HashKey, mut others: Vec<HashKey>) -> Result<Self, SealError> {
        others.truncate(HASH_KEYS_MAX - 1);
        let home = |key: &HashKey| (key.label.tenant, key.label.purpose);
        if others.iter().any(|key| home(key) != home(&current)) {
            return Err(SealError::UnknownKey);
        }
        Ok(Self { current, others })
    }

    /// The key that makes hashes.
    pub fn writing(&self) -> HashKeyId {
        self.current.label.id
    }

    /// The hash to store.
    pub fn hash(&self, normalised: &str) -> KeyedHash {
        self.current.hash(normalised)
    }

    /// The hashes under which the value may stand; first the one that [`hash`](Self::hash) makes.
    pub fn candidates(&self, normalised: &str) -> Vec<KeyedHash> {
        std::iter::once(&self.current)
            .chain(&self.others)
            .map(|key| key.hash(normalised))
            .collect()
    }
}
