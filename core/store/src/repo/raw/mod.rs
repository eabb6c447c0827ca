//! Raw answers: what was received, sealed, in chunks, before it is understood.

mod kept;
#[cfg(test)]
mod tests;

use fondaco_model::Instant;
use fondaco_model::ids::{DataKeyId, EndUserId, LinkId, RawAnswerId};
use fondaco_model::v1::RawAnswer;
use uuid::Uuid;

use super::composed::fetch_composed;
use super::{Digest, Scope};
use crate::engine::bulk::InList;
use crate::engine::{Session, Tx};
use crate::error::{Result, StoreError};

pub use kept::{
    DELETE_MAX, UNNAMED_SECONDS, delete_due, delete_incomplete, due, keep, named, retire,
};

/// Most bytes of a chunk before sealing.
pub const CHUNK_MAX: usize = 1 << 20;

/// Most bytes of a sealed chunk: the chunk and what sealing adds to it.
pub const SEALED_MAX: usize = CHUNK_MAX + 1_024;

/// The digest of an answer that is not complete.
const UNKNOWN: Digest = [0; 32];

/// An answer that begins to arrive.
#[derive(Debug, Clone)]
pub struct NewRawAnswer {
    /// Our id.
    pub id: RawAnswerId,
    /// Whose data it is.
    pub end_user_id: EndUserId,
    /// The link that asked, unless it is a file.
    pub link_id: Option<LinkId>,
    /// The provider family.
    pub family: String,
    /// The resource, as a word.
    pub resource: String,
    /// Digest of the request, without its credentials.
    pub request_fingerprint: Option<Digest>,
    /// The key that seals the chunks.
    pub data_key_id: DataKeyId,
    /// Status code, for an HTTP answer.
    pub http_status: Option<i16>,
    /// The file's name, sealed.
    pub file_name_sealed: Option<String>,
    /// When it arrived.
    pub fetched_at: Instant,
    /// From when on it goes unless something names it; none while that is not so.
    pub retention_until: Option<Instant>,
}

/// An answer as it is stored, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawAnswerRow {
    /// Our id.
    pub id: RawAnswerId,
    /// Whose data it is.
    pub end_user_id: EndUserId,
    /// The link that asked, unless it is a file.
    pub link_id: Option<LinkId>,
    /// The provider family.
    pub family: String,
    /// The resource, as a word.
    pub resource: String,
    /// Digest of the request, without its credentials.
    pub request_fingerprint: Option<Digest>,
    /// SHA-256 of the bytes as received; zeros while incomplete.
    pub content_sha256: Digest,
    /// Bytes as received; 0 while incomplete.
    pub content_bytes: i64,
    /// Chunks that are stored.
    pub chunk_count: i64,
    /// The key that seals the chunks.
    pub data_key_id: DataKeyId,
    /// Status code, for an HTTP answer.
    pub http_status: Option<i16>,
    /// The file's name, sealed.
    pub file_name_sealed: Option<String>,
    /// True when all bytes are stored.
    pub complete: bool,
    /// When it arrived.
    pub fetched_at: Instant,
    /// From when on it goes unless something names it; none while that is not so.
    pub retention_until: Option<Instant>,
}

impl From<RawAnswerRow> for RawAnswer {
    fn from(row: RawAnswerRow) -> Self {
        Self {
            id: row.id,
            link_id: row.link_id,
            resource: row.resource,
            fetched_at: row.fetched_at,
            content_sha256: hex(&row.content_sha256),
            content_bytes: row.content_bytes,
        }
    }
}

fn hex(digest: &Digest) -> String {
    use std::fmt::Write as _;
    digest
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a text takes what is written");
            text
        })
}

/// The sealed bytes of one chunk.
struct Chunk(Vec<u8>);

record!(Chunk, |row| Chunk(row.col("sealed")?));

record!(RawAnswerRow, |row| RawAnswerRow {
    id: RawAnswerId(row.col("id")?),
    end_user_id: EndUserId(row.col("end_user_id")?),
    link_id: row.col::<Option<Uuid>>("link_id")?.map(LinkId),
    family: row.col("family")?,
    resource: row.col("resource")?,
    request_fingerprint: row.digest_opt("request_fingerprint")?,
    content_sha256: row.digest("content_sha256")?,
    content_bytes: row.col("content_bytes")?,
    chunk_count: row.col("chunk_count")?,
    data_key_id: DataKeyId(row.col("data_key_id")?),
    http_status: row.col("http_status")?,
    file_name_sealed: row.col("file_name_sealed")?,
    complete: row.col("complete")?,
    fetched_at: row.instant("fetched_at")?,
    retention_until: row.instant_opt("retention_until")?,
});

macro_rules! fields {
    () => {
        "id, end_user_id, link_id, family, resource, request_fingerprint, content_sha256, \
         content_bytes, chunk_count, data_key_id, http_status, file_name_sealed, complete, \
         fetched_at, retention_until"
    };
}

macro_rules! incomplete {
    () => {
        "select id from raw_answer where tenant_id = $1 and complete = false \
         and fetched_at < $2 order by id limit $3"
    };
}

