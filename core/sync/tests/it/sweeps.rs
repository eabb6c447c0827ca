//! Sweeps, uploads and goodbyes: the jobs besides reading.

use std::sync::Arc;

use fondaco_model::ids::{DataKeyId, EndUserId, RawAnswerId, SyncRunId, UploadId};
use fondaco_model::v1::{ConsentState, RevokedBy};
use fondaco_model::{Date, Money};
use fondaco_store::repo::job::{self, JobState};
use fondaco_store::repo::raw::{self, NewRawAnswer, UNNAMED_SECONDS};
use fondaco_store::repo::run::{self, NewRun, RunCause, RunOutcome, RunState};
use fondaco_store::repo::staged::{self, StagedKey, StagedRow};
use fondaco_store::repo::transaction::{PageQuery, page};
use fondaco_store::repo::upload::{self, UploadRow};
use fondaco_store::repo::{Scope, end_user, link};
use fondaco_store::testing::engines;
use fondaco_store::{OPERATOR, in_tx};
use fondaco_sync::import::{ABANDONED_SECONDS, ImportRequest, Importer, Progress};
use fondaco_sync::schedule;
use fondaco_sync::worker::{UploadPayload, upload_job};
use fondaco_vault::jobs;
use serde_json::json;

use crate::kit::Kit;

const STATEMENT: &[u8] = include_bytes!(
    "../../../../connectors/src/providers/statement_file/fixtures/v02_household.xml"
);

const DAY: i64 = 86_400;

async fn sweep(kit: &Kit) {
    let now = kit.now();
    let effects = kit.vault.effects();
    in_tx!(&kit.db, OPERATOR, |tx| schedule::sweep_at(
        tx, effects, 0, now
    )
    .await)
    .unwrap();
    kit.worker().run_due(50).await.unwrap();
    // The tenants' own sweeps are spread over some minutes.
    kit.pass(300).await;
    kit.worker().run_due(50).await.unwrap();
}

fn answer(kit: &Kit, end_user_id: EndUserId) -> NewRawAnswer {
    NewRawAnswer {
        id: RawAnswerId::new(kit.vault.effects()),
        end_user_id,
        link_id: None,
        family: "statement_file".to_owned(),
        resource: "statement".to_owned(),
        request_fingerprint: None,
        data_key_id: DataKeyId(uuid::Uuid::nil()),
        http_status: None,
        file_name_sealed: None,
        fetched_at: kit.now(),
        retention_until: None,
    }
}

#[tokio::test]
async fn a_sweep_asks_for_a_reading_that_is_overdue_and_has_no_job() {
    for db in engines().await {
        let kit = Kit::start(db, 3).await;
        let link = kit.link("anna").await;
        kit.worker().run_due(10).await.unwrap();
        let read_at = kit.link_row(link).await.last_success_at;
        let due = kit.now();
        in_tx!(&kit.db, kit.tenant, |tx| {
            job::cancel(tx, &link.to_string(), due).await?;
            link::set_due(tx, link, Some(due)).await
        })
        .unwrap();
        // Overdue before the first sweep: the tenant's own may be drawn to come at once.
        kit.pass(200).await;
        sweep(&kit).await;
        let row = kit.link_row(link).await;
        assert!(row.last_success_at > read_at, "the link was not read again");
        assert!(row.next_due_at > Some(kit.now()));
    }
}

#[tokio::test]
async fn a_sweep_is_asked_for_again_and_deletes_what_is_left_over() {
    for db in engines().await {
        let kit = Kit::start(db, 3).await;
        let link = kit.link("anna").await;
        kit.worker().run_due(10).await.unwrap();
        let person = kit.link_row(link).await.end_user_id;
        let left = answer(&kit, person);
        let left = NewRawAnswer {
            data_key_id: kit.data_key(person).await,
            ..left
        };
        in_tx!(&kit.db, kit.tenant, |tx| raw::begin(tx, &left).await).unwrap();
        kit.pass(90_000).await;
        sweep(&kit).await;
        let mut session = kit.db.read(kit.tenant).await.unwrap();
        let gone = raw::get(&mut session, Scope::Tenant, left.id)
            .await
            .unwrap();
        assert!(gone.is_none(), "an incomplete answer is left");
        drop(session);
        let mut session = kit.db.read(OPERATOR).await.unwrap();
        let waiting = job::count(&mut session, JobState::Waiting).await.unwrap();
        let done = job::count(&mut session, JobState::Done).await.unwrap();
        assert_eq!(waiting, 1, "one sweep waits");
        assert!(done >= 2);
        drop(session);
        kit.pass(8 * 86_400).await;
        sweep(&kit).await;
        let mut session = kit.db.read(OPERATOR).await.unwrap();
        let kept = job::count(&mut session, JobState::Done).await.unwrap();
        assert!(kept < done + 4, "ended jobs are kept: {kept} after {done}");
    }
}

