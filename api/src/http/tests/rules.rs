//! What a safe public GraphQL endpoint must do: the OWASP cheat sheet, the checks of
//! graphql-cop, and GraphQL over HTTP, as one test per family.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use serde_json::json;

use super::kit::{Api, joined, request};
use crate::guard::shape::tests::STANDARD_INTROSPECTION;

/// Time in which any refusal comes, on a slow machine and in a debug build.
const QUICK: Duration = Duration::from_secs(2);

#[tokio::test]
async fn an_ordinary_query_is_answered() {
    let got = Api::new().query("{__typename}").await;
    assert!(
        got.status == StatusCode::OK && got.has_data(),
        "{}",
        got.text
    );
    assert_eq!(
        got.header("content-type"),
        "application/graphql-response+json; charset=utf-8"
    );
}

#[tokio::test]
async fn floods_are_refused_without_data() {
    let api = Api::new();
    let aliases = joined(31, |i| format!("a{i}:__typename "));
    let many = joined(4_000, |i| format!("a{i}:__typename "));
    let cases = [
        format!("query cop{{{aliases}}}"),
        format!("{{{many}}}"),
        format!("query cop{{{}}}", "__typename ".repeat(500)),
        format!("query cop{{version{{{}}}}}", "__typename ".repeat(500)),
        format!("{{__typename {}}}", "@skip(if:false)".repeat(4_000)),
        format!("{{{}}}", "a{".repeat(50) + "b" + &"}".repeat(50)),
        "{...a}fragment a on Query{...b}fragment b on Query{...a}".to_owned(),
    ];
    for query in cases {
        let began = Instant::now();
        let got = api.query(&query).await;
        assert!(
            !got.has_data() && got.status == StatusCode::BAD_REQUEST,
            "{}",
            got.text
        );
        assert!(began.elapsed() < QUICK, "{}", &query[..40]);
    }
}

#[tokio::test]
async fn deep_documents_are_refused_and_the_server_lives() {
    let api = Api::new();
    for n in [1_000, 20_000, 60_000] {
        for open in ["a{", "{", "a(x:[", "a(x:{a:", "...{"] {
            let began = Instant::now();
            let got = api.query(&format!("{{{}", open.repeat(n))).await;
            assert!(got.status.is_client_error(), "{open} {n}: {}", got.text);
            assert!(began.elapsed() < QUICK && api.lives().await, "{open} {n}");
        }
    }
}

#[tokio::test]
async fn exponential_fragments_are_answered_quickly() {
    let mut query = "{...f0}".to_owned();
    for i in 0..40 {
        write!(
            query,
            "fragment f{i} on Query{{...f{} ...f{}}}",
            i + 1,
            i + 1
        )
        .unwrap();
    }
    query.push_str("fragment f40 on Query{__typename}");
    let began = Instant::now();
    let got = Api::new().query(&query).await;
    assert!(
        got.status == StatusCode::BAD_REQUEST && began.elapsed() < QUICK,
        "{}",
        got.text
    );
}

#[tokio::test]
async fn what_passes_the_guard_is_answered_quickly() {
    let api = Api::new();
    // The most that the limits let through: selections, expansion and value nesting.
    let wide = format!(
        "{{version ...f}} fragment f on Query{{{}}}",
        "...g ".repeat(20)
    ) + &format!(
        "fragment g on Query{{accounts(first:1){{nodes{{{}}}}}}}",
        "id ".repeat(300)
    );
    let lists = format!(
        "{{account(id:{}1{}){{id}}}}",
        "[".repeat(60),
        "]".repeat(60)
    );
    let types = format!(
        "query($a:{}Int{}){{version}}",
        "[".repeat(60),
        "]".repeat(60)
    );
    for query in [wide, lists, types] {
        let began = Instant::now();
        let got = api.query(&query).await;
        assert!(
            got.status.as_u16() < 500 && began.elapsed() < QUICK,
            "{}",
            got.text
        );
    }
}

#[tokio::test]
async fn ten_unknown_directives_make_fewer_than_ten_errors() {
    let api = Api::new();
    for field in ["__typename", "version"] {
        let got = api
            .query(&format!("query cop{{{field} {}}}", "@aa ".repeat(10)))
            .await;
        let errors = got.json["errors"].as_array().map_or(0, Vec::len);
        assert!(errors < 10, "{}", got.text);
    }
}

#[tokio::test]
async fn no_field_and_no_argument_is_suggested() {
    let api = Api::new();
    for query in [
        "{acounts{id}}",
        "query cop{__schem{directive}}",
        "{account(idd:1){id}}",
    ] {
        let got = api.query(query).await;
        assert_eq!(
            (got.status, got.code()),
            (StatusCode::BAD_REQUEST, "QUERY_INVALID")
        );
        assert!(
            !got.text.to_lowercase().contains("did you mean"),
            "{}",
            got.text
        );
    }
}

