//! Quarantine and remarks: records that could not be understood, and what was noticed about others.

#[cfg(test)]
mod tests;

use fondaco_model::Instant;
use fondaco_model::ids::{DataKeyId, EndUserId, QuarantineId, RawAnswerId, SyncRunId};
use uuid::Uuid;

use super::composed::fetch_composed;
use super::{ROWS_MAX, Scope, page};
use crate::engine::bulk::InList;
use crate::engine::{Session, Tx};
use crate::error::Result;

/// Most targets of one look-up of remarks.
pub const TARGETS_MAX: usize = 1_000;

/// Most remarks that one call answers.
pub const REMARKS_MAX: i64 = 20_000;

/// A record that could not be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineRow {
    /// Our id.
    pub id: QuarantineId,
    /// Whose record it is.
    pub end_user_id: EndUserId,
    /// The run that met it first.
    pub run_id: SyncRunId,
    /// The raw answer that holds it.
    pub raw_answer_id: RawAnswerId,
    /// Its position within the raw answer, from 0.
    pub ordinal: i64,
    /// The resource, as a word.
    pub resource: String,
    /// The source's own path of the field, or its line.
    pub field: String,
    /// The rule that refused it.
    pub rule: String,
    /// The value as it stood, sealed.
    pub original_sealed: String,
    /// The key that seals the value.
    pub data_key_id: DataKeyId,
    /// When it was met.
    pub created_at: Instant,
    /// When it was understood after all, or put aside.
    pub resolved_at: Option<Instant>,
}

/// Something that was noticed while a record was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemarkRow {
    /// The raw answer that holds the record.
    pub raw_answer_id: RawAnswerId,
    /// The record's position within the raw answer, from 0.
    pub ordinal: i64,
    /// The remark's position within the record, from 0.
    pub number: i64,
    /// Whose record it is.
    pub end_user_id: EndUserId,
    /// The stored row that the record became.
    pub target_id: Option<Uuid>,
    /// The source's own path of the field, or its line.
    pub field: String,
    /// The rule that noticed it.
    pub rule: String,
    /// The value as it stood, sealed.
    pub original_sealed: String,
    /// The key that seals the value.
    pub data_key_id: DataKeyId,
}

/// A record in quarantine or a remark, as who handed in its file is told about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProblemRow {
    /// The record's position within the raw answer, from 0.
    pub ordinal: i64,
    /// True for a record in quarantine, false for a remark about one that was understood.
    pub quarantined: bool,
    /// What the sealed original belongs to: the quarantine entry, or a remark's [`remark_place`].
    pub sealed_row: Uuid,
    /// The source's own path of the field, or its line.
    pub field: String,
    /// The rule that refused or noticed it.
    pub rule: String,
    /// The value as it stood, sealed.
    pub original_sealed: String,
}

/// What the sealed original of a remark belongs to.
///
/// Remarks have no id of their own: the positions of the record in its answer and of the remark
/// in its record are mixed into the answer's id, so that no two originals of an answer open in
/// each other's place.
pub fn remark_place(raw: RawAnswerId, ordinal: i64, number: i64) -> Uuid {
    let record = u128::from(ordinal.unsigned_abs()) << 32;
    let remark = u128::from(number.unsigned_abs());
    Uuid::from_u128(raw.0.as_u128() ^ record ^ remark)
}

impl ProblemRow {
    /// The table whose column `original_sealed` holds the original.
    pub fn sealed_table(&self) -> &'static str {
        if self.quarantined {
            "quarantine"
        } else {
            "remark"
        }
    }
}

/// Which problems of one raw answer are asked for. Imports of one content share its raw answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProblemQuery {
    /// The raw answer.
    pub raw_answer_id: RawAnswerId,
    /// First position of a record.
    pub from: i64,
    /// Last position of a record.
    pub through: i64,
    /// Number of rows, 1 to [`ROWS_MAX`].
    pub limit: u32,
}

impl ProblemQuery {
    /// The first problems of all records.
    pub fn all(raw_answer_id: RawAnswerId, limit: u32) -> Self {
        Self {
            raw_answer_id,
            from: 0,
            through: i64::MAX,
            limit,
        }
    }
}

record!(ProblemRow, |row| ProblemRow {
    ordinal: row.col("ordinal")?,
    quarantined: row.col::<i64>("number")? < 0,
    sealed_row: match row.col("number")? {
        number @ 0.. => remark_place(RawAnswerId(row.col("holder")?), row.col("ordinal")?, number),
        _ => row.col("holder")?,
    },
    field: row.col("field")?,
    rule: row.col("rule")?,
    original_sealed: row.col("original_sealed")?,
});

