//! Answers of mutations that must not act twice, by the caller's key.

use fondaco_model::Instant;
use fondaco_model::ids::DataKeyId;
use uuid::Uuid;

use super::{Digest, page};
use crate::engine::{Session, Tx};
use crate::error::{Result, StoreError};

codes! {
    /// Whether the mutation has an answer yet.
    Progress {
        /// It is running, or it was cut off.
        Running = "RUNNING",
        /// Its answer is kept.
        Done = "DONE",
    }
}

/// Which mutation a key belongs to. The tenant is part of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key<'a> {
    /// The mutation's name.
    pub operation: &'a str,
    /// Hash of the caller's key.
    pub key_hash: &'a Digest,
}

/// What is known about a key.
#[derive(Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is new: act, then [`complete`] in the same transaction as the effect, or [`abandon`].
    New,
    /// The same input is being worked on.
    InProgress,
    /// The key was used with another input.
    Mismatch,
    /// The same input was answered.
    Done(KeptAnswer),
}

/// An answer that is given again.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The answer, sealed.
    pub sealed: String,
    /// The key that seals it.
    pub data_key_id: DataKeyId,
}

impl std::fmt::Debug for Begun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::New => "New",
            Self::InProgress => "InProgress",
            Self::Mismatch => "Mismatch",
            Self::Done(_) => "Done",
        })
    }
}

struct Stored {
    input_sha256: Digest,
    state: Progress,
    answer_sealed: Option<String>,
    data_key_id: Option<Uuid>,
}

record!(Stored, |row| Stored {
    input_sha256: row.digest("input_sha256")?,
    state: row.code("state")?,
    answer_sealed: row.col("answer_sealed")?,
    data_key_id: row.col("data_key_id")?,
});

statements! {
    FORGET_EXPIRED = "delete from idempotency where tenant_id = $1 and operation = $2 \
        and key_hash = $3 and expires_at <= $4";
    INSERT = "insert into idempotency (tenant_id, operation, key_hash, input_sha256, state, \
        created_at, expires_at) values ($1, $2, $3, $4, 'RUNNING', $5, $6) \
        on conflict (tenant_id, operation, key_hash) do nothing";
    GET = "select input_sha256, state, answer_sealed, data_key_id from idempotency \
        where tenant_id = $1 and operation = $2 and key_hash = $3";
    COMPLETE = "update idempotency set state = 'DONE', answer_sealed = $4, data_key_id = $5 \
        where tenant_id = $1 and operation = $2 and key_hash = $3 and state = 'RUNNING'";
    ABANDON = "delete from idempotency where tenant_id = $1 and operation = $2 \
        and key_hash = $3 and state = 'RUNNING'";
    EXPIRE = "delete from idempotency where tenant_id = $1 and expires_at <= $2 \
        and key_hash in (select i.key_hash from idempotency i where i.tenant_id = $1 \
        and i.expires_at <= $2 order by i.expires_at limit $3)";
}

/// How long a key is remembered.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// The present instant.
    pub now: Instant,
    /// When the key may be used for something else.
    pub expires_at: Instant,
}

/// Takes a key, or says what is known about it. A key whose time is over counts as new.
pub async fn begin(tx: &mut Tx, key: Key<'_>, input_sha256: &Digest, span: Span) -> Result<Begun> {
    let tenant = tx.tenant().0;
    let hash = key.key_hash.as_slice();
    execute!(
        tx,
        FORGET_EXPIRED,
        tenant,
        key.operation,
        hash,
        span.now.micros()
    )?;
    let inserted = execute!(
        tx,
        INSERT,
        tenant,
        key.operation,
        hash,
        input_sha256.as_slice(),
        span.now.micros(),
        span.expires_at.micros()
    )?;
    if inserted == 1 {
        return Ok(Begun::New);
    }
    let stored =
        fetch_optional!(tx, GET => Stored, tenant, key.operation, hash)?.ok_or(StoreError::Busy)?;
    begun(stored, input_sha256)
}

/// What is known about a key, without taking it; none when it is new.
pub async fn peek(
    session: &mut Session,
    key: Key<'_>,
    input_sha256: &Digest,
) -> Result<Option<Begun>> {
    let tenant = session.tenant().0;
    let hash = key.key_hash.as_slice();
    fetch_optional!(session, GET => Stored, tenant, key.operation, hash)?
        .map(|stored| begun(stored, input_sha256))
        .transpose()
}

fn begun(stored: Stored, input_sha256: &Digest) -> Result<Begun> {
    if stored.input_sha256 != *input_sha256 {
        return Ok(Begun::Mismatch);
    }
    match (stored.state, stored.answer_sealed, stored.data_key_id) {
        (Progress::Running, _, _) => Ok(Begun::InProgress),
        (Progress::Done, Some(sealed), Some(key)) => Ok(Begun::Done(KeptAnswer {
            sealed,
            data_key_id: DataKeyId(key),
        })),
        (Progress::Done, _, _) => Err(StoreError::Inconsistent {
            column: "answer_sealed",
        }),
    }
}

/// Keeps the answer.
///
/// # Errors
/// [`StoreError::LostUpdate`] when the key is not running any more.
pub async fn complete(tx: &mut Tx, key: Key<'_>, answer: &KeptAnswer) -> Result<()> {
    let tenant = tx.tenant().0;
    let changed = execute!(
        tx,
        COMPLETE,
        tenant,
        key.operation,
        key.key_hash.as_slice(),
        answer.sealed.as_str(),
        answer.data_key_id.0
    )?;
    if changed == 1 {
        Ok(())
    } else {
        Err(StoreError::LostUpdate)
    }
}

/// Gives a key back whose mutation did nothing; false when it has an answer.
pub async fn abandon(tx: &mut Tx, key: Key<'_>) -> Result<bool> {
    let tenant = tx.tenant().0;
    Ok(execute!(tx, ABANDON, tenant, key.operation, key.key_hash.as_slice())? == 1)
}

/// Removes the tenant's keys whose time is over; answers how many.
pub async fn expire(tx: &mut Tx, now: Instant, limit: u32) -> Result<u64> {
    let tenant = tx.tenant().0;
    execute!(tx, EXPIRE, tenant, now.micros(), page(limit))
}
