//! What the caller of one request may see and do.

use async_graphql::{Context, ID};
use fondaco_model::ids::{EndUserId, TenantId};
use fondaco_model::scope::KeyScope;
use fondaco_store::StoreError;
use fondaco_store::repo::Scope;
use uuid::Uuid;

use super::reads::Reads;
use crate::guard::cost::{JOB_PAGE_MAX, PAGE_MAX};
use crate::guard::rate::KeyClass;
use crate::http::code::Code;
use crate::http::engine::Caller;

/// A field that may be absent and may fail: null with an error beside it, never a missing key.
pub(crate) type Field<T> = Option<async_graphql::Result<T>>;

/// The tenant, the second predicate and the rights of a caller.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) caller: Caller,
}

impl Access {
    /// The access of the request that a resolver works for.
    pub(crate) fn of<'a>(cx: &Context<'a>) -> &'a Self {
        &Reads::of(cx).access
    }

    pub(crate) fn tenant(&self) -> TenantId {
        TenantId(Uuid::from_bytes(self.caller.tenant))
    }

    /// A frontend token sees one end user; a server's key sees the tenant.
    pub(crate) fn scope(&self) -> Scope {
        match self.caller.end_user {
            None => Scope::Tenant,
            Some(id) => Scope::EndUser(EndUserId(Uuid::from_bytes(id))),
        }
    }

    /// The scope narrowed to one end user, or none when that person is out of reach.
    pub(crate) fn narrowed(&self, end_user: Option<EndUserId>) -> Option<Scope> {
        match (self.scope(), end_user) {
            (scope, None) => Some(scope),
            (Scope::Tenant, Some(end_user)) => Some(Scope::EndUser(end_user)),
            (Scope::EndUser(own), Some(asked)) => (own == asked).then_some(Scope::EndUser(own)),
        }
    }

    pub(crate) fn may(&self, scope: KeyScope) -> bool {
        self.caller.may(scope.as_str())
    }

    /// # Errors
    /// `FORBIDDEN` when the key lacks the scope.
    pub(crate) fn need(&self, scope: KeyScope) -> async_graphql::Result<()> {
        if self.may(scope) {
            return Ok(());
        }
        Err(Code::Forbidden.error(format!("The key lacks the scope `{scope}`.")))
    }

    /// # Errors
    /// `FORBIDDEN` for a frontend token: what it asks for is a server's business.
    pub(crate) fn need_server(&self) -> async_graphql::Result<()> {
        match self.scope() {
            Scope::Tenant => Ok(()),
            Scope::EndUser(_) => {
                Err(Code::Forbidden.error("A frontend token may not do this; use a server's key."))
            }
        }
    }

    pub(crate) fn page_max(&self) -> u64 {
        if self.caller.class == KeyClass::Job {
            JOB_PAGE_MAX
        } else {
            PAGE_MAX
        }
    }
}

/// A failure of the store as clients see it: its text stays in the log.
pub(crate) fn store_error(error: &StoreError) -> async_graphql::Error {
    tracing::error!(%error, "a read failed");
    if error.is_busy() {
        Code::Unavailable.error("The database is busy; try again.")
    } else {
        Code::Internal.error("")
    }
}

/// What a loader found, as a field.
pub(crate) fn found<R, T>(
    found: Result<Option<R>, StoreError>,
    make: impl FnOnce(R) -> T,
) -> Field<T> {
    match found {
        Ok(row) => row.map(|row| Ok(make(row))),
        Err(error) => Some(Err(store_error(&error))),
    }
}

/// An id of one type, or none for any other text: an id that cannot be is an id that is not there.
pub(crate) fn id_of<T: std::str::FromStr>(id: &ID) -> Option<T> {
    id.as_str().parse().ok()
}
