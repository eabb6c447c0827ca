//! Random tokens that clients, browsers and banks carry.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use fondaco_model::{Effects, Secret};
use zeroize::Zeroizing;

/// Prefix of an API key of a test tenant.
pub const API_KEY_TEST: &str = "fdk_test_";
/// Prefix of an API key of a live tenant.
pub const API_KEY_LIVE: &str = "fdk_live_";
/// Prefix of a frontend token.
pub const FRONTEND_TOKEN: &str = "fft_";
/// Prefix of a one-time result code.
pub const RESULT_CODE: &str = "frc_";

/// Random bytes of a token: 256 bits.
const TOKEN_BYTES: usize = 32;

/// A token of 256 random bits: the prefix, then 43 characters of base64url.
///
/// States, nonces, PKCE verifiers and binding secrets have no prefix. What comes back to us is
/// stored as [`sha256`](super::sha256) only.
pub fn secret_token(effects: &Effects, prefix: &str) -> Secret {
    let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
    effects.fill(&mut *bytes);
    let mut text = String::with_capacity(prefix.len() + 44);
    text.push_str(prefix);
    BASE64URL.encode_string(&bytes[..], &mut text);
    Secret::new(text)
}