record!(QuarantineRow, |row| QuarantineRow {
    id: QuarantineId(row.col("id")?),
    end_user_id: EndUserId(row.col("end_user_id")?),
    run_id: SyncRunId(row.col("run_id")?),
    raw_answer_id: RawAnswerId(row.col("raw_answer_id")?),
    ordinal: row.col("ordinal")?,
    resource: row.col("resource")?,
    field: row.col("field")?,
    rule: row.col("rule")?,
    original_sealed: row.col("original_sealed")?,
    data_key_id: DataKeyId(row.col("data_key_id")?),
    created_at: row.instant("created_at")?,
    resolved_at: row.instant_opt("resolved_at")?,
});

record!(RemarkRow, |row| RemarkRow {
    raw_answer_id: RawAnswerId(row.col("raw_answer_id")?),
    ordinal: row.col("ordinal")?,
    number: row.col("number")?,
    end_user_id: EndUserId(row.col("end_user_id")?),
    target_id: row.col("target_id")?,
    field: row.col("field")?,
    rule: row.col("rule")?,
    original_sealed: row.col("original_sealed")?,
    data_key_id: DataKeyId(row.col("data_key_id")?),
});

statements! {
    RESOLVE = "update quarantine set resolved_at = $3 \
        where tenant_id = $1 and id = $2 and resolved_at is null";
}

