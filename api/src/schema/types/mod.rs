//! The types of the schema, one file for each thing.

pub(crate) mod account;
pub(crate) mod balance;
pub(crate) mod common;
pub(crate) mod consent;
pub(crate) mod detail;
pub(crate) mod import_job;
pub(crate) mod institution;
pub(crate) mod link;
pub(crate) mod link_session;
pub(crate) mod node;
pub(crate) mod people;
pub(crate) mod raw;
pub(crate) mod transaction;
pub(crate) mod viewer;
