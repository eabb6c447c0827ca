//! Reading of links against a real bank on loopback, through the real stack, on both engines.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod bank;
mod budgets;
mod desk;
mod faults;
mod fruitless;
mod identity;
mod kill;
mod kit;
mod reads;
mod redirect;
mod rotation;
mod sweeps;
mod uploads;
mod workers;
