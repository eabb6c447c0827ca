//! Statements of other projects, imported as a person does it: `FONDACO_SAMPLES` names their
//! folder, and what has to come out stands in an `.expected.json` beside some of them.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::program::{Home, homes};

/// The samples of camt.053 in a folder, or none where the suite names no folder.
#[expect(
    clippy::disallowed_methods,
    reason = "the suite names the folder of samples"
)]
fn samples() -> Option<Vec<PathBuf>> {
    let folder = PathBuf::from(std::env::var_os("FONDACO_SAMPLES")?);
    let listed = std::fs::read_dir(&folder).expect("FONDACO_SAMPLES names a folder");
    let mut files: Vec<PathBuf> = listed
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("camt053") && name.ends_with(".xml")
        })
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{}: no camt.053", folder.display());
    Some(files)
}

#[test]
fn samples_of_another_folder_are_imported_as_their_expectations_say() {
    let Some(files) = samples() else {
        eprintln!("FONDACO_SAMPLES is not set: samples of other projects are not imported");
        return;
    };
    for home in homes() {
        home.tenant("Samples");
        for file in &files {
            import(&home, file);
        }
    }
}

/// Each sample belongs to a person of its own: several state the same account and entry.
fn import(home: &Home, file: &Path) {
    let (name, shown) = (file.file_name().unwrap(), file.display().to_string());
    let person = name.to_string_lossy();
    let ran = home.json(&["import", &shown, "--end-user", &person, "--create"]);
    let context = format!("{} {person}: {} {}", home.engine(), ran.out, ran.err);
    let lines = ran.lines();
    assert!(!lines.is_empty(), "{context}");
    let complete = lines
        .iter()
        .all(|line| line["closes"] != false && line["quarantined"] == 0);
    assert_eq!(ran.code, if complete { 0 } else { 3 }, "{context}");
    for line in &lines {
        assert_eq!(line["new"], line["entries"], "{context}");
        assert_eq!(
            (&line["known"], &line["quarantined"]),
            (&0.into(), &0.into()),
            "{context}"
        );
        assert_eq!(line["closes"], verdict(line), "{context}");
    }
    let count: usize = lines.iter().map(|line| whole(&line["new"])).sum();
    let export = ["export", "transactions", "--end-user", &person];
    assert_eq!(home.run(&export).ended(0).lines().len(), count, "{context}");
    let Ok(text) = std::fs::read_to_string(file.with_extension("expected.json")) else {
        return;
    };
    let expected: Value = serde_json::from_str(&text).unwrap();
    let wanted = expected["statements"].as_array().unwrap();
    assert_eq!(lines.len(), wanted.len(), "{context}");
    for (line, wanted) in lines.iter().zip(wanted) {
        same(line, wanted, &context);
    }
    same_balances(home, &shown, wanted);
}

/// What the line of a statement has to say of itself: null without two balances, else whether
/// opening + credits - debits is the closing balance.
fn verdict(line: &Value) -> Value {
    let number = |key: &str| line[key].as_str().map(hundred_thousandths);
    let (Some(opening), Some(closing)) = (number("opening"), number("closing")) else {
        return Value::Null;
    };
    let (credits, debits) = (
        number("credits").unwrap_or(0),
        number("debits").unwrap_or(0),
    );
    (opening + credits - debits == closing).into()
}

fn same(line: &Value, wanted: &Value, context: &str) {
    assert_eq!(line["statement"], wanted["id"], "{context}");
    assert_eq!(line["entries"], wanted["entry_count"], "{context}");
    for (key, sum) in [("credits", "sum_credits"), ("debits", "sum_debits")] {
        same_number(&line[key], &wanted[sum], context);
    }
    let check = &wanted["balance_check"];
    assert_eq!(
        line["closes"], check["opening_plus_entries_equals_closing"],
        "{context}"
    );
    for key in ["opening", "closing"] {
        if !line["closes"].is_null() {
            same_number(&line[key], &check[key], context);
        }
    }
}

/// Every balance of every statement, as `fondaco map` reads it.
fn same_balances(home: &Home, file: &str, wanted: &[Value]) {
    let lines = home.json(&["map", file]).ended(0).lines();
    let heads = lines.iter().filter(|line| line["resource"] == "statement");
    let heads: Vec<&Value> = heads.map(|line| &line["record"]).collect();
    assert_eq!(heads.len(), wanted.len(), "{file}");
    for (head, wanted) in heads.iter().zip(wanted) {
        let Some(wanted) = wanted["balances"].as_array() else {
            continue;
        };
        let found = head["balances"].as_array().unwrap();
        assert_eq!(found.len(), wanted.len(), "{file}");
        for (found, wanted) in found.iter().zip(wanted) {
            let amount = &found["amount"];
            same_number(&amount["amount"], &wanted["amount"], file);
            assert_eq!(amount["currency"], wanted["currency"], "{file}");
            assert_eq!(found["asOfDate"], wanted["date"], "{file}");
        }
    }
}

fn same_number(found: &Value, wanted: &Value, context: &str) {
    let (found, wanted) = (found.as_str().unwrap_or("0"), wanted.as_str().unwrap());
    assert_eq!(
        hundred_thousandths(found),
        hundred_thousandths(wanted),
        "{context}"
    );
}

/// An exact decimal text as a whole number, so that `0` and `0.00` are one.
fn hundred_thousandths(text: &str) -> i128 {
    const PLACES: usize = 5;
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    assert!(part.len() <= PLACES, "{text}");
    let number: i128 = format!("{whole}{part:0<PLACES$}").parse().unwrap();
    sign * number
}

fn whole(value: &Value) -> usize {
    value
        .as_u64()
        .and_then(|number| usize::try_from(number).ok())
        .unwrap()
}
