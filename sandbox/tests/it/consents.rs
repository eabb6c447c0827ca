//! The consent resource and both ways of approval.

use serde_json::{Value, json};

use crate::harness::{Bench, CALLBACK, Session, all_psd2, send};

fn with(change: &[(&str, Value)]) -> Value {
    let mut body = all_psd2();
    for (name, value) in change {
        body[*name] = value.clone();
    }
    body
}

#[tokio::test]
async fn a_consent_answers_with_its_links_and_echoes_the_request_id() {
    let bench = Bench::start().await;
    let answer = send(bench.consent_request("/psd2/v1", &all_psd2()))
        .await
        .unwrap();
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("aspsp-sca-approach"), "REDIRECT");
    assert!(uuid::Uuid::parse_str(answer.header("x-request-id")).is_ok());
    let body = answer.json();
    assert_eq!(body["consentStatus"], "received");
    let metadata = bench.url("/.well-known/oauth-authorization-server");
    assert_eq!(body["_links"]["scaOAuth"]["href"], metadata.as_str());
    let status = body["_links"]["status"]["href"].as_str().unwrap();
    assert!(status.ends_with("/status") && status.starts_with("/psd2/v1/consents/"));
}

#[tokio::test]
async fn malformed_consents_are_refused() {
    let bench = Bench::start().await;
    let named = |list: Value| json!({"accounts": [{"iban": "DE1"}], "balances": list});
    for (body, expected) in [
        (
            with(&[("recurringIndicator", json!("yes"))]),
            "FORMAT_ERROR",
        ),
        (with(&[("frequencyPerDay", json!(0))]), "FORMAT_ERROR"),
        (with(&[("validUntil", json!("soon"))]), "FORMAT_ERROR"),
        (
            with(&[("validUntil", json!("2025-11-19"))]),
            "PERIOD_INVALID",
        ),
        (
            with(&[("combinedServiceIndicator", json!(true))]),
            "FORMAT_ERROR",
        ),
        (with(&[("access", json!({}))]), "FORMAT_ERROR"),
        (with(&[("access", named(json!([])))]), "FORMAT_ERROR"),
        (
            with(&[("access", json!({"allPsd2": "some"}))]),
            "FORMAT_ERROR",
        ),
        (
            with(&[("access", json!({"cards": []}))]),
            "PARAMETER_NOT_SUPPORTED",
        ),
        (
            with(&[("recurringIndicator", json!(false))]),
            "FORMAT_ERROR",
        ),
    ] {
        let answer = send(bench.consent_request("/psd2/v1", &body))
            .await
            .unwrap();
        assert_eq!(answer.refusal(), (400, expected.to_owned()), "{body}");
    }
    let body = with(&[("validUntil", json!("2025-11-20"))]);
    assert_eq!(
        send(bench.consent_request("/psd2/v1", &body))
            .await
            .unwrap()
            .status,
        201
    );
}

