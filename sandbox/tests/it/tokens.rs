//! Codes, tokens, rotation, reuse and revocation.

use serde_json::json;

use crate::harness::{Bench, CALLBACK, VERIFIER, all_psd2, form, send};

#[tokio::test]
async fn a_code_gives_tokens_once_and_its_reuse_takes_them_back() {
    let bench = Bench::start().await;
    let consent = bench.consent(&all_psd2()).await;
    let code = bench.code(&consent, "anna").await;
    let first = bench.exchange(&code, VERIFIER).await;
    assert_eq!(first.status, 200);
    assert_eq!(first.header("cache-control"), "no-store");
    let tokens = first.json();
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 300);
    assert_eq!(tokens["scope"], format!("AIS:{consent}"));
    let session = crate::harness::session(consent, &tokens);
    assert_eq!(bench.read(&session, "/psd2/v1/accounts").await.status, 200);

    assert_eq!(
        bench.exchange(&code, VERIFIER).await.json()["error"],
        "invalid_grant"
    );
    let read = bench.read(&session, "/psd2/v1/accounts").await;
    assert_eq!(read.refusal(), (401, "TOKEN_INVALID".to_owned()));
    assert_eq!(
        bench.refresh(&session.refresh).await.json()["error"],
        "invalid_grant"
    );
}

#[tokio::test]
async fn a_code_needs_its_verifier_its_address_and_its_time() {
    let bench = Bench::start().await;
    let consent = bench.consent(&all_psd2()).await;
    let code = bench.code(&consent, "anna").await;
    let wrong = bench.exchange(&code, &"x".repeat(43)).await;
    assert_eq!(wrong.json()["error"], "invalid_grant");

    let code = bench.code(&consent, "anna").await;
    assert_eq!(
        bench.exchange(&code, "").await.json()["error"],
        "invalid_request"
    );
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", "https://evil.example/"),
        ("code_verifier", VERIFIER),
    ];
    let foreign = send(bench.token_request(&pairs)).await.unwrap();
    assert_eq!(foreign.json()["error"], "invalid_grant");

    let code = bench.code(&consent, "anna").await;
    bench.control("clock", json!({"advance_s": 60})).await;
    assert_eq!(
        bench.exchange(&code, VERIFIER).await.json()["error"],
        "invalid_grant"
    );
}

#[tokio::test]
async fn refresh_tokens_rotate_and_an_old_one_ends_the_grant() {
    let bench = Bench::start().await;
    let first = bench.session("anna").await;
    let tokens = bench.refresh(&first.refresh).await.json();
    let second = crate::harness::session(first.consent.clone(), &tokens);
    assert_ne!(first.refresh, second.refresh);
    assert_ne!(first.access, second.access);
    assert_eq!(bench.read(&second, "/psd2/v1/accounts").await.status, 200);
    let stats = bench.get("/control/stats").await.json();
    assert_eq!(stats["grants"][0]["generation"], 2);
    assert_eq!(stats["token"]["refresh_token"]["granted"], 1);

    assert_eq!(
        bench.refresh(&first.refresh).await.json()["error"],
        "invalid_grant"
    );
    assert_eq!(
        bench.refresh(&second.refresh).await.json()["error"],
        "invalid_grant"
    );
    let read = bench.read(&second, "/psd2/v1/accounts").await;
    assert_eq!(read.refusal(), (401, "TOKEN_INVALID".to_owned()));
    let stats = bench.get("/control/stats").await.json();
    assert_eq!(stats["grants"][0]["ended"], "reuse of a spent token");
    assert_eq!(
        stats["grants"][0]["refreshCallsByGeneration"],
        json!({"1": 2, "2": 1})
    );
}

