//! Token buckets in cost units per key, and a limiter for failed keys per peer address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

/// Identity of an API key or frontend token, not its secret.
pub type KeyId = [u8; 16];

/// Class of a key, which decides its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyClass {
    /// A frontend token in a browser.
    Browser,
    /// A key of a server.
    Server,
    /// A key of a batch job.
    Job,
}

impl KeyClass {
    /// Word of the class, as in the `RateLimit` header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Server => "server",
            Self::Job => "job",
        }
    }

    /// Most cost units that one request may ask for.
    pub fn request_cost_max(self) -> u64 {
        match self {
            Self::Browser => 2_000,
            Self::Server => 5_000,
            Self::Job => 50_000,
        }
    }
}

/// Size of one bucket, in cost units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketSize {
    /// Units in a full bucket.
    pub capacity: NonZeroU32,
    /// Units that come back per second.
    pub per_second: NonZeroU32,
}

/// Size of the bucket of each class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketSizes {
    /// For frontend tokens.
    pub browser: BucketSize,
    /// For server keys.
    pub server: BucketSize,
    /// For job keys.
    pub job: BucketSize,
}

const fn size(capacity: u32, per_second: u32) -> BucketSize {
    match (NonZeroU32::new(capacity), NonZeroU32::new(per_second)) {
        (Some(capacity), Some(per_second)) => BucketSize {
            capacity,
            per_second,
        },
        _ => panic!("a bucket is not empty"),
    }
}

impl Default for BucketSizes {
    fn default() -> Self {
        const DEFAULT: BucketSizes = BucketSizes {
            browser: size(2_000, 100),
            server: size(20_000, 2_000),
            job: size(2_000_000, 200_000),
        };
        DEFAULT
    }
}

impl BucketSizes {
    /// Size for a class.
    pub fn of(&self, class: KeyClass) -> BucketSize {
        match class {
            KeyClass::Browser => self.browser,
            KeyClass::Server => self.server,
            KeyClass::Job => self.job,
        }
    }
}

/// How full a bucket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Size of the bucket.
    pub size: BucketSize,
    /// Units left now, returned units included.
    pub available: u32,
}

impl Level {
    /// The level after `units` were given back.
    #[must_use]
    pub fn after_return(self, units: u32) -> Self {
        let available = self
            .available
            .saturating_add(units)
            .min(self.size.capacity.get());
        Self { available, ..self }
    }

    /// Whole seconds until the bucket is full again.
    pub fn seconds_to_full(self) -> u64 {
        let missing = self.size.capacity.get().saturating_sub(self.available);
        u64::from(missing.div_ceil(self.size.per_second.get()))
    }
}

/// Outcome of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// The units were taken.
    Taken(Level),
    /// The bucket has too few; nothing was taken.
    Refused {
        /// The bucket now.
        level: Level,
        /// Time until the charge fits.
        wait: Duration,
    },
}

/// A bucket per key. In memory here; a shared store can stand behind the same trait.
pub trait Buckets: Send + Sync + 'static {
    /// Takes `units` from a key's bucket, or nothing; 0 counts as 1.
    fn charge(&self, key: KeyId, class: KeyClass, units: u32) -> BoxFuture<'_, Charge>;

    /// Gives units back that were charged and not used.
    fn give_back(&self, key: KeyId, class: KeyClass, units: u32) -> BoxFuture<'_, ()>;
}

/// Keys whose returned units are remembered; above it the oldest knowledge is dropped.
const CREDITS_MAX: usize = 100_000;

type Governed<C> = RateLimiter<KeyId, DashMapStateStore<KeyId>, C, StateInformationMiddleware>;

struct OneClass<C: Clock> {
    size: BucketSize,
    limiter: Governed<C>,
    /// Units to take off the next charge: the limiter cannot give cells back.
    credits: Mutex<HashMap<KeyId, u32>>,
}

/// Buckets in this process's memory, over governor.
pub struct MemoryBuckets<C: Clock = DefaultClock> {
    browser: OneClass<C>,
    server: OneClass<C>,
    job: OneClass<C>,
    clock: C,
}

impl MemoryBuckets {
    /// Full buckets of the given sizes.
    pub fn new(sizes: &BucketSizes) -> Self {
        Self::with_clock(sizes, &DefaultClock::default())
    }
}

impl<C: Clock + Clone> MemoryBuckets<C> {
    /// Full buckets on a clock of the caller's.
    pub fn with_clock(sizes: &BucketSizes, clock: &C) -> Self {
        let one = |size: BucketSize| OneClass {
            size,
            limiter: RateLimiter::dashmap_with_clock(quota(size), clock.clone()).with_middleware(),
            credits: Mutex::default(),
        };
        Self {
            browser: one(sizes.browser),
            server: one(sizes.server),
            job: one(sizes.job),
            clock: clock.clone(),
        }
    }

    fn of(&self, class: KeyClass) -> &OneClass<C> {
        match class {
            KeyClass::Browser => &self.browser,
            KeyClass::Server => &self.server,
            KeyClass::Job => &self.job,
        }
    }
}

fn quota(size: BucketSize) -> Quota {
    Quota::per_second(size.per_second).allow_burst(size.capacity)
}

