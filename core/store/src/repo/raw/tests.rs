use fondaco_model::ids::{QuarantineId, RawAnswerId, UploadId};
use fondaco_model::v1::RawAnswer;
use uuid::Uuid;

use super::kept::NAMED_BY;
use super::{
    DELETE_MAX, NewRawAnswer, SEALED_MAX, append, begin, by_ids, chunk, delete_due,
    delete_incomplete, due, find_by_content, finish, get, keep, named, retire,
};
use crate::in_tx;
use crate::migrate::MIGRATIONS;
use crate::repo::Scope;
use crate::repo::quarantine::{self, QuarantineRow, RemarkRow};
use crate::repo::run::{self, NewRun, RunCause, RunPage};
use crate::repo::testing_ids::{ANN, ANNS, BOB, KEY, LINK, NOW, RAW, RUN, STRANGER, TENANT, seed};
use crate::repo::upload::{self, UploadRow};
use crate::testing::engines;
use crate::{Db, StoreError};

fn new(id: RawAnswerId) -> NewRawAnswer {
    NewRawAnswer {
        id,
        end_user_id: ANN,
        link_id: Some(LINK),
        family: "example_family".to_owned(),
        resource: "transactions".to_owned(),
        request_fingerprint: Some([4; 32]),
        data_key_id: KEY,
        http_status: Some(200),
        file_name_sealed: Some("v1.k.n.c".to_owned()),
        fetched_at: NOW,
        retention_until: None,
    }
}

fn id(number: u128) -> RawAnswerId {
    RawAnswerId(Uuid::from_u128(number))
}

/// A complete answer of these chunks with this digest.
async fn store(db: &Db, new: &NewRawAnswer, sha: u8, chunks: &[&[u8]]) {
    let mut tx = db.begin(TENANT).await.unwrap();
    begin(&mut tx, new).await.unwrap();
    for (number, sealed) in (0..).zip(chunks) {
        append(&mut tx, new.id, number, sealed).await.unwrap();
    }
    finish(&mut tx, new.id, &[sha; 32], 11).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn an_answer_is_read_back_chunk_by_chunk() {
    for db in engines().await {
        store(&db, &new(RAW), 7, &[b"first", b"", b"third"]).await;
        let mut session = db.read(TENANT).await.unwrap();
        let row = get(&mut session, Scope::Tenant, RAW)
            .await
            .unwrap()
            .unwrap();
        assert!(row.complete, "{}", db.name());
        assert_eq!(
            (row.chunk_count, row.content_bytes, row.http_status),
            (3, 11, Some(200))
        );
        assert_eq!(
            (row.link_id, row.request_fingerprint),
            (Some(LINK), Some([4; 32]))
        );
        for (number, expected) in [
            (0, Some("first")),
            (1, Some("")),
            (2, Some("third")),
            (3, None),
        ] {
            let sealed = chunk(&mut session, RAW, number).await.unwrap();
            assert_eq!(sealed.as_deref(), expected.map(str::as_bytes), "{number}");
        }
        let canonical = RawAnswer::from(row);
        assert_eq!(canonical.content_sha256, "07".repeat(32));
        let mut stranger = db.read(STRANGER).await.unwrap();
        assert_eq!(chunk(&mut stranger, RAW, 0).await.unwrap(), None);
    }
}

#[tokio::test]
async fn chunks_are_appended_in_order_and_never_to_a_complete_answer() {
    for db in engines().await {
        let mut tx = db.begin(TENANT).await.unwrap();
        begin(&mut tx, &new(RAW)).await.unwrap();
        assert_eq!(
            append(&mut tx, RAW, 1, b"x").await,
            Err(StoreError::LostUpdate)
        );
        append(&mut tx, RAW, 0, b"x").await.unwrap();
        assert_eq!(
            append(&mut tx, RAW, 0, b"x").await,
            Err(StoreError::LostUpdate)
        );
        assert_eq!(
            append(&mut tx, id(404), 0, b"x").await,
            Err(StoreError::LostUpdate)
        );
        finish(&mut tx, RAW, &[1; 32], 1).await.unwrap();
        assert_eq!(
            append(&mut tx, RAW, 1, b"x").await,
            Err(StoreError::LostUpdate)
        );
        assert_eq!(
            finish(&mut tx, RAW, &[2; 32], 1).await,
            Err(StoreError::LostUpdate)
        );
        tx.commit().await.unwrap();
        let mut session = db.read(TENANT).await.unwrap();
        let row = get(&mut session, Scope::Tenant, RAW)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (row.chunk_count, row.content_sha256),
            (1, [1; 32]),
            "{}",
            db.name()
        );
    }
}

