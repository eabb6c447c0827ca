//! Tenants, the addresses that their frontends return to, and the origins that may call us.

use fondaco_model::Instant;
use fondaco_model::ids::TenantId;

use super::page;
use crate::engine::{OPERATOR, Session, Tx};
use crate::error::{Result, StoreError};

codes! {
    /// Which institutions a tenant reaches.
    Mode {
        /// Sandboxes only.
        Test = "TEST",
        /// Everything but sandboxes.
        Live = "LIVE",
    }
}

/// What a consent page shows about who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// The name that a person knows.
    pub display_name: String,
    /// Where the tenant says what it does with data.
    pub privacy_url: String,
    /// Where a person gets help.
    pub support_contact: String,
}

/// One frontend with its end users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Our id.
    pub id: TenantId,
    /// What a consent page shows about it.
    pub details: Details,
    /// Which institutions it reaches.
    pub mode: Mode,
    /// When it was made.
    pub created_at: Instant,
    /// When it was disabled: its keys find nothing any more.
    pub disabled_at: Option<Instant>,
}

record!(Tenant, |row| Tenant {
    id: TenantId(row.col("id")?),
    details: Details {
        display_name: row.col("display_name")?,
        privacy_url: row.col("privacy_url")?,
        support_contact: row.col("support_contact")?,
    },
    mode: row.code("mode")?,
    created_at: row.instant("created_at")?,
    disabled_at: row.instant_opt("disabled_at")?,
});

macro_rules! fields {
    () => {
        "id, display_name, privacy_url, support_contact, mode, created_at, disabled_at"
    };
}

statements! {
    INSERT = "insert into tenant (id, display_name, privacy_url, support_contact, mode, seq, \
        created_at) values ($1, $2, $3, $4, $5, 0, $6)";
    GET = concat!("select ", fields!(), " from tenant where id = $1");
    LIST = concat!("select ", fields!(), " from tenant where id > $1 order by id limit $2");
    UPDATE = "update tenant set display_name = $2, privacy_url = $3, support_contact = $4 \
        where id = $1";
    DISABLE = "update tenant set disabled_at = $2 where id = $1 and disabled_at is null";
    ADD_RETURN_URL = "insert into tenant_return_url (tenant_id, url) values ($1, $2) \
        on conflict (tenant_id, url) do nothing";
    REMOVE_RETURN_URL = "delete from tenant_return_url where tenant_id = $1 and url = $2";
    RETURN_URLS = "select url from tenant_return_url where tenant_id = $1 order by url";
    HAS_RETURN_URL = "select count(*) from tenant_return_url where tenant_id = $1 and url = $2";
    ADD_ORIGIN = "insert into tenant_origin (tenant_id, origin) values ($1, $2) \
        on conflict (tenant_id, origin) do nothing";
    REMOVE_ORIGIN = "delete from tenant_origin where tenant_id = $1 and origin = $2";
    ORIGINS = "select origin from tenant_origin where tenant_id = $1 order by origin";
    HAS_ORIGIN = "select count(*) from tenant_origin where tenant_id = $1 and origin = $2";
    ANY_ORIGIN = "select count(*) from tenant_origin o join tenant t on t.id = o.tenant_id \
        where o.origin = $1 and t.disabled_at is null";
}

/// Makes the tenant that the transaction works for.
///
/// # Errors
/// [`StoreError::Conflict`] when its id is taken.
pub async fn create(tx: &mut Tx, details: &Details, mode: Mode, at: Instant) -> Result<Tenant> {
    let id = tx.tenant();
    execute!(
        tx,
        INSERT,
        id.0,
        details.display_name.as_str(),
        details.privacy_url.as_str(),
        details.support_contact.as_str(),
        mode.as_str(),
        at.micros()
    )?;
    Ok(Tenant {
        id,
        details: details.clone(),
        mode,
        created_at: at,
        disabled_at: None,
    })
}

/// The session's own tenant.
pub async fn get(session: &mut Session) -> Result<Option<Tenant>> {
    let tenant = session.tenant().0;
    fetch_optional!(session, GET => Tenant, tenant)
}

