//! The race of two processes for one grant, and what the bank saw of it.

use std::collections::BTreeMap;

use fondaco_sandbox::Config;
use fondaco_store::StoreConfig;
use serde_json::{Value, json};

use crate::linked::{Bank, Linked, link};
use crate::program::{Home, homes};
use crate::refresher::{Got, House, Process};

/// Tasks that want the token, over two processes.
const REFRESHERS: usize = 64;
/// Rotations of the grant.
const GENERATIONS: u64 = 3;
/// Longer than nobody may ask after a lost answer.
const LOST_SECONDS: i64 = 31;
/// Longer than a refusal has to be confirmed after.
const CONFIRM_SECONDS: i64 = 3_600;

/// A linked house, its bank, and two processes in it.
struct Race {
    linked: Linked,
    bank: Bank,
    processes: [Process; 2],
}

impl Race {
    fn prepare(home: Home) -> Self {
        let bank = Bank::open(Config::default());
        let linked = link(home, &bank, "anna");
        let house = house(&linked, &bank);
        let processes = [Process::start(&house), Process::start(&house)];
        Self {
            linked,
            bank,
            processes,
        }
    }

    /// All refreshers at once; what both processes got together.
    fn run(&mut self) -> Got {
        for process in &mut self.processes {
            process.hold();
        }
        for process in &mut self.processes {
            process.refresh(REFRESHERS / 2);
        }
        let mut all = Got::default();
        for process in &mut self.processes {
            let got = process.answer();
            add(&mut all.tokens, got.tokens);
            add(&mut all.faults, got.faults);
        }
        all
    }

    fn advance(&mut self, seconds: i64) {
        for process in &mut self.processes {
            process.advance(seconds);
        }
    }

    /// The bank's count of refreshes: granted, refused, and most with one generation's token.
    fn calls(&self) -> (u64, u64, u64) {
        let stats = self.bank.control("stats", None);
        let count = |key: &str| stats["token"]["refresh_token"][key].as_u64().unwrap_or(0);
        let grants = stats["grants"].as_array().expect("the bank lists grants");
        let most = grants
            .iter()
            .filter_map(|grant| grant["refreshCallsByGeneration"].as_object())
            .flat_map(|calls| calls.values().filter_map(Value::as_u64))
            .max();
        (count("granted"), count("refused"), most.unwrap_or(0))
    }

    fn engine(&self) -> &'static str {
        self.linked.home.engine()
    }
}

fn add(all: &mut BTreeMap<String, usize>, more: BTreeMap<String, usize>) {
    for (key, count) in more {
        *all.entry(key).or_default() += count;
    }
}

fn house(linked: &Linked, bank: &Bank) -> House {
    let home = &linked.home;
    let postgres = home
        .postgres
        .as_ref()
        .map(|database| match database.config() {
            StoreConfig::Postgres(config) => config.url.expose().to_owned(),
            StoreConfig::Sqlite(_) => unreachable!("the suite asked for PostgreSQL"),
        });
    let keys = ["DATA", "TOKEN"].map(|ring| {
        let variable = format!("TEST_MASTER_KEY_{ring}");
        let named = home.keys.iter().find(|(name, _)| *name == variable);
        named.map_or_else(
            || {
                let file = home.data().join(format!("{}.key", ring.to_lowercase()));
                std::fs::read_to_string(file).expect("the embedded store has its keys")
            },
            |(_, key)| key.clone(),
        )
    });
    House {
        file: postgres
            .is_none()
            .then(|| home.data().join("fondaco.db").display().to_string()),
        postgres,
        keys,
        entry: bank.entry(),
        tenant: linked.tenant.clone(),
        link: linked.link.clone(),
        now_us: fondaco_model::Effects::system().now().micros(),
    }
}

#[test]
fn sixty_four_refreshers_in_two_processes_make_one_token_call_for_each_generation() {
    for home in homes() {
        let mut race = Race::prepare(home);
        let mut seen = Vec::new();
        for generation in 1..=GENERATIONS {
            let got = race.run();
            let engine = race.engine();
            assert!(got.faults.is_empty(), "{engine}: {got:?}");
            let tokens: Vec<_> = got.tokens.into_iter().collect();
            assert_eq!(
                tokens.len(),
                1,
                "{engine}: all hold the same token: {tokens:?}"
            );
            assert_eq!(tokens[0].1, REFRESHERS, "{engine}");
            assert!(
                !seen.contains(&tokens[0].0),
                "{engine}: the token is a new one"
            );
            seen.push(tokens[0].0.clone());
            assert_eq!(race.calls(), (generation, 0, 1), "{engine}");
        }
    }
}

#[test]
fn a_lost_answer_has_one_clear_outcome_and_leads_to_no_storm() {
    for home in homes() {
        let mut race = Race::prepare(home);
        let fault = json!({"kind": "lost", "match": "token", "grant_type": "refresh_token"});
        race.bank.control("faults", Some(&fault));
        // The bank acts, its answer is lost: everybody hears that the bank does not answer.
        for _ in 0..2 {
            let got = race.run();
            let engine = race.engine();
            let all_down = BTreeMap::from([("ProviderDown".to_owned(), REFRESHERS)]);
            assert_eq!((got.tokens.len(), got.faults), (0, all_down), "{engine}");
            assert_eq!(
                race.calls(),
                (1, 0, 1),
                "{engine}: nobody asks again at once"
            );
        }
        // One asks again when the time has come. The old token is known as used: the grant ends.
        for seconds in [LOST_SECONDS, CONFIRM_SECONDS] {
            race.advance(seconds);
            let got = race.run();
            let engine = race.engine();
            let clear = BTreeMap::from([("UserActionRequired".to_owned(), REFRESHERS)]);
            assert_eq!((got.tokens.len(), got.faults), (0, clear), "{engine}");
            assert_eq!(
                race.calls(),
                (1, 1, 2),
                "{engine}: the person is asked, not the bank"
            );
        }
    }
}
