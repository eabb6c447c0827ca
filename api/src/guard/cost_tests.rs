//! Tests of requested and actual cost on a small schema.

use async_graphql::parser::parse_query;
use async_graphql::parser::types::DocumentOperations;
use serde_json::{Value as Json, json};

use super::*;
use crate::guard::actual::actual;

const SDL: &str = "
type Money { amount: String! currency: String! }
type Count { value: Int! }
interface Account { id: ID! balances: [Balance!]! }
type BankAccount implements Account {
  id: ID! balances: [Balance!]! available: Money owner: Owner
  transactions(first: Int, last: Int, after: String): TransactionConnection!
}
type Balance { amount: Money! }
type Owner { id: ID! name: String }
type Transaction { id: ID! amount: Money! account: BankAccount! }
type TransactionEdge { node: Transaction! cursor: String! }
type PageInfo { hasNextPage: Boolean! }
type TransactionConnection {
  nodes: [Transaction!]! edges: [TransactionEdge!]! pageInfo: PageInfo! count(max: Int): Count!
}
type AccountConnection { nodes: [BankAccount!]! }
type Payload { account: BankAccount }
type Query {
  version: String! account(id: ID!): BankAccount nodes(ids: [ID!]!): [Account]!
  accounts(first: Int, last: Int): AccountConnection! all: [BankAccount!]! live: Money
}
type Mutation { rename(id: ID!): Payload! }
schema { query: Query mutation: Mutation }
";

fn table() -> CostTable {
    CostTable::from_sdl(SDL)
        .unwrap()
        .price("Query.live", 100)
        .unwrap()
}

fn with<T>(text: &str, variables: Json, then: impl FnOnce(&Priced) -> T) -> T {
    let (table, document) = (table(), parse_query(text).unwrap());
    let operation = match &document.operations {
        DocumentOperations::Single(one) => &one.node,
        DocumentOperations::Multiple(many) => &many.values().next().unwrap().node,
    };
    let variables = Variables::from_json(variables);
    then(&Priced {
        table: &table,
        document: &document,
        operation,
        variables: &variables,
    })
}

fn tally(text: &str, variables: Json) -> Result<Tally, Code> {
    with(text, variables, |priced| {
        requested(priced, KeyClass::Server, &Limits::default()).map_err(|refusal| refusal.code)
    })
}

#[test]
fn the_model_prices_each_kind_of_field() {
    let cases = [
        ("{version}", 1),
        ("{account(id:1){id}}", 1),
        ("{account(id:1){id available{amount} owner{name}}}", 2),
        ("{account(id:1){balances{amount{amount}}}}", 6),
        ("{all{id}}", 5),
        ("{all{owner{id}}}", 10),
        ("{nodes(ids:[1,2]){id}}", 5),
        ("{nodes(ids:[1,2,3,4,5,6,7]){id}}", 7),
        ("{accounts(first:10){nodes{id}}}", 12),
        (
            "{account(id:1){transactions(first:10){edges{node{id amount{amount}} cursor}}}}",
            13,
        ),
        (
            "{account(id:1){transactions(last:10){nodes{account{id}} pageInfo{hasNextPage}}}}",
            23,
        ),
        (
            "{account(id:1){transactions(first:1){count(max:9){value}}}}",
            13,
        ),
        (
            "{accounts(first:10){nodes{transactions(first:20){nodes{id}}}}}",
            232,
        ),
        ("{live{amount}}", 100),
        ("mutation{rename(id:1){account{id}}}", 11),
        ("{__schema{types{name}}}", 10),
        (
            "{a:account(id:1){...F} b:account(id:2){...F}} fragment F on BankAccount{owner{id}}",
            4,
        ),
        (
            "{account(id:1){... on Account{balances{amount{amount}}}}}",
            6,
        ),
        ("{account(id:1) @skip(if:true){id} version}", 1),
        ("{nope{deeper}}", 1),
    ];
    for (text, cost) in cases {
        assert_eq!(
            tally(text, json!({})).map(|tally| tally.cost),
            Ok(cost),
            "{text}"
        );
    }
}

#[test]
fn page_sizes_come_from_variables_and_their_defaults() {
    let text = "query($n:Int=7){accounts(first:$n){nodes{id}}}";
    assert_eq!(tally(text, json!({})).unwrap().cost, 9);
    assert_eq!(tally(text, json!({"n": 20})).unwrap().cost, 22);
    let include = "query($yes:Boolean!){version all @include(if:$yes){id}}";
    assert_eq!(tally(include, json!({"yes": false})).unwrap().cost, 1);
    assert_eq!(tally(include, json!({"yes": true})).unwrap().cost, 5);
}

