//! Reading of links: accounts, balances and transactions from the institution into the store.
//!
//! A page goes one way: asked for, sealed as raw, split and mapped, then written in batches of at
//! most 1,000 records, each one transaction. The stream's durable position moves with the last
//! page only, so that a reading that is killed is read again from its first page; identity makes
//! that harmless. A fault midway leaves what was read and says PARTIAL.

mod accounts;
mod balances;
mod close;
mod open;
mod page;
mod run;
mod transactions;
mod verdict;
mod windows;

use std::sync::Arc;

use fondaco_model::ids::{LinkId, TenantId};
use fondaco_model::provider::Resource;
use fondaco_model::scope::ConsentScope;
use fondaco_model::v1::LinkProgress;
use fondaco_model::{Fault, Instant};
use fondaco_store::repo::job::Presence;
use fondaco_store::repo::run::RunCause;
use fondaco_store::{Retryable, StoreError, Tx};
use fondaco_transport::{Target, Transport};
use fondaco_vault::{ReadAccess, Vault, VaultError};

pub use windows::{HISTORY_DAYS, OVERLAP_DAYS, RECENT_DAYS};

use crate::ingest::{AccountError, Counts, IngestError, Sealer};
use crate::lease::Lease;
use accounts::Account;

/// Largest answer in bytes whose records are held in memory at once; a larger one is first
/// checked as a whole and then read a second time, batch after batch.
pub const HELD_BYTES: u64 = 1 << 20;

/// What is to be read, why, and for whom.
#[derive(Debug, Clone)]
pub struct ReadRequest {
    /// The tenant.
    pub tenant: TenantId,
    /// The link.
    pub link: LinkId,
    /// Why.
    pub cause: RunCause,
    /// Whether the person waits for it; unattended reads draw on a day's allowance.
    pub presence: Presence,
    /// The request that asked, for logs.
    pub request_id: Option<String>,
    /// The lease that every write has to hold; none outside of jobs.
    pub lease: Option<Lease>,
}

/// How a reading went.
#[derive(Debug, Clone)]
pub struct ReadOutcome {
    /// Accounts that the institution stated.
    pub accounts: usize,
    /// What became of the transactions.
    pub counts: Counts,
    /// The fault that says most about the link, when there was one.
    pub fault: Option<Fault>,
    /// When to read again.
    pub next: NextRead,
}

impl ReadOutcome {
    /// True when everything was read.
    pub fn is_complete(&self) -> bool {
        self.fault.is_none() && self.next != NextRead::None
    }
}

/// When a link is to be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextRead {
    /// At the regular time, which stands on the link.
    Regular(Instant),
    /// The institution asked us to wait until then.
    NotBefore(Instant),
    /// Soon: the caller backs off with each failure.
    BackOff,
    /// Not before the consent changes, or at the time that its own rules set.
    None,
}

/// Why a reading could not be recorded. What was recorded before stays, and is read again.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record could not be written.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Another worker has the job by now.
    #[error("the job belongs to another worker by now")]
    LeaseLost,
    /// A helper thread ended without a result.
    #[error("reading stopped unexpectedly")]
    Stopped,
}

impl Retryable for PullError {
    fn is_busy(&self) -> bool {
        match self {
            Self::Store(error) => error.is_busy(),
            Self::Ingest(error) => error.is_busy(),
            Self::Vault(error) => error.is_busy(),
            Self::LeaseLost | Self::Stopped => false,
        }
    }
}

/// What ends a part of a reading early.
#[derive(Debug)]
enum Halt {
    /// The institution's fault, or ours in speaking to it.
    Fault(Fault),
    /// What was read cannot be recorded.
    Broken(PullError),
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<PullError> for Halt {
    fn from(error: PullError) -> Self {
        Self::Broken(error)
    }
}

impl From<IngestError> for Halt {
    fn from(error: IngestError) -> Self {
        Self::Broken(error.into())
    }
}

impl From<VaultError> for Halt {
    fn from(error: VaultError) -> Self {
        Self::Broken(error.into())
    }
}

/// Reads links for an installation.
#[derive(Clone)]
pub struct Puller {
    vault: Vault,
    transport: Arc<dyn Transport>,
    sync_seconds: i64,
    held_bytes: u64,
}

/// One reading under way.
struct Pull<'a> {
    vault: &'a Vault,
    transport: &'a dyn Transport,
    request: &'a ReadRequest,
    sync_seconds: i64,
    held_bytes: u64,
    access: ReadAccess,
    target: Target,
    sealer: Sealer,
}

/// Runs a body in a transaction of the reading's tenant, under its lease.
macro_rules! fenced {
    ($pull:expr, |$tx:ident| $body:expr) => {{
        let pull = $pull;
        fondaco_store::in_tx!(pull.vault.db(), pull.request.tenant, |$tx| {
            pull.hold($tx).await?;
            $body
        })
    }};
}
use fenced;

