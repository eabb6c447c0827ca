//! Writes: user errors, idempotency, who may, and what is written.

use fondaco_model::ids::{ApiKeyId, DataKeyId, RawAnswerId, UploadId};
use fondaco_model::scope::KeyScope;
use fondaco_store::repo::api_key::KeyClass;
use fondaco_store::repo::job::{self, JobState};
use fondaco_store::repo::raw::{self, NewRawAnswer};
use fondaco_store::repo::upload::{self, UploadRow};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::kit::{Got, House, Key, RETURN_URL, houses};
use crate::seed::{person, reference_data};

const START: &str = "mutation($input: StartLinkInput!) { startLink(input: $input) { url expiresAt \
                     linkSession { id state outcome endUser { reference } } userErrors { code \
                     field \
                     } } }";
const REFRESH: &str = "mutation($input: RefreshLinkInput!) { refreshLink(input: $input) { link { \
id \
                       } userErrors { code field } } }";
const DISCONNECT: &str = "mutation($input: DisconnectLinkInput!) { disconnectLink(input: $input) { \
                          link { disconnectedAt consent { state } consents { state reason } } \
                          userErrors { code field } } }";
const IMPORT: &str = "mutation($input: ImportStatementInput!) { importStatement(input: $input) { \
                      importJob { id state fault } userErrors { code field } } }";
const TOKEN: &str = "mutation($input: CreateFrontendTokenInput!) { createFrontendToken(input: \
$input) \
                     { token expiresAt endUser { id reference } userErrors { code field } } }";

async fn send(house: &House, key: &Key, query: &str, input: Value) -> Got {
    house
        .query_with(key, query, json!({ "input": input }))
        .await
}

fn start(reference: &str, key: &str) -> Value {
    json!({ "endUserReference": reference, "returnUrl": RETURN_URL, "idempotencyKey": key })
}

async fn jobs(house: &House) -> i64 {
    let mut session = house.db.read(house.tenant).await.unwrap();
    job::count(&mut session, JobState::Waiting).await.unwrap()
}

#[tokio::test]
async fn a_link_session_is_started_once_for_one_key_and_can_be_polled() {
    for house in houses().await {
        let key = house.key().await;
        let first = send(&house, &key, START, start("ann", "k1")).await;
        let started = first.data()["startLink"].clone();
        assert_eq!(started["userErrors"], json!([]));
        assert!(
            started["url"]
                .as_str()
                .unwrap()
                .starts_with("https://fondaco.example/")
        );
        assert_eq!(started["linkSession"]["endUser"]["reference"], "ann");
        let again = send(&house, &key, START, start("ann", "k1")).await;
        assert_eq!(again.data()["startLink"], started, "{}", house.name());
        let other = send(&house, &key, START, start("bob", "k1")).await;
        assert_eq!(other.code(), "IDEMPOTENCY_MISMATCH");
        let fresh = send(&house, &key, START, start("ann", "k2")).await;
        assert_ne!(fresh.data()["startLink"]["url"], started["url"]);
        let poll = "query($id: ID!) { linkSession(id: $id) { state outcome link { id } } }";
        let got = house
            .query_with(&key, poll, json!({ "id": started["linkSession"]["id"] }))
            .await;
        let expected = json!({ "state": "CREATED", "outcome": null, "link": null });
        assert_eq!(got.data()["linkSession"], expected);
    }
}

