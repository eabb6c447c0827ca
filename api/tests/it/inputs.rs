//! Values that a type does not take: refused with 400 before anything runs.

use http::StatusCode;
use serde_json::json;

use crate::kit::{RETURN_URL, houses};

const FILTERED: &str = "query($f: TransactionFilter) { transactions(first: 1, filter: $f) { nodes \
                        { id } } }";
const START: &str = "mutation($input: StartLinkInput!) { startLink(input: $input) { url } }";

#[tokio::test]
async fn a_value_that_its_scalar_refuses_is_an_error_of_the_whole_request() {
    for house in houses().await {
        let key = house.key().await;
        for (literal, value) in [
            ("{ from: \"2026-13-01\" }", json!({ "from": "2026-13-01" })),
            ("{ to: 20260101 }", json!({ "to": 20_260_101 })),
            (
                "{ amount: { min: 1.5 } }",
                json!({ "amount": { "min": 1.5 } }),
            ),
            (
                "{ amount: { max: \"x\" } }",
                json!({ "amount": { "max": "x" } }),
            ),
            (
                "{ amount: { currency: \"E\" } }",
                json!({ "amount": { "currency": "E" } }),
            ),
            ("{ status: [GONE] }", json!({ "status": ["GONE"] })),
            ("{ text: 5 }", json!({ "text": 5 })),
            ("7", json!(7)),
        ] {
            let written = FILTERED
                .replace("query($f: TransactionFilter) ", "")
                .replace("$f", literal);
            let given = json!({ "f": value });
            for got in [
                house.query(&key, &written).await,
                house.query_with(&key, FILTERED, given).await,
            ] {
                let answered = (got.status, got.code());
                let refused = (StatusCode::BAD_REQUEST, "QUERY_INVALID");
                assert_eq!(answered, refused, "{} {}", house.name(), got.text);
                assert!(got.json.get("data").is_none(), "{}", got.text);
                assert!(
                    got.json["errors"][0]["locations"].is_array(),
                    "{}",
                    got.text
                );
            }
        }
        let country = "{ institutions(first: 1, country: \"de\") { nodes { id } } }";
        assert_eq!(
            house.query(&key, country).await.status,
            StatusCode::BAD_REQUEST
        );
        let good = json!({ "f": { "from": "2026-12-31", "amount": { "min": 1, "max": "1.5" } } });
        house.query_with(&key, FILTERED, good).await.data();
    }
}

#[tokio::test]
async fn an_idempotency_key_that_cannot_be_kept_is_refused_before_the_write() {
    for house in houses().await {
        let key = house.key().await;
        for (word, status) in [
            (String::new(), StatusCode::BAD_REQUEST),
            ("k".repeat(256), StatusCode::BAD_REQUEST),
            ("k".repeat(255), StatusCode::OK),
        ] {
            let input = json!({
                "endUserReference": "ann", "returnUrl": RETURN_URL, "idempotencyKey": word
            });
            let got = house
                .query_with(&key, START, json!({ "input": input }))
                .await;
            assert_eq!(got.status, status, "{}", got.text);
            assert_eq!(got.json.get("data").is_none(), status != StatusCode::OK);
        }
    }
}

#[tokio::test]
async fn the_viewer_tells_the_bucket_that_the_headers_tell() {
    for house in houses().await {
        let key = house.key().await;
        let query = "{ viewer { rateLimit { limit remaining resetAt cost } } accounts(first: 5) { \
                     nodes { id } } }";
        let before = house.vault.effects().now();
        let got = house.query(&key, query).await;
        let told = &got.data()["viewer"]["rateLimit"];
        let cost = &got.json["extensions"]["cost"];
        // The buckets of tests are larger than GraphQL's integers.
        let capacity = cost["bucket"]["capacity"].as_i64().unwrap();
        assert_eq!(
            told["limit"],
            capacity.min(i32::MAX.into()),
            "{}",
            house.name()
        );
        assert_eq!(told["cost"], cost["requested"]);
        let number = |value: &serde_json::Value| value.as_i64().unwrap();
        assert!(
            number(&told["remaining"]) <= number(&told["limit"]),
            "{}",
            got.text
        );
        let reset: fondaco_model::Instant = told["resetAt"].as_str().unwrap().parse().unwrap();
        assert!(reset > before, "{}", got.text);
    }
}
