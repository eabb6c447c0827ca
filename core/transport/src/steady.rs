//! The clock of limits and breakers: goes on evenly when the wall clock is set back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fondaco_model::Effects;

/// Time since the epoch that never runs backwards: a step back is taken out, not waited out.
#[derive(Clone)]
pub(crate) struct Steady {
    effects: Effects,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    last: i64,
    offset: i64,
}

impl Steady {
    pub(crate) fn new(effects: Effects) -> Self {
        Self {
            effects,
            state: Arc::default(),
        }
    }

    pub(crate) fn now(&self) -> Duration {
        let real = self.effects.now().micros();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let even = real.saturating_add(state.offset);
        if even < state.last {
            state.offset = state.offset.saturating_add(state.last - even);
        } else {
            state.last = even;
        }
        Duration::from_micros(u64::try_from(state.last).unwrap_or(0))
    }
}

impl governor::clock::Clock for Steady {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Steady::now(self)
    }
}

#[cfg(test)]
mod tests {
    use fondaco_model::effects::SystemEntropy;
    use fondaco_model::time::ManualClock;

    use super::*;

    #[test]
    fn a_clock_that_is_set_back_stands_once_and_goes_on() {
        let clock = Arc::new(ManualClock::at(fondaco_model::Instant::from_micros(
            1_000_000_000,
        )));
        let steady = Steady::new(Effects::new(clock.clone(), Arc::new(SystemEntropy)));
        let before = steady.now();
        clock.advance_seconds(-3600);
        assert_eq!(steady.now(), before);
        clock.advance_seconds(5);
        assert_eq!(steady.now(), before + Duration::from_secs(5));
    }
}
