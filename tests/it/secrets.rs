//! The suite's share of the proof `secrets`: after a consent and a whole first reading, nothing
//! that opens something and no account number stands in the log, the database or its write-ahead
//! log. The proof also searches PostgreSQL's dump and files.

use std::fmt::Write as _;

use serde_json::Value;
use url::Url;

use crate::consent::{health, to_the_bank, told};
use crate::program::{Home, homes};
use crate::server::Server;

/// The person who consents.
const PERSON: &str = "anna";
/// What a bank hands out at least: the kinds that its list must have.
const KINDS: [&str; 3] = ["code", "access_token", "refresh_token"];
/// Every number and secret is longer; a shorter text would be found by chance.
const SECRET_BYTES_MIN: usize = 8;

/// A text that must not be found, and what it is.
struct Planted {
    what: String,
    text: String,
}

impl Planted {
    fn new(what: &str, text: &str) -> Self {
        assert!(
            text.len() >= SECRET_BYTES_MIN,
            "{what} is no secret: {text}"
        );
        Self {
            what: what.to_owned(),
            text: text.to_owned(),
        }
    }

    /// As it is, and as bytes are often written.
    fn is_in(&self, bytes: &[u8]) -> bool {
        let hex = self.text.bytes().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a String takes every write");
            hex
        });
        contains(bytes, &self.text) || contains(bytes, &hex)
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

/// What the bank handed out, and what it knows of the person.
fn of_the_bank(bank: &Url) -> Vec<Planted> {
    let tokens = told(bank, "tokens");
    let tokens = tokens["tokens"].as_array().expect("the bank lists tokens");
    let mut planted: Vec<_> = tokens
        .iter()
        .map(|one| Planted::new(text(one, "kind"), text(one, "value")))
        .collect();
    for kind in KINDS {
        let is_there = planted.iter().any(|one| one.what == kind);
        assert!(is_there, "the bank handed out no {kind}");
    }
    let info = told(bank, "info");
    planted.push(Planted::new(
        "client secret",
        text(&info["client"], "secret"),
    ));
    let people = info["people"].as_array().expect("there are people");
    let person = people.iter().find(|one| one["user"] == PERSON);
    let accounts = person.expect("the bank knows them")["accounts"].as_array();
    for account in accounts.expect("a person has accounts") {
        let number = ["iban", "bban"].map(|kind| text(account, kind)).concat();
        planted.push(Planted::new("account number", &number));
    }
    planted
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The embedded store's files while the server works; its write-ahead log has not been emptied.
fn files(home: &Home) -> Vec<(&'static str, Vec<u8>)> {
    if home.postgres.is_some() {
        return Vec::new();
    }
    let read = |name: &'static str| {
        let bytes = std::fs::read(home.data().join(name));
        (
            name,
            bytes.unwrap_or_else(|error| panic!("{name}: {error}")),
        )
    };
    let files = vec![read("fondaco.db"), read("fondaco.db-wal")];
    // What is searched is what was written: a text that is no secret is found.
    let is_found = |word| files.iter().any(|(_, bytes)| contains(bytes, word));
    assert!(is_found("sandbox_bank") && is_found("ledger_event"));
    files
}

#[test]
fn nothing_that_opens_something_and_no_account_number_stands_in_log_or_database() {
    for home in homes() {
        let mut server = Server::start(&home, &["--sandbox"]);
        let mut browser = to_the_bank(server.text("link"));
        let bank = browser.at.clone().expect("the browser is at the bank");
        browser.submit(
            "/bank/approve",
            &[("decision", "approve"), ("account", "anna-eur")],
        );
        server.wait(|server| (health(server)[0]["progress"] == "HISTORY").then_some(()));
        let mut planted = of_the_bank(&bank);
        planted.push(Planted::new("API key", server.text("apiKey")));
        let link = server.text("link").rsplit('/').next().unwrap_or_default();
        planted.push(Planted::new("consent link", link));

        let mut places = files(&home);
        let (code, log) = server.stop("TERM");
        assert_eq!(code, Some(0), "{log}");
        assert!(log.contains("sandbox_bank"), "the log was kept: {log}");
        places.push(("the log", log.into_bytes()));
        for one in &planted {
            for (place, bytes) in &places {
                // The text itself is left out of the message, which others may read.
                assert!(
                    !one.is_in(bytes),
                    "{}: {} in {place}",
                    home.engine(),
                    one.what
                );
            }
        }
    }
}

#[test]
fn a_planted_text_is_found_as_it_is_and_in_hexadecimal() {
    let planted = Planted::new("word", "planted-word");
    assert!(planted.is_in(b"before planted-word after"));
    assert!(planted.is_in(b"x'706c616e7465642d776f7264'"));
    assert!(!planted.is_in(b"before planted-wor after"));
}
