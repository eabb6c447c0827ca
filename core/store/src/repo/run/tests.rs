use fondaco_model::ids::{LinkId, SyncRunId};
use uuid::Uuid;

use super::{
    LIST_MAX, NewRun, RunCause, RunCounts, RunOutcome, RunPage, RunState, add_counts, by_link,
    by_source, claimed, finish, get, imports_of_request, insert, insert_page, last_page,
    overdue_imports, pack, pages, running, set_resume, unpack,
};
use crate::in_tx;
use crate::repo::Scope;
use crate::repo::testing_ids::{
    ANN, BOB, LINK, NOW, RAW, RUN, SOURCE, STRANGER, TENANT, day, transaction,
};
use crate::testing::engines;
use crate::{Db, StoreError};

fn new(id: SyncRunId, seconds: i64) -> NewRun {
    NewRun {
        id,
        end_user_id: ANN,
        link_id: Some(LINK),
        account_source_id: Some(SOURCE),
        resource: "transactions".to_owned(),
        cause: RunCause::Backfill,
        window_from: Some(day("2026-01-01")),
        window_to: None,
        request_id: Some("req".to_owned()),
        started_at: NOW.plus_seconds(seconds),
    }
}

fn id(number: u128) -> SyncRunId {
    SyncRunId(Uuid::from_u128(number))
}

async fn begin(db: &Db, run: &NewRun) {
    let mut tx = db.begin(TENANT).await.unwrap();
    insert(&mut tx, run).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_run_counts_goes_on_and_ends_once() {
    let counts = RunCounts {
        records: 5,
        inserted: 1,
        changed: 1,
        unchanged: 2,
        quarantined: 1,
    };
    for db in engines().await {
        begin(&db, &new(RUN, 0)).await;
        let mut tx = db.begin(TENANT).await.unwrap();
        add_counts(&mut tx, RUN, &counts).await.unwrap();
        add_counts(&mut tx, RUN, &counts).await.unwrap();
        set_resume(&mut tx, RUN, Some("v1.k.n.c")).await.unwrap();
        tx.commit().await.unwrap();
        let mut session = db.read(TENANT).await.unwrap();
        let row = get(&mut session, Scope::EndUser(ANN), RUN)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (row.state, row.counts.records, row.counts.unchanged),
            (RunState::Running, 10, 4)
        );
        assert_eq!(
            row.resume_sealed.as_deref(),
            Some("v1.k.n.c"),
            "{}",
            db.name()
        );
        assert_eq!(row.window_from, Some(day("2026-01-01")));
        drop(session);
        let mut tx = db.begin(TENANT).await.unwrap();
        let at = NOW.plus_seconds(9);
        finish(&mut tx, RUN, RunOutcome::Partial, Some("CODE"), at)
            .await
            .unwrap();
        let again = finish(&mut tx, RUN, RunOutcome::Ok, None, at).await;
        assert_eq!(again, Err(StoreError::LostUpdate), "{}", db.name());
        assert_eq!(
            add_counts(&mut tx, RUN, &counts).await,
            Err(StoreError::LostUpdate)
        );
        assert_eq!(
            set_resume(&mut tx, RUN, None).await,
            Err(StoreError::LostUpdate)
        );
        tx.commit().await.unwrap();
        let mut session = db.read(TENANT).await.unwrap();
        let row = get(&mut session, Scope::Tenant, RUN)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (row.state, row.outcome),
            (RunState::Done, Some(RunOutcome::Partial))
        );
        assert_eq!((row.resume_sealed, row.ended_at), (None, Some(at)));
    }
}

#[tokio::test]
async fn the_latest_runs_of_a_link_come_first_and_a_scope_hides_the_runs_of_others() {
    for db in engines().await {
        for number in 1..=3 {
            begin(&db, &new(id(number), i64::try_from(number).unwrap())).await;
        }
        let mut bobs = new(id(4), 4);
        bobs.end_user_id = BOB;
        begin(&db, &bobs).await;
        let mut elsewhere = new(id(5), 5);
        elsewhere.link_id = Some(LinkId(Uuid::from_u128(404)));
        begin(&db, &elsewhere).await;
        for (tenant, scope, limit, expected) in [
            (TENANT, Scope::Tenant, LIST_MAX + 1, vec![4, 3, 2, 1]),
            (TENANT, Scope::EndUser(ANN), 2, vec![3, 2]),
            (TENANT, Scope::EndUser(ANN), 0, vec![3]),
            (STRANGER, Scope::Tenant, 9, vec![]),
        ] {
            let mut session = db.read(tenant).await.unwrap();
            let rows = by_link(&mut session, scope, LINK, limit).await.unwrap();
            let ids: Vec<SyncRunId> = rows.iter().map(|row| row.id).collect();
            let expected: Vec<SyncRunId> = expected.into_iter().map(id).collect();
            assert_eq!(ids, expected, "{} {scope:?}", db.name());
        }
        let mut session = db.read(TENANT).await.unwrap();
        let rows = by_source(&mut session, Scope::Tenant, SOURCE, 1)
            .await
            .unwrap();
        assert_eq!(rows[0].id, id(5));
        assert_eq!(
            get(&mut session, Scope::EndUser(BOB), id(1)).await.unwrap(),
            None
        );
        drop(session);
        let mut tx = db.begin(TENANT).await.unwrap();
        finish(&mut tx, id(2), RunOutcome::Ok, None, NOW)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let mut session = db.read(TENANT).await.unwrap();
        let rows = running(&mut session, LINK).await.unwrap();
        assert_eq!(
            rows.iter().map(|row| row.id).collect::<Vec<_>>(),
            [id(1), id(3), id(4)]
        );
    }
}

