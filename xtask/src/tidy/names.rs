//! Law 2: provider and bank names stay where providers live.

use std::collections::BTreeSet;

use super::source::{self, Keep};
use super::{Finding, Subject};
use crate::tree::{self, File, Tree};

const PROVIDERS: &str = "connectors/src/providers/";

/// Where a provider may be called by its name.
const HOMES: [&str; 8] = [
    PROVIDERS,
    "connectors/src/registry.rs",
    "connectors/build.rs",
    "sandbox/",
    "tests/",
    "docs/",
    "README.md",
    "CHANGELOG.md",
];

/// Kinds of file that carry product text; prose outside `docs` explains and may cite.
const CHECKED: [&str; 5] = ["rs", "sql", "html", "ftl", "js"];

pub(super) fn check(subject: &Subject) -> Vec<Finding> {
    let names = match provider_names(&subject.tree) {
        Ok(names) => names,
        Err(finding) => return vec![finding],
    };
    subject
        .tree
        .files
        .iter()
        .filter(|file| {
            CHECKED
                .iter()
                .any(|kind| tree::has_extension(&file.path, kind))
        })
        .filter(|file| !HOMES.iter().any(|home| file.path.starts_with(home)))
        .filter(|file| !source::is_excepted(&file.path))
        .flat_map(|file| check_file(file, &names))
        .collect()
}

fn check_file(file: &File, names: &BTreeSet<String>) -> Vec<Finding> {
    // A comment may cite a standard by its name; code and its texts may not.
    let text = if file.is_rust() {
        source::without_tests(&source::strip(&file.text, Keep::CodeAndStrings))
    } else {
        file.text.clone()
    };
    names
        .iter()
        .flat_map(|name| {
            source::lines_with(&text, name)
                .into_iter()
                .map(move |line| (line, name))
        })
        .map(|(line, name)| {
            let text = format!("names the provider `{name}` outside of its folder");
            Finding::at(&file.path, line, text)
        })
        .collect()
}

/// Family folders, their type-style spelling, and each institution's id and name.
fn provider_names(tree: &Tree) -> Result<BTreeSet<String>, Finding> {
    let families = tree.folders(PROVIDERS);
    if families.is_empty() {
        return Err(Finding::of(
            PROVIDERS,
            "no family folder is here: no names to look for",
        ));
    }
    let mut names = BTreeSet::new();
    for family in families {
        names.insert(family.to_owned());
        names.insert(pascal_case(family));
    }
    for file in tree
        .under(PROVIDERS)
        .filter(|file| tree::has_extension(&file.path, "toml"))
    {
        let table: toml::Table = toml::from_str(&file.text)
            .map_err(|error| Finding::of(&file.path, error.message().to_owned()))?;
        let own = ["id", "name"]
            .into_iter()
            .filter_map(|key| table.get(key)?.as_str());
        names.extend(own.map(str::to_owned));
    }
    Ok(names)
}

fn pascal_case(name: &str) -> String {
    name.split('_')
        .filter_map(|part| {
            let mut signs = part.chars();
            signs
                .next()
                .map(|first| first.to_uppercase().chain(signs).collect::<String>())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::subject;

    const FAMILY: (&str, &str) = ("connectors/src/providers/north_group/mod.rs", "");
    const BANK: (&str, &str) = (
        "connectors/src/providers/north_group/banks/de_northbank.toml",
        "id = \"de_northbank\"\nname = \"Northbank\"",
    );

    /// The first line with a finding; 0 when there is none.
    fn line(path: &str, text: &str) -> usize {
        let found = check(&subject(&[FAMILY, BANK, (path, text)]));
        found.first().map_or(0, |finding| finding.line)
    }

    #[test]
    fn a_family_or_a_bank_named_in_the_core_is_found() {
        assert_eq!(
            line("core/sync/src/a.rs", "\nif family == \"north_group\" {}"),
            2
        );
        assert_eq!(line("core/sync/src/a.rs", "use x::NorthGroup;"), 1);
        assert_eq!(line("api/src/a.rs", "\"de_northbank\""), 1);
        assert_eq!(line("api/web/connect.html", "<h1>Northbank</h1>"), 1);
    }

    #[test]
    fn comments_tests_and_the_homes_may_name_them() {
        assert_eq!(line("core/sync/src/a.rs", "// as north_group does"), 0);
        assert_eq!(line("core/sync/src/a/tests.rs", "\"north_group\""), 0);
        assert_eq!(
            line(
                "core/sync/src/a.rs",
                "#[cfg(test)]\nmod t { \"north_group\" }"
            ),
            0
        );
        assert_eq!(line("connectors/src/registry.rs", "north_group::new()"), 0);
        assert_eq!(line("docs/guides/bank.md", "north_group"), 0);
    }

    #[test]
    fn a_tree_without_families_is_a_finding() {
        assert_eq!(check(&subject(&[("src/main.rs", "")])).len(), 1);
    }
}
