//! A reading that is cut off anywhere and begun again comes to the same end.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use fondaco_store::repo::run;
use fondaco_store::testing::engines;

use crate::kit::Kit;

/// Kills of one reading before it is left alone.
const KILLS: u64 = 6;

/// Seeds for each engine; more are run by a proof.
const SEEDS: u64 = 4;

/// A future that is dropped after some polls.
struct Killed<F> {
    inner: Option<Pin<Box<F>>>,
    polls: u64,
}

impl<F: Future> Future for Killed<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 {
            self.inner = None;
            return Poll::Ready(None);
        }
        self.polls -= 1;
        let inner = self
            .inner
            .as_mut()
            .expect("a killed future is not polled again");
        inner.as_mut().poll(cx).map(Some)
    }
}

/// A small generator, so that a failure names the seed that made it.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Log-uniform, up to about as many polls as a whole reading takes.
fn polls(dice: &mut Dice) -> u64 {
    let scale = 1 << dice.below(10);
    scale + dice.below(scale)
}

#[tokio::test]
async fn a_killed_reading_begun_again_stores_the_same() {
    for seed in 0..SEEDS {
        for db in engines().await {
            let kit = Kit::start(db, 4).await;
            let link = kit.link("anna").await;
            let mut dice = Dice(seed);
            let mut kills = 0;
            for _ in 0..KILLS {
                let request = kit.request(link);
                let reading = Killed {
                    polls: polls(&mut dice),
                    inner: Some(Box::pin(kit.puller.read(&request))),
                };
                kills += u64::from(reading.await.is_none());
            }
            let outcome = kit.read(link).await;
            eprintln!(
                "KILLS {kills} of seed {seed} inserted at the end {:?}",
                outcome.counts
            );
            assert!(outcome.is_complete(), "seed {seed}: {:?}", outcome.fault);
            assert!(kills > 0, "seed {seed}: nothing was killed");
            let mut session = kit.db.read(kit.tenant).await.unwrap();
            let left = run::running(&mut session, link).await.unwrap();
            assert!(left.is_empty(), "seed {seed}: runs of dead readings go on");
            drop(session);
            kit.check(link, "anna", &format!("seed {seed}, {kills} kills"))
                .await;
        }
    }
}
