//! Law 6: ARCHITECTURE.md, the workspace, the transport stack and the registry agree.
//!
//! Both files carry markers. In ARCHITECTURE.md a table stands between `<!-- code-map -->` and
//! `<!-- /code-map -->`, another between `<!-- layers -->` and `<!-- /layers -->`; the first word
//! in backticks of each row counts. In src/wire.rs the stack stands between `// layers` and
//! `// /layers`; each line there names one layer as `layers::NAME`, outermost first.

use std::collections::BTreeSet;

use super::source::{self, Keep};
use super::{Finding, Subject, or_finding};
use crate::Outcome;
use crate::tree::Tree;

const PICTURE: &str = "ARCHITECTURE.md";
const WIRE: &str = "src/wire.rs";
const REGISTRY: &str = "connectors/src/registry.rs";
const PROVIDERS: &str = "connectors/src/providers/";

pub(super) fn check(subject: &Subject) -> Vec<Finding> {
    let members = member_folders(&subject.metadata);
    let parts = [
        code_map(&subject.tree, &members),
        layers(&subject.tree),
        registry(&subject.tree),
    ];
    parts
        .into_iter()
        .flat_map(|part| part.unwrap_or_else(|findings| findings))
        .collect()
}

/// The folder of each workspace member from the root; the root package stands for `src`.
fn member_folders(metadata: &serde_json::Value) -> BTreeSet<String> {
    let root = metadata["workspace_root"].as_str().unwrap_or_default();
    let packages = metadata["packages"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    packages
        .iter()
        .filter_map(|package| package["manifest_path"].as_str())
        .filter_map(|path| path.strip_prefix(root)?.strip_suffix("Cargo.toml"))
        .map(|path| path.trim_matches('/'))
        .map(|path| if path.is_empty() { "src" } else { path }.to_owned())
        .collect()
}

fn code_map(tree: &Tree, members: &BTreeSet<String>) -> Result<Vec<Finding>, Vec<Finding>> {
    let picture = or_finding(tree.text(PICTURE), PICTURE)?;
    let rows = or_finding(
        between(picture, "<!-- code-map -->", "<!-- /code-map -->"),
        PICTURE,
    )?;
    let listed: BTreeSet<String> = first_ticked(rows)
        .map(|path| path.trim_end_matches('/').to_owned())
        .collect();
    let missing = members
        .difference(&listed)
        .map(|path| format!("the code map lacks `{path}`"));
    let stale = listed
        .difference(members)
        .map(|path| format!("`{path}` is no workspace member"));
    Ok(missing
        .chain(stale)
        .map(|text| Finding::of(PICTURE, text))
        .collect())
}

fn layers(tree: &Tree) -> Result<Vec<Finding>, Vec<Finding>> {
    let picture = or_finding(tree.text(PICTURE), PICTURE)?;
    let rows = or_finding(
        between(picture, "<!-- layers -->", "<!-- /layers -->"),
        PICTURE,
    )?;
    let drawn: Vec<&str> = first_ticked(rows).collect();
    let wire = or_finding(tree.text(WIRE), WIRE)?;
    let stack = or_finding(between(wire, "// layers\n", "// /layers\n"), WIRE)?;
    let built: Vec<&str> = stack.lines().filter_map(layer_of).collect();
    if drawn == built {
        return Ok(Vec::new());
    }
    let text = format!(
        "the layers are drawn as [{}] and built in src/wire.rs as [{}]",
        drawn.join(", "),
        built.join(", ")
    );
    Ok(vec![Finding::of(PICTURE, text)])
}

fn layer_of(line: &str) -> Option<&str> {
    let (_, after) = line.split_once("layers::")?;
    let end = after
        .find(|sign| !source::is_word(sign))
        .unwrap_or(after.len());
    Some(&after[..end])
}

fn registry(tree: &Tree) -> Result<Vec<Finding>, Vec<Finding>> {
    let text = or_finding(tree.text(REGISTRY), REGISTRY)?;
    let code = source::without_tests(&source::strip(text, Keep::Code));
    let folders = tree.folders(PROVIDERS);
    let named: BTreeSet<&str> = code
        .match_indices("providers::")
        .map(|(at, found)| &code[at + found.len()..])
        .map(|rest| {
            &rest[..rest
                .find(|sign| !source::is_word(sign))
                .unwrap_or(rest.len())]
        })
        .filter(|name| !name.is_empty())
        .collect();
    let missing = folders
        .difference(&named)
        .map(|family| format!("no `providers::{family}` is here"));
    let stale = named
        .difference(&folders)
        .map(|family| format!("there is no folder `{family}`"));
    Ok(missing
        .chain(stale)
        .map(|text| Finding::of(REGISTRY, text))
        .collect())
}

fn between<'a>(text: &'a str, open: &str, close: &str) -> Outcome<&'a str> {
    let missing = |mark: &str| format!("the marker `{}` is missing", mark.trim());
    let (_, rest) = text.split_once(open).ok_or_else(|| missing(open))?;
    let (inner, _) = rest.split_once(close).ok_or_else(|| missing(close))?;
    Ok(inner)
}

fn first_ticked(rows: &str) -> impl Iterator<Item = &str> {
    rows.lines().filter_map(|row| row.split('`').nth(1))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PICTURE_TEXT: &str = "<!-- code-map -->
| `api/` | graph |
| `src` | binary |
<!-- /code-map -->
<!-- layers -->
1. `trace`: spans, and `retry` below
2. `retry`
<!-- /layers -->
";
    const WIRE_TEXT: &str = "    // layers
    .layer(layers::trace::Trace)
    .layer(layers::retry(cfg))
    // /layers
";

    fn check_files(picture: &str, wire: &str, registry: &str, folder: &str) -> Vec<String> {
        let metadata = json!({ "workspace_root": "/r", "packages": [
            { "manifest_path": "/r/Cargo.toml" },
            { "manifest_path": "/r/api/Cargo.toml" },
        ]});
        let family = format!("connectors/src/providers/{folder}/mod.rs");
        let files = [
            (PICTURE, picture),
            (WIRE, wire),
            (REGISTRY, registry),
            (family.as_str(), ""),
        ];
        let found = check(&Subject {
            tree: Tree::of(&files),
            metadata,
        });
        found
            .into_iter()
            .map(|finding| finding.to_string())
            .collect()
    }

    #[test]
    fn agreement_has_no_findings() {
        let none: [String; 0] = [];
        assert_eq!(
            check_files(PICTURE_TEXT, WIRE_TEXT, "providers::north::F", "north"),
            none
        );
    }

    #[test]
    fn a_member_that_is_not_drawn_is_found() {
        let picture = PICTURE_TEXT.replace("| `api/` | graph |", "| `gone` | old |");
        let found = check_files(&picture, WIRE_TEXT, "providers::north::F", "north");
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn another_order_of_layers_is_found() {
        let wire = WIRE_TEXT.replace("trace::Trace", "sign::Sign");
        assert_eq!(
            check_files(PICTURE_TEXT, &wire, "providers::north::F", "north").len(),
            1
        );
    }

    #[test]
    fn a_family_without_a_line_and_a_line_without_a_family_are_found() {
        let found = check_files(PICTURE_TEXT, WIRE_TEXT, "providers::south::F", "north");
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn missing_markers_and_files_are_findings() {
        assert_eq!(check(&crate::tidy::subject(&[])).len(), 3);
        assert_eq!(check_files("", "", "providers::north::F", "north").len(), 2);
    }
}
