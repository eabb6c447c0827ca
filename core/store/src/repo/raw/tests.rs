use fondaco_model::ids::RawAnswerId;
use fondaco_model::v1::RawAnswer;
use uuid::Uuid;

use super::{
    NewRawAnswer, SEALED_MAX, append, begin, by_ids, chunk, delete_incomplete, find_by_content,
    finish, get,
};
use crate::repo::Scope;
use crate::repo::testing_ids::{ANN, BOB, KEY, LINK, NOW, RAW, STRANGER, TENANT};
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
            let mut session = db.read(tenant).await.unwrap();
            let found = find_by_content(&mut session, person, &[sha; 32])
                .await
                .unwrap();
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
