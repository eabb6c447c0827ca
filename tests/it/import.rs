//! Import and export of statement files, as a person does it.

use serde_json::Value;

use crate::program::{Home, homes, repository};

const FIXTURES: &str = "connectors/src/providers/statement_file/fixtures";

fn fixture(name: &str) -> String {
    repository(&format!("{FIXTURES}/{name}"))
        .display()
        .to_string()
}

const KEYS: [&str; 13] = [
    "file",
    "statement",
    "account",
    "currency",
    "opening",
    "closing",
    "credits",
    "debits",
    "entries",
    "new",
    "known",
    "quarantined",
    "closes",
];

#[test]
fn a_statement_is_imported_once_and_known_the_second_time() {
    for home in homes() {
        home.tenant("One");
        let file = fixture("v02_household.xml");
        let import = ["import", &file, "--end-user", "user-1", "--create"];
        let first = home.json(&import).ended(0).line();
        for key in KEYS {
            assert!(first.get(key).is_some(), "{key} is missing: {first}");
        }
        assert_eq!(first["statement"], "HOUSE-2026-01-1");
        assert_eq!(
            (&first["new"], &first["known"]),
            (&Value::from(3), &Value::from(0))
        );
        assert_eq!(first["closes"], true, "{}", home.engine());
        assert_eq!(
            (&first["credits"], &first["debits"]),
            (&"2500.00".into(), &"80.49".into())
        );

        let again = home.json(&["import", &file]).ended(0).line();
        assert_eq!(
            (&again["new"], &again["known"]),
            (&Value::from(0), &Value::from(3))
        );
        assert_eq!(again["account"], first["account"]);

        let accounts = home.run(&["export", "accounts"]).ended(0).lines();
        assert_eq!(accounts.len(), 1);
        assert_eq!(accounts[0]["id"], first["account"]);
        let rows = home.run(&["export", "transactions"]).ended(0).lines();
        assert_eq!(rows.len(), 3);
        let later = home
            .run(&["export", "transactions", "--from", "2030-01-01"])
            .ended(0);
        assert_eq!(later.out, "");
    }
}

#[test]
fn a_quarantined_entry_makes_a_partial_import_of_which_the_rest_is_there() {
    for home in homes() {
        home.tenant("One");
        let file = fixture("v08_quarantine.xml");
        let ran = home
            .json(&["import", &file, "--end-user", "u", "--create"])
            .ended(3);
        let line = ran.line();
        assert!(line["quarantined"].as_i64().unwrap() > 0, "{line}");
        let problem = &line["problems"][0];
        assert_eq!(
            (&problem["path"], &problem["rule"], &problem["original"]),
            (
                &"Stmt[0]/Ntry[1]/Amt".into(),
                &"amount.not_decimal".into(),
                &"12,50".into()
            ),
            "{}",
            home.engine()
        );
        assert_eq!(
            (&problem["quarantined"], &line["moreProblems"]),
            (&true.into(), &0.into())
        );
        let rows = home.run(&["export", "transactions"]).ended(0).lines();
        assert_eq!(
            rows.len(),
            usize::try_from(line["new"].as_i64().unwrap()).unwrap()
        );
    }
}

#[test]
fn a_file_that_breaks_off_is_imported_up_to_that_place() {
    let home = Home::embedded();
    home.tenant("One");
    let file = fixture("refused/cut.xml");
    let ran = home
        .json(&["import", &file, "--end-user", "u", "--create"])
        .ended(3);
    for word in [file.as_str(), "xml.unclosed", "line=14"] {
        assert!(ran.err.contains(word), "{word}: {}", ran.err);
    }
}

#[test]
fn a_statement_that_does_not_close_ends_with_the_code_of_a_partial_import() {
    for home in homes() {
        home.tenant("One");
        let open = fixture("v08_does_not_close.xml");
        let ran = home
            .json(&["import", &open, "--end-user", "u", "--create"])
            .ended(3);
        let line = ran.line();
        assert_eq!(
            (&line["closes"], &line["quarantined"]),
            (&false.into(), &0.into())
        );
        assert_eq!(
            line["new"],
            line["entries"],
            "{}: all of it is there",
            home.engine()
        );
        home.json(&["import", &open]).ended(3);
        // A balance that is missing contradicts nothing.
        let none = fixture("v08_no_closing.xml");
        let ran = home
            .json(&["import", &none, "--end-user", "v", "--create"])
            .ended(0);
        assert_eq!(ran.line()["closes"], Value::Null);
    }
}