#[tokio::test]
async fn what_a_caller_can_correct_is_a_user_error_and_its_key_stays_free() {
    for house in houses().await {
        let key = house.key().await;
        let with = |name: &str, value: Value| {
            let mut input = start("ann", "k1");
            input[name] = value;
            input
        };
        for (name, value, code) in [
            (
                "returnUrl",
                json!("https://evil.example/"),
                "RETURN_URL_NOT_REGISTERED",
            ),
            ("institutionId", json!("nobody"), "INSTITUTION_UNKNOWN"),
            ("endUserReference", json!(""), "END_USER_REF_INVALID"),
            ("endUserReference", Value::Null, "END_USER_REF_INVALID"),
            ("locale", json!("de_DE"), "LOCALE_INVALID"),
            ("historyFrom", json!("9999-01-01"), "HISTORY_INVALID"),
            (
                "linkId",
                json!("lnk_00000000000000000000000000000001"),
                "LINK_UNKNOWN",
            ),
            ("linkId", json!("nonsense"), "LINK_UNKNOWN"),
        ] {
            let got = send(&house, &key, START, with(name, value)).await;
            let errors = &got.data()["startLink"]["userErrors"];
            assert_eq!(
                errors,
                &json!([{ "code": code, "field": ["input", name] }]),
                "{}",
                got.text
            );
            assert_eq!(got.data()["startLink"]["url"], Value::Null);
        }
        let got = send(&house, &key, START, start("ann", "k1")).await;
        assert_eq!(got.data()["startLink"]["userErrors"], json!([]));
        for bad in [String::new(), "k".repeat(256)] {
            let got = send(&house, &key, START, start("ann", &bad)).await;
            assert_eq!(got.code(), "QUERY_INVALID");
        }
        assert_eq!(
            send(&house, &key, START, start("ann", &"k".repeat(255)))
                .await
                .code(),
            ""
        );
    }
}

#[tokio::test]
async fn a_token_starts_links_of_its_own_person_and_redeems_nothing() {
    for house in houses().await {
        let (token, _) = house.token("ann", KeyScope::ALL).await;
        let mut own = start("ann", "k1");
        own.as_object_mut().unwrap().remove("endUserReference");
        let got = send(&house, &token, START, own).await;
        assert_eq!(
            got.data()["startLink"]["linkSession"]["endUser"]["reference"],
            "ann"
        );
        let got = send(&house, &token, START, start("bob", "k2")).await;
        assert_eq!(
            got.data()["startLink"]["userErrors"][0]["code"],
            "END_USER_FIXED"
        );
        let redeem = "mutation { redeemLinkResult(input: {code: \"x\"}) { outcome userErrors { \
        code \
                      } } }";
        assert_eq!(house.query(&token, redeem).await.code(), "FORBIDDEN");
        let key = house.key().await;
        let got = house.query(&key, redeem).await;
        assert_eq!(
            got.data()["redeemLinkResult"],
            json!({ "outcome": null, "userErrors": [{ "code": "CODE_INVALID" }] })
        );
    }
}

#[tokio::test]
async fn a_refresh_is_one_job_and_a_disconnected_link_takes_none() {
    for house in houses().await {
        reference_data(&house).await;
        let ann = person(&house, house.tenant, "ann", (10, 1, 0)).await;
        let eve = person(&house, house.stranger, "eve", (30, 1, 0)).await;
        let key = house.key().await;
        let input = |link: String, key: &str| json!({ "linkId": link, "idempotencyKey": key });
        for key_text in ["k1", "k1", "k2"] {
            let got = send(&house, &key, REFRESH, input(ann.link.to_string(), key_text)).await;
            assert_eq!(
                got.data()["refreshLink"]["link"]["id"],
                ann.link.to_string()
            );
            assert_eq!(jobs(&house).await, 1, "{}", house.name());
        }
        let unknown = json!([{ "code": "LINK_UNKNOWN", "field": ["input", "linkId"] }]);
        for foreign in [eve.link.to_string(), "lnk_1".to_owned()] {
            for mutation in [REFRESH, DISCONNECT] {
                let got = send(&house, &key, mutation, input(foreign.clone(), "k3")).await;
                let data = got
                    .data()
                    .as_object()
                    .unwrap()
                    .values()
                    .next()
                    .unwrap()
                    .clone();
                assert_eq!(data["userErrors"], unknown, "{}", got.text);
            }
        }
        for _ in 0..2 {
            let got = send(&house, &key, DISCONNECT, input(ann.link.to_string(), "k4")).await;
            let link = &got.data()["disconnectLink"]["link"];
            assert!(link["disconnectedAt"].is_string(), "{}", got.text);
            assert_eq!(link["consent"], Value::Null);
            assert_eq!(
                link["consents"],
                json!([{ "state": "REVOKED", "reason": "CLIENT" }])
            );
        }
        let got = send(&house, &key, REFRESH, input(ann.link.to_string(), "k5")).await;
        assert_eq!(got.data()["refreshLink"]["userErrors"], unknown);
    }
}

