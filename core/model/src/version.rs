//! The version of the canonical schema.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The schema that this build writes: `v1` of the module tree.
pub const CURRENT: SchemaVersion = SchemaVersion { major: 1, minor: 0 };

/// Major for an incompatible shape (a new module), minor for an additive field.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub struct SchemaVersion {
    /// Incompatible shapes differ here.
    pub major: u16,
    /// Additive fields count here.
    pub minor: u16,
}

impl fmt::Display for SchemaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
