//! Cursors: forged, foreign, of another filter.

use fondaco_model::scope::KeyScope;
use fondaco_store::repo::api_key::KeyClass;
use serde_json::{Value, json};

use crate::kit::{House, Key, houses};
use crate::seed::{person, reference_data};

const LIST: &str = "query($after: String, $filter: TransactionFilter, $order: TransactionOrder) \
                    { transactions(first: 2, after: $after, filter: $filter, orderBy: $order) { \
                    nodes { id } pageInfo { endCursor } } }";

async fn cursor(house: &House, key: &Key) -> String {
    let got = house.query(key, LIST).await;
    got.data()["transactions"]["pageInfo"]["endCursor"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_cursor_is_good_for_its_own_tenant_person_list_order_and_filter() {
    for house in houses().await {
        reference_data(&house).await;
        let ann = person(&house, house.tenant, "ann", (10, 1, 5)).await;
        person(&house, house.stranger, "ann", (30, 1, 5)).await;
        let key = house.key().await;
        let cursor = cursor(&house, &key).await;
        let with = async |key: &Key, variables: Value| {
            house
                .query_with(key, LIST, variables)
                .await
                .code()
                .to_owned()
        };
        assert_eq!(with(&key, json!({ "after": cursor })).await, "");
        let mismatch = "CURSOR_FILTER_MISMATCH";
        for (name, value) in [
            ("filter", json!({ "text": "rent" })),
            ("filter", json!({ "amount": { "min": "1" } })),
            (
                "filter",
                json!({ "accounts": [ann.accounts[0].to_string()] }),
            ),
            ("order", json!({ "field": "CREATED" })),
            ("order", json!({ "direction": "ASC" })),
        ] {
            assert_eq!(
                with(&key, json!({ "after": cursor, name: value })).await,
                mismatch
            );
        }
        let other_list =
            "query($after: String) { accounts(first: 1, after: $after) { nodes { id } } }";
        let got = house
            .query_with(&key, other_list, json!({ "after": cursor }))
            .await;
        assert_eq!(got.code(), mismatch);

        let stranger = house
            .key_with(house.stranger, KeyClass::Server, KeyScope::ALL)
            .await;
        let (token, _) = house.token("ann", KeyScope::ALL).await;
        let foreign = house
            .query_with(&stranger, LIST, json!({ "after": cursor }))
            .await;
        let forged = house
            .query_with(&stranger, LIST, json!({ "after": "AQYB" }))
            .await;
        assert_eq!(
            (foreign.code(), foreign.steady()),
            ("CURSOR_INVALID", forged.steady())
        );
        assert_eq!(
            with(&token, json!({ "after": cursor })).await,
            "CURSOR_INVALID"
        );
    }
}

#[tokio::test]
async fn forged_and_broken_cursors_are_refused_alike() {
    for house in houses().await {
        reference_data(&house).await;
        person(&house, house.tenant, "ann", (10, 1, 5)).await;
        let key = house.key().await;
        let good = cursor(&house, &key).await;
        let mut flipped = good.clone().into_bytes();
        flipped[20] = if flipped[20] == b'A' { b'B' } else { b'A' };
        let broken = [
            String::new(),
            "not a cursor".to_owned(),
            good[..good.len() - 1].to_owned(),
            format!("{good}A"),
            String::from_utf8(flipped).unwrap(),
            "A".repeat(3_000),
        ];
        let expected = house
            .query_with(&key, LIST, json!({ "after": "AQYB" }))
            .await
            .steady();
        for after in broken {
            let got = house
                .query_with(&key, LIST, json!({ "after": after }))
                .await;
            assert_eq!((got.code(), &got.steady()), ("CURSOR_INVALID", &expected));
            assert_eq!(got.json["data"]["transactions"], Value::Null);
        }
    }
}
