//! Names, addresses and contacts from outside, checked before a page shows them.

use std::fmt;

use url::Url;

use super::i18n::Locale;
use super::respond::FormTarget;

/// Longest name or contact that a page shows, in characters; the rest is cut with an ellipsis.
pub const NAME_CHARS_MAX: usize = 120;

/// A text from outside (a name, a search text, a contact) made fit for display.
///
/// Control characters and bidirectional controls (Unicode TR36 section 2.5), which would let a
/// name rearrange the sentence around it, are gone; white space is single; the length is limited
/// to [`NAME_CHARS_MAX`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Cleans a text.
    pub fn new(text: &str) -> Self {
        let spaced: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let mut clean = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
        clean.retain(|c| {
            !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
                | '\u{061c}' | '\u{feff}')
        });
        if let Some((end, _)) = clean.char_indices().nth(NAME_CHARS_MAX) {
            clean.truncate(end);
            clean.push('…');
        }
        Self(clean)
    }

    /// The clean text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// A path on our own origin, without query and fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalPath(String);

impl LocalPath {
    /// Checks a path; `None` unless it begins with exactly one `/` and holds only letters,
    /// digits and `/ - _ . ~`.
    pub fn new(path: impl Into<String>) -> Option<Self> {
        let path = path.into();
        let local = path.starts_with('/') && !path.starts_with("//");
        let plain = path
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/-_.~".contains(&b));
        (local && plain).then_some(Self(path))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path with the chosen language, for links.
    pub fn in_locale(&self, locale: &Locale) -> String {
        format!("{}?locale={}", self.0, locale.tag())
    }
}

/// An address that a page may link to: `https`, `http`, or an app's own scheme.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkAddress(Url);

impl LinkAddress {
    /// Checks an address; `None` for schemes that a link must not have (see [`FormTarget::of`]).
    pub fn new(url: Url) -> Option<Self> {
        FormTarget::of(&url).map(|_| Self(url))
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Host and path of a web address, for people to read.
    pub fn readable(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        format!("{host}{}", self.0.path().trim_end_matches('/'))
    }
}

// An address may carry a one-time code.
impl fmt::Debug for LinkAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "LinkAddress({})",
            self.0.host_str().unwrap_or(self.0.scheme())
        )
    }
}

/// How people reach the tenant's support.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Support {
    /// An e-mail address.
    Email(Name),
    /// A web page.
    Web(LinkAddress),
    /// Anything else, such as a telephone number, shown as it is.
    Text(Name),
}

impl Support {
    /// Tells an e-mail address and a web address from other text.
    pub fn parse(contact: &str) -> Self {
        let contact = contact.trim();
        if let Some(address) = Url::parse(contact)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .and_then(LinkAddress::new)
        {
            return Self::Web(address);
        }
        let plain = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"._%+-".contains(&b))
        };
        match contact.split_once('@') {
            Some((local, host))
                if plain(local) && plain(host) && contact.len() <= NAME_CHARS_MAX =>
            {
                Self::Email(Name::new(contact))
            }
            _ => Self::Text(Name::new(contact)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(url: &str) -> Option<LinkAddress> {
        LinkAddress::new(Url::parse(url).unwrap())
    }

    #[test]
    fn names_lose_what_could_rearrange_a_sentence() {
        for (text, clean) in [
            ("Acme Books", "Acme Books"),
            ("  Acme\r\n\tBooks ", "Acme Books"),
            ("Ac\u{202e}me\u{2066}\u{200b}\u{feff}", "Acme"),
            ("Müller & Söhne <AG>", "Müller & Söhne <AG>"),
            ("\u{0}\u{85}", ""),
        ] {
            assert_eq!(Name::new(text).as_str(), clean);
        }
    }

    #[test]
    fn names_are_cut_above_the_limit_only() {
        let fits = "ü".repeat(NAME_CHARS_MAX);
        assert_eq!(Name::new(&fits).as_str(), fits);
        assert_eq!(Name::new(&format!("{fits}x")).as_str(), format!("{fits}…"));
    }

    #[test]
    fn local_paths_cannot_leave_the_origin() {
        for (path, fits) in [
            ("/", true),
            ("/connect/A-z_9.~/go", true),
            ("", false),
            ("connect", false),
            ("//evil.example", false),
            ("/\\evil.example", false),
            ("/a?b", false),
            ("/a#b", false),
            ("/a b", false),
            ("/a\"b", false),
            ("https://evil.example", false),
        ] {
            assert_eq!(LocalPath::new(path).is_some(), fits, "{path}");
        }
    }

    #[test]
    fn links_have_a_web_or_an_app_scheme() {
        for (url, fits) in [
            ("https://app.example/back?code=1", true),
            ("http://127.0.0.1:3000/", true),
            ("com.example.app:/done", true),
            ("javascript:alert(1)", false),
            ("data:text/html,x", false),
            ("vbscript:x", false),
        ] {
            assert_eq!(link(url).is_some(), fits, "{url}");
        }
    }

    #[test]
    fn a_links_code_is_not_in_debug_output() {
        let link = link("https://app.example/back?code=topsecret").unwrap();
        assert_eq!(format!("{link:?}"), "LinkAddress(app.example)");
        assert_eq!(link.readable(), "app.example/back");
    }

    #[test]
    fn support_contacts_are_told_apart() {
        let email = |text: &str| matches!(Support::parse(text), Support::Email(_));
        assert!(email("help@acme.example"));
        assert!(!email("help@acme.example?bcc=x@evil.example"));
        assert!(!email("@acme") && !email("help@") && !email("a b@c.d") && !email("a@b@c"));
        assert!(matches!(
            Support::parse("https://acme.example/help"),
            Support::Web(_)
        ));
        assert!(matches!(
            Support::parse("javascript:alert(1)"),
            Support::Text(_)
        ));
        assert!(matches!(Support::parse("+49 30 1234"), Support::Text(_)));
        let long = format!("{}@acme.example", "a".repeat(NAME_CHARS_MAX));
        assert!(!email(&long));
    }
}
