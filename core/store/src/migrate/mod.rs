//! Migrations: numbered texts in a portable subset, applied forward, each in one transaction.
//!
//! Two processes may migrate at once. Each migration runs in a transaction of its own that first
//! takes the lock (SQLite's writer, or one locked row on PostgreSQL) and then looks whether the
//! migration is still missing; no advisory lock is needed, which some engines that speak
//! PostgreSQL's protocol do not have. A text that was applied is remembered with its checksum and
//! never applied again; a text that differs from what was applied is refused.

mod runner;
pub(crate) mod security;
mod texts;

use fondaco_model::Instant;
use sha2::{Digest, Sha256};

use crate::engine::{Db, Kind, OPERATOR, StoreConfig, dialect};
use crate::error::{Result, StoreError};

pub use texts::MIGRATIONS;

/// One step of the schema.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// The file's name: `NNNN_area_verb.sql`.
    pub name: &'static str,
    /// The portable text.
    pub text: &'static str,
}

impl Migration {
    /// The number before the name, from 1.
    pub fn version(&self) -> i64 {
        self.name
            .split_once('_')
            .and_then(|(number, _)| number.parse().ok())
            .expect("a test checks that every name begins with four digits")
    }

    /// SHA-256 of the portable text, in hexadecimal.
    pub fn checksum(&self) -> String {
        use std::fmt::Write as _;
        let mut hex = String::with_capacity(64);
        for byte in Sha256::digest(self.text.as_bytes()) {
            write!(hex, "{byte:02x}").expect("a string takes every write");
        }
        hex
    }

    /// The text for one engine.
    pub fn for_engine(&self, kind: Kind) -> String {
        dialect::ddl(self.text, kind)
    }
}

/// What a run of the migrations did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Names of the migrations that this run applied, in order.
    pub applied: Vec<&'static str>,
    /// How many were there before.
    pub known: usize,
}

/// Brings the schema to what this build needs and, on PostgreSQL, puts up the second wall: the
/// role, its rights, and row-level security on every table that needs it.
///
/// # Errors
/// [`StoreError::Schema`] when an applied text differs from ours, or when the database is newer
/// than this build; [`StoreError::Driver`] when a text is refused. What was applied before stays.
pub async fn migrate(config: &StoreConfig, now: Instant) -> Result<Report> {
    runner::run(config, MIGRATIONS, now).await
}

statements! {
    APPLIED = "select version, name, checksum from schema_migration order by version";
    INSERT_OPERATOR = "insert into tenant \
        (id, display_name, privacy_url, support_contact, mode, seq, created_at) \
        values ($1, 'operator', '', '', 'LIVE', 0, $2) on conflict (id) do nothing";
}

/// A migration as the database remembers it.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) version: i64,
    pub(crate) name: String,
    pub(crate) checksum: String,
}

record!(Applied, |row| Applied {
    version: row.col("version")?,
    name: row.col("name")?,
    checksum: row.col("checksum")?,
});

/// Names of the migrations that the database lacks, in order.
///
/// # Errors
/// [`StoreError::Schema`] when the database is newer than this build or was made of other texts,
/// or when it was never migrated.
pub async fn pending(db: &Db) -> Result<Vec<&'static str>> {
    let mut session = db.read(OPERATOR).await?;
    let applied = fetch_all!(&mut session, APPLIED => Applied)
        .map_err(|_| StoreError::Schema("the database was never migrated".to_owned()))?;
    verify(MIGRATIONS, &applied)?;
    Ok(MIGRATIONS[applied.len()..]
        .iter()
        .map(|migration| migration.name)
        .collect())
}

/// Checks that what was applied is the beginning of what we know.
pub(crate) fn verify(known: &[Migration], applied: &[Applied]) -> Result<()> {
    for (at, row) in applied.iter().enumerate() {
        let Some(migration) = known.get(at) else {
            return Err(StoreError::Schema(format!(
                "the database is newer than this build: it has {}",
                row.name
            )));
        };
        if row.version != migration.version() || row.checksum != migration.checksum() {
            return Err(StoreError::Schema(format!(
                "{} was applied with another text than {}",
                row.name, migration.name
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
