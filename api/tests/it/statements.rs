//! Statements: one for each table that a level reads, whatever the number of parents.

use fondaco_api::http::explorer::Example;
use fondaco_api::schema::examples;
use serde_json::json;

use crate::kit::{House, Key, houses};
use crate::seed::{person, reference_data};

/// Statements of each saved query, in the order of the menu; the key is one in each.
const EXAMPLES: [u64; 8] = [1, 4, 3, 2, 3, 5, 2, 6];

/// Everything below accounts that is batched: eleven look-ups.
const NESTED: &str = "{ accounts(first: 250) { nodes { id link { institution { name } endUser { \
                      reference } consent { state } consents { state } accounts(first: 2) { nodes \
                      { id } } } ledgerBalance { amount { amount } } availableBalance { amount { \
                      amount } } balances { type } transactions(first: 2) { nodes { account { name \
                      } ... on BankTransaction { details { amount { amount } } references { \
                      value } \
                      remarks { rule } revisions { cause } } } } } } }";

/// Bases of ids and numbers of accounts that bring a house to 1, 20 and 100 accounts.
const STEPS: [(u128, usize); 3] = [(100, 1), (200, 19), (300, 80)];

/// One more person with so many accounts; answers how many.
async fn grow(house: &House, (base, accounts): (u128, usize)) -> usize {
    let reference = format!("person {base}");
    person(house, house.tenant, &reference, (base, accounts, 3)).await;
    accounts
}

async fn count(house: &House, key: &Key, query: &str) -> u64 {
    let before = house.db.statements();
    let got = house.query(key, query).await;
    got.data();
    house.db.statements() - before
}

#[tokio::test]
async fn nested_reads_take_as_many_statements_for_a_hundred_accounts_as_for_one() {
    for house in houses().await {
        reference_data(&house).await;
        let key = house.key_with(
            house.tenant,
            fondaco_store::repo::api_key::KeyClass::Job,
            fondaco_model::scope::KeyScope::ALL,
        );
        let key = key.await;
        let mut counts = Vec::new();
        let mut total = 0;
        for step in STEPS {
            total += grow(&house, step).await;
            if total == 1 {
                // Keys, reference data and the note of the key's use are kept from here on.
                house.query(&key, NESTED).await.data();
            }
            counts.push((total, count(&house, &key, NESTED).await));
        }
        println!("{}: (accounts, statements) {counts:?}", house.name());
        let first = counts[0].1;
        assert!(
            counts.iter().all(|(_, count)| *count == first),
            "{} {counts:?}",
            house.name()
        );
        // The key; the accounts; link, balances, transactions; three below a link (the institution
        // is kept, both fields of consents are one), five below a transaction.
        assert_eq!(first, 13, "{} {counts:?}", house.name());
    }
}

/// Statements of one run of an example; a write gets a key of its own.
async fn count_example(house: &House, key: &Key, example: &Example, run: usize) -> u64 {
    let mut variables = match example.variables.as_str() {
        "" => json!({}),
        text => serde_json::from_str(text).unwrap(),
    };
    if variables["input"].is_object() {
        variables["input"]["idempotencyKey"] = json!(format!("run {run}"));
    }
    let before = house.db.statements();
    house
        .query_with(key, &example.query, variables)
        .await
        .data();
    house.db.statements() - before
}

#[tokio::test]
async fn every_saved_query_takes_as_many_statements_for_a_hundred_accounts_as_for_one() {
    for house in houses().await {
        reference_data(&house).await;
        let key = house.key().await;
        let examples = examples();
        assert_eq!(examples.len(), EXAMPLES.len());
        let mut counts = vec![Vec::new(); examples.len()];
        let mut total = 0;
        for (run, step) in STEPS.into_iter().enumerate() {
            total += grow(&house, step).await;
            for (example, counts) in examples.iter().zip(&mut counts) {
                if run == 0 {
                    // Keys and reference data are kept from here on.
                    count_example(&house, &key, example, STEPS.len()).await;
                }
                counts.push((total, count_example(&house, &key, example, run).await));
            }
        }
        for ((example, counts), expected) in examples.iter().zip(&counts).zip(&EXAMPLES) {
            let (name, title, query) = (house.name(), &example.title, &example.query);
            println!("{name}: {title}\n{query}(accounts, statements) {counts:?}\n");
            assert!(
                counts.iter().all(|(_, count)| count == expected),
                "{name} {title} {counts:?}, {expected} expected"
            );
        }
    }
}

#[tokio::test]
async fn a_list_of_a_level_is_one_statement() {
    for house in houses().await {
        reference_data(&house).await;
        person(&house, house.tenant, "ann", (10, 20, 3)).await;
        let key = house.key().await;
        let base = {
            house
                .query(
                    &key,
                    "{ transactions(first: 1) { nodes { id } pageInfo { endCursor } } }",
                )
                .await;
            count(&house, &key, "{ viewer { test } }").await
        };
        for (query, expected) in [
            ("{ accounts(first: 20) { nodes { id } } }", 1),
            (
                "{ accounts(first: 20) { nodes { balances { type } ledgerBalance { type } } } }",
                2,
            ),
            (
                "{ accounts(first: 20) { nodes { transactions(first: 3) { nodes { id } } } } }",
                2,
            ),
            (
                "{ transactions(first: 50) { nodes { account { name } } } }",
                2,
            ),
            (
                "{ links(first: 5) { nodes { consent { state } accounts(first: 5) { nodes { id } \
                } } } }",
                3,
            ),
        ] {
            assert_eq!(
                count(&house, &key, query).await - base,
                expected,
                "{} {query}",
                house.name()
            );
        }
    }
}
