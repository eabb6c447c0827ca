//! Determinism, reset and stopping.

use fondaco_sandbox::Config;
use serde_json::{Value, json};

use crate::harness::{Bench, Session, config};

/// The whole list of an account with what belongs to one consent taken out.
async fn list(bench: &Bench, session: &Session, key: &str) -> String {
    let path = bench.account_path(session, key).await;
    let query = "bookingStatus=both&dateFrom=2023-11-01&withBalance=true";
    let (booked, pending, _) = bench.rows(session, &path, query).await;
    json!([booked, pending]).to_string().replace(&path, "")
}

fn people(info: &Value) -> String {
    info["people"].to_string()
}

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes() {
    let (one, two) = (Bench::start().await, Bench::start().await);
    assert_eq!(people(&one.info().await), people(&two.info().await));
    let (first, second) = (one.session("anna").await, two.session("anna").await);
    for key in ["anna-eur", "anna-jpy"] {
        assert_eq!(
            list(&one, &first, key).await,
            list(&two, &second, key).await
        );
    }
    let other = Bench::with(Config {
        seed: 2,
        ..config()
    })
    .await;
    assert_ne!(people(&one.info().await), people(&other.info().await));
}

#[tokio::test]
async fn a_bank_started_later_has_the_same_rows_as_one_whose_clock_moved() {
    let moved = Bench::start().await;
    moved.control("clock", json!({"advance_days": 10})).await;
    let later = Bench::with(Config {
        today: Some("2025-11-30".to_owned()),
        ..config()
    })
    .await;
    assert_eq!(people(&moved.info().await), people(&later.info().await));
}

#[tokio::test]
async fn two_years_of_rows_lie_in_every_account() {
    let bench = Bench::start().await;
    let info = bench.info().await;
    assert_eq!(info["historyFrom"], "2023-11-01");
    let mut total = 0;
    for person in info["people"].as_array().unwrap() {
        for account in person["accounts"].as_array().unwrap() {
            let count = account["booked"]["count"].as_u64().unwrap();
            assert!(count >= 24, "{account}");
            total += count;
        }
    }
    assert!(total > 3_000, "{total}");
}

#[tokio::test]
async fn reset_forgets_consents_and_sets_the_clock_back() {
    let bench = Bench::start().await;
    let before = people(&bench.info().await);
    let session = bench.session("anna").await;
    bench.control("clock", json!({"advance_days": 40})).await;
    assert_ne!(people(&bench.info().await), before);
    bench.control("reset", json!({})).await;
    assert_eq!(people(&bench.info().await), before);
    let read = bench.read(&session, "/psd2/v1/accounts").await;
    assert_eq!(read.refusal(), (401, "TOKEN_UNKNOWN".to_owned()));
}

#[tokio::test]
async fn the_clock_moves_forward_within_limits() {
    let bench = Bench::start().await;
    for (step, expected) in [
        (json!({"advance_days": -1}), 400),
        (json!({"advance_days": 3_660}), 200),
        (json!({"advance_days": 3_661}), 400),
        (json!({"advance_s": 1}), 200),
        (json!({"days": 1}), 422),
    ] {
        assert_eq!(
            bench.control("clock", step.clone()).await.status,
            expected,
            "{step}"
        );
    }
}

#[tokio::test]
async fn redirect_uris_can_be_registered_while_it_runs() {
    let bench = Bench::with(Config {
        redirect_uris: Vec::new(),
        ..config()
    })
    .await;
    let body = crate::harness::all_psd2();
    let refused = crate::harness::send(bench.consent_request("/psd2/v1", &body))
        .await
        .unwrap();
    assert_eq!(refused.status, 400);
    bench
        .control("redirect-uris", json!({"add": [crate::harness::CALLBACK]}))
        .await;
    bench.session("anna").await;
    assert_eq!(
        bench
            .control("redirect-uris", json!({"add": ["no url"]}))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn stopping_frees_the_port() {
    let bench = Bench::start().await;
    let address = bench
        .sandbox
        .base_url
        .strip_prefix("http://")
        .unwrap()
        .parse()
        .unwrap();
    bench.sandbox.stop().await;
    let again = fondaco_sandbox::start(Config {
        listen: address,
        ..config()
    })
    .await
    .unwrap();
    again.stop().await;
}

#[tokio::test]
async fn a_contradicting_configuration_is_refused() {
    let wrong = Config {
        today: Some("yesterday".to_owned()),
        ..config()
    };
    assert!(fondaco_sandbox::start(wrong).await.is_err());
}
