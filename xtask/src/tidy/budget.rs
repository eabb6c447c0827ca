//! Law 7, second part: a crate and a connector family stay small enough to be known by one person.
//!
//! Counted are lines of product code: neither blank, nor comment, nor test. A ceiling is what the
//! room holds today, rounded up; to raise one is a decision, and docs/adr/0011 says where the
//! first draft wanted less and what becomes of the difference.

use std::collections::BTreeSet;

use super::source::{self, Keep};
use super::{Finding, Subject};
use crate::tree::{File, Tree};

/// Where the reasons stand.
const REASONS: &str = "docs/adr/0011-ceilings-for-crates-and-families.md";
const PROVIDERS: &str = "connectors/src/providers/";

/// What one room may hold.
struct Budget {
    /// A crate, a connector family, or a part of a crate that had a budget from the beginning.
    room: &'static str,
    /// Code lines at most.
    ceiling: usize,
    /// What the first draft of the architecture wanted, where it named a number.
    draft: Option<usize>,
}

const fn budget(room: &'static str, ceiling: usize, draft: Option<usize>) -> Budget {
    Budget {
        room,
        ceiling,
        draft,
    }
}

const BUDGETS: [Budget; 16] = [
    budget("api/src", 12_500, Some(6_500)),
    budget("connectors/src", 1_500, Some(2_500)),
    budget("connectors/src/providers/berlin_group", 1_750, Some(900)),
    budget("connectors/src/providers/statement_file", 1_500, Some(900)),
    budget("core/model/src", 2_500, Some(3_500)),
    budget("core/store/src", 9_000, Some(5_000)),
    budget("core/sync/src", 6_000, Some(3_500)),
    budget("core/transport/src", 2_500, Some(1_600)),
    budget("core/vault/src", 8_000, Some(2_800)),
    budget("normalize/src", 1_000, Some(3_000)),
    budget("sandbox/src", 5_000, Some(5_000)),
    budget("src", 5_000, None),
    budget("src/config", 1_250, Some(700)),
    budget("src/main.rs", 60, Some(60)),
    budget("src/wire.rs", 250, Some(300)),
    budget("xtask/src", 4_000, None),
];

pub(super) fn check(subject: &Subject) -> Vec<Finding> {
    let tree = &subject.tree;
    let mut findings = rooms_without_budget(tree);
    for budget in &BUDGETS {
        findings.extend(check_room(tree, budget));
    }
    findings
}

fn check_room(tree: &Tree, budget: &Budget) -> Option<Finding> {
    let lines = code_lines(tree, budget.room);
    if lines > budget.ceiling {
        let text = format!(
            "{lines} code lines; at most {}: split it, or raise the ceiling with its reason",
            budget.ceiling
        );
        return Some(Finding::of(budget.room, text));
    }
    if lines == 0 {
        return Some(Finding::of(budget.room, "a budget for nothing"));
    }
    let is_above = budget.draft.is_some_and(|draft| lines > draft);
    let is_explained = tree
        .text(REASONS)
        .is_ok_and(|reasons| reasons.contains(&format!("`{}`", budget.room)));
    (is_above && !is_explained).then(|| {
        let text = format!("above its first budget, and {REASONS} does not say why");
        Finding::of(budget.room, text)
    })
}

/// Crates and families that nobody gave a budget.
fn rooms_without_budget(tree: &Tree) -> Vec<Finding> {
    let families = tree.folders(PROVIDERS);
    let families = families.iter().map(|name| format!("{PROVIDERS}{name}"));
    let known: BTreeSet<&str> = BUDGETS.iter().map(|budget| budget.room).collect();
    crates(tree)
        .into_iter()
        .chain(families)
        .filter(|room| !known.contains(room.as_str()))
        .map(|room| Finding::of(&room, "it has no budget of code lines"))
        .collect()
}

/// The source folder of each crate.
fn crates(tree: &Tree) -> Vec<String> {
    let manifests = tree.files.iter().map(|file| file.path.as_str());
    let folders = manifests.filter_map(|path| path.strip_suffix("Cargo.toml"));
    folders.map(|folder| format!("{folder}src")).collect()
}

/// The code lines of a file, or of everything in a folder; the connectors' families count for
/// themselves and not for their crate.
fn code_lines(tree: &Tree, room: &str) -> usize {
    let folder = format!("{room}/");
    let is_in = |file: &&File| {
        let path = file.path.as_str();
        let is_family = path.starts_with(PROVIDERS) && !folder.starts_with(PROVIDERS);
        (path == room || path.starts_with(&folder)) && !is_family
    };
    let counted = tree
        .files
        .iter()
        .filter(is_in)
        .filter(|file| file.is_rust() && !source::is_test_path(&file.path));
    counted.map(|file| product_lines(&file.text)).sum()
}

fn product_lines(text: &str) -> usize {
    let code = source::without_tests(&source::strip(text, Keep::CodeAndStrings));
    code.lines().filter(|line| !line.trim().is_empty()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(path: &str, lines: usize) -> Tree {
        Tree::of(&[(path, &"f();\n".repeat(lines))])
    }

    #[test]
    fn a_room_is_found_at_one_line_above_its_ceiling_and_not_at_it() {
        let budget = budget("normalize/src", 10, None);
        assert_eq!(check_room(&tree("normalize/src/a.rs", 10), &budget), None);
        assert!(check_room(&tree("normalize/src/a.rs", 11), &budget).is_some());
        assert!(check_room(&tree("other/src/a.rs", 5), &budget).is_some());
    }

    #[test]
    fn a_room_above_its_first_budget_needs_its_reason() {
        let budget = budget("api/src", 10, Some(4));
        let code = "f();\n".repeat(5);
        let silent = Tree::of(&[("api/src/a.rs", &code), (REASONS, "Nothing about it.")]);
        assert!(check_room(&silent, &budget).is_some());
        let told = Tree::of(&[("api/src/a.rs", &code), (REASONS, "| `api/src` | why |")]);
        assert_eq!(check_room(&told, &budget), None);
        assert_eq!(check_room(&tree("api/src/a.rs", 4), &budget), None);
    }

    #[test]
    fn tests_comments_and_the_families_of_the_connectors_are_not_counted_with_a_crate() {
        let text = "// why\n\nf();\n#[cfg(test)]\nmod tests {\n    f();\n}\n";
        assert_eq!(product_lines(text), 1);
        let tree = Tree::of(&[
            ("connectors/src/core/a.rs", "f();\n"),
            ("connectors/src/core/tests.rs", "f();\n"),
            ("connectors/src/providers/one/mod.rs", "f();\nf();\n"),
        ]);
        assert_eq!(code_lines(&tree, "connectors/src"), 1);
        assert_eq!(code_lines(&tree, "connectors/src/providers/one"), 2);
    }

    #[test]
    fn a_new_crate_and_a_new_family_need_a_budget() {
        let tree = Tree::of(&[
            ("core/new/Cargo.toml", ""),
            ("connectors/src/providers/one/mod.rs", "f();\n"),
            ("core/store/Cargo.toml", ""),
        ]);
        let paths: Vec<_> = rooms_without_budget(&tree)
            .into_iter()
            .map(|finding| finding.path)
            .collect();
        assert_eq!(paths, ["core/new/src", "connectors/src/providers/one"]);
    }
}
