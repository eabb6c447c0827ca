use super::{
    PART_MAX, StagedKey, StagedRow, count, count_ended, delete_part, delete_run, delete_through,
    insert, next,
};
use crate::in_tx;
use crate::repo::ROWS_MAX;
use crate::repo::run::{self, NewRun, RunCause, RunOutcome};
use crate::repo::testing_ids::{ANN, NOW, RUN, STRANGER, TENANT, day, money};
use crate::testing::engines;
use crate::{Db, StoreError};

fn row(statement: i64, date: &str, amount: &str, ordinal: i64) -> StagedRow {
    StagedRow {
        key: StagedKey {
            statement,
            sort_date: day(date),
            amount: money(amount),
            ordinal,
        },
        sealed: format!("sealed {ordinal}").into_bytes(),
    }
}

/// Records in the order of resolving.
fn in_order() -> Vec<StagedRow> {
    vec![
        row(0, "2025-12-31", "9 USD", 9),
        row(0, "2026-01-01", "-300 EUR", 7),
        row(0, "2026-01-01", "-2.50 EUR", 3),
        row(0, "2026-01-01", "-2.50 EUR", 12),
        row(0, "2026-01-01", "1 EUR", 1),
        row(0, "2026-01-01", "-5 JPY", 0),
        row(0, "2026-01-02", "-300 EUR", 2),
        row(1, "2025-01-01", "0 EUR", 4),
        row(10, "2025-01-01", "0 EUR", 5),
    ]
}

async fn begin(db: &Db) {
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
    in_tx!(db, TENANT, |tx| run::insert(tx, &run).await).unwrap();
}

async fn stage(db: &Db, rows: &[StagedRow]) {
    in_tx!(db, TENANT, |tx| insert(tx, RUN, rows).await).unwrap();
}

#[tokio::test]
async fn records_come_by_statement_day_currency_amount_and_place() {
    for db in engines().await {
        begin(&db).await;
        let mut rows = in_order();
        rows.reverse();
        rows.swap(0, 4);
        stage(&db, &rows).await;
        for limit in [1, 2, 9, 10] {
            let mut session = db.read(TENANT).await.unwrap();
            let mut found: Vec<StagedRow> = Vec::new();
            loop {
                let after = found.last().map(|row| row.key.clone());
                let step = next(&mut session, RUN, after.as_ref(), limit)
                    .await
                    .unwrap();
                if step.is_empty() {
                    break;
                }
                assert!(step.len() <= usize::try_from(limit).unwrap());
                found.extend(step);
            }
            assert!(found == in_order(), "{} {limit}", db.name());
        }
    }
}

#[tokio::test]
async fn a_file_that_is_read_again_stages_nothing_twice() {
    for db in engines().await {
        begin(&db).await;
        stage(&db, &in_order()[..4]).await;
        let mut again = in_order();
        again[0].sealed = b"sealed anew".to_vec();
        stage(&db, &again).await;
        stage(&db, &[]).await;
        let mut session = db.read(TENANT).await.unwrap();
        assert_eq!(count(&mut session, RUN).await.unwrap(), 9, "{}", db.name());
        assert!(next(&mut session, RUN, None, 9).await.unwrap() == in_order());
        let mut stranger = db.read(STRANGER).await.unwrap();
        assert_eq!(count(&mut stranger, RUN).await.unwrap(), 0);
        assert!(next(&mut stranger, RUN, None, 9).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_batch_holds_at_most_a_thousand_records() {
    for db in engines().await {
        begin(&db).await;
        let rows: Vec<StagedRow> = (0..1_001)
            .map(|ordinal| row(0, "2026-01-01", "1 EUR", ordinal))
            .collect();
        stage(&db, &rows).await;
        let mut session = db.read(TENANT).await.unwrap();
        for (limit, expected) in [
            (ROWS_MAX - 1, 999),
            (ROWS_MAX, 1_000),
            (ROWS_MAX + 1, 1_000),
        ] {
            let found = next(&mut session, RUN, None, limit).await.unwrap();
            assert_eq!(found.len(), expected, "{}", db.name());
        }
        let found = next(&mut session, RUN, Some(&rows[999].key), ROWS_MAX)
            .await
            .unwrap();
        assert!(found == rows[1_000..]);
    }
}

#[tokio::test]
async fn what_is_resolved_is_deleted_and_the_rest_stays_in_order() {
    for db in engines().await {
        begin(&db).await;
        stage(&db, &in_order()).await;
        let key = in_order()[3].key.clone();
        let deleted = in_tx!(db, STRANGER, |tx| delete_through(tx, RUN, &key).await);
        assert_eq!(deleted, Ok(0), "{}", db.name());
        let deleted = in_tx!(db, TENANT, |tx| delete_through(tx, RUN, &key).await);
        assert_eq!(deleted, Ok(4), "{}", db.name());
        let mut session = db.read(TENANT).await.unwrap();
        assert!(next(&mut session, RUN, None, 9).await.unwrap() == in_order()[4..]);
        drop(session);
        let deleted = in_tx!(db, TENANT, |tx| delete_run(tx, RUN).await);
        assert_eq!(deleted, Ok::<_, StoreError>(5));
    }
}

#[tokio::test]
async fn a_run_that_has_ended_or_never_began_stages_nothing() {
    for db in engines().await {
        let rows = in_order();
        let refused = in_tx!(db, TENANT, |tx| insert(tx, RUN, &rows).await);
        assert_eq!(refused, Err(StoreError::LostUpdate), "{}", db.name());
        begin(&db).await;
        stage(&db, &rows).await;
        let refused = in_tx!(db, STRANGER, |tx| insert(tx, RUN, &rows).await);
        assert_eq!(refused, Err(StoreError::LostUpdate));
        let mut session = db.read(TENANT).await.unwrap();
        assert_eq!(count_ended(&mut session).await, Ok(0), "{}", db.name());
        drop(session);
        in_tx!(db, TENANT, |tx| {
            run::finish(tx, RUN, RunOutcome::Internal, None, NOW).await
        })
        .unwrap();
        let refused = in_tx!(db, TENANT, |tx| insert(tx, RUN, &rows).await);
        assert_eq!(refused, Err(StoreError::LostUpdate), "{}", db.name());
        let mut session = db.read(TENANT).await.unwrap();
        assert_eq!(count_ended(&mut session).await, Ok(9), "{}", db.name());
    }
}

#[tokio::test]
async fn a_part_of_the_records_is_deleted_at_a_time() {
    for db in engines().await {
        begin(&db).await;
        let rows: Vec<StagedRow> = (0..=i64::from(PART_MAX))
            .map(|ordinal| row(0, "2026-01-01", "1 EUR", ordinal))
            .collect();
        stage(&db, &rows).await;
        for (tenant, expected) in [(STRANGER, 0), (TENANT, PART_MAX), (TENANT, 1), (TENANT, 0)] {
            let deleted = in_tx!(db, tenant, |tx| delete_part(tx, RUN).await);
            assert_eq!(deleted, Ok(u64::from(expected)), "{}", db.name());
        }
    }
}
