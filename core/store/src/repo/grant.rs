//! Grants: what a consent gave us, as one sealed document, refreshed by one process at a time.
//!
//! Two things guard a refresh. The lease lets one refresher through and spares the bank the
//! others; it may be lost when a process stalls. The generation is what makes it right: only who
//! refreshed the document that is stored can replace it.

use fondaco_model::Instant;
use fondaco_model::ids::GrantId;
use fondaco_model::ids::{ConsentId, DataKeyId};

use crate::engine::{Session, Tx};
use crate::error::Result;

/// One grant with its sealed document.
#[derive(Clone, PartialEq, Eq)]
pub struct Grant {
    /// Our id.
    pub id: GrantId,
    /// The consent that gave it; one grant each.
    pub consent_id: ConsentId,
    /// The kind of grant, as a word: `oauth2`.
    pub kind: String,
    /// Tokens and what belongs to them, sealed; none once destroyed.
    pub document_sealed: Option<String>,
    /// The key that seals it.
    pub data_key_id: DataKeyId,
    /// When the access token is worthless.
    pub access_expires_at: Option<Instant>,
    /// When the refresh token is worthless.
    pub refresh_expires_at: Option<Instant>,
    /// True when there is a refresh token.
    pub refreshable: bool,
    /// Counts the refreshes, from 1.
    pub generation: i64,
    /// Who is refreshing it.
    pub lease_owner: Option<String>,
    /// Until when nobody else may.
    pub lease_until: Option<Instant>,
    /// When it was given.
    pub created_at: Instant,
    /// When its document was destroyed.
    pub destroyed_at: Option<Instant>,
}

impl std::fmt::Debug for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Grant({}, generation {})", self.id, self.generation)
    }
}

record!(Grant, |row| Grant {
    id: GrantId(row.col("id")?),
    consent_id: ConsentId(row.col("consent_id")?),
    kind: row.col("kind")?,
    document_sealed: row.col("document_sealed")?,
    data_key_id: DataKeyId(row.col("data_key_id")?),
    access_expires_at: row.instant_opt("access_expires_at")?,
    refresh_expires_at: row.instant_opt("refresh_expires_at")?,
    refreshable: row.col("refreshable")?,
    generation: row.col("generation")?,
    lease_owner: row.col("lease_owner")?,
    lease_until: row.instant_opt("lease_until")?,
    created_at: row.instant("created_at")?,
    destroyed_at: row.instant_opt("destroyed_at")?,
});

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, consent_id, kind, document_sealed, data_key_id, access_expires_at, \
             refresh_expires_at, refreshable, generation, lease_owner, lease_until, created_at, \
             destroyed_at from access_grant where tenant_id = $1 and ",
            $rest
        )
    };
}

statements! {
    INSERT = "insert into access_grant (tenant_id, id, consent_id, kind, document_sealed, \
        data_key_id, access_expires_at, refresh_expires_at, refreshable, generation, created_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10)";
    GET = select!("id = $2");
    BY_CONSENT = select!("consent_id = $2");
    TAKE_LEASE = "update access_grant set lease_owner = $3, lease_until = $5 \
        where tenant_id = $1 and id = $2 and destroyed_at is null \
        and (lease_owner is null or lease_owner = $3 or lease_until <= $4)";
    EXTEND_LEASE = "update access_grant set lease_until = $4 \
        where tenant_id = $1 and id = $2 and lease_owner = $3 and destroyed_at is null";
    RELEASE_LEASE = "update access_grant set lease_owner = null, lease_until = null \
        where tenant_id = $1 and id = $2 and lease_owner = $3";
    STORE_REFRESHED = "update access_grant set document_sealed = $4, data_key_id = $5, \
        access_expires_at = $6, refresh_expires_at = $7, refreshable = $8, \
        generation = generation + 1, lease_owner = null, lease_until = null \
        where tenant_id = $1 and id = $2 and generation = $3 and destroyed_at is null";
    DESTROY = "update access_grant set document_sealed = null, refreshable = false, \
        lease_owner = null, lease_until = null, destroyed_at = $3 \
        where tenant_id = $1 and id = $2 and destroyed_at is null";
}

