//! The traits of the stack: what sends, what wraps, what takes a large body, what waits.

use std::sync::Arc;
use std::time::Duration;

use fondaco_model::Fault;
use futures_util::future::BoxFuture;

use crate::{Answer, Call};

/// Largest piece in bytes that a [`BodySink`] is handed.
pub const SINK_CHUNK_BYTES_MAX: usize = 1 << 20;

/// Sends one call and returns what came back.
pub trait Transport: Send + Sync {
    /// Sends the call.
    ///
    /// The future may be dropped at any await point: that is how deadlines and timeouts cancel.
    ///
    /// # Errors
    /// Any [`Fault`]; its `retry` says whether the same call may be sent again.
    fn send<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Answer, Fault>>;
}

/// Puts one behaviour around a transport.
pub trait Layer: Send + Sync {
    /// The layer's name in [`LAYERS`](crate::LAYERS).
    fn name(&self) -> &'static str;

    /// The transport that does this layer's part and leaves the rest to `inner`.
    fn wrap(&self, inner: Arc<dyn Transport>) -> Arc<dyn Transport>;
}

/// Takes a large answer piece by piece, so that it never stands in memory as a whole.
///
/// Each attempt begins with [`restart`](Self::restart); the last attempt wins. An attempt may be
/// cancelled between two pieces, so that only a returned [`Answer`] makes the content valid.
pub trait BodySink: Send + Sync {
    /// Forgets everything that was taken; also called before the first piece.
    ///
    /// # Errors
    /// Any [`Fault`] of the place that keeps the pieces; it ends the attempt.
    fn restart(&self) -> BoxFuture<'_, Result<(), Fault>>;

    /// Takes the next piece: at least 1 and at most [`SINK_CHUNK_BYTES_MAX`] bytes.
    ///
    /// # Errors
    /// Any [`Fault`] of the place that keeps the pieces; it ends the attempt.
    fn chunk<'a>(&'a self, bytes: &'a [u8]) -> BoxFuture<'a, Result<(), Fault>>;
}

/// Waits between attempts, so that a test needs no real time.
pub trait Sleeper: Send + Sync {
    /// Returns after `wait`.
    fn sleep(&self, wait: Duration) -> BoxFuture<'_, ()>;
}

/// Waits on the runtime's timer.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokioSleeper;

impl Sleeper for TokioSleeper {
    fn sleep(&self, wait: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(wait))
    }
}
