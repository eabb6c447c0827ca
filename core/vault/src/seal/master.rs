//! Master keys: they stand outside the database and wrap the keys that stand inside it.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use fondaco_model::Effects;
use zeroize::Zeroizing;

use super::SealError;
use super::bytes::hex;
use super::cipher::{Cipher, KEY_BYTES, NONCE_BYTES, TAG_BYTES};
use super::hash::sha256_of;

/// Master keys that a [`KeyRing`] holds at most: the current one and those not yet retired.
pub const MASTER_KEYS_MAX: usize = 8;

/// Bytes of a key file that are read at most; a key with its line end has 44.
const FILE_BYTES_MAX: u16 = 1024;
/// Bytes of a master key's id.
const KID_BYTES: usize = 8;
/// The version of the wrapped form.
const VERSION_BYTE: u8 = 1;
/// Bytes of a wrapped key: version, kid, nonce, key, tag.
const WRAPPED_BYTES: usize = 1 + KID_BYTES + NONCE_BYTES + KEY_BYTES + TAG_BYTES;

/// Why there is no master key. Says what to do, never what was read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeyError {
    /// The text is neither 32 bytes in base64 nor in hex.
    #[error(
        "the master key is not 32 bytes in base64url or hex; \
         make one with `openssl rand -hex 32`"
    )]
    Malformed,
    /// All bytes are equal: a placeholder.
    #[error(
        "the master key is a placeholder, not random; \
         make one with `openssl rand -hex 32`"
    )]
    Placeholder,
    /// There is no such file.
    #[error("there is no master key file at {}", .0.display())]
    Missing(PathBuf),
    /// There is one already, and what it sealed needs it.
    #[error(
        "{} exists already; it is not overwritten, because what it sealed opens with it alone",
        .0.display()
    )]
    Exists(PathBuf),
    /// Others than the owner may read or write the file.
    #[error(
        "{} is open to group or others (mode {mode:03o}); run `chmod 600 {}` first",
        .path.display(),
        .path.display()
    )]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is a directory, a device or something else, or larger than a key file can be.
    #[error("{} is not a master key file", .0.display())]
    NotAKeyFile(PathBuf),
    /// The system refuses to read or write it.
    #[error("{}: {kind}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        kind: ErrorKind,
    },
    /// More than [`MASTER_KEYS_MAX`] keys, or one of them twice.
    #[error("master keys: at most {MASTER_KEYS_MAX}, each once")]
    TooManyOrTwice,
}

/// A key that wraps other keys: 32 random bytes. Wiped when dropped; `Debug` shows its id only.
pub struct MasterKey {
    kid: [u8; KID_BYTES],
    cipher: Cipher,
}

impl MasterKey {
    /// Reads a key from text: base64url or base64 (43 characters and padding) or hex (64), with
    /// white space around it. The text comes from a variable, a command or a file.
    ///
    /// # Errors
    /// [`MasterKeyError::Malformed`] and [`MasterKeyError::Placeholder`].
    pub fn from_text(text: &str) -> Result<Self, MasterKeyError> {
        let text = text.trim();
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        if text.len() == 2 * KEY_BYTES {
            decode_hex(text, &mut bytes)?;
        } else {
            decode_base64(text, &mut bytes)?;
        }
        Self::from_bytes(&bytes)
    }

    /// Reads a key from a file that nobody but its owner may touch.
    ///
    /// # Errors
    /// Every kind of [`MasterKeyError`] that speaks of a file or of its text.
    pub fn from_file(path: &Path) -> Result<Self, MasterKeyError> {
        let io = |error: std::io::Error| io_error(path, error.kind());
        let file = File::open(path).map_err(io)?;
        // Asked of the open file, so that nobody can exchange it in between.
        let facts = file.metadata().map_err(io)?;
        if !facts.is_file() || facts.len() > FILE_BYTES_MAX.into() {
            return Err(MasterKeyError::NotAKeyFile(path.to_owned()));
        }
        let mode = facts.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(MasterKeyError::OpenToOthers {
                path: path.to_owned(),
                mode,
            });
        }
        // One buffer of the full size: one that grows would leave copies of the key behind.
        let mut text = Zeroizing::new(String::with_capacity(usize::from(FILE_BYTES_MAX) + 1));
        file.take(FILE_BYTES_MAX.into())
            .read_to_string(&mut text)
            .map_err(io)?;
        Self::from_text(&text)
    }

    fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Result<Self, MasterKeyError> {
        if bytes.iter().all(|byte| *byte == bytes[0]) {
            return Err(MasterKeyError::Placeholder);
        }
        let digest = sha256_of(&[b"fondaco.master-key.v1", bytes]);
        let mut kid = [0; KID_BYTES];
        kid.copy_from_slice(&digest[..KID_BYTES]);
        Ok(Self {
            kid,
            cipher: Cipher::new(bytes),
        })
    }

    /// The key's id: the first 8 bytes of a SHA-256 over it, in hex.
    pub fn kid(&self) -> String {
        hex(&self.kid)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.kid())
    }
}

