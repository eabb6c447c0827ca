//! Sessions and pages: what starts, what is shown, and how what nobody finishes ends.

use fondaco_model::v1::{ConsentState, TerminationReason};
use fondaco_store::repo::job::{self, JobState};
use fondaco_store::repo::link_session::SessionState;
use fondaco_store::repo::tenant::Mode;

use super::*;
use crate::pages::{Browser, PageError};
use crate::sessions::StartError;

#[tokio::test]
async fn who_comes_too_late_finds_an_expired_session() {
    for house in houses().await {
        let started = house.start().await;
        let redirect = house.leave(&started).await;
        let pairs = house.bank.approve(&redirect.url);
        house.clock.advance_seconds(900);
        let outcome = house.come_back(&pairs, &[redirect.cookie.expose()]).await;
        let CallbackOutcome::Ended(ended) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(ended.ended, EndedAs::Expired);
        let consent = house.consent_of(&started).await;
        assert_eq!(house.state(consent).await, ConsentState::Abandoned);
        assert_eq!(house.bank.calls("exchange"), 0);
        house.ledger().await;
    }
}

#[tokio::test]
async fn sessions_that_nobody_finishes_are_swept() {
    for house in houses().await {
        let (unopened, at_bank) = (house.start().await, house.start().await);
        house.leave(&at_bank).await;
        house
            .clock
            .advance_seconds(crate::sessions::SESSION_SECONDS);
        let swept = house.vault.sweep_sessions().await.unwrap();
        assert_eq!(
            swept,
            Swept {
                expired: 1,
                interrupted: 0
            },
            "the other may still return"
        );
        house.clock.advance_seconds(900);
        assert_eq!(house.vault.sweep_sessions().await.unwrap().expired, 1);
        for started in [&unopened, &at_bank] {
            let session = house
                .vault
                .link_session(house.tenant, started.session)
                .await
                .unwrap();
            assert_eq!(session.unwrap().state, SessionState::Expired);
        }
        let consent = house.consent_of(&at_bank).await;
        assert_eq!(house.state(consent).await, ConsentState::Abandoned);
        house.ledger().await;
    }
}

#[tokio::test]
async fn pages_show_who_asks_and_looking_binds_nobody() {
    for house in houses().await {
        let started = house.start().await;
        let token = page_token(&started);
        let view = house.vault.session_view(&token, None).await.unwrap();
        assert_eq!(view.tenant.display_name, "Example Shop");
        assert_eq!(view.browser, Browser::Unbound);
        assert_eq!(view.until.unwrap().to_string(), "2026-07-01");
        let redirect = house.leave(&started).await;
        let cookie = Some(redirect.cookie.expose());
        let same = house.vault.session_view(&token, cookie).await.unwrap();
        assert_eq!(
            (same.browser, same.state),
            (Browser::Same, SessionState::AtBank)
        );
        let other = house
            .vault
            .session_view(&token, Some("other"))
            .await
            .unwrap();
        assert_eq!(other.browser, Browser::Other);
        let unknown = house.vault.session_view("nobody", None).await.unwrap_err();
        assert!(matches!(unknown, PageError::Unknown));
        let found = house
            .vault
            .search_institutions(&token, "sandb")
            .await
            .unwrap();
        let choice = found
            .iter()
            .find(|choice| choice.institution.id == INSTITUTION)
            .unwrap();
        assert!(choice.connectable);
        assert!(found.iter().any(|choice| !choice.connectable));
    }
}

#[tokio::test]
async fn cancelling_returns_to_the_frontend_with_its_result() {
    for house in houses().await {
        let started = house.start().await;
        let redirect = house.leave(&started).await;
        let token = page_token(&started);
        let refused = house.vault.cancel(&token, Some("other")).await.unwrap_err();
        assert!(matches!(refused, PageError::OtherBrowser));
        let ended = house
            .vault
            .cancel(&token, Some(redirect.cookie.expose()))
            .await
            .unwrap();
        assert_eq!(ended.ended, EndedAs::Cancelled);
        let consent = house.consent_of(&started).await;
        assert_eq!(house.state(consent).await, ConsentState::Rejected);
        // Who approves all the same comes too late.
        let pairs = house.bank.approve(&redirect.url);
        let outcome = house.come_back(&pairs, &[redirect.cookie.expose()]).await;
        assert!(
            matches!(outcome, CallbackOutcome::AlreadyUsed(_)),
            "{outcome:?}"
        );
        assert_eq!(house.bank.calls("exchange"), 0);
        house.ledger().await;
    }
}

