//! What an import did, as who handed the file in reads it.

use fondaco_model::ids::{ApiKeyId, QuarantineId, RawAnswerId, SyncRunId, UploadId};
use fondaco_model::scope::KeyScope;
use fondaco_store::repo::api_key::KeyClass;
use fondaco_store::repo::job::{self, Claim, Next};
use fondaco_store::repo::quarantine::{self, QuarantineRow, RemarkRow};
use fondaco_store::repo::upload::{
    self, ReportLines, StatementLine, UploadOutcome, UploadReport, UploadRow,
};
use fondaco_store::{OPERATOR, in_tx};
use fondaco_vault::identifiers::Spot;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::kit::{House, houses};
use crate::seed::{Person, person, reference_data};

const IMPORT: &str = "mutation($input: ImportStatementInput!) { importStatement(input: $input) { \
                      importJob { id outcome statementCount problemCount statements { statement } \
                      problems(first: 5) { rule } fault } userErrors { code } } }";
const DID: &str = "query($id: ID!) { importJob(id: $id) { outcome fault faultLine faultRule \
                   statementCount problemCount statements { statement account currency opening \
                   closing credits debits entries new known quarantined closes problem \
                   nullReasons { field reason } } problems(first: 2) { statement ordinal path rule \
                   original quarantined nullReasons { field reason } } } }";
const RAW: RawAnswerId = RawAnswerId(Uuid::from_u128(7));

fn line(ordinal: i64, last: i64, statement: &str) -> StatementLine {
    StatementLine {
        ordinal,
        last,
        statement: statement.to_owned(),
        account: Some("acc_00000000000000000000000001".to_owned()),
        currency: Some("EUR".to_owned()),
        opening: Some("10.00".to_owned()),
        closing: Some("-2.50".to_owned()),
        credits: Some("0.00".to_owned()),
        debits: Some("12.50".to_owned()),
        entries: 3,
        new: 1,
        known: 1,
        quarantined: 1,
        closes: Some(false),
        problem: None,
    }
}

async fn upload(house: &House, owner: &Person) -> UploadId {
    let now = house.vault.effects().now();
    let row = UploadRow {
        id: UploadId(Uuid::from_u128(7)),
        end_user_id: Some(owner.id),
        raw_answer_id: RAW,
        api_key_id: Some(ApiKeyId(Uuid::nil())),
        created_at: now,
        expires_at: now.plus_seconds(600),
        consumed_at: None,
    };
    let mut tx = house.db.begin(house.tenant).await.unwrap();
    upload::insert(&mut tx, &row).await.unwrap();
    tx.commit().await.unwrap();
    row.id
}

