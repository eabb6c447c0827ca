//! Unguessable values, constant-time comparison and the PKCE transformation.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// RFC 7636, section 4.1: length of a code verifier.
const VERIFIER_LENGTH: std::ops::RangeInclusive<usize> = 43..=128;
/// A SHA-256 digest in base64url without padding.
const CHALLENGE_LENGTH: usize = 43;

/// A fresh value with 244 bits from the operating system's generator; the prefix says its kind.
pub(crate) fn fresh(prefix: &str) -> String {
    format!(
        "{prefix}{}{}",
        Uuid::new_v4().simple(),
        Uuid::new_v4().simple()
    )
}

/// Compares without telling by its duration how much is equal.
pub(crate) fn equal(one: &str, other: &str) -> bool {
    let digests = (Sha256::digest(one), Sha256::digest(other));
    let difference = digests
        .0
        .iter()
        .zip(digests.1.iter())
        .fold(0, |sum, (a, b)| sum | (a ^ b));
    difference == 0
}

/// The S256 challenge of a verifier (RFC 7636, section 4.2).
pub(crate) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

pub(crate) fn is_challenge(text: &str) -> bool {
    text.len() == CHALLENGE_LENGTH
        && URL_SAFE_NO_PAD
            .decode(text)
            .is_ok_and(|raw| raw.len() == 32)
}

pub(crate) fn is_verifier(text: &str) -> bool {
    VERIFIER_LENGTH.contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636_appendix_b_holds() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(
            challenge(verifier),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
        assert!(is_verifier(verifier));
        assert!(is_challenge(&challenge(verifier)));
    }

    #[test]
    fn verifier_lengths_are_checked_on_both_sides() {
        for (length, expected) in [(42, false), (43, true), (128, true), (129, false)] {
            assert_eq!(is_verifier(&"a".repeat(length)), expected, "{length}");
        }
        assert!(!is_verifier(&"ä".repeat(30)));
    }

    #[test]
    fn fresh_values_differ() {
        assert_ne!(fresh("at_"), fresh("at_"));
        assert!(equal("same", "same"));
        assert!(!equal("same", "sam"));
    }
}
