//! Layer 2: the whole call, waits and retries included, ends at its deadline.

use std::sync::Arc;

use fondaco_model::{Effects, Fault, FaultKind, Retry};
use futures_util::future::BoxFuture;

use crate::{Answer, Call, Layer, Transport};

/// Cancels what is inside when the call's deadline passes.
#[derive(Debug, Clone)]
pub struct Deadline {
    effects: Effects,
}

impl Deadline {
    /// A layer that reads the time from `effects`.
    pub fn new(effects: Effects) -> Self {
        Self { effects }
    }
}

impl Layer for Deadline {
    fn name(&self) -> &'static str {
        "deadline"
    }

    fn wrap(&self, inner: Arc<dyn Transport>) -> Arc<dyn Transport> {
        Arc::new(Bounded {
            inner,
            effects: self.effects.clone(),
        })
    }
}

struct Bounded {
    inner: Arc<dyn Transport>,
    effects: Effects,
}

impl Transport for Bounded {
    fn send<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(async move {
            let remaining = call.remaining(self.effects.now());
            let mut late = call.fault(FaultKind::ProviderDown, "deadline");
            late.retry = Retry::Exhausted;
            if remaining.is_zero() {
                return Err(late.with("sent", "no"));
            }
            if !call.replayable {
                late = late.with("outcome", "unknown");
            }
            let done = tokio::time::timeout(remaining, self.inner.send(call)).await;
            done.unwrap_or(Err(late))
        })
    }
}
