//! Registrations: what a provider gave the operator or a tenant, with the secret sealed.

use fondaco_model::Instant;
use fondaco_model::ids::{DataKeyId, RegistrationId, TenantId};
use fondaco_model::v1::{Owner, Registration};
use uuid::Uuid;

use crate::engine::{OPERATOR, Session, Tx};
use crate::error::{Result, StoreError};

/// A registration with what seals its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredRegistration {
    /// What clients may see.
    pub registration: Registration,
    /// The provider's environment, as a word: `sandbox`, `production`.
    pub environment: String,
    /// The client secret, sealed; none where the provider gave none.
    pub client_secret_sealed: Option<String>,
    /// The key that seals it.
    pub data_key_id: DataKeyId,
    /// When the secret was last changed.
    pub rotated_at: Option<Instant>,
    /// From when on no link may be made with it.
    pub disabled_at: Option<Instant>,
}

impl std::fmt::Debug for StoredRegistration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredRegistration({})", self.registration.id)
    }
}

fn owner(tenant: Option<Uuid>) -> Owner {
    tenant.map_or(Owner::Operator, |id| Owner::Tenant(TenantId(id)))
}

record!(StoredRegistration, |row| StoredRegistration {
    registration: Registration {
        id: RegistrationId(row.col("id")?),
        owner: owner(row.col("owner_tenant_id")?),
        institution_id: row.col("institution_id")?,
        client_id: row.col("client_id")?,
        redirect_uri: row.col("redirect_uri")?,
        created_at: row.instant("created_at")?,
    },
    environment: row.col("environment")?,
    client_secret_sealed: row.col("client_secret_sealed")?,
    data_key_id: DataKeyId(row.col("data_key_id")?),
    rotated_at: row.instant_opt("rotated_at")?,
    disabled_at: row.instant_opt("disabled_at")?,
});

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, owner_tenant_id, institution_id, environment, client_id, \
             client_secret_sealed, data_key_id, redirect_uri, created_at, rotated_at, \
             disabled_at from registration where ",
            $rest
        )
    };
}

// The operator sees all, a tenant its own and the operator's; only the owner changes one.
statements! {
    INSERT = "insert into registration (id, owner_tenant_id, institution_id, environment, \
        client_id, client_secret_sealed, data_key_id, redirect_uri, created_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    GET = select!("id = $2 and (owner_tenant_id is null or owner_tenant_id = $1 or $1 = $3)");
    LIST = select!("(owner_tenant_id is null or owner_tenant_id = $1 or $1 = $2) order by id");
    FOR_INSTITUTION = select!("institution_id = $2 and disabled_at is null \
        and (owner_tenant_id is null or owner_tenant_id = $1) \
        order by case when owner_tenant_id is null then 1 else 0 end, created_at desc, id desc \
        limit 1");
    ROTATE = "update registration set client_id = $4, client_secret_sealed = $5, \
        data_key_id = $6, rotated_at = $7 \
        where id = $2 and (owner_tenant_id = $1 or (owner_tenant_id is null and $1 = $3))";
    DISABLE = "update registration set disabled_at = $4 \
        where id = $2 and (owner_tenant_id = $1 or (owner_tenant_id is null and $1 = $3)) \
        and disabled_at is null";
}

/// Keeps a registration of the transaction's tenant, or of the operator; never of somebody else.
///
/// # Errors
/// [`StoreError::NotFound`] when the owner is not who the transaction works for.
pub async fn insert(tx: &mut Tx, stored: &StoredRegistration) -> Result<()> {
    let owner = match stored.registration.owner {
        Owner::Operator => OPERATOR,
        Owner::Tenant(id) => id,
    };
    if owner != tx.tenant() {
        return Err(StoreError::NotFound);
    }
    let registration = &stored.registration;
    execute!(
        tx,
        INSERT,
        registration.id.0,
        (owner != OPERATOR).then_some(owner.0),
        registration.institution_id.as_str(),
        stored.environment.as_str(),
        registration.client_id.as_str(),
        stored.client_secret_sealed.as_deref(),
        stored.data_key_id.0,
        registration.redirect_uri.as_str(),
        registration.created_at.micros()
    )?;
    Ok(())
}

/// One registration that the session's tenant may use.
pub async fn get(session: &mut Session, id: RegistrationId) -> Result<Option<StoredRegistration>> {
    let tenant = session.tenant().0;
    fetch_optional!(session, GET => StoredRegistration, tenant, id.0, OPERATOR.0)
}

/// All registrations that the session's tenant may use; all there are for the operator.
pub async fn list(session: &mut Session) -> Result<Vec<StoredRegistration>> {
    let tenant = session.tenant().0;
    fetch_all!(session, LIST => StoredRegistration, tenant, OPERATOR.0)
}

/// The registration for a new link at an institution: the tenant's own before the operator's, the
/// newest first.
pub async fn for_institution(
    session: &mut Session,
    institution_id: &str,
) -> Result<Option<StoredRegistration>> {
    let tenant = session.tenant().0;
    fetch_optional!(session, FOR_INSTITUTION => StoredRegistration, tenant, institution_id)
}

/// A new client id and secret for a registration; its redirect URI stays.
#[derive(Clone)]
pub struct Rotation {
    /// The client id.
    pub client_id: String,
    /// The client secret, sealed.
    pub client_secret_sealed: Option<String>,
    /// The key that seals it.
    pub data_key_id: DataKeyId,
    /// When it was changed.
    pub at: Instant,
}

/// Changes what the provider gave; only the owner can.
///
/// # Errors
/// [`StoreError::NotFound`] when it is not there or has another owner.
pub async fn rotate(tx: &mut Tx, id: RegistrationId, rotation: &Rotation) -> Result<()> {
    let tenant = tx.tenant().0;
    let changed = execute!(
        tx,
        ROTATE,
        tenant,
        id.0,
        OPERATOR.0,
        rotation.client_id.as_str(),
        rotation.client_secret_sealed.as_deref(),
        rotation.data_key_id.0,
        rotation.at.micros()
    )?;
    if changed == 1 {
        Ok(())
    } else {
        Err(StoreError::NotFound)
    }
}

/// Lets no new link be made with it; false when it is disabled already or has another owner.
pub async fn disable(tx: &mut Tx, id: RegistrationId, at: Instant) -> Result<bool> {
    let tenant = tx.tenant().0;
    Ok(execute!(tx, DISABLE, tenant, id.0, OPERATOR.0, at.micros())? == 1)
}
