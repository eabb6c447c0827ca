//! Outbound HTTP: a one-method trait, layers and the only client.
//!
//! A [`Call`] goes down a [`Stack`] of layers whose order is [`LAYERS`]; each does one thing and
//! hands the rest on. What a layer needs from elsewhere (tokens, client secrets, day budgets,
//! a provider's own reading of an answer) it takes as a small trait.

mod call;
pub mod guard;
mod http_date;
pub mod layers;
mod redact;
mod replay;
mod stack;
mod steady;
#[cfg(test)]
mod testkit;
mod transport;

pub use call::{Answer, Body, Call, Caller, DayBudget, Target};
pub use replay::{Exchange, Replay};
pub use stack::{LAYERS, OrderError, Stack};
pub use transport::{BodySink, Layer, SINK_CHUNK_BYTES_MAX, Sleeper, TokioSleeper, Transport};
