//! Streams: the durable position of what is read from a provider again and again.

#[cfg(test)]
mod tests;

use fondaco_model::ids::{DataKeyId, LinkId};
use fondaco_model::{Date, Instant};
use uuid::Uuid;

use super::page;
use crate::engine::{Session, Tx};
use crate::error::{Result, StoreError};

/// What a stream reads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StreamKey {
    /// The link.
    pub link_id: LinkId,
    /// The resource, as a word.
    pub resource: String,
    /// What the resource belongs to, as the id of an account's source; empty for the link itself.
    pub parent: String,
}

/// A stream as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRow {
    /// What it reads.
    pub key: StreamKey,
    /// The provider's cursor, sealed.
    pub cursor_sealed: Option<String>,
    /// The key that seals the cursor.
    pub data_key_id: Option<DataKeyId>,
    /// The last day up to which everything is read.
    pub complete_through: Option<Date>,
    /// The first day that is read.
    pub history_from: Option<Date>,
    /// When it was last read to its end.
    pub last_success_at: Option<Instant>,
    /// When it is to be read next.
    pub next_due_at: Option<Instant>,
}

/// Where a stream stands after the last page of a run.
#[derive(Debug, Clone)]
pub struct StreamPosition<'a> {
    /// The provider's cursor, sealed, with the id of the key that seals it.
    pub cursor: Option<(&'a str, DataKeyId)>,
    /// The last day up to which everything is read; none keeps the stored one.
    pub complete_through: Option<Date>,
    /// The first day that is read; none keeps the stored one.
    pub history_from: Option<Date>,
    /// When it was read to its end.
    pub at: Instant,
}

record!(StreamRow, |row| StreamRow {
    key: StreamKey {
        link_id: LinkId(row.col("link_id")?),
        resource: row.col("resource")?,
        parent: row.col("parent")?,
    },
    cursor_sealed: row.col("cursor_sealed")?,
    data_key_id: row.col::<Option<Uuid>>("data_key_id")?.map(DataKeyId),
    complete_through: row.date_opt("complete_through")?,
    history_from: row.date_opt("history_from")?,
    last_success_at: row.instant_opt("last_success_at")?,
    next_due_at: row.instant_opt("next_due_at")?,
});

macro_rules! fields {
    () => {
        "link_id, resource, parent, cursor_sealed, data_key_id, complete_through, history_from, \
         last_success_at, next_due_at"
    };
}

statements! {
    GET = concat!("select ", fields!(), " from stream \
        where tenant_id = $1 and link_id = $2 and resource = $3 and parent = $4");
    BY_LINK = concat!("select ", fields!(), " from stream \
        where tenant_id = $1 and link_id = $2 order by resource, parent limit $3");
    DUE = concat!("select ", fields!(), " from stream \
        where tenant_id = $1 and next_due_at <= $2 \
        order by next_due_at, link_id, resource, parent limit $3");
    ADVANCE = "insert into stream (tenant_id, link_id, resource, parent, cursor_sealed, \
        data_key_id, complete_through, history_from, last_success_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
        on conflict (tenant_id, link_id, resource, parent) do update set \
        cursor_sealed = excluded.cursor_sealed, data_key_id = excluded.data_key_id, \
        complete_through = coalesce(excluded.complete_through, stream.complete_through), \
        history_from = coalesce(excluded.history_from, stream.history_from), \
        last_success_at = excluded.last_success_at";
    SET_DUE = "insert into stream (tenant_id, link_id, resource, parent, next_due_at) \
        values ($1, $2, $3, $4, $5) \
        on conflict (tenant_id, link_id, resource, parent) do update set \
        next_due_at = excluded.next_due_at";
    RESET = "update stream set cursor_sealed = null, data_key_id = null, \
        complete_through = null \
        where tenant_id = $1 and link_id = $2 and resource = $3 and parent = $4";
}

/// Most streams of one link that are listed.
pub const BY_LINK_MAX: i64 = 1_000;

/// Where a stream stands, or none when it was never read and never planned.
pub async fn get(session: &mut Session, key: &StreamKey) -> Result<Option<StreamRow>> {
    let tenant = session.tenant().0;
    let (resource, parent) = (key.resource.as_str(), key.parent.as_str());
    fetch_optional!(session, GET => StreamRow, tenant, key.link_id.0, resource, parent)
}

/// The streams of a link, ordered by resource and parent, at most [`BY_LINK_MAX`].
pub async fn by_link(session: &mut Session, link: LinkId) -> Result<Vec<StreamRow>> {
    let tenant = session.tenant().0;
    fetch_all!(session, BY_LINK => StreamRow, tenant, link.0, BY_LINK_MAX)
}

/// The tenant's streams that are due at an instant, the longest due first, at most
/// [`super::ROWS_MAX`].
pub async fn due(session: &mut Session, at: Instant, limit: u32) -> Result<Vec<StreamRow>> {
    let tenant = session.tenant().0;
    fetch_all!(session, DUE => StreamRow, tenant, at.micros(), page(limit))
}

/// Moves a stream to where a run has read it; belongs into the transaction of the run's last
/// page. The time when it is due stays.
pub async fn advance(tx: &mut Tx, key: &StreamKey, to: &StreamPosition<'_>) -> Result<()> {
    let tenant = tx.tenant().0;
    let complete_through = to.complete_through.map(|date| date.to_string());
    let history_from = to.history_from.map(|date| date.to_string());
    execute!(
        tx,
        ADVANCE,
        tenant,
        key.link_id.0,
        key.resource.as_str(),
        key.parent.as_str(),
        to.cursor.map(|(sealed, _)| sealed),
        to.cursor.map(|(_, data_key)| data_key.0),
        complete_through.as_deref(),
        history_from.as_deref(),
        to.at.micros()
    )?;
    Ok(())
}

/// Plans when a stream is read next; none for never. Makes the stream when it is not there.
pub async fn set_due(tx: &mut Tx, key: &StreamKey, at: Option<Instant>) -> Result<()> {
    let tenant = tx.tenant().0;
    let (resource, parent) = (key.resource.as_str(), key.parent.as_str());
    let at = at.map(Instant::micros);
    execute!(tx, SET_DUE, tenant, key.link_id.0, resource, parent, at)?;
    Ok(())
}

/// Forgets a stream's position, so that the next run reads everything.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such stream.
pub async fn reset(tx: &mut Tx, key: &StreamKey) -> Result<()> {
    let tenant = tx.tenant().0;
    let (resource, parent) = (key.resource.as_str(), key.parent.as_str());
    match execute!(tx, RESET, tenant, key.link_id.0, resource, parent)? {
        0 => Err(StoreError::NotFound),
        _ => Ok(()),
    }
}
