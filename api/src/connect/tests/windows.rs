//! What people do with browsers: back, double click, reload, other browsers, tabs.

use http::StatusCode;
use http::header::LOCATION;

use super::browser::{allow, answer, deny};
use super::flow::finish;
use super::town::towns;

#[tokio::test]
async fn back_from_the_bank_shows_the_review_and_continues_with_another_attempt() {
    for town in towns().await {
        let link = town.link().await;
        let mut browser = town.browser();
        let first = browser.depart(&link).await;
        let review = browser.open(&link).await;
        assert!(review.heading().contains("Acme Books"), "{}", review.text);
        let second = browser.depart(&link).await;
        assert_ne!(first, second);
        let result = browser.open(&allow(&second, "second")).await;
        assert!(result.heading().contains("connected"), "{}", result.text);
        // The first attempt's answer finds the session ended.
        let late = browser.open(&allow(&first, "first")).await;
        assert!(late.heading().contains("connected"), "{}", late.text);
        assert_eq!(town.bank.exchanges(), 1);
    }
}

#[tokio::test]
async fn back_after_the_end_shows_the_end_and_begins_nothing() {
    for town in towns().await {
        let link = town.link().await;
        let mut browser = town.browser();
        let review = browser.open(&link).await;
        let bank = browser.depart(&link).await;
        let result = browser.open(&allow(&bank, "one")).await;
        let before = town.happened().await;
        let again = browser.open(&link).await;
        assert_eq!(again.code(), result.code());
        // The form of the page that the browser still shows.
        let got = browser.go_on(&link, &review).await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.text);
        assert_eq!(town.happened().await, before);
        assert_eq!(town.bank.consents(), 1);
    }
}

#[tokio::test]
async fn a_double_click_makes_one_consent_and_either_answer_completes_it_once() {
    for town in towns().await {
        let link = town.link().await;
        let mut browser = town.browser();
        let review = browser.open(&link).await;
        let (mut left, mut right) = (browser.clone(), browser.clone());
        let (one, two) = tokio::join!(left.go_on(&link, &review), right.go_on(&link, &review));
        assert_eq!(
            (one.status, two.status),
            (StatusCode::OK, StatusCode::OK),
            "{}",
            one.text
        );
        let (one, two) = (one.refresh(), two.refresh());
        let created = |kinds: &[String]| {
            kinds
                .iter()
                .filter(|kind| *kind == "consent.created")
                .count()
        };
        assert_eq!(created(&town.happened().await), 1);
        let (first, second) = (allow(&one, "one"), allow(&two, "two"));
        town.patience.open(100);
        let (a, b) = tokio::join!(left.get(&first), right.get(&second));
        for got in [a, b] {
            assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.text);
        }
        let done = finish(&town, &mut browser, &link).await;
        assert!(done.heading().contains("connected"), "{}", done.text);
        assert_eq!(town.bank.exchanges(), 1);
    }
}

#[tokio::test]
async fn a_reloaded_callback_shows_the_result_and_exchanges_nothing() {
    for town in towns().await {
        let link = town.link().await;
        let mut browser = town.browser();
        let bank = browser.depart(&link).await;
        let callback = allow(&bank, "one");
        let first = browser.open(&callback).await;
        for _ in 0..3 {
            let again = browser.open(&callback).await;
            assert_eq!((again.status, again.code()), (first.status, first.code()));
        }
        // Two at the same moment.
        let (mut left, mut right) = (browser.clone(), browser.clone());
        let (a, b) = tokio::join!(left.open(&callback), right.open(&callback));
        assert_eq!((a.code(), b.code()), (first.code(), first.code()));
        assert_eq!(town.bank.exchanges(), 1);
    }
}

#[tokio::test]
async fn two_callbacks_at_once_exchange_once() {
    for town in towns().await {
        let link = town.link().await;
        let mut browser = town.browser();
        let bank = browser.depart(&link).await;
        let callback = allow(&bank, "one");
        let (mut left, mut right) = (browser.clone(), browser.clone());
        town.patience.open(100);
        let (a, b) = tokio::join!(left.get(&callback), right.get(&callback));
        for got in [a, b] {
            assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.text);
        }
        let done = finish(&town, &mut browser, &link).await;
        assert!(done.heading().contains("connected"), "{}", done.text);
        assert_eq!(town.bank.exchanges(), 1);
    }
}

