//! What needs neither a store nor the network: map and schema.

use crate::program::{Home, repository};

const FIXTURES: &str = "connectors/src/providers/statement_file/fixtures";

fn fixture(name: &str) -> String {
    repository(&format!("{FIXTURES}/{name}"))
        .display()
        .to_string()
}

#[test]
fn a_statement_is_mapped_to_canonical_records_without_a_store() {
    let home = Home::embedded();
    let file = fixture("v02_household.xml");
    let lines = home
        .json(&["map", "--family", "statement_file", &file])
        .ended(0)
        .lines();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0]["resource"], "statement");
    assert_eq!(lines[1]["record"]["amount"]["amount"], "2500.00");
    let number = lines[0]["record"]["account"]["identifiers"][0]["masked"]
        .as_str()
        .unwrap();
    assert_eq!(number, "DE••••2051", "as the API masks it");
    let balance = &lines[0]["record"]["balances"][0];
    assert_eq!(balance.get("fetchedAt"), Some(&serde_json::Value::Null));
    let reference = &lines[1]["record"]["bank"]["references"][0];
    assert_eq!(reference.get("firstSeenAt"), Some(&serde_json::Value::Null));
    assert!(!home.data().exists());
}

#[test]
fn two_runs_over_one_file_print_the_same() {
    let home = Home::embedded();
    for name in ["v02_household.xml", "v08_quarantine.xml"] {
        let map = ["map", "--family", "statement_file", &fixture(name)];
        let (first, second) = (home.json(&map), home.json(&map));
        assert_eq!(first.out, second.out, "{name}");
        assert!(!first.out.is_empty() && first.code == second.code, "{name}");
    }
}

#[test]
fn a_refused_record_makes_the_mapping_a_partial_one() {
    let home = Home::embedded();
    let ran = home.json(&[
        "map",
        "--family",
        "statement_file",
        &fixture("v08_quarantine.xml"),
    ]);
    let lines = ran.ended(3).lines();
    let refused = lines.iter().find(|line| line["record"].is_null()).unwrap();
    assert_eq!(refused["remarks"][0]["fatal"], true);
}

#[test]
fn a_broken_file_names_the_line_and_the_rule() {
    let home = Home::embedded();
    let ran = home.run(&[
        "map",
        "--family",
        "statement_file",
        &fixture("refused/cut.xml"),
    ]);
    let ran = ran.ended(1);
    assert!(ran.err.contains("rule=xml.unclosed"), "{}", ran.err);
    assert!(ran.err.contains("line=14"), "{}", ran.err);
}

#[test]
fn a_file_or_an_institution_that_is_not_there_ends_with_four() {
    let home = Home::embedded();
    home.run(&["map", "--family", "statement_file", "none.xml"])
        .ended(4);
    let ran = home
        .json(&["map", "--institution", "no_bank", "none.json"])
        .ended(4);
    assert_eq!(ran.error()["code"], "NOT_FOUND");
    assert!(
        ran.error()["hint"]
            .as_str()
            .unwrap()
            .contains("institutions list")
    );
}

#[test]
fn an_entry_of_the_folder_is_listed_and_a_bad_one_is_refused_by_its_file() {
    let home = Home::embedded();
    let banks = home.folder.join("banks");
    std::fs::create_dir_all(&banks).unwrap();
    let built_in = "connectors/src/providers/berlin_group/banks/sandbox_bank.toml";
    let text = std::fs::read_to_string(repository(built_in)).unwrap();
    let text = text.replace("\"sandbox_bank\"", "\"another_bank\"");
    std::fs::write(banks.join("another.toml"), &text).unwrap();
    let list = |code| {
        let folder = ("FONDACO_INSTITUTIONS_FOLDER", "banks");
        let mut command = home.command(&["institutions", "list", "--json"]);
        let output = command.env(folder.0, folder.1).output().unwrap();
        crate::program::Ran::from(output).ended(code)
    };
    assert!(
        list(0)
            .lines()
            .iter()
            .any(|line| line["id"] == "another_bank")
    );
    std::fs::write(
        banks.join("bad.toml"),
        text.replace("countries", "cuontries"),
    )
    .unwrap();
    assert!(list(2).err.contains("banks/bad.toml"));
}

#[test]
fn the_schemas_are_printed() {
    let home = Home::embedded();
    let canonical = home.run(&["schema", "canonical"]).ended(0);
    let schema: serde_json::Value = serde_json::from_str(&canonical.out).unwrap();
    assert_eq!(schema["$id"], "urn:fondaco:canonical:v1");
}
