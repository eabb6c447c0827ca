//! Cursors: where a stream of pages stands, with the checks that every strategy shares.

use std::collections::HashSet;
use std::fmt;

use fondaco_model::{Fault, FaultKind};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

/// Longest cursor in bytes.
pub const CURSOR_BYTES_MAX: usize = 2_048;

/// Most pages of one stream in one run.
pub const PAGES_MAX: u32 = 10_000;

const OP: &str = "connector.cursor";

/// An opaque position within a stream; its meaning belongs to the family that made it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cursor(String);

impl Cursor {
    /// Takes a stored cursor back.
    ///
    /// # Errors
    /// `SchemaDrift` when it is empty or longer than [`CURSOR_BYTES_MAX`].
    pub fn new(text: impl Into<String>) -> Result<Self, Fault> {
        let text = text.into();
        if text.is_empty() || text.len() > CURSOR_BYTES_MAX {
            let bytes = text.len().to_string();
            return Err(Fault::new(FaultKind::SchemaDrift, OP)
                .with("rule", "cursor.length")
                .with("bytes", bytes));
        }
        Ok(Self(text))
    }

    /// The text that is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Cursor {
    type Error = Fault;
    fn try_from(text: String) -> Result<Self, Fault> {
        Self::new(text)
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> Self {
        cursor.0
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A link may carry account numbers.
        write!(f, "Cursor({} bytes)", self.0.len())
    }
}

/// What a cursor means: one variant for each paging strategy in use.
#[derive(Clone, PartialEq, Eq)]
pub enum Position {
    /// The path and query of a link that the provider gave, on the origin of its base address.
    Link(String),
}

impl Position {
    /// Takes a link of an answer: absolute, or relative to the base address (RFC 3986 section 5),
    /// a bare query relative to `page`.
    ///
    /// # Errors
    /// `SchemaDrift` for a link that leaves the origin of the base address or is no link; the
    /// request would carry the person's token to whoever is there.
    pub fn link(base: &Url, page: &Url, href: &str) -> Result<Self, Fault> {
        let refuse = |rule: &str| Fault::new(FaultKind::SchemaDrift, OP).with("rule", rule);
        let from = if href.starts_with('?') { page } else { base };
        let url = from.join(href).map_err(|_| refuse("link.not_a_url"))?;
        let credentials = !url.username().is_empty() || url.password().is_some();
        if url.origin() != base.origin() || credentials {
            return Err(refuse("link.foreign_origin"));
        }
        let query = url.query().map(|query| format!("?{query}"));
        Ok(Self::Link(format!(
            "{}{}",
            url.path(),
            query.unwrap_or_default()
        )))
    }

    /// The address of a link on the origin of the base address.
    ///
    /// # Errors
    /// `SchemaDrift` when a stored link does not stay on that origin.
    pub fn url(&self, base: &Url) -> Result<Url, Fault> {
        let Self::Link(path) = self;
        let refuse = || Fault::new(FaultKind::SchemaDrift, OP).with("rule", "link.foreign_origin");
        let url = base.join(path).map_err(|_| refuse())?;
        if url.origin() == base.origin() {
            Ok(url)
        } else {
            Err(refuse())
        }
    }

    /// Writes the position as a cursor.
    ///
    /// # Errors
    /// `SchemaDrift` when it is longer than [`CURSOR_BYTES_MAX`].
    pub fn encode(&self) -> Result<Cursor, Fault> {
        let Self::Link(path) = self;
        Cursor::new(format!("link:{path}"))
    }

    /// Reads the position that a cursor states.
    ///
    /// # Errors
    /// `SchemaDrift` when the cursor is of no strategy that this version knows.
    pub fn decode(cursor: &Cursor) -> Result<Self, Fault> {
        match cursor.as_str().strip_prefix("link:") {
            Some(path) if path.starts_with('/') => Ok(Self::Link(path.to_owned())),
            _ => Err(Fault::new(FaultKind::SchemaDrift, OP).with("rule", "cursor.unknown")),
        }
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Position::Link")
    }
}

/// Watches that a stream advances: no cursor comes twice, and it ends within [`PAGES_MAX`].
#[derive(Debug, Default)]
pub struct PageGuard {
    pages: u32,
    // Digests, so that the set's size is bounded by the number of pages alone.
    seen: HashSet<[u8; 32]>,
}

impl PageGuard {
    /// Resumes a stream that has read some pages and stands at a cursor.
    pub fn resume(pages: u32, at: Option<&Cursor>) -> Self {
        let seen = at.map(digest).into_iter().collect();
        Self { pages, seen }
    }

