use std::sync::Arc;

use fondaco_model::ids::TenantId;
use uuid::Uuid;

use crate::in_tx;
use crate::testing::{TestDb, engines, postgres_or_none};
use crate::{Kind, Result, Statement, StoreError};

/// Bodies of `write` may run on any thread of a runtime.
fn must_be_send<T: Send>(value: T) -> T {
    value
}

async fn tenant(db: &TestDb, number: u128) -> TenantId {
    let id = TenantId(Uuid::from_u128(number));
    let mut tx = db.begin(id).await.unwrap();
    on!(&mut *tx, |conn, D| sqlx::query::<D>(
        "insert into tenant (id, display_name, privacy_url, support_contact, mode, seq, \
         created_at) values ($1, 'a', 'b', 'c', 'TEST', 0, 0)"
    )
    .bind(id.0)
    .execute(conn)
    .await
    .map(|_| ()))
    .unwrap();
    tx.commit().await.unwrap();
    id
}

async fn insert_user(db: &TestDb, tenant: TenantId, name: &str) -> Result<()> {
    in_tx!(db, tenant, |tx| {
        let id = Uuid::from_u128(tenant.0.as_u128() + 1_000);
        on!(&mut **tx, |conn, D| sqlx::query::<D>(
            "insert into end_user (tenant_id, id, external_ref, created_at) \
             values ($1, $2, $3, 0)"
        )
        .bind(tenant.0)
        .bind(id)
        .bind(name)
        .execute(conn)
        .await
        .map(|_| ()))
        .map_err(StoreError::from)
    })
}

async fn count(db: &TestDb, tenant: TenantId, text: &'static str) -> i64 {
    let mut session = db.read(tenant).await.unwrap();
    on!(&mut session, |conn, D| sqlx::query_scalar::<D, i64>(text)
        .fetch_one(conn)
        .await)
    .unwrap()
}

#[tokio::test]
async fn a_dropped_transaction_leaves_nothing() {
    for db in engines().await {
        let id = tenant(&db, 7).await;
        let mut tx = db.begin(id).await.unwrap();
        assert_eq!(tx.reserve_seq(5).await.unwrap(), 1);
        drop(tx);
        let mut tx = db.begin(id).await.unwrap();
        assert_eq!(tx.reserve_seq(1).await.unwrap(), 1, "{}", db.name());
        tx.rollback().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sequence_numbers_are_given_once_under_concurrency() {
    for db in engines().await {
        let id = tenant(&db, 7).await;
        let db = Arc::new(db);
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let db = db.clone();
                tokio::spawn(must_be_send(async move {
                    in_tx!(db, id, |tx| {
                        let first = tx.reserve_seq(3).await?;
                        Ok::<_, StoreError>([first, first + 1, first + 2])
                    })
                    .unwrap()
                }))
            })
            .collect();
        let mut numbers = Vec::new();
        for task in tasks {
            numbers.extend(task.await.unwrap());
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=48).collect::<Vec<i64>>(), "{}", db.name());
    }
}

#[tokio::test]
async fn a_sequence_needs_its_tenant() {
    for db in engines().await {
        let mut tx = db.begin(TenantId(Uuid::from_u128(99))).await.unwrap();
        assert_eq!(tx.reserve_seq(1).await, Err(StoreError::NotFound));
        assert_eq!(tx.lock_tenant().await, Err(StoreError::NotFound));
    }
}

