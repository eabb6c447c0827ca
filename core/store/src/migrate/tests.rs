mod catalogue;

use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr as _;

use fondaco_model::{Instant, Secret};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};

use super::security::OUTSIDE;
use super::{Applied, MIGRATIONS, Migration, migrate, pending, verify};
use crate::testing::{TestDb, engines, postgres_or_none};
use crate::{Db, OPERATOR, PostgresConfig, StoreConfig, StoreError};

#[test]
fn the_list_of_texts_is_the_folder() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let mut files: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    let known: Vec<(String, String)> = MIGRATIONS
        .iter()
        .map(|migration| (migration.name.to_owned(), migration.text.to_owned()))
        .collect();
    assert!(files == known, "migrate/texts.rs and migrations/ differ");
}

#[test]
fn versions_count_from_one_without_gaps_and_texts_say_why() {
    for (at, migration) in MIGRATIONS.iter().enumerate() {
        assert_eq!(migration.version(), i64::try_from(at).unwrap() + 1);
        assert!(migration.text.starts_with("-- Why: "), "{}", migration.name);
        assert!(migration.text.contains("-- Phase: "), "{}", migration.name);
    }
}

fn applied(migration: &Migration) -> Applied {
    Applied {
        version: migration.version(),
        name: migration.name.to_owned(),
        checksum: migration.checksum(),
    }
}

#[test]
fn a_changed_text_and_a_newer_database_are_refused() {
    let rows: Vec<Applied> = MIGRATIONS.iter().map(applied).collect();
    assert_eq!(verify(MIGRATIONS, &rows), Ok(()));
    assert_eq!(verify(MIGRATIONS, &rows[..1]), Ok(()));
    assert!(matches!(
        verify(&MIGRATIONS[..1], &rows),
        Err(StoreError::Schema(_))
    ));
    let mut rows = rows;
    rows[0].checksum = "0".repeat(64);
    assert!(matches!(
        verify(MIGRATIONS, &rows),
        Err(StoreError::Schema(_))
    ));
}

#[tokio::test]
async fn a_second_run_applies_nothing() {
    for db in engines().await {
        let report = migrate(db.config(), Instant::from_micros(1)).await.unwrap();
        assert!(report.applied.is_empty(), "{}", db.name());
        assert_eq!(report.known, MIGRATIONS.len());
        assert_eq!(pending(&db).await.unwrap(), Vec::<&str>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_migrate_at_once_apply_each_text_once() {
    for db in engines().await {
        let mut applied = 0;
        let config = empty(&db).await;
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let config = config.clone();
                tokio::spawn(async move { migrate(&config, Instant::from_micros(1)).await })
            })
            .collect();
        for task in tasks {
            applied += task.await.unwrap().unwrap().applied.len();
        }
        assert_eq!(applied, MIGRATIONS.len(), "{}", db.name());
    }
}

/// The same place without its tables.
async fn empty(db: &TestDb) -> StoreConfig {
    match db.config() {
        StoreConfig::Sqlite(config) => {
            let mut config = config.clone();
            config.path.set_extension("second");
            StoreConfig::Sqlite(config)
        }
        StoreConfig::Postgres(config) => {
            let mut conn = crate::engine::owner_connection(config).await.unwrap();
            let text = "drop schema public cascade; create schema public";
            sqlx::raw_sql(text).execute(&mut conn).await.unwrap();
            StoreConfig::Postgres(config.clone())
        }
    }
}

async fn names(db: &TestDb, text: &'static str) -> Vec<String> {
    let mut session = db.read(OPERATOR).await.unwrap();
    on!(&mut session, |conn, D| sqlx::query_scalar::<D, String>(
        text
    )
    .fetch_all(conn)
    .await)
    .unwrap()
}

const WALLED: &str = "select c.relname::text from pg_class c \
    where c.relrowsecurity and c.relforcerowsecurity \
        and exists (select 1 from pg_policy p where p.polrelid = c.oid) order by 1";

const WITH_TENANT: &str = "select c.relname::text from pg_class c \
    join pg_attribute a on a.attrelid = c.oid \
    where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace \
        and a.attname = 'tenant_id' and not a.attisdropped";

#[tokio::test]
async fn every_table_with_a_tenant_stands_behind_row_level_security_or_is_named() {
    let Some(db) = postgres_or_none().await else {
        return;
    };
    let walled: BTreeSet<String> = names(&db, WALLED).await.into_iter().collect();
    let mut expected: BTreeSet<String> = names(&db, WITH_TENANT)
        .await
        .into_iter()
        .filter(|table| !OUTSIDE.iter().any(|(name, _)| name == table))
        .collect();
    expected.insert("registration".to_owned());
    assert_eq!(walled, expected);
}

#[tokio::test]
async fn the_server_can_neither_change_nor_empty_the_ledger() {
    let Some(db) = postgres_or_none().await else {
        return;
    };
    for text in [
        "update ledger_event set kind = 'x'",
        "delete from ledger_event",
        "truncate ledger_event",
        "drop table ledger_event",
    ] {
        let mut tx = db.begin(OPERATOR).await.unwrap();
        let done = on!(&mut *tx, |conn, D| sqlx::query::<D>(text)
            .execute(conn)
            .await
            .map(|_| ()));
        let error = StoreError::from(done.unwrap_err());
        assert!(
            matches!(error, StoreError::Driver { code, .. } if code == "42501"),
            "{text}"
        );
    }
}

/// The address of the same database for another login.
fn login(config: &PostgresConfig, name: &str) -> Secret {
    let options = PgConnectOptions::from_str(config.url.expose()).unwrap();
    let options = options.username(name).password("secret");
    Secret::new(options.to_url_lossy().to_string())
}

#[tokio::test]
async fn an_owner_without_privileges_migrates_and_the_server_logs_in_as_somebody_else() {
    let Some(db) = postgres_or_none().await else {
        return;
    };
    let StoreConfig::Postgres(config) = db.config() else {
        panic!("this is PostgreSQL");
    };
    let mut admin = crate::engine::owner_connection(config).await.unwrap();
    let database: String = sqlx::query_scalar("select current_database()::text")
        .fetch_one(&mut admin)
        .await
        .unwrap();
    let (owner, server) = (format!("{database}_owner"), format!("{database}_server"));
    let run = async |admin: &mut PgConnection, text: String| {
        sqlx::raw_sql(AssertSqlSafe(text))
            .execute(admin)
            .await
            .unwrap();
    };
    let make = format!(
        "create role {owner} login password 'secret'; create role {server} login password 'secret';
         grant fondaco_app to {owner}; grant fondaco_app to {server};
         create schema app authorization {owner};
         alter role {owner} set search_path = app; alter role {server} set search_path = app"
    );
    run(&mut admin, make).await;
    let two = StoreConfig::Postgres(PostgresConfig {
        url: login(config, &server),
        owner_url: Some(login(config, &owner)),
        connections: 2,
    });
    let report = migrate(&two, Instant::from_micros(1)).await;
    let opened = Db::open(&two).await.unwrap();
    let missing = pending(&opened).await;
    opened.close().await;
    run(
        &mut admin,
        format!(
            "drop schema app cascade; drop owned by {owner}, {server}; drop role {owner}, {server}"
        ),
    )
    .await;
    assert_eq!(report.unwrap().applied.len(), MIGRATIONS.len());
    assert_eq!(missing, Ok(Vec::new()));
}
