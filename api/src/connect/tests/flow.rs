//! The way through: choose, review, continue, come back, return to the frontend.

use fondaco_store::repo::link_session::SessionState;
use http::StatusCode;
use http::header::LOCATION;
use url::Url;

use super::browser::{allow, deny};
use super::town::{ORIGIN, RETURN_URL, Town, towns};
use crate::web::pages::WORKING_HOLD_MS;

/// Looks at a session at most; each asks the database, so that they last for many seconds.
const LOOKS_MAX: usize = 200_000;

#[tokio::test]
async fn a_person_allows_and_returns_with_a_result_code_that_works_once() {
    for town in towns().await {
        let link = town.link().await;
        let mut browser = town.browser();
        let review = browser.open(&link).await;
        assert_eq!(review.status, StatusCode::OK, "{}", review.text);
        assert!(review.heading().contains("Acme Books"), "{}", review.text);
        assert!(review.text.contains("https://app.example/privacy"));
        let bank = browser.depart(&link).await;
        assert!(
            bank.query_pairs()
                .any(|pair| pair == ("code_challenge_method".into(), "S256".into()))
        );
        let got = browser.get(&allow(&bank, "one")).await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.text);
        let result = browser.open(&allow(&bank, "one")).await;
        assert!(result.heading().contains("connected"), "{}", result.text);
        let code = result.code().unwrap();
        assert!(
            result.back().as_str().starts_with(RETURN_URL),
            "{}",
            result.back()
        );
        let redeemed = town
            .vault
            .redeem(town.tenant, &code)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(redeemed.outcome.as_str(), "SUCCEEDED");
        assert_eq!(redeemed.end_user_ref.as_deref(), Some("ann"));
        assert!(
            town.vault
                .redeem(town.tenant, &code)
                .await
                .unwrap()
                .is_none()
        );
        assert_eq!((town.bank.consents(), town.bank.exchanges()), (1, 1));
    }
}

#[tokio::test]
async fn the_callbacks_address_is_left_at_once_and_stands_in_no_page() {
    for town in towns().await {
        let link = town.link().await;
        let mut browser = town.browser();
        let bank = browser.depart(&link).await;
        let got = browser.get(&allow(&bank, "secret-code")).await;
        let path = link.strip_prefix(ORIGIN).unwrap();
        assert_eq!(got.header(LOCATION.as_str()), path);
        assert!(!got.text.contains("secret-code"));
        let result = browser.open(&link).await;
        assert!(!result.text.contains("secret-code") && !result.text.contains("state="));
        for got in [got, result] {
            assert_eq!(got.header("cache-control"), "no-store");
            assert_eq!(got.header("referrer-policy"), "no-referrer");
        }
    }
}

#[tokio::test]
async fn a_person_who_declines_sees_it_and_returns_with_a_code_that_says_so() {
    for town in towns().await {
        let link = town.link().await;
        let mut browser = town.browser();
        let bank = browser.depart(&link).await;
        let result = browser.open(&deny(&bank)).await;
        assert!(result.heading().contains("not granted"), "{}", result.text);
        let code = result.code().unwrap();
        let redeemed = town
            .vault
            .redeem(town.tenant, &code)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(redeemed.outcome.as_str(), "DENIED");
        assert_eq!(town.bank.exchanges(), 0);
        // The denial came first: a code that follows is not exchanged.
        let late = browser.open(&allow(&bank, "late")).await;
        assert!(late.heading().contains("not granted"), "{}", late.text);
        assert_eq!(town.bank.exchanges(), 0);
    }
}

#[tokio::test]
async fn a_person_who_cancels_returns_to_the_frontend_at_once_with_a_code() {
    for town in towns().await {
        let link = town.link().await;
        let mut browser = town.browser();
        let review = browser.open(&link).await;
        let token = review.form_token();
        let fields = [("form_token", token.as_str()), ("locale", "de")];
        let got = browser.post(&format!("{link}/cancel"), &fields).await;
        assert_eq!(got.status, StatusCode::OK, "{}", got.text);
        assert!(got.heading().contains("abgebrochen"), "{}", got.text);
        let refresh = got.header("refresh").strip_prefix("0; url=").unwrap();
        assert_eq!(Url::parse(refresh).unwrap(), got.back());
        let redeemed = town
            .vault
            .redeem(town.tenant, &got.code().unwrap())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(redeemed.outcome.as_str(), "CANCELLED");
        // Once more, as a double click does it: the same end, no second one.
        let again = browser.post(&format!("{link}/cancel"), &fields).await;
        assert_eq!(again.code(), got.code());
        let ends = town.happened().await;
        assert_eq!(
            ends.iter()
                .filter(|kind| *kind == "link_session.ended")
                .count(),
            1
        );
        assert_eq!(town.bank.consents(), 0);
    }
}

