//! Clock and randomness in one handle, passed to whatever needs an effect.

use std::sync::Arc;

use uuid::Uuid;

use crate::time::{Clock, Instant, SystemClock};

/// A source of unpredictable bytes.
pub trait Entropy: Send + Sync + 'static {
    /// Fills the whole buffer.
    fn fill(&self, buffer: &mut [u8]);
}

/// The operating system's random number generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system has randomness after boot");
    }
}

/// The effects that a part of the system may have: it can ask the time and draw randomness.
#[derive(Clone)]
pub struct Effects {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Effects {
    /// The real clock and the system's randomness.
    pub fn system() -> Self {
        Self::new(Arc::new(SystemClock), Arc::new(SystemEntropy))
    }

    /// A chosen clock and a chosen source of randomness.
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clock, entropy }
    }

    /// The present instant.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Fills a buffer with unpredictable bytes.
    pub fn fill(&self, buffer: &mut [u8]) {
        self.entropy.fill(buffer);
    }

    /// `N` unpredictable bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }

    /// A new UUIDv7 (RFC 9562): the clock's milliseconds, then randomness.
    pub fn uuid(&self) -> Uuid {
        let millis = u64::try_from(self.now().micros() / 1_000).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid()
    }

    /// A number below `bound`, for jitter; 0 when the bound is 0.
    pub fn below(&self, bound: u64) -> u64 {
        u64::from_le_bytes(self.bytes())
            .checked_rem(bound)
            .unwrap_or(0)
    }
}

impl std::fmt::Debug for Effects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Effects")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_ids_are_version_7_and_sort_by_time() {
        let clock = Arc::new(crate::time::ManualClock::at(Instant::from_micros(
            1_000_000,
        )));
        let effects = Effects::new(clock.clone(), Arc::new(SystemEntropy));
        let first = effects.uuid();
        clock.advance_seconds(1);
        let second = effects.uuid();
        assert_eq!(first.get_version_num(), 7);
        assert!(first < second);
        assert_eq!(effects.below(0), 0);
        assert!(effects.below(3) < 3);
    }
}
