//! From startLink to a grant, and every way in which it does not come to one.

use fondaco_connectors::core::POLLS_MAX;
use fondaco_model::scope::ConsentScope;
use fondaco_model::v1::{ConsentState, TerminationReason};
use fondaco_store::repo::job::{self, Claim, Job};
use fondaco_store::repo::tenant::Mode;

use super::bank::{ISSUER, Mischief};
use super::*;
use crate::pages::PageError;

async fn claim(house: &House, kind: &str) -> Option<Job> {
    let now = house.vault.effects().now();
    let claim = Claim {
        owner: "test",
        now,
        until: now.plus_seconds(60),
    };
    for _ in 0..20 {
        let found = job::claim(&house.db, claim).await.unwrap()?;
        if found.kind == kind {
            return Some(found);
        }
    }
    None
}

#[tokio::test]
async fn a_person_who_approves_has_a_link_a_sealed_grant_and_a_first_sync() {
    for house in houses().await {
        let linked = house.linked().await;
        let stored = house.consent(linked.consent).await;
        assert_eq!(stored.consent.state, ConsentState::Active);
        assert_eq!(
            stored.consent.granted_until.unwrap().to_string(),
            "2026-04-01"
        );
        assert_eq!(stored.consent.scopes, ConsentScope::ALL);
        let row = house.grant(linked.grant).await;
        let sealed = row.document_sealed.clone().unwrap();
        assert!(sealed.starts_with("v1.") && !sealed.contains("access-"));
        assert_eq!(house.access_token(linked.grant).await.expose(), "access-3");
        assert_eq!(house.bank.calls("exchange"), 1);
        assert_eq!(house.bank.calls("standing"), 1);
        let first = claim(&house, jobs::FIRST_SYNC).await.unwrap();
        let payload: jobs::LinkPayload = jobs::read(&first.payload).unwrap();
        assert_eq!(payload.link, linked.link);
        assert_eq!(first.institution_id.as_deref(), Some(INSTITUTION));
        let words = house.ledger().await;
        for word in [
            "link_session.started",
            "consent.created",
            "consent.link_opened",
            "consent.callback_verified",
            "consent.exchange_succeeded",
            "link_session.ended",
        ] {
            assert!(words.iter().any(|known| known == word), "{word}");
        }
    }
}

#[tokio::test]
async fn the_result_is_fetched_once_by_its_own_tenant() {
    for house in houses().await {
        let linked = house.linked().await;
        let code = linked.code();
        assert_eq!(linked.ended.return_url.query_pairs().next().unwrap().1, "2");
        let other = house
            .vault
            .create_tenant(&new_tenant(Mode::Test))
            .await
            .unwrap()
            .id;
        assert_eq!(house.vault.redeem(other, &code).await.unwrap(), None);
        let result = house
            .vault
            .redeem(house.tenant, &code)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(result.outcome, EndedAs::Succeeded);
        assert_eq!(result.link, Some(linked.link));
        assert_eq!(result.end_user_ref.as_deref(), Some("customer 7"));
        assert_eq!(house.vault.redeem(house.tenant, &code).await.unwrap(), None);
        assert_eq!(
            house.vault.redeem(house.tenant, "frc_x").await.unwrap(),
            None
        );
        house.ledger().await;
    }
}