#[test]
fn a_page_has_from_one_to_two_hundred_and_fifty_rows() {
    let page = |n: Json| {
        tally(
            "query($n:Int){accounts(first:$n){nodes{id}}}",
            json!({"n": n}),
        )
    };
    assert!(page(json!(1)).is_ok() && page(json!(250)).is_ok());
    for size in [
        json!(0),
        json!(-1),
        json!(251),
        json!("5"),
        json!(1.5),
        json!(null),
        json!([1]),
    ] {
        assert_eq!(page(size.clone()), Err(Code::QueryInvalid), "{size}");
    }
    for text in [
        "{accounts{nodes{id}}}",
        "{accounts(first:1,last:1){nodes{id}}}",
    ] {
        assert_eq!(tally(text, json!({})), Err(Code::QueryInvalid), "{text}");
    }
}

#[test]
fn a_job_key_may_page_by_a_thousand() {
    let job = |n: u32| {
        let text = format!("{{accounts(first:{n}){{nodes{{id}}}}}}");
        with(&text, json!({}), |priced| {
            requested(priced, KeyClass::Job, &Limits::default())
        })
    };
    assert_eq!(job(1_000).unwrap().cost, 1_002);
    assert_eq!(job(1_001).unwrap_err().code, Code::QueryInvalid);
}

#[test]
fn each_class_has_its_own_maximum_per_request() {
    // The cost is 2 + n × (1 + 2 + m).
    let cost = |class, n: u32, m: u32| {
        let text =
            format!("{{accounts(first:{n}){{nodes{{transactions(first:{m}){{nodes{{id}}}}}}}}}}");
        with(&text, json!({}), |priced| {
            requested(priced, class, &Limits::default()).map_err(|refusal| refusal.code)
        })
    };
    assert_eq!(cost(KeyClass::Browser, 18, 108).unwrap().cost, 2_000);
    assert_eq!(cost(KeyClass::Browser, 1, 1_997), Err(Code::QueryInvalid));
    assert_eq!(
        cost(KeyClass::Browser, 27, 72),
        Err(Code::QueryTooExpensive)
    );
    assert_eq!(cost(KeyClass::Server, 34, 144).unwrap().cost, 5_000);
    assert_eq!(
        cost(KeyClass::Server, 49, 100),
        Err(Code::QueryTooExpensive)
    );
}

#[test]
fn nodes_have_a_limit_of_their_own() {
    let text = "{accounts(first:10){nodes{transactions(first:20){nodes{id}}}}}";
    let nodes = |max| {
        let limits = Limits {
            nodes: max,
            ..Limits::default()
        };
        with(text, json!({}), |priced| {
            requested(priced, KeyClass::Job, &limits)
        })
    };
    assert_eq!(nodes(210).unwrap().nodes, 210);
    assert_eq!(nodes(209).unwrap_err().code, Code::QueryTooExpensive);
}

#[test]
fn huge_products_saturate_instead_of_wrapping() {
    let level = "transactions(first:250){nodes{account{";
    let text = format!(
        "{{account(id:1){{{}id{}}}}}",
        level.repeat(9),
        "}}}".repeat(9)
    );
    assert_eq!(tally(&text, json!({})), Err(Code::QueryTooExpensive));
}

#[test]
fn the_actual_cost_counts_what_came() {
    let spent = |text: &str, data: Json| {
        let data = ConstValue::from_json(data).unwrap();
        with(text, json!({}), |priced| actual(priced, &data))
    };
    let page = "{account(id:1){transactions(first:100){nodes{id amount{amount}}}}}";
    let rows = json!([{"id": 1, "amount": {"amount": 1}}, {"id": 2, "amount": null}]);
    assert_eq!(
        spent(page, json!({"account": {"transactions": {"nodes": rows}}})),
        5
    );
    assert_eq!(spent(page, json!({"account": null})), 1);
    assert_eq!(spent("{a:all{id}}", json!({"a": []})), 5);
    assert_eq!(
        spent(
            "mutation{rename(id:1){account{id}}}",
            json!({"rename": null})
        ),
        10
    );
    let both = "{nodes(ids:[1]){... on BankAccount{owner{id}} ... on Transaction{account{id}}}}";
    assert_eq!(spent(both, json!({"nodes": [{"owner": {"id": 1}}]})), 6);
}

#[test]
fn overrides_must_name_what_the_schema_has() {
    assert!(table().price("Query.nope", 1).is_err());
    assert!(table().size("Query.all", 50).is_ok());
    assert!(table().kind("Nope", Kind::Value).is_err());
    assert!(CostTable::from_sdl("type {").is_err());
}

#[test]
fn a_large_argument_asked_ten_thousand_times_is_priced_quickly() {
    let spreads = "...f ".repeat(90);
    let text = format!(
        "query($x:[ID!]!){{...g}} fragment g on Query{{{spreads}}} \
         fragment f on Query{{{}}}",
        "nodes(ids:$x){id} ".repeat(50)
    );
    let ids: Vec<u32> = (0..30_000).collect();
    let began = std::time::Instant::now();
    assert_eq!(
        tally(&text, json!({ "x": ids })),
        Err(Code::QueryTooExpensive)
    );
    assert!(began.elapsed() < std::time::Duration::from_secs(1));
}