/// Makes a new random master key in a new file that only its owner may read and write.
///
/// The caller tells the person to keep a copy apart from the database: together they are no
/// protection, and without the key the sealed data is lost.
///
/// # Errors
/// [`MasterKeyError::Exists`], because an older key is never overwritten, and
/// [`MasterKeyError::Io`].
pub fn create_file(effects: &Effects, path: &Path) -> Result<MasterKey, MasterKeyError> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    effects.fill(&mut *bytes);
    let key = MasterKey::from_bytes(&bytes)?;
    let mut text = Zeroizing::new(String::with_capacity(64));
    BASE64URL.encode_string(&bytes[..], &mut text);
    text.push('\n');

    let io = |error: std::io::Error| io_error(path, error.kind());
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(io)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| sync_parent(path));
    if let Err(error) = written {
        // Half a key is worse than none: the next start would stop at it.
        drop(std::fs::remove_file(path));
        return Err(io(error));
    }
    Ok(key)
}

/// Makes the file's name durable too: data sealed with a key whose file is gone is lost.
fn sync_parent(path: &Path) -> std::io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

fn io_error(path: &Path, kind: ErrorKind) -> MasterKeyError {
    let path = path.to_owned();
    if kind == ErrorKind::NotFound {
        MasterKeyError::Missing(path)
    } else if kind == ErrorKind::AlreadyExists {
        MasterKeyError::Exists(path)
    } else {
        MasterKeyError::Io { path, kind }
    }
}

fn decode_hex(text: &str, bytes: &mut [u8; KEY_BYTES]) -> Result<(), MasterKeyError> {
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        let (Some(high), Some(low)) = (digit(0), digit(1)) else {
            return Err(MasterKeyError::Malformed);
        };
        *byte = u8::try_from(high << 4 | low).map_err(|_| MasterKeyError::Malformed)?;
    }
    Ok(())
}

fn decode_base64(text: &str, bytes: &mut [u8; KEY_BYTES]) -> Result<(), MasterKeyError> {
    // `openssl rand -base64 32` writes the other alphabet, with padding.
    let mut plain = Zeroizing::new(String::with_capacity(text.len()));
    plain.extend(text.trim_end_matches('=').chars().map(|c| match c {
        '+' => '-',
        '/' => '_',
        other => other,
    }));
    let decoded = Zeroizing::new(
        BASE64URL
            .decode(plain.as_bytes())
            .map_err(|_| MasterKeyError::Malformed)?,
    );
    let decoded: &[u8; KEY_BYTES] = decoded
        .as_slice()
        .try_into()
        .map_err(|_| MasterKeyError::Malformed)?;
    bytes.copy_from_slice(decoded);
    Ok(())
}

/// The master keys at hand: the current one wraps, all of them unwrap.
#[derive(Debug)]
pub struct KeyRing {
    current: MasterKey,
    older: Vec<MasterKey>,
}

impl KeyRing {
    /// A ring of the current key and those that still open what they wrapped.
    ///
    /// # Errors
    /// [`MasterKeyError::TooManyOrTwice`].
    pub fn new(current: MasterKey, older: Vec<MasterKey>) -> Result<Self, MasterKeyError> {
        let ring = Self { current, older };
        let mut kids: Vec<_> = ring.keys().map(|key| key.kid).collect();
        let count = kids.len();
        kids.sort_unstable();
        kids.dedup();
        if count > MASTER_KEYS_MAX || kids.len() < count {
            return Err(MasterKeyError::TooManyOrTwice);
        }
        Ok(ring)
    }

    /// The id of the key that wraps.
    pub fn current_kid(&self) -> String {
        self.current.kid()
    }

    pub(super) fn wrap(
        &self,
        effects: &Effects,
        associated: &[u8],
        key: &[u8; KEY_BYTES],
    ) -> Vec<u8> {
        let nonce = effects.bytes();
        let mut out = Vec::with_capacity(WRAPPED_BYTES);
        out.push(VERSION_BYTE);
        out.extend_from_slice(&self.current.kid);
        out.extend_from_slice(&nonce);
        self.current
            .cipher
            .seal_onto(&mut out, nonce, associated, key);
        out
    }

    pub(super) fn unwrap(
        &self,
        associated: &[u8],
        wrapped: &[u8],
    ) -> Result<Zeroizing<[u8; KEY_BYTES]>, SealError> {
        let wrapped = Wrapped::read(wrapped)?;
        let master = self
            .keys()
            .find(|key| key.kid == wrapped.kid)
            .ok_or(SealError::UnknownKey)?;
        let plain = master
            .cipher
            .open(wrapped.nonce, associated, wrapped.content)?;
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        if plain.len() != KEY_BYTES {
            return Err(SealError::Malformed);
        }
        key.copy_from_slice(&plain);
        Ok(key)
    }

    fn keys(&self) -> impl Iterator<Item = &MasterKey> {
        std::iter::once(&self.current).chain(&self.older)
    }
}

/// The fields of a wrapped key.
struct Wrapped<'a> {
    kid: [u8; KID_BYTES],
    nonce: [u8; NONCE_BYTES],
    content: &'a [u8],
}

impl<'a> Wrapped<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, SealError> {
        if bytes.len() != WRAPPED_BYTES || bytes[0] != VERSION_BYTE {
            return Err(SealError::Malformed);
        }
        let (kid, rest) = bytes[1..].split_first_chunk().ok_or(SealError::Malformed)?;
        let (nonce, content) = rest.split_first_chunk().ok_or(SealError::Malformed)?;
        Ok(Self {
            kid: *kid,
            nonce: *nonce,
            content,
        })
    }
}
