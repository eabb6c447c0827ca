//! Raw answers and the original values of remarks: who sees them, and how much of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fondaco_model::ids::{DataKeyId, RawAnswerId, TenantId};
use fondaco_model::scope::KeyScope;
use fondaco_store::repo::api_key::KeyClass;
use fondaco_store::repo::quarantine::{self, RemarkRow};
use fondaco_store::repo::raw::NewRawAnswer;
use fondaco_vault::identifiers::Spot;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::kit::{Got, House, houses};
use crate::seed::{NOW, Person, person, reference_data, transaction_id};

/// The raw answer that the seed's records name.
const RAW: RawAnswerId = RawAnswerId(Uuid::from_u128(1));
/// Bytes of which the beginning is shown.
const SHOWN: usize = 1 << 20;
const OF_ALL: &str = "{ accounts(first: 5) { nodes { ... on BankAccount { provenance { rawAnswer { \
                      id } } } } } transactions(first: 1) { nodes { ... on BankTransaction { \
                      provenance { rawAnswer { id resource httpStatus contentBytes contentSha256 \
                      truncated text base64 } } } } } }";

async fn store(house: &House, tenant: TenantId, owner: &Person, content: &[u8]) {
    let new = NewRawAnswer {
        id: RAW,
        end_user_id: owner.id,
        link_id: Some(owner.link),
        family: "berlin_group".to_owned(),
        resource: "transactions".to_owned(),
        request_fingerprint: None,
        data_key_id: DataKeyId(Uuid::nil()),
        http_status: Some(200),
        file_name_sealed: None,
        fetched_at: NOW,
        retention_until: None,
    };
    let writer = house.vault.raw_writer(tenant, new).await.unwrap();
    writer.write(content).await.unwrap();
    writer.finish().await.unwrap();
}

fn answer(got: &Got) -> &Value {
    &got.json["data"]["transactions"]["nodes"][0]["provenance"]["rawAnswer"]
}

#[tokio::test]
async fn a_raw_answer_is_shown_as_it_was_received_with_the_scope_and_to_its_person_only() {
    for house in houses().await {
        reference_data(&house).await;
        let ann = person(&house, house.tenant, "ann", (10, 1, 1)).await;
        let content = "{\"amount\":\"12,50\",\"payee\":\"Börse\"}";
        store(&house, house.tenant, &ann, content.as_bytes()).await;
        let key = house.key().await;
        let got = house.query(&key, OF_ALL).await;
        let account = &got.data()["accounts"]["nodes"][0]["provenance"]["rawAnswer"];
        assert_eq!(account["id"], RAW.to_string(), "{}", house.name());
        let raw = answer(&got);
        assert_eq!(raw["text"], content);
        assert_eq!(raw["base64"], BASE64.encode(content));
        assert_eq!(raw["contentBytes"], content.len().to_string());
        assert_eq!(
            (&raw["httpStatus"], &raw["truncated"]),
            (&json!(200), &json!(false))
        );
        assert_eq!(raw["contentSha256"].as_str().unwrap().len(), 64);

        let (own, _) = house.token("ann", KeyScope::ALL).await;
        assert_eq!(answer(&house.query(&own, OF_ALL).await)["text"], content);
        // Of another person's records the same id leads nowhere.
        person(&house, house.tenant, "bob", (30, 1, 1)).await;
        let (other, _) = house.token("bob", KeyScope::ALL).await;
        let got = house.query(&other, OF_ALL).await;
        assert_eq!(got.data()["accounts"]["nodes"].as_array().unwrap().len(), 1);
        assert_eq!(answer(&got), &Value::Null, "{}", house.name());
    }
}

#[tokio::test]
async fn without_the_scope_a_raw_answer_is_an_error_of_its_field_alone() {
    for house in houses().await {
        reference_data(&house).await;
        let ann = person(&house, house.tenant, "ann", (10, 1, 1)).await;
        store(&house, house.tenant, &ann, b"secret answer").await;
        let held: Vec<_> = KeyScope::ALL
            .iter()
            .copied()
            .filter(|scope| *scope != KeyScope::RawRead)
            .collect();
        let key = house.key_with(house.tenant, KeyClass::Server, &held).await;
        let got = house.query(&key, OF_ALL).await;
        assert_eq!((got.status.as_u16(), got.code()), (200, "FORBIDDEN"));
        assert_eq!(answer(&got), &Value::Null);
        let path = &got.json["errors"][0]["path"];
        assert!(path.to_string().contains("rawAnswer"), "{path}");
        assert!(!got.text.contains("secret"), "{}", house.name());
    }
}

