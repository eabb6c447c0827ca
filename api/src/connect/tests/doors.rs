//! What stands at the doors: origins, form tokens, methods, prefetching, forged callbacks, limits.

use http::header::{ALLOW, LOCATION};
use http::{Method, StatusCode};

use super::browser::{allow, answer};
use super::town::{ORIGIN, strict_town, towns};

#[tokio::test]
async fn looking_stores_nothing_however_often() {
    for town in towns().await {
        let link = town.link().await;
        let before = town.happened().await;
        for _ in 0..5 {
            let mut scanner = town.browser();
            for tail in ["", "/review", "/choose", "/status", "?locale=de", "?q=bank"] {
                scanner.once(Method::HEAD, &format!("{link}{tail}")).await;
                scanner.get(&format!("{link}{tail}")).await;
            }
        }
        assert_eq!(town.happened().await, before);
        assert_eq!(town.bank.consents(), 0);
        // The person who comes after all of them goes on as if nobody had looked.
        let mut browser = town.browser();
        let bank = browser.depart(&link).await;
        let result = browser.open(&allow(&bank, "one")).await;
        assert!(result.heading().contains("connected"), "{}", result.text);
    }
}

#[tokio::test]
async fn a_callback_that_is_only_looked_at_stays_unused() {
    for town in towns().await {
        let link = town.link().await;
        let mut browser = town.browser();
        let bank = browser.depart(&link).await;
        let callback = allow(&bank, "one");
        let head = browser.once(Method::HEAD, &callback).await;
        assert_eq!(head.status, StatusCode::METHOD_NOT_ALLOWED);
        let path = callback.strip_prefix(ORIGIN).unwrap();
        let request = http::Request::get(path).header("sec-purpose", "prefetch;prerender");
        let early = browser
            .send(request.body(axum::body::Body::empty()).unwrap())
            .await;
        assert_eq!(early.status, StatusCode::NOT_FOUND);
        assert_eq!(town.bank.exchanges(), 0);
        let result = browser.open(&callback).await;
        assert!(result.heading().contains("connected"), "{}", result.text);
    }
}

#[tokio::test]
async fn a_form_from_another_origin_is_refused() {
    for town in towns().await {
        let link = town.link().await;
        let mut browser = town.browser();
        let token = browser.open(&link).await.form_token();
        let fields = [("form_token", token.as_str()), ("locale", "en")];
        let before = town.happened().await;
        for headers in [
            [
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://evil.example"),
            ],
            [("sec-fetch-site", "same-site"), ("origin", "null")],
            [("sec-fetch-site", "none"), ("origin", ORIGIN)],
            [("x-none", "1"), ("origin", "https://evil.example")],
        ] {
            for step in ["choose", "continue", "cancel"] {
                let got = browser
                    .post_with(&format!("{link}/{step}"), &fields, &headers)
                    .await;
                assert_eq!(got.status, StatusCode::FORBIDDEN, "{step} {headers:?}");
            }
        }
        assert_eq!(town.happened().await, before);
        assert_eq!(town.bank.consents(), 0);
        // An older browser says only where the form comes from.
        let headers = [("origin", ORIGIN)];
        let got = browser
            .post_with(&format!("{link}/continue"), &fields, &headers)
            .await;
        assert_eq!(got.status, StatusCode::OK, "{}", got.text);
    }
}

#[tokio::test]
async fn a_form_needs_the_token_of_its_own_cookie_and_of_the_text_that_was_shown() {
    for town in towns().await {
        let (link, other) = (town.link().await, town.link().await);
        let mut browser = town.browser();
        let own = browser.open(&link).await.form_token();
        let foreign = browser.open(&other).await.form_token();
        let german = browser
            .open(&format!("{link}?locale=de"))
            .await
            .form_token();
        let without_text = own.split('.').next().unwrap().to_owned();
        for (token, locale) in [
            ("", "en"),
            ("x", "en"),
            (foreign.as_str(), "en"),
            (german.as_str(), "en"),
            (own.as_str(), "de"),
            (without_text.as_str(), "en"),
        ] {
            let fields = [("form_token", token), ("locale", locale)];
            let got = browser.post(&format!("{link}/continue"), &fields).await;
            assert_eq!(got.status, StatusCode::FORBIDDEN, "{token} {locale}");
            assert!(got.heading().contains("too long"), "{}", got.text);
        }
        let twice = [("form_token", own.as_str()), ("form_token", own.as_str())];
        let got = browser.post(&format!("{link}/continue"), &twice).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN);
        assert_eq!(town.bank.consents(), 0);
        let fields = [("form_token", german.as_str()), ("locale", "de")];
        let got = browser.post(&format!("{link}/continue"), &fields).await;
        assert_eq!(got.status, StatusCode::OK, "{}", got.text);
    }
}

#[tokio::test]
async fn choosing_and_cancelling_need_the_token_of_their_own_cookie() {
    for town in towns().await {
        let (link, other) = (town.link_to(None).await, town.link_to(None).await);
        let mut browser = town.browser();
        let own = browser.open(&link).await.form_token();
        let foreign = browser.open(&other).await.form_token();
        let before = town.happened().await;
        for token in ["", "x", foreign.as_str()] {
            let fields = [
                ("form_token", token),
                ("institution", town.institution.as_str()),
            ];
            for step in ["choose", "cancel"] {
                let got = browser.post(&format!("{link}/{step}"), &fields).await;
                assert_eq!(got.status, StatusCode::FORBIDDEN, "{step} {token}");
            }
        }
        assert_eq!(town.happened().await, before);
        assert!(
            browser
                .open(&link)
                .await
                .heading()
                .starts_with("Which bank")
        );
        let cancel = format!("{link}/cancel");
        let got = browser.post(&cancel, &[("form_token", own.as_str())]).await;
        assert!(got.heading().contains("cancelled"), "{}", got.text);
    }
}

