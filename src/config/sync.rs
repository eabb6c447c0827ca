//! `[sync]`: how much background work runs at once, and when.

use std::time::Duration;

use fondaco_sync::worker::WorkerSettings;
use serde::{Deserialize, Serialize};

use super::{Problem, within};

/// Settings of background work.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sync {
    tasks: u16,
    lease_seconds: u32,
    poll_ms: u64,
    attempts_max: u32,
    interval_seconds: u32,
}

impl Sync {
    pub(super) fn check(&self) -> Result<(), Problem> {
        within("sync.tasks", self.tasks.into(), 1, 256)?;
        within("sync.lease_seconds", self.lease_seconds.into(), 3, 3_600)?;
        within("sync.poll_ms", self.poll_ms, 50, 60_000)?;
        within("sync.attempts_max", self.attempts_max.into(), 1, 100)?;
        within(
            "sync.interval_seconds",
            self.interval_seconds.into(),
            60,
            30 * 86_400,
        )
    }

    /// Settings of one worker, whose running jobs get `grace` when it is told to stop.
    pub(crate) fn worker(&self, grace: Duration) -> WorkerSettings {
        WorkerSettings {
            tasks: self.tasks.into(),
            lease_seconds: self.lease_seconds.into(),
            poll: Duration::from_millis(self.poll_ms),
            grace,
            attempts_max: self.attempts_max.into(),
            sync_seconds: self.interval_seconds.into(),
        }
    }
}
