//! A first reading of a bank that is killed and started again.

use std::time::{Duration, Instant};

use fondaco_sandbox::Config;
use serde_json::Value;

use crate::books::{Books, Sum, minor};
use crate::linked::{Bank, Linked, link};
use crate::points::{self, Seen, copy, each, kill_after};
use crate::program::{Home, homes};
use crate::server::Server;

/// Readings at once: most of their time they wait for the lease of the one that was killed.
const WORKERS: usize = 5;
/// Rows of one page: a reading has many pages to be killed between.
pub(crate) const PAGE_ROWS: usize = 20;
/// Months of history: enough pages, and short enough for a reading at each point.
pub(crate) const MONTHS: u16 = 4;
/// The person with the most accounts.
pub(crate) const PERSON: &str = "anna";

pub(crate) const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

fn bank() -> Bank {
    Bank::open(Config {
        page_size: PAGE_ROWS,
        history_months: MONTHS,
        // Every copy has the same grant; none may be refreshed by one of them for itself. What a
        // kill does to a rotation is the subject of `rotate`.
        access_ttl_s: 86_400,
        ..Config::default()
    })
}

/// Lets a server read to the end of the history.
fn read_all(home: &Home, key: &str) -> Result<Books, String> {
    let mut server = Server::command(home, &SERVE);
    let query = "{ links(first: 5) { nodes { progress health } } }";
    let health = server.wait(|server| {
        let answer = server.query(key, query);
        let link = &answer["data"]["links"]["nodes"][0];
        let is_well = link["health"] == "HEALTHY" || link["health"] == "UNKNOWN";
        let is_over = link["progress"] == "HISTORY" || !is_well;
        is_over.then(|| link.clone())
    });
    let (code, log) = server.stop("TERM");
    if health["progress"] != "HISTORY" || code != Some(0) {
        return Err(format!("{health}, exit code {code:?}: {log}"));
    }
    Books::read(home)
}

/// The bank's own count and sum of a person's rows against ours, account by account.
pub(crate) fn same_as_the_bank(books: &Books, bank: &Bank) -> Result<(), String> {
    let info = bank.control("info", None);
    let people = info["people"].as_array().expect("there are people");
    let person = people
        .iter()
        .find(|one| one["user"] == PERSON)
        .expect("the bank knows them");
    for account in person["accounts"]
        .as_array()
        .expect("a person has accounts")
    {
        let name = account["name"].as_str().unwrap_or_default();
        for (kind, status) in [("booked", "POSTED"), ("pending", "PENDING")] {
            let (ours, theirs) = (books.sum(name, status), stated(&account[kind]));
            if ours != theirs {
                return Err(format!(
                    "{name}, {kind}: {ours:?} and at the bank {theirs:?}"
                ));
            }
        }
    }
    Ok(())
}

fn stated(kind: &Value) -> Sum {
    Sum {
        count: kind["count"].as_u64().unwrap_or_default(),
        minor: minor(kind["sum"].as_str().unwrap_or_default()),
    }
}

/// The undisturbed books and how long they took from the start of the process.
fn undisturbed(linked: &Linked, bank: &Bank) -> (Books, Duration) {
    let home = copy(&linked.home);
    let start = Instant::now();
    let books = read_all(&home, &linked.key).expect("an undisturbed reading ends");
    let took = start.elapsed();
    same_as_the_bank(&books, bank).expect("an undisturbed reading is whole");
    (books, took)
}

#[test]
fn a_reading_that_is_killed_anywhere_and_goes_on_neither_loses_nor_doubles_a_row() {
    let (count, seed) = points::asked();
    for home in homes() {
        let bank = bank();
        let linked = link(home, &bank, PERSON);
        let (whole, took) = undisturbed(&linked, &bank);
        let delays = points::delays(count, seed, took);
        let outcome = each(&delays, WORKERS, |delay| {
            let home = copy(&linked.home);
            let killed = kill_after(home.command(&SERVE), delay);
            let books = read_all(&home, &linked.key)?;
            books.same_as(&whole)?;
            same_as_the_bank(&books, &bank)?;
            Ok(Seen::whole(killed))
        });
        outcome.tell("sync", linked.home.engine(), (seed, took));
    }
}
