//! End users, known by the tenant's own reference.

use fondaco_model::Instant;
use fondaco_model::ids::{EndUserId, TenantId};
use fondaco_model::v1::EndUser;
use uuid::Uuid;

use super::composed::fetch_composed;
use super::{Scope, page};
use crate::engine::bulk::InList;
use crate::engine::{Session, Tx};
use crate::error::{Result, StoreError};

record!(EndUser, |row| EndUser {
    id: EndUserId(row.col("id")?),
    tenant_id: TenantId(row.col("tenant_id")?),
    external_ref: row.col("external_ref")?,
    created_at: row.instant("created_at")?,
});

macro_rules! fields {
    () => {
        "tenant_id, id, external_ref, created_at"
    };
}

statements! {
    INSERT = "insert into end_user (tenant_id, id, external_ref, created_at) \
        values ($1, $2, $3, $4) on conflict (tenant_id, external_ref) do nothing";
    BY_REF = concat!("select ", fields!(), " from end_user \
        where tenant_id = $1 and external_ref = $2 and erased_at is null");
    GET = concat!("select ", fields!(), " from end_user \
        where tenant_id = $1 and id = $2 and erased_at is null");
    LIST = concat!("select ", fields!(), " from end_user \
        where tenant_id = $1 and id > $2 and erased_at is null order by id limit $3");
    ERASE = "update end_user set external_ref = $3, erased_at = $4 \
        where tenant_id = $1 and id = $2 and erased_at is null";
}

/// The person with this reference, made at first use with the given id.
pub async fn get_or_create(
    tx: &mut Tx,
    external_ref: &str,
    id: EndUserId,
    at: Instant,
) -> Result<EndUser> {
    let tenant = tx.tenant().0;
    execute!(tx, INSERT, tenant, id.0, external_ref, at.micros())?;
    by_ref(tx, external_ref)
        .await?
        .ok_or(StoreError::LostUpdate)
}

/// The person with this reference.
pub async fn by_ref(session: &mut Session, external_ref: &str) -> Result<Option<EndUser>> {
    let tenant = session.tenant().0;
    fetch_optional!(session, BY_REF => EndUser, tenant, external_ref)
}

/// The person with this id.
pub async fn get(session: &mut Session, id: EndUserId) -> Result<Option<EndUser>> {
    let tenant = session.tenant().0;
    fetch_optional!(session, GET => EndUser, tenant, id.0)
}

/// People by id, as far as the scope sees them, in no order; at most 1,000 ids.
pub async fn by_ids(
    session: &mut Session,
    scope: Scope,
    ids: &[EndUserId],
) -> Result<Vec<EndUser>> {
    const HEAD: &str = concat!("select ", fields!(), " from end_user where tenant_id = ");
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let tenant = session.tenant().0;
    fetch_composed!(session, EndUser, HEAD, |query, D| {
        query.push_bind(tenant);
        scope.push::<D>(&mut query, "id");
        query.push(" and erased_at is null and ");
        D::in_ids(&mut query, "id", &ids);
    })
}

/// The tenant's people in the order of their ids, after a given one.
pub async fn list(
    session: &mut Session,
    after: Option<EndUserId>,
    limit: u32,
) -> Result<Vec<EndUser>> {
    let tenant = session.tenant().0;
    let after = after.map_or(Uuid::nil(), |id| id.0);
    fetch_all!(session, LIST => EndUser, tenant, after, page(limit))
}

/// Forgets a person's reference, which may come again as another person; false when there is no
/// such person. The keys that seal the person's data are destroyed by
/// [`super::data_key::destroy`].
pub async fn erase(tx: &mut Tx, id: EndUserId, at: Instant) -> Result<bool> {
    let tenant = tx.tenant().0;
    let tombstone = format!("erased {id}");
    Ok(execute!(tx, ERASE, tenant, id.0, tombstone.as_str(), at.micros())? == 1)
}