#[tokio::test]
async fn a_second_key_is_a_conflict_that_names_no_value() {
    for db in engines().await {
        let id = tenant(&db, 7).await;
        insert_user(&db, id, "planted-reference").await.unwrap();
        let error = insert_user(&db, id, "planted-reference").await.unwrap_err();
        assert!(error.is_conflict(), "{}", db.name());
        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains("planted") && !shown.contains("insert"),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn postgres_shows_no_row_to_another_tenant_even_without_a_predicate() {
    const ALL: &str = "select count(*) from end_user";
    let Some(db) = postgres_or_none().await else {
        return;
    };
    let (first, second) = (tenant(&db, 7).await, tenant(&db, 8).await);
    insert_user(&db, first, "a").await.unwrap();
    assert_eq!(count(&db, first, ALL).await, 1);
    assert_eq!(count(&db, second, ALL).await, 0);
    assert_eq!(count(&db, crate::OPERATOR, ALL).await, 0);
    let mut tx = db.begin(second).await.unwrap();
    let seen = on!(&mut *tx, |conn, D| sqlx::query_scalar::<D, i64>(ALL)
        .fetch_one(conn)
        .await);
    assert_eq!(seen.unwrap(), 0);
}

#[tokio::test]
async fn postgres_refuses_a_row_that_is_written_for_another_tenant() {
    let Some(db) = postgres_or_none().await else {
        return;
    };
    let (first, second) = (tenant(&db, 7).await, tenant(&db, 8).await);
    let mut tx = db.begin(first).await.unwrap();
    let written = on!(&mut *tx, |conn, D| sqlx::query::<D>(
        "insert into end_user (tenant_id, id, external_ref, created_at) values ($1, $1, 'x', 0)"
    )
    .bind(second.0)
    .execute(conn)
    .await
    .map(|_| ()));
    let code = match StoreError::from(written.unwrap_err()) {
        StoreError::Driver { code, .. } => code,
        other => panic!("{other}"),
    };
    assert_eq!(code, "42501");
}

#[tokio::test]
async fn postgres_sessions_keep_the_weak_role_even_after_a_reset() {
    let Some(db) = postgres_or_none().await else {
        return;
    };
    let mut session = db.read(crate::OPERATOR).await.unwrap();
    let user = on!(&mut session, |conn, D| {
        sqlx::raw_sql("reset role")
            .execute(&mut *conn)
            .await
            .unwrap();
        sqlx::query_scalar::<D, String>("select cast(current_user as text)")
            .fetch_one(conn)
            .await
    });
    assert_eq!(user.unwrap(), "fondaco_app");
}

#[tokio::test]
async fn a_reading_session_of_sqlite_cannot_write() {
    let db = crate::testing::sqlite().await;
    assert_eq!(db.kind(), Kind::Sqlite);
    let id = tenant(&db, 7).await;
    let mut session = db.read(id).await.unwrap();
    let written = on!(&mut session, |conn, D| sqlx::query::<D>(
        "delete from tenant"
    )
    .execute(conn)
    .await
    .map(|_| ()));
    assert!(written.is_err());
}

#[tokio::test]
async fn sqlite_is_durable_checks_references_and_overwrites_what_it_deletes() {
    let db = crate::testing::sqlite().await;
    for (pragma, expected) in [
        ("pragma synchronous", 2),
        ("pragma foreign_keys", 1),
        ("pragma secure_delete", 1),
        ("pragma temp_store", 2),
    ] {
        let mut tx = db.begin(crate::OPERATOR).await.unwrap();
        let value = on!(&mut *tx, |conn, D| sqlx::query_scalar::<D, i64>(pragma)
            .fetch_one(conn)
            .await);
        assert_eq!(value.unwrap(), expected, "{pragma}");
    }
}

#[tokio::test]
async fn two_stores_on_one_file_take_turns() {
    let first = crate::testing::sqlite().await;
    let second = crate::Db::open(first.config()).await.unwrap();
    let id = tenant(&first, 7).await;
    let mut expected = 0;
    for db in [&*first, &second, &*first, &second] {
        expected += 1;
        let number = in_tx!(db, id, |tx| tx.reserve_seq(1).await).unwrap();
        assert_eq!(number, expected);
    }
}

#[tokio::test]
async fn a_tie_is_tried_again_six_times_and_anything_else_once() {
    for db in engines().await {
        let id = tenant(&db, 7).await;
        for (error, ties, tries) in [
            (StoreError::Busy, 5, 6),
            (StoreError::Busy, 99, 6),
            (StoreError::LostUpdate, 99, 1),
        ] {
            let mut ran = 0;
            let done = in_tx!(db, id, |tx| {
                ran += 1;
                let number = tx.reserve_seq(1).await?;
                if ran > ties {
                    Ok(number)
                } else {
                    Err(error.clone())
                }
            });
            let expected = if ties == 5 { Ok(1) } else { Err(error.clone()) };
            assert_eq!((done, ran), (expected, tries), "{error} on {}", db.name());
            in_tx!(db, id, |tx| tx.lock_tenant().await).unwrap();
        }
        db.ping().await.unwrap();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_of_sqlite_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let db = crate::testing::sqlite().await;
    let crate::StoreConfig::Sqlite(config) = db.config() else {
        panic!("this is SQLite");
    };
    tenant(&db, 7).await;
    for extension in ["db", "db-wal", "db-shm"] {
        let path = config.path.with_extension(extension);
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{extension}");
    }
}

/// The future of a request must be able to move between threads, whatever it borrows.
#[tokio::test]
async fn a_transaction_that_borrows_can_be_spawned() {
    async fn borrow(db: &crate::Db, id: TenantId, names: &[String]) -> Result<i64> {
        in_tx!(db, id, |tx| {
            let count = u32::try_from(names.len()).unwrap();
            tx.reserve_seq(count).await
        })
    }
    for db in engines().await {
        let id = tenant(&db, 7).await;
        let db: crate::Db = (*db).clone();
        let task = tokio::spawn(async move { borrow(&db, id, &["a".to_owned()]).await });
        assert_eq!(task.await.unwrap(), Ok(1));
    }
}

#[tokio::test]
async fn a_transaction_with_a_failed_statement_cannot_be_committed() {
    const TEXT: &str = "insert into end_user (tenant_id, id, external_ref, created_at) \
        values ($1, $2, $3, 0)";
    const INSERT: Statement = Statement::new("tests::INSERT", TEXT, TEXT);
    for db in engines().await {
        let id = tenant(&db, 7).await;
        insert_user(&db, id, "first").await.unwrap();
        let done: Result<()> = in_tx!(db, id, |tx| {
            let other = Uuid::from_u128(5);
            execute!(tx, INSERT, id.0, other, "second")?;
            // A caller that takes the conflict for an answer and goes on.
            execute!(tx, INSERT, id.0, other, "second").unwrap_err();
            Ok(())
        });
        assert!(
            matches!(done, Err(StoreError::Driver { .. })),
            "{}",
            db.name()
        );
        assert_eq!(count(&db, id, "select count(*) from end_user").await, 1);
    }
}

#[tokio::test]
async fn the_database_servers_clock_is_read_where_there_is_a_server() {
    use fondaco_model::time::{Clock as _, SystemClock};
    for db in engines().await {
        let found = db.server_time().await.unwrap();
        assert_eq!(
            found.is_some(),
            db.kind() == Kind::Postgres,
            "{}",
            db.name()
        );
        if let Some(found) = found {
            let apart = found.seconds_since(SystemClock.now()).abs();
            assert!(apart < 60, "microseconds since the epoch, not {found}");
        }
    }
}
