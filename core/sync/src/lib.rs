//! Jobs, leases, reading of links, import of files, and ingest: the room that says *when*.

pub mod budget;
pub mod import;
pub mod ingest;
pub mod lease;
pub mod pull;
pub mod schedule;
pub mod worker;
