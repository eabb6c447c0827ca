//! What is kept of the import of an upload: outcome, fault with line and rule, statements.

use fondaco_model::ids::{DataKeyId, EndUserId, RawAnswerId, UploadId};
use fondaco_store::in_tx;
use fondaco_store::repo::job::{self, JobState};
use fondaco_store::repo::raw::NewRawAnswer;
use fondaco_store::repo::upload::{self, ReportLines, UploadOutcome, UploadReport, UploadRow};
use fondaco_store::repo::{Scope, end_user};
use fondaco_store::testing::engines;
use fondaco_sync::import::problems;
use fondaco_sync::worker::{UploadPayload, upload_job};
use fondaco_vault::identifiers::Spot;

use crate::kit::Kit;

/// One file and what has to be kept of its import.
struct Case {
    text: String,
    create: bool,
    outcome: UploadOutcome,
    /// Code, line and rule.
    fault: Option<(&'static str, Option<i64>, &'static str)>,
    statements: i64,
    ended: JobState,
}

fn fixture(name: &str) -> String {
    let folder = "../../connectors/src/providers/statement_file/fixtures";
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(folder)
        .join(name);
    std::fs::read_to_string(path).unwrap()
}

fn cases() -> Vec<Case> {
    let case = |name: &str, outcome| Case {
        text: fixture(name),
        create: true,
        outcome,
        fault: None,
        statements: 1,
        ended: JobState::Done,
    };
    let no_account = ("NOT_FOUND_OR_GONE", None, "statement.no_account");
    let cut = ("SCHEMA_DRIFT", Some(14), "xml.unclosed");
    let doctype = ("SCHEMA_DRIFT", Some(2), "xml.doctype_refused");
    vec![
        case("v02_household.xml", UploadOutcome::Ok),
        case("v08_no_closing.xml", UploadOutcome::Ok),
        case("v08_does_not_close.xml", UploadOutcome::Partial),
        case("v08_quarantine.xml", UploadOutcome::Partial),
        Case {
            create: false,
            fault: Some(no_account),
            ..case("v04_shop_batch.xml", UploadOutcome::Failed)
        },
        Case {
            fault: Some(cut),
            ..case("refused/cut.xml", UploadOutcome::Partial)
        },
        Case {
            fault: Some(doctype),
            statements: 0,
            ended: JobState::Dead,
            ..case("refused/doctype.xml", UploadOutcome::Failed)
        },
    ]
}

async fn person(kit: &Kit, number: usize) -> EndUserId {
    let (id, now) = (EndUserId::new(kit.vault.effects()), kit.now());
    let name = format!("person {number}");
    let made = in_tx!(&kit.db, kit.tenant, |tx| {
        end_user::get_or_create(tx, &name, id, now).await
    });
    made.unwrap().id
}

/// Uploads a file and runs its job; the upload's row and how the job ended.
async fn import(kit: &Kit, end_user: EndUserId, case: &Case) -> (UploadRow, JobState) {
    let effects = kit.vault.effects();
    let answer = NewRawAnswer {
        id: RawAnswerId::new(effects),
        end_user_id: end_user,
        link_id: None,
        family: "statement_file".to_owned(),
        resource: "statement".to_owned(),
        request_fingerprint: None,
        data_key_id: DataKeyId(uuid::Uuid::nil()),
        http_status: None,
        file_name_sealed: None,
        fetched_at: kit.now(),
        retention_until: None,
    };
    let writer = kit.vault.raw_writer(kit.tenant, answer).await.unwrap();
    writer.write(case.text.as_bytes()).await.unwrap();
    let row = UploadRow {
        id: UploadId::new(effects),
        end_user_id: Some(end_user),
        raw_answer_id: writer.finish().await.unwrap().id,
        api_key_id: None,
        created_at: kit.now(),
        expires_at: kit.now().plus_seconds(3_600),
        consumed_at: None,
    };
    let payload = UploadPayload {
        upload: row.id,
        end_user,
        account: None,
        create: case.create,
    };
    let job = upload_job(effects, &payload);
    in_tx!(&kit.db, kit.tenant, |tx| {
        upload::insert(tx, &row).await?;
        job::enqueue(tx, &job).await
    })
    .unwrap();
    kit.worker().run_due(10).await.unwrap();
    let mut session = kit.db.read(kit.tenant).await.unwrap();
    let ended = job::get(&mut session, job.id).await.unwrap().unwrap();
    (row, ended.state)
}

