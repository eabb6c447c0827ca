//! The bank over real HTTP.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod books;
mod consents;
mod faults;
mod harness;
mod pages;
mod reads;
mod tokens;
