//! AES-256-GCM (NIST SP 800-38D), the only cipher of the house.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::SealError;

/// Bytes of a key.
pub(super) const KEY_BYTES: usize = 32;
/// Bytes of a nonce: 96 bits, the length that GCM is made for.
pub(super) const NONCE_BYTES: usize = 12;
/// Bytes of the authentication tag.
pub(super) const TAG_BYTES: usize = 16;

/// A key that is ready for use. The provider wipes its schedule when it is dropped.
pub(super) struct Cipher(LessSafeKey);

impl Cipher {
    pub(super) fn new(key: &[u8; KEY_BYTES]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key).expect("32 bytes are an AES-256 key");
        Self(LessSafeKey::new(key))
    }

    /// Appends ciphertext and tag to `out`. The nonce must never have been used with this key.
    pub(super) fn seal_onto(
        &self,
        out: &mut Vec<u8>,
        nonce: [u8; NONCE_BYTES],
        associated: &[u8],
        plain: &[u8],
    ) {
        // Reserved first: a buffer that grows would leave a copy of the plaintext behind.
        out.reserve_exact(plain.len() + TAG_BYTES);
        let start = out.len();
        out.extend_from_slice(plain);
        let tag = self
            .0
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(associated),
                &mut out[start..],
            )
            .expect("GCM seals whatever is shorter than 64 GiB");
        out.extend_from_slice(tag.as_ref());
    }

    /// Opens ciphertext and tag.
    ///
    /// # Errors
    /// [`SealError::Malformed`] when it is shorter than a tag, [`SealError::NotAuthentic`] when
    /// key, nonce, associated data or any byte is another.
    pub(super) fn open(
        &self,
        nonce: [u8; NONCE_BYTES],
        associated: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let length = sealed
            .len()
            .checked_sub(TAG_BYTES)
            .ok_or(SealError::Malformed)?;
        let (content, tag) = sealed.split_at(length);
        let mut plain = Zeroizing::new(vec![0; length]);
        self.0
            .open_separate_gather(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(associated),
                content,
                tag,
                &mut plain,
            )
            .map_err(|_| SealError::NotAuthentic)?;
        Ok(plain)
    }
}
