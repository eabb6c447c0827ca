//! Proof key for code exchange with S256 (RFC 7636): the `oauth2` crate's challenge over a verifier
//! whose entropy comes from the caller.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fondaco_model::Secret;
use oauth2::{PkceCodeChallenge, PkceCodeVerifier};
use serde::{Deserialize, Serialize};

/// The verifier: a secret that only the token request shows.
#[derive(Clone, PartialEq, Eq)]
pub struct PkceVerifier(Secret);

impl PkceVerifier {
    /// From 32 unpredictable bytes, as RFC 7636 section 4.1 recommends.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Takes a stored verifier back; none unless it is 43 to 128 unreserved characters.
    pub fn from_text(text: &str) -> Option<Self> {
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        let good = (43..=128).contains(&text.len()) && text.bytes().all(unreserved);
        good.then(|| Self(Secret::new(text)))
    }

    /// The text in clear, for the token request and for sealing.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The S256 challenge (RFC 7636 section 4.2).
    pub fn challenge(&self) -> PkceChallenge {
        // The crate panics outside of 43 to 128 characters, which both constructors hold to.
        let verifier = PkceCodeVerifier::new(self.expose().to_owned());
        PkceChallenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
    }
}

impl fmt::Debug for PkceVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PkceVerifier(…)")
    }
}

/// The challenge: what the authorization request shows; no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PkceChallenge(PkceCodeChallenge);

impl PkceChallenge {
    /// The text of the `code_challenge` parameter.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The challenge with its method, for the authorization request.
    pub(crate) fn code_challenge(&self) -> PkceCodeChallenge {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_rfc_7636_appendix_b() {
        let bytes = [
            116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212,
            37, 77, 105, 214, 191, 240, 91, 88, 5, 88, 83, 132, 141, 121,
        ];
        let verifier = PkceVerifier::from_bytes(&bytes);
        assert_eq!(
            verifier.expose(),
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        );
        let challenge = verifier.challenge();
        assert_eq!(
            challenge.as_str(),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
        assert_eq!(format!("{verifier:?}"), "PkceVerifier(…)");
    }

    #[test]
    fn a_verifier_has_43_to_128_unreserved_characters() {
        for (text, good) in [
            ("a".repeat(42), false),
            ("a".repeat(43), true),
            ("~".repeat(128), true),
            ("a".repeat(129), false),
            ("+".repeat(43), false),
        ] {
            assert_eq!(PkceVerifier::from_text(&text).is_some(), good, "{text}");
        }
    }
}
