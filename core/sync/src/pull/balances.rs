//! The balances of one account.

use fondaco_connectors::core::{Next, PageGuard, Stream};
use fondaco_model::draft::{BalanceDraft, Draft};
use fondaco_model::provider::Resource;
use fondaco_store::repo::quarantine;
use fondaco_store::repo::run::{self, RunCounts};

use super::accounts::{Account, held};
use super::page::{Item, Page};
use super::run::{Of, Run, read_to_the_end, record_page};
use super::{Halt, Pull, PullError, fenced};
use crate::ingest::{balances, refused};

impl Pull<'_> {
    /// Reads the balances of an account.
    ///
    /// # Errors
    /// [`Halt`]; the balances of earlier pages stay.
    pub(super) async fn read_balances(&self, account: &Account) -> Result<(), Halt> {
        let mut run = self
            .begin_run(Of::account(Resource::Balances, account.found.source_id))
            .await?;
        match self.pages_of_balances(&mut run, account).await {
            Ok(()) => Ok(()),
            Err(halt) => self.failed(&run, halt).await,
        }
    }

    async fn pages_of_balances(&self, run: &mut Run, account: &Account) -> Result<(), Halt> {
        let stream = Stream::of_account(Resource::Balances, account.provider_id.as_str());
        let source = Some(account.found.source_id);
        let (mut cursor, mut guard, mut quarantined) = (None, PageGuard::default(), 0);
        loop {
            let page = self.fetch(&stream, cursor.as_ref(), source).await?;
            let next = page.next.clone();
            quarantined += self
                .page_of_balances(run, account, page, quarantined)
                .await?;
            match next {
                Next::Done => return Ok(()),
                Next::Page(next) => {
                    guard.advance(&next)?;
                    cursor = Some(next);
                }
            }
        }
    }

    async fn page_of_balances(
        &self,
        run: &mut Run,
        account: &Account,
        page: Page,
        before: i64,
    ) -> Result<i64, Halt> {
        let shared = self.shared(run, page.raw);
        let items = held(page.records)?;
        let records = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let (mut drafts, mut refusals) = (Vec::new(), Vec::new());
        let ordinal = items.first().map_or(0, |item| item.ordinal);
        let mut quarantined = 0;
        for item in items {
            let at = item.ordinal;
            match understood(item) {
                Ok(draft) => drafts.push(draft),
                Err(reason) => {
                    quarantined += 1;
                    if let Some(reason) = reason {
                        refusals.push(refused(&shared, at, &reason)?);
                    }
                }
            }
        }
        let counts = RunCounts {
            records,
            quarantined,
            ..RunCounts::default()
        };
        let target = self.account_target(shared, ordinal);
        let (last, number) = (page.next == Next::Done, run.number);
        let of = Of::account(Resource::Balances, account.found.source_id);
        let done: Result<(), PullError> = fenced!(self, |tx| {
            balances(tx, &target, &account.found, &drafts).await?;
            quarantine::insert(tx, &refusals).await?;
            record_page(tx, &shared, number, counts).await?;
            if last {
                self.reach_end(tx, of, &shared).await?;
                let outcome = read_to_the_end(before + quarantined);
                run::finish(tx, shared.run_id, outcome, None, shared.now).await?;
            }
            Ok(())
        });
        done?;
        run.number += 1;
        Ok(quarantined)
    }
}

/// The balance of a record, or why there is none.
fn understood(item: Item) -> Result<BalanceDraft, Option<fondaco_model::draft::Remark>> {
    let draft = item
        .mapped
        .drafts
        .into_iter()
        .find_map(|draft| match draft {
            Draft::Balance(draft) => Some(draft),
            Draft::Account(_) | Draft::Transaction(_) | Draft::Statement(_) => None,
        });
    draft.ok_or_else(|| item.mapped.remarks.into_iter().find(|remark| remark.fatal))
}
