//! Links: the lineage of consents of one end user, institution and login.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::codes::closed;
use crate::ids::{ConsentId, EndUserId, LinkId};
use crate::time::Instant;

closed! {
    /// How well the link works, apart from its consent and from the age of its data.
    LinkHealth {
        /// The last read went well.
        Healthy = "HEALTHY",
        /// Reads fail now and then.
        Degraded = "DEGRADED",
        /// The institution does not answer.
        InstitutionDown = "INSTITUTION_DOWN",
        /// The provider in between does not answer.
        ProviderDown = "PROVIDER_DOWN",
        /// We were asked to slow down.
        RateLimited = "RATE_LIMITED",
        /// The person has to act.
        NeedsUser = "NEEDS_USER",
        /// The account is restricted at the institution.
        Restricted = "RESTRICTED",
        /// Nothing was read for longer than planned.
        Stale = "STALE",
        /// Nothing was read yet.
        Unknown = "UNKNOWN",
    }
}

closed! {
    /// How far the first reading has come.
    LinkProgress {
        /// Nothing yet.
        None = "NONE",
        /// Accounts are there.
        Accounts = "ACCOUNTS",
        /// Balances are there.
        Balances = "BALANCES",
        /// The last 30 days are there.
        Recent = "RECENT",
        /// All history that the institution gives is there.
        History = "HISTORY",
    }
}

/// One link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// Our id.
    pub id: LinkId,
    /// Whose link it is.
    pub end_user_id: EndUserId,
    /// The institution's entry.
    pub institution_id: String,
    /// The consent in force, when there is one.
    pub current_consent_id: Option<ConsentId>,
    /// How well it works.
    pub health: LinkHealth,
    /// Until when we were asked to wait.
    pub health_until: Option<Instant>,
    /// How far the first reading has come.
    pub progress: LinkProgress,
    /// When a read was last tried.
    pub last_attempt_at: Option<Instant>,
    /// When a read last went well.
    pub last_success_at: Option<Instant>,
    /// When the next read is due.
    pub next_due_at: Option<Instant>,
    /// When the link was made.
    pub created_at: Instant,
    /// When the person or the tenant ended it.
    pub disconnected_at: Option<Instant>,
}