statements! {
    BEGIN = "insert into raw_answer (tenant_id, id, end_user_id, link_id, family, resource, \
        request_fingerprint, content_sha256, content_bytes, chunk_count, data_key_id, \
        http_status, file_name_sealed, complete, fetched_at, retention_until) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, $9, $10, $11, false, $12, $13)";
    COUNT_CHUNK = "update raw_answer set chunk_count = chunk_count + 1 \
        where tenant_id = $1 and id = $2 and complete = false and chunk_count = $3";
    APPEND = "insert into raw_chunk (tenant_id, raw_answer_id, number, sealed) \
        values ($1, $2, $3, $4)";
    FINISH = "update raw_answer set content_sha256 = $3, content_bytes = $4, complete = true \
        where tenant_id = $1 and id = $2 and complete = false";
    BY_CONTENT = concat!("select ", fields!(), " from raw_answer where tenant_id = $1 \
        and end_user_id = $2 and content_sha256 = $3 and complete = true \
        order by fetched_at, id limit 1");
    CHUNK = "select c.sealed from raw_chunk c \
        where c.tenant_id = $1 and c.raw_answer_id = $2 and c.number = $3";
    INCOMPLETE = concat!(incomplete!(), skip_locked!(lite)),
        concat!(incomplete!(), skip_locked!(pg));
}

/// Begins an answer: incomplete, without bytes.
///
/// # Errors
/// [`StoreError::Conflict`] when the id is taken.
pub async fn begin(tx: &mut Tx, new: &NewRawAnswer) -> Result<()> {
    let tenant = tx.tenant().0;
    execute!(
        tx,
        BEGIN,
        tenant,
        new.id.0,
        new.end_user_id.0,
        new.link_id.map(|id| id.0),
        new.family.as_str(),
        new.resource.as_str(),
        new.request_fingerprint.as_ref().map(<[u8; 32]>::as_slice),
        UNKNOWN.as_slice(),
        new.data_key_id.0,
        new.http_status,
        new.file_name_sealed.as_deref(),
        new.fetched_at.micros(),
        new.retention_until.map(Instant::micros)
    )?;
    Ok(())
}

/// Appends chunk `number`, counted from 0, to an answer that is not complete.
///
/// # Errors
/// [`StoreError::LostUpdate`] when the answer is complete, gone, or expects another number;
/// [`StoreError::Inconsistent`] for a chunk above [`SEALED_MAX`].
pub async fn append(tx: &mut Tx, id: RawAnswerId, number: i64, sealed: &[u8]) -> Result<()> {
    if sealed.len() > SEALED_MAX {
        return Err(StoreError::Inconsistent { column: "sealed" });
    }
    let tenant = tx.tenant().0;
    if execute!(tx, COUNT_CHUNK, tenant, id.0, number)? == 0 {
        return Err(StoreError::LostUpdate);
    }
    execute!(tx, APPEND, tenant, id.0, number, sealed)?;
    Ok(())
}

/// Completes an answer with the digest and the size of its bytes as received.
///
/// # Errors
/// [`StoreError::LostUpdate`] when it is complete or gone.
pub async fn finish(
    tx: &mut Tx,
    id: RawAnswerId,
    content_sha256: &Digest,
    content_bytes: i64,
) -> Result<()> {
    let tenant = tx.tenant().0;
    let sha = content_sha256.as_slice();
    match execute!(tx, FINISH, tenant, id.0, sha, content_bytes)? {
        0 => Err(StoreError::LostUpdate),
        _ => Ok(()),
    }
}

/// The first complete answer with these bytes for this person: the same file, or an unchanged
/// answer. It stays from now on, if it was about to go.
pub async fn find_by_content(
    tx: &mut Tx,
    end_user: EndUserId,
    content_sha256: &Digest,
) -> Result<Option<RawAnswerRow>> {
    let tenant = tx.tenant().0;
    let sha = content_sha256.as_slice();
    let found = fetch_optional!(tx, BY_CONTENT => RawAnswerRow, tenant, end_user.0, sha)?;
    match found {
        Some(row) if row.retention_until.is_some() => {
            // None when a sweep was faster: the bytes that came now are stored then.
            let kept = keep(tx, &[row.id]).await? == 1;
            Ok(kept.then_some(RawAnswerRow {
                retention_until: None,
                ..row
            }))
        }
        found => Ok(found),
    }
}

/// Most answers that one look-up by ids takes.
pub const IDS_MAX: usize = 1_000;

const GET: &str = concat!("select ", fields!(), " from raw_answer where tenant_id = ");

/// Answers by id, complete or not, as far as the scope sees them, ordered by id. At most
/// [`IDS_MAX`] ids.
pub async fn by_ids(
    session: &mut Session,
    scope: Scope,
    ids: &[RawAnswerId],
) -> Result<Vec<RawAnswerRow>> {
    debug_assert!(ids.len() <= IDS_MAX, "callers work in batches");
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let tenant = session.tenant().0;
    fetch_composed!(session, RawAnswerRow, GET, |query, D| {
        query.push_bind(tenant);
        scope.push::<D>(&mut query, "end_user_id");
        query.push(" and ");
        D::in_ids(&mut query, "id", &ids);
        query.push(" order by id");
    })
}

/// One answer, as far as the scope sees it.
pub async fn get(
    session: &mut Session,
    scope: Scope,
    id: RawAnswerId,
) -> Result<Option<RawAnswerRow>> {
    Ok(by_ids(session, scope, &[id]).await?.pop())
}

/// The sealed bytes of chunk `number`, counted from 0; read one after another, an answer of any
/// size takes the memory of one chunk.
pub async fn chunk(session: &mut Session, id: RawAnswerId, number: i64) -> Result<Option<Vec<u8>>> {
    let tenant = session.tenant().0;
    let chunk = fetch_optional!(session, CHUNK => Chunk, tenant, id.0, number)?;
    Ok(chunk.map(|chunk| chunk.0))
}
