//! The accounts of a link: found or made, and addressed as this very answer addresses them.

use std::collections::HashSet;

use fondaco_connectors::core::{Next, PageGuard, Stream};
use fondaco_model::Fault;
use fondaco_model::draft::{AccountDraft, Draft};
use fondaco_model::provider::Resource;
use fondaco_store::repo::quarantine::{self, QuarantineRow};
use fondaco_store::repo::run::{self, RunCounts};
use fondaco_store::repo::stream::{self, StreamPosition};
use fondaco_store::{StoreError, Tx};

use super::page::{Item, Page, Records};
use super::run::{Of, Run, read_to_the_end, record_page};
use super::{Halt, Pull, PullError, fenced};
use crate::ingest::{
    AccountError, AccountOrigin, AccountTarget, FoundAccount, Reading, account, refused,
};

/// Most accounts of one link.
const ACCOUNTS_MAX: usize = 1_000;

/// An account of the link while it is read.
pub(super) struct Account {
    /// The provider's id for requests; banks may give another one with each consent.
    pub(super) provider_id: String,
    pub(super) found: FoundAccount,
    /// Why it was not read to its end.
    pub(super) fault: Option<Fault>,
}

impl Account {
    /// Keeps the first fault: what follows it follows from it.
    pub(super) fn note(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }
}

/// What the pages gave so far.
#[derive(Default)]
struct Found {
    accounts: Vec<Account>,
    seen: HashSet<fondaco_model::ids::AccountSourceId>,
    quarantined: i64,
}

impl Found {
    /// True when the bank stated no account, understood or not.
    fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.quarantined == 0
    }
}

