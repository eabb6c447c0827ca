//! `[api]`: who may see the schema, and how much a key may spend.

use std::num::NonZeroU32;
use std::time::Duration;

use fondaco_api::guard::rate::{BucketSize, BucketSizes};
use fondaco_api::http::state::Introspection as Introspected;
use serde::{Deserialize, Serialize};

use super::{Problem, within};

/// Settings of the API.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Api {
    /// Who may ask for the schema.
    introspection: Introspection,
    /// Whether the explorer is there.
    pub(crate) explorer: Switch,
    execution_seconds: u64,
    browser_capacity: NonZeroU32,
    browser_per_second: NonZeroU32,
    server_capacity: NonZeroU32,
    server_per_second: NonZeroU32,
    job_capacity: NonZeroU32,
    job_per_second: NonZeroU32,
}

/// Who may ask for the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Introspection {
    /// Every key.
    Open,
    /// Keys with the scope.
    Scoped,
    /// Nobody.
    Closed,
    /// Open beside a sandbox, scoped otherwise.
    Auto,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

impl Switch {
    /// Whether it is on.
    pub(crate) fn is_on(self) -> bool {
        self == Self::On
    }
}

impl Api {
    /// Who may ask for the schema, beside a sandbox or without one.
    pub(crate) fn introspection(&self, sandbox: bool) -> Introspected {
        match self.introspection {
            Introspection::Open => Introspected::Open,
            Introspection::Closed => Introspected::Closed,
            Introspection::Auto if sandbox => Introspected::Open,
            Introspection::Scoped | Introspection::Auto => Introspected::Scoped,
        }
    }

    /// The size of each class's bucket.
    pub(crate) fn buckets(&self) -> BucketSizes {
        let size = |capacity, per_second| BucketSize {
            capacity,
            per_second,
        };
        BucketSizes {
            browser: size(self.browser_capacity, self.browser_per_second),
            server: size(self.server_capacity, self.server_per_second),
            job: size(self.job_capacity, self.job_per_second),
        }
    }

    pub(super) fn check(&self) -> Result<(), Problem> {
        within("api.execution_seconds", self.execution_seconds, 1, 60)
    }

    /// Time that one request may run.
    pub(crate) fn execution_time(&self) -> Duration {
        Duration::from_secs(self.execution_seconds)
    }
}
