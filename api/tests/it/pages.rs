//! Pages: nothing doubled and nothing missed, in every order and both directions.

use serde_json::{Value, json};

use crate::kit::{House, Key, houses};
use crate::seed::{person, reference_data};

const ROWS: usize = 23;
/// Two accounts of the first person, one of the second.
const ALL: usize = 3 * ROWS;

async fn seeded(house: &House) -> Key {
    reference_data(house).await;
    person(house, house.tenant, "ann", (10, 2, ROWS)).await;
    person(house, house.tenant, "bob", (20, 1, ROWS)).await;
    person(house, house.stranger, "ann", (30, 1, ROWS)).await;
    house.key().await
}

fn ids(page: &Value) -> Vec<String> {
    let edges = page["edges"].as_array().unwrap();
    edges
        .iter()
        .map(|edge| edge["node"]["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Walks a list to its end and answers the ids in the order in which pages brought them.
async fn walk(house: &House, key: &Key, arguments: &str, forward: bool) -> Vec<String> {
    let (size, place) = if forward {
        ("first", "after")
    } else {
        ("last", "before")
    };
    let query = format!(
        "query($size: Int!, $place: String) {{ transactions({size}: $size, {place}: $place \
         {arguments}) {{ edges {{ cursor node {{ id }} }} pageInfo {{ hasNextPage \
         hasPreviousPage startCursor endCursor }} }} }}"
    );
    let (mut all, mut place) = (Vec::new(), Value::Null);
    for _ in 0..=ALL {
        let variables = json!({ "size": 7, "place": place });
        let got = house.query_with(key, &query, variables).await;
        let page = got.data()["transactions"].clone();
        let mut found = ids(&page);
        let info = &page["pageInfo"];
        if forward {
            all.extend(found);
            assert_eq!(info["hasPreviousPage"], !place.is_null());
        } else {
            found.extend(all);
            all = found;
            assert_eq!(info["hasNextPage"], !place.is_null());
        }
        let more = if forward {
            "hasNextPage"
        } else {
            "hasPreviousPage"
        };
        if info[more] == false {
            return all;
        }
        place = info[if forward { "endCursor" } else { "startCursor" }].clone();
    }
    panic!("pages do not end");
}

fn sorted(mut list: Vec<String>) -> Vec<String> {
    list.sort();
    list
}

#[tokio::test]
async fn a_walk_sees_every_row_once_in_all_orders_and_directions() {
    for house in houses().await {
        let key = seeded(&house).await;
        for field in ["POSTED", "CREATED", "CHANGED"] {
            let order = |direction: &str| {
                format!(", orderBy: {{ field: {field}, direction: {direction} }}")
            };
            let down = walk(&house, &key, &order("DESC"), true).await;
            let distinct: std::collections::BTreeSet<_> = down.iter().collect();
            assert_eq!(
                (down.len(), distinct.len()),
                (ALL, ALL),
                "{} {field}",
                house.name()
            );
            let mut up = walk(&house, &key, &order("ASC"), true).await;
            up.reverse();
            assert_eq!(up, down, "{} {field}", house.name());
            let backward = walk(&house, &key, &order("DESC"), false).await;
            assert_eq!(backward, down, "{} {field} from the end", house.name());
        }
    }
}

#[tokio::test]
async fn rows_that_arrive_during_a_walk_do_not_move_it() {
    for house in houses().await {
        let key = seeded(&house).await;
        let query = "query($after: String) { transactions(first: 30, after: $after, orderBy: \
                     { field: CREATED, direction: ASC }) { edges { node { id } } pageInfo { \
                     endCursor hasNextPage } } }";
        let first = house.query(&key, query).await;
        let page = first.data()["transactions"].clone();
        person(&house, house.tenant, "carol", (40, 1, 5)).await;
        let variables = json!({ "after": page["pageInfo"]["endCursor"] });
        let rest = house.query_with(&key, query, variables).await;
        let mut seen = ids(&page);
        seen.extend(ids(&rest.data()["transactions"]));
        let distinct = sorted(seen.clone());
        let mut unique = distinct.clone();
        unique.dedup();
        assert_eq!(distinct, unique);
        assert_eq!(seen.len(), 60);
    }
}

#[tokio::test]
async fn filters_hold_exactly_what_they_say() {
    for house in houses().await {
        let key = seeded(&house).await;
        let count = async |filter: &str| {
            let query =
                format!("{{ transactions(first: 250, filter: {filter}) {{ nodes {{ id }} }} }}");
            let got = house.query(&key, &query).await;
            got.data()["transactions"]["nodes"]
                .as_array()
                .unwrap()
                .len()
        };
        assert_eq!(count("{}").await, ALL);
        assert_eq!(count("{text: \"RENT\"}").await, 3 * 5);
        assert_eq!(count("{text: \"rent 15\"}").await, 3);
        assert_eq!(count("{status: [PENDING]}").await, 3 * 3);
        assert_eq!(count("{from: \"2026-01-02\", to: \"2026-01-02\"}").await, 9);
        assert_eq!(count("{amount: {min: \"-4.5\", max: \"-4.50\"}}").await, 3);
        assert_eq!(
            count("{amount: {min: \"-0.0001\", max: \"0\"}}").await,
            3 * 5
        );
        assert_eq!(count("{amount: {currency: \"KWD\"}}").await, 3 * 6);
        assert_eq!(count("{accounts: []}").await, 0);
        assert_eq!(count("{accounts: [\"acc_1\"]}").await, 0);
    }
}

#[tokio::test]
async fn lists_below_accounts_and_links_are_pages_of_their_own() {
    for house in houses().await {
        let key = seeded(&house).await;
        let query = "{ accounts(first: 2) { edges { cursor node { id transactions(first: 4) { \
                     nodes { account { id } } pageInfo { hasNextPage endCursor } } } } pageInfo { \
                     hasNextPage } } }";
        let got = house.query(&key, query).await;
        let accounts = &got.data()["accounts"];
        assert_eq!(accounts["pageInfo"]["hasNextPage"], true);
        for edge in accounts["edges"].as_array().unwrap() {
            let (id, page) = (&edge["node"]["id"], &edge["node"]["transactions"]);
            assert_eq!(page["nodes"].as_array().unwrap().len(), 4);
            assert!(
                page["nodes"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|row| &row["account"]["id"] == id)
            );
            let next = "query($id: ID!, $after: String) { account(id: $id) { transactions(first: \
                        250, after: $after) { nodes { id } pageInfo { hasNextPage } } } }";
            let variables = json!({ "id": id, "after": page["pageInfo"]["endCursor"] });
            let rest = house.query_with(&key, next, variables).await;
            let page = &rest.data()["account"]["transactions"];
            assert_eq!(page["nodes"].as_array().unwrap().len(), ROWS - 4);
            assert_eq!(page["pageInfo"]["hasNextPage"], false);
        }
        let query = "query($after: String) { links(first: 10) { nodes { accounts(first: 1, after: \
                     $after) { nodes { id } pageInfo { hasNextPage endCursor } } } } }";
        let got = house.query(&key, query).await;
        let links = got.data()["links"]["nodes"].as_array().unwrap().clone();
        let more: Vec<_> = links
            .iter()
            .map(|link| link["accounts"]["pageInfo"]["hasNextPage"].clone())
            .collect();
        assert_eq!(more, [json!(true), json!(false)]);
    }
}

#[tokio::test]
async fn lists_in_the_order_of_ids_and_names_page_through_too() {
    for house in houses().await {
        let key = seeded(&house).await;
        for (list, total) in [
            ("accounts", 3),
            ("links", 2),
            ("consents", 2),
            ("endUsers", 2),
            ("institutions", 6),
        ] {
            let query = format!(
                "query($after: String) {{ list: {list}(first: 2, after: $after) {{ edges {{ node \
                 {{ id }} }} pageInfo {{ hasNextPage hasPreviousPage endCursor }} }} }}"
            );
            let (mut all, mut after) = (Vec::new(), Value::Null);
            for _ in 0..=total {
                let got = house
                    .query_with(&key, &query, json!({ "after": after }))
                    .await;
                let page = &got.data()["list"];
                all.extend(ids(page));
                if page["pageInfo"]["hasNextPage"] == false {
                    break;
                }
                after = page["pageInfo"]["endCursor"].clone();
            }
            let distinct: std::collections::BTreeSet<_> = all.iter().collect();
            assert_eq!(
                (all.len(), distinct.len()),
                (total, total),
                "{} {list}",
                house.name()
            );
        }
    }
}
