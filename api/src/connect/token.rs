//! The page token of an address, the secret of its cookie, and the token of its forms.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use fondaco_model::Secret;
use fondaco_vault::seal::same_secret;
use sha2::{Digest as _, Sha256};

use crate::web::cookie::{BindingSecret, FlowCookie};
use crate::web::parts::LocalPath;

/// Characters of a page token, and of the random half of a cookie's secret: 256 bits in base64url.
const TOKEN_CHARS: usize = 43;

/// What a form token is a digest of, beside the cookie's secret.
const FORM_LABEL: &[u8] = b"fondaco consent form 1\0";

/// A page token of the right shape; whether anybody gave it out is the vault's to say.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PageToken(String);

impl PageToken {
    /// Checks the shape, before anything is looked up.
    pub(super) fn new(text: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        let fits = text.len() == TOKEN_CHARS && text.bytes().all(plain);
        fits.then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The page itself.
    pub(super) fn start(&self) -> LocalPath {
        self.path("")
    }

    pub(super) fn review(&self) -> LocalPath {
        self.path("/review")
    }

    pub(super) fn choose(&self) -> LocalPath {
        self.path("/choose")
    }

    pub(super) fn go_on(&self) -> LocalPath {
        self.path("/continue")
    }

    pub(super) fn cancel(&self) -> LocalPath {
        self.path("/cancel")
    }

    pub(super) fn status(&self) -> LocalPath {
        self.path("/status")
    }

    fn path(&self, tail: &str) -> LocalPath {
        LocalPath::new(format!("/connect/{}{tail}", self.0))
            .expect("a page token has letters, digits, - and _ only")
    }

    /// A new secret for the cookie of this page's flow: the page token, so that the callback,
    /// which knows only the flow, finds its way back to the page, then 256 random bits.
    pub(super) fn secret(&self, random: &Secret) -> BindingSecret {
        BindingSecret::new(&format!("{}{}", self.0, random.expose()))
            .expect("two tokens are as long as a cookie's secret may be")
    }

    /// The page that a cookie belongs to.
    pub(super) fn of(cookie: &FlowCookie) -> Option<Self> {
        let text = cookie.secret.expose();
        let whole = text.len() == 2 * TOKEN_CHARS;
        Self::new(text.get(..TOKEN_CHARS)?).filter(|_| whole)
    }
}

/// The form token of a browser on a page: a digest of the cookie's secret, which nobody else has,
/// then, on the page that asks for consent, the digest of the text that was shown.
pub(super) fn form_token(secret: &BindingSecret, shown: Option<&[u8; 32]>) -> String {
    let proof = BASE64URL.encode(proof(secret));
    match shown {
        Some(shown) => format!("{proof}.{}", BASE64URL.encode(shown)),
        None => proof,
    }
}

/// Whether a form token belongs to the cookie's secret, compared in constant time.
pub(super) fn form_token_fits(token: &str, secret: &BindingSecret) -> bool {
    let own = token.split_once('.').map_or(token, |(own, _)| own);
    BASE64URL
        .decode(own)
        .is_ok_and(|sent| same_secret(&sent, &proof(secret)))
}

fn proof(secret: &BindingSecret) -> [u8; 32] {
    let digest = Sha256::new()
        .chain_update(FORM_LABEL)
        .chain_update(secret.expose());
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::cookie::FlowId;

    fn page(fill: char) -> PageToken {
        PageToken::new(&fill.to_string().repeat(TOKEN_CHARS)).unwrap()
    }

    fn secret(fill: char) -> BindingSecret {
        page('p').secret(&Secret::new(fill.to_string().repeat(TOKEN_CHARS)))
    }

    #[test]
    fn only_43_characters_of_base64url_are_a_page_token() {
        for (text, fits) in [
            ("a".repeat(43), true),
            ("-_9Z".repeat(10) + "abc", true),
            ("a".repeat(42), false),
            ("a".repeat(44), false),
            ("a".repeat(42) + "=", false),
            ("a".repeat(42) + "/", false),
            ("ä".repeat(21) + "a", false),
            (String::new(), false),
        ] {
            assert_eq!(PageToken::new(&text).is_some(), fits, "{text}");
        }
    }

    #[test]
    fn a_cookie_leads_back_to_its_page() {
        let cookie = |secret| FlowCookie {
            flow: FlowId::new("f").unwrap(),
            issued_at_s: 0,
            secret,
        };
        assert!(PageToken::of(&cookie(secret('r'))) == Some(page('p')));
        let short = BindingSecret::new(&"p".repeat(43)).unwrap();
        assert!(PageToken::of(&cookie(short)).is_none());
    }

    #[test]
    fn a_form_token_fits_its_own_secret_only() {
        let shown = [7; 32];
        for token in [
            form_token(&secret('a'), None),
            form_token(&secret('a'), Some(&shown)),
        ] {
            assert!(form_token_fits(&token, &secret('a')));
            assert!(!form_token_fits(&token, &secret('b')));
            assert!(!token.contains(secret('a').expose()));
        }
        assert!(!form_token_fits("", &secret('a')));
        assert!(!form_token_fits("%%", &secret('a')));
        assert_ne!(
            form_token(&secret('a'), Some(&shown)),
            form_token(&secret('a'), Some(&[8; 32]))
        );
    }
}
