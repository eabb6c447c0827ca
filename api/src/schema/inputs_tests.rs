//! Values that the schema takes, and those that it does not.

use async_graphql::parser::parse_query;
use serde_json::{Value as Json, json};

use super::*;

fn check(query: &str, variables: Json) -> Result<(), String> {
    let table = InputTable::from_sdl(&crate::schema::sdl()).unwrap();
    let document = parse_query(query).unwrap();
    let variables = Variables::from_json(variables);
    table
        .check(&document, None, &variables)
        .map_err(|error| error.message)
}

/// A filter as a literal and as a variable: what is wrong with it, or nothing.
fn filter(literal: &str, variable: &Json, wrong: Option<&str>) {
    let written = format!("{{ transactions(first: 1, filter: {literal}) {{ nodes {{ id }} }} }}");
    let given = "query($f: TransactionFilter) { transactions(first: 1, filter: $f) { nodes { id } \
                 } }";
    for answer in [
        check(&written, json!({})),
        check(given, json!({ "f": variable })),
    ] {
        match (answer, wrong) {
            (Ok(()), None) => {}
            (Err(message), Some(wrong)) => {
                assert!(message.contains(wrong), "{message} against {wrong}");
            }
            (answer, wrong) => panic!("{literal}: {answer:?} against {wrong:?}"),
        }
    }
}

#[test]
fn custom_scalars_are_read_before_anything_runs() {
    filter(
        "{ from: \"2026-12-31\" }",
        &json!({ "from": "2026-12-31" }),
        None,
    );
    let day = Some("`from`: no `Date`: not a day");
    filter(
        "{ from: \"2026-13-01\" }",
        &json!({ "from": "2026-13-01" }),
        day,
    );
    filter(
        "{ from: 5 }",
        &json!({ "from": 5 }),
        Some("no `Date`: write it as a string"),
    );
    filter(
        "{ amount: { min: 12 } }",
        &json!({ "amount": { "min": 12 } }),
        None,
    );
    let exact = Some("`min`: no `Decimal`: write fractions as a string");
    filter(
        "{ amount: { min: 1.5 } }",
        &json!({ "amount": { "min": 1.5 } }),
        exact,
    );
    let plain = Some("`max`: no `Decimal`: write digits");
    filter(
        "{ amount: { max: \"1,5\" } }",
        &json!({ "amount": { "max": "1,5" } }),
        plain,
    );
    let code = Some("no `CurrencyCode`");
    filter(
        "{ amount: { currency: \"EURO\" } }",
        &json!({ "amount": { "currency": "EURO" } }),
        code,
    );
}

#[test]
fn shapes_that_the_executor_would_find_too_late_are_refused() {
    filter(
        "\"x\"",
        &json!("x"),
        Some("an input object `TransactionFilter` is wanted"),
    );
    filter(
        "{ nothing: 1 }",
        &json!({ "nothing": 1 }),
        Some("has no such field"),
    );
    filter("{ status: POSTED }", &json!({ "status": ["POSTED"] }), None);
    filter(
        "{ status: [GONE] }",
        &json!({ "status": "GONE" }),
        Some("no word of"),
    );
    filter(
        "{ text: [\"a\"] }",
        &json!({ "text": ["a"] }),
        Some("no `String`"),
    );
    filter("null", &Json::Null, None);
}

#[test]
fn an_absent_variable_hides_no_other_value_of_its_argument() {
    let query = "query($to: Date) { transactions(first: 1, filter: { to: $to, from: \"x\" }) { \
                 nodes { id } } }";
    assert!(check(query, json!({})).unwrap_err().contains("`from`"));
    let query = "query($to: Date = \"2026-02-30\") { transactions(first: 1, filter: { to: $to }) \
                 { nodes { id } } }";
    assert!(check(query, json!({})).unwrap_err().contains("`to`"));
    assert_eq!(check(query, json!({ "to": "2026-02-28" })), Ok(()));
    assert_eq!(check(query, json!({ "to": null })), Ok(()));
}

#[test]
fn values_in_fragments_and_nested_fields_are_read_too() {
    let query = "{ accounts(first: 1) { nodes { ...page } } } fragment page on Account { \
                 transactions(first: 1, filter: { from: \"x\" }) { nodes { id } } }";
    assert!(check(query, json!({})).unwrap_err().contains("`from`"));
    let query = "{ accounts(first: 1) { nodes { ... on BankAccount { transactions(first: 1, \
                 filter: { from: \"x\" }) { nodes { id } } } } } }";
    assert!(check(query, json!({})).unwrap_err().contains("`from`"));
}

#[test]
fn an_idempotency_key_has_one_to_255_characters() {
    let literal = |key: &str| {
        let input = format!("{{ linkId: \"l\", idempotencyKey: \"{key}\" }}");
        let query = format!("mutation {{ refreshLink(input: {input}) {{ link {{ id }} }} }}");
        check(&query, json!({}))
    };
    let variable = |key: &str| {
        let query = "mutation($i: RefreshLinkInput!) { refreshLink(input: $i) { link { id } } }";
        check(
            query,
            json!({ "i": { "linkId": "l", "idempotencyKey": key } }),
        )
    };
    let inner = |key: &str| {
        let query = "mutation($k: String!) { refreshLink(input: { linkId: \"l\", idempotencyKey: \
                     $k }) { link { id } } }";
        check(query, json!({ "k": key }))
    };
    let (largest, larger) = ("ä".repeat(255), "ä".repeat(256));
    for ask in [
        &literal as &dyn Fn(&str) -> Result<(), String>,
        &variable,
        &inner,
    ] {
        assert_eq!(ask("k"), Ok(()));
        assert_eq!(ask(&largest), Ok(()));
        assert!(ask("").unwrap_err().contains("`idempotencyKey`"));
        assert!(ask(&larger).unwrap_err().contains("`idempotencyKey`"));
    }
    let missing = "mutation { refreshLink(input: { linkId: \"l\" }) { link { id } } }";
    assert!(check(missing, json!({})).unwrap_err().contains("required"));
}
