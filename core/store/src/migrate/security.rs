//! PostgreSQL's second wall between tenants: the role without ownership and row-level security.
//!
//! Every table with a `tenant_id` gets a policy that compares it with the connection's tenant, and
//! FORCE, so that the owner is held too. A table without a policy has to be named here with its
//! reason; a test compares this list with the schema.

use sqlx::{AssertSqlSafe, PgConnection, Row};

use crate::engine::APP_ROLE;
use crate::error::Result;

/// Tables with a `tenant_id` that stand outside row-level security, because they are how the tenant
/// is found. None holds personal data in clear.
pub(crate) const OUTSIDE: &[(&str, &str)] = &[
    ("api_key", "found by the hash of a server's key"),
    ("frontend_token", "found by the hash of a browser's token"),
    (
        "tenant_origin",
        "found by a preflight, which names an origin only",
    ),
    ("link_session", "found by the hash of a hosted page's token"),
    (
        "authorisation_attempt",
        "found by the hash of a callback's state",
    ),
    ("job", "claimed by workers over all tenants"),
];

/// The connection's tenant, or null when none was set.
const CURRENT: &str = "nullif(current_setting('fondaco.tenant', true), '')::uuid";

/// A registration belongs to the operator or to one tenant. A tenant sees its own and the
/// operator's; the operator, whose id is nil, sees all.
const REGISTRATION: &str = "owner_tenant_id is null \
    or owner_tenant_id = nullif(current_setting('fondaco.tenant', true), '')::uuid \
    or nullif(current_setting('fondaco.tenant', true), '')::uuid \
        = '00000000-0000-0000-0000-000000000000'::uuid";

/// Tables that the server may read and add to, but neither change nor empty.
const APPEND_ONLY: &[&str] = &["ledger_event"];

/// Tables of the migrator, which the server only reads.
const READ_ONLY: &[&str] = &["schema_migration", "schema_migration_lock"];

const TABLES: &str = "select c.relname::text as name, c.relforcerowsecurity as forced, \
        exists (select 1 from pg_policy p where p.polrelid = c.oid) as has_policy, \
        exists (select 1 from pg_attribute a where a.attrelid = c.oid \
            and a.attname = 'tenant_id' and not a.attisdropped) as has_tenant \
    from pg_class c \
    where c.relkind in ('r', 'p') and c.relnamespace = current_schema()::regnamespace \
    order by c.relname";

const ROLE_EXISTS: &str = "select count(*) from pg_roles where rolname = $1";
const IS_SUPERUSER: &str = "select rolsuper from pg_roles where rolname = current_user";
const SCHEMA: &str = "select current_schema()::text";
const IS_MEMBER: &str = "select pg_has_role(current_user, $1, 'member')";

/// Makes the role when the cluster does not have it, and lets the present user become it.
pub(super) async fn create_role(conn: &mut PgConnection) -> Result<()> {
    let known: i64 = sqlx::query_scalar(ROLE_EXISTS)
        .bind(APP_ROLE)
        .fetch_one(&mut *conn)
        .await?;
    if known == 0 {
        run(conn, format!("create role {APP_ROLE} nologin")).await?;
    }
    let superuser: bool = sqlx::query_scalar(IS_SUPERUSER)
        .fetch_one(&mut *conn)
        .await?;
    if superuser {
        return Ok(());
    }
    // From version 16 on, being a member does not yet mean being allowed to become the role; the
    // grant gives that too. Who may not grant must have been given it by somebody else.
    let granted = run(conn, format!("grant {APP_ROLE} to current_user")).await;
    let member: bool = sqlx::query_scalar(IS_MEMBER)
        .bind(APP_ROLE)
        .fetch_one(&mut *conn)
        .await?;
    if member { Ok(()) } else { granted }
}

/// Gives every table its rights and, where it needs one, its policy. What stands already is left
/// alone, so that a second run locks nothing.
pub(super) async fn apply(conn: &mut PgConnection) -> Result<()> {
    let schema: String = sqlx::query_scalar(SCHEMA).fetch_one(&mut *conn).await?;
    run(
        conn,
        format!("grant usage on schema \"{schema}\" to {APP_ROLE}"),
    )
    .await?;
    let rows = sqlx::query(TABLES).fetch_all(&mut *conn).await?;
    for row in rows {
        let name: String = row.try_get("name")?;
        run(conn, grant(&name)).await?;
        let has_tenant: bool = row.try_get("has_tenant")?;
        let Some(condition) = condition(&name, has_tenant) else {
            continue;
        };
        if !row.try_get::<bool, _>("has_policy")? {
            let policy = format!(
                "create policy of_tenant on \"{name}\" using ({condition}) \
                 with check ({condition})"
            );
            run(conn, policy).await?;
        }
        if !row.try_get::<bool, _>("forced")? {
            run(
                conn,
                format!("alter table \"{name}\" enable row level security"),
            )
            .await?;
            run(
                conn,
                format!("alter table \"{name}\" force row level security"),
            )
            .await?;
        }
    }
    Ok(())
}

fn condition(table: &str, has_tenant: bool) -> Option<String> {
    if table == "registration" {
        return Some(REGISTRATION.to_owned());
    }
    let outside = OUTSIDE.iter().any(|(name, _)| *name == table);
    (has_tenant && !outside).then(|| format!("tenant_id = {CURRENT}"))
}

fn grant(table: &str) -> String {
    let rights = if READ_ONLY.contains(&table) {
        "select"
    } else if APPEND_ONLY.contains(&table) {
        "select, insert"
    } else {
        "select, insert, update, delete"
    };
    format!("grant {rights} on \"{table}\" to {APP_ROLE}")
}

/// The texts are made of our own table names, which the catalogue gave back to us.
async fn run(conn: &mut PgConnection, text: String) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(text)).execute(conn).await?;
    Ok(())
}
