//! What the owner of a refresh lease says, and how long one waits after lost answers.

use std::time::Duration;

use fondaco_model::Instant;
use fondaco_store::repo::grant as rows;

use crate::Inner;

/// Seconds before another try after a lost answer; doubled with each further one.
pub const LOST_SECONDS: i64 = 30;

/// Longest wait after lost answers, in seconds: one hour.
pub const LOST_SECONDS_MAX: i64 = 3_600;

/// What a lease's owner says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LeaseWord {
    pub(super) lost: bool,
    pub(super) answers_lost: u32,
}

impl LeaseWord {
    pub(super) fn read(owner: &str) -> Self {
        let mut parts = owner.split(':');
        let lost = parts.next() == Some("lost");
        let answers_lost = parts
            .next()
            .and_then(|count| count.parse().ok())
            .unwrap_or(0);
        Self { lost, answers_lost }
    }

    pub(super) fn owner(self, inner: &Inner) -> String {
        let word = if self.lost { "lost" } else { "run" };
        format!("{word}:{}:{}", self.answers_lost, inner.effects.uuid())
    }
}

/// How many answers were lost for the stored generation, as a lease that ran out tells.
pub(super) fn answers_lost(row: &rows::Grant) -> u32 {
    match row.lease_owner.as_deref().map(LeaseWord::read) {
        None => 0,
        Some(word) if word.lost => word.answers_lost,
        // Its process died, or stalled for so long that its answer no longer counts.
        Some(word) => word.answers_lost.saturating_add(1),
    }
}

pub(super) fn lost_seconds(answers_lost: u32) -> i64 {
    let doublings = answers_lost.saturating_sub(1).min(16);
    (LOST_SECONDS << doublings).min(LOST_SECONDS_MAX)
}

pub(super) fn wait_until(now: Instant, until: Instant) -> Duration {
    let micros = until.micros().saturating_sub(now.micros());
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}