/// Puts records into quarantine; one that is there already, by raw answer and position, stays as
/// it is, so that a restarted run does not double it.
pub async fn insert(tx: &mut Tx, rows: &[QuarantineRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant().0;
    bulk!(tx, rows, "quarantine", [
        tenant_id "uuid" = |_row| tenant,
        id "uuid" = |row| row.id.0,
        end_user_id "uuid" = |row| row.end_user_id.0,
        run_id "uuid" = |row| row.run_id.0,
        raw_answer_id "uuid" = |row| row.raw_answer_id.0,
        ordinal "bigint" = |row| row.ordinal,
        resource "text" = |row| row.resource.as_str(),
        field "text" = |row| row.field.as_str(),
        rule "text" = |row| row.rule.as_str(),
        original_sealed "text" = |row| row.original_sealed.as_str(),
        data_key_id "uuid" = |row| row.data_key_id.0,
        created_at "bigint" = |row| row.created_at.micros(),
        resolved_at "bigint" = |row| row.resolved_at.map(Instant::micros),
    ], "on conflict do nothing");
    Ok(())
}

/// Keeps remarks; one that is there already, by raw answer and positions, stays as it is.
pub async fn insert_remarks(tx: &mut Tx, rows: &[RemarkRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant().0;
    bulk!(tx, rows, "remark", [
        tenant_id "uuid" = |_row| tenant,
        raw_answer_id "uuid" = |row| row.raw_answer_id.0,
        ordinal "bigint" = |row| row.ordinal,
        number "bigint" = |row| row.number,
        end_user_id "uuid" = |row| row.end_user_id.0,
        target_id "uuid" = |row| row.target_id,
        field "text" = |row| row.field.as_str(),
        rule "text" = |row| row.rule.as_str(),
        original_sealed "text" = |row| row.original_sealed.as_str(),
        data_key_id "uuid" = |row| row.data_key_id.0,
    ], "on conflict do nothing");
    Ok(())
}

/// Notes that a record was understood after all or put aside; false when it was so already.
pub async fn resolve(tx: &mut Tx, id: QuarantineId, at: Instant) -> Result<bool> {
    let tenant = tx.tenant().0;
    Ok(execute!(tx, RESOLVE, tenant, id.0, at.micros())? == 1)
}

/// Which records in quarantine a list holds; all conditions must hold.
#[derive(Debug, Clone, Copy, Default)]
pub struct QuarantineQuery {
    /// Only records that this run met first.
    pub run: Option<SyncRunId>,
    /// Only records that are neither understood nor put aside.
    pub open_only: bool,
    /// Only records behind this one.
    pub after: Option<QuarantineId>,
    /// Number of rows, 1 to [`ROWS_MAX`] and one more, which tells whether a page follows.
    pub limit: u32,
}

impl QuarantineQuery {
    /// The first records of a run.
    pub fn of_run(run: SyncRunId) -> Self {
        Self {
            run: Some(run),
            limit: ROWS_MAX,
            ..Self::default()
        }
    }
}

const LIST: &str = "select id, end_user_id, run_id, raw_answer_id, ordinal, resource, field, \
    rule, original_sealed, data_key_id, created_at, resolved_at from quarantine \
    where tenant_id = ";

/// Records in quarantine, ordered by id, which is the order of their making.
pub async fn list(
    session: &mut Session,
    scope: Scope,
    asked: &QuarantineQuery,
) -> Result<Vec<QuarantineRow>> {
    let tenant = session.tenant().0;
    fetch_composed!(session, QuarantineRow, LIST, |query, D| {
        query.push_bind(tenant);
        scope.push::<D>(&mut query, "end_user_id");
        if let Some(run) = asked.run {
            query.push(" and run_id = ").push_bind(run.0);
        }
        if asked.open_only {
            query.push(" and resolved_at is null");
        }
        if let Some(after) = asked.after {
            query.push(" and id > ").push_bind(after.0);
        }
        query
            .push(" order by id limit ")
            .push_bind(page(asked.limit));
    })
}

const PROBLEMS: &str = "select ordinal, number, holder, field, rule, original_sealed from \
    (select ordinal, cast(-1 as bigint) as number, id as holder, field, rule, \
    original_sealed, end_user_id, tenant_id, raw_answer_id from quarantine \
    where resolved_at is null union all \
    select ordinal, number, raw_answer_id as holder, field, rule, original_sealed, \
    end_user_id, tenant_id, raw_answer_id from remark) p where p.tenant_id = ";

/// Records of a raw answer that are in quarantine and remarks about the others, in the order of
/// the source.
pub async fn problems(
    session: &mut Session,
    scope: Scope,
    asked: &ProblemQuery,
) -> Result<Vec<ProblemRow>> {
    let tenant = session.tenant().0;
    fetch_composed!(session, ProblemRow, PROBLEMS, |query, D| {
        query.push_bind(tenant).push(" and p.raw_answer_id = ");
        query.push_bind(asked.raw_answer_id.0);
        query.push(" and p.ordinal >= ").push_bind(asked.from);
        query.push(" and p.ordinal <= ").push_bind(asked.through);
        scope.push::<D>(&mut query, "p.end_user_id");
        query
            .push(" order by p.ordinal, p.number limit ")
            .push_bind(page(asked.limit));
    })
}

const PROBLEM_COUNT: &str = "select count(*) from \
    (select tenant_id, raw_answer_id, ordinal, end_user_id from quarantine \
    where resolved_at is null union all \
    select tenant_id, raw_answer_id, ordinal, end_user_id from remark) p where p.tenant_id = ";

/// Number of problems that [`problems`] has without its limit.
pub async fn count_problems(
    session: &mut Session,
    scope: Scope,
    asked: &ProblemQuery,
) -> Result<i64> {
    let tenant = session.tenant().0;
    let rows = fetch_composed!(session, (i64,), PROBLEM_COUNT, |query, D| {
        query.push_bind(tenant).push(" and p.raw_answer_id = ");
        query.push_bind(asked.raw_answer_id.0);
        query.push(" and p.ordinal >= ").push_bind(asked.from);
        query.push(" and p.ordinal <= ").push_bind(asked.through);
        scope.push::<D>(&mut query, "p.end_user_id");
    })?;
    Ok(rows.first().map_or(0, |row| row.0))
}

const COUNT: &str = "select count(*) from quarantine where resolved_at is null and tenant_id = ";

/// Records that are neither understood nor put aside.
pub async fn count_open(session: &mut Session, scope: Scope) -> Result<i64> {
    let tenant = session.tenant().0;
    let rows = fetch_composed!(session, (i64,), COUNT, |query, D| {
        query.push_bind(tenant);
        scope.push::<D>(&mut query, "end_user_id");
    })?;
    Ok(rows.first().map_or(0, |row| row.0))
}

const REMARKS: &str = "select raw_answer_id, ordinal, number, end_user_id, target_id, field, \
    rule, original_sealed, data_key_id from remark where tenant_id = ";

/// Remarks about stored rows, ordered by row, raw answer and position, at most [`REMARKS_MAX`].
/// At most [`TARGETS_MAX`] rows.
pub async fn remarks(
    session: &mut Session,
    scope: Scope,
    targets: &[Uuid],
) -> Result<Vec<RemarkRow>> {
    debug_assert!(targets.len() <= TARGETS_MAX, "callers work in batches");
    if targets.is_empty() {
        return Ok(Vec::new());
    }
    let tenant = session.tenant().0;
    fetch_composed!(session, RemarkRow, REMARKS, |query, D| {
        query.push_bind(tenant);
        scope.push::<D>(&mut query, "end_user_id");
        query.push(" and ");
        D::in_ids(&mut query, "target_id", targets);
        query.push(" order by target_id, raw_answer_id, ordinal, number limit ");
        query.push_bind(REMARKS_MAX);
    })
}
