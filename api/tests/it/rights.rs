//! Rights: scopes of keys, the person of a token, numbers in clear, revoked keys.

use fondaco_model::scope::KeyScope;
use fondaco_store::repo::api_key::KeyClass;
use serde_json::json;

use crate::kit::houses;
use crate::seed::{IBAN, person, reference_data};

#[tokio::test]
async fn a_missing_scope_is_forbidden_field_by_field_and_the_rest_is_answered() {
    for house in houses().await {
        reference_data(&house).await;
        let ann = person(&house, house.tenant, "ann", (10, 1, 1)).await;
        let account = ann.accounts[0].to_string();
        let fields: [(&str, KeyScope); 9] = [
            (
                "accounts(first: 1) { nodes { id } }",
                KeyScope::AccountsRead,
            ),
            ("account(id: \"acc_1\") { id }", KeyScope::AccountsRead),
            ("links(first: 1) { nodes { id } }", KeyScope::AccountsRead),
            (
                "consents(first: 1) { nodes { id } }",
                KeyScope::AccountsRead,
            ),
            (
                "endUsers(first: 1) { nodes { id } }",
                KeyScope::AccountsRead,
            ),
            (
                "transactions(first: 1) { nodes { id } }",
                KeyScope::TransactionsRead,
            ),
            ("node(id: \"txn_1\") { id }", KeyScope::TransactionsRead),
            ("linkSession(id: \"lse_1\") { id }", KeyScope::LinkWrite),
            ("importJob(id: \"job_1\") { id }", KeyScope::ImportWrite),
        ];
        for (field, needed) in fields {
            let others: Vec<_> = KeyScope::ALL
                .iter()
                .copied()
                .filter(|scope| *scope != needed)
                .collect();
            let key = house
                .key_with(house.tenant, KeyClass::Server, &others)
                .await;
            let got = house
                .query(&key, &format!("{{ viewer {{ test }} field: {field} }}"))
                .await;
            assert_eq!(got.code(), "FORBIDDEN", "{field} {}", got.text);
            assert_eq!(got.json["data"]["viewer"]["test"], true);
            assert_eq!(got.json["data"]["field"], serde_json::Value::Null);
            assert!(got.text.contains(needed.as_str()));
            let key = house
                .key_with(house.tenant, KeyClass::Server, &[needed])
                .await;
            let got = house.query(&key, &format!("{{ field: {field} }}")).await;
            assert_eq!(got.code(), "", "{field} {}", got.text);
        }
        let reader = [KeyScope::AccountsRead];
        let key = house
            .key_with(house.tenant, KeyClass::Server, &reader)
            .await;
        let query = format!(
            "{{ account(id: \"{account}\") {{ name \
             transactions(first: 1) {{ nodes {{ id }} }} }} }}"
        );
        let got = house.query(&key, &query).await;
        assert_eq!(got.code(), "FORBIDDEN");
        assert_eq!(
            got.json["data"]["account"],
            json!({ "name": "Account 0", "transactions": null })
        );
    }
}

#[tokio::test]
async fn a_token_sees_its_own_person_only() {
    for house in houses().await {
        reference_data(&house).await;
        let ann = person(&house, house.tenant, "ann", (10, 2, 3)).await;
        person(&house, house.tenant, "bob", (20, 3, 3)).await;
        let (token, end_user) = house.token("ann", KeyScope::ALL).await;
        assert_eq!(end_user, ann.id);
        let query = "{ viewer { keyClass endUser { reference } } accounts(first: 50) { nodes { \
        id } } \
                     links(first: 50) { nodes { id endUser { id } } } consents(first: 50) { \
                     nodes { \
                     id } } transactions(first: 50) { nodes { account { id } } } }";
        let got = house.query(&token, query).await;
        let data = got.data();
        assert_eq!(
            data["viewer"],
            json!({ "keyClass": "BROWSER", "endUser": { "reference": "ann" } })
        );
        for (list, count) in [
            ("accounts", 2),
            ("links", 1),
            ("consents", 1),
            ("transactions", 6),
        ] {
            assert_eq!(
                data[list]["nodes"].as_array().unwrap().len(),
                count,
                "{list}"
            );
        }
        let own: Vec<_> = ann.accounts.iter().map(ToString::to_string).collect();
        let seen = data["transactions"]["nodes"].as_array().unwrap();
        assert!(
            seen.iter()
                .all(|row| own.contains(&row["account"]["id"].as_str().unwrap().to_owned()))
        );
        let got = house
            .query(&token, "{ endUsers(first: 1) { nodes { id } } }")
            .await;
        assert_eq!(got.code(), "FORBIDDEN");
    }
}

