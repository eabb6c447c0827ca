//! One file per rule; each decides how a foreign value becomes ours, for every provider.

pub mod dates;
pub mod method;
pub mod texts;
