//! Finds what a person named on the command line: a tenant, an end user.

use fondaco_model::ids::{EndUserId, TenantId};
use fondaco_model::v1::EndUser;
use fondaco_store::repo::tenant::Tenant;
use fondaco_store::repo::{ROWS_MAX, end_user, tenant};
use fondaco_store::{Db, OPERATOR};

use crate::failure::{Failure, Outcome};

/// Tenants that one look-up goes through at most.
const TENANTS_MAX: usize = 100_000;

/// All tenants in the order of their making.
///
/// # Errors
/// The store's.
pub(crate) async fn tenants(db: &Db) -> Outcome<Vec<Tenant>> {
    let mut session = db.read(OPERATOR).await?;
    let mut found: Vec<Tenant> = Vec::new();
    loop {
        let after = found.last().map(|tenant| tenant.id);
        let page = tenant::list(&mut session, after, ROWS_MAX).await?;
        if page.is_empty() || found.len() >= TENANTS_MAX {
            return Ok(found);
        }
        found.extend(page);
    }
}

/// The tenant of an id or a display name; without one the only tenant that is not disabled.
///
/// # Errors
/// When there is none, or more than one has the name.
pub(crate) async fn tenant(db: &Db, named: Option<&str>) -> Outcome<Tenant> {
    let all = tenants(db).await?;
    let Some(name) = named else {
        let living = all
            .into_iter()
            .filter(|tenant| tenant.disabled_at.is_none())
            .collect();
        let none = Failure::not_found("there is no tenant")
            .hint("make one: fondaco tenants create NAME --privacy-url URL --support CONTACT");
        return only(living, none, "tenant", "--tenant");
    };
    let by_id: Option<TenantId> = name.parse().ok();
    let matches = |tenant: &Tenant| by_id == Some(tenant.id) || tenant.details.display_name == name;
    let found = all.into_iter().filter(matches).collect();
    let none = Failure::not_found(format!("there is no tenant {name}"))
        .hint("`fondaco tenants list` shows all");
    only(found, none, "tenant of this name", "its id")
}

/// The person of an id or of the tenant's own reference; without one the tenant's only person.
///
/// # Errors
/// When there is none, or more than one.
pub(crate) async fn end_user(db: &Db, of: TenantId, named: Option<&str>) -> Outcome<EndUser> {
    let mut session = db.read(of).await?;
    let Some(name) = named else {
        let two = end_user::list(&mut session, None, 2).await?;
        let none = Failure::not_found("the tenant has no end user")
            .hint("name one with --end-user REFERENCE; the tenant chooses the reference");
        return only(two, none, "end user", "--end-user");
    };
    let found = match name.parse::<EndUserId>() {
        Ok(id) => end_user::get(&mut session, id).await?,
        Err(_) => end_user::by_ref(&mut session, name).await?,
    };
    found.ok_or_else(|| Failure::not_found(format!("the tenant has no end user {name}")))
}

fn only<T>(mut found: Vec<T>, none: Failure, what: &str, by: &str) -> Outcome<T> {
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => Ok(one),
        (Some(_), false) => Err(Failure::not_found(format!("there is more than one {what}"))
            .hint(format!("say which by {by}"))),
        (None, _) => Err(none),
    }
}
