//! Layer 4: stops calling an institution that keeps failing, and finds out when it is back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fondaco_model::{Effects, Fault, FaultKind, Instant};
use futures_util::future::BoxFuture;

use crate::steady::Steady;
use crate::{Answer, Call, Layer, Transport};

/// Outcomes of an institution that are looked back on.
pub const WINDOW: u32 = 10;

/// Failures among them that open the circuit.
pub const FAILURES_MAX: u32 = 5;

/// How long the circuit stays open at first; it doubles with each failed probe.
pub const OPEN_FOR: Duration = Duration::from_secs(30);

/// Longest time that it stays open between two probes.
pub const OPEN_FOR_MAX: Duration = Duration::from_mins(10);

/// Institutions that are watched at once; further ones are called unwatched.
const INSTITUTIONS_MAX: usize = 10_000;

/// A circuit per institution: closed, open, half-open.
///
/// [`FaultKind::ProviderDown`] is a failure. Everything that is an answer, also a refusal, is not.
/// [`FaultKind::RateLimited`] says neither. After the open time one call goes through as a probe;
/// the others are turned away until it is back.
#[derive(Clone)]
pub struct Breaker {
    clock: Steady,
    effects: Effects,
    circuits: Arc<Mutex<HashMap<String, Circuit>>>,
}

enum Circuit {
    /// The last outcomes, newest in the lowest bit, 1 for a failure.
    Closed {
        outcomes: u32,
    },
    Open {
        until: Duration,
        wait: Duration,
    },
    HalfOpen {
        wait: Duration,
        probing: bool,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Good,
    Bad,
    Neither,
}

impl Breaker {
    /// A breaker with all circuits closed.
    pub fn new(effects: Effects) -> Self {
        Self {
            clock: Steady::new(effects.clone()),
            effects,
            circuits: Arc::default(),
        }
    }

    fn circuits(&self) -> MutexGuard<'_, HashMap<String, Circuit>> {
        self.circuits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self, call: &Call<'_>) -> Result<Pass<'_>, Fault> {
        let institution = call.target.institution.clone();
        let now = self.clock.now();
        let mut circuits = self.circuits();
        let probe = match circuits.get_mut(&institution) {
            None => false,
            Some(circuit) => match *circuit {
                Circuit::Closed { .. } => false,
                Circuit::Open { until, .. } if now < until => {
                    return Err(self.turned_away(call, until.saturating_sub(now)));
                }
                Circuit::HalfOpen {
                    wait,
                    probing: true,
                } => {
                    return Err(self.turned_away(call, wait));
                }
                Circuit::Open { wait, .. } | Circuit::HalfOpen { wait, .. } => {
                    *circuit = Circuit::HalfOpen {
                        wait,
                        probing: true,
                    };
                    true
                }
            },
        };
        Ok(Pass {
            breaker: self,
            institution,
            probe,
            outcome: Outcome::Neither,
        })
    }

    fn turned_away(&self, call: &Call<'_>, wait: Duration) -> Fault {
        let millis = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        let reopens: Instant = self.effects.now().plus_millis(millis);
        call.unsent(FaultKind::ProviderDown, "circuit_open")
            .with("reopens_at", reopens.to_string())
            .after(wait)
    }

    fn settle(&self, pass: &Pass<'_>) {
        let now = self.clock.now();
        let mut circuits = self.circuits();
        let before = circuits.remove(&pass.institution);
        let after = match (before, pass.outcome) {
            // Only the probe decides a circuit that is not closed; others come back late.
            (Some(Circuit::HalfOpen { wait, .. }), outcome) if pass.probe => match outcome {
                Outcome::Good => None,
                Outcome::Bad => {
                    let wait = wait.saturating_mul(2).min(OPEN_FOR_MAX);
                    Some(Circuit::Open {
                        until: now + wait,
                        wait,
                    })
                }
                Outcome::Neither => Some(Circuit::HalfOpen {
                    wait,
                    probing: false,
                }),
            },
            (None, Outcome::Bad) => counted(0, 1, now),
            (Some(Circuit::Closed { outcomes }), Outcome::Bad) => counted(outcomes, 1, now),
            (Some(Circuit::Closed { outcomes }), Outcome::Good) => counted(outcomes, 0, now),
            (unchanged, _) => unchanged,
        };
        if let Some(circuit) = after.filter(|_| circuits.len() < INSTITUTIONS_MAX) {
            circuits.insert(pass.institution.clone(), circuit);
        }
    }
}

/// The circuit after one more outcome; none when nothing bad is left to remember.
fn counted(outcomes: u32, failure: u32, now: Duration) -> Option<Circuit> {
    let outcomes = (outcomes << 1 | failure) & ((1 << WINDOW) - 1);
    match outcomes.count_ones() {
        0 => None,
        FAILURES_MAX.. => Some(Circuit::Open {
            until: now + OPEN_FOR,
            wait: OPEN_FOR,
        }),
        _ => Some(Circuit::Closed { outcomes }),
    }
}

/// Leave to make one attempt; dropped without an outcome, as by a cancelled call, it says nothing.
struct Pass<'a> {
    breaker: &'a Breaker,
    institution: String,
    probe: bool,
    outcome: Outcome,
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.breaker.settle(self);
    }
}

impl Layer for Breaker {
    fn name(&self) -> &'static str {
        "breaker"
    }

    fn wrap(&self, inner: Arc<dyn Transport>) -> Arc<dyn Transport> {
        Arc::new(Breaking {
            inner,
            breaker: self.clone(),
        })
    }
}

struct Breaking {
    inner: Arc<dyn Transport>,
    breaker: Breaker,
}

impl Transport for Breaking {
    fn send<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(async move {
            let mut pass = self.breaker.admit(&call)?;
            let result = self.inner.send(call).await;
            pass.outcome = match &result {
                Err(fault) if fault.kind == FaultKind::ProviderDown => Outcome::Bad,
                Err(fault) if fault.kind == FaultKind::RateLimited => Outcome::Neither,
                // Without anything sent the institution has shown nothing.
                Err(fault) if fault.get("sent") == Some("no") => Outcome::Neither,
                Ok(_) | Err(_) => Outcome::Good,
            };
            result
        })
    }
}

#[cfg(test)]
mod tests;