#[tokio::test]
async fn a_disconnected_link_is_taken_back_at_the_bank_and_never_read_again() {
    for db in engines().await {
        let kit = Kit::start(db, 3).await;
        let link = kit.link("anna").await;
        kit.worker().run_due(10).await.unwrap();
        let by = RevokedBy::Client;
        kit.vault
            .disconnect(kit.tenant, (Scope::Tenant, link), by)
            .await
            .unwrap();
        kit.worker().run_due(10).await.unwrap();
        let info = kit.bank.ask("info").await;
        let status = &info["consents"][0]["consentStatus"];
        assert_eq!(status, "terminatedByTpp");
        assert_eq!(kit.consent_of(link).await.state, ConsentState::Revoked);
        kit.pass(7 * 3_600).await;
        sweep(&kit).await;
        let outcome = kit.read(link).await;
        assert!(!outcome.is_complete() && outcome.fault.is_none());
        assert_eq!(kit.link_row(link).await.next_due_at, None);
    }
}

async fn person(kit: &Kit) -> EndUserId {
    let (id, now) = (EndUserId::new(kit.vault.effects()), kit.now());
    let made = in_tx!(&kit.db, kit.tenant, |tx| {
        end_user::get_or_create(tx, "dora", id, now).await
    });
    made.unwrap().id
}

/// Content of a person, stored whole; an upload of it is not kept yet.
async fn upload(kit: &Kit, person: EndUserId, content: &[u8]) -> UploadRow {
    let writer = kit
        .vault
        .raw_writer(kit.tenant, answer(kit, person))
        .await
        .unwrap();
    writer.write(content).await.unwrap();
    UploadRow {
        id: UploadId::new(kit.vault.effects()),
        end_user_id: Some(person),
        raw_answer_id: writer.finish().await.unwrap().id,
        api_key_id: None,
        created_at: kit.now(),
        expires_at: kit.now().plus_seconds(DAY),
        consumed_at: None,
    }
}

#[tokio::test]
async fn an_upload_is_imported_by_its_job_once() {
    for db in engines().await {
        let kit = Kit::start(db, 3).await;
        let effects = kit.vault.effects();
        let person = person(&kit).await;
        let row = upload(&kit, person, STATEMENT).await;
        let payload = UploadPayload {
            upload: row.id,
            end_user: person,
            account: None,
            create: true,
        };
        for _ in 0..2 {
            let job = upload_job(effects, &payload);
            in_tx!(&kit.db, kit.tenant, |tx| {
                if upload::get(tx, Scope::Tenant, row.id).await?.is_none() {
                    upload::insert(tx, &row).await?;
                }
                job::enqueue(tx, &job).await
            })
            .unwrap();
            kit.worker().run_due(10).await.unwrap();
        }
        let mut session = kit.db.read(kit.tenant).await.unwrap();
        assert_eq!(job::count(&mut session, JobState::Dead).await.unwrap(), 0);
        let scope = Scope::EndUser(person);
        let rows = page(&mut session, scope, &PageQuery::newest(100))
            .await
            .unwrap()
            .rows;
        let entries = STATEMENT
            .windows(6)
            .filter(|bytes| bytes == b"<Ntry>")
            .count();
        assert_eq!(rows.len(), entries);
    }
}

/// The tenant's own sweep, now.
async fn sweep_tenant(kit: &Kit) {
    let asked = jobs::new(
        kit.vault.effects(),
        schedule::SWEEP_TENANT,
        &json!({}),
        kit.now(),
    );
    in_tx!(&kit.db, kit.tenant, |tx| job::enqueue(tx, &asked).await).unwrap();
    kit.worker().run_due(50).await.unwrap();
    let mut session = kit.db.read(kit.tenant).await.unwrap();
    let swept = job::get(&mut session, asked.id).await.unwrap().unwrap();
    assert_eq!(swept.state, JobState::Done, "{:?}", swept.last_fault);
}

