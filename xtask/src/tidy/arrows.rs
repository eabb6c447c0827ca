//! Law 1: a crate depends on crates of lower levels only.

use serde_json::Value;

use super::{Finding, Subject};

/// Every crate of the workspace and its level. A new arrow that this table forbids needs an ADR.
const LEVELS: [(&str, u8); 14] = [
    ("fondaco-model", 0),
    ("fondaco-normalize", 1),
    ("fondaco-connectors", 1),
    ("fondaco-transport", 1),
    ("fondaco-store", 1),
    ("fondaco-reconcile", 1),
    ("fondaco-vault", 2),
    ("fondaco-sync", 3),
    ("fondaco-api", 3),
    ("fondaco-scenario", 4),
    ("fondaco-kit", 4),
    ("fondaco-sandbox", 4),
    ("xtask", 4),
    ("fondaco", 5),
];

/// Crates that share no code with the rest, so that their mistakes are not shared either.
const ISOLATED: [&str; 2] = ["fondaco-sandbox", "xtask"];

/// Arrows that the levels would allow and the design does not.
const FORBIDDEN: [(&str, &[&str]); 1] = [(
    "fondaco-api",
    &[
        "fondaco-connectors",
        "fondaco-normalize",
        "fondaco-transport",
    ],
)];

fn level(name: &str) -> Option<u8> {
    LEVELS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, level)| *level)
}

pub(super) fn check(subject: &Subject) -> Vec<Finding> {
    let Some(packages) = subject.metadata["packages"].as_array() else {
        return vec![Finding::of(
            "Cargo.toml",
            "cargo metadata lists no packages",
        )];
    };
    let names: Vec<&str> = packages
        .iter()
        .filter_map(|package| package["name"].as_str())
        .collect();
    packages
        .iter()
        .flat_map(|package| check_package(package, &names))
        .collect()
}

fn check_package(package: &Value, members: &[&str]) -> Vec<Finding> {
    let name = package["name"].as_str().unwrap_or_default();
    let Some(own) = level(name) else {
        let text = format!("crate `{name}` has no level: add it to xtask/src/tidy/arrows.rs");
        return vec![Finding::of("Cargo.toml", text)];
    };
    let dependencies = package["dependencies"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    dependencies
        .iter()
        .filter(|dependency| may_be_linked(dependency))
        .filter_map(|dependency| dependency["name"].as_str())
        .filter(|target| members.contains(target))
        .filter_map(|target| objection(name, own, target))
        .map(|text| Finding::of("Cargo.toml", text))
        .collect()
}

/// Tests may look at anything, so a dev-dependency is no arrow; `kind` is null for a normal one.
fn may_be_linked(dependency: &Value) -> bool {
    dependency["kind"].as_str() != Some("dev")
}

fn objection(name: &str, own: u8, target: &str) -> Option<String> {
    let forbidden = FORBIDDEN
        .iter()
        .any(|(from, to)| *from == name && to.contains(&target));
    if ISOLATED.contains(&name) {
        Some(format!(
            "`{name}` depends on `{target}`, but it must share no code with the house"
        ))
    } else if forbidden {
        Some(format!("`{name}` must not depend on `{target}`"))
    } else if level(target).is_some_and(|other| other >= own) {
        Some(format!(
            "`{name}` (level {own}) depends on `{target}`, which is not below it"
        ))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check_arrow(from: &str, to: &str, kind: Option<&str>) -> usize {
        let metadata = json!({ "packages": [
            { "name": from, "dependencies": [{ "name": to, "kind": kind }] },
            { "name": to, "dependencies": [] },
        ]});
        check(&Subject {
            tree: crate::tree::Tree::default(),
            metadata,
        })
        .len()
    }

    #[test]
    fn an_arrow_downwards_is_allowed() {
        assert_eq!(check_arrow("fondaco-vault", "fondaco-store", None), 0);
        assert_eq!(check_arrow("fondaco", "fondaco-api", None), 0);
    }

    #[test]
    fn an_arrow_upwards_or_sideways_is_found() {
        assert_eq!(check_arrow("fondaco-model", "fondaco-store", None), 1);
        assert_eq!(
            check_arrow("fondaco-connectors", "fondaco-normalize", None),
            1
        );
        assert_eq!(check_arrow("fondaco-api", "fondaco-sync", None), 1);
    }

    #[test]
    fn the_api_does_not_know_providers() {
        assert_eq!(check_arrow("fondaco-api", "fondaco-connectors", None), 1);
    }

    #[test]
    fn the_sandbox_shares_nothing() {
        assert_eq!(check_arrow("fondaco-sandbox", "fondaco-model", None), 1);
    }

    #[test]
    fn tests_may_look_at_anything() {
        assert_eq!(
            check_arrow("fondaco-model", "fondaco-store", Some("dev")),
            0
        );
    }

    #[test]
    fn a_crate_without_a_level_is_found() {
        assert_eq!(check_arrow("fondaco-novelty", "fondaco-model", None), 1);
    }
}