#[tokio::test]
async fn a_link_lists_at_most_a_hundred_runs() {
    for db in engines().await {
        let mut tx = db.begin(TENANT).await.unwrap();
        for number in 0..=LIST_MAX {
            insert(&mut tx, &new(id(number.into()), number.into()))
                .await
                .unwrap();
        }
        tx.commit().await.unwrap();
        let mut session = db.read(TENANT).await.unwrap();
        for (limit, expected) in [(LIST_MAX - 1, 99), (LIST_MAX, 100), (LIST_MAX + 1, 100)] {
            let rows = by_link(&mut session, Scope::Tenant, LINK, limit)
                .await
                .unwrap();
            assert_eq!(rows.len(), expected, "{}", db.name());
        }
    }
}

fn page(number: i64, claims: std::ops::Range<u128>) -> RunPage {
    RunPage {
        run_id: RUN,
        number,
        raw_answer_id: RAW,
        claimed: claims.map(transaction).collect(),
        created_at: NOW,
    }
}

#[tokio::test]
async fn claimed_ids_come_back_in_order_over_any_number_of_pages() {
    for db in engines().await {
        begin(&db, &new(RUN, 0)).await;
        let mut session = db.read(TENANT).await.unwrap();
        assert_eq!(
            last_page(&mut session, RUN).await.unwrap(),
            None,
            "{}",
            db.name()
        );
        assert!(claimed(&mut session, RUN).await.unwrap().is_empty());
        drop(session);
        let mut tx = db.begin(TENANT).await.unwrap();
        for number in 0..=i64::from(super::PAGES_MAX) {
            let from = u128::try_from(number).unwrap() * 3;
            // The second page states nothing.
            let to = if number == 1 { from } else { from + 3 };
            insert_page(&mut tx, &page(number, from..to)).await.unwrap();
        }
        tx.commit().await.unwrap();
        let mut session = db.read(TENANT).await.unwrap();
        let expected: Vec<_> = (0..3).chain(6..303).map(transaction).collect();
        assert_eq!(claimed(&mut session, RUN).await.unwrap(), expected);
        assert_eq!(last_page(&mut session, RUN).await.unwrap(), Some(100));
        let rest = pages(&mut session, RUN, Some(98), 9).await.unwrap();
        assert_eq!(rest, [page(99, 297..300), page(100, 300..303)]);
        let mut stranger = db.read(STRANGER).await.unwrap();
        assert!(claimed(&mut stranger, RUN).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_page_that_is_recorded_is_refused_with_everything_that_came_with_it() {
    for db in engines().await {
        begin(&db, &new(RUN, 0)).await;
        let counts = RunCounts {
            records: 2,
            ..RunCounts::default()
        };
        for expected in [true, false] {
            let done = in_tx!(db, TENANT, |tx| {
                add_counts(tx, RUN, &counts).await?;
                insert_page(tx, &page(0, 0..2)).await
            });
            assert_eq!(done.is_ok(), expected, "{}", db.name());
            assert_eq!(done.is_err_and(|error| error.is_conflict()), !expected);
        }
        let mut session = db.read(TENANT).await.unwrap();
        let row = get(&mut session, Scope::Tenant, RUN)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(row.counts.records, 2);
    }
}

#[tokio::test]
async fn a_page_needs_its_run() {
    for db in engines().await {
        let mut tx = db.begin(TENANT).await.unwrap();
        let refused = insert_page(&mut tx, &page(0, 0..1)).await;
        assert!(refused.unwrap_err().is_conflict(), "{}", db.name());
    }
}

#[test]
fn claims_take_sixteen_bytes_each_and_nothing_else_is_read() {
    for count in [0, 1, 1_000] {
        let ids: Vec<_> = (0..count).map(transaction).collect();
        let packed = pack(&ids);
        assert_eq!(packed.len(), ids.len() * 16);
        assert_eq!(unpack(&packed).unwrap(), ids);
    }
    for length in [1, 15, 17] {
        assert!(unpack(&vec![0; length]).is_err(), "{length}");
    }
}

#[tokio::test]
async fn imports_that_have_not_ended_are_found_by_their_age_and_by_their_request() {
    for db in engines().await {
        let import = |number: u128| NewRun {
            link_id: None,
            ..new(id(number), i64::try_from(number).unwrap())
        };
        for run in [
            import(1),
            import(2),
            import(3),
            // A link's reading is its worker's.
            new(id(4), 0),
            NewRun {
                end_user_id: BOB,
                request_id: None,
                ..import(5)
            },
        ] {
            begin(&db, &run).await;
        }
        in_tx!(db, TENANT, |tx| {
            finish(tx, id(2), RunOutcome::Ok, None, NOW).await
        })
        .unwrap();
        for (tenant, seconds, expected) in [
            (TENANT, 1, vec![]),
            (TENANT, 2, vec![1]),
            (TENANT, 9, vec![1, 3, 5]),
            (STRANGER, 9, vec![]),
        ] {
            let mut session = db.read(tenant).await.unwrap();
            let before = NOW.plus_seconds(seconds);
            let found = overdue_imports(&mut session, before).await.unwrap();
            let expected: Vec<SyncRunId> = expected.into_iter().map(id).collect();
            assert_eq!(found, expected, "{} {seconds}", db.name());
        }
        for (tenant, person, request, expected) in [
            (TENANT, ANN, "req", vec![1, 3]),
            (TENANT, ANN, "other", vec![]),
            (TENANT, BOB, "req", vec![]),
            (STRANGER, ANN, "req", vec![]),
        ] {
            let mut session = db.read(tenant).await.unwrap();
            let found = imports_of_request(&mut session, person, request);
            let expected: Vec<SyncRunId> = expected.into_iter().map(id).collect();
            assert_eq!(found.await.unwrap(), expected, "{} {request}", db.name());
        }
    }
}