#[tokio::test]
async fn a_callback_in_another_browser_exchanges_nothing_and_the_first_goes_on() {
    for town in towns().await {
        let link = town.link().await;
        let mut browser = town.browser();
        let bank = browser.depart(&link).await;
        let callback = allow(&bank, "one");
        let before = town.happened().await;
        let mut bare = town.browser();
        let mut busy = town.browser();
        busy.depart(&town.link().await).await;
        let between = town.happened().await;
        for other in [&mut bare, &mut busy] {
            let got = other.open(&callback).await;
            assert_eq!(got.status, StatusCode::FORBIDDEN, "{}", got.text);
            assert!(got.heading().contains("where you started"), "{}", got.text);
            assert!(
                !got.text.contains("?locale="),
                "the address must not be repeated"
            );
        }
        assert_eq!(town.bank.exchanges(), 0);
        assert_eq!(town.happened().await, between);
        assert!(between.len() > before.len());
        let result = browser.open(&callback).await;
        assert!(result.heading().contains("connected"), "{}", result.text);
        // Now the other browser learns that it is used, and no code.
        let late = bare.open(&callback).await;
        assert!(
            late.heading().contains("already been used"),
            "{}",
            late.text
        );
        assert_eq!(late.code(), None);
        assert_eq!(town.bank.exchanges(), 1);
    }
}

#[tokio::test]
async fn another_browser_cannot_go_on_with_a_page_that_was_begun() {
    for town in towns().await {
        let link = town.link().await;
        let mut other = town.browser();
        let seen = other.open(&link).await;
        let mut browser = town.browser();
        browser.depart(&link).await;
        let looked = other.open(&link).await;
        assert_eq!(looked.status, StatusCode::FORBIDDEN, "{}", looked.text);
        let got = other.go_on(&link, &seen).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{}", got.text);
        assert!(got.heading().contains("where you started"), "{}", got.text);
        let token = seen.form_token();
        let cancel = format!("{link}/cancel");
        let got = other.post(&cancel, &[("form_token", token.as_str())]).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{}", got.text);
        assert_eq!(town.bank.consents(), 1);
    }
}

#[tokio::test]
async fn two_tabs_finish_in_the_other_order_each_with_its_own_cookie() {
    for town in towns().await {
        let (one, two) = (town.link().await, town.link().await);
        let mut browser = town.browser();
        let bank_one = browser.depart(&one).await;
        let bank_two = browser.depart(&two).await;
        assert_eq!(browser.jar.len(), 2);
        let result_two = browser.open(&deny(&bank_two)).await;
        assert!(
            result_two.heading().contains("not granted"),
            "{}",
            result_two.text
        );
        let result_one = browser.open(&allow(&bank_one, "one")).await;
        assert!(
            result_one.heading().contains("connected"),
            "{}",
            result_one.text
        );
        assert_ne!(result_one.code(), result_two.code());
        // The code of one flow with the state of the other: nothing crosses.
        let crossed = browser.get(&answer(&bank_two, &[("code", "one")])).await;
        assert_eq!(crossed.status, StatusCode::SEE_OTHER);
        assert_eq!(town.bank.exchanges(), 1);
    }
}

#[tokio::test]
async fn a_page_opened_twice_in_one_browser_keeps_one_secret() {
    for town in towns().await {
        let link = town.link().await;
        let mut browser = town.browser();
        let first = browser.open(&link).await;
        let jar = browser.jar.clone();
        let second = browser.open(&link).await;
        assert_eq!(browser.jar, jar);
        assert_eq!(first.form_token(), second.form_token());
        assert!(second.headers.get("set-cookie").is_none());
        let got = browser.go_on(&link, &first).await;
        assert_eq!(got.status, StatusCode::OK, "{}", got.text);
        assert!(got.headers.get(LOCATION).is_none());
    }
}

#[tokio::test]
async fn a_browser_without_cookies_is_told_so_and_nothing_begins() {
    for town in towns().await {
        let link = town.link().await;
        let mut browser = town.browser();
        let review = browser.open(&link).await;
        browser.jar.clear();
        let got = browser.go_on(&link, &review).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN);
        assert!(got.heading().contains("cookie"), "{}", got.text);
        assert_eq!(town.bank.consents(), 0);
    }
}
