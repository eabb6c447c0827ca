//! What the layers' own tests share: a held clock, a sleeper that moves it, a scripted transport.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fondaco_model::effects::{Entropy, SystemEntropy};
use fondaco_model::exchange::{Request, ResponseHead};
use fondaco_model::ids::TenantId;
use fondaco_model::{Clock, Effects, Fault, FaultKind, Instant};
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use crate::{Answer, Body, Call, Caller, Sleeper, Target, Transport};

/// When every test begins: 2026-01-02T03:04:05Z.
const START: i64 = 1_767_323_045_000_000;

/// A clock to the microsecond.
pub(crate) struct Held(AtomicI64);

impl Held {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(START)))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0
            .fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }

    pub(crate) fn effects(self: &Arc<Self>) -> Effects {
        Effects::new(self.clone(), Arc::new(SystemEntropy))
    }

    /// Effects whose random numbers are all the same.
    pub(crate) fn drawing(self: &Arc<Self>, number: u64) -> Effects {
        Effects::new(self.clone(), Arc::new(Always(number)))
    }
}

impl Clock for Held {
    fn now(&self) -> Instant {
        Instant::from_micros(self.0.load(Ordering::SeqCst))
    }
}

struct Always(u64);

impl Entropy for Always {
    fn fill(&self, buffer: &mut [u8]) {
        for (byte, value) in buffer.iter_mut().zip(self.0.to_le_bytes().iter().cycle()) {
            *byte = *value;
        }
    }
}

/// Moves the clock instead of waiting, and remembers each wait.
pub(crate) struct Naps {
    clock: Arc<Held>,
    pub(crate) taken: Mutex<Vec<Duration>>,
}

impl Naps {
    pub(crate) fn new(clock: &Arc<Held>) -> Arc<Self> {
        Arc::new(Self {
            clock: clock.clone(),
            taken: Mutex::default(),
        })
    }

    pub(crate) fn taken(&self) -> Vec<Duration> {
        self.taken.lock().unwrap().clone()
    }
}

impl Sleeper for Naps {
    fn sleep(&self, wait: Duration) -> BoxFuture<'_, ()> {
        self.taken.lock().unwrap().push(wait);
        self.clock.advance(wait);
        Box::pin(async {})
    }
}

/// Gives the results of its script in turn, then success; remembers each request.
#[derive(Default)]
pub(crate) struct Script {
    results: Mutex<VecDeque<Result<Answer, Fault>>>,
    pub(crate) seen: Mutex<Vec<Request>>,
}

impl Script {
    pub(crate) fn new(results: impl IntoIterator<Item = Result<Answer, Fault>>) -> Arc<Self> {
        let results = Mutex::new(results.into_iter().collect());
        Arc::new(Self {
            results,
            seen: Mutex::default(),
        })
    }

    pub(crate) fn sent(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// The value of a header in the request of that number.
    pub(crate) fn header(&self, at: usize, name: &str) -> String {
        let seen = self.seen.lock().unwrap();
        seen[at].headers[name].to_str().unwrap().to_owned()
    }
}

impl Transport for Script {
    fn send<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        self.seen.lock().unwrap().push(call.request);
        let next = self.results.lock().unwrap().pop_front();
        Box::pin(async move { next.unwrap_or_else(|| Ok(answer(200, &[], b""))) })
    }
}

pub(crate) fn answer(status: u16, headers: &[(&'static str, &str)], body: &[u8]) -> Answer {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    let status = StatusCode::from_u16(status).unwrap();
    Answer {
        head: ResponseHead {
            status,
            headers: map,
        },
        body: Body::Whole(body.to_vec()),
    }
}

pub(crate) fn fault(kind: FaultKind) -> Fault {
    Fault::new(kind, "test")
}

pub(crate) fn down() -> Fault {
    fault(FaultKind::ProviderDown).after(Duration::ZERO)
}

pub(crate) fn target(institution: &str) -> Target {
    let origin = |text: &str| Url::parse(text).unwrap().origin();
    Target {
        institution: institution.to_owned(),
        sandbox: false,
        api: Some(origin("https://api.example/")),
        auth: vec![origin("https://auth.example/")],
        requests_per_minute: 60,
        answer_bytes_max: 1 << 20,
    }
}

/// A replayable call to `url` with a minute until its deadline.
pub(crate) fn call<'a>(target: &'a Target, url: &str) -> Call<'a> {
    let request = Request::new(Method::GET, Url::parse(url).unwrap());
    let caller = Caller {
        tenant: TenantId(uuid::Uuid::nil()),
        credential: "grant",
    };
    let deadline = Instant::from_micros(START).plus_seconds(60);
    Call::new(request, "test", target, caller, deadline)
}

pub(crate) const API: &str = "https://api.example/accounts";
pub(crate) const AUTH: &str = "https://auth.example/token";