#[tokio::test]
async fn one_mebibyte_of_an_answer_is_shown_and_no_byte_more() {
    for house in houses().await {
        reference_data(&house).await;
        for (base, bytes, truncated) in [(10, SHOWN, false), (30, SHOWN + 1, true)] {
            let tenant = if truncated {
                house.stranger
            } else {
                house.tenant
            };
            let owner = person(&house, tenant, "ann", (base, 1, 1)).await;
            store(&house, tenant, &owner, &vec![b'x'; bytes]).await;
            let key = house
                .key_with(tenant, KeyClass::Server, KeyScope::ALL)
                .await;
            let raw = answer(&house.query(&key, OF_ALL).await).clone();
            assert_eq!(
                raw["text"].as_str().unwrap().len(),
                SHOWN,
                "{}",
                house.name()
            );
            assert_eq!(raw["truncated"], truncated);
            assert_eq!(raw["contentBytes"], bytes.to_string());
        }
    }
}

#[tokio::test]
async fn ten_contents_are_shown_at_once_and_bytes_that_are_no_text_as_base64() {
    for house in houses().await {
        reference_data(&house).await;
        let ann = person(&house, house.tenant, "ann", (10, 1, 11)).await;
        store(&house, house.tenant, &ann, b"\xff\xfe").await;
        let key = house.key().await;
        let ask = |rows: usize| {
            format!(
                "{{ transactions(first: {rows}) {{ nodes {{ ... on BankTransaction {{ provenance \
                 {{ rawAnswer {{ base64 }} }} }} }} }} }}"
            )
        };
        let got = house.query(&key, &ask(10)).await;
        assert_eq!(answer(&got)["base64"], "//4=", "{}", got.text);
        got.data();
        let got = house.query(&key, &ask(11)).await;
        assert_eq!(got.code(), "QUERY_TOO_EXPENSIVE", "{}", house.name());
        let text = ask(1).replace("base64", "text");
        assert_eq!(answer(&house.query(&key, &text).await)["text"], Value::Null);
    }
}

#[tokio::test]
async fn a_remark_shows_the_value_as_it_stood_with_the_scope() {
    const REMARKS: &str = "{ transactions(first: 1) { nodes { ... on BankTransaction { remarks { \
                           rule original nullReasons { field reason } } } } } }";
    for house in houses().await {
        reference_data(&house).await;
        let ann = person(&house, house.tenant, "ann", (10, 1, 1)).await;
        let sealer = house.vault.identifier_sealer(house.tenant, ann.id).await;
        let sealer = sealer.unwrap();
        let row = |number: i64, original: &str| RemarkRow {
            raw_answer_id: RAW,
            ordinal: 0,
            number,
            end_user_id: ann.id,
            target_id: Some(transaction_id(ann.accounts[0], 0).0),
            field: "amount".to_owned(),
            rule: "money.comma".to_owned(),
            original_sealed: sealer
                .seal_text(Spot::new(RAW.0, "remark", "original_sealed"), original)
                .unwrap(),
            data_key_id: sealer.data_key_id(),
        };
        let mut tx = house.db.begin(house.tenant).await.unwrap();
        quarantine::insert_remarks(&mut tx, &[row(0, "12,50"), row(1, "EURO")])
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let remarks = |got: &Got| got.data()["transactions"]["nodes"][0]["remarks"].clone();
        let seen = remarks(&house.query(&house.key().await, REMARKS).await);
        let originals: Vec<_> = (0..2).map(|at| &seen[at]["original"]).collect();
        assert_eq!(originals, ["12,50", "EURO"], "{}", house.name());
        assert_eq!(seen[0]["nullReasons"], json!([]));
        let held = [KeyScope::AccountsRead, KeyScope::TransactionsRead];
        let key = house.key_with(house.tenant, KeyClass::Server, &held).await;
        let seen = remarks(&house.query(&key, REMARKS).await);
        let reason = json!([{ "field": "original", "reason": "NOT_PERMITTED" }]);
        assert_eq!(
            (&seen[0]["original"], &seen[0]["nullReasons"]),
            (&Value::Null, &reason)
        );
    }
}
