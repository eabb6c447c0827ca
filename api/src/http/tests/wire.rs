//! The wire: media types, keys, origins, cost, limits, and what happens when resolvers fail.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Method, StatusCode};
use serde_json::json;

use super::kit::{Api, Got, INTERNAL, ORIGIN, OTHER_TENANTS_ORIGIN, Setup, joined, request};
use crate::guard::rate::FAILURES_BURST;
use crate::http::problem::INTERNAL_TEXT;
use crate::http::state::Introspection;

fn body(query: &str) -> String {
    json!({ "query": query }).to_string()
}

#[tokio::test]
async fn a_request_error_has_no_data_and_its_status_depends_on_the_media_type() {
    let api = Api::new();
    let strict = [("accept", "application/graphql-response+json")];
    let legacy = [("accept", "application/json")];
    for query in [
        "{",
        "{nope}",
        "query A{version} query B{version}",
        "subscription{x}",
    ] {
        let got = api.post(body(query), &strict).await;
        assert_eq!(
            (got.status, got.code()),
            (StatusCode::BAD_REQUEST, "QUERY_INVALID")
        );
        assert!(got.json.get("data").is_none(), "{}", got.text);
        let got = api.post(body(query), &legacy).await;
        assert_eq!((got.status, got.code()), (StatusCode::OK, "QUERY_INVALID"));
        assert_eq!(
            got.header("content-type"),
            "application/json; charset=utf-8"
        );
        assert!(got.json.get("data").is_none(), "{}", got.text);
    }
    let got = api.post("{}", &legacy).await;
    assert_eq!(got.status, StatusCode::BAD_REQUEST);
    let got = api
        .post(body("{version}"), &[("accept", "text/html")])
        .await;
    assert_eq!(got.status, StatusCode::NOT_ACCEPTABLE);
}

#[tokio::test]
async fn a_syntax_error_names_its_place_in_one_line() {
    let got = Api::new().query("{\n  a(}\n}").await;
    let error = &got.json["errors"][0];
    assert_eq!(
        error["locations"][0],
        json!({"line": 2, "column": 5}),
        "{}",
        got.text
    );
    let got = Api::new().query("{a(x:$)}").await;
    let message = got.json["errors"][0]["message"].as_str().unwrap();
    assert!(
        message.starts_with("Syntax error") && !message.contains('\n'),
        "{message}"
    );
}

#[tokio::test]
async fn every_error_has_code_retryable_and_request_id() {
    let api = Api::new();
    let id = [("x-request-id", "my-id_1.2")];
    for query in ["{", "{nope}", "{leaky}", "{stale}", "{boom}", "{slow}"] {
        let got = api.post(body(query), &id).await;
        let extensions = &got.json["errors"][0]["extensions"];
        assert_eq!(extensions["requestId"], "my-id_1.2", "{}", got.text);
        assert!(extensions["retryable"].is_boolean() && extensions["code"].is_string());
        assert_eq!(got.header("x-request-id"), "my-id_1.2");
    }
}

#[tokio::test]
async fn an_unfit_request_id_is_replaced() {
    let api = Api::new();
    let long = "x".repeat(65);
    for id in ["a b", "<x>", long.as_str()] {
        let got = api.post(body("{version}"), &[("x-request-id", id)]).await;
        assert!(got.header("x-request-id").starts_with("00000000-"), "{id}");
    }
    let longest = "x".repeat(64);
    let got = api
        .post(body("{version}"), &[("x-request-id", &longest)])
        .await;
    assert_eq!(got.header("x-request-id"), longest);
}

