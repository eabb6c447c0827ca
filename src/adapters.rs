//! Small adapters between crates that do not know each other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fondaco_connectors::core::Cx;
use fondaco_model::exchange::Response;
use fondaco_model::{Date, Effects, Fault, FaultKind};
use fondaco_transport::layers::classify::Classifier;
use fondaco_transport::layers::limit::Budget;
use fondaco_transport::{Call, DayBudget};
use fondaco_vault::Catalogue;
use futures_util::future::BoxFuture;

/// Allowances that are counted in one day; further ones are left to the institution.
const ALLOWANCES_MAX: usize = 100_000;

/// Seconds of a day.
const DAY_SECONDS: i64 = 86_400;

/// A family's own reading of an answer, before the shared table.
pub(crate) struct Families {
    catalogue: Arc<Catalogue>,
    effects: Effects,
}

impl Families {
    /// The families of a catalogue.
    pub(crate) fn new(catalogue: Arc<Catalogue>, effects: Effects) -> Self {
        Self { catalogue, effects }
    }
}

impl Classifier for Families {
    fn classify(&self, call: &Call<'_>, response: &Response) -> Option<Fault> {
        let manifest = self.catalogue.manifest(&call.target.institution)?;
        let connector = self.catalogue.connector(&manifest.family)?;
        connector.fault(&Cx::new(&manifest, self.effects.now()), response)
    }
}

/// The allowances of the present day in UTC, kept in this process.
///
/// They are what an institution grants for readings without a person; a restart forgets what was
/// spent, and the institution's own answer is the judge then.
pub(crate) struct DayBudgets {
    effects: Effects,
    spent: Mutex<Spent>,
}

#[derive(Default)]
struct Spent {
    day: Option<Date>,
    attempts: HashMap<(String, String, String), u32>,
}

impl DayBudgets {
    /// Allowances of which nothing is spent.
    pub(crate) fn new(effects: Effects) -> Self {
        Self {
            effects,
            spent: Mutex::default(),
        }
    }

    fn take(&self, call: &Call<'_>, budget: DayBudget<'_>) -> Result<(), Fault> {
        let now = self.effects.now();
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.day != Some(now.utc_date()) {
            *spent = Spent {
                day: Some(now.utc_date()),
                attempts: HashMap::new(),
            };
        }
        let key = (
            call.target.institution.clone(),
            call.caller.credential.to_owned(),
            budget.scope.to_owned(),
        );
        if spent.attempts.len() >= ALLOWANCES_MAX && !spent.attempts.contains_key(&key) {
            // Uncounted rather than unread: the institution counts as well.
            return Ok(());
        }
        let attempts = spent.attempts.entry(key).or_default();
        if *attempts >= budget.per_day {
            let gone = now.micros().div_euclid(1_000_000).rem_euclid(DAY_SECONDS);
            let left = u64::try_from(DAY_SECONDS - gone).unwrap_or_default();
            return Err(Fault::new(FaultKind::RateLimited, call.op)
                .with("reason", "day_budget")
                .with("institution", &call.target.institution)
                .with("sent", "no")
                .after(Duration::from_secs(left)));
        }
        *attempts += 1;
        Ok(())
    }
}

impl Budget for DayBudgets {
    fn spend<'a>(
        &'a self,
        call: &'a Call<'_>,
        budget: DayBudget<'a>,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(std::future::ready(self.take(call, budget)))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Method;
    use fondaco_model::exchange::Request;
    use fondaco_model::ids::TenantId;
    use fondaco_model::time::ManualClock;
    use fondaco_model::{Instant, Retry};
    use fondaco_transport::{Caller, Target};

    use super::*;

    /// 2026-06-01T23:00:00Z: an hour before the day ends.
    const LATE: Instant = Instant::from_micros(1_780_354_800_000_000);

    fn target() -> Target {
        Target {
            institution: "a_bank".to_owned(),
            sandbox: false,
            api: None,
            auth: Vec::new(),
            requests_per_minute: 60,
            answer_bytes_max: 1,
        }
    }

    fn spend(budgets: &DayBudgets, credential: &str, scope: &str) -> Result<(), Fault> {
        let url = url::Url::parse("https://bank.example/").unwrap();
        let (target, tenant) = (target(), TenantId(uuid::Uuid::nil()));
        let caller = Caller { tenant, credential };
        let call = Call::new(
            Request::new(Method::GET, url),
            "test",
            &target,
            caller,
            LATE,
        );
        budgets.take(&call, DayBudget { scope, per_day: 2 })
    }

    #[test]
    fn an_allowance_ends_with_its_last_attempt_and_is_renewed_with_the_day() {
        let clock = Arc::new(ManualClock::at(LATE));
        let entropy = Arc::new(fondaco_model::effects::SystemEntropy);
        let budgets = DayBudgets::new(Effects::new(clock.clone(), entropy));
        assert!(spend(&budgets, "grant", "account").is_ok());
        assert!(spend(&budgets, "grant", "account").is_ok());
        let fault = spend(&budgets, "grant", "account").unwrap_err();
        assert_eq!(fault.kind, FaultKind::RateLimited);
        assert_eq!(fault.retry, Retry::After(Duration::from_hours(1)));
        assert!(spend(&budgets, "grant", "other account").is_ok());
        assert!(spend(&budgets, "other grant", "account").is_ok());
        clock.advance_seconds(3_599);
        assert!(spend(&budgets, "grant", "account").is_err());
        clock.advance_seconds(1);
        assert!(spend(&budgets, "grant", "account").is_ok());
    }
}
