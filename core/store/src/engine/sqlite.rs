//! SQLite: one writer that begins immediately, a pool of readers, and the pragmas.
//!
//! Synchronous is FULL because a refresh token that a bank has rotated must survive a power loss;
//! with NORMAL the last commits may be gone, and the consent with them. Readers take no lock
//! against the writer (write-ahead log), and one page is read in one statement.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqliteConnection, SqlitePool};

use crate::error::Result;

/// A plain `begin` would take the write lock at the first write, too late to wait for it.
pub(super) const BEGIN: &str = "begin immediate";

/// How long another process may hold the writer before a transaction is reported as busy.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits for a connection of ours.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// Prepared statements that each connection keeps.
const STATEMENTS_KEPT: usize = 500;
/// Rows that the driver's thread may be ahead of the reader.
const ROW_BUFFER: usize = 256;
/// Bytes of the file that are read through memory mapping.
const MMAP_BYTES: &str = "268435456";
/// Page cache of each connection in KiB, as the negative number that the pragma wants.
const CACHE_KIB: &str = "-16384";
/// Pages in the log before it is folded into the file; the default of 1,000 halves bulk writes.
const CHECKPOINT_PAGES: &str = "16384";

/// Where the file is and how many may read it at once.
#[derive(Debug, Clone)]
pub struct SqliteConfig {
    /// The database file; made when it is missing.
    pub path: PathBuf,
    /// Read connections; 2 to 4 are best on a small machine.
    pub readers: u32,
}

fn options(config: &SqliteConfig) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(&config.path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(STATEMENTS_KEPT)
        .row_buffer_size(ROW_BUFFER)
        .pragma("secure_delete", "on")
        .pragma("temp_store", "memory")
        .pragma("mmap_size", MMAP_BYTES)
        .pragma("cache_size", CACHE_KIB)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .disable_statement_logging()
}

/// Makes the file when it is missing, readable by its owner only: it holds people's data. SQLite
/// gives its log and its index the rights of the file.
fn make_private(path: &Path) -> Result<()> {
    let mut file = std::fs::OpenOptions::new();
    file.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    match file.open(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(sqlx::Error::Io(error).into()),
    }
}

/// Opens the readers and the writer. The writer comes first: it makes the file and its log, which
/// a read-only connection cannot.
pub(super) async fn open(config: &SqliteConfig) -> Result<(SqlitePool, SqlitePool)> {
    make_private(&config.path)?;
    let wr = pool(1).connect_with(options(config)).await?;
    let reader = options(config).read_only(true);
    let rd = pool(config.readers.max(1)).connect_with(reader).await?;
    Ok((rd, wr))
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

/// A connection of its own for migrations.
pub(crate) async fn owner_connection(config: &SqliteConfig) -> Result<SqliteConnection> {
    make_private(&config.path)?;
    Ok(options(config).connect().await?)
}
