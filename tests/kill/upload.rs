//! A server that is killed while its job imports an uploaded statement.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::books::Books;
use crate::import::{ENTRIES, statement};
use crate::points::{self, Seen, copy, each, kill_after};
use crate::program::{Home, homes};
use crate::server::Server;
use crate::sync::SERVE;

/// Imports at once: most of their time they wait for the lease of the one that was killed.
const WORKERS: usize = 5;
const PERSON: &str = "user-1";

/// An installation with a statement that waits for its job.
struct Waiting {
    home: Home,
    key: String,
    job: String,
}

/// Uploads a statement and asks for its import where nobody works.
fn prepare(mut home: Home) -> Waiting {
    for (name, value) in [
        // A job of a killed process is taken over as soon as the settings allow.
        ("FONDACO_SYNC_LEASE_SECONDS", "3"),
        ("FONDACO_SYNC_POLL_MS", "50"),
    ] {
        home.keys.push((name.to_owned(), value.to_owned()));
    }
    home.tenant("One");
    let scopes = "accounts:read,transactions:read,import:write";
    let made = home
        .json(&["keys", "create", "--scopes", scopes])
        .ended(0)
        .line();
    let key = made["apiKey"].as_str().unwrap_or_default().to_owned();
    let file = home.folder.join("statement.xml");
    std::fs::write(&file, statement()).expect("the temporary folder takes a file");
    let server = Server::command(&home, &[&SERVE[..], &["--no-work"]].concat());
    let upload = server.upload(&key, PERSON, &file);
    let id = upload["uploadId"].as_str().unwrap_or_default();
    let mutation = format!(
        "mutation {{ importStatement(input: {{ uploadId: \"{id}\", endUserReference: \"{PERSON}\", \
         createAccount: true, idempotencyKey: \"one\" }}) {{ importJob {{ id }} userErrors {{ code \
         }} }} }}"
    );
    let asked = server.query(&key, &mutation);
    let job = asked["data"]["importStatement"]["importJob"]["id"].as_str();
    let job = job.unwrap_or_else(|| panic!("{asked}")).to_owned();
    let (code, log) = server.stop("TERM");
    assert_eq!(code, Some(0), "{log}");
    Waiting { home, key, job }
}

/// Lets a server work until the job is over; the books, and how long it took.
fn finish(waiting: &Waiting, home: &Home) -> Result<(Books, Duration), String> {
    let start = Instant::now();
    let mut server = Server::command(home, &SERVE);
    let query = format!("{{ importJob(id: \"{}\") {{ state fault }} }}", waiting.job);
    let job: Value = server.wait(|server| {
        let answer = server.query(&waiting.key, &query);
        let job = &answer["data"]["importJob"];
        let is_over = !matches!(job["state"].as_str(), Some("WAITING" | "RUNNING"));
        is_over.then(|| job.clone())
    });
    let took = start.elapsed();
    let (code, log) = server.stop("TERM");
    if job["state"] != "DONE" || code != Some(0) {
        return Err(format!("{job}, exit code {code:?}: {log}"));
    }
    Ok((Books::read(home)?, took))
}

#[test]
fn an_uploaded_statement_whose_job_is_killed_anywhere_neither_loses_nor_doubles_a_row() {
    let (count, seed) = points::asked();
    for home in homes() {
        let waiting = prepare(home);
        let undisturbed = copy(&waiting.home);
        let (whole, took) = finish(&waiting, &undisturbed).expect("an undisturbed job ends");
        assert_eq!(whole.len(), ENTRIES);
        let delays = points::delays(count, seed, took);
        let outcome = each(&delays, WORKERS, |delay| {
            let home = copy(&waiting.home);
            let killed = kill_after(home.command(&SERVE), delay);
            let (books, _) = finish(&waiting, &home)?;
            books.same_as(&whole)?;
            Ok(Seen::whole(killed))
        });
        outcome.tell("upload", waiting.home.engine(), (seed, took));
    }
}
