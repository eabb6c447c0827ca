//! Sealing: envelope encryption, keyed hashes and random tokens. Key material lives here alone.
//!
//! A [`MasterKey`] stands outside the database and wraps data keys and hash keys. A [`DataKey`]
//! belongs to one subject and one [`Ring`] and seals values; each sealed value is bound to its
//! [`Place`], so that it opens nowhere else. To erase a person is to destroy their data keys.

pub(crate) mod bytes;
mod cipher;
mod data_key;
mod envelope;
mod hash;
mod master;
mod place;
mod token;

pub use data_key::{DataKey, DataKeyLabel, Ring, SEALS_PER_KEY_MAX, Subject};
pub use envelope::{PLAIN_BYTES_MAX, key_of_text, open_bytes, open_text, seal_bytes, seal_text};
pub(crate) use hash::sha256_of;
pub use hash::{
    HASH_KEYS_MAX, HashKey, HashKeyId, HashKeyLabel, HashKeys, HashPurpose, KeyedHash, Sha256,
    same_secret, sha256,
};
pub use master::{KeyRing, MASTER_KEYS_MAX, MasterKey, MasterKeyError, create_file};
pub use place::{Place, purpose};
pub use token::{API_KEY_LIVE, API_KEY_TEST, FRONTEND_TOKEN, RESULT_CODE, secret_token};

/// Why something cannot be sealed or opened. Says nothing about the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The form is not one that this version writes.
    #[error("the sealed value is malformed")]
    Malformed,
    /// It was sealed with a key that is not at hand.
    #[error("the sealed value names a key that is not at hand")]
    UnknownKey,
    /// Key, place or content are not those that were sealed.
    #[error("the sealed value does not belong here or was changed")]
    NotAuthentic,
    /// The value is larger than [`PLAIN_BYTES_MAX`].
    #[error("the value is too large to be sealed in one piece")]
    TooLarge,
    /// The key has sealed [`SEALS_PER_KEY_MAX`] values and must be replaced.
    #[error("the key has sealed as many values as it may")]
    KeyUsedUp,
}

#[cfg(test)]
mod tests;
