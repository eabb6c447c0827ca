//! Waits, jitter, and where trying again ends.

use super::*;
use crate::testkit::{API, Held, Naps, Script, call, down, fault, target};

struct Rig {
    naps: Arc<Naps>,
    script: Arc<Script>,
    stack: Arc<dyn Transport>,
}

fn rig(faults: Vec<Fault>, drawn: Option<u64>) -> Rig {
    let clock = Held::new();
    let effects = drawn.map_or_else(|| clock.effects(), |number| clock.drawing(number));
    let naps = Naps::new(&clock);
    let script = Script::new(faults.into_iter().map(Err));
    let stack = Retry::new(effects, naps.clone()).wrap(script.clone());
    Rig {
        naps,
        script,
        stack,
    }
}

fn limited(wait: Duration) -> Fault {
    fault(FaultKind::RateLimited).after(wait)
}

#[tokio::test]
async fn a_stated_wait_is_kept_exactly() {
    let wait = Duration::from_secs(7);
    let rig = rig(vec![limited(wait)], None);
    assert!(rig.stack.send(call(&target("a"), API)).await.is_ok());
    assert_eq!(rig.naps.taken(), [wait]);
    assert_eq!(rig.script.sent(), 2);
}

#[tokio::test]
async fn jitter_is_drawn_from_nothing_up_to_a_bound_that_doubles() {
    let target = target("a");
    for (drawn, expected) in [
        (0, [0, 0, 0]),
        (2000, [497, 999, 2000]),
        (500, [500, 500, 500]),
    ] {
        let rig = rig(vec![down(), down(), down()], Some(drawn));
        assert!(rig.stack.send(call(&target, API)).await.is_ok());
        assert_eq!(
            rig.naps.taken(),
            expected.map(Duration::from_millis),
            "{drawn}"
        );
    }
    let policy = Retry::new(Held::new().effects(), Naps::new(&Held::new()));
    for attempt in (1..40).cycle().take(2000) {
        let bound = (BACKOFF_BASE * (1 << (attempt - 1).min(16))).min(BACKOFF_MAX);
        assert!(policy.wait(Duration::ZERO, attempt) <= bound);
    }
}

#[tokio::test]
async fn the_last_of_four_failures_is_exhausted_and_keeps_its_wait() {
    let rig = rig(vec![limited(Duration::from_secs(3)); 5], None);
    let last = rig.stack.send(call(&target("a"), API)).await.unwrap_err();
    assert_eq!(rig.script.sent(), 4);
    assert_eq!(last.retry, Again::Exhausted);
    assert_eq!(last.get("attempts"), Some("4"));
    assert_eq!(last.get("retry_after_s"), Some("3"));
}

#[tokio::test]
async fn a_wait_up_to_the_deadline_is_not_begun_and_goes_up() {
    let target = target("a");
    for (millis, sent) in [(59_999, 2), (60_000, 1), (90_000, 1)] {
        let wait = Duration::from_millis(millis);
        let rig = rig(vec![limited(wait)], None);
        let result = rig.stack.send(call(&target, API)).await;
        assert_eq!(rig.script.sent(), sent, "{millis}");
        assert!(result.is_ok() || result.unwrap_err().retry == Again::After(wait));
    }
}

#[tokio::test]
async fn what_may_not_be_sent_twice_is_sent_once_and_its_outcome_is_unknown() {
    let target = target("a");
    let mut once = call(&target, API);
    once.replayable = false;
    let first = rig(vec![down()], None);
    let fault_of_sent = first.stack.send(once.clone()).await.unwrap_err();
    assert_eq!(first.script.sent(), 1);
    assert_eq!(fault_of_sent.retry, Again::Never);
    assert_eq!(fault_of_sent.get("outcome"), Some("unknown"));

    let second = rig(vec![down().with("sent", "no")], None);
    let fault_of_unsent = second.stack.send(once).await.unwrap_err();
    assert_eq!(fault_of_unsent.retry, Again::After(Duration::ZERO));
    assert_eq!(fault_of_unsent.get("outcome"), None);
}

#[tokio::test]
async fn faults_that_time_does_not_heal_are_not_tried_again() {
    let target = target("a");
    for kind in [
        FaultKind::ProviderRejected,
        FaultKind::AuthRevoked,
        FaultKind::SchemaDrift,
    ] {
        let rig = rig(vec![fault(kind)], None);
        assert_eq!(
            rig.stack.send(call(&target, API)).await.unwrap_err().kind,
            kind
        );
        assert_eq!(rig.script.sent(), 1, "{kind:?}");
    }
    let expired = fault(FaultKind::AuthExpired).after(Duration::from_secs(1));
    let rig = rig(vec![expired], None);
    assert!(rig.stack.send(call(&target, API)).await.is_err());
    assert_eq!(rig.script.sent(), 1);
}
