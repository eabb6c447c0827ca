//! The order of the layers, seen by probes between them.

use std::sync::Mutex;

use fondaco_model::exchange::{Fresh, Response};
use fondaco_model::{Fault, FaultKind, Secret};
use futures_util::future::BoxFuture;
use http::HeaderName;

use super::*;
use crate::layers::authorize::{Authorize, ClientSecrets, LentClient, TokenSource};
use crate::layers::breaker::Breaker;
use crate::layers::classify::{Classifier, Classify};
use crate::layers::deadline::Deadline;
use crate::layers::limit::{Budget, Limit};
use crate::layers::record::Record;
use crate::layers::retry::Retry;
use crate::layers::sign::{Sign, Signer};
use crate::layers::timeout::Timeout;
use crate::layers::trace::Trace;
use crate::testkit::{API, Held, Naps, Script, answer, call, target};
use crate::{Answer, Call, DayBudget, Target};

/// Stands in for everything that the layers ask.
struct World;

impl TokenSource for World {
    fn token<'a>(&'a self, _: &'a Call<'_>) -> BoxFuture<'a, Result<Secret, Fault>> {
        Box::pin(async { Ok(Secret::new("one")) })
    }
    fn refresh<'a>(
        &'a self,
        _: &'a Call<'_>,
        _: &'a Secret,
    ) -> BoxFuture<'a, Result<Secret, Fault>> {
        Box::pin(async { Ok(Secret::new("two")) })
    }
}

impl ClientSecrets for World {
    fn client<'a>(&'a self, call: &'a Call<'_>) -> BoxFuture<'a, Result<LentClient, Fault>> {
        Box::pin(async { Err(call.fault(FaultKind::ConfigInvalid, "no_registration")) })
    }
}

impl Budget for World {
    fn spend<'a>(&'a self, _: &'a Call<'_>, _: DayBudget) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async { Ok(()) })
    }

    fn give_back<'a>(&'a self, _: &'a Call<'_>, _: DayBudget) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }
}

impl Classifier for World {
    fn classify(&self, _: &Call<'_>, _: &Response) -> Option<Fault> {
        None
    }
}

impl Signer for World {
    /// Signs what it sees: the token and the fresh id have to be there by now.
    fn sign<'a>(&'a self, mut call: Call<'a>) -> BoxFuture<'a, Result<Call<'a>, Fault>> {
        let id = call.request.headers["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned();
        let token = call.request.headers["authorization"]
            .to_str()
            .unwrap()
            .to_owned();
        let signature = format!("{token} {id}");
        call.request
            .headers
            .insert("signature", signature.parse().unwrap());
        Box::pin(async { Ok(call) })
    }
}

fn with_id(target: &Target) -> Call<'_> {
    let mut call = call(target, API);
    call.request.fresh = vec![(HeaderName::from_static("x-request-id"), Fresh::Uuid)];
    call
}

fn layers(clock: &Arc<Held>) -> Stack {
    let (effects, naps) = (clock.effects(), Naps::new(clock));
    let world = Arc::new(World);
    Stack::new()
        .layer(Trace)
        .layer(Deadline::new(effects.clone()))
        .layer(Retry::new(effects.clone(), naps.clone()))
        .layer(Breaker::new(effects.clone()))
        .layer(Limit::new(effects.clone(), naps, world.clone()))
        .layer(Authorize::new(world.clone(), world.clone()))
        .layer(Sign::new(effects.clone(), Some(world.clone())))
        .layer(Timeout::default())
        .layer(Classify::new(effects, world))
        .layer(Record::new(None))
}

type Seen = Arc<Mutex<Vec<&'static str>>>;

struct Probe {
    name: &'static str,
    inner: Arc<dyn Transport>,
    seen: Seen,
}

impl Transport for Probe {
    fn send<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        self.seen.lock().unwrap().push(self.name);
        self.inner.send(call)
    }
}

fn probed(script: Arc<Script>) -> (Arc<dyn Transport>, Seen) {
    let seen = Seen::default();
    let watch = |name, inner| -> Arc<dyn Transport> {
        Arc::new(Probe {
            name,
            inner,
            seen: seen.clone(),
        })
    };
    let stack = layers(&Held::new()).over_watched(script, &watch).unwrap();
    (stack, seen)
}

#[tokio::test]
async fn a_call_passes_the_layers_in_the_order_of_the_table() {
    let (stack, seen) = probed(Script::new([]));
    let target = target("a");
    stack.send(with_id(&target)).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), LAYERS);
}

#[tokio::test]
async fn each_attempt_counts_pays_and_is_signed_anew_and_a_refresh_stays_inside_one_attempt() {
    let failed = || Ok(answer(503, &[], b""));
    let expired = || Ok(answer(401, &[], b""));
    let script = Script::new([failed(), expired()]);
    let (stack, seen) = probed(script.clone());
    let target = target("a");
    stack.send(with_id(&target)).await.unwrap();
    let times = |name| {
        seen.lock()
            .unwrap()
            .iter()
            .filter(|seen| **seen == name)
            .count()
    };
    let counts: Vec<_> = LAYERS.iter().map(|name| times(*name)).collect();
    //  trace, deadline, retry, breaker, limit, authorize, sign, timeout, classify, record, client
    assert_eq!(counts, [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]);
    assert!(script.header(0, "signature").starts_with("Bearer one "));
    assert!(script.header(2, "signature").starts_with("Bearer two "));
    let ids: std::collections::HashSet<_> =
        (0..3).map(|at| script.header(at, "x-request-id")).collect();
    assert_eq!(ids.len(), 3);
}

#[test]
fn a_layer_out_of_order_or_missing_is_refused() {
    let effects = Held::new().effects();
    let swapped = Stack::new()
        .layer(Deadline::new(effects.clone()))
        .layer(Trace);
    let error = swapped.over(Script::new([])).err().unwrap();
    assert_eq!(error.named, ["deadline", "trace"]);
    assert!(Stack::new().over(Script::new([])).is_err());
    assert!(
        layers(&Held::new())
            .layer(Trace)
            .over(Script::new([]))
            .is_err()
    );
    assert!(layers(&Held::new()).over(Script::new([])).is_ok());
}

/// Never answers.
struct Silent;

impl Transport for Silent {
    fn send<'a>(&'a self, _: Call<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_provider_is_tried_until_the_deadline_and_not_longer() {
    let clock = Held::new();
    let stack = layers(&clock).over(Arc::new(Silent)).unwrap();
    let target = target("a");
    let mut request = with_id(&target);
    request.deadline = request.deadline.plus_seconds(-15);
    let began = tokio::time::Instant::now();
    let fault = stack.send(request.clone()).await.unwrap_err();
    assert_eq!(began.elapsed().as_secs(), 45);
    assert_eq!(fault.get("reason"), Some("deadline"));
    assert_eq!(fault.retry, fondaco_model::Retry::Exhausted);

    request.deadline = request.deadline.plus_seconds(-60);
    let fault = stack.send(request).await.unwrap_err();
    assert_eq!(fault.get("sent"), Some("no"));
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_repeated_is_of_unknown_outcome_when_its_time_is_over() {
    let stack = layers(&Held::new()).over(Arc::new(Silent)).unwrap();
    let target = target("a");
    for (seconds, reason) in [(60, "timeout"), (10, "deadline")] {
        let mut once = with_id(&target);
        once.replayable = false;
        once.deadline = once.deadline.plus_seconds(seconds - 60);
        let fault = stack.send(once).await.unwrap_err();
        assert_eq!(fault.get("reason"), Some(reason));
        assert_eq!(fault.get("outcome"), Some("unknown"));
    }
}
