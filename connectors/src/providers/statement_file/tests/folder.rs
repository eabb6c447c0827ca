//! A folder is a test: each `*.xml` is compared with the `*.expected.json` beside it.

use std::path::{Path, PathBuf};

use fondaco_model::draft::{Draft, Mapped, TransactionDraft};
use fondaco_model::provider::Resource;
use fondaco_model::v1::{BookingStatus, ReferenceKind};
use fondaco_model::{Currency, Money};
use serde_json::Value;

use super::super::verdict::{StatementSums, verdict};
use super::{entries, map, split};
use crate::core::testing::{compare, folder_of, remarks, render};

pub(super) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/providers/statement_file/fixtures")
}

pub(super) fn files(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let listed = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let wanted = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with(prefix) && path.extension().is_some_and(|end| end == "xml")
    };
    let mut files: Vec<PathBuf> = listed.filter(wanted).collect();
    files.sort();
    files
}

fn expected(path: &Path) -> Option<Value> {
    let text = std::fs::read_to_string(path.with_extension("expected.json")).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

fn read(path: &Path) -> Vec<Mapped> {
    let (records, outcome) = split(&std::fs::read(path).unwrap()[..]);
    outcome.unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    assert!(records.iter().zip(0..).all(|(kept, at)| kept.ordinal == at));
    records.iter().map(map).collect()
}

#[test]
fn every_fixture_says_what_its_expectation_says() {
    let files = files(&fixtures(), "");
    assert!(files.len() >= 10);
    for path in files {
        let mapped = read(&path);
        let expected = expected(&path).expect("each fixture has an expectation");
        check(&path, &mapped, &expected);
        if let Some(wanted) = expected["remarks"].as_array() {
            let found: Vec<String> = mapped.iter().flat_map(remarks).collect();
            let wanted: Vec<&str> = wanted.iter().map(|line| line.as_str().unwrap()).collect();
            assert_eq!(found, wanted, "{}", path.display());
        }
    }
}

#[test]
fn the_full_mapping_of_each_version_is_as_recorded() {
    for path in files(&fixtures(), "v0") {
        let text: Vec<String> = read(&path).iter().map(render).collect();
        compare(&path.with_extension("mapped.txt"), &text.join("\n"));
    }
}

#[test]
fn a_refused_file_names_line_and_rule_and_keeps_what_came_before() {
    let files = files(&fixtures().join("refused"), "");
    assert!(files.len() >= 12);
    for path in files {
        let name = path.display();
        let expected = expected(&path).expect("each fixture has an expectation");
        let (records, outcome) = split(&std::fs::read(&path).unwrap()[..]);
        let fault = outcome.expect_err("the file is refused");
        for (key, value) in expected["fault"].as_object().unwrap() {
            let found = match key.as_str() {
                "kind" => Some(fault.kind.code()),
                key => fault.get(key),
            };
            assert_eq!(found, value.as_str(), "{name}: {key}");
        }
        let mapped: Vec<Mapped> = records.iter().map(map).collect();
        let count = u64::try_from(entries(&mapped)).unwrap();
        assert_eq!(Some(count), expected["entry_count"].as_u64(), "{name}");
    }
}

#[test]
fn samples_of_another_folder_say_what_their_expectations_say() {
    let Some(folder) = folder_of("FONDACO_SAMPLES") else {
        eprintln!("FONDACO_SAMPLES is not set: camt.053 samples of other projects are not read");
        return;
    };
    let files = files(&folder, "camt053");
    assert!(
        !files.is_empty(),
        "{} has no camt.053 samples",
        folder.display()
    );
    for path in files {
        let mapped = read(&path);
        if let Some(expected) = expected(&path) {
            check(&path, &mapped, &expected);
        }
    }
}

/// Compares what an expectation states; what it leaves out may be anything.
fn check(path: &Path, mapped: &[Mapped], expected: &Value) {
    let name = path.display();
    let mut statements = Vec::new();
    for draft in mapped.iter().flat_map(|mapped| &mapped.drafts) {
        match draft {
            Draft::Statement(head) => {
                statements.push((head, StatementSums::default(), Vec::new()));
            }
            Draft::Transaction(entry) => {
                let (_, sums, entries) = statements.last_mut().unwrap();
                sums.add(entry);
                entries.push(entry);
            }
            other => panic!("{name}: {}", other.resource().as_str()),
        }
    }
    let wanted = expected["statements"].as_array().unwrap();
    assert_eq!(statements.len(), wanted.len(), "{name}");
    for ((head, sums, entries), wanted) in statements.iter().zip(wanted) {
        same_text(wanted, "id", head.statement_id.as_deref());
        same_text(wanted, "electronic_seq", head.sequence.as_deref());
        same_text(
            wanted,
            "account_currency",
            head.account.currency.map(Currency::code),
        );
        same_text(
            wanted,
            "account",
            Some(head.account.identifiers[0].value.expose()),
        );
        let count = u64::try_from(entries.len()).unwrap();
        assert_eq!(wanted["entry_count"].as_u64(), Some(count), "{name}");
        assert_eq!(sums.entries, count);
        if let Some(balances) = wanted["balances"].as_array() {
            assert_eq!(head.balances.len(), balances.len(), "{name}");
            for (found, wanted) in head.balances.iter().zip(balances) {
                same_text(wanted, "type", Some(found.balance_type.as_str()));
                same_money(wanted, "amount", Some(found.amount));
                same_text(wanted, "currency", Some(found.amount.currency().code()));
                let day = found.as_of_date.unwrap().to_string();
                same_text(wanted, "date", Some(&day));
            }
        }
        let found = verdict(head, sums);
        // An expectation may have no currency to sum in.
        same_sum(wanted, "sum_credits", &sums.credits);
        same_sum(wanted, "sum_debits", &sums.debits);
        let closing = &wanted["balance_check"];
        let closes = closing["opening_plus_entries_equals_closing"].as_bool();
        assert_eq!(found.closes, closes, "{name}");
        if closes.is_some() {
            same_money(closing, "opening", found.opening);
            same_money(closing, "closing", found.closing);
        }
        for (found, wanted) in entries
            .iter()
            .zip(wanted["entries"].as_array().into_iter().flatten())
        {
            check_entry(found, wanted);
        }
    }
}

fn check_entry(found: &TransactionDraft, wanted: &Value) {
    same_money(wanted, "amount", Some(found.amount));
    same_text(wanted, "currency", Some(found.amount.currency().code()));
    assert_eq!(found.reversal, wanted["reversal"] == "true");
    let status = match &found.status {
        BookingStatus::Booked => "BOOK",
        BookingStatus::Pending => "PDNG",
        other => other.as_str(),
    };
    same_text(wanted, "status", Some(status));
    for (key, found) in [
        ("booking_date", found.booking_date),
        ("value_date", found.value_date),
    ] {
        let day = wanted[key].as_str().map(|text| &text[..10]);
        assert_eq!(found.map(|day| day.to_string()).as_deref(), day, "{key}");
    }
    let reference = |kind: ReferenceKind| {
        let found = found.references.iter().find(|found| found.kind == kind);
        found.map(|found| found.value.as_str())
    };
    same_text(wanted, "ntry_ref", reference(ReferenceKind::EntryReference));
    same_text(
        wanted,
        "acct_svcr_ref",
        reference(ReferenceKind::ServicerReference),
    );
    let code = &found.bank_transaction_code;
    let parts = [&code.domain, &code.family, &code.sub_family];
    let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
    let joined = (!parts.is_empty()).then(|| parts.join("/"));
    same_text(wanted, "bank_transaction_code", joined.as_deref());
    same_text(wanted, "proprietary_code", code.proprietary_code.as_deref());
    let details = found
        .details
        .iter()
        .filter_map(|detail| detail.end_to_end_id.as_deref());
    let ids: Vec<&str> = found
        .end_to_end_id
        .as_deref()
        .into_iter()
        .chain(details)
        .collect();
    let list = wanted["end_to_end_ids"].as_array().into_iter().flatten();
    let list: Vec<&str> = list.map(|id| id.as_str().unwrap()).collect();
    assert_eq!(ids, list);
    if let Some(count) = wanted["transaction_details"]
        .as_u64()
        .filter(|count| *count > 1)
    {
        assert_eq!(u64::try_from(found.details.len()).unwrap(), count);
    }
}

fn same_text(wanted: &Value, key: &str, found: Option<&str>) {
    if let Some(value) = wanted.get(key) {
        assert_eq!(found, value.as_str(), "{key} of {wanted}");
    }
}

fn same_money(wanted: &Value, key: &str, found: Option<Money>) {
    let text = wanted[key].as_str().unwrap();
    let found = found.unwrap();
    assert_eq!(
        found,
        Money::parse(text, found.currency()).unwrap(),
        "{key} of {wanted}"
    );
}

fn same_sum(wanted: &Value, key: &str, found: &std::collections::BTreeMap<Currency, Money>) {
    let text = wanted[key].as_str().unwrap();
    match found.values().next() {
        Some(sum) => assert_eq!(*sum, Money::parse(text, sum.currency()).unwrap(), "{key}"),
        None => assert!(
            text.bytes().all(|b| b"0.".contains(&b)),
            "{key} of {wanted}"
        ),
    }
}

#[test]
fn the_resource_of_every_draft_is_named() {
    let mapped = read(&fixtures().join("v02_household.xml"));
    let resources: Vec<Resource> = mapped
        .iter()
        .flat_map(|mapped| &mapped.drafts)
        .map(Draft::resource)
        .collect();
    assert_eq!(resources[0], Resource::Statement);
    assert!(
        resources[1..]
            .iter()
            .all(|found| *found == Resource::Transactions)
    );
}
