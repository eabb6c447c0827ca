//! The other side of a transaction: its sealed parts, and what else the canonical record says.

use fondaco_model::Secret;
use fondaco_model::draft::Identifier;
use fondaco_model::scope::KeyScope;
use fondaco_model::v1::{Category, FxRateType, IdentifierScheme, TransactionFlag};
use fondaco_store::repo::Scope;
use fondaco_store::repo::api_key::KeyClass;
use fondaco_store::repo::transaction;
use fondaco_vault::identifiers::Spot;
use serde_json::{Value, json};

use crate::kit::{House, houses};
use crate::seed::{IBAN, Person, person, reference_data};

const TABLE: &str = "bank_transaction";
const PHONE: &str = "+81300000000";
const ADDRESS: &str = "Example Street 1, Berlin, DE";

const QUERY: &str = "{ transactions(first: 1) { nodes { ... on BankTransaction { \
    identityConfidence grossAmount { amount } fx { rateType } \
    merchantId merchantLocation merchantTerminal flags \
    categories { taxonomy version code confidence source } \
    counterparty { identifier { masked } identifiers { scheme masked value } \
    agentClearingSystem agentMemberId address nullReasons { field reason } } } } } }";

/// Gives the person's only transaction everything that a source can state.
async fn dress(house: &House, ann: &Person) {
    let sealer = house
        .vault
        .identifier_sealer(house.tenant, ann.id)
        .await
        .unwrap();
    let mut tx = house.db.begin(house.tenant).await.unwrap();
    let asked = transaction::PageQuery::newest(1);
    let page = transaction::page(&mut tx, Scope::Tenant, &asked)
        .await
        .unwrap();
    let mut row = page.rows[0].clone();
    let numbers = [
        (IdentifierScheme::Iban, IBAN, "counterparty_sealed"),
        (IdentifierScheme::Msisdn, PHONE, "counterparty_more"),
    ];
    let seal = |(scheme, value, column): (IdentifierScheme, &str, &'static str)| {
        let value = Secret::new(value.to_owned());
        let spot = Spot::new(row.id.0, TABLE, column);
        sealer.seal(spot, &Identifier { scheme, value }).unwrap()
    };
    let identifiers = numbers.map(seal).to_vec();
    let spot = Spot::new(row.id.0, TABLE, "counterparty_address_sealed");
    let bank = &mut row.bank;
    bank.counterparty.identifiers = identifiers;
    bank.counterparty.address_sealed = Some(sealer.seal_text(spot, ADDRESS).unwrap());
    bank.counterparty.agent_clearing_system = Some("DEBLZ".to_owned());
    bank.counterparty.agent_member_id = Some("37040044".to_owned());
    bank.gross_amount = Some(row.amount);
    bank.fx = Some(fondaco_model::v1::Fx {
        rate: "1.1".to_owned(),
        unit_currency: None,
        quoted_currency: None,
        rate_type: Some(FxRateType::Agreed),
        contract_id: None,
        quoted_on: None,
    });
    bank.merchant_id = Some("M-5".to_owned());
    bank.merchant_location = Some("Berlin".to_owned());
    bank.merchant_terminal = Some("T-77".to_owned());
    bank.categories = vec![Category {
        taxonomy: "EXAMPLE".to_owned(),
        version: None,
        code: "BOOKS".to_owned(),
        confidence: Some(80),
        source: "bank".to_owned(),
    }];
    bank.flags = vec![TransactionFlag::Batch];
    transaction::upsert(&mut tx, &[row], &[]).await.unwrap();
    tx.commit().await.unwrap();
}

async fn ask(house: &House, scopes: &[KeyScope]) -> (Value, String) {
    let key = house.key_with(house.tenant, KeyClass::Server, scopes).await;
    let got = house.query(&key, QUERY).await;
    (got.data()["transactions"]["nodes"][0].clone(), got.text)
}

#[tokio::test]
async fn numbers_and_address_are_in_clear_with_their_scope_only_and_null_says_why() {
    for house in houses().await {
        reference_data(&house).await;
        let ann = person(&house, house.tenant, "ann", (10, 1, 1)).await;
        dress(&house, &ann).await;
        let (node, text) = ask(&house, &[KeyScope::TransactionsRead]).await;
        let party = &node["counterparty"];
        assert_eq!(party["identifiers"][0]["masked"], "DE••••3000", "{text}");
        assert_eq!(party["identifier"]["masked"], "DE••••3000");
        assert_eq!(party["identifiers"][1]["masked"], "••••0000");
        assert_eq!(party["identifiers"][1]["value"], Value::Null);
        assert_eq!(party["address"], Value::Null);
        let reasons = party["nullReasons"].as_array().unwrap();
        assert!(reasons.contains(&json!({ "field": "address", "reason": "NOT_PERMITTED" })));
        assert!(reasons.contains(&json!({ "field": "agentName", "reason": "NOT_PROVIDED" })));
        assert!(!text.contains(PHONE) && !text.contains(ADDRESS) && !text.contains(IBAN));
        let clear = [KeyScope::TransactionsRead, KeyScope::IdentifiersRead];
        let (node, _) = ask(&house, &clear).await;
        let party = &node["counterparty"];
        assert_eq!(party["identifiers"][0]["value"], IBAN);
        assert_eq!(party["identifiers"][1]["value"], PHONE);
        assert_eq!(party["address"], ADDRESS);
    }
}

#[tokio::test]
async fn everything_that_a_source_states_of_a_purchase_is_shown() {
    for house in houses().await {
        reference_data(&house).await;
        let ann = person(&house, house.tenant, "ann", (10, 1, 1)).await;
        let (bare, _) = ask(&house, &[KeyScope::TransactionsRead]).await;
        assert_eq!(bare["grossAmount"], Value::Null);
        assert_eq!(
            (&bare["flags"], &bare["categories"]),
            (&json!([]), &json!([]))
        );
        dress(&house, &ann).await;
        let (node, _) = ask(&house, &[KeyScope::TransactionsRead]).await;
        assert_eq!(node["identityConfidence"], "NEW");
        assert_eq!(node["grossAmount"]["amount"], "-0.50");
        assert_eq!(node["fx"]["rateType"], "AGRD");
        assert_eq!(node["flags"], json!(["BATCH"]));
        assert_eq!(
            node["categories"],
            json!([{ "taxonomy": "EXAMPLE", "version": null, "code": "BOOKS",
                     "confidence": 80, "source": "bank" }])
        );
        let place = ["merchantId", "merchantLocation", "merchantTerminal"].map(|name| &node[name]);
        assert_eq!(place, ["M-5", "Berlin", "T-77"]);
        assert_eq!(node["counterparty"]["agentClearingSystem"], "DEBLZ");
        assert_eq!(node["counterparty"]["agentMemberId"], "37040044");
    }
}