#[tokio::test]
async fn the_text_that_the_person_agreed_to_is_recorded_and_a_changed_one_is_read_again() {
    for town in towns().await {
        let link = town.link().await;
        let mut browser = town.browser();
        let review = browser.open(&link).await;
        // The consent would end a day later than the page says.
        town.clock.advance_seconds(1_000);
        let same_day = browser.open(&link).await;
        assert_eq!(same_day.form_token(), review.form_token());
        let details = fondaco_store::repo::tenant::Details {
            display_name: "Another Name".to_owned(),
            privacy_url: "https://app.example/privacy".to_owned(),
            support_contact: "help@app.example".to_owned(),
        };
        town.vault
            .update_tenant(town.tenant, &details)
            .await
            .unwrap();
        let got = browser.go_on(&link, &review).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{}", got.text);
        assert_eq!(town.bank.consents(), 0);
        let bank = browser.depart(&link).await;
        assert!(bank.as_str().contains("state="));
    }
}

#[tokio::test]
async fn a_forged_callback_says_nothing_and_writes_nothing() {
    for town in towns().await {
        let link = town.link().await;
        let mut browser = town.browser();
        let bank = browser.depart(&link).await;
        let good = allow(&bank, "one");
        let (path, _) = good.split_once('?').unwrap();
        let before = town.happened().await;
        let state = "A".repeat(43);
        let wrong = [
            path.to_owned(),
            format!("{path}?code=x"),
            format!("{path}?state={state}&code=x"),
            format!("{good}&code=two"),
            format!("{good}&state={state}"),
            format!("{good}&error=access_denied"),
            format!("{good}&x={}", "y".repeat(4_097)),
            good.replacen("&code=one", "", 1),
            good.replace("/callback/", "/callback/x"),
            good.replace("/callback/", "/callback/0"),
        ];
        for address in wrong {
            let got = browser.get(&address).await;
            assert_eq!(got.status, StatusCode::NOT_FOUND, "{address} {}", got.text);
            assert!(!got.text.contains("Acme"), "{address}");
        }
        assert_eq!(town.happened().await, before);
        assert_eq!(town.bank.exchanges(), 0);
        let result = browser.open(&good).await;
        assert!(result.heading().contains("connected"), "{}", result.text);
    }
}

#[tokio::test]
async fn another_issuers_answer_ends_the_flow_without_an_exchange() {
    for town in towns().await {
        let link = town.link().await;
        let mut browser = town.browser();
        let bank = browser.depart(&link).await;
        let mixed = answer(&bank, &[("code", "x"), ("iss", "https://evil.example")]);
        let got = browser.open(&mixed).await;
        assert!(got.heading().contains("did not work"), "{}", got.text);
        assert_eq!(town.bank.exchanges(), 0);
    }
}

#[tokio::test]
async fn wrong_methods_are_refused_with_the_right_ones() {
    for town in towns().await {
        let link = town.link().await;
        let mut browser = town.browser();
        for (method, tail, allow) in [
            (Method::POST, "", "GET, HEAD"),
            (Method::PUT, "/choose", "GET, HEAD, POST"),
            (Method::GET, "/continue", "POST"),
            (Method::GET, "/cancel", "POST"),
            (Method::DELETE, "/status", "GET, HEAD"),
            (Method::POST, "/review", "GET, HEAD"),
        ] {
            let got = browser.once(method.clone(), &format!("{link}{tail}")).await;
            assert_eq!(
                got.status,
                StatusCode::METHOD_NOT_ALLOWED,
                "{method} {tail}"
            );
            assert_eq!(got.header(ALLOW.as_str()), allow, "{method} {tail}");
        }
        let got = browser.once(Method::POST, "/callback/x").await;
        assert_eq!(
            (got.status, got.header("allow")),
            (StatusCode::METHOD_NOT_ALLOWED, "GET")
        );
    }
}

#[tokio::test]
async fn every_page_has_a_strict_policy_and_leads_nowhere_by_itself() {
    for town in towns().await {
        let link = town.link().await;
        let mut browser = town.browser();
        let review = browser.open(&link).await;
        let departed = browser.go_on(&link, &review).await;
        let unknown = browser.get("/connect/x").await;
        for got in [&review, &departed, &unknown] {
            let policy = got.header("content-security-policy");
            assert!(policy.contains("default-src 'none'"), "{policy}");
            assert!(policy.ends_with("form-action 'self'"), "{policy}");
            assert_eq!(got.header("cache-control"), "no-store");
            assert_eq!(got.header("x-frame-options"), "DENY");
        }
        assert!(departed.headers.get(LOCATION).is_none());
        let asset = crate::web::assets::style().href();
        assert_eq!(browser.get(&asset).await.status, StatusCode::OK);
        assert_eq!(
            browser.get("/connect/assets/connect-0.css").await.status,
            StatusCode::NOT_FOUND
        );
    }
}

#[tokio::test]
async fn a_peer_with_too_many_requests_is_told_when_to_come_back() {
    let town = strict_town(3).await;
    let link = town.link().await;
    let mut browser = town.browser();
    for _ in 0..3 {
        assert_eq!(browser.get(&link).await.status, StatusCode::OK);
    }
    for address in [link.as_str(), "/callback/x", "/connect/x"] {
        let got = browser.get(address).await;
        assert_eq!(got.status, StatusCode::TOO_MANY_REQUESTS, "{address}");
        assert_eq!(got.header("retry-after"), "1");
    }
    browser.peer = "198.51.100.9:1".parse().unwrap();
    assert_eq!(browser.get(&link).await.status, StatusCode::OK);
}