#[tokio::test]
async fn a_person_chooses_a_bank_and_may_choose_again_until_it_is_told() {
    for town in towns().await {
        let link = town.link_to(None).await;
        let mut browser = town.browser();
        let choice = browser.open(&link).await;
        assert!(
            choice.heading().starts_with("Which bank"),
            "{}",
            choice.text
        );
        assert!(
            choice
                .text
                .contains(&format!("value=\"{}\"", town.institution))
        );
        let found = browser
            .open(&format!("{link}/choose?q=nothing+like+it"))
            .await;
        assert!(
            !found
                .text
                .contains(&format!("value=\"{}\"", town.institution))
        );
        let token = choice.form_token();
        let chosen = [
            ("form_token", token.as_str()),
            ("institution", town.institution.as_str()),
        ];
        let got = browser.post(&format!("{link}/choose"), &chosen).await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.text);
        let review = browser.open(got.header(LOCATION.as_str())).await;
        assert!(review.text.contains("/choose?locale=en"), "{}", review.text);
        let again = browser.open(&format!("{link}/choose")).await;
        assert!(again.heading().starts_with("Which bank"));
        let departed = browser.go_on(&link, &review).await;
        assert_eq!(departed.status, StatusCode::OK, "{}", departed.text);
        let late = browser.open(&format!("{link}/choose")).await;
        assert!(late.heading().contains("Acme Books"), "{}", late.text);
    }
}

#[tokio::test]
async fn an_institution_that_cannot_be_connected_is_refused_on_the_page_of_choice() {
    for town in towns().await {
        let link = town.link_to(None).await;
        let mut browser = town.browser();
        let token = browser.open(&link).await.form_token();
        let long = "x".repeat(65);
        for wrong in ["", "no_such_bank", long.as_str()] {
            let fields = [("form_token", token.as_str()), ("institution", wrong)];
            let got = browser.post(&format!("{link}/choose"), &fields).await;
            assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", got.text);
            assert!(got.text.contains("cannot be connected"), "{}", got.text);
        }
        let long = browser.get(&format!("{link}?q={}", "x".repeat(101))).await;
        assert_eq!(long.status, StatusCode::UNPROCESSABLE_ENTITY);
        let fits = browser.get(&format!("{link}?q={}", "x".repeat(100))).await;
        assert_eq!(fits.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_slow_exchange_shows_a_waiting_page_that_asks_until_it_is_done() {
    for town in towns().await {
        let link = town.link().await;
        let mut browser = town.browser();
        let bank = browser.depart(&link).await;
        town.bank.set_slow(true);
        town.patience.open(1);
        let got = browser.get(&allow(&bank, "slow")).await;
        let path = link.strip_prefix(ORIGIN).unwrap();
        assert_eq!(
            got.header(LOCATION.as_str()),
            format!("{path}/status"),
            "{}",
            got.text
        );
        town.patience
            .open(usize::try_from(WORKING_HOLD_MS / 500).unwrap());
        let waiting = browser.get(&format!("{link}/status")).await;
        assert!(waiting.heading().contains("moment"), "{}", waiting.text);
        assert!(
            waiting
                .text
                .contains(&format!("content=\"0; url={path}/status?locale=en\""))
        );
        // A look at the page itself waits too; a reloaded callback begins no second exchange.
        assert!(browser.open(&link).await.heading().contains("moment"));
        let reloaded = browser.get(&allow(&bank, "slow")).await;
        assert_eq!(reloaded.header(LOCATION.as_str()), format!("{path}/status"));
        town.bank.gate.open(1);
        let done = finish(&town, &mut browser, &link).await;
        assert!(done.heading().contains("connected"), "{}", done.text);
        assert_eq!(town.bank.exchanges(), 1);
    }
}

/// Looks until the exchange is done, then asks for the status as the waiting page does.
pub(super) async fn finish(
    town: &Town,
    browser: &mut super::browser::Browser,
    link: &str,
) -> super::browser::Got {
    let (_, token) = link.rsplit_once('/').unwrap();
    for _ in 0..LOOKS_MAX {
        let view = town.vault.session_view(token, None).await.unwrap();
        if view.state != SessionState::Exchanging {
            return browser.open(&format!("{link}/status")).await;
        }
    }
    panic!("the exchange does not finish");
}

#[tokio::test]
async fn a_bank_that_is_down_leaves_the_person_where_they_can_try_again() {
    for town in towns().await {
        let link = town.link().await;
        let mut browser = town.browser();
        let review = browser.open(&link).await;
        town.bank.set_down(true);
        let failed = browser.go_on(&link, &review).await;
        assert!(failed.heading().contains("did not work"), "{}", failed.text);
        assert!(failed.text.contains("Try again") && !failed.text.contains("can close this page"));
        town.bank.set_down(false);
        let bank = browser.depart(&link).await;
        let result = browser.open(&allow(&bank, "after")).await;
        assert!(result.heading().contains("connected"), "{}", result.text);
    }
}

#[tokio::test]
async fn the_language_follows_the_address_then_the_session_then_the_browser() {
    for town in towns().await {
        let link = town.link().await;
        let mut browser = town.browser();
        let german = browser.open(&format!("{link}?locale=de")).await;
        assert!(german.text.contains("<html lang=\"de\">"));
        assert!(
            browser
                .open(&link)
                .await
                .text
                .contains("<html lang=\"en\">")
        );
    }
}