#[tokio::test]
async fn a_chunk_may_be_as_large_as_a_sealed_mebibyte_and_no_larger() {
    for db in engines().await {
        let mut tx = db.begin(TENANT).await.unwrap();
        begin(&mut tx, &new(RAW)).await.unwrap();
        let bytes = vec![1; SEALED_MAX + 1];
        append(&mut tx, RAW, 0, &bytes[1..]).await.unwrap();
        let refused = append(&mut tx, RAW, 1, &bytes).await;
        assert!(
            matches!(refused, Err(StoreError::Inconsistent { .. })),
            "{}",
            db.name()
        );
    }
}

#[tokio::test]
async fn the_same_bytes_are_found_for_the_same_person_when_they_are_complete() {
    for db in engines().await {
        store(&db, &new(id(2)), 7, &[]).await;
        store(&db, &new(id(1)), 7, &[]).await;
        let mut tx = db.begin(TENANT).await.unwrap();
        begin(&mut tx, &new(id(3))).await.unwrap();
        tx.commit().await.unwrap();
        for (tenant, person, sha, expected) in [
            (TENANT, ANN, 7, Some(id(1))),
            (TENANT, ANN, 8, None),
            (TENANT, ANN, 0, None),
            (TENANT, BOB, 7, None),
            (STRANGER, ANN, 7, None),
        ] {
            let mut tx = db.begin(tenant).await.unwrap();
            let found = find_by_content(&mut tx, person, &[sha; 32]).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(found.map(|row| row.id), expected, "{} {sha}", db.name());
        }
        let mut session = db.read(TENANT).await.unwrap();
        let ids = [id(1), id(2), id(3)];
        assert_eq!(
            by_ids(&mut session, Scope::EndUser(ANN), &ids)
                .await
                .unwrap()
                .len(),
            3
        );
        assert!(
            by_ids(&mut session, Scope::EndUser(BOB), &ids)
                .await
                .unwrap()
                .is_empty()
        );
    }
}

#[tokio::test]
async fn only_old_incomplete_answers_are_deleted_with_their_chunks() {
    for db in engines().await {
        store(&db, &new(id(1)), 7, &[b"kept"]).await;
        let mut tx = db.begin(TENANT).await.unwrap();
        begin(&mut tx, &new(id(2))).await.unwrap();
        append(&mut tx, id(2), 0, b"gone").await.unwrap();
        let mut young = new(id(3));
        young.fetched_at = NOW.plus_seconds(1);
        begin(&mut tx, &young).await.unwrap();
        tx.commit().await.unwrap();
        let limit = NOW.plus_seconds(1);
        let mut tx = db.begin(STRANGER).await.unwrap();
        assert_eq!(
            delete_incomplete(&mut tx, limit).await.unwrap(),
            0,
            "{}",
            db.name()
        );
        tx.commit().await.unwrap();
        let mut tx = db.begin(TENANT).await.unwrap();
        assert_eq!(
            delete_incomplete(&mut tx, limit).await.unwrap(),
            1,
            "{}",
            db.name()
        );
        assert_eq!(delete_incomplete(&mut tx, limit).await.unwrap(), 0);
        tx.commit().await.unwrap();
        let mut session = db.read(TENANT).await.unwrap();
        let rest = by_ids(&mut session, Scope::Tenant, &[id(1), id(2), id(3)])
            .await
            .unwrap();
        assert_eq!(
            rest.iter().map(|row| row.id).collect::<Vec<_>>(),
            [id(1), id(3)]
        );
        assert_eq!(chunk(&mut session, id(2), 0).await.unwrap(), None);
        assert!(chunk(&mut session, id(1), 0).await.unwrap().is_some());
    }
}

