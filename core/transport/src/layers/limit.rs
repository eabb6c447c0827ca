//! Layer 5: keeps each credential within what its institution allows.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fondaco_model::{Effects, Fault, FaultKind, Retry};
use futures_util::future::BoxFuture;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::steady::Steady;
use crate::{Answer, Call, DayBudget, Layer, Sleeper, Transport};

/// Credentials that are remembered before those at rest are forgotten.
const KEYS_MAX: usize = 10_000;

/// Different rates that are remembered before those at rest are forgotten.
const RATES_MAX: usize = 1_000;

/// Times that one attempt waits for its turn before it gives up. Others may be quicker each time;
/// the deadline ends the wait sooner in practice.
const WAITS_MAX: u32 = 1_000;

const MINUTE: Duration = Duration::from_mins(1);

/// A day's allowances, kept where all processes see them.
pub trait Budget: Send + Sync {
    /// Takes one attempt from an allowance.
    ///
    /// # Errors
    /// [`FaultKind::RateLimited`] after the time until the allowance is renewed, when it is used
    /// up; any fault of the place that keeps it.
    fn spend<'a>(
        &'a self,
        call: &'a Call<'_>,
        budget: DayBudget,
    ) -> BoxFuture<'a, Result<(), Fault>>;

    /// Gives an attempt back that gave no access: the institution was down. One that counts it all
    /// the same says so with its own limit.
    fn give_back<'a>(&'a self, call: &'a Call<'_>, budget: DayBudget) -> BoxFuture<'a, ()>;
}

type Key = (String, String);
type Bucket = RateLimiter<Key, DashMapStateStore<Key>, Steady, NoOpMiddleware<Duration>>;

/// A token bucket per institution and credential, and the day's allowance of the call.
///
/// No more than `requests_per_minute` attempts are sent in any minute: a tenth of them may come at
/// once, the others come back over the minute. An attempt waits for its turn up to the call's
/// deadline. After a provider's own `Retry-After` nothing is sent for that credential until then.
#[derive(Clone)]
pub struct Limit {
    clock: Steady,
    effects: Effects,
    sleeper: Arc<dyn Sleeper>,
    budget: Arc<dyn Budget>,
    buckets: Arc<Mutex<HashMap<u32, Arc<Bucket>>>>,
    held: Arc<Mutex<HashMap<Key, Duration>>>,
}

impl Limit {
    /// A layer with full buckets.
    pub fn new(effects: Effects, sleeper: Arc<dyn Sleeper>, budget: Arc<dyn Budget>) -> Self {
        Self {
            clock: Steady::new(effects.clone()),
            effects,
            sleeper,
            budget,
            buckets: Arc::default(),
            held: Arc::default(),
        }
    }

    /// The buckets of one rate; there are as many as manifests state different rates.
    fn bucket(&self, per_minute: u32) -> Arc<Bucket> {
        let mut buckets = lock(&self.buckets);
        if buckets.len() >= RATES_MAX {
            buckets.retain(|_, bucket| {
                bucket.retain_recent();
                !bucket.is_empty()
            });
        }
        let fresh = || {
            Arc::new(Bucket::dashmap_with_clock(
                quota(per_minute),
                self.clock.clone(),
            ))
        };
        buckets.entry(per_minute).or_insert_with(fresh).clone()
    }

    /// How long a key has to wait; none when its turn has come and was taken.
    fn turn(&self, key: &Key, per_minute: u32) -> Option<(Duration, &'static str)> {
        let now = self.clock.now();
        let until = lock(&self.held).get(key).copied().unwrap_or_default();
        if until > now {
            return Some((until.saturating_sub(now), "held_by_provider"));
        }
        let bucket = self.bucket(per_minute);
        if bucket.len() > KEYS_MAX {
            bucket.retain_recent();
        }
        let refused = bucket.check_key(key).err()?;
        // Up to the clock's own precision, or the turn would be missed by a fraction of it.
        let nanos = refused.wait_time_from(now).as_nanos();
        let micros = u64::try_from(nanos.div_ceil(1_000)).unwrap_or(u64::MAX);
        Some((Duration::from_micros(micros), "own_limit"))
    }

    async fn wait(&self, call: &Call<'_>, key: &Key) -> Result<(), Fault> {
        let per_minute = call.target.requests_per_minute;
        for _ in 0..WAITS_MAX {
            let Some((wait, reason)) = self.turn(key, per_minute) else {
                return Ok(());
            };
            if wait >= call.remaining(self.effects.now()) {
                return Err(call.unsent(FaultKind::RateLimited, reason).after(wait));
            }
            self.sleeper.sleep(wait).await;
        }
        Err(call
            .unsent(FaultKind::RateLimited, "own_limit")
            .after(MINUTE))
    }

    fn hold(&self, key: Key, wait: Duration) {
        let now = self.clock.now();
        let mut held = lock(&self.held);
        if held.len() >= KEYS_MAX {
            held.retain(|_, until| *until > now);
        }
        if held.len() < KEYS_MAX {
            held.insert(key, now + wait);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Burst and refill that add up to the rate, so that no minute sees more.
fn quota(per_minute: u32) -> Quota {
    let per_minute = per_minute.max(1);
    let burst = NonZeroU32::new(per_minute / 10).unwrap_or(NonZeroU32::MIN);
    let refills = (per_minute - burst.get()).max(1);
    Quota::with_period((MINUTE / refills).max(Duration::from_nanos(1)))
        .expect("the period is not zero")
        .allow_burst(burst)
}

impl Layer for Limit {
    fn name(&self) -> &'static str {
        "limit"
    }

    fn wrap(&self, inner: Arc<dyn Transport>) -> Arc<dyn Transport> {
        Arc::new(Limited {
            inner,
            limit: self.clone(),
        })
    }
}

struct Limited {
    inner: Arc<dyn Transport>,
    limit: Limit,
}

impl Transport for Limited {
    fn send<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(async move {
            let key = (
                call.target.institution.clone(),
                call.caller.credential.to_owned(),
            );
            self.limit.wait(&call, &key).await?;
            if let Some(budget) = call.budget {
                self.limit.budget.spend(&call, budget).await?;
            }
            let result = self.inner.send(call.clone()).await;
            if let (Some(budget), Err(fault)) = (call.budget, &result)
                && fault.kind == FaultKind::ProviderDown
            {
                self.limit.budget.give_back(&call, budget).await;
            }
            if let Err(Fault {
                kind: FaultKind::RateLimited,
                retry: Retry::After(wait),
                ..
            }) = &result
                && !wait.is_zero()
            {
                self.limit.hold(key, *wait);
            }
            result
        })
    }
}

#[cfg(test)]
mod tests;
