//! Law 8: every table column says how sensitive it is and how long it is kept.
//!
//! docs/specs/columns.toml has one entry a column:
//!
//! ```toml
//! [account]
//! iban = { class = "personal", retention = "until the end user is erased" }
//! ```

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{Finding, Subject};
use crate::tree::{self, Tree};

const LIST: &str = "docs/specs/columns.toml";
const MIGRATIONS: &str = "migrations/";

type Columns = BTreeMap<String, BTreeSet<String>>;

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Class {
    Public,
    Personal,
    Secret,
    Operational,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[expect(
        dead_code,
        reason = "reading it checks that it is one of the four words"
    )]
    class: Class,
    retention: String,
}

pub(super) fn check(subject: &Subject) -> Vec<Finding> {
    let columns = declared(&subject.tree);
    if columns.is_empty() {
        return vec![Finding::of(MIGRATIONS, "no `create table` is here")];
    }
    let listed: BTreeMap<String, BTreeMap<String, Entry>> = match subject.tree.text(LIST) {
        Err(problem) => return vec![Finding::of(LIST, problem)],
        Ok(text) => match toml::from_str(text) {
            Err(error) => return vec![Finding::of(LIST, error.to_string().trim().to_owned())],
            Ok(listed) => listed,
        },
    };
    let mut texts = Vec::new();
    for (table, names) in &columns {
        let entries = listed.get(table);
        let unlisted = |name: &&String| entries.is_none_or(|entries| !entries.contains_key(*name));
        texts.extend(
            names
                .iter()
                .filter(unlisted)
                .map(|name| format!("{table}.{name} is missing")),
        );
    }
    for (table, entries) in &listed {
        for (name, entry) in entries {
            if columns.get(table).is_none_or(|names| !names.contains(name)) {
                texts.push(format!("{table}.{name} is in no migration"));
            }
            if entry.retention.trim().is_empty() {
                texts.push(format!("{table}.{name} does not say how long it is kept"));
            }
        }
    }
    texts
        .into_iter()
        .map(|text| Finding::of(LIST, text))
        .collect()
}

/// The columns that the migrations leave behind, table by table.
fn declared(tree: &Tree) -> Columns {
    let mut columns = Columns::new();
    for file in tree
        .under(MIGRATIONS)
        .filter(|file| tree::has_extension(&file.path, "sql"))
    {
        for statement in without_comments(&file.text).split(';') {
            apply(&statement.to_lowercase(), &mut columns);
        }
    }
    columns
}

fn without_comments(sql: &str) -> String {
    sql.lines()
        .map(|line| line.split("--").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

fn apply(statement: &str, columns: &mut Columns) {
    let plain = statement
        .replace(" if not exists", "")
        .replace(" if exists", "");
    let words: Vec<&str> = plain
        .split(|sign: char| sign.is_whitespace() || "(,".contains(sign))
        .collect();
    let words: Vec<&str> = words
        .into_iter()
        .filter(|word| !word.is_empty())
        .map(unquoted)
        .collect();
    match words.as_slice() {
        ["create", "table", table, ..] | ["create", "unlogged", "table", table, ..] => {
            let names = columns.entry((*table).to_owned()).or_default();
            names.extend(column_names(&plain));
        }
        ["alter", "table", table, "add", "column", name, ..] => {
            columns
                .entry((*table).to_owned())
                .or_default()
                .insert((*name).to_owned());
        }
        ["alter", "table", table, "drop", "column", name, ..] => {
            if let Some(names) = columns.get_mut(*table) {
                names.remove(*name);
            }
        }
        ["alter", "table", table, "rename", "to", new, ..] => {
            if let Some(names) = columns.remove(*table) {
                columns.insert((*new).to_owned(), names);
            }
        }
        ["drop", "table", table, ..] => {
            columns.remove(*table);
        }
        _ => {}
    }
}

/// The first word of each item of the outermost list, constraints left out.
fn column_names(create: &str) -> Vec<String> {
    const CONSTRAINTS: [&str; 7] = [
        "primary",
        "foreign",
        "unique",
        "check",
        "constraint",
        "exclude",
        "like",
    ];
    let Some((_, body)) = create.split_once('(') else {
        return Vec::new();
    };
    let mut depth = 1_u32;
    let mut items = vec![String::new()];
    for sign in body.chars() {
        match sign {
            '(' => depth += 1,
            ')' if depth == 1 => break,
            ')' => depth -= 1,
            ',' if depth == 1 => items.push(String::new()),
            _ if depth == 1 => items.last_mut().expect("starts with one item").push(sign),
            _ => {}
        }
    }
    items
        .iter()
        .filter_map(|item| item.split_whitespace().next())
        .map(unquoted)
        .filter(|word| !CONSTRAINTS.contains(word))
        .map(str::to_owned)
        .collect()
}

fn unquoted(word: &str) -> &str {
    word.trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::subject;

    const SQL: &str = "-- why, and a semicolon; in a comment
create table if not exists account (
    id BLOB not null,
    \"iban\" text check (length(iban, 3) > 1), -- stays sealed
    primary key (id, iban)
);
create table gone (x bigint);
drop table if exists gone;
alter table account add column kind text;
create index account_kind on account (kind);
";

    fn findings(list: &str) -> Vec<String> {
        let files = [("migrations/0001_account_create.sql", SQL), (LIST, list)];
        check(&subject(&files))
            .into_iter()
            .map(|finding| finding.text)
            .collect()
    }

    #[test]
    fn columns_come_from_create_and_alter() {
        let tree = Tree::of(&[("migrations/0001_a.sql", SQL)]);
        let names = BTreeSet::from(["iban", "id", "kind"].map(str::to_owned));
        assert_eq!(
            declared(&tree),
            Columns::from([("account".to_owned(), names)])
        );
    }

    #[test]
    fn a_complete_list_has_no_findings() {
        let list = "[account]
id = { class = \"operational\", retention = \"life of the row\" }
kind = { class = \"public\", retention = \"life of the row\" }
[account.iban]
class = \"personal\"
retention = \"until the end user is erased\"";
        assert!(findings(list).is_empty());
    }

    #[test]
    fn a_missing_and_a_stale_entry_are_found() {
        let list = "[account]
id = { class = \"operational\", retention = \"life of the row\" }
iban = { class = \"personal\", retention = \"\" }
old = { class = \"public\", retention = \"x\" }";
        assert_eq!(
            findings(list),
            [
                "account.kind is missing",
                "account.iban does not say how long it is kept",
                "account.old is in no migration",
            ]
        );
    }

    #[test]
    fn an_unknown_class_is_found() {
        let found = findings("[account]\nid = { class = \"hidden\", retention = \"x\" }");
        assert!(found[0].contains("hidden"), "{found:?}");
    }

    #[test]
    fn without_migrations_or_list_there_is_a_finding() {
        assert_eq!(check(&subject(&[])).len(), 1);
        assert_eq!(check(&subject(&[("migrations/0001_a.sql", SQL)])).len(), 1);
    }
}
