//! The schema as it is committed, and what its shape promises.

use std::collections::BTreeSet;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};
use fondaco_api::schema::{GraphQl, sdl};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/schema/api.graphql");

/// `UPDATE=1 cargo test -p fondaco-api` writes the file.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test that writes what it compares asks first"
)]
fn the_committed_schema_is_the_one_that_is_served() {
    let made = format!("{}\n", sdl().trim_end());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(PATH, &made).unwrap();
    }
    let kept = std::fs::read_to_string(PATH).unwrap_or_default();
    assert!(
        kept == made,
        "docs/schema/api.graphql is not what the code says; UPDATE=1 writes it"
    );
}

fn fields(name: &str) -> BTreeSet<String> {
    let document = parse_schema(sdl()).unwrap();
    for definition in document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        if definition.node.name.node != name {
            continue;
        }
        let list = match definition.node.kind {
            TypeKind::Object(object) => object.fields,
            TypeKind::Interface(interface) => interface.fields,
            _ => continue,
        };
        return list
            .iter()
            .map(|field| field.node.name.node.to_string())
            .collect();
    }
    panic!("no {name}");
}

#[test]
fn interfaces_hold_exactly_what_every_kind_shares() {
    let set = |words: &str| words.split(' ').map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(
        fields("Account"),
        set(
            "id kind name currency status lifecycle link institution endUser balances \
             ledgerBalance availableBalance transactions createdSeq changedSeq"
        )
    );
    assert_eq!(
        fields("Transaction"),
        set(
            "id kind account amount direction sortDate sortDateRule status description lifecycle \
             createdSeq changedSeq"
        )
    );
    assert_eq!(fields("Node"), set("id"));
}

#[test]
fn no_number_of_the_schema_is_a_float() {
    assert!(!sdl().contains("Float"));
}

#[test]
fn every_field_and_argument_has_a_description() {
    let document = parse_schema(sdl()).unwrap();
    let mut bare = Vec::new();
    for definition in document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let name = definition.node.name.node.to_string();
        if definition.node.description.is_none() && !name.ends_with("Connection") {
            bare.push(name.clone());
        }
        let list = match definition.node.kind {
            TypeKind::Object(object) => object.fields,
            TypeKind::Interface(interface) => interface.fields,
            _ => continue,
        };
        for field in list {
            if field.node.description.is_none() {
                bare.push(format!("{name}.{}", field.node.name.node));
            }
            for argument in &field.node.arguments {
                if argument.node.description.is_none() && argument.node.name.node != "input" {
                    bare.push(format!(
                        "{name}.{}({})",
                        field.node.name.node, argument.node.name.node
                    ));
                }
            }
        }
    }
    assert_eq!(bare, Vec::<String>::new());
}

#[test]
fn the_cost_table_reads_the_schema() {
    assert!(GraphQl::costs().is_ok());
}
