//! Everything provider-specific: describes requests, reads responses, maps records.
//!
//! A family is stateless and sans-IO: it has no clock, no randomness and no socket, and it sees
//! nothing but its [`core::Cx`]. The registry is the one list of families.

pub mod core;
pub mod providers;
pub mod registry;
