//! Places for uploads that are received at the same time, and the share of them that a key may
//! hold.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fondaco_model::ids::ApiKeyId;

/// Statement uploads that are received at the same time; a further one is told to come again.
pub const UPLOADS_AT_ONCE: usize = 16;

/// Of these, the most that one key receives with the frontend tokens that it made: a tenant whose
/// pages upload slowly leaves places to the others.
pub const UPLOADS_OF_KEY: usize = 4;

/// Who holds how many places; no entry for none, so that it has at most [`UPLOADS_AT_ONCE`].
#[derive(Default)]
pub(super) struct Places {
    held: Mutex<HashMap<ApiKeyId, usize>>,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// The key has its share.
    Share,
    /// All places are taken.
    All,
}

/// One place; free again when it is dropped.
pub(super) struct Place<'a> {
    places: &'a Places,
    key: ApiKeyId,
}

impl Places {
    /// Takes a place for a key.
    ///
    /// # Errors
    /// What is full.
    pub(super) fn take(&self, key: ApiKeyId) -> Result<Place<'_>, Full> {
        let mut held = self.held();
        if held.get(&key).is_some_and(|own| *own >= UPLOADS_OF_KEY) {
            return Err(Full::Share);
        }
        if held.values().sum::<usize>() >= UPLOADS_AT_ONCE {
            return Err(Full::All);
        }
        *held.entry(key).or_default() += 1;
        Ok(Place { places: self, key })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<ApiKeyId, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut held = self.places.held();
        match held.get_mut(&self.key) {
            Some(own) if *own > 1 => *own -= 1,
            Some(_) | None => {
                held.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn key(number: usize) -> ApiKeyId {
        ApiKeyId(Uuid::from_u128(u128::try_from(number).unwrap()))
    }

    #[test]
    fn a_key_takes_its_share_and_all_keys_together_take_every_place() {
        let places = Places::default();
        let mut taken = Vec::new();
        for number in 0..UPLOADS_AT_ONCE / UPLOADS_OF_KEY {
            for _ in 0..UPLOADS_OF_KEY {
                taken.push(places.take(key(number)).ok().unwrap());
            }
            assert_eq!(places.take(key(number)).err(), Some(Full::Share));
        }
        assert_eq!(taken.len(), UPLOADS_AT_ONCE);
        assert_eq!(places.take(key(99)).err(), Some(Full::All));
        taken.pop();
        let last = places.take(key(99)).ok().unwrap();
        assert_eq!(places.take(key(98)).err(), Some(Full::All));
        drop((last, taken));
        assert!(places.held().is_empty(), "what is free is forgotten");
    }
}
