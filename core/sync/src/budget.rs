//! Day budgets of readings without a person, kept in the store: a restart forgets none, and all
//! processes draw on the same.

use std::time::Duration;

use fondaco_model::{Effects, Fault, FaultKind};
use fondaco_store::repo::access_budget::{self, Allowance, Basis, Key, Spent};
use fondaco_store::{Db, StoreError, in_tx};
use fondaco_transport::layers::limit::Budget;
use fondaco_transport::{Call, DayBudget};
use futures_util::future::BoxFuture;

/// Lets the transport's limit draw on the store.
#[derive(Clone)]
pub struct StoredBudgets {
    db: Db,
    effects: Effects,
}

impl StoredBudgets {
    /// The budgets of an installation.
    pub fn new(db: Db, effects: Effects) -> Self {
        Self { db, effects }
    }

    async fn take(&self, call: &Call<'_>, budget: DayBudget) -> Result<(), Fault> {
        let (now, key) = (self.effects.now(), key(&budget));
        let allowed = (budget.per_day, Basis::Manifest);
        let spent: Result<Spent, StoreError> = in_tx!(&self.db, call.caller.tenant, |tx| {
            access_budget::spend(tx, key, allowed, now).await
        });
        match spent {
            Ok(Spent::Taken(_)) => Ok(()),
            Ok(Spent::Gone(Allowance { resets_at, .. })) => {
                let wait = resets_at.micros().saturating_sub(now.micros());
                let wait = Duration::from_micros(u64::try_from(wait).unwrap_or(0));
                Err(Fault::new(FaultKind::RateLimited, call.op)
                    .with("reason", "day_budget")
                    .with("institution", &call.target.institution)
                    .with("sent", "no")
                    .after(wait))
            }
            Err(error) => {
                tracing::error!(%error, "A day budget could not be read; nothing was sent.");
                Err(Fault::new(FaultKind::Internal, call.op)
                    .with("reason", "day_budget_unknown")
                    .with("sent", "no"))
            }
        }
    }
}

fn key(budget: &DayBudget) -> Key<'static> {
    Key {
        consent: budget.consent,
        account_source: budget.account_source,
        operation: budget.operation,
    }
}

impl Budget for StoredBudgets {
    fn spend<'a>(
        &'a self,
        call: &'a Call<'_>,
        budget: DayBudget,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(self.take(call, budget))
    }

    fn give_back<'a>(&'a self, call: &'a Call<'_>, budget: DayBudget) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let (now, key) = (self.effects.now(), key(&budget));
            let back: Result<(), StoreError> = in_tx!(&self.db, call.caller.tenant, |tx| {
                access_budget::give_back(tx, key, now).await
            });
            if let Err(error) = back {
                // The allowance stays one lower than it could be, until the window ends.
                tracing::warn!(%error, "An attempt was not given back to its day budget.");
            }
        })
    }
}
