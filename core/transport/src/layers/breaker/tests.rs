//! Closed, open and half-open, by a clock that stands until it is moved.

use fondaco_model::Retry;
use futures_util::FutureExt;

use super::*;
use crate::testkit::{API, Held, Script, call, down, fault, target};

struct Rig {
    clock: Arc<Held>,
    breaker: Breaker,
}

impl Rig {
    fn new() -> Self {
        let clock = Held::new();
        let breaker = Breaker::new(clock.effects());
        Self { clock, breaker }
    }

    /// Sends one call that ends in `result`; the number says whether it went through.
    async fn one(&self, institution: &str, result: Result<(), Fault>) -> (usize, Option<Fault>) {
        let results = result.err().map(Err);
        let script = Script::new(results);
        let stack = self.breaker.wrap(script.clone());
        let fault = stack.send(call(&target(institution), API)).await.err();
        (script.sent(), fault)
    }

    async fn fail(&self, times: usize) {
        for _ in 0..times {
            assert_eq!(self.one("a", Err(down())).await.0, 1);
        }
    }
}

#[tokio::test]
async fn five_failures_of_ten_open_the_circuit_and_four_do_not() {
    let rig = Rig::new();
    rig.fail(4).await;
    for _ in 0..6 {
        assert_eq!(rig.one("a", Ok(())).await.0, 1);
    }
    // The first four have left the window one by one; one more makes four again.
    rig.fail(1).await;
    assert_eq!(rig.one("a", Ok(())).await.0, 1);
    rig.fail(4).await;
    let (sent, fault) = rig.one("a", Ok(())).await;
    let fault = fault.unwrap();
    assert_eq!(sent, 0);
    assert_eq!(fault.kind, FaultKind::ProviderDown);
    assert_eq!(fault.retry, Retry::After(OPEN_FOR));
    assert_eq!(fault.get("reason"), Some("circuit_open"));
    assert_eq!(fault.get("reopens_at"), Some("2026-01-02T03:04:35Z"));
    assert_eq!(
        rig.one("b", Ok(())).await.0,
        1,
        "another institution is not concerned"
    );
}

#[tokio::test]
async fn after_the_open_time_a_good_probe_closes_the_circuit() {
    let rig = Rig::new();
    rig.fail(5).await;
    rig.clock
        .advance(OPEN_FOR.saturating_sub(Duration::from_micros(1)));
    assert_eq!(rig.one("a", Ok(())).await.0, 0);
    rig.clock.advance(Duration::from_micros(1));
    assert_eq!(rig.one("a", Ok(())).await.0, 1);
    rig.fail(4).await;
    assert_eq!(rig.one("a", Ok(())).await.0, 1);
}

#[tokio::test]
async fn a_failed_probe_doubles_the_open_time_up_to_its_limit() {
    let rig = Rig::new();
    rig.fail(5).await;
    let mut wait = OPEN_FOR;
    for _ in 0..8 {
        rig.clock.advance(wait);
        assert_eq!(rig.one("a", Err(down())).await.0, 1);
        wait = (wait * 2).min(OPEN_FOR_MAX);
        let (sent, fault) = rig.one("a", Ok(())).await;
        assert_eq!((sent, fault.unwrap().retry), (0, Retry::After(wait)));
    }
    assert_eq!(wait, OPEN_FOR_MAX);
}

/// Never answers.
struct Silent;

impl Transport for Silent {
    fn send<'a>(&'a self, _: Call<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn one_probe_goes_through_at_a_time_and_a_cancelled_one_gives_its_place_back() {
    let rig = Rig::new();
    rig.fail(5).await;
    rig.clock.advance(OPEN_FOR);
    let silent = rig.breaker.wrap(Arc::new(Silent));
    let target = target("a");
    let mut probe = silent.send(call(&target, API));
    assert!((&mut probe).now_or_never().is_none());
    assert_eq!(rig.one("a", Ok(())).await.0, 0);
    drop(probe);
    assert_eq!(rig.one("a", Ok(())).await.0, 1);
}

#[tokio::test]
async fn refusals_are_answers_and_being_told_to_slow_down_says_nothing() {
    let rig = Rig::new();
    for kind in [
        FaultKind::ProviderRejected,
        FaultKind::RateLimited,
        FaultKind::AuthExpired,
    ] {
        for _ in 0..WINDOW {
            assert_eq!(rig.one("a", Err(fault(kind))).await.0, 1);
        }
    }
    rig.fail(5).await;
    rig.clock.advance(OPEN_FOR);
    let limited = fault(FaultKind::RateLimited);
    assert_eq!(rig.one("a", Err(limited)).await.0, 1);
    assert_eq!(rig.one("a", Err(down())).await.0, 1, "still half-open");
    assert_eq!(rig.one("a", Ok(())).await.0, 0);
}
