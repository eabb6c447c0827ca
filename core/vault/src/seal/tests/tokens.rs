//! Tokens, plain hashes and comparisons.

use std::collections::HashSet;

use super::*;

#[test]
fn tokens_have_their_prefix_and_256_bits_in_base64url() {
    let effects = Effects::system();
    for prefix in [API_KEY_TEST, API_KEY_LIVE, FRONTEND_TOKEN, RESULT_CODE, ""] {
        let token = secret_token(&effects, prefix);
        let random = token.expose().strip_prefix(prefix).unwrap();
        assert_eq!(random.len(), 43);
        assert!(
            random
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        );
    }
    let many: HashSet<_> = (0..1_000)
        .map(|_| secret_token(&effects, "").expose().to_owned())
        .collect();
    assert_eq!(many.len(), 1_000);
}

#[test]
fn secrets_are_compared_as_a_whole() {
    assert!(same_secret(b"abc", b"abc") && same_secret(b"", b""));
    for other in [&b"abd"[..], b"bbc", b"ab", b"abcd", b""] {
        assert!(!same_secret(b"abc", other));
    }
}

#[test]
fn the_plain_hash_is_sha_256() {
    // FIPS 180-2 appendix B.1.
    assert_eq!(sha256("abc")[..4], [0xba, 0x78, 0x16, 0xbf]);
}
