//! Layers of settings: where each value was set, and what is wrong there.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};
use serde::Serialize;
use toml::de::{DeTable, DeValue};

use super::manual::{self, Entry, Kind};

/// Bytes of a configuration file at most.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where a value was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub(crate) enum Origin {
    /// Nowhere: the manual's default.
    Default,
    /// In a file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// By a variable of the environment.
    Variable {
        /// Its name.
        name: String,
    },
    /// By an option of the command line.
    Option {
        /// Its name.
        name: &'static str,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}, line {line}", path.display()),
            Self::Variable { name } => write!(f, "variable {name}"),
            Self::Option { name } => write!(f, "option {name}"),
        }
    }
}

/// A setting that cannot be used: which key, where it was set, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{origin}: {problem}", key.as_ref().map(|key| format!("{key}, ")).unwrap_or_default())]
pub(crate) struct ConfigError {
    /// The key with its section; none when the whole layer is wrong.
    pub(crate) key: Option<String>,
    /// Where it was set.
    pub(crate) origin: Origin,
    /// Why it cannot be used; never shows a value.
    pub(crate) problem: String,
}

/// The values of one layer with their origins.
pub(crate) struct Layer {
    name: &'static str,
    values: BTreeMap<String, (Value, Origin)>,
}

impl fmt::Debug for Layer {
    /// The values are left out: secrets are among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Layer({})", self.name)
    }
}

impl Layer {
    /// An empty layer of options of the command line.
    pub(crate) fn options() -> Self {
        Self {
            name: "options",
            values: BTreeMap::new(),
        }
    }

    /// Sets a value by an option.
    pub(crate) fn set(&mut self, path: &str, name: &'static str, value: impl Into<Value>) {
        let origin = Origin::Option { name };
        self.values.insert(path.to_owned(), (value.into(), origin));
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, is no TOML or has a key that the manual does not know.
    pub(crate) fn file(path: &Path) -> Result<Self, ConfigError> {
        let whole = |line, problem: String| ConfigError {
            key: None,
            origin: Origin::File {
                path: path.to_owned(),
                line,
            },
            problem,
        };
        let facts = std::fs::metadata(path).map_err(|error| whole(1, error.kind().to_string()))?;
        if facts.len() > FILE_BYTES_MAX {
            return Err(whole(1, format!("larger than {FILE_BYTES_MAX} bytes")));
        }
        let text =
            std::fs::read_to_string(path).map_err(|error| whole(1, error.kind().to_string()))?;
        let origin = |line| Origin::File {
            path: path.to_owned(),
            line,
        };
        Self::toml("file", &text, &origin)
    }

    /// The manual's defaults.
    pub(crate) fn defaults() -> Self {
        Self::toml("defaults", manual::TEXT, &|_| Origin::Default)
            .expect("a test reads the manual's defaults")
    }

    fn toml(
        name: &'static str,
        text: &str,
        origin: &dyn Fn(usize) -> Origin,
    ) -> Result<Self, ConfigError> {
        let line_of = |at: usize| 1 + text[..at.min(text.len())].matches('\n').count();
        let table = DeTable::parse(text).map_err(|error| ConfigError {
            key: None,
            origin: origin(error.span().map_or(1, |span| line_of(span.start))),
            problem: format!("no TOML: {}", error.message()),
        })?;
        let mut layer = Self {
            name,
            values: BTreeMap::new(),
        };
        for (key, value) in table.get_ref() {
            let line = line_of(key.span().start);
            match value.get_ref() {
                DeValue::Table(section) => {
                    let section_name = key.get_ref().as_ref();
                    if !manual::entries()
                        .iter()
                        .any(|entry| entry.section == section_name)
                    {
                        return Err(unknown(section_name, origin(line)));
                    }
                    for (key, value) in section {
                        let path = format!("{section_name}.{}", key.get_ref());
                        let origin = origin(line_of(key.span().start));
                        layer.insert(&path, value.get_ref(), origin)?;
                    }
                }
                value => layer.insert(key.get_ref(), value, origin(line))?,
            }
        }
        Ok(layer)
    }

    fn insert(
        &mut self,
        path: &str,
        value: &DeValue<'_>,
        origin: Origin,
    ) -> Result<(), ConfigError> {
        let Some(entry) = manual::find(path) else {
            return Err(unknown(path, origin));
        };
        match plain(value).filter(|(_, kind)| *kind == entry.kind) {
            Some((value, _)) => {
                self.values.insert(path.to_owned(), (value, origin));
                Ok(())
            }
            None => Err(mistyped(entry, origin)),
        }
    }

    /// Reads variables of the environment.
    ///
    /// # Errors
    /// When one names no key of the manual or its text is of another kind.
    pub(crate) fn variables(variables: &[(String, String)]) -> Result<Self, ConfigError> {
        let mut layer = Self {
            name: "variables",
            values: BTreeMap::new(),
        };
        for (name, text) in variables {
            let origin = Origin::Variable { name: name.clone() };
            let Some(entry) = manual::entries()
                .iter()
                .find(|entry| entry.variable() == *name)
            else {
                let known: Vec<_> = manual::entries().iter().map(Entry::variable).collect();
                let problem = format!("no such setting{}", nearest(name, &known));
                return Err(ConfigError {
                    key: None,
                    origin,
                    problem,
                });
            };
            let value = read(entry.kind, text).ok_or_else(|| mistyped(entry, origin.clone()))?;
            layer.values.insert(entry.path(), (value, origin));
        }
        Ok(layer)
    }

    /// Where the layer sets a key.
    pub(crate) fn origin(&self, path: &str) -> Option<&Origin> {
        self.values.get(path).map(|(_, origin)| origin)
    }
}

impl Provider for &Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name)
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        let mut top = Dict::new();
        // A section is there even when none of its keys is set.
        for entry in manual::entries()
            .iter()
            .filter(|entry| !entry.section.is_empty())
        {
            top.insert(entry.section.to_owned(), Dict::new().into());
        }
        for (path, (value, _)) in &self.values {
            match path.split_once('.') {
                None => {
                    top.insert(path.clone(), value.clone());
                }
                Some((section, key)) => {
                    let section = top
                        .entry(section.to_owned())
                        .or_insert_with(|| Dict::new().into());
                    if let Value::Dict(_, keys) = section {
                        keys.insert(key.to_owned(), value.clone());
                    }
                }
            }
        }
        Ok(Profile::Default.collect(top))
    }
}