/// An import that was killed while it staged: its run, with some records.
async fn killed(kit: &Kit, person: EndUserId, request_id: Option<&str>) -> SyncRunId {
    let id = SyncRunId::new(kit.vault.effects());
    let new = NewRun {
        id,
        end_user_id: person,
        link_id: None,
        account_source_id: None,
        resource: "statement".to_owned(),
        cause: RunCause::Import,
        window_from: None,
        window_to: None,
        request_id: request_id.map(str::to_owned),
        started_at: kit.now(),
    };
    let rows: Vec<StagedRow> = (0..5_001).map(|ordinal| record(0, ordinal)).collect();
    in_tx!(&kit.db, kit.tenant, |tx| {
        run::insert(tx, &new).await?;
        staged::insert(tx, id, &rows).await
    })
    .unwrap();
    id
}

fn record(statement: i64, ordinal: i64) -> StagedRow {
    let euro = "EUR".parse().unwrap();
    StagedRow {
        key: StagedKey {
            statement,
            sort_date: "2000-01-01".parse::<Date>().unwrap(),
            amount: Money::parse("1.00", euro).unwrap(),
            ordinal,
        },
        sealed: b"sealed elsewhere".to_vec(),
    }
}

/// How a run stands, and how many of its records wait.
async fn run_of(kit: &Kit, id: SyncRunId) -> (RunState, Option<RunOutcome>, i64) {
    let mut session = kit.db.read(kit.tenant).await.unwrap();
    let row = run::get(&mut session, Scope::Tenant, id).await.unwrap();
    let row = row.unwrap();
    let waiting = staged::count(&mut session, id).await.unwrap();
    assert_eq!(staged::count_ended(&mut session).await.unwrap(), 0);
    (row.state, row.outcome, waiting)
}

const GONE: (RunState, Option<RunOutcome>, i64) = (RunState::Done, Some(RunOutcome::Internal), 0);
const RUNS: (RunState, Option<RunOutcome>, i64) = (RunState::Running, None, 5_001);

#[tokio::test]
async fn an_import_that_was_killed_is_ended_after_a_day_and_leaves_nothing_staged() {
    for db in engines().await {
        let kit = Kit::start(db, 3).await;
        let person = person(&kit).await;
        let old = killed(&kit, person, None).await;
        kit.pass(1).await;
        let young = killed(&kit, person, Some("req-7")).await;
        kit.pass(ABANDONED_SECONDS - 1).await;
        for (old_is, young_is) in [(RUNS, RUNS), (GONE, RUNS), (GONE, GONE)] {
            sweep_tenant(&kit).await;
            let context = kit.db.name();
            assert_eq!(run_of(&kit, old).await, old_is, "{context}");
            assert_eq!(run_of(&kit, young).await, young_is, "{context}");
            kit.pass(1).await;
        }
    }
}

