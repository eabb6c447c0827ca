//! Hostile inputs by class, deterministic: none may bring a 5xx, a leak or broken JSON.

use http::{Method, StatusCode};
use serde_json::json;

use super::kit::{Api, Got, Setup, joined, request};

/// Inputs of the random classes.
const ROUNDS: u32 = 1_500;
const LEAKS: [&str; 7] = [
    "panicked",
    "backtrace",
    ".rs",
    "sqlx",
    "relation \"",
    "unwrap",
    "did you mean",
];

fn judge(what: &str, got: &Got) {
    assert!(
        got.status.as_u16() < 500,
        "{what}: {} {}",
        got.status,
        got.text
    );
    for leak in LEAKS {
        assert!(
            !got.text.to_lowercase().contains(leak),
            "{what}: {}",
            got.text
        );
    }
    if !got.text.is_empty() {
        assert!(got.json.is_object(), "{what}: no JSON: {}", got.text);
    }
    if got.status != StatusCode::OK {
        assert!(got.json.get("data").is_none(), "{what}: {}", got.text);
    }
}

fn generous() -> Api {
    Api::with(&Setup {
        server_units: 1_000_000_000,
        ..Setup::default()
    })
}

/// A small generator, so that each run sends the same.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }
}

#[tokio::test]
async fn random_tokens() {
    let tokens = [
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        ":",
        "!",
        "$x",
        "@include(if:true)",
        "...",
        "on",
        "fragment",
        "query",
        "mutation",
        "subscription",
        "\"s\"",
        "1",
        "1.5",
        "-",
        "null",
        "true",
        "\"\"\"b\"\"\"",
        "#c\n",
        "accounts",
        "id",
        "__typename",
        "__schema",
        "types",
        "first",
    ];
    let (api, mut dice) = (generous(), Dice(7));
    for round in 0..ROUNDS {
        let count = 1 + dice.roll(60);
        let words: Vec<&str> = (0..count).map(|_| dice.pick(&tokens)).collect();
        let query = words.join(" ");
        judge(&format!("{round}: {query}"), &api.query(&query).await);
    }
}

#[tokio::test]
async fn mutated_documents() {
    let seeds = [
        "{accounts(first:2){nodes{id name}} version}",
        "query Q($i:ID!,$n:Int=3){account(id:$i){...F} accounts(first:$n){nodes{id}}}\
         fragment F on Account{id name}",
        "mutation{touch} ",
    ];
    let alphabet: Vec<char> =
        "\0\t\n\r\"$&'().:@[]{|}\u{7f}\u{a0}\u{2028}\u{202e}\u{feff}\u{fffd}\u{1f600}#\\a1_"
            .chars()
            .collect();
    let (api, mut dice) = (generous(), Dice(11));
    for round in 0..ROUNDS {
        let mut text: Vec<char> = seeds[dice.roll(seeds.len())].chars().collect();
        for _ in 0..=dice.roll(8) {
            let (at, change) = (dice.roll(text.len()), dice.roll(4));
            let other = alphabet[dice.roll(alphabet.len())];
            match change {
                0 => text[at] = other,
                1 if text.len() > 1 => drop(text.remove(at)),
                2 => text.insert(at, other),
                _ => {
                    let again = text[at..].to_vec();
                    text.splice(at..at, again);
                }
            }
        }
        let query: String = text.into_iter().collect();
        let body = json!({"query": query, "variables": {"i": "1"}}).to_string();
        judge(&format!("{round}: {query}"), &api.post(body, &[]).await);
    }
}

