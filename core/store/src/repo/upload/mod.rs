//! Uploads: files that were handed in and wait for their import, usable once.

#[cfg(test)]
mod tests;

use fondaco_model::Instant;
use fondaco_model::ids::{ApiKeyId, EndUserId, RawAnswerId, UploadId};
use uuid::Uuid;

use super::composed::fetch_composed;
use super::{Scope, page};
use crate::engine::{Session, Tx};
use crate::error::Result;

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

macro_rules! fields {
    () => {
        "id, end_user_id, raw_answer_id, api_key_id, created_at, expires_at, consumed_at"
    };
}

statements! {
    INSERT = "insert into upload (tenant_id, id, end_user_id, raw_answer_id, api_key_id, \
        created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7)";
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

/// Deletes uploads that expired unused, at most [`super::ROWS_MAX`] in one call; answers the raw
/// answers that they were about, which other rows may still need.
pub async fn expire(tx: &mut Tx, at: Instant, limit: u32) -> Result<Vec<RawAnswerId>> {
    let tenant = tx.tenant().0;
    let expired = fetch_all!(tx, EXPIRE => Expired, tenant, at.micros(), page(limit))?;
    Ok(expired.into_iter().map(|expired| expired.0).collect())
}