#[tokio::test]
async fn account_numbers_are_in_clear_with_their_scope_only_and_null_says_why() {
    for house in houses().await {
        reference_data(&house).await;
        let ann = person(&house, house.tenant, "ann", (10, 1, 0)).await;
        let query = format!(
            "{{ account(id: \"{}\") {{ ... on BankAccount {{ identifiers {{ scheme masked value \
             nullReasons {{ field reason }} }} nullReasons {{ field reason }} }} }} }}",
            ann.accounts[0]
        );
        let masked = "DE••••3000";
        let plain = [KeyScope::AccountsRead];
        let key = house.key_with(house.tenant, KeyClass::Server, &plain).await;
        let got = house.query(&key, &query).await;
        let identifier = got.data()["account"]["identifiers"][0].clone();
        assert_eq!(
            identifier,
            json!({ "scheme": "IBAN", "masked": masked, "value": null,
                    "nullReasons": [{ "field": "value", "reason": "NOT_PERMITTED" }] })
        );
        assert!(!got.text.contains(IBAN));
        let reasons = got.data()["account"]["nullReasons"]
            .as_array()
            .unwrap()
            .clone();
        assert!(reasons.contains(&json!({ "field": "bic", "reason": "NOT_PROVIDED" })));
        let clear = [KeyScope::AccountsRead, KeyScope::IdentifiersRead];
        let key = house.key_with(house.tenant, KeyClass::Server, &clear).await;
        let got = house.query(&key, &query).await;
        let identifier = got.data()["account"]["identifiers"][0].clone();
        assert_eq!(
            identifier,
            json!({ "scheme": "IBAN", "masked": masked, "value": IBAN, "nullReasons": [] })
        );
    }
}

#[tokio::test]
async fn a_revoked_key_and_its_tokens_are_worthless_with_the_next_request() {
    for house in houses().await {
        let key = house.key().await;
        let (token, _) = house.token("ann", &[KeyScope::AccountsRead]).await;
        for bearer in [&key, &token] {
            assert_eq!(house.query(bearer, "{ viewer { test } }").await.code(), "");
            assert!(
                house
                    .vault
                    .revoke_api_key(house.tenant, bearer.id)
                    .await
                    .unwrap()
            );
            let got = house.query(bearer, "{ viewer { test } }").await;
            assert_eq!((got.status.as_u16(), got.code()), (401, "UNAUTHENTICATED"));
        }
    }
}

#[tokio::test]
async fn introspection_needs_its_scope() {
    for house in houses().await {
        let query = "{ __schema { queryType { name } } }";
        let key = house.key().await;
        assert_eq!(
            house.query(&key, query).await.data()["__schema"]["queryType"]["name"],
            "Query"
        );
        let plain = [KeyScope::AccountsRead];
        let key = house.key_with(house.tenant, KeyClass::Server, &plain).await;
        assert_eq!(house.query(&key, query).await.code(), "FORBIDDEN");
    }
}

#[tokio::test]
async fn a_test_tenant_finds_sandboxes_and_a_live_tenant_none() {
    for house in houses().await {
        reference_data(&house).await;
        let query =
            "{ institutions(first: 10, search: \"example\", country: \"DE\") { nodes { id } } }";
        let got = house.query(&house.key().await, query).await;
        assert_eq!(
            got.data()["institutions"]["nodes"],
            json!([{ "id": "example_bank" }])
        );
        let live = house
            .key_with(house.stranger, KeyClass::Server, KeyScope::ALL)
            .await;
        let got = house.query(&live, query).await;
        assert_eq!(got.data()["institutions"]["nodes"], json!([]));
    }
}
