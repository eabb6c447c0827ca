//! Statements: one for each field of a level that reads, whatever the number of parents.

use crate::kit::{House, Key, houses};
use crate::seed::{person, reference_data};

/// Everything below accounts that is batched: twelve look-ups.
const NESTED: &str = "{ accounts(first: 250) { nodes { id link { institution { name } endUser { \
                      reference } consent { state } consents { state } accounts(first: 2) { nodes \
                      { id } } } ledgerBalance { amount { amount } } availableBalance { amount { \
                      amount } } balances { type } transactions(first: 2) { nodes { account { name \
                      } ... on BankTransaction { details { amount { amount } } references { \
                      value } \
                      remarks { rule } revisions { cause } } } } } } }";

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
        for (base, accounts) in [(100, 1), (200, 19), (300, 80)] {
            let reference = format!("person {base}");
            person(&house, house.tenant, &reference, (base, accounts, 3)).await;
            total += accounts;
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
        // The key; the accounts; link, balances, transactions; four below a link, five below a
        // transaction.
        assert_eq!(first, 14, "{} {counts:?}", house.name());
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
