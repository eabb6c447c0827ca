//! Staged records: a file's records between reading and resolving, in the order of resolving.

#[cfg(test)]
mod tests;

use fondaco_model::Date;
use fondaco_model::ids::SyncRunId;
use fondaco_model::money::Money;

use super::ROWS_MAX;
use super::composed::hidden_debug;
use crate::engine::{Session, Tx};
use crate::error::{Result, StoreError};

/// Most records that one call of [`delete_part`] takes.
pub const PART_MAX: u32 = 5_000;

/// The place of a record in the order of resolving: statement, day, currency, amount, then its
/// place in the file, so that equal records stand together.
#[derive(Clone, PartialEq, Eq)]
pub struct StagedKey {
    /// Position of the statement in its file, from 0.
    pub statement: i64,
    /// The day that orders the record.
    pub sort_date: Date,
    /// Signed amount.
    pub amount: Money,
    /// Position of the record in its file, from 0.
    pub ordinal: i64,
}

/// A record that waits.
#[derive(Clone, PartialEq, Eq)]
pub struct StagedRow {
    /// Its place.
    pub key: StagedKey,
    /// The draft, sealed.
    pub sealed: Vec<u8>,
}

hidden_debug!(StagedKey StagedRow);

record!(StagedRow, |row| StagedRow {
    key: StagedKey {
        statement: row.col("statement")?,
        sort_date: row.code("sort_date")?,
        amount: super::money(
            row.col("minor")?,
            row.col("scale")?,
            row.col("currency")?,
            "minor",
        )?,
        ordinal: row.col("ordinal")?,
    },
    sealed: row.col("sealed")?,
});

macro_rules! fields {
    () => {
        "statement, sort_date, currency, minor, scale, ordinal"
    };
}

statements! {
    FIRST = concat!("select ", fields!(), ", sealed from staged_record \
        where tenant_id = $1 and run_id = $2 order by ", fields!(), " limit $3");
    NEXT = concat!("select ", fields!(), ", sealed from staged_record \
        where tenant_id = $1 and run_id = $2 and (", fields!(), ") > ($3, $4, $5, $6, $7, $8) \
        order by ", fields!(), " limit $9");
    COUNT = "select count(*) from staged_record where tenant_id = $1 and run_id = $2";
    HOLD = "update sync_run set state = state \
        where tenant_id = $1 and id = $2 and state = 'RUNNING'";
    COUNT_ENDED = "select count(*) from staged_record s where s.tenant_id = $1 and not exists \
        (select 1 from sync_run r where r.tenant_id = s.tenant_id and r.id = s.run_id \
        and r.state = 'RUNNING')";
    DELETE_PART = concat!("delete from staged_record \
        where tenant_id = $1 and run_id = $2 and (", fields!(), ") in (select ", fields!(), " \
        from staged_record where tenant_id = $1 and run_id = $2 \
        order by ", fields!(), " limit $3)");
    DELETE = "delete from staged_record where tenant_id = $1 and run_id = $2";
    DELETE_THROUGH = concat!("delete from staged_record \
        where tenant_id = $1 and run_id = $2 and (", fields!(), ") <= ($3, $4, $5, $6, $7, $8)");
}

/// Stages records of a run; one that is staged already stays as it is, so that a restart may read
/// the file again.
///
/// # Errors
/// [`StoreError::LostUpdate`] when the run has ended or is not there: who ended it has deleted its
/// records, and nobody would delete these.
pub async fn insert(tx: &mut Tx, run: SyncRunId, rows: &[StagedRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant().0;
    // Holds the run's row until commit, so that nobody ends the run in between.
    if execute!(tx, HOLD, tenant, run.0)? == 0 {
        return Err(StoreError::LostUpdate);
    }
    bulk!(tx, rows, "staged_record", [
        tenant_id "uuid" = |_row| tenant,
        run_id "uuid" = |_row| run.0,
        statement "bigint" = |row| row.key.statement,
        sort_date "text" = |row| row.key.sort_date.to_string(),
        currency "text" = |row| row.key.amount.currency().code(),
        minor "bigint" = |row| row.key.amount.minor(),
        scale "smallint" = |row| i16::from(row.key.amount.scale()),
        ordinal "bigint" = |row| row.key.ordinal,
        sealed "bytea" = |row| row.sealed.as_slice(),
    ], "on conflict do nothing");
    Ok(())
}

/// The next records behind a place in the order of resolving, at most [`ROWS_MAX`].
pub async fn next(
    session: &mut Session,
    run: SyncRunId,
    after: Option<&StagedKey>,
    limit: u32,
) -> Result<Vec<StagedRow>> {
    let tenant = session.tenant().0;
    let limit = i64::from(limit.clamp(1, ROWS_MAX));
    let Some(key) = after else {
        return fetch_all!(session, FIRST => StagedRow, tenant, run.0, limit);
    };
    let day = key.sort_date.to_string();
    fetch_all!(
        session,
        NEXT => StagedRow,
        tenant,
        run.0,
        key.statement,
        day.as_str(),
        key.amount.currency().code(),
        key.amount.minor(),
        i16::from(key.amount.scale()),
        key.ordinal,
        limit
    )
}

/// Records of a run that wait.
pub async fn count(session: &mut Session, run: SyncRunId) -> Result<i64> {
    let tenant = session.tenant().0;
    let row = fetch_optional!(session, COUNT => (i64,), tenant, run.0)?;
    Ok(row.map_or(0, |row| row.0))
}

/// Deletes the records of a run up to and including a place; belongs into the transaction that
/// resolves them, so that after a restart the first of the rest is the next. Answers how many.
pub async fn delete_through(tx: &mut Tx, run: SyncRunId, key: &StagedKey) -> Result<u64> {
    let tenant = tx.tenant().0;
    let day = key.sort_date.to_string();
    execute!(
        tx,
        DELETE_THROUGH,
        tenant,
        run.0,
        key.statement,
        day.as_str(),
        key.amount.currency().code(),
        key.amount.minor(),
        i16::from(key.amount.scale()),
        key.ordinal
    )
}

/// Records of the tenant whose run has ended or is not there; none, unless something is broken.
pub async fn count_ended(session: &mut Session) -> Result<i64> {
    let tenant = session.tenant().0;
    let row = fetch_optional!(session, COUNT_ENDED => (i64,), tenant)?;
    Ok(row.map_or(0, |row| row.0))
}

/// Deletes the first [`PART_MAX`] records of a run; answers how many. Call it until it answers
/// fewer.
pub async fn delete_part(tx: &mut Tx, run: SyncRunId) -> Result<u64> {
    let tenant = tx.tenant().0;
    execute!(tx, DELETE_PART, tenant, run.0, i64::from(PART_MAX))
}

/// Deletes all records of a run; answers how many. End the run first: see [`insert`].
pub async fn delete_run(tx: &mut Tx, run: SyncRunId) -> Result<u64> {
    let tenant = tx.tenant().0;
    execute!(tx, DELETE, tenant, run.0)
}
