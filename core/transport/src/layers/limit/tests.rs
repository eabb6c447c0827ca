//! Rates, holds, allowances and deadlines of the limit.

use fondaco_model::ids::ConsentId;

use super::*;
use crate::testkit::{API, Held, Naps, Script, call, fault, target};

/// Allows a number of attempts.
struct Allowance(Mutex<u32>);

impl Budget for Allowance {
    fn spend<'a>(&'a self, call: &'a Call<'_>, _: DayBudget) -> BoxFuture<'a, Result<(), Fault>> {
        let mut left = lock(&self.0);
        let result = match left.checked_sub(1) {
            Some(rest) => {
                *left = rest;
                Ok(())
            }
            None => Err(call
                .unsent(FaultKind::RateLimited, "day_budget")
                .after(MINUTE)),
        };
        Box::pin(async move { result })
    }

    fn give_back<'a>(&'a self, _: &'a Call<'_>, _: DayBudget) -> BoxFuture<'a, ()> {
        *lock(&self.0) += 1;
        Box::pin(async {})
    }
}

struct Rig {
    clock: Arc<Held>,
    naps: Arc<Naps>,
    script: Arc<Script>,
    stack: Arc<dyn Transport>,
}

fn rig(results: Vec<Result<Answer, Fault>>) -> Rig {
    let clock = Held::new();
    let naps = Naps::new(&clock);
    let script = Script::new(results);
    let budget = Arc::new(Allowance(Mutex::new(2)));
    let stack = Limit::new(clock.effects(), naps.clone(), budget).wrap(script.clone());
    Rig {
        clock,
        naps,
        script,
        stack,
    }
}

/// A call whose deadline never comes in the way.
fn patient(target: &crate::Target) -> Call<'_> {
    let mut call = call(target, API);
    call.deadline = call.deadline.plus_seconds(1_000_000);
    call
}

#[tokio::test]
async fn a_greedy_caller_never_sends_more_in_any_minute_than_allowed() {
    for per_minute in [1_u32, 2, 7, 60, 600] {
        let rig = rig(vec![]);
        let mut target = target("a");
        target.requests_per_minute = per_minute;
        let mut sent = Vec::new();
        for _ in 0..per_minute * 3 {
            rig.stack.send(patient(&target)).await.unwrap();
            sent.push(fondaco_model::Clock::now(&*rig.clock).micros());
        }
        for (at, begin) in sent.iter().enumerate() {
            let within = sent[at..]
                .iter()
                .filter(|time| **time - begin < 60_000_000)
                .count();
            assert!(
                within <= per_minute as usize,
                "{within} in a minute of {per_minute}"
            );
        }
        let minutes = (sent.last().unwrap() - sent[0]) / 60_000_000;
        assert!(
            minutes <= 6,
            "{per_minute} a minute took {minutes} minutes for three"
        );
    }
}

#[tokio::test]
async fn a_turn_after_the_deadline_is_not_waited_for() {
    let rig = rig(vec![]);
    let mut target = target("a");
    target.requests_per_minute = 1;
    rig.stack.send(call(&target, API)).await.unwrap();
    let late = rig.stack.send(call(&target, API)).await.unwrap_err();
    assert_eq!(
        (late.kind, late.retry),
        (FaultKind::RateLimited, Retry::After(MINUTE))
    );
    assert_eq!(
        (late.get("reason"), late.get("sent")),
        (Some("own_limit"), Some("no"))
    );
    let mut longer = call(&target, API);
    longer.deadline = longer.deadline.plus_millis(1);
    rig.stack.send(longer).await.unwrap();
    assert_eq!(rig.naps.taken(), [MINUTE]);
}

#[tokio::test]
async fn each_credential_and_each_institution_has_its_own_turn() {
    let rig = rig(vec![]);
    let (mut a, mut b) = (target("a"), target("b"));
    (a.requests_per_minute, b.requests_per_minute) = (1, 1);
    let mut other = call(&a, API);
    other.caller.credential = "another";
    rig.stack.send(call(&a, API)).await.unwrap();
    rig.stack.send(other).await.unwrap();
    rig.stack.send(call(&b, API)).await.unwrap();
    assert!(rig.naps.taken().is_empty());
}

#[tokio::test]
async fn after_the_providers_own_limit_nothing_is_sent_until_its_reset() {
    let wait = Duration::from_secs(20);
    let rig = rig(vec![Err(fault(FaultKind::RateLimited).after(wait))]);
    let target = target("a");
    rig.stack.send(call(&target, API)).await.unwrap_err();
    let mut hasty = call(&target, API);
    hasty.deadline = hasty.deadline.plus_seconds(-40);
    let held = rig.stack.send(hasty).await.unwrap_err();
    assert_eq!(
        (held.retry, held.get("reason")),
        (Retry::After(wait), Some("held_by_provider"))
    );
    assert_eq!(rig.script.sent(), 1);
    rig.clock.advance(Duration::from_secs(5));
    rig.stack.send(call(&target, API)).await.unwrap();
    assert_eq!(rig.naps.taken(), [Duration::from_secs(15)]);
}

#[tokio::test]
async fn an_attempt_at_an_institution_that_is_down_costs_nothing_of_the_day() {
    let down = || Err(fault(FaultKind::ProviderDown));
    let refused = || Err(fault(FaultKind::ProviderRejected));
    let rig = rig(vec![down(), down(), down(), refused(), refused()]);
    let target = target("a");
    let mut kinds = Vec::new();
    for _ in 0..6 {
        let budgeted = call(&target, API).budgeted(DayBudget {
            consent: ConsentId(uuid::Uuid::from_u128(1)),
            account_source: None,
            operation: "transactions",
            per_day: 2,
        });
        kinds.push(rig.stack.send(budgeted).await.unwrap_err().kind);
    }
    let [down, refused] = [FaultKind::ProviderDown, FaultKind::ProviderRejected];
    let gone = FaultKind::RateLimited;
    assert_eq!(kinds, [down, down, down, refused, refused, gone]);
}

#[tokio::test]
async fn every_attempt_of_a_budgeted_call_draws_on_the_day() {
    let rig = rig(vec![]);
    let target = target("a");
    let budgeted = || {
        call(&target, API).budgeted(DayBudget {
            consent: ConsentId(uuid::Uuid::from_u128(1)),
            account_source: None,
            operation: "transactions",
            per_day: 2,
        })
    };
    assert!(rig.stack.send(budgeted()).await.is_ok());
    assert!(rig.stack.send(budgeted()).await.is_ok());
    let spent = rig.stack.send(budgeted()).await.unwrap_err();
    assert_eq!(spent.get("reason"), Some("day_budget"));
    assert_eq!(rig.script.sent(), 2);
    assert!(
        rig.stack.send(call(&target, API)).await.is_ok(),
        "others are not concerned"
    );
}
