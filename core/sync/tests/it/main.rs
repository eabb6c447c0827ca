//! Reading of links against a real bank on loopback, through the real stack, on both engines.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod bank;
mod budgets;
mod faults;
mod kill;
mod kit;
mod reads;
mod sweeps;
mod workers;