#[tokio::test]
async fn a_missing_or_wrong_key_is_told_nothing_more() {
    let api = Api::new();
    let texts: Vec<Got> = vec![
        api.post(
            body("{version}"),
            &[("authorization", ""), ("x-request-id", "r")],
        )
        .await,
        api.post(
            body("{version}"),
            &[("authorization", "Bearer no"), ("x-request-id", "r")],
        )
        .await,
        api.post(
            body("{version}"),
            &[("authorization", "Basic !!"), ("x-request-id", "r")],
        )
        .await,
    ];
    for got in &texts {
        assert_eq!(
            (got.status, got.code()),
            (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED")
        );
        assert_eq!(
            (got.header("www-authenticate"), &got.text),
            ("Bearer", &texts[0].text)
        );
    }
    let got = api.query_as("down", "{version}").await;
    assert_eq!(
        (got.status, got.code()),
        (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE")
    );
}

#[tokio::test]
async fn guessing_keys_is_slowed_down_and_a_good_key_beside_it_is_not() {
    let api = Api::new();
    let from_peer = |key: &str| {
        let authorization = format!("Bearer {key}");
        let headers = [("authorization", authorization.as_str())];
        let mut request = request(Method::POST, "/graphql", &headers, body("{version}").into());
        let peer: SocketAddr = "192.0.2.1:5000".parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    };
    let mut last = StatusCode::OK;
    // A few come back while the test runs.
    for _ in 0..FAILURES_BURST * 4 {
        last = api.send(from_peer("guess")).await.status;
        if last == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
        assert_eq!(last, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(api.send(from_peer("server")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_failing_field_leaves_partial_data_and_no_internal_text() {
    let got = Api::new().query("{version leaky stale}").await;
    assert_eq!(got.status, StatusCode::OK);
    assert_eq!(got.json["data"]["version"], "1");
    let errors = got.json["errors"].as_array().unwrap();
    let find = |code: &str| {
        errors
            .iter()
            .find(|e| e["extensions"]["code"] == code)
            .unwrap()
    };
    assert_eq!(find("INTERNAL")["message"], INTERNAL_TEXT);
    assert_eq!(find("CURSOR_INVALID")["message"], "The cursor is not ours.");
    assert_eq!(find("CURSOR_INVALID")["path"], json!(["stale"]));
    assert!(!got.text.contains(INTERNAL) && !got.text.contains("relation"));
}

#[tokio::test]
async fn a_panic_and_a_slow_resolver_have_an_answer() {
    let api = Api::new();
    let got = api.query("{boom}").await;
    assert_eq!(
        (got.status, got.code()),
        (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL")
    );
    assert!(!got.text.contains("a bug") && got.json.get("data").is_none());
    assert_eq!(
        got.json["errors"][0]["extensions"]["retryable"], true,
        "{}",
        got.text
    );
    let got = api.query("{slow}").await;
    assert_eq!(
        (got.status, got.code()),
        (StatusCode::GATEWAY_TIMEOUT, "QUERY_TIMEOUT")
    );
    assert!(api.lives().await);
}

#[tokio::test]
async fn a_value_out_of_range_is_the_clients_error() {
    let body = json!({"query": "query($n:Int){accounts(first:$n){nodes{id}}}",
                      "variables": {"n": 1_i64 << 40}});
    let got = Api::new().post(body.to_string(), &[]).await;
    assert_eq!(
        (got.status, got.code()),
        (StatusCode::BAD_REQUEST, "QUERY_INVALID")
    );
    let got = Api::new().query("query($x:ID!){account(id:$x){id}}").await;
    assert_eq!(
        (got.status, got.code()),
        (StatusCode::BAD_REQUEST, "QUERY_INVALID")
    );
}

#[tokio::test]
async fn cost_is_asked_charged_and_given_back() {
    let api = Api::new();
    let got = api.query("{accounts(first:10){nodes{id}}}").await;
    let cost = &got.json["extensions"]["cost"];
    assert_eq!(
        (&cost["requested"], &cost["actual"]),
        (&json!(12), &json!(5)),
        "{}",
        got.text
    );
    let bucket = json!({"capacity": 20_000, "available": 19_995, "restorePerSecond": 1});
    assert_eq!(cost["bucket"], bucket);
    assert_eq!(
        got.header("ratelimit-policy"),
        "\"server\";q=20000;w=20000;qu=\"cost\""
    );
    assert_eq!(got.header("ratelimit"), "\"server\";r=19995;t=5");
}

#[tokio::test]
async fn cost_only_runs_nothing() {
    let got = Api::new()
        .post(body("mutation{touch}"), &[("x-cost-only", "1")])
        .await;
    let cost = &got.json["extensions"]["cost"];
    assert_eq!(
        (got.status, &cost["requested"], &cost["actual"]),
        (StatusCode::OK, &json!(10), &json!(0))
    );
    assert!(got.json["data"].is_null());
}

#[tokio::test]
async fn too_expensive_is_refused_before_it_runs() {
    let pages = joined(8, |i| format!("a{i}:accounts(first:250){{nodes{{id}}}} "));
    let query = format!("{{{pages}}}");
    let got = Api::new().query_as("browser", &query).await;
    assert_eq!(
        (got.status, got.code()),
        (StatusCode::BAD_REQUEST, "QUERY_TOO_EXPENSIVE")
    );
    assert!(Api::new().query(&query).await.has_data());
}

#[tokio::test]
async fn an_empty_bucket_answers_429_also_under_plain_json() {
    let api = Api::with(&Setup {
        server_units: 12,
        ..Setup::default()
    });
    let query = body("{accounts(first:10){nodes{id}}}");
    assert_eq!(api.post(query.clone(), &[]).await.status, StatusCode::OK);
    let got = api.post(query, &[("accept", "application/json")]).await;
    assert_eq!(
        (got.status, got.code()),
        (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED")
    );
    let extensions = &got.json["errors"][0]["extensions"];
    assert_eq!(
        (&extensions["scope"], &extensions["retryable"]),
        (&json!("API"), &json!(true))
    );
    assert!(extensions["retryAfterMs"].as_u64().unwrap() > 0);
    assert!(got.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert!(got.header("ratelimit").starts_with("\"server\";r="));
}

#[tokio::test]
async fn refused_documents_cost_something_too() {
    let api = Api::with(&Setup {
        server_units: 2,
        ..Setup::default()
    });
    assert_eq!(api.query("{").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(api.post("{}", &[]).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(api.query("{").await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_page_may_call_when_its_callers_tenant_registered_its_origin() {
    let api = Api::new();
    let got = api.post(body("{tenant}"), &[("origin", ORIGIN)]).await;
    assert_eq!(got.header("access-control-allow-origin"), ORIGIN);
    assert!(got.has_data() && got.header("access-control-allow-credentials").is_empty());
    for origin in [OTHER_TENANTS_ORIGIN, "https://evil.example", "null"] {
        let got = api.post(body("{tenant}"), &[("origin", origin)]).await;
        assert_eq!(
            (got.status, got.code()),
            (StatusCode::FORBIDDEN, "FORBIDDEN"),
            "{origin}"
        );
        assert_eq!(got.header("access-control-allow-origin"), "");
    }
    let own = api
        .post(body("{tenant}"), &[("origin", "https://api.example")])
        .await;
    assert!(own.has_data() && own.header("access-control-allow-origin").is_empty());
    let expired = [("origin", ORIGIN), ("authorization", "Bearer old")];
    let got = api.post(body("{tenant}"), &expired).await;
    assert_eq!(got.header("access-control-allow-origin"), ORIGIN);
}

#[tokio::test]
async fn a_preflight_admits_registered_origins_only() {
    let api = Api::new();
    let ask = |origin: &'static str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
        ];
        api.send(request(
            Method::OPTIONS,
            "/graphql",
            &headers,
            Body::empty(),
        ))
    };
    for origin in [ORIGIN, OTHER_TENANTS_ORIGIN] {
        let got = ask(origin).await;
        assert_eq!(got.status, StatusCode::NO_CONTENT);
        assert_eq!(got.header("access-control-allow-origin"), origin);
        assert!(
            got.header("access-control-allow-headers")
                .contains("authorization")
        );
        assert!(got.header("vary").contains("origin"));
    }
    let got = ask("https://evil.example").await;
    assert_eq!(got.header("access-control-allow-origin"), "");
    assert_eq!(got.header("access-control-allow-methods"), "");
}

#[tokio::test]
async fn health_readiness_and_unknown_addresses_answer_json() {
    let api = Api::new();
    assert_eq!(api.get("/health", &[]).await.json["status"], "ok");
    assert_eq!(api.get("/ready", &[]).await.json["status"], "ready");
    let got = api.get("/nothing", &[]).await;
    assert_eq!(
        (got.status, got.code()),
        (StatusCode::NOT_FOUND, "NOT_FOUND")
    );
}

fn open_explorer(introspection: Introspection) -> Api {
    Api::with(&Setup {
        introspection,
        explorer: true,
        ..Setup::default()
    })
}

#[tokio::test]
async fn the_explorer_is_a_page_for_all_that_tells_nothing_unless_it_is_switched_off() {
    let files = ["", "/explorer.css", "/explorer.js"];
    let (closed, open) = (Api::new(), open_explorer(Introspection::Scoped));
    for file in files {
        let path = format!("/graphiql{file}");
        assert_eq!(closed.get(&path, &[]).await.status, StatusCode::NOT_FOUND);
        let got = open.get(&path, &[]).await;
        assert_eq!(got.status, StatusCode::OK);
        let policy = got.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
        assert!(
            !got.text.contains("http://") && !got.text.contains("https://"),
            "{path}"
        );
        assert!(!got.text.contains("accounts"), "{path} tells of the schema");
    }
    let page = open.get("/graphiql", &[]).await.text;
    assert!(!page.contains("style=") && !page.contains("onclick") && !page.contains("<style"));
}

#[tokio::test]
async fn the_explorers_examples_are_for_keys_that_may_read_the_schema() {
    let path = "/graphiql/examples.json";
    let bearer = |key: &'static str| [("authorization", key)];
    for (introspection, key, status) in [
        (Introspection::Scoped, "Bearer schema", StatusCode::OK),
        (
            Introspection::Scoped,
            "Bearer server",
            StatusCode::FORBIDDEN,
        ),
        (
            Introspection::Scoped,
            "Bearer nobody",
            StatusCode::UNAUTHORIZED,
        ),
        (Introspection::Open, "Bearer server", StatusCode::OK),
        (
            Introspection::Open,
            "Bearer nobody",
            StatusCode::UNAUTHORIZED,
        ),
        (
            Introspection::Closed,
            "Bearer schema",
            StatusCode::FORBIDDEN,
        ),
    ] {
        let got = open_explorer(introspection).get(path, &bearer(key)).await;
        assert_eq!(got.status, status, "{introspection:?} {key}");
        if status == StatusCode::OK {
            assert_eq!(got.json[0]["title"], "Accounts");
            assert!(
                got.header("content-security-policy")
                    .contains("default-src 'none'")
            );
        } else {
            assert!(!got.text.contains("Accounts"));
        }
    }
    let open = open_explorer(Introspection::Open);
    assert!(open.query("{__schema{types{name}}}").await.has_data());
    let off = Api::new().get(path, &bearer("Bearer schema")).await;
    assert_eq!(off.status, StatusCode::NOT_FOUND);
}
