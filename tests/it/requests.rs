//! The id of a request, from its header to the log of every call that it leads to.

use serde_json::{Value, json};

use crate::program::Home;
use crate::server::{Browser, Server, exchange};

/// Links the bank as anna, without a look at the pages.
fn link(server: &mut Server) -> String {
    let mut browser = Browser::default();
    browser.open(server.text("link"));
    browser.submit("/choose", &[("institution", "sandbox_bank")]);
    browser.submit("/continue", &[]);
    browser.leave();
    browser.submit("/bank/login", &[("user", "anna"), ("password", "sandbox")]);
    let approved = [("decision", "approve"), ("account", "anna-eur")];
    browser.submit("/bank/approve", &approved);
    server.wait(|server| {
        let query = "{ links(first: 1) { nodes { id progress } } }";
        let answer = server.query(server.text("apiKey"), query);
        let link = &answer["data"]["links"]["nodes"][0];
        (link["progress"] == "HISTORY").then(|| link["id"].as_str().expect("it is text").to_owned())
    })
}

fn refresh(server: &Server, link: &str, request_id: &str) {
    let bearer = format!("Bearer {}", server.text("apiKey"));
    let headers = [
        ("Content-Type", "application/json"),
        ("Authorization", bearer.as_str()),
        ("X-Request-Id", request_id),
    ];
    let query = "mutation($input: RefreshLinkInput!) { refreshLink(input: $input) \
                 { link { id } userErrors { code } } }";
    let input = json!({ "linkId": link, "idempotencyKey": "once" });
    let body = json!({ "query": query, "variables": { "input": input } }).to_string();
    let answer = exchange("POST", &server.url("/graphql"), &headers, body.as_bytes());
    let answer: Value = serde_json::from_str(&answer.body).expect("the answer is JSON");
    assert_eq!(
        answer["data"]["refreshLink"]["link"]["id"], link,
        "{answer}"
    );
}

/// Operations of calls to the bank whose lines hold a request id.
fn operations(log: &str, request_id: impl Fn(&str) -> bool) -> Vec<String> {
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let of_request = |line: &Value| {
        line["request_id"].as_str().is_some_and(&request_id) && line["op"] != Value::Null
    };
    let ops = lines
        .filter(of_request)
        .map(|line: Value| line["op"].as_str().expect("it is text").to_owned());
    ops.collect()
}

#[test]
fn a_requests_id_stands_in_the_log_of_each_call_to_the_bank_that_it_leads_to() {
    let mut home = Home::embedded();
    for (name, value) in [("LEVEL", "debug"), ("FORMAT", "json")] {
        let name = format!("FONDACO_LOG_{name}");
        home.keys.push((name, value.to_owned()));
    }
    let mut server = Server::start(&home, &["--sandbox"]);
    let link = link(&mut server);
    // The next reading waits already: the one that is asked for becomes one with it.
    refresh(&server, &link, "asked-by-a-person");
    server.wait(|server| {
        let found = operations(server.seen(), |id| id == "asked-by-a-person");
        found.iter().any(|op| op == "balances.read").then_some(())
    });
    let (_, log) = server.stop("TERM");
    let asked = operations(&log, |id| id == "asked-by-a-person");
    for op in ["accounts.read", "transactions.read"] {
        assert!(asked.iter().any(|seen| seen == op), "{op}: {asked:?}");
    }
    let any = operations(&log, |id| !id.is_empty());
    for op in ["consent.begin", "consent.exchange"] {
        assert!(any.iter().any(|seen| seen == op), "{op}: {any:?}");
    }
}
