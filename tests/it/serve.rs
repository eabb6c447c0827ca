//! The server as a newcomer starts it: ready line, a query with the printed key, graceful end.

use serde_json::json;

use crate::program::{Home, homes};
use crate::server::Server;

#[test]
fn a_newcomer_gets_a_key_that_answers_a_query_and_a_link_that_opens() {
    for home in homes() {
        let server = Server::start(&home, &["--sandbox"]);
        for key in ["graphql", "explorer", "apiKey", "link"] {
            assert!(server.ready[key].is_string(), "{key}: {}", server.ready);
        }
        let key = server.text("apiKey").to_owned();
        assert!(
            server
                .text("explorer")
                .ends_with(&format!("/graphiql#key={key}"))
        );
        assert_eq!(server.get("/health").0, 200);
        assert_eq!(server.get("/ready").0, 200);
        assert_eq!(server.get("/graphiql").0, 200);
        let path = server
            .text("link")
            .split_once("/connect/")
            .unwrap()
            .1
            .to_owned();
        let (status, page) = server.get(&format!("/connect/{path}"));
        assert_eq!(status, 200, "{page}");
        assert!(page.contains("Demo"), "the page says who asks");
        let answer = server.query(&key, "{ __typename accounts(first: 5) { nodes { id } } }");
        assert_eq!(answer["data"]["accounts"]["nodes"], json!([]), "{answer}");
        let refused = server.query("fdk_test_wrong", "{ __typename }");
        assert_eq!(
            refused["errors"][0]["extensions"]["code"],
            "UNAUTHENTICATED"
        );
        let (code, log) = server.stop("TERM");
        assert_eq!(code, Some(0), "{log}");
        assert!(log.contains("The server stops"), "{log}");
        assert!(!log.contains(&key) && !log.contains(&path), "{log}");
    }
}

#[test]
fn the_second_start_goes_on_with_the_same_tenant_and_key() {
    let home = Home::embedded();
    let first = Server::start(&home, &["--sandbox"]);
    let key = first.text("apiKey").to_owned();
    assert_eq!(first.stop("INT").0, Some(0));
    let second = Server::start(&home, &["--sandbox"]);
    assert_eq!(second.text("apiKey"), key);
    assert_eq!(second.stop("INT").0, Some(0));
    assert_eq!(home.json(&["tenants", "list"]).ended(0).lines().len(), 1);
    let registrations = home.json(&["registrations", "list"]).ended(0).lines();
    let living = registrations
        .iter()
        .filter(|line| line["disabledAt"].is_null());
    assert_eq!(living.count(), 2, "one for each sandbox");
}

#[test]
fn without_a_sandbox_there_is_no_key_and_the_explorer_tells_nothing_without_one() {
    let home = Home::embedded();
    let server = Server::start(&home, &[]);
    assert!(server.ready["apiKey"].is_null() && server.ready["link"].is_null());
    assert!(
        server.ready["explorer"]
            .as_str()
            .unwrap()
            .ends_with("/graphiql")
    );
    assert_eq!(server.get("/graphiql").0, 200);
    assert_eq!(server.get("/graphiql/examples.json").0, 401);
    assert_eq!(server.stop("TERM").0, Some(0));
}

#[test]
fn an_imported_statement_is_read_through_the_graph() {
    let home = Home::embedded();
    let server = Server::start(&home, &["--sandbox"]);
    let file = crate::program::repository(
        "connectors/src/providers/statement_file/fixtures/v02_household.xml",
    );
    // Beside the running server, on the same database file.
    home.json(&["import", &file.display().to_string(), "--create"])
        .ended(0);
    let query = "{ accounts(first: 5) { nodes { transactions(first: 10) { nodes { \
                 amount { amount currency } } } } } }";
    let answer = server.query(server.text("apiKey"), query);
    let rows = &answer["data"]["accounts"]["nodes"][0]["transactions"]["nodes"];
    assert_eq!(rows.as_array().map(Vec::len), Some(3), "{answer}");
    assert_eq!(server.stop("TERM").0, Some(0));
}

#[test]
fn a_port_that_is_taken_is_said_and_the_server_does_not_start() {
    let home = Home::embedded();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = home.json(&["serve", "--listen", &address]).ended(1);
    assert!(
        ran.error()["hint"].as_str().unwrap().contains("--listen"),
        "{}",
        ran.err
    );
}

#[test]
fn a_worker_runs_alone_and_ends_gracefully() {
    for home in homes() {
        let server = Server::command(&home, &["work"]);
        assert_eq!(server.text("worker"), "ready");
        let (code, log) = server.stop("TERM");
        assert_eq!(code, Some(0), "{log}");
    }
}

