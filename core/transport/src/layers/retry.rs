//! Layer 3: sends again what may be sent again.

use std::sync::Arc;
use std::time::Duration;

use fondaco_model::{Effects, Fault, FaultKind, Retry as Again};
use futures_util::future::BoxFuture;

use crate::{Answer, Call, Layer, Sleeper, Transport};

/// Attempts of one call, the first included.
pub const ATTEMPTS_MAX: u32 = 4;

/// Longest wait before the second attempt; it doubles with each further one.
pub const BACKOFF_BASE: Duration = Duration::from_millis(500);

/// Longest wait that back-off alone comes to; an answer's own `Retry-After` may be longer.
pub const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// Sends a replayable call again after a fault with [`Retry::After`](Again::After).
///
/// A wait that the fault states is kept exactly. Without one the wait is drawn between nothing and
/// an exponentially growing bound (full jitter). A wait that would pass the call's deadline is not
/// begun: the fault goes up with its wait, so that the job can be put off. The last failure becomes
/// [`Retry::Exhausted`](Again::Exhausted) and keeps its wait as the context `retry_after_s`.
#[derive(Clone)]
pub struct Retry {
    effects: Effects,
    sleeper: Arc<dyn Sleeper>,
}

impl Retry {
    /// A layer that draws jitter from `effects` and waits with `sleeper`.
    pub fn new(effects: Effects, sleeper: Arc<dyn Sleeper>) -> Self {
        Self { effects, sleeper }
    }

    /// The wait before the attempt after number `attempt`, which is counted from 1.
    fn wait(&self, stated: Duration, attempt: u32) -> Duration {
        if !stated.is_zero() {
            return stated;
        }
        let doubled = BACKOFF_BASE.saturating_mul(1 << attempt.saturating_sub(1).min(16));
        let bound = u64::try_from(doubled.min(BACKOFF_MAX).as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.effects.below(bound.saturating_add(1)))
    }

    /// What goes up, or the wait before the next attempt.
    fn judge(&self, call: &Call<'_>, fault: Fault, attempt: u32) -> Result<Duration, Fault> {
        let Again::After(stated) = fault.retry else {
            return Err(fault);
        };
        if !call.replayable {
            return Err(unrepeatable(fault));
        }
        // The authorize layer has refreshed already; what is left needs more than another try.
        if fault.kind == FaultKind::AuthExpired {
            return Err(fault);
        }
        if attempt >= ATTEMPTS_MAX {
            let mut last = fault.with("retry_after_s", stated.as_secs().to_string());
            last.retry = Again::Exhausted;
            return Err(last);
        }
        let wait = self.wait(stated, attempt);
        if wait >= call.remaining(self.effects.now()) {
            Err(fault)
        } else {
            Ok(wait)
        }
    }
}

/// A call that must not be sent twice: whether the provider acted is unknown once it was sent.
fn unrepeatable(mut fault: Fault) -> Fault {
    if fault.kind == FaultKind::ProviderDown && fault.get("sent") != Some("no") {
        fault.retry = Again::Never;
        return fault.with("outcome", "unknown");
    }
    fault
}

impl Layer for Retry {
    fn name(&self) -> &'static str {
        "retry"
    }

    fn wrap(&self, inner: Arc<dyn Transport>) -> Arc<dyn Transport> {
        Arc::new(Retrying {
            inner,
            policy: self.clone(),
        })
    }
}

struct Retrying {
    inner: Arc<dyn Transport>,
    policy: Retry,
}

impl Transport for Retrying {
    fn send<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(async move {
            let mut attempt = 1;
            loop {
                // The span of the trace layer is the current one here.
                tracing::Span::current().record("attempts", attempt);
                let fault = match self.inner.send(call.clone()).await {
                    Ok(answer) => return Ok(answer),
                    Err(fault) => fault,
                };
                let wait = self
                    .policy
                    .judge(&call, fault, attempt)
                    .map_err(|fault| fault.with("attempts", attempt.to_string()))?;
                self.policy.sleeper.sleep(wait).await;
                attempt += 1;
            }
        })
    }
}

#[cfg(test)]
mod tests;