/// A TOML value of one of the four kinds.
fn plain(value: &DeValue<'_>) -> Option<(Value, Kind)> {
    match value {
        DeValue::String(text) => Some((Value::from(text.to_string()), Kind::Text)),
        DeValue::Boolean(value) => Some((Value::from(*value), Kind::Switch)),
        DeValue::Integer(number) => {
            let digits = number.as_str().replace('_', "");
            let number = u64::from_str_radix(&digits, number.radix()).ok()?;
            Some((Value::from(number), Kind::Number))
        }
        DeValue::Array(items) => {
            let texts = items.iter().map(|item| match item.get_ref() {
                DeValue::String(text) => Some(text.to_string()),
                _ => None,
            });
            let texts: Option<Vec<String>> = texts.collect();
            Some((Value::from(texts?), Kind::Texts))
        }
        _ => None,
    }
}

/// A variable's text as a value of a kind.
fn read(kind: Kind, text: &str) -> Option<Value> {
    match kind {
        Kind::Text => Some(Value::from(text)),
        Kind::Number => text.parse::<u64>().ok().map(Value::from),
        Kind::Switch => text.parse::<bool>().ok().map(Value::from),
        Kind::Texts => {
            let items = text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            Some(Value::from(items.map(str::to_owned).collect::<Vec<_>>()))
        }
    }
}

fn mistyped(entry: &Entry, origin: Origin) -> ConfigError {
    let wanted = match entry.kind {
        Kind::Text => "a text",
        Kind::Number => "a whole number",
        Kind::Switch => "true or false",
        Kind::Texts => "a list of texts",
    };
    ConfigError {
        key: Some(entry.path()),
        origin,
        problem: format!("is not {wanted}"),
    }
}

fn unknown(path: &str, origin: Origin) -> ConfigError {
    let mut known: Vec<_> = manual::entries().iter().map(Entry::path).collect();
    if !path.contains('.') {
        known.extend(
            manual::entries()
                .iter()
                .map(|entry| entry.section.to_owned()),
        );
    }
    let problem = format!("unknown key{}", nearest(path, &known));
    ConfigError {
        key: Some(path.to_owned()),
        origin,
        problem,
    }
}

/// The name that was probably meant, as the end of a sentence.
fn nearest(name: &str, known: &[String]) -> String {
    let near = known
        .iter()
        .map(|other| (distance(name, other), other))
        .min();
    match near {
        Some((edits, other)) if edits <= 1 + name.len() / 5 => format!("; did you mean {other}?"),
        _ => "; `fondaco config` lists all".to_owned(),
    }
}

/// Edits that lead from one name to another (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (at, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}
