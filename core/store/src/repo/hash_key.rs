//! Hash keys: one per tenant and purpose, so that equal identifiers of two tenants do not match.

use fondaco_model::Instant;
use uuid::Uuid;

use crate::engine::{Session, Tx};
use crate::error::{Result, StoreError};

/// A key of keyed hashes, wrapped by the master key of the data ring.
#[derive(Clone, PartialEq, Eq)]
pub struct HashKey {
    /// Its id; stands beside every hash that it made.
    pub id: Uuid,
    /// What it hashes, as a word: `account_identifier`.
    pub purpose: String,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
    /// When it was made.
    pub created_at: Instant,
    /// When a newer key took over.
    pub retired_at: Option<Instant>,
}

impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HashKey({}, {})", self.id, self.purpose)
    }
}

record!(HashKey, |row| HashKey {
    id: row.col("id")?,
    purpose: row.col("purpose")?,
    wrapped: row.col("wrapped")?,
    created_at: row.instant("created_at")?,
    retired_at: row.instant_opt("retired_at")?,
});

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, purpose, wrapped, created_at, retired_at from hash_key \
             where tenant_id = $1 ",
            $rest
        )
    };
}

statements! {
    INSERT = "insert into hash_key (tenant_id, id, purpose, wrapped, created_at) \
        values ($1, $2, $3, $4, $5) \
        on conflict (tenant_id, purpose) where retired_at is null do nothing";
    GET = select!("and id = $2");
    CURRENT = select!("and purpose = $2 and retired_at is null");
    LIST = select!("order by purpose, created_at, id");
    RETIRE = "update hash_key set retired_at = $4 \
        where tenant_id = $1 and purpose = $2 and id = $3 and retired_at is null";
    REWRAP = "update hash_key set wrapped = $4 \
        where tenant_id = $1 and id = $2 and wrapped = $3";
}

/// The purpose's present key: the given one when there was none, the present one otherwise.
pub async fn insert_or_get(tx: &mut Tx, key: &HashKey) -> Result<HashKey> {
    let tenant = tx.tenant().0;
    execute!(
        tx,
        INSERT,
        tenant,
        key.id,
        key.purpose.as_str(),
        key.wrapped.as_slice(),
        key.created_at.micros()
    )?;
    current(tx, &key.purpose)
        .await?
        .ok_or(StoreError::LostUpdate)
}

/// One key of the tenant, retired or not.
pub async fn get(session: &mut Session, id: Uuid) -> Result<Option<HashKey>> {
    let tenant = session.tenant().0;
    fetch_optional!(session, GET => HashKey, tenant, id)
}

/// The key that new hashes of a purpose are made with.
pub async fn current(session: &mut Session, purpose: &str) -> Result<Option<HashKey>> {
    let tenant = session.tenant().0;
    fetch_optional!(session, CURRENT => HashKey, tenant, purpose)
}

/// All keys of the tenant: a look-up compares with the hash of every key of its purpose.
pub async fn list(session: &mut Session) -> Result<Vec<HashKey>> {
    let tenant = session.tenant().0;
    fetch_all!(session, LIST => HashKey, tenant)
}

/// Retires the present key and puts a new one in its place.
///
/// # Errors
/// [`StoreError::LostUpdate`] when `expected` is not the present key.
pub async fn replace(tx: &mut Tx, expected: Uuid, key: &HashKey) -> Result<()> {
    let tenant = tx.tenant().0;
    let purpose = key.purpose.as_str();
    let retired = execute!(
        tx,
        RETIRE,
        tenant,
        purpose,
        expected,
        key.created_at.micros()
    )?;
    if retired != 1 {
        return Err(StoreError::LostUpdate);
    }
    insert_or_get(tx, key).await?;
    Ok(())
}

/// Replaces the wrapping of a key; false when it changed meanwhile.
pub async fn rewrap(tx: &mut Tx, id: Uuid, expected: &[u8], wrapped: &[u8]) -> Result<bool> {
    let tenant = tx.tenant().0;
    Ok(execute!(tx, REWRAP, tenant, id, expected, wrapped)? == 1)
}
