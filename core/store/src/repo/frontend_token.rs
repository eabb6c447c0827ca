//! Short-lived tokens of browsers: one end user, some scopes, known by the hash of their secret.

use fondaco_model::Instant;
use fondaco_model::ids::{ApiKeyId, EndUserId, TenantId};
use fondaco_model::scope::{self, KeyScope};

use super::tenant::Mode;
use super::{Digest, page};
use crate::engine::{Session, Tx};
use crate::error::Result;

/// One token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrontendToken {
    /// The tenant whose server made it.
    pub tenant_id: TenantId,
    /// The only person whose data it reaches.
    pub end_user_id: EndUserId,
    /// The key that made it; revoked with it.
    pub api_key_id: ApiKeyId,
    /// What it may do.
    pub scopes: Vec<KeyScope>,
    /// When it was made.
    pub created_at: Instant,
    /// From when on it is worthless.
    pub expires_at: Instant,
}

/// A token that was presented and found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundToken {
    /// The token.
    pub token: FrontendToken,
    /// The mode of its tenant.
    pub mode: Mode,
}

record!(FoundToken, |row| FoundToken {
    token: FrontendToken {
        tenant_id: TenantId(row.col("tenant_id")?),
        end_user_id: EndUserId(row.col("end_user_id")?),
        api_key_id: ApiKeyId(row.col("api_key_id")?),
        scopes: row.scopes("scopes")?,
        created_at: row.instant("created_at")?,
        expires_at: row.instant("expires_at")?,
    },
    mode: row.code("mode")?,
});

statements! {
    INSERT = "insert into frontend_token (secret_hash, tenant_id, end_user_id, api_key_id, \
        scopes, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7)";
    FIND = "select f.tenant_id, f.end_user_id, f.api_key_id, f.scopes, f.created_at, \
        f.expires_at, t.mode from frontend_token f \
        join tenant t on t.id = f.tenant_id join api_key k on k.id = f.api_key_id \
        where f.secret_hash = $1 and f.expires_at > $2 \
        and t.disabled_at is null and k.revoked_at is null";
    REVOKE_OF_END_USER = "delete from frontend_token where tenant_id = $1 and end_user_id = $2";
    EXPIRE = "delete from frontend_token where secret_hash in \
        (select secret_hash from frontend_token where expires_at <= $1 \
        order by expires_at limit $2)";
}

/// Keeps a token of the transaction's tenant.
pub async fn insert(tx: &mut Tx, token: &FrontendToken, secret_hash: &Digest) -> Result<()> {
    let tenant = tx.tenant().0;
    let scopes = scope::join(&token.scopes);
    execute!(
        tx,
        INSERT,
        secret_hash.as_slice(),
        tenant,
        token.end_user_id.0,
        token.api_key_id.0,
        scopes.as_str(),
        token.created_at.micros(),
        token.expires_at.micros()
    )?;
    Ok(())
}

/// The token whose secret has this hash, unless its time is over, its key revoked or its tenant
/// disabled. Finds the tenant: called by the operator.
pub async fn find(
    session: &mut Session,
    secret_hash: &Digest,
    now: Instant,
) -> Result<Option<FoundToken>> {
    fetch_optional!(session, FIND => FoundToken, secret_hash.as_slice(), now.micros())
}

/// Takes all tokens of a person back; answers how many there were.
pub async fn revoke_of_end_user(tx: &mut Tx, end_user: EndUserId) -> Result<u64> {
    let tenant = tx.tenant().0;
    execute!(tx, REVOKE_OF_END_USER, tenant, end_user.0)
}

/// Removes tokens whose time is over, of all tenants; answers how many. Called by the operator.
pub async fn expire(tx: &mut Tx, now: Instant, limit: u32) -> Result<u64> {
    execute!(tx, EXPIRE, now.micros(), page(limit))
}