    /// Takes the next cursor.
    ///
    /// # Errors
    /// `SchemaDrift` when the cursor was there before, or there are too many pages.
    pub fn advance(&mut self, next: &Cursor) -> Result<(), Fault> {
        let refuse = |rule: &str| Err(Fault::new(FaultKind::SchemaDrift, OP).with("rule", rule));
        self.pages = self.pages.saturating_add(1);
        if self.pages >= PAGES_MAX {
            return refuse("pages.too_many");
        }
        if self.seen.insert(digest(next)) {
            Ok(())
        } else {
            refuse("cursor.repeated")
        }
    }
}

fn digest(cursor: &Cursor) -> [u8; 32] {
    Sha256::digest(cursor.as_str()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Url {
        Url::parse("https://xs2a.example/psd2/v1/").unwrap()
    }

    fn page() -> Url {
        base()
            .join("accounts/7/transactions?dateFrom=2026-01-01")
            .unwrap()
    }

    #[test]
    fn links_are_absolute_or_relative_and_stay_on_the_origin() {
        for (href, expected) in [
            ("https://xs2a.example/psd2/v1/x?page=2", "/psd2/v1/x?page=2"),
            ("/psd2/v1/x?page=2#end", "/psd2/v1/x?page=2"),
            (
                "accounts/7/transactions?page=2",
                "/psd2/v1/accounts/7/transactions?page=2",
            ),
            ("?page=2", "/psd2/v1/accounts/7/transactions?page=2"),
        ] {
            let position = Position::link(&base(), &page(), href).unwrap();
            let back = Position::decode(&position.encode().unwrap()).unwrap();
            let url = back.url(&base()).unwrap();
            assert_eq!(
                url.as_str(),
                format!("https://xs2a.example{expected}"),
                "{href}"
            );
        }
    }

    #[test]
    fn a_link_to_a_foreign_origin_is_refused() {
        for href in [
            "https://evil.example/psd2/v1/x",
            "//evil.example/x",
            "http://xs2a.example/psd2/v1/x",
            "https://xs2a.example:8443/x",
            "https://user:secret@xs2a.example/x",
            "https://xs2a.example@evil.example/x",
            "javascript:alert(1)",
        ] {
            let fault = Position::link(&base(), &page(), href).unwrap_err();
            assert_eq!(fault.get("rule"), Some("link.foreign_origin"), "{href}");
        }
        // A stored cursor is not trusted either.
        let stored = Cursor::new("link://evil.example/x").unwrap();
        assert!(Position::decode(&stored).unwrap().url(&base()).is_err());
    }

    #[test]
    fn a_cursor_holds_up_to_its_limit() {
        assert!(Cursor::new("x".repeat(CURSOR_BYTES_MAX)).is_ok());
        assert!(Cursor::new("x".repeat(CURSOR_BYTES_MAX + 1)).is_err());
        assert!(Cursor::new("").is_err());
        assert!(Position::decode(&Cursor::new("page:3").unwrap()).is_err());
    }

    #[test]
    fn a_cursor_that_comes_again_ends_the_stream() {
        let cursor = |n: u32| Cursor::new(format!("link:/x?page={n}")).unwrap();
        let mut guard = PageGuard::resume(0, None);
        assert!(guard.advance(&cursor(1)).is_ok());
        assert!(guard.advance(&cursor(2)).is_ok());
        assert_eq!(
            guard.advance(&cursor(1)).unwrap_err().get("rule"),
            Some("cursor.repeated")
        );
        let mut resumed = PageGuard::resume(5, Some(&cursor(5)));
        assert!(resumed.advance(&cursor(5)).is_err());
    }

    #[test]
    fn the_last_page_is_the_ten_thousandth() {
        let cursor = Cursor::new("link:/x").unwrap();
        assert!(
            PageGuard::resume(PAGES_MAX - 2, None)
                .advance(&cursor)
                .is_ok()
        );
        let fault = PageGuard::resume(PAGES_MAX - 1, None)
            .advance(&cursor)
            .unwrap_err();
        assert_eq!(fault.get("rule"), Some("pages.too_many"));
    }
}
