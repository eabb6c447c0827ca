//! The manual: every key with its text, its kind and its default, read from `default.toml`.

use std::sync::LazyLock;

/// The commented file that is embedded, printed and read for its defaults.
pub(crate) const TEXT: &str = include_str!("default.toml");

/// What begins the text of a key whose value is never shown.
const SECRET_MARK: &str = "Secret. ";

/// What a key's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text.
    Text,
    /// A whole number that is not negative.
    Number,
    /// `true` or `false`.
    Switch,
    /// A list of texts; in a variable they stand apart by commas.
    Texts,
}

/// One key of the manual.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The section, empty for the keys above the first one.
    pub(crate) section: &'static str,
    /// The key within its section.
    pub(crate) key: &'static str,
    /// What it is for.
    pub(crate) text: String,
    /// What its value is.
    pub(crate) kind: Kind,
    /// Its default as TOML; none for a key that need not be set.
    pub(crate) default: Option<&'static str>,
    /// True when its value is never shown.
    pub(crate) secret: bool,
}

impl Entry {
    /// The key with its section: `server.listen`.
    pub(crate) fn path(&self) -> String {
        if self.section.is_empty() {
            self.key.to_owned()
        } else {
            format!("{}.{}", self.section, self.key)
        }
    }

    /// The variable that sets it: `FONDACO_SERVER_LISTEN`.
    pub(crate) fn variable(&self) -> String {
        let path = self.path().replace('.', "_").to_uppercase();
        format!("{}{path}", super::environment::PREFIX)
    }
}

/// All keys in the order of the manual.
pub(crate) fn entries() -> &'static [Entry] {
    static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| read(TEXT));
    &ENTRIES
}

/// The entry of a path.
pub(crate) fn find(path: &str) -> Option<&'static Entry> {
    entries().iter().find(|entry| entry.path() == path)
}

/// A line `# text` is text, `#key = example` a key without default, `key = value` one with.
fn read(manual: &'static str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut section = "";
    let mut text: Vec<&str> = Vec::new();
    for line in manual.lines() {
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            section = name;
        } else if line.is_empty() {
            text.clear();
        } else if let Some(words) = line.strip_prefix("# ") {
            text.push(words);
        } else if line != "#" {
            let (line, is_default) = match line.strip_prefix('#') {
                Some(example) => (example, false),
                None => (line, true),
            };
            let (key, value) = line
                .split_once(" = ")
                .expect("the manual has keys and values");
            let words = std::mem::take(&mut text).join(" ");
            let secret = words.starts_with(SECRET_MARK);
            entries.push(Entry {
                section,
                key,
                text: words.trim_start_matches(SECRET_MARK).to_owned(),
                kind: kind_of(value),
                default: is_default.then_some(value),
                secret,
            });
        }
    }
    entries
}

fn kind_of(value: &str) -> Kind {
    match value.as_bytes().first() {
        Some(b'[') => Kind::Texts,
        Some(b'0'..=b'9') => Kind::Number,
        Some(b't' | b'f') => Kind::Switch,
        _ => Kind::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_manual_is_explained() {
        assert!(entries().len() > 30);
        for entry in entries() {
            assert!(
                entry.text.ends_with('.'),
                "{}: {}",
                entry.path(),
                entry.text
            );
        }
    }

    #[test]
    fn a_key_knows_its_variable_and_whether_it_is_secret() {
        let url = find("store.postgres_url").unwrap();
        assert_eq!(url.variable(), "FONDACO_STORE_POSTGRES_URL");
        assert!(url.secret && url.default.is_none());
        let listen = find("server.listen").unwrap();
        assert_eq!(listen.default, Some("\"127.0.0.1:8080\""));
        assert!(!listen.secret);
        assert_eq!(find("data").unwrap().variable(), "FONDACO_DATA");
    }

    #[test]
    fn sections_have_no_underscore_so_that_a_variable_names_one_key() {
        for entry in entries() {
            assert!(!entry.section.contains('_'), "{}", entry.section);
        }
    }
}
