use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::str::FromStr as _;

use fondaco_model::{Instant, Secret};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};

use super::security::OUTSIDE;
use super::{Applied, MIGRATIONS, Migration, migrate, pending, verify};
use crate::testing::{TestDb, engines, postgres_or_none, sqlite};
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

const LITE_COLUMNS: &str = "select m.name as tab, c.name as col, lower(c.type) as kind, \
        c.\"notnull\" as required, c.pk as key \
    from sqlite_schema m join pragma_table_info(m.name) c \
    where m.type = 'table' and m.name not like 'sqlite%'";
const PG_COLUMNS: &str = "select t.relname::text as tab, a.attname::text as col, \
        format_type(a.atttypid, null) as kind, a.attnotnull::int::bigint as required, \
        coalesce(array_position(i.indkey::int2[], a.attnum), -1)::bigint + 1 as key \
    from pg_class t join pg_attribute a on a.attrelid = t.oid \
    left join pg_index i on i.indrelid = t.oid and i.indisprimary \
    where t.relkind = 'r' and t.relnamespace = current_schema()::regnamespace \
        and a.attnum > 0 and not a.attisdropped";
const LITE_INDEXES: &str = "select name || ' ' || tbl_name from sqlite_schema \
    where type = 'index' and name not like 'sqlite%' order by 1";
const PG_INDEXES: &str = "select i.indexname || ' ' || i.tablename from pg_indexes i \
    where i.schemaname = current_schema() \
        and not exists (select 1 from pg_constraint c where c.conname = i.indexname) order by 1";

/// Table and column to class of type, nullability, position in the primary key.
type Shape = BTreeMap<(String, String), (String, bool, i64)>;

fn class(kind: &str) -> &'static str {
    match kind {
        "uuid" | "bytea" | "blob" => "bytes",
        "bigint" | "smallint" | "boolean" | "integer" => "integer",
        "text" => "text",
        other => panic!("{other} is not in the portable subset"),
    }
}

async fn shape(db: &TestDb) -> Shape {
    use sqlx::Row as _;
    let mut session = db.read(OPERATOR).await.unwrap();
    let text = match db.kind() {
        crate::Kind::Sqlite => LITE_COLUMNS,
        crate::Kind::Postgres => PG_COLUMNS,
    };
    on!(&mut session, |conn, D| sqlx::query::<D>(text)
        .fetch_all(conn)
        .await
        .unwrap()
        .iter()
        .map(|row| {
            let kind: String = row.get("kind");
            let key: i64 = row.get("key");
            let required = row.get::<i64, _>("required") != 0;
            let value = (class(&kind).to_owned(), required, key);
            ((row.get("tab"), row.get("col")), value)
        })
        .collect())
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

#[tokio::test]
async fn both_engines_have_the_same_tables_columns_keys_and_indexes() {
    let Some(pg) = postgres_or_none().await else {
        return;
    };
    let lite = sqlite().await;
    let mut pg_shape = shape(&pg).await;
    pg_shape.retain(|(table, _), _| table != "schema_migration_lock");
    let lite_shape = shape(&lite).await;
    let columns = |shape: &Shape| shape.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(columns(&lite_shape), columns(&pg_shape));
    for (column, expected) in &pg_shape {
        assert_eq!(&lite_shape[column], expected, "{column:?}");
    }
    assert_eq!(
        names(&lite, LITE_INDEXES).await,
        names(&pg, PG_INDEXES).await
    );
}

#[tokio::test]
async fn tables_with_a_tenant_lead_their_key_with_it_unless_they_find_the_tenant() {
    let shape = shape(&sqlite().await).await;
    let with_tenant: BTreeSet<&str> = shape
        .keys()
        .filter(|(_, column)| column == "tenant_id")
        .map(|(table, _)| table.as_str())
        .collect();
    for (table, reason) in OUTSIDE {
        assert!(with_tenant.contains(table), "{table}: {reason}");
    }
    for table in with_tenant {
        let first = shape[&(table.to_owned(), "tenant_id".to_owned())].2;
        let outside = OUTSIDE.iter().any(|(name, _)| *name == table);
        assert!(first == 1 || outside, "{table}");
    }
}

const WALLED: &str = "select c.relname::text from pg_class c \
    where c.relrowsecurity and c.relforcerowsecurity \
        and exists (select 1 from pg_policy p where p.polrelid = c.oid) order by 1";

#[tokio::test]
async fn every_table_with_a_tenant_stands_behind_row_level_security_or_is_named() {
    let Some(db) = postgres_or_none().await else {
        return;
    };
    let walled: BTreeSet<String> = names(&db, WALLED).await.into_iter().collect();
    let mut expected: BTreeSet<String> = shape(&db)
        .await
        .into_keys()
        .filter(|(_, column)| column == "tenant_id")
        .map(|(table, _)| table)
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
