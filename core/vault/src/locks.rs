//! Locks by id within one process, so that one of many tasks acts and the others see its result.
//!
//! They only spare work: what is right across processes is decided in the store.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::{Mutex, OwnedMutexGuard};
use uuid::Uuid;

/// Locks that are kept at most.
const LOCKS_MAX: u64 = 100_000;

/// How long an unused lock is kept.
const IDLE: Duration = Duration::from_mins(10);

pub(crate) struct Locks(Cache<Uuid, Arc<Mutex<()>>>);

impl Locks {
    pub(crate) fn new() -> Self {
        Self(
            Cache::builder()
                .max_capacity(LOCKS_MAX)
                .time_to_idle(IDLE)
                .build(),
        )
    }

    /// Waits for the id's lock and holds it until the guard is dropped.
    pub(crate) async fn hold(&self, id: Uuid) -> OwnedMutexGuard<()> {
        let lock = self.0.get_with(id, Arc::default);
        lock.lock_owned().await
    }
}
