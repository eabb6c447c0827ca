//! Canonical vocabulary of Fondaco: money, ids, dates, faults and the versioned schema.
//!
//! This crate does no I/O, knows no engine, no provider and no GraphQL, and depends on no other
//! crate of the workspace. Everything else speaks in its types.

pub mod draft;
pub mod effects;
pub mod exchange;
pub mod fault;
pub mod ids;
pub mod money;
pub mod provenance;
pub mod provider;
pub mod scope;
pub mod secret;
pub mod text;
pub mod time;
pub mod v1;
pub mod version;

/// The canonical schema that this build writes.
pub mod current {
    pub use crate::v1::*;
}

pub use effects::Effects;
pub use fault::{Fault, FaultKind, Retry};
pub use money::{Currency, Direction, Money, MoneyError};
pub use secret::Secret;
pub use time::{Clock, Date, Instant, SystemClock};
