//! Institutions: banks that people can link.

use std::sync::Arc;

use async_graphql::{ID, Object};
use fondaco_model::v1::Institution as Row;

use crate::schema::scalars::CountryCode;

/// One institution.
#[derive(Clone)]
pub(crate) struct Institution(pub(crate) Arc<Row>);

/// A bank that people can link.
#[Object]
impl Institution {
    /// Stable id of the entry, the same on every installation.
    async fn id(&self) -> ID {
        ID(self.0.id.clone())
    }

    /// The name that a person knows.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Countries where it serves people.
    async fn countries(&self) -> Vec<CountryCode> {
        self.0.countries.iter().cloned().map(CountryCode).collect()
    }

    /// ISO 9362 code.
    async fn bic(&self) -> Option<&str> {
        self.0.bic.as_deref()
    }

    /// True for sandboxes, which only test tenants reach.
    async fn sandbox(&self) -> bool {
        self.0.sandbox
    }

    /// Longest life of a consent in days.
    async fn consent_days_max(&self) -> i32 {
        self.0.consent_days_max
    }

    /// Days of history that can be asked for, when known.
    async fn history_days(&self) -> Option<i32> {
        self.0.history_days
    }
}