async fn lines(kit: &Kit, upload: UploadId, report: &UploadReport) -> ReportLines {
    let place = Spot::new(upload.0, "upload", upload::REPORT_COLUMN);
    let sealed = [(place, report.report_sealed.as_str())];
    let opened = kit
        .vault
        .open_identifiers(kit.tenant, &sealed)
        .await
        .unwrap();
    serde_json::from_str(opened[0].as_ref().unwrap().expose()).unwrap()
}

#[tokio::test]
async fn an_upload_keeps_its_outcome_and_the_line_and_rule_at_which_it_broke_off() {
    for db in engines().await {
        let kit = Kit::start(db, 3).await;
        for (number, case) in cases().iter().enumerate() {
            let context = format!("{} {number}", kit.db.name());
            let owner = person(&kit, number).await;
            let (row, ended) = import(&kit, owner, case).await;
            let mut session = kit.db.read(kit.tenant).await.unwrap();
            let report = upload::report(&mut session, Scope::EndUser(owner), row.id);
            let report = report.await.unwrap().unwrap();
            drop(session);
            assert_eq!(ended, case.ended, "{context}");
            assert_eq!(report.outcome, case.outcome, "{context}");
            let rule = report.fault_rule.as_deref();
            let fault = report.fault_code.as_deref().zip(rule);
            let fault = fault.map(|(code, rule)| (code, report.fault_line, rule));
            assert_eq!(fault, case.fault, "{context}");
            assert_eq!(report.statement_count, case.statements, "{context}");
            let kept = lines(&kit, row.id, &report).await;
            assert_eq!(
                kept.statements.len(),
                usize::try_from(case.statements).unwrap()
            );
            assert!(!report.report_sealed.contains("EUR"), "{context}");
            let imported = kept.statements.first().filter(|_| case.create);
            assert!(
                imported.is_none_or(|one| one.account.is_some()),
                "{context}"
            );
        }
    }
}

#[tokio::test]
async fn problems_are_told_again_when_the_same_file_comes_again_and_the_rest_is_counted() {
    for db in engines().await {
        let kit = Kit::start(db, 3).await;
        let owner = person(&kit, 0).await;
        let case = cases().remove(3);
        let mut raw = None;
        for _ in 0..2 {
            let (row, _) = import(&kit, owner, &case).await;
            let first = *raw.get_or_insert(row.raw_answer_id);
            assert_eq!(row.raw_answer_id, first, "one content is one raw answer");
            let asked = (kit.tenant, row.raw_answer_id);
            let all = problems(&kit.vault, asked, (0, i64::MAX), 100)
                .await
                .unwrap();
            let bad = all
                .first
                .iter()
                .find(|one| one.rule == "amount.not_decimal")
                .unwrap();
            assert_eq!(bad.path, "Stmt[0]/Ntry[1]/Amt");
            assert_eq!(bad.original.as_deref(), Some("12,50"));
            assert!(bad.quarantined && all.more == 0);
            let count = i64::try_from(all.first.len()).unwrap();
            for (limit, told) in [(2, 2), (count, count), (count + 1, count)] {
                let limit = u32::try_from(limit).unwrap();
                let part = problems(&kit.vault, asked, (0, i64::MAX), limit)
                    .await
                    .unwrap();
                assert_eq!(i64::try_from(part.first.len()).unwrap(), told, "{limit}");
                assert_eq!(part.more, count - told, "{limit}");
            }
        }
    }
}
