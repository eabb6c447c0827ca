//! Nodes: what is found by its id, and that nothing tells a foreign id from an unknown one.

use fondaco_model::v1::ConsentRevocation;
use fondaco_store::repo::consent;
use serde_json::json;

use crate::kit::houses;
use crate::seed::{person, reference_data, transaction_id};

const NODE: &str = "query($id: ID!) { node(id: $id) { __typename id } }";

#[tokio::test]
async fn every_kind_of_node_is_found_again_by_its_id() {
    for house in houses().await {
        reference_data(&house).await;
        let ann = person(&house, house.tenant, "ann", (10, 1, 1)).await;
        let key = house.key().await;
        for (id, kind) in [
            (ann.id.to_string(), "EndUser"),
            (ann.link.to_string(), "Link"),
            (ann.consent.to_string(), "Consent"),
            (ann.accounts[0].to_string(), "BankAccount"),
            (
                transaction_id(ann.accounts[0], 0).to_string(),
                "BankTransaction",
            ),
        ] {
            let got = house.query_with(&key, NODE, json!({ "id": id })).await;
            assert_eq!(got.data()["node"], json!({ "__typename": kind, "id": id }));
        }
    }
}

#[tokio::test]
async fn a_foreign_id_is_answered_to_the_byte_like_an_unknown_one() {
    for house in houses().await {
        reference_data(&house).await;
        let ann = person(&house, house.tenant, "ann", (10, 1, 1)).await;
        let eve = person(&house, house.stranger, "eve", (30, 1, 1)).await;
        let bob = person(&house, house.tenant, "bob", (20, 1, 1)).await;
        let server = house.key().await;
        let (anns, _) = house
            .token("ann", fondaco_model::scope::KeyScope::ALL)
            .await;
        let fields = [
            "node(id: $id) { id }",
            "nodes(ids: [$id]) { id }",
            "account(id: $id) { id }",
            "link(id: $id) { id }",
            "linkSession(id: $id) { id }",
            "importJob(id: $id) { id }",
            "accounts(first: 5, endUser: $id) { nodes { id } }",
            "accounts(first: 5, link: $id) { nodes { id } }",
            "links(first: 5, endUser: $id) { nodes { id } }",
            "consents(first: 5, endUser: $id) { nodes { id } }",
            "transactions(first: 5, filter: {accounts: [$id]}) { nodes { id } }",
        ];
        let of = |someone: &crate::seed::Person| {
            [
                someone.id.to_string(),
                someone.link.to_string(),
                someone.consent.to_string(),
                someone.accounts[0].to_string(),
                transaction_id(someone.accounts[0], 0).to_string(),
            ]
        };
        for (key, foreign) in [(&server, of(&eve)), (&anns, of(&bob)), (&anns, of(&eve))] {
            for id in foreign {
                let (prefix, _) = id.split_once('_').unwrap();
                let unknown = format!("{prefix}_{:032x}", u128::MAX);
                for field in fields {
                    let query = format!("query($id: ID!) {{ {field} }}");
                    let foreign = house.query_with(key, &query, json!({ "id": id })).await;
                    let unknown = house
                        .query_with(key, &query, json!({ "id": unknown }))
                        .await;
                    assert_eq!(foreign.steady(), unknown.steady(), "{field} {id}");
                    assert!(!foreign.text.contains(&id), "{}", foreign.text);
                }
            }
        }
        let got = house
            .query_with(&anns, NODE, json!({ "id": ann.link.to_string() }))
            .await;
        assert_eq!(got.data()["node"]["id"], ann.link.to_string());
    }
}

#[tokio::test]
async fn nodes_keep_their_places_and_are_limited() {
    for house in houses().await {
        reference_data(&house).await;
        let ann = person(&house, house.tenant, "ann", (10, 2, 0)).await;
        let key = house.key().await;
        let ids: Vec<String> = vec![
            ann.accounts[1].to_string(),
            "nonsense".to_owned(),
            ann.accounts[0].to_string(),
            ann.accounts[1].to_string(),
        ];
        let query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
        let got = house.query_with(&key, query, json!({ "ids": ids })).await;
        let nodes = &got.data()["nodes"];
        assert_eq!(nodes[0]["id"], ids[0]);
        assert_eq!(nodes[1], serde_json::Value::Null);
        assert_eq!(
            (&nodes[2]["id"], &nodes[3]["id"]),
            (&json!(ids[2]), &json!(ids[3]))
        );
        let many = |n: usize| json!({ "ids": vec!["acc_1"; n] });
        assert!(
            house
                .query_with(&key, query, many(250))
                .await
                .json
                .get("errors")
                .is_none()
        );
        let refused = house.query_with(&key, query, many(251)).await;
        assert_eq!(refused.code(), "QUERY_INVALID", "{}", refused.text);
    }
}

#[tokio::test]
async fn a_consent_says_how_far_its_institution_knows_that_it_is_over() {
    const QUERY: &str = "query($id: ID!) { node(id: $id) { ... on Consent { revocation } } }";
    for house in houses().await {
        reference_data(&house).await;
        let ann = person(&house, house.tenant, "ann", (10, 1, 1)).await;
        let key = house.key().await;
        for revocation in ConsentRevocation::ALL {
            let mut tx = house.db.begin(house.tenant).await.unwrap();
            let stored = consent::get(&mut tx, ann.consent).await.unwrap();
            let mut stored = stored.unwrap();
            stored.consent.revocation = *revocation;
            let state = stored.consent.state;
            consent::transition(&mut tx, state, &stored).await.unwrap();
            tx.commit().await.unwrap();
            let asked = json!({ "id": ann.consent });
            let got = house.query_with(&key, QUERY, asked).await;
            let word = revocation.as_str();
            assert_eq!(got.data()["node"]["revocation"], word, "{}", house.name());
        }
    }
}
