use std::sync::Arc;

use fondaco_model::Instant;
use fondaco_model::ids::{ApiKeyId, EndUserId, RawAnswerId, UploadId};
use uuid::Uuid;

use super::{
    UploadOutcome, UploadReport, UploadRow, Waiting, consume, expire, get, insert, keep_report,
    report, waiting,
};
use crate::in_tx;
use crate::repo::Scope;
use crate::repo::testing_ids::{ANN, BOB, KEY, NOW, STRANGER, TENANT};
use crate::testing::engines;
use crate::{Db, StoreError};

fn id(number: u128) -> UploadId {
    UploadId(Uuid::from_u128(number))
}

fn row(number: u128, end_user_id: Option<EndUserId>) -> UploadRow {
    UploadRow {
        id: id(number),
        end_user_id,
        raw_answer_id: RawAnswerId(Uuid::from_u128(number)),
        api_key_id: Some(ApiKeyId(Uuid::from_u128(6))),
        created_at: NOW,
        expires_at: NOW.plus_seconds(60),
        consumed_at: None,
    }
}

async fn keep(db: &Db, rows: &[UploadRow]) {
    in_tx!(db, TENANT, |tx| {
        for row in rows {
            insert(tx, row).await?;
        }
        Ok::<_, StoreError>(())
    })
    .unwrap();
}

