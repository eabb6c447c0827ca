//! Where a record comes from and by which rules it was understood.

use serde::{Deserialize, Serialize};

use crate::ids::RawAnswerId;
use crate::time::Instant;
use crate::version::SchemaVersion;

/// The origin of a canonical record: a record of a raw answer, and the mapping that read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// The raw answer that holds the record.
    pub raw_answer_id: RawAnswerId,
    /// Position of the record within the raw answer, from 0.
    pub ordinal: i64,
    /// Version of the provider family's mapping.
    pub mapping_version: i32,
    /// Version of the canonical schema.
    pub schema_version: SchemaVersion,
    /// When the mapping ran.
    pub mapped_at: Instant,
}
