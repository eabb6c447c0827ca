//! The bank's memory and the one door to it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::Clock;
use crate::config::Config;
use crate::consent::{Consent, Status};
use crate::data::Ledger;
use crate::date::Day;
use crate::faults::Fault;
use crate::grants::{Grants, Lifetimes};
use crate::secret;
use crate::stats::Stats;

/// The bank keeps this many consents, and as many logins under way.
const KEPT_MAX: usize = 10_000;
/// The list of secrets for the control port holds this many; the oldest quarter goes first.
const HANDED_OUT_MAX: usize = 200_000;

pub(crate) type Shared = Arc<Bank>;

/// The bank: settings, clock and memory.
pub(crate) struct Bank {
    pub(crate) config: Config,
    pub(crate) base_url: String,
    pub(crate) clock: Clock,
    /// First day of the history that clients see; it does not move with the clock.
    pub(crate) history_from: Day,
    world: Mutex<World>,
}

/// Everything that changes.
pub(crate) struct World {
    pub(crate) ledger: Ledger,
    pub(crate) consents: BTreeMap<String, Consent>,
    pub(crate) flows: BTreeMap<String, Flow>,
    pub(crate) grants: Grants,
    pub(crate) faults: Vec<Fault>,
    pub(crate) stats: Stats,
    pub(crate) handed_out: Vec<HandedOut>,
    pub(crate) redirect_uris: Vec<String>,
}

/// A secret that left the bank, so that a test can look for it where it must not be.
pub(crate) struct HandedOut {
    pub(crate) kind: &'static str,
    pub(crate) value: String,
    pub(crate) consent: String,
}

/// A person's way from the client's link to the answer.
pub(crate) struct Flow {
    /// The browser that opened the link, by its cookie.
    pub(crate) browser: String,
    pub(crate) consent: String,
    pub(crate) way: Way,
    pub(crate) person: Option<usize>,
    /// Where the browser was sent in the end; a repeated answer is sent there again.
    pub(crate) answer: Option<String>,
    pub(crate) expires_s: i64,
}

/// How the answer goes back to the client.
pub(crate) enum Way {
    OAuth {
        redirect_uri: String,
        state: Option<String>,
        challenge: String,
    },
    Redirect,
}

/// A visit to the memory at one instant, with the books made up to that day.
pub(crate) struct Visit<'bank> {
    pub(crate) world: MutexGuard<'bank, World>,
    pub(crate) now_s: i64,
    pub(crate) today: Day,
}

impl Bank {
    pub(crate) fn open(config: Config, base_url: String, today: Option<Day>) -> Self {
        let clock = Clock::start(today);
        let history_from = clock
            .today()
            .month_start_before(i32::from(config.history_months));
        let world = Mutex::new(World::new(&config));
        Self {
            config,
            base_url,
            clock,
            history_from,
            world,
        }
    }

    /// Enters the memory; nobody else is in it meanwhile.
    pub(crate) fn visit(&self) -> Visit<'_> {
        // A panic while the door was open leaves plain data behind, which stays usable.
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let now_s = self.clock.now_s();
        let today = self.clock.today();
        world.ledger.extend(today);
        Visit {
            world,
            now_s,
            today,
        }
    }

    /// Forgets everything and sets the clock back.
    pub(crate) fn reset(&self) {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        *world = World::new(&self.config);
        self.clock.reset();
    }

    pub(crate) fn lifetimes(&self) -> Lifetimes {
        Lifetimes {
            access_s: i64::from(self.config.access_ttl_s),
            refresh_s: i64::from(self.config.refresh_ttl_s),
        }
    }
}

impl World {
    fn new(config: &Config) -> Self {
        Self {
            ledger: Ledger::new(config.seed),
            consents: BTreeMap::new(),
            flows: BTreeMap::new(),
            grants: Grants::default(),
            faults: Vec::new(),
            stats: Stats::default(),
            handed_out: Vec::new(),
            redirect_uris: config.redirect_uris.clone(),
        }
    }

    pub(crate) fn hand_out(&mut self, kind: &'static str, value: &str, consent: &str) {
        if self.handed_out.len() >= HANDED_OUT_MAX {
            self.handed_out.drain(..HANDED_OUT_MAX / 4);
        }
        let (value, consent) = (value.to_owned(), consent.to_owned());
        self.handed_out.push(HandedOut {
            kind,
            value,
            consent,
        });
    }
}

impl Visit<'_> {
    /// The consent with its state as of today.
    pub(crate) fn consent(&mut self, id: &str) -> Option<&mut Consent> {
        let consent = self.world.consents.get_mut(id)?;
        consent.age(self.today);
        Some(consent)
    }

    /// Keeps a consent; `None` when the bank keeps too many already.
    pub(crate) fn keep_consent(&mut self, consent: Consent) -> Option<String> {
        if self.world.consents.len() >= KEPT_MAX {
            return None;
        }
        let id = uuid::Uuid::new_v4().to_string();
        self.world.consents.insert(id.clone(), consent);
        Some(id)
    }

    /// Keeps a login under way; those that took too long make room first.
    pub(crate) fn keep_flow(&mut self, flow: Flow) -> Option<String> {
        let now_s = self.now_s;
        self.world.flows.retain(|_, kept| kept.expires_s > now_s);
        if self.world.flows.len() >= KEPT_MAX {
            return None;
        }
        let id = secret::fresh("flow_");
        self.world.flows.insert(id.clone(), flow);
        Some(id)
    }

    /// Ends a consent with everything that was given away for it.
    pub(crate) fn end_consent(&mut self, id: &str, status: Status, why: &'static str) {
        let today = self.today;
        if let Some(consent) = self.consent(id) {
            consent.end(status, today);
        }
        self.world.grants.end_consent(id, why);
    }
}
