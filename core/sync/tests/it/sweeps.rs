//! Sweeps, uploads and goodbyes: the jobs besides reading.

use fondaco_model::ids::{DataKeyId, RawAnswerId, UploadId};
use fondaco_model::v1::{ConsentState, RevokedBy};
use fondaco_store::repo::job::{self, JobState};
use fondaco_store::repo::raw::{self, NewRawAnswer};
use fondaco_store::repo::transaction::{PageQuery, page};
use fondaco_store::repo::upload::{self, UploadRow};
use fondaco_store::repo::{Scope, end_user, link};
use fondaco_store::testing::engines;
use fondaco_store::{OPERATOR, in_tx};
use fondaco_sync::schedule;
use fondaco_sync::worker::{UploadPayload, upload_job};

use crate::kit::Kit;

const STATEMENT: &[u8] = include_bytes!(
    "../../../../connectors/src/providers/statement_file/fixtures/v02_household.xml"
);

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

fn answer(kit: &Kit, end_user_id: fondaco_model::ids::EndUserId) -> NewRawAnswer {
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

#[tokio::test]
async fn an_upload_is_imported_by_its_job_once() {
    for db in engines().await {
        let kit = Kit::start(db, 3).await;
        let effects = kit.vault.effects();
        let id = fondaco_model::ids::EndUserId::new(effects);
        let now = kit.now();
        let person = in_tx!(&kit.db, kit.tenant, |tx| {
            end_user::get_or_create(tx, "dora", id, now).await
        })
        .unwrap()
        .id;
        let writer = kit
            .vault
            .raw_writer(kit.tenant, answer(&kit, person))
            .await
            .unwrap();
        writer.write(STATEMENT).await.unwrap();
        let row = UploadRow {
            id: UploadId::new(effects),
            end_user_id: Some(person),
            raw_answer_id: writer.finish().await.unwrap().id,
            api_key_id: None,
            created_at: now,
            expires_at: now.plus_seconds(3_600),
            consumed_at: None,
        };
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
