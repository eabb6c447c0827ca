//! End users: the people who own accounts.

use std::sync::Arc;

use async_graphql::{ID, Object};
use fondaco_model::v1::EndUser as Row;

use crate::schema::scalars::DateTime;

/// One end user.
#[derive(Clone)]
pub(crate) struct EndUser(pub(crate) Arc<Row>);

/// A person who owns accounts, known by the tenant's own reference.
#[Object]
impl EndUser {
    /// Our id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The tenant's own reference.
    async fn reference(&self) -> &str {
        &self.0.external_ref
    }

    /// When the person was first seen.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }
}
