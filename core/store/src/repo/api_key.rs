//! Keys of tenants' servers: known by the hash of their secret.

use fondaco_model::Instant;
use fondaco_model::ids::{ApiKeyId, TenantId};
use fondaco_model::scope::{self, KeyScope};

use super::Digest;
use super::tenant::Mode;
use crate::engine::{Session, Tx};
use crate::error::Result;

/// Seconds that a key's last use may lag behind: one write a minute, not one a request.
pub const TOUCH_SECONDS: i64 = 60;

codes! {
    /// What kind of caller a key is for; each kind has limits of its own.
    KeyClass {
        /// A server that answers people.
        Server = "SERVER",
        /// A job that walks through everything.
        Job = "JOB",
    }
}

/// One key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Our id.
    pub id: ApiKeyId,
    /// Whose key it is.
    pub tenant_id: TenantId,
    /// The first characters, so that a person recognises it.
    pub hint: String,
    /// What the tenant calls it.
    pub label: String,
    /// What kind of caller it is for.
    pub class: KeyClass,
    /// What it may do.
    pub scopes: Vec<KeyScope>,
    /// When it was made.
    pub created_at: Instant,
    /// When it was last used, give or take [`TOUCH_SECONDS`].
    pub last_used_at: Option<Instant>,
    /// When it was revoked.
    pub revoked_at: Option<Instant>,
}

/// A key that was presented and found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundKey {
    /// The key.
    pub key: ApiKey,
    /// The mode of its tenant.
    pub mode: Mode,
}

record!(ApiKey, |row| ApiKey {
    id: ApiKeyId(row.col("id")?),
    tenant_id: TenantId(row.col("tenant_id")?),
    hint: row.col("hint")?,
    label: row.col("label")?,
    class: row.code("class")?,
    scopes: row.scopes("scopes")?,
    created_at: row.instant("created_at")?,
    last_used_at: row.instant_opt("last_used_at")?,
    revoked_at: row.instant_opt("revoked_at")?,
});

record!(FoundKey, |row| FoundKey {
    mode: row.code("mode")?,
    key: crate::engine::row::FromRecord::read(row)?,
});

macro_rules! fields {
    () => {
        "k.id, k.tenant_id, k.hint, k.label, k.class, k.scopes, k.created_at, k.last_used_at, \
         k.revoked_at"
    };
}

statements! {
    INSERT = "insert into api_key (id, tenant_id, secret_hash, hint, label, class, scopes, \
        created_at) values ($1, $2, $3, $4, $5, $6, $7, $8)";
    FIND = concat!("select ", fields!(), ", t.mode from api_key k \
        join tenant t on t.id = k.tenant_id \
        where k.secret_hash = $1 and k.revoked_at is null and t.disabled_at is null");
    LIST = concat!("select ", fields!(), " from api_key k where k.tenant_id = $1 \
        order by k.created_at, k.id");
    REVOKE = "update api_key set revoked_at = $3 \
        where tenant_id = $1 and id = $2 and revoked_at is null";
    TOUCH = "update api_key set last_used_at = $3 where tenant_id = $1 and id = $2 \
        and (last_used_at is null or last_used_at <= $4)";
}

/// Keeps a key of the transaction's tenant; `hint`, `label`, class and scopes as given.
///
/// # Errors
/// [`crate::StoreError::Conflict`] when the secret or the id is known, or the tenant is not.
pub async fn insert(tx: &mut Tx, key: &ApiKey, secret_hash: &Digest) -> Result<()> {
    let tenant = tx.tenant().0;
    let scopes = scope::join(&key.scopes);
    execute!(
        tx,
        INSERT,
        key.id.0,
        tenant,
        secret_hash.as_slice(),
        key.hint.as_str(),
        key.label.as_str(),
        key.class.as_str(),
        scopes.as_str(),
        key.created_at.micros()
    )?;
    Ok(())
}

/// The key whose secret has this hash, unless it is revoked or its tenant disabled. Finds the
/// tenant: called by the operator.
pub async fn find(session: &mut Session, secret_hash: &Digest) -> Result<Option<FoundKey>> {
    fetch_optional!(session, FIND => FoundKey, secret_hash.as_slice())
}

/// All keys of the tenant, revoked ones too.
pub async fn list(session: &mut Session) -> Result<Vec<ApiKey>> {
    let tenant = session.tenant().0;
    fetch_all!(session, LIST => ApiKey, tenant)
}

/// Revokes a key; false when it is revoked already or not the tenant's.
pub async fn revoke(tx: &mut Tx, id: ApiKeyId, at: Instant) -> Result<bool> {
    let tenant = tx.tenant().0;
    Ok(execute!(tx, REVOKE, tenant, id.0, at.micros())? == 1)
}

/// Notes that a key was used, at most once in [`TOUCH_SECONDS`].
pub async fn touch(tx: &mut Tx, id: ApiKeyId, at: Instant) -> Result<()> {
    let tenant = tx.tenant().0;
    let before = at.plus_seconds(-TOUCH_SECONDS).micros();
    execute!(tx, TOUCH, tenant, id.0, at.micros(), before)?;
    Ok(())
}