impl Pull<'_> {
    /// Reads the list of accounts.
    ///
    /// # Errors
    /// [`Halt`]; accounts that were recorded before stay.
    pub(super) async fn read_accounts(&self) -> Result<Vec<Account>, Halt> {
        let mut run = self.begin_run(Of::link(Resource::Accounts)).await?;
        match self.list(&mut run).await {
            Ok(found) if found.is_empty() && self.access.link.last_success_at.is_none() => {
                Err(self.none_given().await?)
            }
            Ok(found) => Ok(found.accounts),
            Err(halt) => self.failed(&run, halt).await,
        }
    }

    /// Ends a consent whose first reading found no account, and the reading with it: the person
    /// has to share one. Later an empty list may be a hiccup of the bank, and ends nothing.
    async fn none_given(&self) -> Result<Halt, PullError> {
        let consent = self.access.consent.consent.id;
        self.vault.no_accounts(self.request.tenant, consent).await?;
        let fault = Fault::new(fondaco_model::FaultKind::UserActionRequired, "sync.pull");
        Ok(fault.with("rule", "accounts.none").into())
    }

    async fn list(&self, run: &mut Run) -> Result<Found, Halt> {
        let stream = Stream::of(Resource::Accounts);
        let (mut found, mut guard) = (Found::default(), PageGuard::default());
        let mut cursor = None;
        loop {
            let page = self.fetch(&stream, cursor.as_ref(), None).await?;
            let next = page.next.clone();
            self.page_of_accounts(run, page, &mut found).await?;
            match next {
                Next::Done => return Ok(found),
                Next::Page(next) => {
                    guard.advance(&next)?;
                    cursor = Some(next);
                }
            }
        }
    }

    async fn page_of_accounts(
        &self,
        run: &mut Run,
        page: Page,
        found: &mut Found,
    ) -> Result<(), Halt> {
        let shared = self.shared(run, page.raw);
        let items = held(page.records)?;
        let mut counts = RunCounts {
            records: i64::try_from(items.len()).unwrap_or(i64::MAX),
            ..RunCounts::default()
        };
        let mut refusals = Vec::new();
        for item in items {
            match self.one(shared, item, &mut refusals).await? {
                None => counts.quarantined += 1,
                Some((_, known)) if !found.seen.insert(known.source_id) => {
                    tracing::warn!(
                        account = %known.account_id,
                        "An account is stated twice; the first one counts."
                    );
                }
                Some((draft, known)) => {
                    if found.accounts.len() >= ACCOUNTS_MAX {
                        return Err(too_many().into());
                    }
                    found.accounts.push(Account {
                        provider_id: draft.provider_account_id,
                        found: known,
                        fault: None,
                    });
                }
            }
        }
        found.quarantined += counts.quarantined;
        let last = page.next == Next::Done;
        let (number, quarantined, of) =
            (run.number, found.quarantined, Of::link(Resource::Accounts));
        let done: Result<(), PullError> = fenced!(self, |tx| {
            quarantine::insert(tx, &refusals).await?;
            record_page(tx, &shared, number, counts).await?;
            if last {
                self.reach_end(tx, of, &shared).await?;
                let outcome = read_to_the_end(quarantined);
                run::finish(tx, shared.run_id, outcome, None, shared.now).await?;
            }
            Ok(())
        });
        done?;
        run.number += 1;
        Ok(())
    }

    /// Moves a stream without days to its end.
    pub(super) async fn reach_end(
        &self,
        tx: &mut Tx,
        of: Of,
        shared: &Reading<'_>,
    ) -> Result<(), PullError> {
        let position = StreamPosition {
            cursor: None,
            complete_through: None,
            history_from: None,
            at: shared.now,
        };
        Ok(stream::advance(tx, &self.key(of), &position).await?)
    }

    /// Finds or makes one account; none when it cannot be understood, with the reason.
    async fn one(
        &self,
        shared: Reading<'_>,
        item: Item,
        refusals: &mut Vec<QuarantineRow>,
    ) -> Result<Option<(AccountDraft, FoundAccount)>, Halt> {
        let draft = item
            .mapped
            .drafts
            .into_iter()
            .find_map(|draft| match draft {
                Draft::Account(draft) => Some(draft),
                Draft::Balance(_) | Draft::Transaction(_) | Draft::Statement(_) => None,
            });
        let Some(draft) = draft else {
            let reason = item.mapped.remarks.into_iter().find(|remark| remark.fatal);
            if let Some(reason) = reason {
                refusals.push(refused(&shared, item.ordinal, &reason)?);
            }
            return Ok(None);
        };
        let target = self.account_target(shared, item.ordinal);
        let known: Result<FoundAccount, Refusable> = fenced!(self, |tx| {
            // Of two sources that state one account at once, the second finds it made.
            tx.lock_tenant().await?;
            Ok(account(tx, &target, &draft).await?)
        });
        match known {
            Ok(known) => Ok(Some((draft, known))),
            Err(Refusable::Refused(reason)) => {
                let remark = fondaco_model::draft::Remark::fatal("account", reason, "");
                refusals.push(refused(&shared, item.ordinal, &remark)?);
                Ok(None)
            }
            Err(Refusable::Broken(error)) => Err(error.into()),
        }
    }

    /// What an account of the link is written with.
    pub(super) fn account_target<'a>(
        &'a self,
        reading: Reading<'a>,
        ordinal: i64,
    ) -> AccountTarget<'a> {
        AccountTarget {
            reading,
            family: self.access.connector.family(),
            origin: AccountOrigin::Link {
                link: self.access.link.id,
                consent: self.access.consent.consent.id,
                institution: &self.access.link.institution_id,
            },
            ordinal,
        }
    }
}

/// Why an account is not written.
enum Refusable {
    /// Its numbers do not tell which account it is.
    Refused(&'static str),
    Broken(PullError),
}

impl From<PullError> for Refusable {
    fn from(error: PullError) -> Self {
        Self::Broken(error)
    }
}

impl From<StoreError> for Refusable {
    fn from(error: StoreError) -> Self {
        Self::Broken(error.into())
    }
}

impl fondaco_store::Retryable for Refusable {
    fn is_busy(&self) -> bool {
        match self {
            Self::Refused(_) => false,
            Self::Broken(error) => error.is_busy(),
        }
    }
}

impl From<AccountError> for Refusable {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Ingest(error) => Self::Broken(error.into()),
            AccountError::Unknown | AccountError::Other => Self::Refused("account.unknown"),
            AccountError::Ambiguous => Self::Refused("account.ambiguous"),
        }
    }
}

/// The records of an answer that is never large.
pub(super) fn held(records: Records) -> Result<Vec<Item>, Fault> {
    match records {
        Records::Held(items) => Ok(items),
        Records::Stored(_) => Err(too_many()),
    }
}

fn too_many() -> Fault {
    Fault::new(fondaco_model::FaultKind::SchemaDrift, "sync.pull").with("rule", "answer.too_large")
}
