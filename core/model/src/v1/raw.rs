//! Raw answers, remarks and the reasons of nulls.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::codes::closed;
use crate::ids::{LinkId, RawAnswerId};
use crate::time::Instant;

/// One HTTP answer or one file as it was received, without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RawAnswer {
    /// Our id.
    pub id: RawAnswerId,
    /// The link that asked, unless it is a file.
    pub link_id: Option<LinkId>,
    /// The resource, as a word: `transactions`, `statement`.
    pub resource: String,
    /// When it was received.
    pub fetched_at: Instant,
    /// SHA-256 of the bytes as received, in hexadecimal.
    pub content_sha256: String,
    /// Size as received, in bytes.
    pub content_bytes: i64,
}

/// Something that was noticed while a record was understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemarkRecord {
    /// The source's own path of the field.
    pub field: String,
    /// The rule that noticed it.
    pub rule: String,
    /// The value as it stood, cut to 200 characters.
    pub original: String,
}

closed! {
    /// Why a field is null.
    NullReason {
        /// The source did not state it.
        NotProvided = "NOT_PROVIDED",
        /// The source stated something that could not be understood; a remark tells more.
        NotUnderstood = "NOT_UNDERSTOOD",
        /// The caller's scopes do not cover it.
        NotPermitted = "NOT_PERMITTED",
        /// The person was erased.
        Erased = "ERASED",
    }
}