/// Tables with a column that names raw answers, as the migrations declare them.
fn tables_that_name() -> Vec<&'static str> {
    let mut table = "";
    let mut found = Vec::new();
    for line in MIGRATIONS.iter().flat_map(|one| one.text.lines()) {
        if let Some(rest) = line.strip_prefix("create table ") {
            table = rest.trim_end_matches(" (");
        } else if line.starts_with("    raw_answer_id ") {
            found.push(table);
        }
    }
    found
}

#[test]
fn every_table_that_names_answers_is_asked_before_one_goes() {
    let mut found = tables_that_name();
    found.retain(|table| *table != "raw_chunk");
    found.sort_unstable();
    let mut asked = NAMED_BY.to_vec();
    asked.sort_unstable();
    assert_eq!(asked, found);
}

fn upload_of(number: u128) -> UploadRow {
    UploadRow {
        id: UploadId(Uuid::from_u128(number)),
        end_user_id: Some(ANN),
        raw_answer_id: id(number),
        api_key_id: None,
        created_at: NOW,
        expires_at: NOW.plus_seconds(60),
        consumed_at: None,
    }
}

/// Rows that name the answers 1 to 5, each in another table.
async fn name_five(db: &Db) {
    seed(db).await;
    let quarantined = QuarantineRow {
        id: QuarantineId(Uuid::from_u128(2)),
        end_user_id: ANN,
        run_id: RUN,
        raw_answer_id: id(2),
        ordinal: 0,
        resource: "statement".to_owned(),
        field: "Amt".to_owned(),
        rule: "amount.not_decimal".to_owned(),
        original_sealed: "v1.k.n.c".to_owned(),
        data_key_id: KEY,
        created_at: NOW,
        resolved_at: None,
    };
    let remark = RemarkRow {
        raw_answer_id: id(3),
        ordinal: 0,
        number: 0,
        end_user_id: ANN,
        target_id: None,
        field: "Amt".to_owned(),
        rule: "amount.not_decimal".to_owned(),
        original_sealed: "v1.k.n.c".to_owned(),
        data_key_id: KEY,
    };
    let run = NewRun {
        id: RUN,
        end_user_id: ANN,
        link_id: None,
        account_source_id: None,
        resource: "statement".to_owned(),
        cause: RunCause::Import,
        window_from: None,
        window_to: None,
        request_id: None,
        started_at: NOW,
    };
    let page = RunPage {
        run_id: RUN,
        number: 0,
        raw_answer_id: id(4),
        claimed: Vec::new(),
        created_at: NOW,
    };
    in_tx!(db, TENANT, |tx| {
        upload::insert(tx, &upload_of(1)).await?;
        quarantine::insert(tx, std::slice::from_ref(&quarantined)).await?;
        quarantine::insert_remarks(tx, std::slice::from_ref(&remark)).await?;
        run::insert(tx, &run).await?;
        run::insert_page(tx, &page).await?;
        on!(tx, |conn, D| {
            let head = "update account set raw_answer_id = ";
            let mut query = sqlx::QueryBuilder::<D>::new(head);
            query.push_bind(id(5).0).push(" where tenant_id = ");
            query
                .push_bind(TENANT.0)
                .push(" and id = ")
                .push_bind(ANNS.0);
            query.build().execute(&mut *conn).await.unwrap();
        });
        Ok::<_, StoreError>(())
    })
    .unwrap();
}