impl Puller {
    /// A reader that sends its calls through `transport` and plans the next reading of a link
    /// after `sync_seconds`.
    pub fn new(vault: Vault, transport: Arc<dyn Transport>, sync_seconds: i64) -> Self {
        Self {
            vault,
            transport,
            sync_seconds,
            held_bytes: HELD_BYTES,
        }
    }

    /// The same reader, which holds the records of an answer in memory up to another size than
    /// [`HELD_BYTES`].
    #[must_use]
    pub fn holding(mut self, bytes: u64) -> Self {
        self.held_bytes = bytes;
        self
    }

    /// Reads a link: its accounts, each account's balances, the recent days of each account, then
    /// the history that is missing. Runs that a dead worker left are ended first.
    ///
    /// # Errors
    /// [`PullError`]; a fault of the institution is no error but part of the outcome.
    pub async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome, PullError> {
        let Some(pull) = Pull::open(self, request).await? else {
            return Ok(ReadOutcome {
                accounts: 0,
                counts: Counts::default(),
                fault: None,
                next: NextRead::None,
            });
        };
        pull.begin().await?;
        let mut reading = Reading::default();
        match pull.everything(&mut reading).await {
            Ok(()) => {}
            Err(Halt::Fault(fault)) => reading.stop = Some(fault),
            Err(Halt::Broken(error)) => return Err(error),
        }
        pull.close(&reading).await
    }
}

/// What a reading has found so far.
#[derive(Default)]
struct Reading {
    accounts: Vec<Account>,
    /// True when the list of accounts was read.
    listed: bool,
    counts: Counts,
    /// The fault that ended the whole reading.
    stop: Option<Fault>,
}

impl Pull<'_> {
    fn now(&self) -> Instant {
        self.vault.effects().now()
    }

    /// # Errors
    /// [`PullError::LeaseLost`] when another worker has the job by now.
    async fn hold(&self, tx: &mut Tx) -> Result<(), PullError> {
        match &self.request.lease {
            Some(lease) if !lease.hold(tx, self.now()).await? => Err(PullError::LeaseLost),
            _ => Ok(()),
        }
    }

    fn may(&self, scope: ConsentScope) -> bool {
        let scopes = &self.access.consent.consent.scopes;
        scopes.is_empty() || scopes.contains(&scope)
    }

    async fn everything(&self, reading: &mut Reading) -> Result<(), Halt> {
        reading.accounts = self.read_accounts().await?;
        reading.listed = true;
        self.progress(reading, LinkProgress::Accounts).await?;
        if self.access.manifest.resources.balances.is_some() && self.may(ConsentScope::Balances) {
            for account in &mut reading.accounts {
                let read = self.read_balances(account).await;
                settle(account, read, Resource::Balances)?;
            }
        }
        self.progress(reading, LinkProgress::Balances).await?;
        if self.access.manifest.resources.transactions.is_none()
            || !self.may(ConsentScope::Transactions)
        {
            return Ok(());
        }
        let mut planned = Vec::new();
        for at in 0..reading.accounts.len() {
            let windows = self.windows(&reading.accounts[at]).await?;
            self.window(reading, at, windows.recent, true).await?;
            planned.push(windows.history);
        }
        self.progress(reading, LinkProgress::Recent).await?;
        for (at, windows) in planned.into_iter().enumerate() {
            for window in windows {
                // A piece of history is good only behind the days after it.
                if reading.accounts[at].fault.is_none() {
                    self.window(reading, at, window, false).await?;
                }
            }
        }
        self.progress(reading, LinkProgress::History).await?;
        Ok(())
    }
}

/// Keeps an account's own fault with the account and hands on what ends the whole reading.
fn settle<T: Default>(
    account: &mut Account,
    read: Result<T, Halt>,
    resource: Resource,
) -> Result<T, Halt> {
    match read {
        Ok(read) => Ok(read),
        Err(Halt::Fault(fault)) if verdict::reach(&fault, resource) == verdict::Reach::Account => {
            tracing::warn!(
                resource = resource.as_str(),
                account = %account.found.account_id,
                %fault,
                "An account could not be read to its end."
            );
            account.note(fault);
            Ok(T::default())
        }
        Err(halt) => Err(halt),
    }
}

/// The word of a failure for the job's row.
pub(crate) fn fault_of(error: PullError) -> Fault {
    match error {
        PullError::Store(error) => error.into(),
        PullError::Vault(error) => error.into(),
        PullError::Ingest(error) => internal(&error),
        PullError::LeaseLost | PullError::Stopped => internal(&error),
    }
}

fn internal(error: &dyn std::error::Error) -> Fault {
    Fault::new(fondaco_model::FaultKind::Internal, "sync.pull").with("cause", error.to_string())
}

impl From<AccountError> for PullError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Ingest(error) => Self::Ingest(error),
            // These name what a caller chose for a file; a link chooses nothing.
            AccountError::Unknown | AccountError::Other | AccountError::Ambiguous => Self::Stopped,
        }
    }
}
