//! The two engines behind one type: pools, sessions of one tenant, and the macro that compiles a
//! query body once for each engine.
//!
//! A repository function that reads takes `&mut Session`, one that writes takes `&mut Tx`; a `Tx`
//! is a session too, so that it can read what it is about to change. Both know their tenant, which
//! comes from the caller's credential and never from a request's text.

#[macro_use]
pub(crate) mod dialect;
#[macro_use]
pub(crate) mod statement;
#[macro_use]
pub(crate) mod row;
#[macro_use]
pub(crate) mod bulk;
mod postgres;
mod sqlite;
mod tx;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fondaco_model::Instant;
use fondaco_model::ids::TenantId;
use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool, Transaction};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::error::Result;

pub use postgres::PostgresConfig;
pub(crate) use postgres::{APP_ROLE, owner_connection};
pub use sqlite::SqliteConfig;
pub(crate) use sqlite::owner_connection as sqlite_owner_connection;
pub(crate) use tx::STATEMENTS as TX_STATEMENTS;
pub use tx::{Retryable, Tries, Tx};

/// The operator of the installation as the owner of rows: its own chain of actions, its own keys,
/// and every look-up that has to find the tenant first.
pub const OPERATOR: TenantId = TenantId(Uuid::nil());

/// Microseconds since the epoch; not the transaction's begin.
const SERVER_TIME: &str = "select cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)";

/// Where the store is.
#[derive(Debug, Clone)]
pub enum StoreConfig {
    /// One file on this machine.
    Sqlite(SqliteConfig),
    /// A PostgreSQL server, shared by any number of processes.
    Postgres(PostgresConfig),
}

/// The engine that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// The store: pools of one of the two engines. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pools: Pools,
    work: Arc<Notify>,
    statements: Arc<AtomicU64>,
}

#[derive(Clone)]
enum Pools {
    /// `wr` holds one connection: SQLite has one writer, and waiting for it in the pool is fair
    /// where waiting in the file is not. `rd` is read-only.
    Lite {
        rd: SqlitePool,
        wr: SqlitePool,
    },
    Pg(PgPool),
}

impl Db {
    /// Opens the store. It neither creates nor changes a schema: see [`crate::migrate`].
    ///
    /// # Errors
    /// [`crate::StoreError::Driver`] when the file or the server cannot be reached.
    pub async fn open(config: &StoreConfig) -> Result<Self> {
        let pools = match config {
            StoreConfig::Sqlite(config) => {
                let (rd, wr) = sqlite::open(config).await?;
                Pools::Lite { rd, wr }
            }
            StoreConfig::Postgres(config) => Pools::Pg(postgres::open(config).await?),
        };
        Ok(Self {
            pools,
            work: Arc::new(Notify::new()),
            statements: Arc::default(),
        })
    }

    /// The engine that runs.
    pub fn kind(&self) -> Kind {
        match self.pools {
            Pools::Lite { .. } => Kind::Sqlite,
            Pools::Pg(_) => Kind::Postgres,
        }
    }

    /// A session that reads for one tenant, each statement by itself.
    ///
    /// # Errors
    /// [`crate::StoreError::Driver`] when no connection becomes free in time.
    pub async fn read(&self, tenant: TenantId) -> Result<Session> {
        let conn = match &self.pools {
            Pools::Lite { rd, .. } => Conn::LiteRead(rd.acquire().await?),
            Pools::Pg(pool) => {
                let mut conn = pool.acquire().await?;
                postgres::set_tenant(&mut conn, tenant).await?;
                Conn::PgRead(conn)
            }
        };
        Ok(self.session(tenant, conn))
    }

    /// What the database server's own clock says; none for SQLite, whose clock is this process's.
    ///
    /// # Errors
    /// [`crate::StoreError::Driver`] when the server does not answer.
    pub async fn server_time(&self) -> Result<Option<Instant>> {
        match &self.pools {
            Pools::Lite { .. } => Ok(None),
            Pools::Pg(pool) => {
                let asked = sqlx::query_scalar(SERVER_TIME).fetch_one(pool).await?;
                Ok(Some(Instant::from_micros(asked)))
            }
        }
    }

