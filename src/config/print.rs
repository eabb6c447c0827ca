//! The configuration in force, with its documentation and origin and without secrets.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::manual::{self, Entry};
use super::{Loaded, Origin};

/// One key as `fondaco config --json` shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Setting {
    /// The key with its section.
    pub(crate) key: String,
    /// The value in force; null when it is not set. A secret shows only that it is set.
    pub(crate) value: Value,
    /// Its default as TOML; null for a key that need not be set.
    pub(crate) default: Option<&'static str>,
    /// Where it was set.
    pub(crate) origin: Origin,
    /// The variable that sets it.
    pub(crate) variable: String,
    /// True for a secret.
    pub(crate) secret: bool,
    /// What it is for.
    pub(crate) text: &'static str,
}

/// All keys in the order of the manual.
pub(crate) fn settings(loaded: &Loaded) -> Vec<Setting> {
    let values = serde_json::to_value(&loaded.config).expect("settings are texts and numbers");
    let setting = |entry: &'static Entry| {
        let path = entry.path();
        let pointer = format!("/{}", path.replace('.', "/"));
        Setting {
            value: values.pointer(&pointer).cloned().unwrap_or(Value::Null),
            default: entry.default,
            origin: loaded.origin(&path),
            variable: entry.variable(),
            secret: entry.secret,
            text: &entry.text,
            key: path,
        }
    };
    manual::entries().iter().map(setting).collect()
}

/// All keys as a TOML text with comments; what is not set stands behind `#`.
pub(crate) fn to_text(loaded: &Loaded) -> String {
    let mut text = String::new();
    let mut section = "";
    for (entry, setting) in manual::entries().iter().zip(settings(loaded)) {
        if entry.section != section {
            section = entry.section;
            let _ = writeln!(text, "[{section}]\n");
        }
        for line in wrapped(setting.text) {
            let _ = writeln!(text, "# {line}");
        }
        let _ = writeln!(text, "# {} · set by: {}", setting.variable, setting.origin);
        let _ = match &setting.value {
            Value::Null => writeln!(text, "#{} =\n", entry.key),
            Value::String(shown) if entry.secret => {
                writeln!(text, "#{} = {shown}\n", entry.key)
            }
            // Texts, numbers, switches and lists of texts are written alike in JSON and TOML.
            value => writeln!(text, "{} = {value}\n", entry.key),
        };
    }
    text
}

/// Lines of at most 90 characters.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is a line from the start");
        if line.is_empty() {
            line.push_str(word);
        } else if line.len() + word.len() < 90 {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