#[tokio::test]
async fn batches_and_other_bodies_are_refused() {
    let api = Api::new();
    let one = json!({"query": "{__typename}"});
    let good = one.to_string();
    for n in [0, 1, 10, 500] {
        let got = api.post(json!(vec![one.clone(); n]).to_string(), &[]).await;
        assert_eq!(
            (got.status, got.code()),
            (StatusCode::BAD_REQUEST, "BAD_REQUEST")
        );
    }
    let types = [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/json; charset=utf-16",
        "",
    ];
    for media in types {
        let got = api.post(good.clone(), &[("content-type", media)]).await;
        assert!(
            got.status == StatusCode::UNSUPPORTED_MEDIA_TYPE && !got.has_data(),
            "{media}"
        );
    }
    let got = api.post(good, &[("content-encoding", "gzip")]).await;
    assert_eq!(got.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn bad_json_is_a_bad_request() {
    let api = Api::new();
    let deep = format!(
        "{{\"query\":\"{{__typename}}\",\"variables\":{}{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let cases = [
        "qwerty cop{abc",
        "{\"qeury\":\"{a}\"}",
        "[]",
        "null",
        "",
        "{\"query\":\"{__typename}\",\"variables\":[1]}",
        deep.as_str(),
    ];
    for body in cases {
        let got = api.post(body.to_owned(), &[]).await;
        assert_eq!(
            (got.status, got.code()),
            (StatusCode::BAD_REQUEST, "BAD_REQUEST")
        );
        assert!(
            !got.text.contains("panicked") && !got.text.contains(".rs"),
            "{}",
            got.text
        );
    }
}

#[tokio::test]
async fn oversize_bodies_are_refused_after_they_were_read() {
    let body = format!("{{\"query\":\"{{__typename}} #{}\"}}", "x".repeat(600_000));
    let got = Api::new().post(body, &[]).await;
    assert_eq!(
        (got.status, got.code()),
        (StatusCode::PAYLOAD_TOO_LARGE, "QUERY_TOO_LARGE")
    );
}

#[tokio::test]
async fn get_runs_queries_of_preflighted_requests_only() {
    let api = Api::new();
    let query = "/graphql?query=%7B__typename%7D";
    let mutation = "/graphql?query=mutation%7Btouch%7D";
    let flag = [("graphql-preflight", "1")];
    assert_eq!(api.get(query, &[]).await.status, StatusCode::BAD_REQUEST);
    assert!(api.get(query, &flag).await.has_data());
    assert!(
        api.get(query, &[("x-requested-with", "x")])
            .await
            .has_data()
    );
    let refused = api.get(mutation, &flag).await;
    assert_eq!(refused.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(
        (refused.header("allow"), refused.has_data()),
        ("POST", false)
    );
    assert_eq!(
        api.get("/graphql", &flag).await.status,
        StatusCode::BAD_REQUEST
    );
    let page = api.get("/graphql", &[("accept", "text/html")]).await;
    assert!(page.status.is_client_error() && !page.text.contains("<html"));
}

#[tokio::test]
async fn other_methods_are_refused_with_the_right_ones() {
    let api = Api::new();
    for method in ["PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "QUERY"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let got = api.send(request(method, "/graphql", &[], "x".into())).await;
        assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(got.header("allow"), "GET, HEAD, POST, OPTIONS");
    }
    let got = api
        .send(request(Method::POST, "/health", &[], "".into()))
        .await;
    assert_eq!(
        (got.status, got.header("allow")),
        (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD")
    );
}

#[tokio::test]
async fn introspection_needs_its_scope() {
    let api = Api::new();
    let closed = api.query("query cop{__schema{types{name}}}").await;
    assert_eq!(
        (closed.status, closed.code()),
        (StatusCode::FORBIDDEN, "FORBIDDEN")
    );
    let open = api.query_as("schema", STANDARD_INTROSPECTION).await;
    assert!(
        open.status == StatusCode::OK && open.json.get("errors").is_none(),
        "{}",
        open.text
    );
    let circular = "{__schema{types{fields{type{fields{type{fields{type{name}}}}}}}}}";
    assert!(!api.query_as("schema", circular).await.has_data());
}

#[tokio::test]
async fn extensions_of_the_request_are_ignored() {
    let body = json!({"query": "{__typename}", "extensions": {"tracing": true}}).to_string();
    let got = Api::new().post(body, &[]).await;
    assert!(
        got.has_data() && !got.text.contains("tracing"),
        "{}",
        got.text
    );
}

#[tokio::test]
async fn every_answer_forbids_caching_and_sniffing_and_names_no_server() {
    let api = Api::new();
    let answers = [
        api.query("{__typename}").await,
        api.query("{").await,
        api.query_as("nobody", "{__typename}").await,
        api.get("/nothing", &[]).await,
        api.get("/health", &[]).await,
    ];
    for got in answers {
        assert_eq!(got.header("cache-control"), "no-store");
        assert_eq!(got.header("x-content-type-options"), "nosniff");
        assert_eq!(got.header("server"), "");
        assert!(!got.header("x-request-id").is_empty());
    }
}