/// What the worker writes: a report of two statements, one record in quarantine, two remarks.
async fn work(house: &House, owner: &Person, id: UploadId) {
    let sealer = house
        .vault
        .identifier_sealer(house.tenant, owner.id)
        .await
        .unwrap();
    let seal = |row, table, column, text: &str| {
        sealer
            .seal_text(Spot::new(row, table, column), text)
            .unwrap()
    };
    let lines = ReportLines {
        statements: vec![line(0, 3, "S-1"), line(4, 4, "S-2")],
    };
    let text = serde_json::to_string(&lines).unwrap();
    let report = UploadReport {
        outcome: UploadOutcome::Partial,
        fault_code: Some("SCHEMA_DRIFT".to_owned()),
        fault_line: Some(14),
        fault_rule: Some("xml.unclosed".to_owned()),
        statement_count: 2,
        report_sealed: seal(id.0, "upload", upload::REPORT_COLUMN, &text),
        data_key_id: sealer.data_key_id(),
    };
    let quarantined = QuarantineRow {
        id: QuarantineId(Uuid::from_u128(9)),
        end_user_id: owner.id,
        run_id: SyncRunId(Uuid::nil()),
        raw_answer_id: RAW,
        ordinal: 2,
        resource: "transactions".to_owned(),
        field: "Stmt[0]/Ntry[1]/Amt".to_owned(),
        rule: "amount.not_decimal".to_owned(),
        original_sealed: seal(Uuid::from_u128(9), "quarantine", "original_sealed", "12,50"),
        data_key_id: sealer.data_key_id(),
        created_at: house.vault.effects().now(),
        resolved_at: None,
    };
    let remark = |ordinal| RemarkRow {
        raw_answer_id: RAW,
        ordinal,
        number: 0,
        end_user_id: owner.id,
        target_id: None,
        field: "Stmt[0]".to_owned(),
        rule: "namespace.version".to_owned(),
        original_sealed: seal(RAW.0, "remark", "original_sealed", "camt.053.001.10"),
        data_key_id: sealer.data_key_id(),
    };
    let mut tx = house.db.begin(house.tenant).await.unwrap();
    assert!(upload::keep_report(&mut tx, id, &report).await.unwrap());
    quarantine::insert(&mut tx, &[quarantined]).await.unwrap();
    quarantine::insert_remarks(&mut tx, &[remark(0), remark(9)])
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

/// Asks for the import of the upload; the job as the answer tells it.
async fn ask(house: &House, upload: UploadId) -> Value {
    let input = json!({ "uploadId": upload.to_string(), "idempotencyKey": "k1" });
    let variables = json!({ "input": input });
    let asked = house
        .query_with(&house.key().await, IMPORT, variables)
        .await;
    asked.data()["importStatement"]["importJob"].clone()
}

#[tokio::test]
async fn an_import_that_ended_tells_outcome_line_rule_statements_and_problems() {
    for house in houses().await {
        reference_data(&house).await;
        let ann = person(&house, house.tenant, "ann", (10, 1, 0)).await;
        let id = upload(&house, &ann).await;
        let waiting = ask(&house, id).await;
        let expected = json!({
            "id": waiting["id"], "outcome": null, "statementCount": null, "problemCount": 0,
            "statements": [], "problems": [], "fault": null
        });
        assert_eq!(waiting, expected, "nothing was imported yet");
        work(&house, &ann, id).await;
        let key = house.key().await;
        let variables = json!({ "id": waiting["id"] });
        let got = house.query_with(&key, DID, variables).await;
        let mut did = got.data()["importJob"].clone();
        let first = json!({
            "statement": "S-1", "account": "acc_00000000000000000000000001", "currency": "EUR",
            "opening": "10.00", "closing": "-2.50", "credits": "0.00", "debits": "12.50",
            "entries": 3, "new": 1, "known": 1, "quarantined": 1, "closes": false,
            "problem": null, "nullReasons": []
        });
        let statements = did["statements"].take();
        assert_eq!(statements[0], first, "{}", house.name());
        assert_eq!(statements[1]["statement"], "S-2");
        let problems = json!([
            { "statement": "S-1", "ordinal": "0", "path": "Stmt[0]", "rule": "namespace.version",
              "original": "camt.053.001.10", "quarantined": false, "nullReasons": [] },
            { "statement": "S-1", "ordinal": "2", "path": "Stmt[0]/Ntry[1]/Amt",
              "rule": "amount.not_decimal", "original": "12,50", "quarantined": true,
              "nullReasons": [] },
        ]);
        assert_eq!(did["problems"].take(), problems);
        let rest = json!({
            "outcome": "PARTIAL", "fault": "SCHEMA_DRIFT", "faultLine": 14,
            "faultRule": "xml.unclosed", "statementCount": 2, "problemCount": 3,
            "statements": null, "problems": null
        });
        assert_eq!(did, rest, "the third problem is counted");
    }
}

#[tokio::test]
async fn an_import_that_was_given_up_without_a_report_has_failed_with_its_fault() {
    for house in houses().await {
        reference_data(&house).await;
        let ann = person(&house, house.tenant, "ann", (10, 1, 0)).await;
        let upload = upload(&house, &ann).await;
        let waiting = ask(&house, upload).await;
        let now = house.vault.effects().now();
        let claim = Claim {
            owner: "worker",
            now,
            until: now.plus_seconds(60),
        };
        let taken = job::claim(&house.db, claim).await.unwrap().unwrap();
        assert_eq!(taken.id.to_string(), waiting["id"].as_str().unwrap());
        let given_up = in_tx!(house.db, OPERATOR, |tx| {
            job::fail(tx, taken.id, "worker", "INTERNAL", &Next::GiveUp(now)).await
        });
        assert!(given_up.unwrap());
        let key = house.key().await;
        let got = house.query_with(&key, DID, json!({ "id": waiting["id"] }));
        let got = got.await;
        let did = &got.data()["importJob"];
        assert_eq!(did["outcome"], "FAILED", "{}", house.name());
        assert_eq!(did["fault"], "INTERNAL");
        assert_eq!(did["statementCount"], Value::Null);
    }
}

#[tokio::test]
async fn balances_sums_and_originals_of_an_import_need_their_scopes_and_its_person() {
    for house in houses().await {
        reference_data(&house).await;
        let ann = person(&house, house.tenant, "ann", (10, 1, 0)).await;
        person(&house, house.tenant, "bob", (20, 1, 0)).await;
        let id = upload(&house, &ann).await;
        let variables = json!({ "id": ask(&house, id).await["id"] });
        work(&house, &ann, id).await;
        let server = KeyClass::Server;
        let least = house
            .key_with(house.tenant, server, &[KeyScope::ImportWrite])
            .await;
        let got = house.query_with(&least, DID, variables.clone()).await;
        let did = &got.data()["importJob"];
        assert_eq!(did["problems"][1]["rule"], "amount.not_decimal");
        assert_eq!(did["statements"][0]["closes"], false);
        for hidden in ["10.00", "-2.50", "12.50", "12,50", "001.10"] {
            assert!(!got.text.contains(hidden), "{hidden}: {}", got.text);
        }
        let reason = json!([{ "field": "original", "reason": "NOT_PERMITTED" }]);
        assert_eq!(did["problems"][0]["nullReasons"], reason);
        let reasons = did["statements"][0]["nullReasons"].as_array();
        assert_eq!(reasons.map(Vec::len), Some(4));

        let (bobs, _) = house.token("bob", KeyScope::ALL).await;
        let got = house.query_with(&bobs, DID, variables.clone()).await;
        assert_eq!(got.data()["importJob"], Value::Null);
        let foreign = house.key_with(house.stranger, server, KeyScope::ALL).await;
        let got = house.query_with(&foreign, DID, variables).await;
        assert_eq!(got.data()["importJob"], Value::Null);
    }
}

#[tokio::test]
async fn a_list_of_problems_has_from_one_to_fifty() {
    for house in houses().await {
        reference_data(&house).await;
        let ann = person(&house, house.tenant, "ann", (10, 1, 0)).await;
        let id = upload(&house, &ann).await;
        let job = ask(&house, id).await["id"].clone();
        let key = house.key().await;
        let query =
            "query($id: ID!, $n: Int!) { importJob(id: $id) { problems(first: $n) { rule } } }";
        for (first, good) in [(0, false), (1, true), (50, true), (51, false)] {
            let variables = json!({ "id": job, "n": first });
            let got = house.query_with(&key, query, variables).await;
            let passed = got.json.get("errors").is_none();
            assert_eq!(passed, good, "{first}: {}", got.text);
            assert!(good || got.code() == "QUERY_INVALID", "{}", got.text);
        }
    }
}
