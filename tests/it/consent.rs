//! The whole way: a consent at the simulated bank, and its accounts in the graph.

use serde_json::Value;
use url::Url;

use crate::program::{Home, homes};
use crate::server::{Browser, Server, exchange};

/// What the bank's control port tells.
pub(crate) fn told(bank: &Url, what: &str) -> Value {
    let url = bank.join(&format!("/control/{what}"));
    let answer = exchange("GET", &url.expect("a path is one"), &[], b"");
    serde_json::from_str(&answer.body).expect("the control port speaks JSON")
}

/// What the bank says that it holds of a person's account.
fn at_the_bank(browser: &Browser, account: &str) -> Value {
    let bank = browser.at.as_ref().expect("the browser is at the bank");
    let info = told(bank, "info");
    let people = info["people"].as_array().expect("there are people");
    let mut accounts = people
        .iter()
        .flat_map(|one| one["accounts"].as_array().expect("a person has accounts"));
    let found = accounts.find(|one| one["key"] == account);
    found.expect("the person has the account").clone()
}

/// Leads a browser from the consent link to the bank's page of approval.
pub(crate) fn to_the_bank(link: &str) -> Browser {
    let mut browser = Browser::default();
    browser.open(link);
    browser.submit("/choose", &[("institution", "sandbox_bank")]);
    browser.submit("/continue", &[]);
    browser.leave();
    browser.submit("/bank/login", &[("user", "anna"), ("password", "sandbox")]);
    browser
}

pub(crate) fn health(server: &Server) -> Value {
    let query =
        "{ links(first: 5) { nodes { progress health accounts(first: 5) { nodes { id } } } } }";
    let answer = server.query(server.text("apiKey"), query);
    answer["data"]["links"]["nodes"].clone()
}

/// The bank's references of the booked rows that it shows, sorted.
fn booked(account: &Value) -> Vec<String> {
    let all = account["booked"]["entryReferences"]
        .as_array()
        .expect("there are references");
    let mut texts: Vec<_> = all
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    texts.sort_unstable();
    texts
}

/// The bank's references of the posted rows that arrived, sorted.
fn arrived(rows: &[Value]) -> Vec<String> {
    let posted = rows.iter().filter(|row| row["status"] == "POSTED");
    let references = posted.flat_map(|row| {
        row["bank"]["references"]
            .as_array()
            .expect("a row has a list of references")
    });
    let own = references.filter(|one| one["kind"] == "ENTRY_REFERENCE");
    let mut texts: Vec<_> = own
        .filter_map(|one| one["value"].as_str())
        .map(str::to_owned)
        .collect();
    texts.sort_unstable();
    texts
}

#[test]
fn a_person_approves_at_the_bank_and_the_books_arrive_whole() {
    for home in homes() {
        let mut server = Server::start(&home, &["--sandbox"]);
        let mut browser = to_the_bank(server.text("link"));
        let bank = at_the_bank(&browser, "anna-eur");
        browser.submit(
            "/bank/approve",
            &[("decision", "approve"), ("account", "anna-eur")],
        );
        let at: &Url = browser.at.as_ref().unwrap();
        assert!(at.as_str().starts_with(server.text("link")), "{at}");
        assert!(
            browser.page.contains("Your accounts are connected"),
            "{}",
            browser.page
        );

        server.wait(|server| {
            let links = health(server);
            let done = links[0]["progress"] == "HISTORY";
            assert_ne!(links[0]["health"], "ACTION_REQUIRED", "{links}");
            done.then_some(())
        });
        let rows = home.run(&["export", "transactions"]).ended(0).lines();
        let engine = home.engine();
        assert_eq!(arrived(&rows), booked(&bank), "{engine}");
        let pending = rows.iter().filter(|row| row["status"] == "PENDING").count();
        assert_eq!(bank["pending"]["count"], pending, "{engine}");
        let (code, log) = server.stop("TERM");
        assert_eq!(code, Some(0), "{log}");
        assert!(
            !log.contains("access_token") && !log.contains("code_"),
            "{log}"
        );
    }
}

#[test]
fn a_person_who_declines_comes_back_without_a_link() {
    let home = Home::embedded();
    let server = Server::start(&home, &["--sandbox"]);
    let mut browser = to_the_bank(server.text("link"));
    browser.submit("/bank/approve", &[("decision", "deny")]);
    assert!(
        !browser.page.contains("Your accounts are connected"),
        "{}",
        browser.page
    );
    assert_eq!(home.run(&["export", "accounts"]).ended(0).out, "");
    assert_eq!(server.stop("TERM").0, Some(0));
}
