//! Layer 8: one attempt ends after its time, so that there is time left for another.

use std::sync::Arc;
use std::time::Duration;

use fondaco_model::{Fault, FaultKind};
use futures_util::future::BoxFuture;

use crate::{Answer, Call, Layer, Transport};

/// The time of an attempt unless another is chosen.
pub const ATTEMPT_MAX: Duration = Duration::from_secs(30);

/// The time of an attempt whose answer is spooled unless another is chosen.
pub const SPOOLED_ATTEMPT_MAX: Duration = Duration::from_mins(15);

/// Cancels an attempt that takes too long.
#[derive(Debug, Clone, Copy)]
pub struct Timeout {
    /// The time of an attempt whose answer is collected.
    pub collected: Duration,
    /// The time of an attempt whose answer is spooled; the client's own rule against answers that
    /// drip ends those sooner.
    pub spooled: Duration,
}

impl Default for Timeout {
    fn default() -> Self {
        Self {
            collected: ATTEMPT_MAX,
            spooled: SPOOLED_ATTEMPT_MAX,
        }
    }
}

impl Layer for Timeout {
    fn name(&self) -> &'static str {
        "timeout"
    }

    fn wrap(&self, inner: Arc<dyn Transport>) -> Arc<dyn Transport> {
        Arc::new(Timed {
            inner,
            times: *self,
        })
    }
}

struct Timed {
    inner: Arc<dyn Transport>,
    times: Timeout,
}

impl Transport for Timed {
    fn send<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(async move {
            let time = match call.sink {
                Some(_) => self.times.spooled,
                None => self.times.collected,
            };
            let late = call
                .fault(FaultKind::ProviderDown, "timeout")
                .after(Duration::ZERO);
            let done = tokio::time::timeout(time, self.inner.send(call)).await;
            done.unwrap_or(Err(late))
        })
    }
}