/// Tenants in the order of their ids, after a given one; the operator itself is none of them.
/// Called by the operator.
pub async fn list(
    session: &mut Session,
    after: Option<TenantId>,
    limit: u32,
) -> Result<Vec<Tenant>> {
    let after = after.unwrap_or(OPERATOR).0;
    fetch_all!(session, LIST => Tenant, after, page(limit))
}

/// Changes what consent pages show.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such tenant.
pub async fn update(tx: &mut Tx, details: &Details) -> Result<()> {
    let tenant = tx.tenant().0;
    let changed = execute!(
        tx,
        UPDATE,
        tenant,
        details.display_name.as_str(),
        details.privacy_url.as_str(),
        details.support_contact.as_str()
    )?;
    found(changed)
}

/// Disables the tenant; false when it is disabled already or unknown.
pub async fn disable(tx: &mut Tx, at: Instant) -> Result<bool> {
    let tenant = tx.tenant().0;
    Ok(execute!(tx, DISABLE, tenant, at.micros())? == 1)
}

/// Registers an address that the consent pages may return to; compared exactly.
pub async fn add_return_url(tx: &mut Tx, url: &str) -> Result<()> {
    let tenant = tx.tenant().0;
    execute!(tx, ADD_RETURN_URL, tenant, url)?;
    Ok(())
}

/// Takes a return address back; false when it was not registered.
pub async fn remove_return_url(tx: &mut Tx, url: &str) -> Result<bool> {
    let tenant = tx.tenant().0;
    Ok(execute!(tx, REMOVE_RETURN_URL, tenant, url)? == 1)
}

/// The tenant's return addresses.
pub async fn return_urls(session: &mut Session) -> Result<Vec<String>> {
    let tenant = session.tenant().0;
    Ok(unwrapped(
        fetch_all!(session, RETURN_URLS => (String,), tenant)?,
    ))
}

/// True when the tenant registered exactly this return address.
pub async fn return_url_registered(session: &mut Session, url: &str) -> Result<bool> {
    let tenant = session.tenant().0;
    exists(fetch_optional!(session, HAS_RETURN_URL => (i64,), tenant, url)?)
}

/// Registers an origin whose pages may call us.
pub async fn add_origin(tx: &mut Tx, origin: &str) -> Result<()> {
    let tenant = tx.tenant().0;
    execute!(tx, ADD_ORIGIN, tenant, origin)?;
    Ok(())
}

/// Takes an origin back; false when it was not registered.
pub async fn remove_origin(tx: &mut Tx, origin: &str) -> Result<bool> {
    let tenant = tx.tenant().0;
    Ok(execute!(tx, REMOVE_ORIGIN, tenant, origin)? == 1)
}

/// The tenant's origins.
pub async fn origins(session: &mut Session) -> Result<Vec<String>> {
    let tenant = session.tenant().0;
    Ok(unwrapped(
        fetch_all!(session, ORIGINS => (String,), tenant)?,
    ))
}

/// True when the session's tenant registered the origin.
pub async fn has_origin(session: &mut Session, origin: &str) -> Result<bool> {
    let tenant = session.tenant().0;
    exists(fetch_optional!(session, HAS_ORIGIN => (i64,), tenant, origin)?)
}

/// True when any enabled tenant registered the origin: all that a preflight can ask. Called by the
/// operator.
pub async fn origin_registered(session: &mut Session, origin: &str) -> Result<bool> {
    exists(fetch_optional!(session, ANY_ORIGIN => (i64,), origin)?)
}

fn unwrapped(rows: Vec<(String,)>) -> Vec<String> {
    rows.into_iter().map(|(text,)| text).collect()
}

fn exists(row: Option<(i64,)>) -> Result<bool> {
    row.map(|(count,)| count > 0).ok_or(StoreError::NotFound)
}

fn found(changed: u64) -> Result<()> {
    if changed == 1 {
        Ok(())
    } else {
        Err(StoreError::NotFound)
    }
}