#[tokio::test]
async fn an_upload_is_used_in_time_within_its_scope_and_once() {
    for db in engines().await {
        keep(&db, &[row(1, Some(ANN)), row(2, None)]).await;
        for (tenant, scope, number, seconds, expected) in [
            (TENANT, Scope::EndUser(BOB), 1, 0, false),
            (TENANT, Scope::EndUser(ANN), 2, 0, false),
            (STRANGER, Scope::Tenant, 1, 0, false),
            (TENANT, Scope::Tenant, 3, 0, false),
            (TENANT, Scope::EndUser(ANN), 1, 60, false),
            (TENANT, Scope::EndUser(ANN), 1, 59, true),
            (TENANT, Scope::EndUser(ANN), 1, 59, false),
            (TENANT, Scope::Tenant, 2, 0, true),
        ] {
            let at = NOW.plus_seconds(seconds);
            let used = in_tx!(db, tenant, |tx| consume(tx, scope, id(number), at).await).unwrap();
            let context = format!("{} {scope:?} {number} {seconds}", db.name());
            assert_eq!(used.is_some(), expected, "{context}");
            assert!(
                used.is_none_or(|row| row.consumed_at == Some(at)),
                "{context}"
            );
        }
        let mut session = db.read(TENANT).await.unwrap();
        let used = get(&mut session, Scope::EndUser(ANN), id(1))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(used.consumed_at, Some(NOW.plus_seconds(59)));
        assert_eq!(
            get(&mut session, Scope::EndUser(BOB), id(1)).await.unwrap(),
            None
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_callers_at_once_one_uses_the_upload() {
    for db in engines().await {
        keep(&db, &[row(1, None)]).await;
        let db = Arc::new(db);
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let db = db.clone();
                tokio::spawn(async move {
                    in_tx!(db, TENANT, |tx| {
                        consume(tx, Scope::Tenant, id(1), NOW).await
                    })
                })
            })
            .collect();
        let mut used = 0;
        for task in tasks {
            used += usize::from(task.await.unwrap().unwrap().is_some());
        }
        assert_eq!(used, 1, "{}", db.name());
    }
}

#[tokio::test]
async fn uploads_that_expired_unused_go_and_name_their_bytes() {
    for db in engines().await {
        let mut later = row(3, None);
        later.expires_at = NOW.plus_seconds(61);
        keep(&db, &[row(1, None), row(2, None), later]).await;
        in_tx!(db, TENANT, |tx| {
            consume(tx, Scope::Tenant, id(2), NOW).await
        })
        .unwrap();
        let at = NOW.plus_seconds(60);
        for (tenant, expected) in [(STRANGER, vec![]), (TENANT, vec![1]), (TENANT, vec![])] {
            let gone = in_tx!(db, tenant, |tx| expire(tx, at, 9).await).unwrap();
            let expected: Vec<_> = expected
                .into_iter()
                .map(|n| RawAnswerId(Uuid::from_u128(n)))
                .collect();
            assert_eq!(gone, expected, "{}", db.name());
        }
        let mut session = db.read(TENANT).await.unwrap();
        for (number, stays) in [(1, false), (2, true), (3, true)] {
            let row = get(&mut session, Scope::Tenant, id(number)).await.unwrap();
            assert_eq!(row.is_some(), stays, "{number}");
        }
    }
}

#[tokio::test]
async fn what_an_import_did_is_kept_beside_its_upload_and_seen_by_its_person() {
    for db in engines().await {
        keep(&db, &[row(1, Some(ANN))]).await;
        let first = UploadReport {
            outcome: UploadOutcome::Failed,
            fault_code: Some("SCHEMA_DRIFT".to_owned()),
            fault_line: Some(14),
            fault_rule: Some("xml.unclosed".to_owned()),
            statement_count: 0,
            report_sealed: "v1.k.n.c".to_owned(),
            data_key_id: KEY,
        };
        let second = UploadReport {
            outcome: UploadOutcome::Ok,
            fault_code: None,
            fault_line: None,
            fault_rule: None,
            statement_count: 1,
            ..first.clone()
        };
        let mut session = db.read(TENANT).await.unwrap();
        let none = report(&mut session, Scope::Tenant, id(1)).await.unwrap();
        assert_eq!(none, None, "{}", db.name());
        drop(session);
        for (number, kept, one) in [(1, true, &first), (1, true, &second), (2, false, &first)] {
            let found = in_tx!(db, TENANT, |tx| keep_report(tx, id(number), one).await).unwrap();
            assert_eq!(found, kept, "{} {number}", db.name());
            let mut session = db.read(TENANT).await.unwrap();
            for (scope, seen) in [
                (Scope::Tenant, kept),
                (Scope::EndUser(ANN), kept),
                (Scope::EndUser(BOB), false),
            ] {
                let read = report(&mut session, scope, id(number)).await.unwrap();
                assert_eq!(read.as_ref(), seen.then_some(one), "{scope:?} {number}");
            }
        }
        let mut session = db.read(STRANGER).await.unwrap();
        let foreign = report(&mut session, Scope::Tenant, id(1)).await.unwrap();
        assert_eq!(foreign, None);
    }
}

#[tokio::test]
async fn uploads_wait_until_they_are_used_or_expire_each_for_its_own_person() {
    for db in engines().await {
        let mut later = row(2, Some(ANN));
        later.expires_at = NOW.plus_seconds(90);
        let rows = [row(1, Some(ANN)), later, row(3, Some(BOB)), row(4, None)];
        keep(&db, &rows).await;
        let wait = |count, seconds| Waiting {
            count,
            first_expires_at: NOW.plus_seconds(seconds),
        };
        let none = Waiting {
            count: 0,
            first_expires_at: Instant::from_micros(0),
        };
        for (tenant, person, seconds, expected) in [
            (TENANT, ANN, 59, wait(2, 60)),
            (TENANT, ANN, 60, wait(1, 90)),
            (TENANT, ANN, 90, none),
            (TENANT, BOB, 0, wait(1, 60)),
            (STRANGER, ANN, 0, none),
        ] {
            let mut session = db.read(tenant).await.unwrap();
            let at = NOW.plus_seconds(seconds);
            let found = waiting(&mut session, person, at).await.unwrap();
            assert_eq!(found, expected, "{} {seconds}", db.name());
        }
        let scope = Scope::EndUser(ANN);
        in_tx!(db, TENANT, |tx| consume(tx, scope, id(1), NOW).await).unwrap();
        let mut session = db.read(TENANT).await.unwrap();
        let found = waiting(&mut session, ANN, NOW).await.unwrap();
        assert_eq!(found, wait(1, 90), "{}", db.name());
    }
}