impl<C: Clock> OneClass<C> {
    fn charge(&self, clock: &C, key: KeyId, units: u32) -> Charge {
        let mut credits = self.credits.lock().unwrap_or_else(PoisonError::into_inner);
        let credit = credits.get(&key).copied().unwrap_or(0);
        let units = NonZeroU32::new(units).unwrap_or(NonZeroU32::MIN);
        let level = |available: u32| Level {
            size: self.size,
            available,
        };
        let mut checked = self.limiter.check_key_n(&key, units);
        // One unit always goes to the limiter, which alone knows the level.
        let used = credit.min(units.get() - 1);
        let net = NonZeroU32::new(units.get() - used).unwrap_or(NonZeroU32::MIN);
        let mut kept = credit;
        if used > 0 && !matches!(checked, Ok(Ok(_))) {
            checked = self.limiter.check_key_n(&key, net);
            kept = credit - used;
        }
        match checked {
            Ok(Ok(state)) => {
                let left = state.remaining_burst_capacity();
                // What time brought back meanwhile leaves less room: a full bucket does not
                // overflow.
                let taken = if kept == credit { units } else { net };
                let room = self.size.capacity.get().saturating_sub(left);
                let kept = kept.min(room.saturating_sub(taken.get()));
                if kept > 0 {
                    credits.insert(key, kept);
                } else {
                    credits.remove(&key);
                }
                Charge::Taken(level(left).after_return(kept))
            }
            Ok(Err(not_yet)) => {
                let wait = not_yet.wait_time_from(clock.now());
                let missing = units_in(wait, self.size.per_second);
                Charge::Refused {
                    level: level(net.get().saturating_sub(missing)),
                    wait,
                }
            }
            // More than a full bucket: the caller's own maximum is below, unless configured so.
            Err(_) => {
                let seconds = self
                    .size
                    .capacity
                    .get()
                    .div_ceil(self.size.per_second.get());
                let wait = Duration::from_secs(u64::from(seconds));
                Charge::Refused {
                    level: level(0),
                    wait,
                }
            }
        }
    }

    fn give_back(&self, key: KeyId, units: u32) {
        if units == 0 {
            return;
        }
        let mut credits = self.credits.lock().unwrap_or_else(PoisonError::into_inner);
        if credits.len() >= CREDITS_MAX && !credits.contains_key(&key) {
            credits.clear();
            self.limiter.retain_recent();
        }
        let credit = credits.entry(key).or_default();
        // Never more than a bucket: a full one cannot overflow.
        *credit = credit.saturating_add(units).min(self.size.capacity.get());
    }
}

fn units_in(wait: Duration, per_second: NonZeroU32) -> u32 {
    let nanos = wait.as_nanos().saturating_mul(u128::from(per_second.get()));
    u32::try_from(nanos.div_ceil(1_000_000_000)).unwrap_or(u32::MAX)
}

impl<C: Clock + Clone + Send + Sync + 'static> Buckets for MemoryBuckets<C>
where
    C::Instant: Send + Sync,
{
    fn charge(&self, key: KeyId, class: KeyClass, units: u32) -> BoxFuture<'_, Charge> {
        let charge = self.of(class).charge(&self.clock, key, units);
        Box::pin(std::future::ready(charge))
    }

    fn give_back(&self, key: KeyId, class: KeyClass, units: u32) -> BoxFuture<'_, ()> {
        self.of(class).give_back(key, units);
        Box::pin(std::future::ready(()))
    }
}

/// Failed keys that one peer may present at once.
pub const FAILURES_BURST: u32 = 50;
/// Failed keys that one peer may present per second in the long run.
pub const FAILURES_PER_SECOND: u32 = 5;
/// Peers that are remembered before quiet ones are forgotten.
const PEERS_MAX: usize = 100_000;

/// Slows down guessing: counts refused keys per peer address.
///
/// A valid key from the same address is never refused by it, because many clients share one
/// address behind a gateway.
pub struct FailureLimiter<C: Clock = DefaultClock> {
    limiter: RateLimiter<IpAddr, DashMapStateStore<IpAddr>, C, StateInformationMiddleware>,
    clock: C,
}

impl Default for FailureLimiter {
    fn default() -> Self {
        Self::with_clock(DefaultClock::default())
    }
}

impl<C: Clock + Clone> FailureLimiter<C> {
    /// A limiter on a clock of the caller's.
    pub fn with_clock(clock: C) -> Self {
        let quota = quota(size(FAILURES_BURST, FAILURES_PER_SECOND));
        let limiter = RateLimiter::dashmap_with_clock(quota, clock.clone()).with_middleware();
        Self { limiter, clock }
    }

    /// Notes a refused key.
    ///
    /// # Errors
    /// The time to wait, when the peer presented too many.
    pub fn note(&self, peer: IpAddr) -> Result<(), Duration> {
        if self.limiter.len() >= PEERS_MAX {
            self.limiter.retain_recent();
        }
        let outcome = self.limiter.check_key(&network_of(peer));
        outcome
            .map(|_| ())
            .map_err(|not_yet| not_yet.wait_time_from(self.clock.now()))
    }
}

/// The address itself, or the /64 network of an IPv6 address, which one subscriber owns whole.
pub(crate) fn network_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let bits = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(bits.into())
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
#[path = "rate_tests.rs"]
mod tests;
