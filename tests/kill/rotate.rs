//! A first reading whose access token is renewed before each call, killed and started again.
//!
//! A rotation that a kill interrupts has two ends. When the bank had not acted, or its answer was
//! kept, the link goes on. When it had acted and the answer was on the way, the old refresh token
//! is spent: this bank has no grace, so the person has to authenticate again, and nothing else
//! may happen.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use fondaco_sandbox::Config;
use serde_json::Value;

use crate::books::Books;
use crate::linked::{Bank, Registered, consent, register};
use crate::points::{self, Seen, copy, each, kill_after};
use crate::program::{Home, homes};
use crate::server::Server;
use crate::sync::{MONTHS, PAGE_ROWS, PERSON, SERVE, same_as_the_bank};

/// A token that is renewed before every call: the product renews half a minute early.
const ACCESS_SECONDS: u32 = 30;
/// Readings at once: most of their time they wait for the lease of a call that was killed.
const WORKERS: usize = 10;
/// What the bank says of a grant whose spent token came again.
const REUSED: &str = "reuse of a spent token";

/// An installation in which each point gets a consent of its own.
struct Ground {
    registered: Registered,
    bank: Bank,
    /// The bank knows one address, so people consent one after another.
    turn: Mutex<()>,
}

/// A copy with a grant of its own.
struct Granted {
    home: Home,
    link: String,
    /// The bank's number of the grant.
    grant: u64,
}

/// How a reading ended.
enum End {
    Whole,
    Reauth,
}

impl Ground {
    fn prepare(home: Home) -> Self {
        let bank = Bank::open(Config {
            page_size: PAGE_ROWS,
            history_months: MONTHS,
            access_ttl_s: ACCESS_SECONDS,
            ..Config::default()
        });
        let registered = register(home, &bank);
        Self {
            registered,
            bank,
            turn: Mutex::new(()),
        }
    }

    fn granted(&self) -> Granted {
        // A point that failed leaves the address free.
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let home = copy(&self.registered.home);
        let link = consent(&home, &self.registered.key, PERSON);
        let grants = self.grants();
        let newest = grants.iter().filter_map(|grant| grant["grant"].as_u64());
        let grant = newest.max().expect("the bank has granted");
        Granted { home, link, grant }
    }

    fn grants(&self) -> Vec<Value> {
        let stats = self.bank.control("stats", None);
        stats["grants"]
            .as_array()
            .expect("the bank lists grants")
            .clone()
    }

    /// Reads to the end of the history, and once more: a link works or it does not.
    fn read(&self, granted: &Granted) -> Result<(End, Duration), String> {
        let key = &self.registered.key;
        let start = Instant::now();
        let mut server = Server::command(&granted.home, &SERVE);
        let first = wait(&mut server, key, |link| link["progress"] == "HISTORY");
        let took = start.elapsed();
        let mut end = first?;
        if matches!(end, End::Whole) {
            let before = look(&server, key)["lastSuccessAt"].clone();
            again(&server, key, &granted.link)?;
            let is_read =
                |link: &Value| link["health"] == "HEALTHY" && link["lastSuccessAt"] != before;
            end = wait(&mut server, key, is_read)?;
        }
        let (code, log) = server.stop("TERM");
        if code != Some(0) {
            return Err(format!("exit code {code:?}: {log}"));
        }
        Ok((end, took))
    }

    /// Whether what the bank saw of a grant allows this end.
    fn judge(&self, granted: &Granted, end: &End) -> Result<(), String> {
        let grants = self.grants();
        let grant = grants.iter().find(|one| one["grant"] == granted.grant);
        let grant = grant.ok_or("the bank has lost the grant")?;
        let asked = grant["refreshCallsByGeneration"].as_object();
        let asked = asked.ok_or("the bank does not count")?;
        let twice: Vec<&str> = asked
            .iter()
            .filter(|(_, count)| **count != 1)
            .map(|(generation, _)| generation.as_str())
            .collect();
        let is_rotated = asked.len() > 1;
        let is_allowed = match (end, &twice[..]) {
            (End::Whole, []) => is_rotated && grant["ended"].is_null(),
            // Asked once before the kill and once after it, and never again.
            (End::Reauth, [generation]) => {
                let spent: Option<u64> = generation.parse().ok();
                asked[*generation] == 2
                    && grant["ended"] == REUSED
                    && spent.is_some_and(|spent| grant["generation"].as_u64() > Some(spent))
            }
            _ => false,
        };
        if is_allowed {
            Ok(())
        } else {
            Err(format!("not allowed by what the bank saw: {grant}"))
        }
    }

    fn check(&self, delay: Duration, whole: &Books) -> Result<Seen, String> {
        let granted = self.granted();
        let killed = kill_after(granted.home.command(&SERVE), delay);
        let (end, _) = self.read(&granted)?;
        self.judge(&granted, &end)?;
        let books = Books::read(&granted.home)?;
        match end {
            End::Whole => {
                books.same_as(whole)?;
                same_as_the_bank(&books, &self.bank)?;
                Ok(Seen::whole(killed))
            }
            End::Reauth if killed => {
                books.within(whole)?;
                Ok(Seen::Reauth)
            }
            End::Reauth => Err("the person is asked, and nobody was killed".to_owned()),
        }
    }
}

fn look(server: &Server, key: &str) -> Value {
    let query = "{ links(first: 5) { nodes { progress health lastSuccessAt consent { state } } } }";
    let answer = server.query(key, query);
    answer["data"]["links"]["nodes"][0].clone()
}

fn wait(server: &mut Server, key: &str, is_done: impl Fn(&Value) -> bool) -> Result<End, String> {
    server.wait(|server| {
        let link = look(server, key);
        match link["consent"]["state"].as_str() {
            Some("ACTIVE") => is_done(&link).then_some(Ok(End::Whole)),
            Some("REAUTH_REQUIRED") => Some(Ok(End::Reauth)),
            _ => Some(Err(format!("the consent is neither: {link}"))),
        }
    })
}

fn again(server: &Server, key: &str, link: &str) -> Result<(), String> {
    let mutation = format!(
        "mutation {{ refreshLink(input: {{ linkId: \"{link}\", idempotencyKey: \"again\" }}) {{ \
         userErrors {{ code }} }} }}"
    );
    let answer = server.query(key, &mutation);
    let errors = &answer["data"]["refreshLink"]["userErrors"];
    if errors.as_array().is_some_and(Vec::is_empty) {
        Ok(())
    } else {
        Err(format!("no further reading: {answer}"))
    }
}

#[test]
fn a_reading_that_is_killed_in_a_rotation_goes_on_or_asks_the_person_and_nothing_else() {
    let (count, seed) = points::asked();
    for home in homes() {
        let ground = Ground::prepare(home);
        let granted = ground.granted();
        let (end, took) = ground.read(&granted).expect("an undisturbed reading ends");
        ground.judge(&granted, &end).expect("it is whole");
        let whole = Books::read(&granted.home).expect("it is exported");
        same_as_the_bank(&whole, &ground.bank).expect("it is whole");
        let delays = points::delays(count, seed, took);
        let outcome = each(&delays, WORKERS, |delay| ground.check(delay, &whole));
        let engine = ground.registered.home.engine();
        outcome.tell("rotation", engine, (seed, took));
    }
}