#[tokio::test]
async fn headers_of_a_consent_request_are_checked() {
    let bench = Bench::start().await;
    let bare = |headers: &[(&'static str, &'static str)]| {
        let req = bench
            .http
            .post(bench.url("/psd2/v1/consents"))
            .body(all_psd2().to_string());
        headers
            .iter()
            .fold(req, |req, (name, value)| req.header(*name, *value))
    };
    let id = ("x-request-id", "00000000-0000-4000-8000-000000000000");
    for headers in [
        vec![("tpp-redirect-uri", CALLBACK)],
        vec![("x-request-id", "7"), ("tpp-redirect-uri", CALLBACK)],
        vec![id],
        vec![id, ("tpp-redirect-uri", "https://evil.example/callback")],
        vec![
            id,
            ("tpp-redirect-uri", CALLBACK),
            ("psu-ip-address", "here"),
        ],
    ] {
        let answer = send(bare(&headers)).await.unwrap();
        assert_eq!(
            answer.refusal(),
            (400, "FORMAT_ERROR".to_owned()),
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn the_bank_shortens_a_consent_and_it_ends_after_its_last_day() {
    let bench = Bench::start().await;
    let body = with(&[
        ("validUntil", json!("9999-12-31")),
        ("frequencyPerDay", json!(100)),
    ]);
    let consent = bench.consent(&body).await;
    let code = bench.code(&consent, "anna").await;
    let req = bench
        .http
        .get(bench.url(&format!("/psd2/v1/consents/{consent}")));
    let shown = send(req.header("x-request-id", uuid::Uuid::new_v4().to_string()))
        .await
        .unwrap();
    assert_eq!(shown.json()["validUntil"], "2026-05-19");
    assert_eq!(shown.json()["frequencyPerDay"], 4);
    let tokens = bench.exchange(&code, crate::harness::VERIFIER).await.json();
    let session = crate::harness::session(consent, &tokens);
    bench.control("clock", json!({"advance_days": 180})).await;
    assert_eq!(bench.consent_status(&session.consent).await, "valid");
    bench.control("clock", json!({"advance_days": 1})).await;
    assert_eq!(bench.consent_status(&session.consent).await, "expired");
    let read = bench.read(&session, "/psd2/v1/accounts").await;
    assert_eq!(read.refusal(), (401, "CONSENT_EXPIRED".to_owned()));
    assert_eq!(
        bench.refresh(&session.refresh).await.json()["error"],
        "invalid_grant"
    );
}

#[tokio::test]
async fn a_deleted_consent_is_terminated_and_its_tokens_are_dead() {
    let bench = Bench::start().await;
    let session = bench.session("anna").await;
    let req = bench
        .http
        .delete(bench.url(&format!("/psd2/v1/consents/{}", session.consent)));
    let req = req.header("x-request-id", uuid::Uuid::new_v4().to_string());
    assert_eq!(send(req).await.unwrap().status, 204);
    assert_eq!(
        bench.consent_status(&session.consent).await,
        "terminatedByTpp"
    );
    let read = bench.read(&session, "/psd2/v1/accounts").await;
    assert_eq!(read.refusal(), (401, "CONSENT_INVALID".to_owned()));
    assert_eq!(bench.refresh(&session.refresh).await.status, 400);
}

#[tokio::test]
async fn a_person_can_withdraw_at_the_bank() {
    let bench = Bench::start().await;
    let session = bench.session("anna").await;
    let answer = bench
        .control("revoke-consent", json!({"consentId": session.consent}))
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(bench.consent_status(&session.consent).await, "revokedByPsu");
    let read = bench.read(&session, "/psd2/v1/accounts").await;
    assert_eq!(read.refusal(), (401, "CONSENT_INVALID".to_owned()));
    assert_eq!(
        bench.refresh(&session.refresh).await.json()["error"],
        "invalid_grant"
    );
    assert_eq!(
        bench
            .control("revoke-consent", json!({"consentId": "none"}))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_person_chooses_accounts_when_none_are_named() {
    let bench = Bench::start().await;
    let body = with(&[("access", json!({"balances": [], "transactions": []}))]);
    let consent = bench.consent(&body).await;
    let (flow, cookie) = bench.open(&bench.authorize_path(&consent, &[])).await;
    bench.log_in(&flow, &cookie, "anna").await;
    let none = [("flow", flow.as_str()), ("decision", "approve")];
    assert_eq!(
        bench
            .post_page("/bank/approve", &cookie, &none)
            .await
            .status,
        409
    );
    let chosen = [
        none[0],
        none[1],
        ("account", "anna-jpy"),
        ("account", "bruno-gbp"),
    ];
    let code = bench
        .post_page("/bank/approve", &cookie, &chosen)
        .await
        .sent_back()["code"]
        .clone();
    let tokens = bench.exchange(&code, crate::harness::VERIFIER).await.json();
    let session = crate::harness::session(consent, &tokens);
    let list = bench.read(&session, "/psd2/v1/accounts").await.json();
    let accounts = list["accounts"].as_array().unwrap();
    assert_eq!(
        accounts.len(),
        1,
        "another person's account cannot be added"
    );
    assert_eq!(accounts[0]["currency"], "JPY");
}

#[tokio::test]
async fn a_named_account_of_somebody_else_cannot_be_approved() {
    let bench = Bench::start().await;
    let iban = bench.truth("bruno-gbp").await["iban"].clone();
    let body = with(&[("access", json!({"transactions": [{"iban": iban}]}))]);
    let consent = bench.consent(&body).await;
    let path = bench.authorize_path(&consent, &[]);
    assert_eq!(bench.approve(&path, "anna").await.status, 409);
    assert!(
        bench
            .approve(&path, "bruno")
            .await
            .sent_back()
            .contains_key("code")
    );
}

#[tokio::test]
async fn plain_redirect_needs_no_token() {
    let bench = Bench::start().await;
    let callback = format!("{CALLBACK}?state=mine");
    let req = bench.consent_request("/redirect-bank/psd2/v1", &all_psd2());
    // This client keeps its state in the address, so the harness's plain one is replaced.
    let mut req = req.build().unwrap();
    req.headers_mut()
        .insert("tpp-redirect-uri", callback.parse().unwrap());
    let created: Value =
        serde_json::from_str(&bench.http.execute(req).await.unwrap().text().await.unwrap())
            .unwrap();
    let page = created["_links"]["scaRedirect"]["href"].as_str().unwrap();
    let consent = created["consentId"].as_str().unwrap().to_owned();
    let path = page.strip_prefix(&bench.sandbox.base_url).unwrap();
    let sent = bench.approve(path, "chiara").await.sent_back();
    assert_eq!(
        sent.into_iter().collect::<Vec<_>>(),
        [("state".to_owned(), "mine".to_owned())]
    );
    let read = |base: &str| {
        bench
            .http
            .get(bench.url(&format!("{base}/accounts")))
            .header("x-request-id", uuid::Uuid::new_v4().to_string())
            .header("consent-id", &consent)
    };
    let list = send(read("/redirect-bank/psd2/v1")).await.unwrap();
    assert_eq!(list.json()["accounts"].as_array().unwrap().len(), 2);
    let session = Session {
        consent,
        access: "x".to_owned(),
        refresh: String::new(),
    };
    let other = bench.read(&session, "/psd2/v1/accounts").await;
    assert_eq!(other.refusal(), (401, "TOKEN_UNKNOWN".to_owned()));
    assert_eq!(bench.get(path).await.status, 410, "the link is used up");
}

#[tokio::test]
async fn a_refused_plain_redirect_goes_to_the_other_address() {
    let bench = Bench::start().await;
    let nok = format!("{CALLBACK}?nok=1");
    let req = bench.consent_request("/redirect-bank/psd2/v1", &all_psd2());
    let created = send(req.header("tpp-nok-redirect-uri", &nok))
        .await
        .unwrap()
        .json();
    let page = created["_links"]["scaRedirect"]["href"].as_str().unwrap();
    let (flow, cookie) = bench
        .open(page.strip_prefix(&bench.sandbox.base_url).unwrap())
        .await;
    let fields = [("flow", flow.as_str()), ("decision", "deny")];
    let sent = bench
        .post_page("/bank/approve", &cookie, &fields)
        .await
        .sent_back();
    assert_eq!(sent["nok"], "1");
}
