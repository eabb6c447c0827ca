//! Sealed values: `v1.kid.nonce.ciphertext` as text, the same fields in binary for raw chunks.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use fondaco_model::ids::DataKeyId;
use fondaco_model::{Effects, Secret};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::cipher::{NONCE_BYTES, TAG_BYTES};
use super::{DataKey, Place, SealError};

/// Largest value that is sealed in one piece: a chunk of 1 MiB and what compression may add.
pub const PLAIN_BYTES_MAX: usize = (1 << 20) + (64 << 10);

/// The version of both forms, as text.
const VERSION_TEXT: &str = "v1";
/// The version of both forms, as the first byte of the binary one.
const VERSION_BYTE: u8 = 1;
/// Bytes before the ciphertext in the binary form: version, key id, nonce.
const HEAD_BYTES: usize = 1 + 16 + NONCE_BYTES;

/// Seals a text: `v1.kid.nonce.ciphertext`, where kid is the data key's id and the other two are
/// base64url without padding (RFC 4648 section 5).
///
/// # Errors
/// [`SealError::TooLarge`] and [`SealError::KeyUsedUp`].
pub fn seal_text(
    effects: &Effects,
    key: &DataKey,
    place: &Place,
    plain: &str,
) -> Result<String, SealError> {
    let sealed = seal_bytes(effects, key, place, plain.as_bytes())?;
    let nonce = BASE64URL.encode(&sealed[HEAD_BYTES - NONCE_BYTES..HEAD_BYTES]);
    let content = BASE64URL.encode(&sealed[HEAD_BYTES..]);
    Ok(format!(
        "{VERSION_TEXT}.{}.{nonce}.{content}",
        key.label().id
    ))
}

/// Opens what [`seal_text`] made.
///
/// # Errors
/// [`SealError::Malformed`], [`SealError::UnknownKey`] when another key sealed it,
/// [`SealError::NotAuthentic`] when place or content differ.
pub fn open_text(key: &DataKey, place: &Place, sealed: &str) -> Result<Secret, SealError> {
    let sealed = Sealed::from_text(sealed)?;
    let plain = sealed.open(key, place)?;
    let text = std::str::from_utf8(&plain).map_err(|_| SealError::Malformed)?;
    Ok(Secret::new(text))
}

/// The data key that a sealed text names.
///
/// # Errors
/// [`SealError::Malformed`].
pub fn key_of_text(sealed: &str) -> Result<DataKeyId, SealError> {
    let mut parts = sealed.split('.');
    if parts.next() != Some(VERSION_TEXT) {
        return Err(SealError::Malformed);
    }
    let kid = parts.next().ok_or(SealError::Malformed)?;
    kid.parse().map_err(|_| SealError::Malformed)
}

/// Seals bytes: one byte of version, 16 of key id, 12 of nonce, then ciphertext and tag.
///
/// # Errors
/// [`SealError::TooLarge`] and [`SealError::KeyUsedUp`].
pub fn seal_bytes(
    effects: &Effects,
    key: &DataKey,
    place: &Place,
    plain: &[u8],
) -> Result<Vec<u8>, SealError> {
    if plain.len() > PLAIN_BYTES_MAX {
        return Err(SealError::TooLarge);
    }
    let nonce = key.next_nonce(effects)?;
    let mut out = Vec::with_capacity(HEAD_BYTES + plain.len() + TAG_BYTES);
    out.push(VERSION_BYTE);
    out.extend_from_slice(key.label().id.0.as_bytes());
    out.extend_from_slice(&nonce);
    key.cipher()
        .seal_onto(&mut out, nonce, &place.associated_data(), plain);
    Ok(out)
}

/// Opens what [`seal_bytes`] made.
///
/// # Errors
/// As [`open_text`].
pub fn open_bytes(
    key: &DataKey,
    place: &Place,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    Sealed::from_bytes(sealed)?.open(key, place)
}

/// The fields of a sealed value in either form.
struct Sealed<'a> {
    kid: DataKeyId,
    nonce: [u8; NONCE_BYTES],
    content: std::borrow::Cow<'a, [u8]>,
}

impl<'a> Sealed<'a> {
    fn from_bytes(sealed: &'a [u8]) -> Result<Self, SealError> {
        if sealed.len() > HEAD_BYTES + PLAIN_BYTES_MAX + TAG_BYTES {
            return Err(SealError::TooLarge);
        }
        let (head, content) = sealed
            .split_first_chunk::<HEAD_BYTES>()
            .ok_or(SealError::Malformed)?;
        let (version, rest) = head.split_first().ok_or(SealError::Malformed)?;
        let (kid, nonce) = rest.split_first_chunk::<16>().ok_or(SealError::Malformed)?;
        if *version != VERSION_BYTE || content.len() < TAG_BYTES {
            return Err(SealError::Malformed);
        }
        Ok(Self {
            kid: DataKeyId(Uuid::from_bytes(*kid)),
            nonce: nonce.try_into().map_err(|_| SealError::Malformed)?,
            content: content.into(),
        })
    }

    fn from_text(sealed: &str) -> Result<Self, SealError> {
        if sealed.len() > 2 * PLAIN_BYTES_MAX {
            return Err(SealError::TooLarge);
        }
        let kid = key_of_text(sealed)?;
        let mut parts = sealed.split('.').skip(2);
        let (Some(nonce), Some(content), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(SealError::Malformed);
        };
        let decode = |text: &str| BASE64URL.decode(text).map_err(|_| SealError::Malformed);
        let nonce = decode(nonce)?
            .try_into()
            .map_err(|_| SealError::Malformed)?;
        let content = decode(content)?;
        if content.len() < TAG_BYTES {
            return Err(SealError::Malformed);
        }
        Ok(Self {
            kid,
            nonce,
            content: content.into(),
        })
    }

    fn open(&self, key: &DataKey, place: &Place) -> Result<Zeroizing<Vec<u8>>, SealError> {
        if self.kid != key.label().id {
            return Err(SealError::UnknownKey);
        }
        key.cipher()
            .open(self.nonce, &place.associated_data(), &self.content)
    }
}
