//! What stands before the schema: size limits, requested cost, rate limits.

pub mod actual;
pub mod cost;
pub mod json;
pub mod limits;
pub mod rate;
pub mod scan;
pub mod shape;
pub mod table;
