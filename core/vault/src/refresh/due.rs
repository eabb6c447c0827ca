//! Refreshes ahead of expiry, spread so that grants of one moment do not all ask at once.

use fondaco_model::ids::{GrantId, TenantId};
use fondaco_model::{Fault, FaultKind};
use fondaco_store::repo::grant as rows;

use super::fault;
use crate::Vault;
use crate::error::VaultError;

/// Seconds before its expiry at which a token is refreshed at the latest by [`Vault::refresh_due`].
pub const AHEAD_SECONDS_MIN: i64 = 120;

/// Seconds by which refreshes of different grants are spread ahead of that.
pub const AHEAD_JITTER_SECONDS: u64 = 180;

/// How many grants a round of refreshes renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Refreshed {
    /// Grants with a new token.
    pub refreshed: u32,
    /// Grants whose refresh failed; their consents and leases tell more.
    pub failed: u32,
}

impl Vault {
    /// Refreshes the tenant's grants whose tokens run out soon, each a little earlier or later
    /// than the others, at most `limit` of them.
    pub async fn refresh_due(&self, tenant: TenantId, limit: u32) -> Result<Refreshed, VaultError> {
        let inner = &self.inner;
        let now = inner.now();
        let spread = i64::try_from(AHEAD_JITTER_SECONDS).unwrap_or(0);
        let before = now.plus_seconds(AHEAD_SECONDS_MIN + spread);
        let mut read = inner.db.read(tenant).await?;
        let expiring = rows::expiring(&mut read, before, limit).await?;
        drop(read);
        let due = |row: &rows::Grant| {
            let ahead = AHEAD_SECONDS_MIN + jitter(row.id);
            row.access_expires_at
                .is_some_and(|at| at <= now.plus_seconds(ahead))
        };
        let mut done = Refreshed::default();
        for row in expiring.iter().filter(|row| due(row)) {
            match self.refresh_grant(tenant, row.id).await {
                Ok(()) => done.refreshed += 1,
                Err(fault) => {
                    tracing::info!(grant = %row.id, error = %fault, "grant not refreshed");
                    done.failed += 1;
                }
            }
        }
        Ok(done)
    }

    /// Refreshes one grant, whatever its token's age.
    ///
    /// # Errors
    /// The fault that says why there is no newer token.
    pub async fn refresh_grant(&self, tenant: TenantId, id: GrantId) -> Result<(), Fault> {
        let loaded = self.inner.load(tenant, id).await?;
        self.inner.check_usable(&loaded)?;
        let stale = loaded.grant.access_token;
        let stale = stale.ok_or_else(|| fault(FaultKind::AuthRevoked, "no_access_token"))?;
        self.inner.refreshed(tenant, id, &stale).await.map(|_| ())
    }
}

/// The grant's own part of the spread, always the same.
fn jitter(id: GrantId) -> i64 {
    let tail = id.0.as_u128() & u128::from(u64::MAX);
    let spread = u64::try_from(tail).unwrap_or(0) % AHEAD_JITTER_SECONDS.max(1);
    i64::try_from(spread).unwrap_or(0)
}