async fn upload(house: &House, number: u128, person: &crate::seed::Person) -> UploadId {
    let (id, raw) = (
        UploadId(Uuid::from_u128(number)),
        RawAnswerId(Uuid::from_u128(number)),
    );
    let now = house.vault.effects().now();
    let mut tx = house.db.begin(house.tenant).await.unwrap();
    let answer = NewRawAnswer {
        id: raw,
        end_user_id: person.id,
        link_id: None,
        family: "statement_file".to_owned(),
        resource: "statement".to_owned(),
        request_fingerprint: None,
        data_key_id: DataKeyId(Uuid::nil()),
        http_status: None,
        file_name_sealed: None,
        fetched_at: now,
        retention_until: None,
    };
    raw::begin(&mut tx, &answer).await.unwrap();
    let row = UploadRow {
        id,
        end_user_id: Some(person.id),
        raw_answer_id: raw,
        api_key_id: Some(ApiKeyId(Uuid::nil())),
        created_at: now,
        expires_at: now.plus_seconds(600),
        consumed_at: None,
    };
    upload::insert(&mut tx, &row).await.unwrap();
    tx.commit().await.unwrap();
    id
}

#[tokio::test]
async fn an_upload_is_imported_once_by_a_job_that_its_person_can_follow() {
    for house in houses().await {
        reference_data(&house).await;
        let ann = person(&house, house.tenant, "ann", (10, 1, 0)).await;
        let bob = person(&house, house.tenant, "bob", (20, 1, 0)).await;
        let upload = upload(&house, 7, &ann).await.to_string();
        let key = house.key().await;
        let input = |name: &str, value: Value| {
            let mut input = json!({
                "uploadId": upload, "endUserReference": "ann", "idempotencyKey": "k1"
            });
            input[name] = value;
            input
        };
        let foreign = bob.accounts[0].to_string();
        for (name, value, code) in [
            (
                "uploadId",
                json!("upl_00000000000000000000000000000001"),
                "UPLOAD_UNKNOWN",
            ),
            ("accountId", json!(foreign), "ACCOUNT_UNKNOWN"),
            ("endUserReference", json!("bob"), "END_USER_DIFFERS"),
            ("endUserReference", json!("nobody"), "END_USER_DIFFERS"),
        ] {
            let got = send(&house, &key, IMPORT, input(name, value)).await;
            assert_eq!(got.data()["importStatement"]["userErrors"][0]["code"], code);
            assert_eq!(jobs(&house).await, 0);
        }
        let own = ann.accounts[0].to_string();
        let first = send(&house, &key, IMPORT, input("accountId", json!(own))).await;
        let made = first.data()["importStatement"]["importJob"].clone();
        assert_eq!(made["state"], "WAITING", "{}", first.text);
        let again = send(&house, &key, IMPORT, input("accountId", json!(own))).await;
        assert_eq!(again.data()["importStatement"]["importJob"], made);
        assert_eq!(jobs(&house).await, 1);
        let used = send(&house, &key, IMPORT, input("idempotencyKey", json!("k2"))).await;
        assert_eq!(
            used.data()["importStatement"]["userErrors"][0]["code"],
            "UPLOAD_UNKNOWN"
        );

        let query = "query($id: ID!) { importJob(id: $id) { state } }";
        let id = json!({ "id": made["id"] });
        let (anns, _) = house.token("ann", KeyScope::ALL).await;
        let (bobs, _) = house.token("bob", KeyScope::ALL).await;
        let got = house.query_with(&anns, query, id.clone()).await;
        assert_eq!(got.data()["importJob"]["state"], "WAITING");
        let got = house.query_with(&bobs, query, id).await;
        assert_eq!(got.data()["importJob"], Value::Null);
    }
}

