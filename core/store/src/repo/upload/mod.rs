//! Uploads: files that were handed in and wait for their import, usable once; and what it did.

mod lines;
#[cfg(test)]
mod tests;

use fondaco_model::Instant;
use fondaco_model::ids::{ApiKeyId, DataKeyId, EndUserId, RawAnswerId, UploadId};
use uuid::Uuid;

use super::composed::fetch_composed;
use super::{Scope, page};
use crate::engine::{Session, Tx};
use crate::error::{Result, StoreError};

pub use lines::{LINES_MAX, ReportLines, StatementLine};

/// An upload as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadRow {
    /// Our id.
    pub id: UploadId,
    /// The person who handed it in; none when a tenant's server did.
    pub end_user_id: Option<EndUserId>,
    /// The bytes.
    pub raw_answer_id: RawAnswerId,
    /// The key with which it was handed in.
    pub api_key_id: Option<ApiKeyId>,
    /// When it was handed in.
    pub created_at: Instant,
    /// From when on it cannot be used any more.
    pub expires_at: Instant,
    /// When it was used.
    pub consumed_at: Option<Instant>,
}

/// Column of the sealed lines, for who seals and opens them.
pub const REPORT_COLUMN: &str = "report_sealed";

codes! {
    /// What became of an upload.
    UploadOutcome {
        /// All of it was imported, and every statement that can be checked adds up.
        Ok = "OK",
        /// Some of it was imported, or a statement does not add up.
        Partial = "PARTIAL",
        /// Nothing of it was imported.
        Failed = "FAILED",
    }
}

/// What the import of an upload did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadReport {
    /// What became of the upload.
    pub outcome: UploadOutcome,
    /// The fault's code, when the file broke off or nothing of it could be imported.
    pub fault_code: Option<String>,
    /// The line of the file at which it broke off, from 1.
    pub fault_line: Option<i64>,
    /// The rule that the file, or all its statements, broke.
    pub fault_rule: Option<String>,
    /// Statements of the file, those included that the sealed report has no room for.
    pub statement_count: i64,
    /// [`ReportLines`] as sealed JSON.
    pub report_sealed: String,
    /// The key that seals the lines.
    pub data_key_id: DataKeyId,
}

/// Uploads of a person that wait for their import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// How many.
    pub count: i64,
    /// When the first of them expires; the epoch when there is none.
    pub first_expires_at: Instant,
}

record!(Waiting, |row| Waiting {
    count: row.col("waiting")?,
    first_expires_at: row.instant("first_expires_at")?,
});

/// The bytes of an upload that nobody used.
struct Expired(RawAnswerId);

record!(Expired, |row| Expired(RawAnswerId(
    row.col("raw_answer_id")?
)));

record!(UploadRow, |row| UploadRow {
    id: UploadId(row.col("id")?),
    end_user_id: row.col::<Option<Uuid>>("end_user_id")?.map(EndUserId),
    raw_answer_id: RawAnswerId(row.col("raw_answer_id")?),
    api_key_id: row.col::<Option<Uuid>>("api_key_id")?.map(ApiKeyId),
    created_at: row.instant("created_at")?,
    expires_at: row.instant("expires_at")?,
    consumed_at: row.instant_opt("consumed_at")?,
});

record!(UploadReport, |row| UploadReport {
    outcome: row.code("outcome")?,
    fault_code: row.col("fault_code")?,
    fault_line: row.col("fault_line")?,
    fault_rule: row.col("fault_rule")?,
    statement_count: row.col("statement_count")?,
    report_sealed: row.col("report_sealed")?,
    data_key_id: DataKeyId(row.col("data_key_id")?),
});

macro_rules! fields {
    () => {
        "id, end_user_id, raw_answer_id, api_key_id, created_at, expires_at, consumed_at"
    };
}

statements! {
    INSERT = "insert into upload (tenant_id, id, end_user_id, raw_answer_id, api_key_id, \
        created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7)";
    KEEP_REPORT = "update upload set outcome = $3, fault_code = $4, fault_line = $5, \
        fault_rule = $6, statement_count = $7, report_sealed = $8, data_key_id = $9 \
        where tenant_id = $1 and id = $2";
    WAITING = "select count(*) as waiting, coalesce(min(expires_at), 0) as first_expires_at \
        from upload where tenant_id = $1 and end_user_id = $2 and consumed_at is null \
        and expires_at > $3";
    EXPIRE = "delete from upload where tenant_id = $1 and id in \
        (select id from upload where tenant_id = $1 and consumed_at is null \
        and expires_at <= $2 order by id limit $3) and consumed_at is null \
        returning raw_answer_id";
}

