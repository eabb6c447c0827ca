//! One file per layer, in the order of [`LAYERS`](crate::LAYERS).

pub mod trace;

pub mod deadline;

pub mod retry;

pub mod breaker;

pub mod limit;

pub mod authorize;

pub mod sign;

pub mod timeout;

pub mod classify;

pub mod record;

pub mod client;
