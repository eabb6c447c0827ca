//! Consent, registrations, grants and sealing.
//!
//! Pure: [`machine`] says how a consent moves, [`attempt`] judges a callback, [`ledger`] has the
//! words of what is recorded and [`seal`] keeps what nobody may read. Driving: [`Vault`] leads a
//! person through a consent and keeps, lends, refreshes and takes back what it gave.

pub mod access;
pub mod attempt;
mod callback;
pub mod catalogue;
mod consents;
mod departure;
mod error;
mod exchange;
mod families;
mod flow;
mod fruitless;
mod grants;
pub mod identifiers;
pub mod jobs;
mod kept;
pub mod keys;
pub mod ledger;
mod lend;
mod locks;
pub mod machine;
mod outcome;
pub mod pages;
pub mod raw;
mod records;
pub mod refresh;
pub mod registrations;
mod results;
mod revoke;
pub mod seal;
pub mod sessions;
mod settle;
mod standing;
mod sweep;
pub mod tenants;

pub use callback::{CallbackOutcome, EXCHANGE_SECONDS_MAX, Working};
pub use catalogue::Catalogue;
pub use departure::{Departure, Redirect, Visitor};
pub use error::VaultError;
pub use families::Families;
pub use keys::Keys;
pub use lend::{Lender, ReadAccess};
pub use outcome::{Ended, EndedAs, RESULT_PARAM};
pub use pages::{Browser, Choice, PageError, SessionView};
pub use results::{RESULT_SECONDS, Redeemed};
pub use revoke::{Disconnected, REVOKE_SECONDS_MAX, Revocation};
pub use sessions::{StartError, StartLink, Started};
pub use sweep::{SWEEP_MAX, Swept};

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use fondaco_model::ids::GrantId;
use fondaco_model::{Effects, Instant, Secret};
use fondaco_store::Db;
use fondaco_transport::{Sleeper, Transport};
use url::Url;

use crate::locks::Locks;

/// What a vault is made of.
pub struct VaultParts {
    /// The store.
    pub db: Db,
    /// Clock and randomness.
    pub effects: Effects,
    /// The keys; with the token ring, because every flow seals tokens.
    pub keys: Keys,
    /// What sends calls to institutions; its layers may borrow from `lender`.
    pub transport: Arc<dyn Transport>,
    /// What waits for another process's refresh.
    pub sleeper: Arc<dyn Sleeper>,
    /// The institutions.
    pub catalogue: Arc<Catalogue>,
    /// Where people reach this installation; hosted pages and redirect URIs hang on it.
    pub public_url: Url,
    /// What lends tokens and client secrets to the transport's layers.
    pub lender: Lender,
}

/// Drives consents and keeps what they gave. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    db: Db,
    effects: Effects,
    keys: Keys,
    transport: Arc<dyn Transport>,
    sleeper: Arc<dyn Sleeper>,
    catalogue: Arc<Catalogue>,
    public_url: Url,
    /// One departure of a session at a time, so that a double click asks the bank once.
    departures: Locks,
    /// One refresh of a grant at a time in this process; the store's lease spans processes.
    refreshes: Locks,
    /// Tokens that are lent for one errand: before their grant is stored, or after it was retired.
    errands: Mutex<HashMap<GrantId, Secret>>,
}

impl Vault {
    /// A vault; from now on the lender lends what it holds.
    pub fn new(parts: VaultParts) -> Self {
        let inner = Arc::new(Inner {
            db: parts.db,
            effects: parts.effects,
            keys: parts.keys,
            transport: parts.transport,
            sleeper: parts.sleeper,
            catalogue: parts.catalogue,
            public_url: parts.public_url,
            departures: Locks::new(),
            refreshes: Locks::new(),
            errands: Mutex::default(),
        });
        parts.lender.serve(&inner);
        Self { inner }
    }

    /// The institutions.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.inner.catalogue
    }

    /// The keys.
    pub fn keys(&self) -> &Keys {
        &self.inner.keys
    }

    /// The store.
    pub fn db(&self) -> &Db {
        &self.inner.db
    }

    /// Clock and randomness.
    pub fn effects(&self) -> &Effects {
        &self.inner.effects
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}

impl Inner {
    fn now(&self) -> Instant {
        self.effects.now()
    }

    /// Lends a token under a grant's id until the errand is dropped.
    fn errand(self: &Arc<Self>, grant: GrantId, token: Secret) -> Errand {
        let mut errands = self.errands.lock().unwrap_or_else(PoisonError::into_inner);
        errands.insert(grant, token);
        Errand {
            inner: Arc::clone(self),
            grant,
        }
    }

    fn errand_token(&self, grant: GrantId) -> Option<Secret> {
        let errands = self.errands.lock().unwrap_or_else(PoisonError::into_inner);
        errands.get(&grant).cloned()
    }
}

/// A token on an errand.
pub(crate) struct Errand {
    inner: Arc<Inner>,
    grant: GrantId,
}

impl Drop for Errand {
    fn drop(&mut self) {
        let mut errands = self
            .inner
            .errands
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        errands.remove(&self.grant);
    }
}

#[cfg(test)]
mod tests;