/// Uploads a fixture for a person, asks for its import, and waits for its end.
fn imported(server: &mut Server, key: &str, (name, create): (&str, bool)) -> serde_json::Value {
    let folder = "connectors/src/providers/statement_file/fixtures";
    let file = crate::program::repository(&format!("{folder}/{name}"));
    let upload = server.upload(key, "demo", &file);
    let id = upload["uploadId"].as_str().expect("an upload has an id");
    let mutation = format!(
        "mutation {{ importStatement(input: {{ uploadId: \"{id}\", endUserReference: \"demo\", \
         createAccount: {create}, idempotencyKey: \"{id}\" }}) {{ importJob {{ id }} \
         userErrors {{ code message }} }} }}"
    );
    let asked = server.query(key, &mutation);
    let job = asked["data"]["importStatement"]["importJob"]["id"].as_str();
    let job = job.unwrap_or_else(|| panic!("{asked}")).to_owned();
    let query = format!(
        "{{ importJob(id: \"{job}\") {{ state outcome fault faultLine faultRule statementCount \
         problemCount statements {{ statement account currency opening closing credits debits \
         entries new known quarantined closes problem }} problems(first: 5) {{ statement ordinal \
         path rule original }} }} }}"
    );
    server.wait(|server| {
        let answer = server.query(key, &query);
        let job = answer["data"]["importJob"].clone();
        assert!(job.is_object(), "{answer}");
        (job["state"] == "DONE" || job["state"] == "DEAD").then_some(job)
    })
}

#[test]
fn an_uploaded_statement_is_imported_in_the_background() {
    for home in homes() {
        let mut server = Server::start(&home, &["--sandbox"]);
        let key = server.text("apiKey").to_owned();
        let job = imported(&mut server, &key, ("v02_household.xml", true));
        assert_eq!(
            (&job["state"], &job["outcome"]),
            (&json!("DONE"), &json!("OK")),
            "{job}"
        );
        assert!(job["fault"].is_null(), "{}: {job}", home.engine());
        let one = &job["statements"][0];
        assert_eq!(
            (&one["new"], &one["credits"]),
            (&json!(3), &json!("2500.00")),
            "{job}"
        );
        assert_eq!(one["closes"], true);
        let rows = home.run(&["export", "transactions"]).ended(0).lines();
        assert_eq!(rows.len(), 3);
        assert_eq!(server.stop("TERM").0, Some(0));
    }
}

#[test]
fn an_upload_that_is_not_imported_as_a_whole_says_why() {
    for home in homes() {
        let mut server = Server::start(&home, &["--sandbox"]);
        let key = server.text("apiKey").to_owned();
        let job = imported(&mut server, &key, ("v02_household.xml", false));
        assert_eq!(
            (&job["state"], &job["outcome"]),
            (&json!("DONE"), &json!("FAILED")),
            "{job}"
        );
        assert_eq!(job["fault"], "NOT_FOUND_OR_GONE", "{}", home.engine());
        let problem = job["statements"][0]["problem"].as_str().unwrap();
        assert!(problem.contains("no account"), "{problem}");

        let job = imported(&mut server, &key, ("refused/doctype.xml", true));
        assert_eq!(
            (&job["state"], &job["outcome"]),
            (&json!("DEAD"), &json!("FAILED")),
            "{job}"
        );
        assert_eq!(job["fault"], "SCHEMA_DRIFT");
        assert_eq!(
            (&job["faultRule"], &job["faultLine"]),
            (&json!("xml.doctype_refused"), &json!(2))
        );

        let job = imported(&mut server, &key, ("refused/cut.xml", true));
        assert_eq!(
            (&job["state"], &job["outcome"]),
            (&json!("DONE"), &json!("PARTIAL")),
            "{job}"
        );
        assert_eq!(
            (&job["faultRule"], &job["faultLine"]),
            (&json!("xml.unclosed"), &json!(14))
        );

        let job = imported(&mut server, &key, ("v08_quarantine.xml", true));
        assert_eq!(job["outcome"], "PARTIAL", "{job}");
        let expected = json!({
            "statement": "S-1", "ordinal": "2", "path": "Stmt[0]/Ntry[1]/Amt",
            "rule": "amount.not_decimal", "original": "12,50"
        });
        assert_eq!(job["problems"][0], expected);
        let all = job["problemCount"].as_i64().unwrap();
        assert!(all > 5, "more than were asked for: {all}");
        let (code, log) = server.stop("TERM");
        assert_eq!(code, Some(0));
        assert!(!log.contains("12,50"), "{log}");
    }
}