#[test]
fn a_person_reads_what_was_refused_with_its_place_its_rule_and_its_value() {
    let home = Home::embedded();
    home.tenant("One");
    let file = fixture("v08_quarantine.xml");
    for _ in 0..2 {
        let ran = home
            .run(&["import", &file, "--end-user", "u", "--create"])
            .ended(3);
        let expected = "quarantined: record 2: Stmt[0]/Ntry[1]/Amt amount.not_decimal \"12,50\"";
        assert!(ran.err.contains(expected), "{}", ran.err);
        assert!(!ran.out.contains("12,50"), "{}", ran.out);
    }
}

#[test]
fn many_problems_are_told_up_to_a_limit_and_the_others_are_counted() {
    let home = Home::embedded();
    home.tenant("One");
    let good = std::fs::read_to_string(fixture("v02_household.xml")).unwrap();
    let from = good.find("<Ntry>").unwrap();
    let to = good.find("</Ntry>").unwrap() + "</Ntry>".len();
    let bad = good[from..to].replacen("Ccy=\"EUR\"", "Ccy=\"XQQ\"", 1);
    let file = home.folder.join("bad.xml");
    for (count, told, more) in [(20, 20, 0), (21, 20, 1)] {
        let text = format!("{}{}{}", &good[..from], bad.repeat(count), &good[to..]);
        std::fs::write(&file, text).unwrap();
        let import = ["import", "bad.xml", "--end-user", "u", "--create"];
        let line = home.json(&import).ended(3).line();
        assert_eq!(line["problems"].as_array().map(Vec::len), Some(told));
        assert_eq!(line["moreProblems"], more);
        let ran = home.run(&import).ended(3);
        assert_eq!(
            ran.err.matches("currency.unknown").count(),
            told,
            "{}",
            ran.err
        );
        assert_eq!(ran.err.contains("… and 1 more"), more == 1, "{}", ran.err);
    }
}

#[test]
fn what_is_no_statement_is_refused_and_the_next_file_is_imported() {
    let home = Home::embedded();
    home.tenant("One");
    let (bad, good) = (fixture("refused/doctype.xml"), fixture("v02_household.xml"));
    let alone = home.json(&["import", &bad, "--end-user", "u", "--create"]);
    assert!(matches!(alone.code, 1 | 3), "{}", alone.err);
    let ran = home
        .json(&["import", &bad, &good, "--end-user", "u", "--create"])
        .ended(3);
    assert!(
        ran.lines().iter().any(|line| line["new"] == 3),
        "{}",
        ran.out
    );
}

#[test]
fn a_file_above_the_limit_and_a_missing_one_are_refused() {
    let home = Home::embedded();
    home.tenant("One");
    let file = fixture("v02_household.xml");
    let import = ["import", &file, "--end-user", "u", "--create", "--json"];
    let output = home
        .command(&import)
        .env("FONDACO_IMPORT_MAX_BYTES", "1024")
        .output();
    let ran = crate::program::Ran::from(output.unwrap()).ended(1);
    assert!(
        ran.error()["hint"]
            .as_str()
            .unwrap()
            .contains("import.max_bytes"),
        "{}",
        ran.err
    );
    home.json(&["import", "none.xml", "--end-user", "u", "--create"])
        .ended(4);
    assert_eq!(home.run(&["export", "transactions"]).ended(0).out, "");
}

#[test]
fn without_create_neither_a_person_nor_an_account_appears() {
    let home = Home::embedded();
    home.tenant("One");
    let file = fixture("v02_household.xml");
    home.json(&["import", &file]).ended(4);
    home.json(&["import", &file, "--end-user", "u"]).ended(4);
    assert_eq!(home.run(&["export", "accounts"]).ended(0).out, "");
}