#[tokio::test]
async fn variables_of_every_shape() {
    let values = [
        json!(0),
        json!(-1),
        json!(2_147_483_648_u64),
        json!(i64::MIN),
        json!(1e308),
        json!(1.5),
        json!(""),
        json!("x".repeat(60_000)),
        json!(null),
        json!(true),
        json!("\u{0}"),
        json!("\u{1f600}"),
        json!([]),
        json!([[1]]),
        json!({}),
        json!({"a": {"b": 1}}),
        json!("' OR 1=1 --"),
        json!("${jndi:ldap://127.0.0.1/a}"),
    ];
    let queries = [
        "query($x:ID!){account(id:$x){id}}",
        "query($x:Int){accounts(first:$x){nodes{id}}}",
        "query($x:Boolean!){version @skip(if:$x)}",
        "query($x:Nope){version}",
    ];
    let api = generous();
    for value in &values {
        for query in queries {
            let body = json!({"query": query, "variables": {"x": value}}).to_string();
            judge(&format!("{query} {value:.60}"), &api.post(body, &[]).await);
        }
        let body = json!({"query": "{version}", "variables": value}).to_string();
        judge("variables", &api.post(body, &[]).await);
        let body = json!({"query": "{version}", "operationName": value}).to_string();
        judge("operationName", &api.post(body, &[]).await);
        let body = json!({"query": "{version}", "extensions": value}).to_string();
        judge("extensions", &api.post(body, &[]).await);
        let body = json!({"query": value}).to_string();
        judge("query", &api.post(body, &[]).await);
    }
}

#[tokio::test]
async fn fragments_of_every_kind() {
    let chain = |n: usize| {
        let links = joined(n, |i| {
            format!("fragment f{i} on Query{{__typename ...f{}}}", i + 1)
        });
        format!("{{...f0}}{links}fragment f{n} on Query{{__typename}}")
    };
    let cases = [
        "{...a} fragment a on Query{...a}".to_owned(),
        "{...a} fragment a on Nope{x}".to_owned(),
        "{...missing}".to_owned(),
        "{version} fragment a on Query{version}".to_owned(),
        "{...a} fragment a on Query{version} fragment a on Query{version}".to_owned(),
        "{... on Account{id}}".to_owned(),
        "{accounts(first:1){...a}} fragment a on Query{version}".to_owned(),
        chain(5),
        chain(25),
        chain(31),
        chain(45),
        chain(400),
    ];
    let api = generous();
    for query in cases {
        judge(&query, &api.query(&query).await);
    }
}

#[tokio::test]
async fn bodies_that_are_no_text() {
    let (api, mut dice) = (generous(), Dice(13));
    for round in 0..300_u32 {
        let length = 1 + dice.roll(400);
        let bytes: Vec<u8> = (0..length)
            .map(|_| u8::try_from(dice.roll(256)).unwrap())
            .collect();
        judge(&round.to_string(), &api.post(bytes, &[]).await);
    }
}

#[tokio::test]
async fn headers_and_addresses_of_every_kind() {
    let api = generous();
    let long = "a".repeat(7_000);
    let headers = [
        ("authorization", "Bearer"),
        ("authorization", "Bearer "),
        ("authorization", "Basic !!!"),
        ("authorization", long.as_str()),
        ("cookie", long.as_str()),
        ("accept", "*/*;q=x,;;;"),
        ("accept", long.as_str()),
        ("origin", long.as_str()),
        ("x-forwarded-for", "127.0.0.1, ::1, \"'"),
        ("content-type", long.as_str()),
        ("traceparent", "00-zzzz"),
        ("expect", "nonsense"),
        ("range", "bytes=0-"),
        ("x-request-id", long.as_str()),
        ("x-cost-only", "true"),
        ("host", "evil.example"),
    ];
    for header in headers {
        let body = json!({"query": "{version}"}).to_string();
        judge(header.0, &api.post(body, &[header]).await);
    }
    let addresses = [
        "/graphql?",
        "/graphql?query",
        "/graphql?query=%7B",
        "/graphql?query=%FF%FE",
        "/graphql?query=%7Bversion%7D&variables=%7B",
        "/graphql?query=%7Bversion%7D&extensions=[]",
        "/graphql/",
        "//graphql",
        "/graphql%00",
        "/graphiql/../graphql",
    ];
    for address in addresses {
        judge(
            address,
            &api.get(address, &[("graphql-preflight", "1")]).await,
        );
        let head = request(
            Method::HEAD,
            address,
            &[("graphql-preflight", "1")],
            "".into(),
        );
        assert!(api.send(head).await.status.as_u16() < 500);
    }
}
