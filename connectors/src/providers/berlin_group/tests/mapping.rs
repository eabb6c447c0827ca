//! Mapping: recorded snapshots, and totality on mutated rows.

use std::path::Path;

use fondaco_model::draft::Draft;
use fondaco_model::provider::Resource;
use fondaco_model::v1::Stability;
use toml::Value;

use super::super::BerlinGroup;
use super::page;
use crate::core::testing::{Keep, NOW, compare, manifest, map_mutations, render};
use crate::core::{Connector, Cx, Record, Stream};

fn stream(resource: Resource) -> Stream {
    Stream::of_account(resource, "3dc3d5b3")
}

fn records(name: &str, resource: Resource) -> Keep {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/providers/berlin_group/fixtures");
    let bytes = std::fs::read(folder.join(name)).unwrap();
    let mut keep = Keep::default();
    page(&stream(resource), &bytes, &mut keep).unwrap();
    keep
}

const FIXTURES: [(&str, Resource); 3] = [
    ("accounts.json", Resource::Accounts),
    ("balances.json", Resource::Balances),
    ("transactions.json", Resource::Transactions),
];

#[test]
fn the_mapping_of_each_fixture_is_as_recorded() {
    let manifest = manifest("sandbox_bank");
    let cx = Cx::new(&manifest, NOW);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/providers/berlin_group/fixtures");
    for (name, resource) in FIXTURES {
        let kept = records(name, resource).kept;
        let texts = kept
            .iter()
            .map(|kept| render(&BerlinGroup.map(&cx, &stream(resource), &kept.record())));
        let text: Vec<String> = texts.collect();
        compare(
            &folder.join(name).with_extension("mapped.txt"),
            &text.join("\n"),
        );
    }
}

#[test]
fn mapping_is_total_on_mutated_rows() {
    let manifest = manifest("sandbox_bank");
    let cx = Cx::new(&manifest, NOW);
    for (name, resource) in FIXTURES {
        let kept = records(name, resource).kept;
        map_mutations(&BerlinGroup, &cx, &stream(resource), &kept, 5_000);
    }
}

#[test]
fn a_record_of_no_json_is_quarantined_with_its_beginning() {
    let manifest = manifest("sandbox_bank");
    let cx = Cx::new(&manifest, NOW);
    for bytes in [
        &b""[..],
        b"null",
        b"[]",
        b"{\"status\":1}",
        b"\xff\xfe",
        b"{\"status\":\"booked\"}",
    ] {
        let record = Record {
            ordinal: 0,
            group: 0,
            bytes,
        };
        let mapped = BerlinGroup.map(&cx, &stream(Resource::Transactions), &record);
        assert!(mapped.drafts.is_empty());
        assert_eq!(mapped.remarks[0].rule, "record.shape");
    }
}

#[test]
fn an_entry_states_how_stable_its_ids_are() {
    let mut manifest = manifest("sandbox_bank");
    let row = br#"{"status":"booked","row":{"transactionId":"1","entryReference":"2",
        "transactionAmount":{"currency":"EUR","amount":"1"}}}"#;
    let record = Record {
        ordinal: 0,
        group: 0,
        bytes: row,
    };
    let stabilities = |manifest: &_| {
        let cx = Cx::new(manifest, NOW);
        let mapped = BerlinGroup.map(&cx, &stream(Resource::Transactions), &record);
        let Draft::Transaction(draft) = &mapped.drafts[0] else {
            panic!("a transaction")
        };
        [draft.references[0].stability, draft.references[1].stability]
    };
    let observed = [Stability::ObservedStable, Stability::ObservedStable];
    assert_eq!(stabilities(&manifest), observed);
    for (name, word) in [
        ("entry_reference", "immutable"),
        ("transaction_id", "volatile"),
    ] {
        manifest
            .quirks
            .insert(name.to_owned(), Value::String(word.to_owned()));
    }
    let stated = [Stability::DeclaredImmutable, Stability::Volatile];
    assert_eq!(stabilities(&manifest), stated);
}
