//! PostgreSQL: the pool, the role without ownership, and the tenant of a connection.
//!
//! Two walls keep tenants apart. The first is the tenant predicate of every statement. The second
//! is row-level security, which a superuser and, without FORCE, an owner walk through; therefore
//! every pooled connection starts as the role `fondaco_app`, which owns nothing. The role is a
//! start-up option, so that `reset role` leads back to it.
//!
//! One URL is enough: it may belong to a superuser or to the schema's owner, and the pool still
//! works as `fondaco_app` (the login must be a member of it; `migrate` sees to that). With two
//! URLs the server holds none of the owner's rights: `url` logs in as a member of `fondaco_app`,
//! `owner_url` is used by `migrate` alone.
//!
//! The tenant of a connection is the setting `fondaco.tenant`. A transaction sets it with its
//! `begin`, in one message, until it ends. A reading session sets it whenever it is taken from the
//! pool, whatever an earlier session left there, so that nobody reads as somebody else; a
//! connection that was never given a tenant sees no row at all.

use std::str::FromStr;
use std::time::Duration;

use fondaco_model::Secret;
use fondaco_model::ids::TenantId;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, PgPool};

use crate::error::Result;

/// The role that the server works as; it owns nothing and row-level security holds it.
pub(crate) const APP_ROLE: &str = "fondaco_app";

/// How long a caller waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// Prepared statements that each connection keeps.
const STATEMENTS_KEPT: usize = 2_000;
/// Longest run of one statement, in milliseconds.
const STATEMENT_TIMEOUT_MS: &str = "60000";
/// Longest pause within a transaction, in milliseconds, before the server ends it.
const IDLE_IN_TRANSACTION_MS: &str = "60000";

/// How the server is reached.
#[derive(Debug, Clone)]
pub struct PostgresConfig {
    /// The address that the pool logs in with.
    pub url: Secret,
    /// The address of the schema's owner, used by `migrate` only; `url` when there is none.
    pub owner_url: Option<Secret>,
    /// Connections of this process at most.
    pub connections: u32,
}

fn options(url: &Secret) -> Result<PgConnectOptions> {
    Ok(PgConnectOptions::from_str(url.expose())?
        .application_name("fondaco")
        .disable_statement_logging())
}

pub(super) async fn open(config: &PostgresConfig) -> Result<PgPool> {
    let options = options(&config.url)?
        .statement_cache_capacity(STATEMENTS_KEPT)
        .options([
            ("role", APP_ROLE),
            // A plan per statement, not per value: planning costs more than our queries run.
            ("plan_cache_mode", "force_generic_plan"),
            ("statement_timeout", STATEMENT_TIMEOUT_MS),
            (
                "idle_in_transaction_session_timeout",
                IDLE_IN_TRANSACTION_MS,
            ),
            ("timezone", "UTC"),
        ]);
    let pool = PgPoolOptions::new()
        .max_connections(config.connections.max(1))
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .connect_with(options)
        .await?;
    Ok(pool)
}

/// Begins and names the tenant in one message. The text holds an id only, which cannot carry a
/// quote; a parameter would cost a round trip of its own.
pub(super) fn begin_text(tenant: TenantId) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!(
        "begin; set local fondaco.tenant = '{}'",
        tenant.0.hyphenated()
    ))
}

/// Makes a pooled connection work for one tenant.
pub(super) async fn set_tenant(conn: &mut PgConnection, tenant: TenantId) -> Result<()> {
    sqlx::query("select set_config('fondaco.tenant', $1, false)")
        .bind(tenant.0.hyphenated().to_string())
        .execute(conn)
        .await?;
    Ok(())
}

/// A connection of the schema's owner, for migrations.
pub(crate) async fn owner_connection(config: &PostgresConfig) -> Result<PgConnection> {
    let url = config.owner_url.as_ref().unwrap_or(&config.url);
    Ok(options(url)?.connect().await?)
}
