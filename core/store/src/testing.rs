//! Databases for tests: a fresh one of each engine for every test.
//!
//! SQLite is always there. PostgreSQL is there when `FONDACO_TEST_POSTGRES` holds the address of a
//! superuser: the first test makes a migrated template, every test gets a copy of it and drops it
//! afterwards. Without the variable the PostgreSQL half says so and is left out.

use std::ops::Deref;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use fondaco_model::{Instant, Secret};
use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

use crate::engine::{Db, Kind, PostgresConfig, SqliteConfig, StoreConfig};
use crate::migrate::{self, MIGRATIONS};

/// The variable that names a superuser of a PostgreSQL server which tests may use.
pub const POSTGRES_VARIABLE: &str = "FONDACO_TEST_POSTGRES";

/// Connections that one test may hold on one engine.
const CONNECTIONS: u32 = 8;

/// When every test database was migrated.
const MIGRATED_AT: Instant = Instant::from_micros(1_767_225_600_000_000);

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A migrated, empty database that goes with the value.
pub struct TestDb {
    db: Db,
    config: StoreConfig,
    guard: Guard,
}

impl TestDb {
    /// The engine's name, for messages.
    pub fn name(&self) -> &'static str {
        match self.db.kind() {
            Kind::Sqlite => "sqlite",
            Kind::Postgres => "postgres",
        }
    }

    /// How the database is reached, for a second `Db` on the same data.
    pub fn config(&self) -> &StoreConfig {
        &self.config
    }

    /// Another database with the same rows. PostgreSQL copies only what nobody uses, so whoever is
    /// connected to this one loses the connection; SQLite's file has to be at rest.
    pub async fn copy(&self) -> Self {
        match (&self.config, &self.guard) {
            (StoreConfig::Sqlite(from), _) => {
                let (config, guard) = fresh_file();
                std::fs::copy(&from.path, &config.path).expect("a database at rest can be copied");
                open(StoreConfig::Sqlite(config), guard).await
            }
            (StoreConfig::Postgres(_), Guard::Database { admin, name }) => {
                let mut conn = connect(admin, None).await;
                disconnect_all(&mut conn, name).await;
                copy_of(&mut conn, admin, name).await
            }
            (StoreConfig::Postgres(_), Guard::Folder(_)) => {
                unreachable!("a folder holds no PostgreSQL database")
            }
        }
    }
}

impl Deref for TestDb {
    type Target = Db;
    fn deref(&self) -> &Db {
        &self.db
    }
}

enum Guard {
    Folder(PathBuf),
    Database { admin: String, name: String },
}

impl Drop for Guard {
    fn drop(&mut self) {
        match self {
            Self::Folder(path) => {
                // What is left behind lies in the system's folder for temporary files.
                let _ = std::fs::remove_dir_all(path);
            }
            Self::Database { admin, name } => {
                let (admin, name) = (admin.clone(), name.clone());
                let dropped = std::thread::spawn(move || drop_database(&admin, &name)).join();
                dropped.expect("dropping a test database does not panic");
            }
        }
    }
}

fn drop_database(admin: &str, name: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a test may start a runtime");
    runtime.block_on(async {
        let mut conn = connect(admin, None).await;
        run(
            &mut conn,
            format!("drop database if exists \"{name}\" with (force)"),
        )
        .await;
    });
}

/// A fresh database of each engine.
pub async fn engines() -> Vec<TestDb> {
    let mut engines = vec![sqlite().await];
    match postgres_url() {
        Some(admin) => engines.push(postgres(&admin).await),
        None => eprintln!("{POSTGRES_VARIABLE} is not set: this test ran on SQLite only"),
    }
    engines
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests have no configuration file; the product never calls this module"
)]
fn postgres_url() -> Option<String> {
    std::env::var(POSTGRES_VARIABLE)
        .ok()
        .filter(|url| !url.is_empty())
}

fn fresh_name() -> String {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("fondaco_test_{}_{number}", std::process::id())
}

/// A fresh SQLite database in a folder of its own.
pub async fn sqlite() -> TestDb {
    let (file, guard) = fresh_file();
    let config = StoreConfig::Sqlite(file);
    migrate::migrate(&config, MIGRATED_AT)
        .await
        .expect("an empty file can be migrated");
    open(config, guard).await
}

