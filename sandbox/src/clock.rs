//! The bank's virtual clock: the wall clock, or a chosen day, plus what the control port added.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::date::Day;

pub(crate) const SECONDS_PER_DAY: i64 = 86_400;
/// A clock that starts on a chosen day starts at nine in the morning, UTC.
const OPENING_HOUR_S: i64 = 9 * 3_600;

/// Seconds since 1970-01-01 UTC that only ever move forward.
pub(crate) struct Clock {
    base_s: i64,
    started: Instant,
    added_s: AtomicI64,
}

impl Clock {
    pub(crate) fn start(today: Option<Day>) -> Self {
        let base_s = match today {
            Some(day) => i64::from(day.0) * SECONDS_PER_DAY + OPENING_HOUR_S,
            None => wall_s(),
        };
        Self {
            base_s,
            started: Instant::now(),
            added_s: AtomicI64::new(0),
        }
    }

    pub(crate) fn now_s(&self) -> i64 {
        let elapsed = i64::try_from(self.started.elapsed().as_secs()).unwrap_or(i64::MAX / 2);
        self.base_s + elapsed + self.added_s.load(Ordering::SeqCst)
    }

    pub(crate) fn today(&self) -> Day {
        day_of(self.now_s())
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.added_s.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Back to the day on which the clock started.
    pub(crate) fn reset(&self) {
        self.added_s.store(0, Ordering::SeqCst);
    }
}

fn day_of(seconds: i64) -> Day {
    Day(i32::try_from(seconds.div_euclid(SECONDS_PER_DAY)).unwrap_or(i32::MAX / 2))
}

/// An instant as RFC 3339 text in UTC.
pub(crate) fn instant_text(seconds: i64) -> String {
    let rest = seconds.rem_euclid(SECONDS_PER_DAY);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", day_of(seconds))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the bank has a clock of its own, apart from Fondaco's"
)]
fn wall_s() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_day_is_today_until_the_clock_is_moved() {
        let clock = Clock::start(Day::parse("2025-11-20"));
        assert_eq!(clock.today().to_string(), "2025-11-20");
        clock.advance(3 * SECONDS_PER_DAY);
        assert_eq!(clock.today().to_string(), "2025-11-23");
        clock.reset();
        assert_eq!(clock.today().to_string(), "2025-11-20");
    }

    #[test]
    fn an_instant_is_written_in_utc() {
        assert_eq!(instant_text(0), "1970-01-01T00:00:00Z");
        assert_eq!(instant_text(86_399), "1970-01-01T23:59:59Z");
    }
}