#[tokio::test]
async fn an_import_that_is_tried_again_ends_the_try_before_it_and_no_other() {
    for db in engines().await {
        let kit = Kit::start(db, 3).await;
        let person = person(&kit).await;
        let earlier = killed(&kit, person, Some("req-7")).await;
        let other = killed(&kit, person, Some("req-8")).await;
        let command = killed(&kit, person, None).await;
        let row = upload(&kit, person, STATEMENT).await;
        let payload = UploadPayload {
            upload: row.id,
            end_user: person,
            account: None,
            create: true,
        };
        let mut job = upload_job(kit.vault.effects(), &payload);
        job.request_id = Some("req-7".to_owned());
        in_tx!(&kit.db, kit.tenant, |tx| {
            upload::insert(tx, &row).await?;
            job::enqueue(tx, &job).await
        })
        .unwrap();
        kit.worker().run_due(10).await.unwrap();
        let mut session = kit.db.read(kit.tenant).await.unwrap();
        let done = job::get(&mut session, job.id).await.unwrap().unwrap();
        assert_eq!(done.state, JobState::Done, "{}", kit.db.name());
        drop(session);
        assert_eq!(run_of(&kit, earlier).await, GONE, "{}", kit.db.name());
        assert_eq!(run_of(&kit, other).await, RUNS);
        assert_eq!(run_of(&kit, command).await, RUNS);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_fails_while_it_resolves_ends_its_run_and_leaves_nothing_staged() {
    for db in engines().await {
        let kit = Arc::new(Kit::start(db, 3).await);
        let person = person(&kit).await;
        let row = upload(&kit, person, STATEMENT).await;
        let request = ImportRequest {
            tenant: kit.tenant,
            end_user: person,
            account: None,
            create: true,
            file: "statement.xml".to_owned(),
            request_id: None,
        };
        let (seen, at) = (Arc::clone(&kit), tokio::runtime::Handle::current());
        let broken = Arc::new(std::sync::Mutex::new(None));
        let found = Arc::clone(&broken);
        let listener = Arc::new(move |progress: Progress| {
            if !matches!(progress, Progress::Staged(_)) {
                return;
            }
            let spoil = spoil(&seen);
            let run = tokio::task::block_in_place(|| at.block_on(spoil));
            *found.lock().unwrap() = Some(run);
        });
        let importer = Importer::new(kit.vault.clone(), 1 << 30);
        let failed = importer.raw(&request, row.raw_answer_id, listener).await;
        assert!(failed.is_err(), "{}", kit.db.name());
        let run = broken.lock().unwrap().take().unwrap();
        assert_eq!(run_of(&kit, run).await, GONE, "{}", kit.db.name());
    }
}

/// Stages a record that cannot be opened for the import that runs, before all others.
async fn spoil(kit: &Kit) -> SyncRunId {
    let later = kit.now().plus_seconds(1);
    let mut session = kit.db.read(kit.tenant).await.unwrap();
    let run = run::overdue_imports(&mut session, later).await.unwrap()[0];
    drop(session);
    in_tx!(&kit.db, kit.tenant, |tx| {
        staged::insert(tx, run, &[record(0, 0)]).await
    })
    .unwrap();
    run
}

async fn is_stored(kit: &Kit, id: RawAnswerId) -> bool {
    let mut session = kit.db.read(kit.tenant).await.unwrap();
    let row = raw::get(&mut session, Scope::Tenant, id).await.unwrap();
    let bytes = raw::chunk(&mut session, id, 0).await.unwrap();
    assert_eq!(row.is_some(), bytes.is_some(), "a row without its bytes");
    row.is_some()
}

#[tokio::test]
async fn content_that_nobody_imports_goes_an_hour_after_the_last_upload_of_it_expired() {
    for db in engines().await {
        let kit = Kit::start(db, 3).await;
        let person = person(&kit).await;
        let first = upload(&kit, person, b"<Document/>").await;
        let imported = upload(&kit, person, STATEMENT).await;
        let payload = UploadPayload {
            upload: imported.id,
            end_user: person,
            account: None,
            create: true,
        };
        let job = upload_job(kit.vault.effects(), &payload);
        in_tx!(&kit.db, kit.tenant, |tx| {
            upload::insert(tx, &first).await?;
            upload::insert(tx, &imported).await?;
            job::enqueue(tx, &job).await
        })
        .unwrap();
        kit.worker().run_due(10).await.unwrap();
        kit.pass(DAY / 2).await;
        let again = upload(&kit, person, b"<Document/>").await;
        assert_eq!(again.raw_answer_id, first.raw_answer_id);
        in_tx!(&kit.db, kit.tenant, |tx| upload::insert(tx, &again).await).unwrap();
        // The first expires, then the second; both times an hour passes.
        for (seconds, stays) in [
            (DAY / 2, true),
            (UNNAMED_SECONDS, true),
            (DAY / 2 - UNNAMED_SECONDS, true),
            (UNNAMED_SECONDS - 1, true),
            (1, false),
        ] {
            kit.pass(seconds).await;
            sweep_tenant(&kit).await;
            let context = format!("{} {seconds}", kit.db.name());
            let stored = is_stored(&kit, first.raw_answer_id).await;
            assert_eq!(stored, stays, "{context}");
            // Its upload expired too, but records name it.
            assert!(is_stored(&kit, imported.raw_answer_id).await, "{context}");
        }
        let mut session = kit.db.read(kit.tenant).await.unwrap();
        for row in [&first, &imported, &again] {
            let left = upload::get(&mut session, Scope::Tenant, row.id).await;
            assert_eq!(left.unwrap(), None, "{}", kit.db.name());
        }
    }
}
