//! `docs/specs/consent.md` is made from the table; run the test with `UPDATE=1` to renew it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::table::{COLUMNS, TABLE, named};
use super::*;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/specs/consent.md");

const HEAD: &str = "\
# The consent machine

Made from the table in `core/vault/src/machine/tests/table.rs`; renew it with
`UPDATE=1 cargo test -p fondaco-vault the_document`.

A consent that has ended MUST NOT change again. A consent MUST NOT become ACTIVE before a
callback was verified and its code exchanged. Only evidence about the consent itself (a code of
the bank, or two refused calls at least 300 s apart) MUST ask the person to authenticate again;
limits, failures, time-outs and the trouble of one account MUST NOT.
";

/// The arrows of the picture: from a column to a state, by which events.
fn arrows() -> BTreeMap<(usize, ConsentState), Vec<&'static str>> {
    let mut arrows: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (name, row) in TABLE {
        let word = name.split(',').next().unwrap();
        for (column, cell) in row.split_ascii_whitespace().enumerate() {
            let Some(to) = named(cell) else {
                continue;
            };
            let words = arrows.entry((column, to)).or_default();
            if !words.contains(&word) {
                words.push(word);
            }
        }
    }
    arrows
}

fn picture() -> String {
    let mut text = "```mermaid\nstateDiagram-v2\n    [*] --> CREATED\n".to_owned();
    for ((column, to), words) in arrows() {
        writeln!(
            text,
            "    {} --> {to}: {}",
            COLUMNS[column],
            words.join(", ")
        )
        .unwrap();
    }
    for state in ConsentState::ALL.iter().filter(|state| state.is_terminal()) {
        writeln!(text, "    {state} --> [*]").unwrap();
    }
    text + "```\n"
}

fn table() -> String {
    let mut text = "| event |".to_owned();
    for state in COLUMNS {
        write!(text, " {state} |").unwrap();
    }
    text.push_str("\n|---|---|---|---|---|---|---|---|---|\n");
    for (name, row) in TABLE {
        write!(text, "| {name} |").unwrap();
        for cell in row.split_ascii_whitespace() {
            let word = named(cell).map_or(cell, ConsentState::as_str);
            write!(text, " {word} |").unwrap();
        }
        text.push('\n');
    }
    text
}

/// Each list of effects once, with where it follows.
fn effects() -> String {
    let mut text = "| event | in | effects, in this order |\n|---|---|---|\n".to_owned();
    for (name, event) in samples() {
        let mut groups: Vec<(Vec<Effect>, Vec<&str>)> = Vec::new();
        for state in COLUMNS {
            let Ok(Transition { effects, .. }) = step(state, &event) else {
                continue;
            };
            match groups.iter_mut().find(|(known, _)| *known == effects) {
                Some((_, states)) => states.push(state.as_str()),
                None => groups.push((effects, vec![state.as_str()])),
            }
        }
        for (effects, states) in groups {
            let words: Vec<_> = effects.iter().map(|effect| format!("{effect:?}")).collect();
            let words = if words.is_empty() {
                "none".to_owned()
            } else {
                words.join(", ")
            };
            writeln!(text, "| {name} | {} | {words} |", states.join(", ")).unwrap();
        }
    }
    text
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by a variable to renew its file"
)]
fn the_document_shows_the_table_and_its_picture() {
    let made = format!(
        "{HEAD}\n## Picture\n\n{}\n## Table\n\n\
         `.` the event does not belong there and is refused; `=` the state stays; `<` its \
         time has not come; `0` no attempt is left.\n\n{}\n## Effects\n\n{}",
        picture(),
        table(),
        effects()
    );
    if std::env::var("UPDATE").is_ok() {
        std::fs::write(PATH, &made).unwrap();
    }
    let stored = std::fs::read_to_string(PATH).unwrap_or_default();
    assert!(
        stored == made,
        "docs/specs/consent.md is stale: run this test with UPDATE=1"
    );
}
