//! How far a first reading has come, seen in the graph while it is under way.

use serde_json::{Value, json};

use crate::program::homes;
use crate::server::{Browser, Server, exchange};

/// How late the first page of history comes, in milliseconds: many looks at the graph.
const STALL_MS: u64 = 4_000;
/// Steps in their order.
const STEPS: [&str; 5] = ["NONE", "ACCOUNTS", "BALANCES", "RECENT", "HISTORY"];

fn link(server: &Server) -> Value {
    let query = "{ links(first: 1) { nodes { progress lastSuccessAt accounts(first: 5) { nodes { \
                 transactions(first: 1) { nodes { id } } } } } } }";
    let answer = server.query(server.text("apiKey"), query);
    answer["data"]["links"]["nodes"][0].clone()
}

fn stall(browser: &Browser) {
    let bank = browser.at.as_ref().expect("the browser is at the bank");
    let url = bank.join("/control/faults").expect("a path is one");
    // The recent days are the first page; what comes after it is history.
    let fault = json!({
        "kind": "slow", "match": "transactions", "after": 1, "times": 1, "delay_ms": STALL_MS,
    });
    let headers = [("Content-Type", "application/json")];
    let set = exchange("POST", &url, &headers, fault.to_string().as_bytes());
    assert_eq!(set.status, 200, "{}", set.body);
}

#[test]
fn the_recent_days_are_in_the_graph_while_the_history_is_still_being_read() {
    for home in homes() {
        let mut server = Server::start(&home, &["--sandbox"]);
        let mut browser = Browser::default();
        browser.open(server.text("link"));
        browser.submit("/choose", &[("institution", "sandbox_bank")]);
        browser.submit("/continue", &[]);
        browser.leave();
        browser.submit("/bank/login", &[("user", "anna"), ("password", "sandbox")]);
        stall(&browser);
        let approved = [("decision", "approve"), ("account", "anna-eur")];
        browser.submit("/bank/approve", &approved);

        let engine = home.engine();
        let mut steps = Vec::new();
        let recent = server.wait(|server| {
            let link = link(server);
            let step = link["progress"].as_str().unwrap_or_default().to_owned();
            assert_ne!(step, "HISTORY", "{engine}: nobody saw {steps:?}");
            steps.push(step);
            (link["progress"] == "RECENT").then_some(link)
        });
        assert!(recent["lastSuccessAt"].is_null(), "{engine}: {recent}");
        let rows = &recent["accounts"]["nodes"][0]["transactions"]["nodes"];
        let rows = rows.as_array().map(Vec::len);
        assert_eq!(
            rows,
            Some(1),
            "{engine}: rows come before the end: {recent}"
        );

        let whole = server.wait(|server| {
            let link = link(server);
            let step = link["progress"].as_str().unwrap_or_default().to_owned();
            steps.push(step);
            (link["progress"] == "HISTORY" && !link["lastSuccessAt"].is_null()).then_some(link)
        });
        assert_eq!(whole["progress"], "HISTORY");
        // It only ever goes forward.
        let at = |step: &String| STEPS.iter().position(|known| known == step);
        let places: Vec<_> = steps.iter().map(at).collect();
        assert!(
            places.is_sorted() && !places.contains(&None),
            "{engine}: {steps:?}"
        );
        assert_eq!(server.stop("TERM").0, Some(0));
    }
}