#[tokio::test]
async fn an_access_token_dies_of_old_age_and_a_refresh_helps() {
    let bench = Bench::start().await;
    let session = bench.session("anna").await;
    bench.control("clock", json!({"advance_s": 300})).await;
    let read = bench.read(&session, "/psd2/v1/accounts").await;
    assert_eq!(read.refusal(), (401, "TOKEN_EXPIRED".to_owned()));
    assert!(read.header("www-authenticate").contains("invalid_token"));
    let tokens = bench.refresh(&session.refresh).await.json();
    let fresh = crate::harness::session(session.consent, &tokens);
    assert_eq!(bench.read(&fresh, "/psd2/v1/accounts").await.status, 200);
}

#[tokio::test]
async fn clients_authenticate_by_header_or_form_but_not_by_both() {
    let bench = Bench::start().await;
    let session = bench.session("anna").await;
    let (id, secret) = (&bench.sandbox.client_id, &bench.sandbox.client_secret);
    let post = |pairs: &[(&str, &str)]| {
        let req = bench.http.post(bench.url("/oauth/token")).body(form(pairs));
        req.header("content-type", "application/x-www-form-urlencoded")
    };
    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &*session.refresh),
    ];
    let wrong = [
        refresh[0],
        refresh[1],
        ("client_id", id),
        ("client_secret", "wrong"),
    ];
    let answer = send(post(&wrong)).await.unwrap();
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error"]),
        (401, &json!("invalid_client"))
    );
    assert!(answer.header("www-authenticate").starts_with("Basic"));
    assert_eq!(send(post(&refresh)).await.unwrap().status, 401);

    let right = [
        refresh[0],
        refresh[1],
        ("client_id", id),
        ("client_secret", secret),
    ];
    let both = send(bench.token_request(&right)).await.unwrap();
    assert_eq!(both.json()["error"], "invalid_request");
    assert_eq!(
        send(post(&right)).await.unwrap().status,
        200,
        "nothing was spent before"
    );
}

#[tokio::test]
async fn other_grant_types_and_doubled_fields_are_refused() {
    let bench = Bench::start().await;
    for (pairs, expected) in [
        (vec![("grant_type", "password")], "unsupported_grant_type"),
        (vec![("scope", "x")], "invalid_request"),
        (vec![("grant_type", "refresh_token")], "invalid_request"),
        (
            vec![("grant_type", "a"), ("grant_type", "b")],
            "invalid_request",
        ),
    ] {
        let answer = send(bench.token_request(&pairs)).await.unwrap();
        assert_eq!(answer.json()["error"], expected, "{pairs:?}");
    }
}

#[tokio::test]
async fn revocation_ends_the_grant_and_unknown_tokens_are_no_error() {
    let bench = Bench::start().await;
    let session = bench.session("anna").await;
    let (id, secret) = (&bench.sandbox.client_id, &bench.sandbox.client_secret);
    let revoke = |token: &str| {
        let pairs = [
            ("token", token),
            ("client_id", id),
            ("client_secret", secret),
        ];
        let req = bench
            .http
            .post(bench.url("/oauth/revoke"))
            .body(form(&pairs));
        req.header("content-type", "application/x-www-form-urlencoded")
    };
    assert_eq!(send(revoke("unknown")).await.unwrap().status, 200);
    assert_eq!(bench.read(&session, "/psd2/v1/accounts").await.status, 200);
    assert_eq!(send(revoke(&session.refresh)).await.unwrap().status, 200);
    let read = bench.read(&session, "/psd2/v1/accounts").await;
    assert_eq!(read.refusal(), (401, "TOKEN_INVALID".to_owned()));
    assert_eq!(bench.refresh(&session.refresh).await.status, 400);
    assert_eq!(bench.consent_status(&session.consent).await, "valid");
}

#[tokio::test]
async fn the_control_port_lists_every_secret_and_refuses_web_pages() {
    let bench = Bench::start().await;
    let session = bench.session("anna").await;
    let listed = bench.get("/control/tokens").await.text;
    assert!(listed.contains(&session.access) && listed.contains(&session.refresh));
    assert!(listed.contains("\"code\""));
    let req = bench
        .http
        .get(bench.url("/control/tokens"))
        .header("origin", CALLBACK);
    assert_eq!(send(req).await.unwrap().status, 403);
}
