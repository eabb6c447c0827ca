//! Import of statement files: received as raw, staged in order, resolved in batches.
//!
//! The file's drafts wait in a table, ordered by statement, day, currency and amount, and are
//! resolved in batches of at most 1,000, so that a file of any size costs constant memory and
//! equal rows that cross a batch's border are matched by count. A kill at any point loses nothing:
//! what was resolved is stored, and the same file again finds it.

mod abandoned;
mod problems;
mod report;
mod resolve;
mod snapshots;
mod stage;

use std::path::PathBuf;
use std::sync::Arc;

use fondaco_connectors::core::{Connector, Cx};
use fondaco_model::Fault;
use fondaco_model::ids::{AccountId, DataKeyId, EndUserId, RawAnswerId, SyncRunId, TenantId};
use fondaco_model::provider::{Manifest, Resource};
use fondaco_store::repo::raw::NewRawAnswer;
use fondaco_store::repo::run::{self, NewRun, RunCause, RunOutcome};
use fondaco_store::repo::staged;
use fondaco_store::{StoreError, in_tx};
use fondaco_vault::keys::KeyError;
use fondaco_vault::seal::SealError;
use fondaco_vault::{Vault, VaultError};

pub use abandoned::ABANDONED_SECONDS;
pub(crate) use abandoned::end_abandoned;
pub use problems::{PROBLEMS_MAX, Problem, Problems, problems};
pub use report::{ImportReport, StatementReport};

use crate::ingest::{AccountError, IngestError, Reading, Sealer};

/// The family that reads statement files.
pub const FAMILY: &str = fondaco_connectors::registry::STATEMENT_FILES;

/// Who imports what into which account.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    /// The tenant.
    pub tenant: TenantId,
    /// Whose statements they are.
    pub end_user: EndUserId,
    /// The account, when the caller chose one.
    pub account: Option<AccountId>,
    /// True when an unknown account may be made.
    pub create: bool,
    /// The file's name, for the report; personal, not stored in clear.
    pub file: String,
    /// The request that asked, for logs; of one person and request one import runs at a time, and a
    /// further one ends the run of the earlier. None for a command.
    pub request_id: Option<String>,
}

/// How far an import has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Bytes of the file that were received.
    Received(u64),
    /// Records that were read and staged.
    Staged(u64),
    /// Records that were resolved, of all that were staged.
    Resolved(u64, u64),
}

/// Hears of an import's progress; called often, so it must be quick.
pub type Listener = Arc<dyn Fn(Progress) + Send + Sync>;

/// Why an import stopped.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read from the disk.
    #[error("{path}: {kind}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        kind: std::io::ErrorKind,
    },
    /// The file is larger than `import.max_bytes`.
    #[error("file is larger than {max} bytes; raise import.max_bytes to import it")]
    TooLarge {
        /// The limit in bytes.
        max: u64,
    },
    /// The file is not a statement, or breaks off; what came before stays.
    #[error("{0}")]
    Malformed(Fault),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record could not be written.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A statement's account cannot be found or made.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// A record could not be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A helper thread ended without a result.
    #[error("reading stopped unexpectedly")]
    Stopped,
}

/// Imports files for a vault's installation.
#[derive(Clone)]
pub struct Importer {
    vault: Vault,
    max_bytes: u64,
}

/// What one import works with.
struct Job<'a> {
    vault: &'a Vault,
    request: &'a ImportRequest,
    sealer: Sealer,
    connector: &'static dyn Connector,
    manifest: Arc<Manifest>,
    run: SyncRunId,
    raw: RawAnswerId,
    listener: Listener,
}

impl Importer {
    /// An importer that refuses files above a size in bytes.
    pub fn new(vault: Vault, max_bytes: u64) -> Self {
        Self { vault, max_bytes }
    }

    /// Receives a file from the disk as raw and imports it.
    ///
    /// # Errors
    /// [`ImportError`] when nothing of the file could be imported, or the installation failed. A
    /// file that breaks off is a report with a problem, and what came before is imported.
    pub async fn file(
        &self,
        request: &ImportRequest,
        path: PathBuf,
        listener: Listener,
    ) -> Result<ImportReport, ImportError> {
        let raw = self.receive(request, path, &listener).await?;
        self.raw(request, raw, listener).await
    }

