//! What the routes share: the engine, the limits and the switches.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::engine::{Caller, Engine, SCHEMA_SCOPE};
use super::explorer::Example;
use crate::guard::limits::Limits;
use crate::guard::rate::{Buckets, FailureLimiter};
use crate::guard::table::CostTable;

/// Time that one execution may take.
pub const EXECUTION_MAX: Duration = Duration::from_secs(10);

/// Who may ask for the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Introspection {
    /// Every key: for a sandbox.
    Open,
    /// Keys with the scope `schema:read`.
    Scoped,
    /// Nobody.
    Closed,
}

/// Settings and parts of the API's routes.
pub struct ApiConfig {
    /// The schema and the store behind it.
    pub engine: Arc<dyn Engine>,
    /// Costs of the schema's fields.
    pub costs: CostTable,
    /// Buckets of the keys.
    pub buckets: Arc<dyn Buckets>,
    /// Sizes of requests.
    pub limits: Limits,
    /// Who may ask for the schema.
    pub introspection: Introspection,
    /// Example queries of the explorer, shown to keys that may ask for the schema; nothing switches
    /// the explorer off.
    pub explorer: Option<Vec<Example>>,
    /// Source of request ids: UUIDs of version 7.
    pub new_id: Arc<dyn Fn() -> Uuid + Send + Sync>,
    /// Time that one execution may take; [`EXECUTION_MAX`] unless a test needs less.
    pub execution_max: Duration,
}

/// Shared state of the routes; cheap to clone.
#[derive(Clone)]
pub struct ApiState(Arc<Shared>);

struct Shared {
    config: ApiConfig,
    failures: FailureLimiter,
}

impl ApiState {
    /// State from its configuration.
    pub fn new(config: ApiConfig) -> Self {
        Self(Arc::new(Shared {
            config,
            failures: FailureLimiter::default(),
        }))
    }

    pub(super) fn config(&self) -> &ApiConfig {
        &self.0.config
    }

    pub(super) fn engine(&self) -> &dyn Engine {
        &*self.0.config.engine
    }

    pub(super) fn failures(&self) -> &FailureLimiter {
        &self.0.failures
    }

    pub(super) fn may_introspect(&self, caller: &Caller) -> bool {
        match self.0.config.introspection {
            Introspection::Open => true,
            Introspection::Scoped => caller.may(SCHEMA_SCOPE),
            Introspection::Closed => false,
        }
    }
}
