//! How long raw answers are kept: what never became complete goes, and what nothing names any more
//! after its upload expired.
//!
//! An answer is stored once for all who bring the same bytes, so that the end of one upload says
//! little. It gets a day of its own instead, `retention_until`; whoever finds the answer by its
//! content takes that away, and on the day it goes only when no other row names it.

use fondaco_model::Instant;
use fondaco_model::ids::RawAnswerId;
use uuid::Uuid;

use super::{IDS_MAX, INCOMPLETE};
use crate::engine::bulk::InList;
use crate::engine::{Session, Tx};
use crate::error::Result;
use crate::repo::composed::fetch_composed;
use crate::repo::page;

/// Most answers that one call deletes.
pub const DELETE_MAX: u32 = 16;

/// Seconds for which an answer stays after the last upload of it expired: an hour. Who found it by
/// its content a moment before has named it by then.
pub const UNNAMED_SECONDS: i64 = 3_600;

/// Every table whose rows name raw answers, but for their own chunks; those that are soon asked
/// come first.
pub(super) const NAMED_BY: [&str; 8] = [
    "upload",
    "quarantine",
    "remark",
    "account",
    "run_page",
    "balance",
    "revision",
    "\"transaction\"",
];

/// The id of an answer.
struct Found(Uuid);

record!(Found, |row| Found(row.col("id")?));

fn ids_of(found: Vec<Found>) -> Vec<RawAnswerId> {
    found.into_iter().map(|one| RawAnswerId(one.0)).collect()
}

fn plain(ids: &[RawAnswerId]) -> Vec<Uuid> {
    debug_assert!(ids.len() <= IDS_MAX, "callers work in batches");
    ids.iter().map(|id| id.0).collect()
}

/// Lets answers go from an instant on, unless something names them then or wants them before; one
/// that goes sooner stays as it is. At most [`IDS_MAX`] ids; answers how many were changed.
pub async fn retire(tx: &mut Tx, ids: &[RawAnswerId], at: Instant) -> Result<u64> {
    let (tenant, ids) = (tx.tenant().0, plain(ids));
    if ids.is_empty() {
        return Ok(0);
    }
    on!(tx, |conn, D| {
        let head = "update raw_answer set retention_until = ";
        let mut query = sqlx::QueryBuilder::<D>::new(head);
        query.push_bind(at.micros());
        query.push(" where tenant_id = ").push_bind(tenant);
        query.push(" and (retention_until is null or retention_until > ");
        query.push_bind(at.micros()).push(") and ");
        D::in_ids(&mut query, "id", &ids);
        Ok(query.build().execute(&mut *conn).await?.rows_affected())
    })
}

/// Lets answers stay, because something names or wants them. At most [`IDS_MAX`] ids; answers how
/// many are there.
pub async fn keep(tx: &mut Tx, ids: &[RawAnswerId]) -> Result<u64> {
    let (tenant, ids) = (tx.tenant().0, plain(ids));
    if ids.is_empty() {
        return Ok(0);
    }
    on!(tx, |conn, D| {
        let head = "update raw_answer set retention_until = null where tenant_id = ";
        let mut query = sqlx::QueryBuilder::<D>::new(head);
        query.push_bind(tenant).push(" and ");
        D::in_ids(&mut query, "id", &ids);
        Ok(query.build().execute(&mut *conn).await?.rows_affected())
    })
}

const DUE: &str = "select id from raw_answer where complete = true and tenant_id = ";

/// Complete answers whose day has come, at most [`crate::repo::ROWS_MAX`]; some may be named.
pub async fn due(session: &mut Session, at: Instant, limit: u32) -> Result<Vec<RawAnswerId>> {
    let tenant = session.tenant().0;
    let found = fetch_composed!(session, Found, DUE, |query, D| {
        query.push_bind(tenant).push(" and retention_until <= ");
        query.push_bind(at.micros()).push(" order by id limit ");
        query.push_bind(page(limit));
    })?;
    Ok(ids_of(found))
}

const NAMED: &str = "select distinct raw_answer_id as id from ";

/// Those of the answers that any row names; chunks do not count. At most [`IDS_MAX`] ids.
pub async fn named(session: &mut Session, ids: &[RawAnswerId]) -> Result<Vec<RawAnswerId>> {
    let (tenant, mut open) = (session.tenant().0, plain(ids));
    let mut named = Vec::new();
    for table in NAMED_BY {
        if open.is_empty() {
            break;
        }
        let found = fetch_composed!(session, Found, NAMED, |query, D| {
            query.push(table).push(" where tenant_id = ");
            query.push_bind(tenant).push(" and ");
            D::in_ids(&mut query, "raw_answer_id", &open);
        })?;
        open.retain(|id| !found.iter().any(|one| one.0 == *id));
        named.extend(ids_of(found));
    }
    Ok(named)
}

/// Deletes those of the answers whose day has come, with their chunks; what was wanted in the
/// meantime stays. The caller knows that nothing names them. At most [`DELETE_MAX`] ids; answers
/// how many are gone.
pub async fn delete_due(tx: &mut Tx, ids: &[RawAnswerId], at: Instant) -> Result<u64> {
    let (tenant, ids) = (tx.tenant().0, plain(ids));
    if ids.is_empty() {
        return Ok(0);
    }
    // Incomplete first: that locks the row, and nobody finds the answer by its content any more.
    let head = "update raw_answer set complete = false where complete = true and tenant_id = ";
    let found = fetch_composed!(tx, Found, head, |query, D| {
        query.push_bind(tenant).push(" and retention_until <= ");
        query.push_bind(at.micros()).push(" and ");
        D::in_ids(&mut query, "id", &ids);
        query.push(" returning id");
    })?;
    delete(tx, found).await
}

/// Deletes answers that arrived before an instant and never became complete, at most
/// [`DELETE_MAX`] in one call; answers how many. Call it until it answers 0.
pub async fn delete_incomplete(tx: &mut Tx, before: Instant) -> Result<u64> {
    let tenant = tx.tenant().0;
    let limit = i64::from(DELETE_MAX);
    // The rows are locked, so that an answer cannot become complete while its chunks go; one
    // that grows at this moment is left for the next time.
    let found = fetch_all!(tx, INCOMPLETE => Found, tenant, before.micros(), limit)?;
    delete(tx, found).await
}

async fn delete(tx: &mut Tx, found: Vec<Found>) -> Result<u64> {
    if found.is_empty() {
        return Ok(0);
    }
    let ids: Vec<Uuid> = found.into_iter().map(|found| found.0).collect();
    let chunks = "delete from raw_chunk where tenant_id = ";
    delete_rows(tx, (chunks, "raw_answer_id"), &ids).await?;
    delete_rows(
        tx,
        ("delete from raw_answer where tenant_id = ", "id"),
        &ids,
    )
    .await
}

async fn delete_rows(
    tx: &mut Tx,
    (head, column): (&'static str, &'static str),
    ids: &[Uuid],
) -> Result<u64> {
    let tenant = tx.tenant().0;
    on!(tx, |conn, D| {
        let mut query = sqlx::QueryBuilder::<D>::new(head);
        query.push_bind(tenant).push(" and ");
        D::in_ids(&mut query, column, ids);
        Ok(query.build().execute(&mut *conn).await?.rows_affected())
    })
}