/// Keeps an upload that nobody used yet; `consumed_at` of the row is not looked at.
///
/// # Errors
/// [`crate::StoreError::Conflict`] when the id is taken.
pub async fn insert(tx: &mut Tx, row: &UploadRow) -> Result<()> {
    let tenant = tx.tenant().0;
    execute!(
        tx,
        INSERT,
        tenant,
        row.id.0,
        row.end_user_id.map(|id| id.0),
        row.raw_answer_id.0,
        row.api_key_id.map(|id| id.0),
        row.created_at.micros(),
        row.expires_at.micros()
    )?;
    Ok(())
}

const GET: &str = concat!("select ", fields!(), " from upload where tenant_id = ");

/// One upload, used or not, as far as the scope sees it.
pub async fn get(session: &mut Session, scope: Scope, id: UploadId) -> Result<Option<UploadRow>> {
    let tenant = session.tenant().0;
    let rows = fetch_composed!(session, UploadRow, GET, |query, D| {
        query.push_bind(tenant).push(" and id = ").push_bind(id.0);
        scope.push::<D>(&mut query, "end_user_id");
    })?;
    Ok(rows.into_iter().next())
}

/// Uses an upload: of any number of callers one gets the row, the others none. None also when it
/// has expired or the scope does not see it.
pub async fn consume(
    tx: &mut Tx,
    scope: Scope,
    id: UploadId,
    at: Instant,
) -> Result<Option<UploadRow>> {
    let tenant = tx.tenant().0;
    let rows = fetch_composed!(
        tx,
        UploadRow,
        "update upload set consumed_at = ",
        |query, D| {
            query
                .push_bind(at.micros())
                .push(" where tenant_id = ")
                .push_bind(tenant);
            query.push(" and id = ").push_bind(id.0);
            scope.push::<D>(&mut query, "end_user_id");
            query
                .push(" and consumed_at is null and expires_at > ")
                .push_bind(at.micros());
            query.push(concat!(" returning ", fields!()));
        }
    )?;
    Ok(rows.into_iter().next())
}

/// Keeps what an import did beside its upload; a later try of the same import replaces it. False
/// when the upload is gone.
pub async fn keep_report(tx: &mut Tx, id: UploadId, report: &UploadReport) -> Result<bool> {
    let tenant = tx.tenant().0;
    let kept = execute!(
        tx,
        KEEP_REPORT,
        tenant,
        id.0,
        report.outcome.as_str(),
        report.fault_code.as_deref(),
        report.fault_line,
        report.fault_rule.as_deref(),
        report.statement_count,
        report.report_sealed.as_str(),
        report.data_key_id.0
    )?;
    Ok(kept == 1)
}

const REPORT: &str = "select outcome, fault_code, fault_line, fault_rule, statement_count, \
    report_sealed, data_key_id from upload where outcome is not null and tenant_id = ";

/// What the import of an upload did, as far as the scope sees it; none before it ended.
pub async fn report(
    session: &mut Session,
    scope: Scope,
    id: UploadId,
) -> Result<Option<UploadReport>> {
    let tenant = session.tenant().0;
    let rows = fetch_composed!(session, UploadReport, REPORT, |query, D| {
        query.push_bind(tenant).push(" and id = ").push_bind(id.0);
        scope.push::<D>(&mut query, "end_user_id");
    })?;
    Ok(rows.into_iter().next())
}

/// Uploads of a person that are neither imported nor expired. Whoever inserts one more only below
/// a limit locks the tenant before the look.
pub async fn waiting(session: &mut Session, end_user: EndUserId, at: Instant) -> Result<Waiting> {
    let tenant = session.tenant().0;
    fetch_optional!(session, WAITING => Waiting, tenant, end_user.0, at.micros())?
        .ok_or(StoreError::NotFound)
}

/// Deletes uploads that expired unused, at most [`super::ROWS_MAX`] in one call; answers the raw
/// answers that they were about, which other rows may still need: see [`super::raw::retire`].
pub async fn expire(tx: &mut Tx, at: Instant, limit: u32) -> Result<Vec<RawAnswerId>> {
    let tenant = tx.tenant().0;
    let expired = fetch_all!(tx, EXPIRE => Expired, tenant, at.micros(), page(limit))?;
    Ok(expired.into_iter().map(|expired| expired.0).collect())
}
