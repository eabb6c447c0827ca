//! Limits requests per peer address, in memory of a fixed size.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::guard::rate::network_of;

/// Requests that one peer address may make on pages, callbacks and uploads together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerRates {
    /// Requests at once.
    pub burst: NonZeroU32,
    /// Requests per second in the long run.
    pub per_second: NonZeroU32,
}

impl Default for PeerRates {
    /// 120 at once and 10 per second: a whole office behind one address, never a guessing machine.
    fn default() -> Self {
        const fn count(number: u32) -> NonZeroU32 {
            match NonZeroU32::new(number) {
                Some(number) => number,
                None => panic!("a limit is not 0"),
            }
        }
        const BURST: NonZeroU32 = count(120);
        const PER_SECOND: NonZeroU32 = count(10);
        Self {
            burst: BURST,
            per_second: PER_SECOND,
        }
    }
}

/// Buckets that all peers share by their hash. Two peers in one bucket slow each other down, which
/// is rare; in turn no number of addresses can fill the memory.
const BUCKETS: u64 = 1 << 16;

/// A limiter over peer addresses; an IPv6 peer counts with its whole /64 network.
pub(super) struct PeerLimiter {
    limiter: DefaultKeyedRateLimiter<u64>,
    hasher: RandomState,
    clock: DefaultClock,
}

impl PeerLimiter {
    pub(super) fn new(rates: PeerRates) -> Self {
        let quota = Quota::per_second(rates.per_second).allow_burst(rates.burst);
        Self {
            limiter: RateLimiter::dashmap(quota),
            hasher: RandomState::new(),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a request. Peers that are not known share one bucket.
    ///
    /// # Errors
    /// The time to wait.
    pub(super) fn admit(&self, peer: Option<IpAddr>) -> Result<(), Duration> {
        let bucket = self.hasher.hash_one(peer.map(network_of)) % BUCKETS;
        let counted = self.limiter.check_key(&bucket);
        counted.map_err(|not_yet| not_yet.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn slow(burst: u32) -> PeerLimiter {
        PeerLimiter::new(PeerRates {
            burst: NonZeroU32::new(burst).unwrap(),
            per_second: NonZeroU32::MIN,
        })
    }

    #[test]
    fn a_peer_is_admitted_up_to_its_burst_and_others_after_it() {
        let limiter = slow(2);
        assert!(limiter.admit(Some(ip("192.0.2.1"))).is_ok());
        assert!(limiter.admit(Some(ip("192.0.2.1"))).is_ok());
        let wait = limiter.admit(Some(ip("192.0.2.1"))).unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1));
        let others =
            (1..=200_u8).filter(|n| limiter.admit(Some(ip(&format!("198.51.100.{n}")))).is_ok());
        assert!(others.count() >= 190, "buckets are rarely shared");
    }

    #[test]
    fn one_subscribers_ipv6_network_is_one_peer() {
        let limiter = slow(1);
        assert!(limiter.admit(Some(ip("2001:db8:0:1::1"))).is_ok());
        assert!(limiter.admit(Some(ip("2001:db8:0:1:ffff::2"))).is_err());
    }
}
