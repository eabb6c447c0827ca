use fondaco_model::ids::{QuarantineId, SyncRunId};
use uuid::Uuid;

use super::{
    QuarantineQuery, QuarantineRow, RemarkRow, count_open, insert, insert_remarks, list, remarks,
    resolve,
};
use crate::in_tx;
use crate::repo::Scope;
use crate::repo::testing_ids::{ANN, BOB, KEY, NOW, RAW, RUN, STRANGER, TENANT};
use crate::testing::engines;
use crate::{Db, StoreError};

fn id(number: u128) -> QuarantineId {
    QuarantineId(Uuid::from_u128(number))
}

fn row(number: u128, ordinal: i64) -> QuarantineRow {
    QuarantineRow {
        id: id(number),
        end_user_id: ANN,
        run_id: RUN,
        raw_answer_id: RAW,
        ordinal,
        resource: "transactions".to_owned(),
        field: "line 7".to_owned(),
        rule: "amount.not_decimal".to_owned(),
        original_sealed: "v1.k.n.c".to_owned(),
        data_key_id: KEY,
        created_at: NOW,
        resolved_at: None,
    }
}

fn remark(ordinal: i64, number: i64, target: Option<u128>) -> RemarkRow {
    RemarkRow {
        raw_answer_id: RAW,
        ordinal,
        number,
        end_user_id: ANN,
        target_id: target.map(Uuid::from_u128),
        field: "Ntry[3]/Amt".to_owned(),
        rule: "amount.scale".to_owned(),
        original_sealed: "v1.k.n.c".to_owned(),
        data_key_id: KEY,
    }
}

async fn keep(db: &Db, rows: &[QuarantineRow]) {
    in_tx!(db, TENANT, |tx| insert(tx, rows).await).unwrap();
}

async fn ids(db: &Db, scope: Scope, asked: &QuarantineQuery) -> Vec<QuarantineId> {
    let mut session = db.read(TENANT).await.unwrap();
    list(&mut session, scope, asked)
        .await
        .unwrap()
        .iter()
        .map(|row| row.id)
        .collect()
}

#[tokio::test]
async fn a_record_is_in_quarantine_once_however_often_it_is_met() {
    for db in engines().await {
        keep(&db, &[row(1, 0), row(2, 1)]).await;
        keep(&db, &[row(3, 1), row(4, 2)]).await;
        let found = ids(&db, Scope::Tenant, &QuarantineQuery::of_run(RUN)).await;
        assert_eq!(found, [id(1), id(2), id(4)], "{}", db.name());
        let mut session = db.read(TENANT).await.unwrap();
        let rows = list(&mut session, Scope::Tenant, &QuarantineQuery::of_run(RUN))
            .await
            .unwrap();
        assert_eq!(rows[0], row(1, 0));
    }
}

#[tokio::test]
async fn lists_follow_run_page_state_and_scope() {
    for db in engines().await {
        let mut bobs = row(3, 2);
        bobs.end_user_id = BOB;
        let other_run = SyncRunId(Uuid::from_u128(404));
        let mut other = row(4, 3);
        other.run_id = other_run;
        keep(&db, &[row(1, 0), row(2, 1), bobs, other]).await;
        for expected in [true, false] {
            let done = in_tx!(db, TENANT, |tx| resolve(tx, id(1), NOW).await);
            assert_eq!(done, Ok::<_, StoreError>(expected), "{}", db.name());
        }
        let all = QuarantineQuery {
            limit: 9,
            ..QuarantineQuery::default()
        };
        for (scope, asked, expected) in [
            (Scope::Tenant, all, vec![1, 2, 3, 4]),
            (
                Scope::Tenant,
                QuarantineQuery { limit: 2, ..all },
                vec![1, 2],
            ),
            (
                Scope::Tenant,
                QuarantineQuery {
                    after: Some(id(2)),
                    ..all
                },
                vec![3, 4],
            ),
            (
                Scope::Tenant,
                QuarantineQuery {
                    open_only: true,
                    ..all
                },
                vec![2, 3, 4],
            ),
            (Scope::Tenant, QuarantineQuery::of_run(other_run), vec![4]),
            (Scope::EndUser(BOB), all, vec![3]),
        ] {
            let expected: Vec<QuarantineId> = expected.into_iter().map(id).collect();
            assert_eq!(
                ids(&db, scope, &asked).await,
                expected,
                "{} {asked:?}",
                db.name()
            );
        }
        for (tenant, scope, expected) in [
            (TENANT, Scope::Tenant, 3),
            (TENANT, Scope::EndUser(ANN), 2),
            (TENANT, Scope::EndUser(BOB), 1),
            (STRANGER, Scope::Tenant, 0),
        ] {
            let mut session = db.read(tenant).await.unwrap();
            let count = count_open(&mut session, scope).await.unwrap();
            assert_eq!(count, expected, "{} {scope:?}", db.name());
        }
    }
}

#[tokio::test]
async fn remarks_are_kept_once_and_found_by_what_they_are_about() {
    for db in engines().await {
        let rows = [
            remark(0, 0, Some(7)),
            remark(0, 1, Some(7)),
            remark(1, 0, Some(8)),
        ];
        for _ in 0..2 {
            in_tx!(db, TENANT, |tx| insert_remarks(tx, &rows).await).unwrap();
        }
        let loose = [remark(2, 0, None)];
        in_tx!(db, TENANT, |tx| insert_remarks(tx, &loose).await).unwrap();
        let targets = [Uuid::from_u128(7), Uuid::from_u128(8), Uuid::from_u128(9)];
        let mut session = db.read(TENANT).await.unwrap();
        let found = remarks(&mut session, Scope::EndUser(ANN), &targets)
            .await
            .unwrap();
        assert_eq!(found, rows, "{}", db.name());
        let found = remarks(&mut session, Scope::EndUser(BOB), &targets)
            .await
            .unwrap();
        assert!(found.is_empty());
        let mut stranger = db.read(STRANGER).await.unwrap();
        assert!(
            remarks(&mut stranger, Scope::Tenant, &targets)
                .await
                .unwrap()
                .is_empty()
        );
    }
}