#[tokio::test]
async fn a_result_is_worthless_when_its_time_is_over() {
    for house in houses().await {
        let code = house.linked().await.code();
        house.clock.advance_seconds(RESULT_SECONDS + 1);
        assert_eq!(house.vault.redeem(house.tenant, &code).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_person_who_declines_ends_the_session_and_no_code_is_exchanged() {
    for house in houses().await {
        let started = house.start().await;
        let redirect = house.leave(&started).await;
        let pairs = bank::Bank::deny(&redirect.url);
        let outcome = house.come_back(&pairs, &[redirect.cookie.expose()]).await;
        let CallbackOutcome::Ended(ended) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(ended.ended, EndedAs::Denied);
        assert_eq!(ended.reason, Some(TerminationReason::UserDenied));
        let consent = house.consent_of(&started).await;
        assert_eq!(house.state(consent).await, ConsentState::Rejected);
        assert_eq!(house.bank.calls("exchange"), 0);
        let code = code_of(&ended);
        let result = house
            .vault
            .redeem(house.tenant, &code)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(result.outcome, EndedAs::Denied);
        // What was left unauthorised at the bank is deleted there.
        let told = house
            .vault
            .revoke_at_bank(house.tenant, consent)
            .await
            .unwrap();
        assert!(matches!(told, Revocation::Done), "{told:?}");
        assert_eq!(house.bank.consent_states(), ["terminatedByTpp"]);
        house.ledger().await;
    }
}

#[tokio::test]
async fn another_issuer_ends_the_attempt_without_an_exchange() {
    for house in houses().await {
        let started = house.start().await;
        let redirect = house.leave(&started).await;
        let mut pairs = house.bank.approve(&redirect.url);
        pairs.last_mut().unwrap().1 = format!("{ISSUER}.evil.example");
        let outcome = house.come_back(&pairs, &[redirect.cookie.expose()]).await;
        let CallbackOutcome::Ended(ended) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(ended.reason, Some(TerminationReason::IssuerMismatch));
        assert_eq!(house.bank.calls("exchange"), 0);
        house.ledger().await;
    }
}

#[tokio::test]
async fn a_state_belongs_to_its_registration_its_flow_and_its_browser() {
    for house in houses().await {
        let (mine, other) = (
            house.start().await,
            house.start_for("customer 8", None).await,
        );
        let (mine, other) = (house.leave(&mine).await, house.leave(&other).await);
        let pairs = house.bank.approve(&mine.url);
        // Another flow's cookie alone does not open it.
        let outcome = house.come_back(&pairs, &[other.cookie.expose()]).await;
        assert!(
            matches!(outcome, CallbackOutcome::OtherBrowser),
            "{outcome:?}"
        );
        let outcome = house.come_back(&pairs, &[]).await;
        assert!(
            matches!(outcome, CallbackOutcome::OtherBrowser),
            "{outcome:?}"
        );
        // Another registration's redirect URI is another bank's.
        let elsewhere = RegistrationId(uuid::Uuid::from_u128(9));
        let refs = pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let cookies = [mine.cookie.expose()];
        let visitor = visitor();
        let outcome = house
            .vault
            .callback(elsewhere, refs, (&cookies[..], &visitor))
            .await;
        assert!(matches!(outcome.unwrap(), CallbackOutcome::Forged));
        for forged in [
            vec![],
            vec![
                ("state".to_owned(), "x".repeat(43)),
                ("code".to_owned(), "c".to_owned()),
            ],
            [pairs.clone(), pairs.clone()].concat(),
        ] {
            let outcome = house.come_back(&forged, &cookies).await;
            assert!(matches!(outcome, CallbackOutcome::Forged), "{outcome:?}");
        }
        assert_eq!(house.bank.calls("exchange"), 0);
        // With all cookies of the browser, in any order, it is found.
        let both = [other.cookie.expose(), mine.cookie.expose()];
        let outcome = house.come_back(&pairs, &both).await;
        assert!(matches!(outcome, CallbackOutcome::Ended(_)), "{outcome:?}");
        let pairs = house.bank.approve(&other.url);
        let outcome = house.come_back(&pairs, &both).await;
        assert!(matches!(outcome, CallbackOutcome::Ended(_)), "{outcome:?}");
        house.ledger().await;
    }
}

#[tokio::test]
async fn a_reloaded_callback_shows_the_same_end_and_exchanges_nothing() {
    for house in houses().await {
        let started = house.start().await;
        let redirect = house.leave(&started).await;
        let pairs = house.bank.approve(&redirect.url);
        let cookies = [redirect.cookie.expose()];
        let CallbackOutcome::Ended(first) = house.come_back(&pairs, &cookies).await else {
            panic!("not ended");
        };
        let CallbackOutcome::AlreadyUsed(again) = house.come_back(&pairs, &cookies).await else {
            panic!("not used");
        };
        assert_eq!(first.return_url, again.return_url);
        // Who has the address alone does not get the result.
        let CallbackOutcome::AlreadyUsed(foreign) = house.come_back(&pairs, &[]).await else {
            panic!("not used");
        };
        assert_eq!(code_of(&foreign), "");
        assert_eq!(house.bank.calls("exchange"), 1);
    }
}

#[tokio::test]
async fn two_callbacks_at_once_exchange_once() {
    for house in houses().await {
        let started = house.start().await;
        let redirect = house.leave(&started).await;
        let pairs = house.bank.approve(&redirect.url);
        let cookies = [redirect.cookie.expose()];
        let both = futures_util::future::join(
            house.come_back(&pairs, &cookies),
            house.come_back(&pairs, &cookies),
        );
        let (one, other) = both.await;
        let ended = |outcome: &CallbackOutcome| matches!(outcome, CallbackOutcome::Ended(_));
        assert!(ended(&one) || ended(&other), "{one:?} {other:?}");
        assert_eq!(house.bank.calls("exchange"), 1);
        house.ledger().await;
    }
}

#[tokio::test]
async fn a_double_click_makes_two_good_attempts_of_one_consent() {
    for house in houses().await {
        let started = house.start().await;
        let token = page_token(&started);
        let secret = house.vault.browser_secret();
        let visitor = visitor();
        let departure = Departure {
            browser: Some(secret.expose()),
            visitor: &visitor,
            text_shown_sha256: None,
            locale: None,
        };
        let (one, other) = futures_util::future::join(
            house.vault.continue_to_bank(&token, &departure),
            house.vault.continue_to_bank(&token, &departure),
        )
        .await;
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_ne!(one.url, other.url);
        assert_eq!(one.cookie, other.cookie);
        let foreign = Departure {
            browser: Some("another-browsers-secret"),
            ..departure.clone()
        };
        let refused = house
            .vault
            .continue_to_bank(&token, &foreign)
            .await
            .unwrap_err();
        assert!(matches!(refused, PageError::OtherBrowser));
        // The earlier attempt comes back and counts; the later one shows how it ended.
        let pairs = house.bank.approve(&one.url);
        let outcome = house.come_back(&pairs, &[secret.expose()]).await;
        assert!(matches!(outcome, CallbackOutcome::Ended(_)), "{outcome:?}");
        let pairs = house.bank.approve(&other.url);
        let outcome = house.come_back(&pairs, &[secret.expose()]).await;
        assert!(
            matches!(outcome, CallbackOutcome::AlreadyUsed(_)),
            "{outcome:?}"
        );
        assert_eq!(house.bank.calls("exchange"), 1);
        house.ledger().await;
    }
}

#[tokio::test]
async fn a_session_has_five_attempts() {
    for house in houses().await {
        let started = house.start().await;
        let redirect = house.leave(&started).await;
        let departure = Departure {
            browser: Some(redirect.cookie.expose()),
            visitor: &visitor(),
            text_shown_sha256: None,
            locale: None,
        };
        let token = page_token(&started);
        for _ in 2..=machine::ATTEMPTS_MAX {
            house
                .vault
                .continue_to_bank(&token, &departure)
                .await
                .unwrap();
        }
        let refused = house
            .vault
            .continue_to_bank(&token, &departure)
            .await
            .unwrap_err();
        assert!(matches!(refused, PageError::NoAttemptLeft), "{refused:?}");
        assert_eq!(house.bank.calls("consent"), machine::ATTEMPTS_MAX);
    }
}

#[tokio::test]
async fn a_process_that_dies_before_the_exchange_fails_the_consent_and_never_asks_again() {
    for house in houses().await {
        house.bank.play(Mischief::HangTokens);
        let started = house.start().await;
        let redirect = house.leave(&started).await;
        let pairs = house.bank.approve(&redirect.url);
        let cookies = [redirect.cookie.expose()];
        // The callback is cut while the bank is silent: nothing of it survives but the store.
        tokio::select! {
            outcome = house.come_back(&pairs, &cookies) => panic!("{outcome:?}"),
            () = house.bank.token_asked.notified() => {}
        }
        let consent = house.consent_of(&started).await;
        assert_eq!(house.state(consent).await, ConsentState::Exchanging);
        let outcome = house.come_back(&pairs, &cookies).await;
        assert!(
            matches!(outcome, CallbackOutcome::Exchanging(_)),
            "{outcome:?}"
        );
        house.bank.play(Mischief::None);
        let (_, survivor) = house.other_process().await;
        house.clock.advance_seconds(EXCHANGE_SECONDS_MAX);
        let watch = claim(&house, jobs::SETTLE_INTERRUPTED).await.unwrap();
        let payload: jobs::AttemptPayload = jobs::read(&watch.payload).unwrap();
        let settled = survivor
            .settle_interrupted(house.tenant, payload.attempt)
            .await
            .unwrap();
        assert!(settled);
        assert!(
            !survivor
                .settle_interrupted(house.tenant, payload.attempt)
                .await
                .unwrap()
        );
        let stored = house.consent(consent).await.consent;
        assert_eq!(stored.state, ConsentState::Failed);
        assert_eq!(stored.reason, Some(TerminationReason::Interrupted));
        let outcome = house.come_back(&pairs, &cookies).await;
        let CallbackOutcome::AlreadyUsed(ended) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(ended.ended, EndedAs::Failed);
        assert_eq!(house.bank.calls("exchange"), 0);
        house.ledger().await;
        // The answer comes all the same: its grant is given back and stored nowhere.
        house.bank.resume.notify_one();
        house.bank.revoked.notified().await;
        assert_eq!(house.bank.calls("exchange"), 1);
        assert_eq!(house.state(consent).await, ConsentState::Failed);
        let mut read = house.db.read(house.tenant).await.unwrap();
        assert!(
            grant::by_consent(&mut read, consent)
                .await
                .unwrap()
                .is_none()
        );
    }
}

#[tokio::test]
async fn a_bank_that_fails_at_the_exchange_fails_the_session() {
    for house in houses().await {
        house.bank.play(Mischief::TokensDown);
        let started = house.start().await;
        let redirect = house.leave(&started).await;
        let pairs = house.bank.approve(&redirect.url);
        let outcome = house.come_back(&pairs, &[redirect.cookie.expose()]).await;
        let CallbackOutcome::Ended(ended) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(ended.reason, Some(TerminationReason::BankError));
        assert_eq!(house.bank.calls("exchange"), 1);
        house.ledger().await;
    }
}

#[tokio::test]
async fn a_missing_signatory_is_waited_for_and_the_link_works_afterwards() {
    for house in houses().await {
        let started = house.start().await;
        let redirect = house.leave(&started).await;
        let pairs = house.bank.approve(&redirect.url);
        house.bank.set_consents("partiallyAuthorised");
        let cookies = [redirect.cookie.expose()];
        let outcome = house.come_back(&pairs, &cookies).await;
        assert!(
            matches!(outcome, CallbackOutcome::Exchanging(_)),
            "{outcome:?}"
        );
        let consent = house.consent_of(&started).await;
        assert_eq!(house.state(consent).await, ConsentState::Exchanging);
        house.clock.advance_seconds(360);
        let poll = claim(&house, jobs::POLL_CONSENT).await.unwrap();
        let payload: jobs::PollPayload = jobs::read(&poll.payload).unwrap();
        // The exchange is done: nobody may call it interrupted.
        let settled = house
            .vault
            .settle_interrupted(house.tenant, payload.attempt)
            .await;
        assert!(!settled.unwrap());
        house.bank.set_consents("valid");
        house
            .vault
            .poll_consent(house.tenant, payload)
            .await
            .unwrap();
        assert_eq!(house.state(consent).await, ConsentState::Active);
        let outcome = house.come_back(&pairs, &cookies).await;
        assert!(
            matches!(outcome, CallbackOutcome::AlreadyUsed(_)),
            "{outcome:?}"
        );
        house.ledger().await;
    }
}

/// Comes back from the bank, which then says `word` of the consent; answers with the first poll.
async fn come_back_to(house: &House, word: &'static str) -> (ConsentId, jobs::PollPayload) {
    let started = house.start().await;
    let redirect = house.leave(&started).await;
    let pairs = house.bank.approve(&redirect.url);
    house.bank.set_consents(word);
    let outcome = house.come_back(&pairs, &[redirect.cookie.expose()]).await;
    assert!(
        matches!(outcome, CallbackOutcome::Exchanging(_)),
        "{outcome:?}"
    );
    let consent = house.consent_of(&started).await;
    assert_eq!(house.state(consent).await, ConsentState::Exchanging);
    house.clock.advance_seconds(360);
    let poll = claim(house, jobs::POLL_CONSENT).await.unwrap();
    (consent, jobs::read(&poll.payload).unwrap())
}

#[tokio::test]
async fn a_word_that_nobody_knows_is_waited_out() {
    for house in houses().await {
        let (consent, payload) = come_back_to(&house, "dormant").await;
        let ask = |payload| house.vault.poll_consent(house.tenant, payload);
        ask(payload).await.unwrap();
        assert_eq!(house.state(consent).await, ConsentState::Exchanging);
        house.bank.set_consents("valid");
        ask(payload).await.unwrap();
        assert_eq!(house.state(consent).await, ConsentState::Active);
        house.ledger().await;
    }
}

#[tokio::test]
async fn a_word_that_nobody_knows_never_comes_to_count_as_good() {
    for house in houses().await {
        let (consent, payload) = come_back_to(&house, "dormant").await;
        for (polls, state) in [
            (POLLS_MAX - 2, ConsentState::Exchanging),
            (POLLS_MAX - 1, ConsentState::Failed),
        ] {
            let payload = jobs::PollPayload { polls, ..payload };
            house
                .vault
                .poll_consent(house.tenant, payload)
                .await
                .unwrap();
            assert_eq!(house.state(consent).await, state, "{polls}");
        }
        house.ledger().await;
    }
}

#[tokio::test]
async fn a_consent_that_the_bank_terminated_at_once_is_not_in_force() {
    for house in houses().await {
        let started = house.start().await;
        let redirect = house.leave(&started).await;
        let pairs = house.bank.approve(&redirect.url);
        house.bank.set_consents("terminatedByAspsp");
        house.come_back(&pairs, &[redirect.cookie.expose()]).await;
        let consent = house.consent_of(&started).await;
        assert_eq!(house.state(consent).await, ConsentState::Failed);
        house.ledger().await;
    }
}
