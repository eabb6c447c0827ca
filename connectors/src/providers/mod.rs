//! Provider families, one folder each.

pub mod berlin_group;
pub mod statement_file;
