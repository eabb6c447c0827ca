//! Authorization requests and the pages a person sees.

use fondaco_sandbox::Config;

use crate::harness::{Bench, CALLBACK, all_psd2, config, send};

#[tokio::test]
async fn metadata_names_the_issuer_and_s256_only() {
    let bench = Bench::start().await;
    let answer = bench
        .get("/.well-known/oauth-authorization-server")
        .await
        .json();
    assert_eq!(answer["issuer"], bench.sandbox.base_url.as_str());
    assert_eq!(
        answer["code_challenge_methods_supported"],
        serde_json::json!(["S256"])
    );
    assert_eq!(
        answer["authorization_response_iss_parameter_supported"],
        true
    );
}

#[tokio::test]
async fn approval_sends_back_code_state_and_issuer() {
    let bench = Bench::start().await;
    let consent = bench.consent(&all_psd2()).await;
    assert_eq!(bench.consent_status(&consent).await, "received");
    let answer = bench
        .approve(&bench.authorize_path(&consent, &[]), "anna")
        .await;
    let sent = answer.sent_back();
    assert_eq!(sent["state"], "st at&e");
    assert_eq!(sent["iss"], bench.sandbox.base_url);
    assert!(sent.contains_key("code") && !sent.contains_key("error"));
    assert_eq!(bench.consent_status(&consent).await, "valid");
}

#[tokio::test]
async fn denial_sends_back_access_denied_and_rejects_the_consent() {
    let bench = Bench::start().await;
    let consent = bench.consent(&all_psd2()).await;
    let (flow, cookie) = bench.open(&bench.authorize_path(&consent, &[])).await;
    let fields = [("flow", flow.as_str()), ("decision", "deny")];
    let sent = bench
        .post_page("/bank/approve", &cookie, &fields)
        .await
        .sent_back();
    assert_eq!(sent["error"], "access_denied");
    assert_eq!(sent["state"], "st at&e");
    assert_eq!(sent["iss"], bench.sandbox.base_url);
    assert_eq!(bench.consent_status(&consent).await, "rejected");
}

#[tokio::test]
async fn requests_without_proper_pkce_are_refused() {
    let bench = Bench::start().await;
    let consent = bench.consent(&all_psd2()).await;
    for (change, expected) in [
        (vec![("code_challenge", None)], "invalid_request"),
        (vec![("code_challenge_method", None)], "invalid_request"),
        (
            vec![("code_challenge_method", Some("plain"))],
            "invalid_request",
        ),
        (vec![("code_challenge", Some("short"))], "invalid_request"),
        (
            vec![("response_type", Some("token"))],
            "unsupported_response_type",
        ),
        (vec![("scope", None)], "invalid_scope"),
        (vec![("scope", Some("AIS:unknown"))], "invalid_scope"),
    ] {
        let sent = bench
            .get(&bench.authorize_path(&consent, &change))
            .await
            .sent_back();
        assert_eq!(sent["error"], expected, "{change:?}");
        assert_eq!(sent["iss"], bench.sandbox.base_url);
    }
}

#[tokio::test]
async fn an_unregistered_address_gets_no_redirect() {
    let bench = Bench::start().await;
    let consent = bench.consent(&all_psd2()).await;
    let longer = format!("{CALLBACK}/");
    for change in [
        ("redirect_uri", Some(longer.as_str())),
        ("redirect_uri", Some("https://evil.example/")),
        ("redirect_uri", None),
        ("client_id", Some("somebody-else")),
    ] {
        let answer = bench.get(&bench.authorize_path(&consent, &[change])).await;
        assert_eq!(answer.status, 400, "{change:?}");
        assert_eq!(answer.header("location"), "");
    }
}

#[tokio::test]
async fn a_wrong_password_stays_on_the_login_page() {
    let bench = Bench::start().await;
    let consent = bench.consent(&all_psd2()).await;
    let (flow, cookie) = bench.open(&bench.authorize_path(&consent, &[])).await;
    let fields = [
        ("flow", flow.as_str()),
        ("user", "anna"),
        ("password", "wrong"),
    ];
    let answer = bench.post_page("/bank/login", &cookie, &fields).await;
    assert_eq!(answer.status, 403);
    assert!(answer.text.contains("role=\"alert\""));
    let fields = [("flow", flow.as_str()), ("decision", "approve")];
    let answer = bench.post_page("/bank/approve", &cookie, &fields).await;
    assert!(
        answer.header("location").starts_with("/bank/login"),
        "nobody is logged in"
    );
}

#[tokio::test]
async fn another_browser_cannot_answer() {
    let bench = Bench::start().await;
    let consent = bench.consent(&all_psd2()).await;
    let (flow, cookie) = bench.open(&bench.authorize_path(&consent, &[])).await;
    bench.log_in(&flow, &cookie, "anna").await;
    let (_, other) = bench.open(&bench.authorize_path(&consent, &[])).await;
    let fields = [("flow", flow.as_str()), ("decision", "approve")];
    for foreign in [other.as_str(), "x=y"] {
        assert_eq!(
            bench
                .post_page("/bank/approve", foreign, &fields)
                .await
                .status,
            403
        );
    }
    assert_eq!(bench.consent_status(&consent).await, "received");
}

#[tokio::test]
async fn a_double_click_gets_the_same_answer() {
    let bench = Bench::start().await;
    let consent = bench.consent(&all_psd2()).await;
    let (flow, cookie) = bench.open(&bench.authorize_path(&consent, &[])).await;
    bench.log_in(&flow, &cookie, "bruno").await;
    let fields = [("flow", flow.as_str()), ("decision", "approve")];
    let first = bench.post_page("/bank/approve", &cookie, &fields).await;
    let second = bench.post_page("/bank/approve", &cookie, &fields).await;
    assert_eq!(first.sent_back(), second.sent_back());
}

#[tokio::test]
async fn a_login_under_way_ends_after_its_time() {
    let bench = Bench::with(Config {
        login_ttl_s: 100,
        ..config()
    })
    .await;
    let consent = bench.consent(&all_psd2()).await;
    let (flow, cookie) = bench.open(&bench.authorize_path(&consent, &[])).await;
    bench
        .control("clock", serde_json::json!({"advance_s": 100}))
        .await;
    let fields = [
        ("flow", flow.as_str()),
        ("user", "anna"),
        ("password", "sandbox"),
    ];
    assert_eq!(
        bench
            .post_page("/bank/login", &cookie, &fields)
            .await
            .status,
        410
    );
}

#[tokio::test]
async fn pages_carry_a_strict_policy_that_lets_the_answer_through() {
    let bench = Bench::start().await;
    let consent = bench.consent(&all_psd2()).await;
    let (flow, cookie) = bench.open(&bench.authorize_path(&consent, &[])).await;
    bench.log_in(&flow, &cookie, "chiara").await;
    for page in ["login", "approve"] {
        let req = bench
            .http
            .get(bench.url(&format!("/bank/{page}?flow={flow}")));
        let answer = send(req.header("cookie", cookie.as_str())).await.unwrap();
        assert_eq!(answer.status, 200);
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(
            policy.contains("form-action 'self' http://127.0.0.1:9;"),
            "{policy}"
        );
        assert!(answer.text.contains("<html lang=\"en\">"));
        assert!(!answer.text.contains("<script") && !answer.text.contains("style="));
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    assert!(bench.get("/").await.text.contains("sandbox"));
    assert_eq!(
        bench.get("/bank.css").await.header("content-type"),
        "text/css; charset=utf-8"
    );
}
