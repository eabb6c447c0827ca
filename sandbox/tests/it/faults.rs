//! Every kind of fault, as a client meets it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Bench, send};

const ACCOUNTS: &str = "/psd2/v1/accounts";

async fn set(bench: &Bench, fault: Value) {
    let answer = bench.control("faults", fault).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn error_statuses_come_as_often_as_ordered() {
    let bench = Bench::start().await;
    let session = bench.session("anna").await;
    for (kind, code) in [
        ("429", "ACCESS_EXCEEDED"),
        ("500", "INTERNAL_SERVER_ERROR"),
        ("503", "SERVICE_UNAVAILABLE"),
    ] {
        let status: u16 = kind.parse().unwrap();
        set(
            &bench,
            json!({"kind": kind, "match": "accounts", "times": 2, "retry_after_s": 7}),
        )
        .await;
        for _ in 0..2 {
            let answer = bench.read(&session, ACCOUNTS).await;
            assert_eq!(answer.refusal(), (status, code.to_owned()));
            assert_eq!(answer.header("retry-after"), "7");
        }
        assert_eq!(bench.read(&session, ACCOUNTS).await.status, 200);
    }
    let stats = bench.get("/control/stats").await.json();
    assert_eq!(stats["faults"], json!({"429": 2, "500": 2, "503": 2}));
    assert_eq!(stats["requests"]["accounts"], 9);
}

#[tokio::test]
async fn a_lost_token_answer_leaves_the_old_token_spent() {
    let bench = Bench::start().await;
    let session = bench.session("anna").await;
    let fault = json!({"kind": "lost", "match": "token", "grant_type": "refresh_token"});
    set(&bench, fault).await;
    assert!(
        send(bench.refresh_request(&session.refresh)).await.is_err(),
        "no answer arrives"
    );
    let stats = bench.get("/control/stats").await.json();
    assert_eq!(
        stats["grants"][0]["generation"], 2,
        "the bank has done its work"
    );
    assert_eq!(
        bench.refresh(&session.refresh).await.json()["error"],
        "invalid_grant"
    );
    let stats = bench.get("/control/stats").await.json();
    assert_eq!(stats["grants"][0]["ended"], "reuse of a spent token");
}

#[tokio::test]
async fn a_cut_answer_starts_and_breaks_off() {
    let bench = Bench::start().await;
    let session = bench.session("anna").await;
    set(&bench, json!({"kind": "cut", "match": "accounts"})).await;
    let mut response = bench.read_request(&session, ACCOUNTS).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let first = response.chunk().await.unwrap().unwrap();
    assert!(first.starts_with(b"{\"accounts\""));
    assert!(response.chunk().await.is_err(), "the rest never comes");
    assert_eq!(bench.read(&session, ACCOUNTS).await.status, 200);
}

#[tokio::test]
async fn truncated_and_garbled_answers_are_whole_for_http() {
    let bench = Bench::start().await;
    let session = bench.session("anna").await;
    for kind in ["truncate", "garbage"] {
        set(&bench, json!({"kind": kind, "match": "accounts"})).await;
        let answer = bench.read(&session, ACCOUNTS).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "application/json");
        assert!(
            serde_json::from_str::<Value>(&answer.text).is_err(),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_slow_answer_outlasts_an_impatient_client() {
    let bench = Bench::start().await;
    let session = bench.session("anna").await;
    set(
        &bench,
        json!({"kind": "slow", "match": "accounts", "delay_ms": 60_000}),
    )
    .await;
    let impatient = bench
        .read_request(&session, ACCOUNTS)
        .timeout(Duration::from_millis(200));
    assert!(
        send(impatient)
            .await
            .err()
            .is_some_and(|error| error.is_timeout())
    );
    set(
        &bench,
        json!({"kind": "slow", "match": "accounts", "delay_ms": 1}),
    )
    .await;
    assert_eq!(bench.read(&session, ACCOUNTS).await.status, 200);
}

#[tokio::test]
async fn a_fault_can_wait_and_be_taken_back() {
    let bench = Bench::start().await;
    let session = bench.session("anna").await;
    set(&bench, json!({"kind": "500", "match": "*", "after": 1})).await;
    assert_eq!(bench.read(&session, ACCOUNTS).await.status, 200);
    assert_eq!(bench.read(&session, ACCOUNTS).await.status, 500);
    set(&bench, json!({"kind": "500", "match": "*", "times": 9})).await;
    send(bench.http.delete(bench.url("/control/faults")))
        .await
        .unwrap();
    assert_eq!(bench.read(&session, ACCOUNTS).await.status, 200);
}

#[tokio::test]
async fn unknown_kinds_and_endpoints_are_refused() {
    let bench = Bench::start().await;
    for fault in [
        json!({"kind": "fire", "match": "token"}),
        json!({"kind": "500", "match": "everything"}),
        json!({"kind": "500", "match": "token", "times": 0}),
        json!({"kind": "500"}),
    ] {
        assert!(
            bench
                .control("faults", fault.clone())
                .await
                .status
                .is_client_error(),
            "{fault}"
        );
    }
}