#[tokio::test]
async fn an_answer_is_named_by_any_row_of_its_own_tenant() {
    for db in engines().await {
        name_five(&db).await;
        let all: Vec<_> = (1..=6).map(id).collect();
        let mut session = db.read(TENANT).await.unwrap();
        let mut found = named(&mut session, &all).await.unwrap();
        found.sort();
        assert_eq!(found, all[..5], "{}", db.name());
        let mut stranger = db.read(STRANGER).await.unwrap();
        assert_eq!(named(&mut stranger, &all).await.unwrap(), []);
        assert_eq!(named(&mut session, &[]).await.unwrap(), []);
    }
}

#[tokio::test]
async fn an_answer_goes_on_its_day_with_its_chunks_unless_it_is_kept() {
    for db in engines().await {
        for number in 1..=4 {
            let sha = u8::try_from(number).unwrap();
            store(&db, &new(id(number)), sha, &[b"bytes"]).await;
        }
        let (at, ids) = (NOW.plus_seconds(9), [id(1), id(2), id(3)]);
        let changed = in_tx!(db, TENANT, |tx| {
            let changed = retire(tx, &ids, at).await?;
            // The sooner day counts.
            let later = retire(tx, &ids, at.plus_seconds(1)).await?;
            let kept = keep(tx, &[id(2)]).await?;
            Ok::<_, StoreError>((changed, later, kept))
        });
        assert_eq!(changed.unwrap(), (3, 0, 1), "{}", db.name());
        let mut session = db.read(TENANT).await.unwrap();
        for (seconds, limit, expected) in [
            (8, 9, vec![]),
            (9, 9, vec![id(1), id(3)]),
            (9, 1, vec![id(1)]),
        ] {
            let at = NOW.plus_seconds(seconds);
            assert_eq!(due(&mut session, at, limit).await.unwrap(), expected);
        }
        drop(session);
        for (tenant, seconds, gone) in [(STRANGER, 9, 0), (TENANT, 8, 0), (TENANT, 9, 2)] {
            let at = NOW.plus_seconds(seconds);
            let deleted = in_tx!(db, tenant, |tx| delete_due(tx, &ids, at).await);
            assert_eq!(deleted, Ok(gone), "{} {seconds}", db.name());
        }
        let mut session = db.read(TENANT).await.unwrap();
        for (number, stays) in [(1, false), (2, true), (3, false), (4, true)] {
            let row = get(&mut session, Scope::Tenant, id(number)).await.unwrap();
            assert_eq!(row.is_some(), stays, "{number}");
            let bytes = chunk(&mut session, id(number), 0).await.unwrap();
            assert_eq!(bytes.is_some(), stays, "{number}");
        }
    }
}

#[tokio::test]
async fn whoever_finds_an_answer_by_its_content_keeps_it() {
    for db in engines().await {
        store(&db, &new(RAW), 7, &[b"bytes"]).await;
        let found = in_tx!(db, TENANT, |tx| {
            retire(tx, &[RAW], NOW).await?;
            find_by_content(tx, ANN, &[7; 32]).await
        });
        let found = found.unwrap().unwrap();
        assert_eq!((found.id, found.retention_until), (RAW, None));
        let gone = in_tx!(db, TENANT, |tx| delete_due(tx, &[RAW], NOW).await);
        assert_eq!(gone, Ok(0), "{}", db.name());
        let mut session = db.read(TENANT).await.unwrap();
        let row = get(&mut session, Scope::Tenant, RAW).await.unwrap();
        assert_eq!(row, Some(found));
    }
}

#[tokio::test]
async fn one_call_deletes_at_most_sixteen_incomplete_answers() {
    for db in engines().await {
        in_tx!(db, TENANT, |tx| {
            for number in 0..=u128::from(DELETE_MAX) {
                begin(tx, &new(id(number))).await?;
            }
            Ok::<_, StoreError>(())
        })
        .unwrap();
        let before = NOW.plus_seconds(1);
        for expected in [16, 1, 0] {
            let gone = in_tx!(db, TENANT, |tx| delete_incomplete(tx, before).await);
            assert_eq!(gone, Ok(expected), "{}", db.name());
        }
    }
}
