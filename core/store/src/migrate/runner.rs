//! Applies migrations over a connection of the schema's owner.

use fondaco_model::Instant;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use super::{APPLIED, Applied, INSERT_OPERATOR, Migration, Report, security, verify};
use crate::engine::row::FromRecord;
use crate::engine::{self, Kind, OPERATOR, StoreConfig, dialect};
use crate::error::{Result, StoreError};

/// How often the first statements are tried while another process runs them too.
const PREPARE_TRIES_MAX: u32 = 5;

const CREATE_MIGRATION_TABLE: &str = "create table if not exists schema_migration (
    version {bigint} not null primary key,
    name text not null,
    checksum text not null,
    applied_at {bigint} not null
) {strict}";

/// PostgreSQL only: the row that a migrating transaction locks.
const CREATE_LOCK_TABLE: &str = "create table if not exists schema_migration_lock (
    id smallint not null primary key
)";
const INSERT_LOCK: &str =
    "insert into schema_migration_lock (id) values (1) on conflict (id) do nothing";
const TAKE_LOCK: &str = "select id from schema_migration_lock where id = 1 for update";

const INSERT_APPLIED: &str = "insert into schema_migration (version, name, checksum, applied_at) \
    values ($1, $2, $3, $4)";

/// Runs the same steps on either engine's connection. The two bodies differ by their types only.
macro_rules! run_on {
    ($conn:expr, $kind:expr, $begin:expr, $lock:expr, $migrations:expr, $now:expr) => {{
        let mut report = Report::default();
        let mut first = true;
        for migration in $migrations {
            let mut tx = $conn.begin_with($begin).await?;
            if let Some(lock) = $lock {
                sqlx::raw_sql(lock).execute(&mut *tx).await?;
            }
            let rows = sqlx::query(APPLIED.lite).fetch_all(&mut *tx).await?;
            let applied = rows.iter().map(Applied::read).collect::<Result<Vec<_>>>()?;
            verify($migrations, &applied)?;
            if first {
                report.known = applied.len();
                first = false;
            }
            if applied.iter().any(|row| row.version == migration.version()) {
                tx.rollback().await?;
                continue;
            }
            sqlx::raw_sql(AssertSqlSafe(migration.for_engine($kind)))
                .execute(&mut *tx)
                .await
                .map_err(|error| refused(migration, &error))?;
            sqlx::query(INSERT_APPLIED)
                .bind(migration.version())
                .bind(migration.name)
                .bind(migration.checksum())
                .bind($now.micros())
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
            tracing::info!(migration = migration.name, "migration was applied");
            report.applied.push(migration.name);
        }
        report
    }};
}

/// The texts are ours and hold no values, so that the database's own words may be shown.
fn refused(migration: &Migration, error: &sqlx::Error) -> StoreError {
    StoreError::Schema(format!("{} was refused: {error}", migration.name))
}

pub(super) async fn run(
    config: &StoreConfig,
    migrations: &[Migration],
    now: Instant,
) -> Result<Report> {
    match config {
        StoreConfig::Sqlite(config) => {
            let mut conn = engine::sqlite_owner_connection(config).await?;
            let report = on_sqlite(&mut conn, migrations, now).await;
            conn.close().await?;
            report
        }
        StoreConfig::Postgres(config) => {
            let mut conn = engine::owner_connection(config).await?;
            let report = on_postgres(&mut conn, migrations, now).await;
            conn.close().await?;
            report
        }
    }
}

async fn on_sqlite(
    conn: &mut SqliteConnection,
    migrations: &[Migration],
    now: Instant,
) -> Result<Report> {
    let create = dialect::ddl(CREATE_MIGRATION_TABLE, Kind::Sqlite);
    sqlx::raw_sql(AssertSqlSafe(create))
        .execute(&mut *conn)
        .await?;
    let begin = "begin immediate";
    let report = run_on!(conn, Kind::Sqlite, begin, None::<&str>, migrations, now);
    sqlx::query(INSERT_OPERATOR.lite)
        .bind(OPERATOR.0)
        .bind(now.micros())
        .execute(&mut *conn)
        .await?;
    Ok(report)
}

async fn on_postgres(
    conn: &mut PgConnection,
    migrations: &[Migration],
    now: Instant,
) -> Result<Report> {
    prepare_postgres(conn).await?;
    let report = run_on!(
        conn,
        Kind::Postgres,
        "begin",
        Some(TAKE_LOCK),
        migrations,
        now
    );
    sqlx::query(INSERT_OPERATOR.pg)
        .bind(OPERATOR.0)
        .bind(now.micros())
        .execute(&mut *conn)
        .await?;
    let mut tx = conn.begin().await?;
    sqlx::raw_sql(TAKE_LOCK).execute(&mut *tx).await?;
    security::apply(&mut tx).await?;
    tx.commit().await?;
    Ok(report)
}

/// `create … if not exists` is no lock: two processes may both find nothing, and one then breaks a
/// unique rule of the catalogue. Trying again finds what the other made.
async fn prepare_postgres(conn: &mut PgConnection) -> Result<()> {
    let create = dialect::ddl(CREATE_MIGRATION_TABLE, Kind::Postgres);
    for _ in 1..PREPARE_TRIES_MAX {
        if prepare_once(conn, &create).await.is_ok() {
            return Ok(());
        }
    }
    prepare_once(conn, &create).await
}

async fn prepare_once(conn: &mut PgConnection, create: &str) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(create.to_owned()))
        .execute(&mut *conn)
        .await?;
    sqlx::raw_sql(CREATE_LOCK_TABLE).execute(&mut *conn).await?;
    sqlx::raw_sql(INSERT_LOCK).execute(&mut *conn).await?;
    security::create_role(conn).await
}