fn fresh_file() -> (SqliteConfig, Guard) {
    let folder = std::env::temp_dir().join(fresh_name());
    std::fs::create_dir_all(&folder).expect("the temporary folder takes a folder");
    let config = SqliteConfig {
        path: folder.join("fondaco.db"),
        readers: 4,
    };
    (config, Guard::Folder(folder))
}

/// A fresh PostgreSQL database, or none where no server was named.
pub async fn postgres_or_none() -> Option<TestDb> {
    match postgres_url() {
        Some(admin) => Some(postgres(&admin).await),
        None => None,
    }
}

async fn postgres(admin: &str) -> TestDb {
    let template = template(admin).await;
    let mut conn = connect(admin, None).await;
    copy_of(&mut conn, admin, &template).await
}

async fn copy_of(conn: &mut PgConnection, admin: &str, template: &str) -> TestDb {
    let name = fresh_name();
    run(
        conn,
        format!("create database \"{name}\" template \"{template}\""),
    )
    .await;
    let guard = Guard::Database {
        admin: admin.to_owned(),
        name: name.clone(),
    };
    open(postgres_config(admin, &name), guard).await
}

/// Ends every connection to a database, and waits until it is gone.
async fn disconnect_all(conn: &mut PgConnection, name: &str) {
    sqlx::query(
        "select pg_terminate_backend(pid, 10000) from pg_stat_activity \
         where datname = $1 and pid <> pg_backend_pid()",
    )
    .bind(name)
    .execute(conn)
    .await
    .expect("a superuser may end connections");
}

async fn open(config: StoreConfig, guard: Guard) -> TestDb {
    let db = Db::open(&config).await.expect("a migrated database opens");
    TestDb { db, config, guard }
}

/// The name of a migrated template, made by whichever test comes first. The name carries the
/// digest of all texts; the advisory lock belongs to the tests, not to the product.
async fn template(admin: &str) -> String {
    let name = format!("fondaco_template_{}", all_texts());
    let mut conn = connect(admin, None).await;
    run(&mut conn, "select pg_advisory_lock(6003)".to_owned()).await;
    let known: i64 = sqlx::query_scalar("select count(*) from pg_database where datname = $1")
        .bind(&name)
        .fetch_one(&mut conn)
        .await
        .expect("the catalogue can be read");
    if known == 0 {
        let draft = format!("{name}_draft");
        run(
            &mut conn,
            format!("drop database if exists \"{draft}\" with (force)"),
        )
        .await;
        run(&mut conn, format!("create database \"{draft}\"")).await;
        migrate::migrate(&postgres_config(admin, &draft), MIGRATED_AT)
            .await
            .expect("an empty database can be migrated");
        run(
            &mut conn,
            format!("alter database \"{draft}\" rename to \"{name}\""),
        )
        .await;
    }
    conn.close().await.expect("a connection closes");
    name
}

/// A digest of everything that makes a template: the migrations, and what puts up the second wall.
fn all_texts() -> String {
    let mut hasher = Sha256::new();
    for migration in MIGRATIONS {
        hasher.update(migration.checksum());
    }
    hasher.update(include_str!("migrate/security.rs"));
    hasher.update(include_str!("migrate/runner.rs"));
    // 64 bits tell versions of one schema apart.
    let bytes = hasher.finalize();
    let number = u64::from_be_bytes(bytes[..8].try_into().expect("a digest is longer"));
    format!("{number:016x}")
}

fn postgres_config(admin: &str, database: &str) -> StoreConfig {
    let options = PgConnectOptions::from_str(admin)
        .expect("the variable holds an address")
        .database(database);
    StoreConfig::Postgres(PostgresConfig {
        url: Secret::new(options.to_url_lossy().to_string()),
        owner_url: None,
        connections: CONNECTIONS,
    })
}

async fn connect(admin: &str, database: Option<&str>) -> PgConnection {
    let mut options = PgConnectOptions::from_str(admin)
        .expect("the variable holds an address")
        .disable_statement_logging();
    if let Some(database) = database {
        options = options.database(database);
    }
    options.connect().await.expect("the named server answers")
}

async fn run(conn: &mut PgConnection, text: String) {
    sqlx::raw_sql(AssertSqlSafe(text))
        .execute(conn)
        .await
        .expect("a superuser may do this");
}
