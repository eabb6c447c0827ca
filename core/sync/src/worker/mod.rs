//! The worker: claims jobs with leases, runs a few at once, and stops gracefully.
//!
//! Everything that waits is a row of the job table; nothing sleeps inside a job. A worker that
//! dies loses its leases, and another one takes its jobs over.

mod jobs;
mod settle;
mod supervise;
mod sync;
mod upload;

use std::sync::Arc;
use std::time::Duration;

use fondaco_model::Effects;
use fondaco_store::repo::job::{self, Claim, Job};
use fondaco_store::{Db, OPERATOR, StoreError, in_tx};
use fondaco_transport::Transport;
use fondaco_vault::Vault;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use upload::{UploadPayload, upload_job};

use crate::import::Importer;
use crate::pull::Puller;
use crate::schedule;

/// Most jobs that one worker runs at once.
pub const TASKS_MAX: usize = 256;

/// Longest wait of an idle worker between two looks at the table: other processes do not ring.
pub const POLL_MAX: Duration = Duration::from_mins(1);

/// How a worker works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerSettings {
    /// Jobs that run at once, 1 to [`TASKS_MAX`].
    pub tasks: usize,
    /// Seconds that a lease lasts without a heartbeat; at least 3.
    pub lease_seconds: i64,
    /// The wait between two looks while there is nothing to do, at most [`POLL_MAX`]; up to half
    /// of it is drawn on top.
    pub poll: Duration,
    /// How long running jobs may go on once the worker is told to stop.
    pub grace: Duration,
    /// Tries of a job before it is given up.
    pub attempts_max: i64,
    /// Seconds between two readings of a link that nobody asked for.
    pub sync_seconds: i64,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            tasks: 4,
            lease_seconds: 60,
            poll: Duration::from_secs(1),
            grace: Duration::from_secs(20),
            attempts_max: 8,
            sync_seconds: schedule::SYNC_SECONDS,
        }
    }
}

/// Runs jobs. Cheap to clone.
#[derive(Clone)]
pub struct Worker {
    inner: Arc<Inner>,
}

struct Inner {
    vault: Vault,
    puller: Puller,
    importer: Importer,
    settings: WorkerSettings,
    /// A name that no other worker has.
    owner: String,
}

impl Worker {
    /// A worker over a vault's store; reads of links are sent through `transport`.
    pub fn new(
        vault: Vault,
        transport: Arc<dyn Transport>,
        importer: Importer,
        settings: WorkerSettings,
    ) -> Self {
        let puller = Puller::new(vault.clone(), transport, settings.sync_seconds);
        let owner = format!("worker:{}", vault.effects().uuid());
        Self {
            inner: Arc::new(Inner {
                vault,
                puller,
                importer,
                settings,
                owner,
            }),
        }
    }

    /// Runs until it is told to stop: then no job is claimed any more, running ones have
    /// [`WorkerSettings::grace`] to end, and what still runs afterwards is given back.
    ///
    /// # Errors
    /// The store's own when the first sweep cannot be asked for; later failures are logged and
    /// tried again.
    pub async fn run(&self, shutdown: CancellationToken) -> Result<(), StoreError> {
        self.inner.begin().await?;
        tracing::info!(worker = %self.inner.owner, "The worker runs.");
        let stop = CancellationToken::new();
        let mut running = JoinSet::new();
        while !shutdown.is_cancelled() {
            if running.len() >= self.inner.settings.tasks.clamp(1, TASKS_MAX) {
                tokio::select! {
                    ended = running.join_next() => note(ended),
                    () = shutdown.cancelled() => break,
                }
                continue;
            }
            match self.inner.claim().await {
                Ok(Some(job)) => {
                    let (inner, stop) = (Arc::clone(&self.inner), stop.clone());
                    running.spawn(async move { inner.work(job, stop).await });
                }
                Ok(None) => self.inner.idle(&shutdown, &mut running).await,
                Err(error) => {
                    tracing::warn!(%error, "No job could be claimed.");
                    self.inner.idle(&shutdown, &mut running).await;
                }
            }
        }
        tracing::info!(count = running.len(), "The worker stops.");
        let drained = async { while running.join_next().await.is_some() {} };
        if tokio::time::timeout(self.inner.settings.grace, drained)
            .await
            .is_err()
        {
            stop.cancel();
            while running.join_next().await.is_some() {}
        }
        Ok(())
    }

    /// Runs jobs one after another until none is due; for tests and one-shot commands. Answers how
    /// many ran.
    ///
    /// # Errors
    /// The store's own.
    pub async fn run_due(&self, limit: usize) -> Result<usize, StoreError> {
        for count in 0..limit {
            let Some(job) = self.inner.claim().await? else {
                return Ok(count);
            };
            self.inner.work(job, CancellationToken::new()).await;
        }
        Ok(limit)
    }
}

impl Inner {
    fn db(&self) -> &Db {
        self.vault.db()
    }

    fn effects(&self) -> &Effects {
        self.vault.effects()
    }

    async fn begin(&self) -> Result<(), StoreError> {
        let now = self.effects().now();
        in_tx!(self.db(), OPERATOR, |tx| {
            schedule::sweep_at(tx, self.effects(), 0, now).await
        })
    }

    async fn claim(&self) -> Result<Option<Job>, StoreError> {
        let now = self.effects().now();
        let claim = Claim {
            owner: &self.owner,
            now,
            until: now.plus_seconds(self.settings.lease_seconds),
        };
        job::claim(self.db(), claim).await
    }

    /// Waits for work, for a job that ends (its key may be free now), or for the next look.
    async fn idle(&self, shutdown: &CancellationToken, running: &mut JoinSet<()>) {
        let poll = self.settings.poll.min(POLL_MAX);
        let half = u64::try_from(poll.as_millis() / 2).unwrap_or(0);
        let wait = poll + Duration::from_millis(self.effects().below(half + 1));
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.db().work_arrived() => {}
            ended = running.join_next(), if !running.is_empty() => note(ended),
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// A job that panicked keeps its lease until it runs out, and is tried again then.
fn note(ended: Option<Result<(), tokio::task::JoinError>>) {
    if let Some(Err(error)) = ended {
        tracing::error!(%error, "A job ended by a defect.");
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Worker({})", self.inner.owner)
    }
}