#[tokio::test]
async fn a_link_starts_only_with_what_the_tenant_may_ask_for() {
    for house in houses().await {
        let good = StartLink {
            end_user_ref: "x",
            institution_id: Some(INSTITUTION),
            return_url: RETURN_URL,
            locale: None,
            scopes: &[],
            history_from: None,
            link_id: None,
            request_id: None,
            api_key: None,
        };
        let code = async |tenant: TenantId, start: StartLink<'_>| {
            let refused: StartError = house.vault.start_link(tenant, &start).await.unwrap_err();
            refused.code().unwrap()
        };
        let tenant = house.tenant;
        let longer = format!("{RETURN_URL}&x=1");
        let start = StartLink {
            return_url: &longer,
            ..good.clone()
        };
        assert_eq!(code(tenant, start).await, "RETURN_URL_NOT_REGISTERED");
        let start = StartLink {
            institution_id: Some("nowhere"),
            ..good.clone()
        };
        assert_eq!(code(tenant, start).await, "INSTITUTION_UNKNOWN");
        let start = StartLink {
            institution_id: Some("sandbox_redirect_bank"),
            ..good.clone()
        };
        assert_eq!(code(tenant, start).await, "INSTITUTION_NOT_CONNECTABLE");
        let start = StartLink {
            end_user_ref: "",
            ..good.clone()
        };
        assert_eq!(code(tenant, start).await, "END_USER_REF_INVALID");
        let start = StartLink {
            locale: Some("de_AT"),
            ..good.clone()
        };
        assert_eq!(code(tenant, start).await, "LOCALE_INVALID");
        let live = house
            .vault
            .create_tenant(&new_tenant(Mode::Live))
            .await
            .unwrap()
            .id;
        assert_eq!(
            code(live, good.clone()).await,
            "INSTITUTION_NOT_CONNECTABLE"
        );
        let linked = house.linked().await;
        let start = StartLink {
            link_id: Some(linked.link),
            ..good.clone()
        };
        assert_eq!(
            code(tenant, start).await,
            "LINK_UNKNOWN",
            "another person's link"
        );
    }
}

#[tokio::test]
async fn a_renewal_keeps_the_link_and_supersedes_after_the_first_good_read() {
    for house in houses().await {
        let first = house.linked().await;
        house.clock.advance_seconds(60);
        let started = house.start_for("customer 7", Some(first.link)).await;
        let second = house.finish(&started).await;
        assert_eq!(second.link, first.link);
        assert_eq!(house.state(first.consent).await, ConsentState::Active);
        house
            .vault
            .read_succeeded(house.tenant, second.consent)
            .await
            .unwrap();
        let older = house.consent(first.consent).await.consent;
        assert_eq!(older.state, ConsentState::Superseded);
        assert_eq!(older.superseded_by, Some(second.consent));
        assert_eq!(house.state(second.consent).await, ConsentState::Active);
        assert!(house.grant(first.grant).await.destroyed_at.is_some());
        assert_eq!(
            house.bank.calls("revoke"),
            0,
            "the newer grant would die with it"
        );
        house.ledger().await;
    }
}

#[tokio::test]
async fn waiting_jobs_of_a_finished_flow_are_a_watch_and_a_first_sync() {
    for house in houses().await {
        house.linked().await;
        let mut read = house.db.read(house.tenant).await.unwrap();
        let waiting = job::count(&mut read, JobState::Waiting).await.unwrap();
        assert_eq!(waiting, 2);
    }
}

#[tokio::test]
async fn a_link_that_is_disconnected_under_way_ends_its_session() {
    for house in houses().await {
        let started = house.start().await;
        let redirect = house.leave(&started).await;
        let session = house
            .vault
            .link_session(house.tenant, started.session)
            .await
            .unwrap();
        let at = (
            fondaco_store::repo::Scope::Tenant,
            session.unwrap().link_id.unwrap(),
        );
        let by = fondaco_model::v1::RevokedBy::Client;
        house.vault.disconnect(house.tenant, at, by).await.unwrap();
        let pairs = house.bank.approve(&redirect.url);
        let outcome = house.come_back(&pairs, &[redirect.cookie.expose()]).await;
        let CallbackOutcome::AlreadyUsed(ended) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(ended.reason, Some(TerminationReason::Client));
        assert_eq!(house.bank.calls("exchange"), 0);
        house.ledger().await;
    }
}

#[tokio::test]
async fn a_reader_gets_what_it_needs_and_no_secret() {
    for house in houses().await {
        let linked = house.linked().await;
        let access = house
            .vault
            .read_access(house.tenant, linked.link)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(access.credential, linked.grant.to_string());
        let reference = access.consent_ref.as_ref().map(Secret::expose);
        assert_eq!(reference, Some("consent-1"));
        let mode = Mode::Test;
        let other = house
            .vault
            .create_tenant(&new_tenant(mode))
            .await
            .unwrap()
            .id;
        let of_other = house.vault.read_access(other, linked.link).await;
        assert!(of_other.unwrap().is_none());
    }
}