#[tokio::test]
async fn a_frontend_token_imports_its_own_persons_upload_and_no_other() {
    for house in houses().await {
        reference_data(&house).await;
        let ann = person(&house, house.tenant, "ann", (10, 1, 0)).await;
        person(&house, house.tenant, "bob", (20, 1, 0)).await;
        let upload = upload(&house, 7, &ann).await.to_string();
        let (anns, _) = house.token("ann", &[KeyScope::ImportWrite]).await;
        let (bobs, _) = house.token("bob", &[KeyScope::ImportWrite]).await;
        let input = |reference: Option<&str>| {
            json!({
                "uploadId": upload, "endUserReference": reference, "idempotencyKey": "k1"
            })
        };
        for (token, reference, code) in [
            // Of another person's upload a token is not even told that it is there.
            (&bobs, None, "UPLOAD_UNKNOWN"),
            (&bobs, Some("ann"), "UPLOAD_UNKNOWN"),
            (&anns, Some("bob"), "END_USER_DIFFERS"),
        ] {
            let got = send(&house, token, IMPORT, input(reference)).await;
            let payload = &got.data()["importStatement"];
            assert_eq!(payload["userErrors"][0]["code"], code, "{}", house.name());
            assert_eq!(payload["importJob"], Value::Null);
            assert_eq!(jobs(&house).await, 0);
        }
        let (reader, _) = house.token("ann", &[KeyScope::AccountsRead]).await;
        let got = send(&house, &reader, IMPORT, input(None)).await;
        assert_eq!(got.code(), "FORBIDDEN");
        let got = send(&house, &anns, IMPORT, input(None)).await;
        let made = &got.data()["importStatement"]["importJob"];
        assert_eq!(made["state"], "WAITING", "{}", got.text);
        assert_eq!(jobs(&house).await, 1);
    }
}

#[tokio::test]
async fn a_frontend_token_is_no_more_than_its_key_and_works_at_once() {
    for house in houses().await {
        let held = [KeyScope::AccountsRead, KeyScope::LinkWrite];
        let key = house.key_with(house.tenant, KeyClass::Server, &held).await;
        let input = |scopes: Value, ttl: i64| {
            let reference = "ann";
            json!({ "endUserReference": reference, "scopes": scopes, "ttlSeconds": ttl })
        };
        for (scopes, ttl, code) in [
            (json!(["transactions:read"]), 60, "SCOPE_NOT_HELD"),
            (json!(["admin"]), 60, "SCOPE_UNKNOWN"),
            (json!([]), 60, "SCOPE_UNKNOWN"),
            (json!(["accounts:read"]), 0, "TTL_INVALID"),
            (json!(["accounts:read"]), 3_601, "TTL_INVALID"),
        ] {
            let got = send(&house, &key, TOKEN, input(scopes, ttl)).await;
            let payload = &got.data()["createFrontendToken"];
            assert_eq!(
                (&payload["userErrors"][0]["code"], &payload["token"]),
                (&json!(code), &Value::Null)
            );
        }
        let got = send(&house, &key, TOKEN, input(json!(["accounts:read"]), 3_600)).await;
        let payload = &got.data()["createFrontendToken"];
        assert_eq!(payload["endUser"]["reference"], "ann");
        let token = Key::of(payload["token"].as_str().unwrap());
        let viewer = "{ viewer { scopes endUser { id } } }";
        let seen = house.query(&token, viewer).await;
        let expected =
            json!({ "scopes": ["accounts:read"], "endUser": { "id": payload["endUser"]["id"] } });
        assert_eq!(seen.data()["viewer"], expected);
        let got = send(&house, &token, TOKEN, input(json!(["accounts:read"]), 60)).await;
        assert_eq!(got.code(), "FORBIDDEN");
    }
}
