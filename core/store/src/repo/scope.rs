//! What a caller may see within its tenant: everything, or what belongs to one end user.

use fondaco_model::ids::EndUserId;

/// The second predicate beside the tenant, applied at the same place for every table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// A tenant's server: everything of the tenant.
    Tenant,
    /// A frontend token: what belongs to one end user.
    EndUser(EndUserId),
}

impl Scope {
    /// The end user that the scope is limited to.
    pub fn end_user(self) -> Option<EndUserId> {
        match self {
            Self::Tenant => None,
            Self::EndUser(end_user) => Some(end_user),
        }
    }

    /// Adds the predicate on a column that holds an end user's id.
    pub(crate) fn push<D>(self, query: &mut sqlx::QueryBuilder<D>, column: &str)
    where
        D: sqlx::Database,
        uuid::Uuid: for<'q> sqlx::Encode<'q, D> + sqlx::Type<D>,
    {
        if let Self::EndUser(end_user) = self {
            query
                .push(" and ")
                .push(column)
                .push(" = ")
                .push_bind(end_user.0);
        }
    }
}