    /// A transaction that writes for one tenant. Dropped without [`Tx::commit`] it is undone.
    ///
    /// # Errors
    /// [`crate::StoreError::Driver`] when no connection becomes free in time;
    /// [`crate::StoreError::Busy`] when another process holds SQLite's writer for too long.
    pub async fn begin(&self, tenant: TenantId) -> Result<Tx> {
        let conn = match &self.pools {
            Pools::Lite { wr, .. } => Conn::LiteWrite(wr.begin_with(sqlite::BEGIN).await?),
            Pools::Pg(pool) => Conn::PgWrite(pool.begin_with(postgres::begin_text(tenant)).await?),
        };
        Ok(Tx::new(self.session(tenant, conn), self.work.clone()))
    }

    fn session(&self, tenant: TenantId, conn: Conn) -> Session {
        let statements = Arc::clone(&self.statements);
        Session {
            tenant,
            conn,
            statements,
            failed: false,
        }
    }

    /// Statements that repositories have run since the store was opened, on this value and its
    /// clones; beginning, committing and naming the tenant do not count.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Asks the database for one row, for health checks.
    ///
    /// # Errors
    /// [`crate::StoreError::Driver`] when it does not answer.
    pub async fn ping(&self) -> Result<()> {
        let mut session = self.read(OPERATOR).await?;
        fetch_optional!(&mut session, PING => (i64,))?;
        Ok(())
    }

    /// Resolves after a transaction of this process that enqueued a job has committed. A hint that
    /// saves a wait: workers poll besides, because other processes do not ring here.
    pub async fn work_arrived(&self) {
        self.work.notified().await;
    }

    /// Closes all connections, waiting for those in use.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Lite { rd, wr } => {
                rd.close().await;
                wr.close().await;
            }
            Pools::Pg(pool) => pool.close().await,
        }
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Db({:?})", self.kind())
    }
}

/// A connection that works for one tenant until it is dropped.
pub struct Session {
    tenant: TenantId,
    conn: Conn,
    statements: Arc<AtomicU64>,
    failed: bool,
}

enum Conn {
    LiteRead(PoolConnection<Sqlite>),
    LiteWrite(Transaction<'static, Sqlite>),
    PgRead(PoolConnection<Postgres>),
    PgWrite(Transaction<'static, Postgres>),
}

/// A borrowed connection with its concrete type; what `on!` matches.
pub(crate) enum Connection<'a> {
    Lite(&'a mut SqliteConnection),
    Pg(&'a mut PgConnection),
}

impl Session {
    /// The tenant that this session works for: the predicate of every statement.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The engine that runs.
    pub fn kind(&self) -> Kind {
        match self.conn {
            Conn::LiteRead(_) | Conn::LiteWrite(_) => Kind::Sqlite,
            Conn::PgRead(_) | Conn::PgWrite(_) => Kind::Postgres,
        }
    }

    /// The connection for one statement; that is why it is counted here.
    /// Remembers that a statement failed: PostgreSQL answers a `commit` after that by undoing
    /// everything, without an error, and [`Tx::commit`] must not take that for success.
    pub(crate) fn note<T>(session: &mut Self, done: Result<T>) -> Result<T> {
        session.failed |= done.is_err();
        done
    }

    pub(crate) fn connection(&mut self) -> Connection<'_> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        match &mut self.conn {
            Conn::LiteRead(conn) => Connection::Lite(conn),
            Conn::LiteWrite(conn) => Connection::Lite(conn),
            Conn::PgRead(conn) => Connection::Pg(conn),
            Conn::PgWrite(conn) => Connection::Pg(conn),
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({:?}, {})", self.kind(), self.tenant)
    }
}

statements! {
    PING = "select count(*) from schema_migration";
}

#[cfg(test)]
mod tests;
