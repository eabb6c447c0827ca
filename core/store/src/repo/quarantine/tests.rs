use std::collections::BTreeSet;

use fondaco_model::ids::{QuarantineId, SyncRunId};
use uuid::Uuid;

use super::{
    ProblemQuery, QuarantineQuery, QuarantineRow, RemarkRow, count_open, count_problems, insert,
    insert_remarks, list, problems, remark_place, remarks, resolve,
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

#[tokio::test]
async fn problems_of_an_answer_are_its_quarantine_and_remarks_in_the_order_of_the_source() {
    for db in engines().await {
        keep(&db, &[row(1, 4), row(2, 0), row(3, 9)]).await;
        in_tx!(db, TENANT, |tx| {
            insert_remarks(
                tx,
                &[remark(4, 0, None), remark(2, 1, None), remark(2, 0, None)],
            )
            .await
        })
        .unwrap();
        in_tx!(db, TENANT, |tx| resolve(tx, id(3), NOW).await).unwrap();
        let mut session = db.read(TENANT).await.unwrap();
        let all = ProblemQuery::all(RAW, 10);
        let found = problems(&mut session, Scope::Tenant, &all).await.unwrap();
        let order: Vec<_> = found
            .iter()
            .map(|one| (one.ordinal, one.quarantined, one.sealed_table()))
            .collect();
        let expected = [
            (0, true, "quarantine"),
            (2, false, "remark"),
            (2, false, "remark"),
            (4, true, "quarantine"),
            (4, false, "remark"),
        ];
        assert_eq!(order, expected, "{}", db.name());
        let places: BTreeSet<_> = found.iter().map(|one| one.sealed_row).collect();
        assert_eq!(found[0].sealed_row, id(2).0);
        assert_eq!(found[2].sealed_row, remark_place(RAW, 2, 1));
        assert_eq!(places.len(), 5, "no two originals share a place");
        for (scope, from, through, limit, rows, count) in [
            (Scope::Tenant, 0, i64::MAX, 2, 2, 5),
            (Scope::Tenant, 1, 3, 10, 2, 2),
            (Scope::Tenant, 2, 4, 10, 4, 4),
            (Scope::EndUser(ANN), 0, i64::MAX, 10, 5, 5),
            (Scope::EndUser(BOB), 0, i64::MAX, 10, 0, 0),
        ] {
            let asked = ProblemQuery {
                from,
                through,
                limit,
                ..all
            };
            let found = problems(&mut session, scope, &asked).await.unwrap();
            assert_eq!(found.len(), rows, "{} {scope:?} {from}", db.name());
            let counted = count_problems(&mut session, scope, &asked).await.unwrap();
            assert_eq!(counted, count, "{} {scope:?} {from}", db.name());
        }
        let mut stranger = db.read(STRANGER).await.unwrap();
        assert!(
            problems(&mut stranger, Scope::Tenant, &all)
                .await
                .unwrap()
                .is_empty()
        );
    }
}
