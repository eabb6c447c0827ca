//! Sessions that are over, and addresses that nobody gave out.

use http::StatusCode;

use super::browser::allow;
use super::town::towns;

#[tokio::test]
async fn an_expired_page_goes_nowhere_for_anybody() {
    for town in towns().await {
        let link = town.link().await;
        let mut browser = town.browser();
        let review = browser.open(&link).await;
        town.clock.advance_seconds(1_800);
        let got = browser.open(&link).await;
        assert_eq!(got.status, StatusCode::GONE, "{}", got.text);
        assert!(got.heading().contains("expired"), "{}", got.text);
        let sent = browser.go_on(&link, &review).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text);
        assert_eq!(town.browser().open(&link).await.text, got.text);
        assert_eq!(town.bank.consents(), 0);
        // Swept or not, a stranger's page is the same.
        town.vault.sweep_sessions().await.unwrap();
        assert_eq!(town.browser().open(&link).await.text, got.text);
    }
}

#[tokio::test]
async fn a_person_who_comes_back_too_late_sees_that_and_exchanges_nothing() {
    for town in towns().await {
        let link = town.link().await;
        let mut browser = town.browser();
        let bank = browser.depart(&link).await;
        town.clock.advance_seconds(900);
        let got = browser.open(&allow(&bank, "late")).await;
        assert_eq!(got.status, StatusCode::GONE, "{}", got.text);
        assert!(got.heading().contains("expired"), "{}", got.text);
        assert_eq!(town.bank.exchanges(), 0);
        let code = got.code().unwrap();
        let redeemed = town
            .vault
            .redeem(town.tenant, &code)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(redeemed.outcome.as_str(), "EXPIRED");
    }
}

#[tokio::test]
async fn a_used_page_tells_a_stranger_that_it_is_used_and_no_more() {
    for town in towns().await {
        let link = town.link().await;
        let mut browser = town.browser();
        let bank = browser.depart(&link).await;
        browser.open(&allow(&bank, "one")).await;
        let seen = town.browser().open(&link).await;
        assert!(
            seen.heading().contains("already been used"),
            "{}",
            seen.text
        );
        assert_eq!(seen.code(), None);
    }
}

#[tokio::test]
async fn unknown_and_malformed_addresses_look_the_same() {
    for town in towns().await {
        let link = town.link().await;
        let mut browser = town.browser();
        let (stem, token) = link.rsplit_once('/').unwrap();
        let unknown = browser.get(&format!("{stem}/{}", "A".repeat(43))).await;
        assert_eq!(unknown.status, StatusCode::NOT_FOUND);
        let others = [
            format!("{stem}/{}", &token[1..]),
            format!("{stem}/{token}x"),
            format!("{stem}/%FF"),
            format!("{stem}/{}", "A".repeat(2_000)),
            format!("{stem}/{}/review", "A".repeat(43)),
            format!("{stem}/{}/choose", "A".repeat(43)),
            format!("{stem}/{}/status", "A".repeat(43)),
        ];
        for address in others {
            let got = browser.get(&address).await;
            assert_eq!(
                (got.status, &got.text),
                (unknown.status, &unknown.text),
                "{address}"
            );
            assert!(got.headers.get("set-cookie").is_none());
        }
        for step in ["choose", "continue", "cancel"] {
            let got = browser.post(&format!("{stem}/short/{step}"), &[]).await;
            assert_eq!(got.status, StatusCode::NOT_FOUND, "{step}");
        }
    }
}