/// A document with what may be known about it in clear.
#[derive(Clone)]
pub struct Document {
    /// Tokens and what belongs to them, sealed.
    pub sealed: String,
    /// The key that seals it.
    pub data_key_id: DataKeyId,
    /// When the access token is worthless.
    pub access_expires_at: Option<Instant>,
    /// When the refresh token is worthless.
    pub refresh_expires_at: Option<Instant>,
    /// True when there is a refresh token.
    pub refreshable: bool,
}

/// Which grant a document is the first of.
#[derive(Debug, Clone)]
pub struct NewGrant {
    /// Our id.
    pub id: GrantId,
    /// The consent that gave it.
    pub consent_id: ConsentId,
    /// The kind of grant, as a word.
    pub kind: String,
    /// When it was given.
    pub at: Instant,
}

/// Keeps a grant with generation 1.
///
/// # Errors
/// [`crate::StoreError::Conflict`] when the consent has one already, or is unknown.
pub async fn insert(tx: &mut Tx, grant: &NewGrant, document: &Document) -> Result<()> {
    let tenant = tx.tenant().0;
    execute!(
        tx,
        INSERT,
        tenant,
        grant.id.0,
        grant.consent_id.0,
        grant.kind.as_str(),
        document.sealed.as_str(),
        document.data_key_id.0,
        document.access_expires_at.map(Instant::micros),
        document.refresh_expires_at.map(Instant::micros),
        document.refreshable,
        grant.at.micros()
    )?;
    Ok(())
}

/// One grant of the tenant.
pub async fn get(session: &mut Session, id: GrantId) -> Result<Option<Grant>> {
    let tenant = session.tenant().0;
    fetch_optional!(session, GET => Grant, tenant, id.0)
}

/// The grant that a consent gave.
pub async fn by_consent(session: &mut Session, consent: ConsentId) -> Result<Option<Grant>> {
    let tenant = session.tenant().0;
    fetch_optional!(session, BY_CONSENT => Grant, tenant, consent.0)
}

/// Who wants to refresh, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Lease<'a> {
    /// A name that is unique among processes and tasks.
    pub owner: &'a str,
    /// The present instant.
    pub now: Instant,
    /// When the lease falls away by itself.
    pub until: Instant,
}

/// Takes the lease when nobody holds it, its time is over, or the owner holds it already; false
/// when another one refreshes, or when the grant is destroyed.
pub async fn take_lease(tx: &mut Tx, id: GrantId, lease: Lease<'_>) -> Result<bool> {
    let tenant = tx.tenant().0;
    let taken = execute!(
        tx,
        TAKE_LEASE,
        tenant,
        id.0,
        lease.owner,
        lease.now.micros(),
        lease.until.micros()
    )?;
    Ok(taken == 1)
}

/// Holds the lease for longer; false when it is somebody else's by now.
pub async fn extend_lease(tx: &mut Tx, id: GrantId, owner: &str, until: Instant) -> Result<bool> {
    let tenant = tx.tenant().0;
    Ok(execute!(tx, EXTEND_LEASE, tenant, id.0, owner, until.micros())? == 1)
}

/// Gives the lease back without a refresh; nothing happens when it is somebody else's by now.
pub async fn release_lease(tx: &mut Tx, id: GrantId, owner: &str) -> Result<()> {
    let tenant = tx.tenant().0;
    execute!(tx, RELEASE_LEASE, tenant, id.0, owner)?;
    Ok(())
}

/// Replaces the document that had `expected_generation`, and gives the lease back. False when
/// another refresh was stored first, or when the grant is destroyed: the caller then re-reads.
pub async fn store_refreshed(
    tx: &mut Tx,
    id: GrantId,
    expected_generation: i64,
    document: &Document,
) -> Result<bool> {
    let tenant = tx.tenant().0;
    let stored = execute!(
        tx,
        STORE_REFRESHED,
        tenant,
        id.0,
        expected_generation,
        document.sealed.as_str(),
        document.data_key_id.0,
        document.access_expires_at.map(Instant::micros),
        document.refresh_expires_at.map(Instant::micros),
        document.refreshable
    )?;
    Ok(stored == 1)
}

/// Destroys the document; false when it was destroyed already.
pub async fn destroy(tx: &mut Tx, id: GrantId, at: Instant) -> Result<bool> {
    let tenant = tx.tenant().0;
    Ok(execute!(tx, DESTROY, tenant, id.0, at.micros())? == 1)
}
