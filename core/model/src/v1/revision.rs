//! Revisions: the states that a transaction had, and why it changed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::codes::closed;
use crate::ids::{RawAnswerId, RevisionId, TransactionId};
use crate::time::Instant;
use crate::version::SchemaVersion;

closed! {
    /// Why a transaction changed.
    RevisionCause {
        /// Seen for the first time; the cause of a change event, of which there is no revision.
        Insert = "INSERT",
        /// The source states it differently.
        ProviderUpdate = "PROVIDER_UPDATE",
        /// A pending row was booked.
        Settled = "SETTLED",
        /// The source gave it another reference.
        Renumbered = "RENUMBERED",
        /// It was mapped again.
        Replay = "REPLAY",
        /// The source no longer states it.
        Removed = "REMOVED",
        /// It is back after a removal.
        Restored = "RESTORED",
        /// An operator changed it.
        Operator = "OPERATOR",
    }
}

/// One change of one transaction after its first statement.
///
/// Written in the transaction that changes a stored row: whenever a source states it differently,
/// books it, renumbers it, stops to state it or states it again. The first statement leaves none
/// but a change event with the cause `INSERT`: there is nothing before it. A further source that
/// states the same leaves match evidence instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// Our id.
    pub id: RevisionId,
    /// The transaction.
    pub transaction_id: TransactionId,
    /// Position in the tenant's sequence.
    pub seq: i64,
    /// Why it changed.
    pub cause: RevisionCause,
    /// Names of the fields that changed, as the canonical record has them; `accountSourceId` for
    /// another source whose statement is stored, `other` when what changed is stored in no form
    /// that could be compared, such as a postal address. What they said before is kept sealed.
    pub changed_fields: Vec<String>,
    /// The raw answer that caused it, when one did.
    pub raw_answer_id: Option<RawAnswerId>,
    /// Version of the canonical schema.
    pub schema_version: SchemaVersion,
    /// When it was recorded.
    pub recorded_at: Instant,
}
