//! Provider-blind rules: from drafts to settled facts, and from settled facts to decisions.
//!
//! Everything here is pure: the same drafts and the same stored rows give the same decisions.

pub mod digest;
pub mod resolve;
pub mod rules;
pub mod settle;

pub use resolve::{Decision, Incoming, Matched, Rule, Stored, StoredRef, resolve};
pub use settle::{Settled, settle};