    async fn receive(
        &self,
        request: &ImportRequest,
        path: PathBuf,
        listener: &Listener,
    ) -> Result<RawAnswerId, ImportError> {
        use tokio::io::AsyncReadExt as _;
        let shown = path.display().to_string();
        let unreadable = |error: std::io::Error| ImportError::Unreadable {
            path: shown.clone(),
            kind: error.kind(),
        };
        let mut file = tokio::fs::File::open(&path).await.map_err(unreadable)?;
        let writer = self
            .vault
            .raw_writer(request.tenant, self.new_answer(request))
            .await?;
        let mut buffer = vec![0; 256 << 10];
        let mut received: u64 = 0;
        loop {
            let count = file.read(&mut buffer).await.map_err(unreadable)?;
            if count == 0 {
                break;
            }
            received += u64::try_from(count).unwrap_or(u64::MAX);
            if received > self.max_bytes {
                return Err(ImportError::TooLarge {
                    max: self.max_bytes,
                });
            }
            writer.write(&buffer[..count]).await?;
            listener(Progress::Received(received));
        }
        Ok(writer.finish().await?.id)
    }

    fn new_answer(&self, request: &ImportRequest) -> NewRawAnswer {
        let effects = self.vault.effects();
        NewRawAnswer {
            id: RawAnswerId::new(effects),
            end_user_id: request.end_user,
            link_id: None,
            family: FAMILY.to_owned(),
            resource: Resource::Statement.as_str().to_owned(),
            request_fingerprint: None,
            // The writer sets the key that it seals with.
            data_key_id: DataKeyId(uuid::Uuid::nil()),
            http_status: None,
            file_name_sealed: None,
            fetched_at: effects.now(),
            retention_until: None,
        }
    }

    /// Imports a file that was received as raw before.
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub async fn raw(
        &self,
        request: &ImportRequest,
        raw: RawAnswerId,
        listener: Listener,
    ) -> Result<ImportReport, ImportError> {
        let vault = &self.vault;
        let connector = vault
            .catalogue()
            .connector(FAMILY)
            .ok_or(ImportError::Stopped)?;
        let manifest = vault
            .catalogue()
            .manifest(FAMILY)
            .ok_or(ImportError::Stopped)?;
        let sealer = Sealer::new(vault, request.tenant, request.end_user).await?;
        let run = SyncRunId::new(vault.effects());
        let job = Job {
            vault,
            request,
            sealer,
            connector,
            manifest,
            run,
            raw,
            listener,
        };
        job.clear().await?;
        job.begin().await?;
        match job.import().await {
            Ok(report) => {
                let whole = report.is_complete();
                job.finish(if whole {
                    RunOutcome::Ok
                } else {
                    RunOutcome::Partial
                })
                .await?;
                Ok(report)
            }
            Err(error) => {
                // What stopped the import is what the caller has to know.
                if let Err(error) = job.finish(RunOutcome::Internal).await {
                    tracing::warn!(%error, "The end of an import could not be recorded.");
                }
                Err(error)
            }
        }
    }
}

impl Job<'_> {
    fn reading(&self) -> Reading<'_> {
        Reading {
            effects: self.vault.effects(),
            now: self.vault.effects().now(),
            sealer: &self.sealer,
            end_user_id: self.request.end_user,
            run_id: self.run,
            raw_answer_id: self.raw,
            mapping_version: i32::try_from(self.connector.mapping_version()).unwrap_or(i32::MAX),
        }
    }

    fn cx(&self) -> Cx<'_> {
        Cx::new(&self.manifest, self.vault.effects().now())
    }

    async fn import(&self) -> Result<ImportReport, ImportError> {
        let mut staged = stage::stage(self).await?;
        resolve::resolve(self, &mut staged).await?;
        Ok(report::report(self, &staged))
    }

    /// Ends what imports before this one left, as far as it is known that nobody goes on with it.
    async fn clear(&self) -> Result<(), ImportError> {
        let (db, now) = (self.vault.db(), self.vault.effects().now());
        let tenant = self.request.tenant;
        if let Some(id) = &self.request.request_id {
            abandoned::end_earlier_tries(db, now, tenant, (self.request.end_user, id)).await?;
        }
        Ok(end_abandoned(db, now, tenant).await?)
    }

    async fn begin(&self) -> Result<(), ImportError> {
        let new = NewRun {
            id: self.run,
            end_user_id: self.request.end_user,
            link_id: None,
            account_source_id: None,
            resource: Resource::Statement.as_str().to_owned(),
            cause: RunCause::Import,
            window_from: None,
            window_to: None,
            request_id: self.request.request_id.clone(),
            started_at: self.vault.effects().now(),
        };
        let tenant = self.request.tenant;
        in_tx!(self.vault.db(), tenant, |tx| run::insert(tx, &new).await)?;
        Ok(())
    }

    async fn finish(&self, outcome: RunOutcome) -> Result<(), ImportError> {
        let at = self.vault.effects().now();
        let tenant = self.request.tenant;
        in_tx!(self.vault.db(), tenant, |tx| {
            // In this order: nobody stages for a run that has ended.
            run::finish(tx, self.run, outcome, None, at).await?;
            staged::delete_run(tx, self.run).await
        })?;
        Ok(())
    }
}
