//! What docs/guides/cli.md promises: the keys of each command, read from its tables.
//!
//! Below a heading of level three stand tables with one of three first columns: `key` names keys
//! of the command, `command` subcommands with their keys, `list` the keys of a list's elements. A
//! key with a question mark may be left out. A row without words in backticks among its keys is
//! told elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::program::repository;

const GUIDE: &str = "docs/guides/cli.md";

/// Keys that an object has, and keys that it may have.
#[derive(Clone, Default, Debug)]
pub(crate) struct Keys {
    always: BTreeSet<String>,
    sometimes: BTreeSet<String>,
}

impl Keys {
    fn add(&mut self, words: &str) {
        for word in words.split_whitespace() {
            match word.strip_suffix('?') {
                Some(key) => self.sometimes.insert(key.to_owned()),
                None => self.always.insert(word.to_owned()),
            };
        }
    }

    /// # Errors
    /// Names the keys that are missing or that the guide does not know.
    pub(crate) fn describe(&self, object: &Value) -> Result<(), String> {
        let fields = object.as_object().ok_or("no object")?;
        let real: BTreeSet<String> = fields.keys().cloned().collect();
        let missing: Vec<_> = self.always.difference(&real).collect();
        let known: BTreeSet<_> = self.always.union(&self.sometimes).cloned().collect();
        let unknown: Vec<_> = real.difference(&known).collect();
        if missing.is_empty() && unknown.is_empty() {
            return Ok(());
        }
        Err(format!("missing {missing:?}, not documented {unknown:?}"))
    }
}

/// What the first column of a table names.
#[derive(Clone, Copy)]
enum Column {
    Key,
    Command,
    List,
}

/// The guide's tables.
#[derive(Default)]
pub(crate) struct Guide {
    /// Keys of each command by its words; none where the guide points elsewhere.
    pub(crate) commands: BTreeMap<String, Option<Keys>>,
    /// Keys of the elements of a list, by the command's first word and the list's key.
    pub(crate) lists: BTreeMap<(String, String), Keys>,
}

impl Guide {
    /// Reads the repository's guide.
    pub(crate) fn read() -> Self {
        let text = std::fs::read_to_string(repository(GUIDE)).expect("the guide is there");
        let text = text.split("## Commands").nth(1);
        let text = text.expect("the guide has a part about commands");
        let mut guide = Self::default();
        for section in text.split("\n### ").skip(1) {
            guide.section(section);
        }
        guide
    }

    fn section(&mut self, text: &str) {
        let (heading, body) = text.split_once('\n').unwrap_or((text, ""));
        let first = heading
            .split_whitespace()
            .next()
            .expect("a heading has a word");
        let mut column = Column::Key;
        let mut has_table = false;
        for line in body.lines() {
            // `\\|` is a bar in a cell.
            let line = line.replace("\\|", "\u{1}");
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            match &cells[..] {
                ["key", _] => column = Column::Key,
                ["command", _] => column = Column::Command,
                ["list", _] => column = Column::List,
                [left, right] if left.starts_with('`') => {
                    has_table = true;
                    self.row(first, column, (left, right));
                }
                _ => {}
            }
        }
        if !has_table {
            self.commands.insert(first.to_owned(), None);
        }
    }

    fn row(&mut self, first: &str, column: Column, (left, right): (&str, &str)) {
        match column {
            Column::Key => {
                let keys = self.commands.entry(first.to_owned()).or_default();
                let keys = keys.get_or_insert_default();
                ticked(left).for_each(|key| keys.add(key));
            }
            Column::List => {
                for list in ticked(left) {
                    let list = (first.to_owned(), list.to_owned());
                    let keys = self.lists.entry(list).or_default();
                    ticked(right).for_each(|words| keys.add(words));
                }
            }
            Column::Command => {
                let keys = ticked(right).next().map(|words| {
                    let mut keys = Keys::default();
                    keys.add(words);
                    keys
                });
                for words in ticked(left).flat_map(alternatives) {
                    let is_whole = words.split(' ').next() == Some(first);
                    let name = if is_whole {
                        words
                    } else {
                        format!("{first} {words}")
                    };
                    self.commands.insert(name, keys.clone());
                }
            }
        }
    }
}

/// The words between backticks.
fn ticked(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// `a b|c` is `a b` and `a c`.
fn alternatives(words: &str) -> Vec<String> {
    let Some((before, last)) = words.rsplit_once(' ') else {
        return words.split('\u{1}').map(str::to_owned).collect();
    };
    let all = last.split('\u{1}');
    all.map(|word| format!("{before} {word}")).collect()
}
