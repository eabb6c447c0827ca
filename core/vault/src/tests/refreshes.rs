//! Refreshes: one call per generation, and one clear outcome whatever happens to its answer.

use fondaco_model::v1::ConsentState;
use fondaco_model::{Fault, FaultKind, Retry};

use super::bank::Mischief;
use super::*;
use crate::machine::EVIDENCE_SECONDS_MIN;
use crate::refresh::{LEASE_SECONDS, LOST_SECONDS};

/// Tasks that want one token, over two processes.
const REFRESHERS: usize = 64;

async fn refreshed(vault: &Vault, house: &House, linked: &Linked, stale: &Secret) -> Secret {
    vault
        .inner
        .refreshed(house.tenant, linked.grant, stale)
        .await
        .unwrap()
}

async fn refused(house: &House, linked: &Linked, stale: &Secret) -> Fault {
    let asked = house
        .vault
        .inner
        .refreshed(house.tenant, linked.grant, stale)
        .await;
    asked.unwrap_err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_refreshers_in_two_processes_ask_once_per_generation() {
    for house in houses().await {
        let linked = house.linked().await;
        let (_, other) = house.other_process().await;
        let mut stale = house.access_token(linked.grant).await;
        for generation in 1..=3_u32 {
            let mut tasks = Vec::new();
            for number in 0..REFRESHERS {
                let vault = if number % 2 == 0 {
                    &house.vault
                } else {
                    &other
                };
                let (inner, stale) = (Arc::clone(&vault.inner), stale.clone());
                let (tenant, grant) = (house.tenant, linked.grant);
                tasks.push(tokio::spawn(async move {
                    inner.refreshed(tenant, grant, &stale).await.unwrap()
                }));
            }
            let mut answers = Vec::new();
            for task in tasks {
                answers.push(task.await.unwrap());
            }
            assert_eq!(
                house.bank.calls("refresh"),
                generation,
                "{}",
                house.db.name()
            );
            assert!(
                answers
                    .iter()
                    .all(|token| *token == answers[0] && *token != stale)
            );
            stale = answers.remove(0);
            assert_eq!(
                house.grant(linked.grant).await.generation,
                i64::from(generation) + 1
            );
        }
        assert_eq!(house.state(linked.consent).await, ConsentState::Active);
        house.ledger().await;
    }
}

#[tokio::test]
async fn a_token_that_runs_out_is_refreshed_before_it_is_lent() {
    for house in houses().await {
        let linked = house.linked().await;
        let first = house.access_token(linked.grant).await;
        house.clock.advance_seconds(269);
        assert_eq!(house.access_token(linked.grant).await, first);
        house.clock.advance_seconds(1);
        assert_ne!(house.access_token(linked.grant).await, first);
        assert_eq!(house.bank.calls("refresh"), 1);
    }
}

#[tokio::test]
async fn a_loser_of_a_race_takes_the_winners_token_and_asks_nobody() {
    for house in houses().await {
        let linked = house.linked().await;
        let (_, other) = house.other_process().await;
        let stale = house.access_token(linked.grant).await;
        let fresh = refreshed(&house.vault, &house, &linked, &stale).await;
        assert_eq!(refreshed(&other, &house, &linked, &stale).await, fresh);
        assert_eq!(house.bank.calls("refresh"), 1);
    }
}

#[tokio::test]
async fn a_refused_refresh_is_evidence_once_and_conclusive_when_it_is_confirmed() {
    for house in houses().await {
        let linked = house.linked().await;
        let stale = house.access_token(linked.grant).await;
        house.bank.play(Mischief::RefuseRefreshes);
        let fault = refused(&house, &linked, &stale).await;
        assert_eq!(fault.kind, FaultKind::AuthRevoked);
        assert_eq!(house.state(linked.consent).await, ConsentState::Active);
        // Nobody asks again until the evidence can be confirmed.
        for _ in 0..10 {
            let fault = refused(&house, &linked, &stale).await;
            assert!(matches!(fault.retry, Retry::After(_)), "{fault}");
        }
        assert_eq!(house.bank.calls("refresh"), 1);
        house.clock.advance_seconds(EVIDENCE_SECONDS_MIN);
        let fault = refused(&house, &linked, &stale).await;
        assert_eq!(fault.kind, FaultKind::UserActionRequired);
        assert_eq!(
            house.state(linked.consent).await,
            ConsentState::ReauthRequired
        );
        refused(&house, &linked, &stale).await;
        assert_eq!(house.bank.calls("refresh"), 2);
        house.ledger().await;
    }
}

#[tokio::test]
async fn a_refusal_that_was_no_end_heals_with_the_next_good_read() {
    for house in houses().await {
        let linked = house.linked().await;
        let fault = Fault::new(FaultKind::UserActionRequired, "test");
        house
            .vault
            .read_failed(house.tenant, linked.consent, &fault)
            .await
            .unwrap();
        assert_eq!(
            house.state(linked.consent).await,
            ConsentState::ReauthRequired
        );
        house
            .vault
            .read_succeeded(house.tenant, linked.consent)
            .await
            .unwrap();
        let stored = house.consent(linked.consent).await;
        assert_eq!(stored.consent.state, ConsentState::Active);
        assert_eq!(stored.reauth_evidence_at, None);
        for kind in [
            FaultKind::RateLimited,
            FaultKind::ProviderDown,
            FaultKind::NotFoundOrGone,
        ] {
            let fault = Fault::new(kind, "test");
            house
                .vault
                .read_failed(house.tenant, linked.consent, &fault)
                .await
                .unwrap();
        }
        assert_eq!(house.consent(linked.consent).await, stored);
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_once_more_where_the_bank_has_a_grace_period() {
    for house in houses().await {
        house.bank.grace();
        let linked = house.linked().await;
        let stale = house.access_token(linked.grant).await;
        house.bank.play(Mischief::LoseTokenAnswer);
        assert_eq!(
            refused(&house, &linked, &stale).await.kind,
            FaultKind::ProviderDown
        );
        // No storm: nobody asks again before the wait is over.
        for _ in 0..10 {
            let fault = refused(&house, &linked, &stale).await;
            assert_eq!(fault.get("reason"), Some("answer_was_lost"));
        }
        assert_eq!(house.bank.calls("refresh"), 1);
        house.clock.advance_seconds(LOST_SECONDS);
        let fresh = refreshed(&house.vault, &house, &linked, &stale).await;
        assert_ne!(fresh, stale);
        assert_eq!(house.bank.calls("refresh"), 2);
        assert_eq!(house.state(linked.consent).await, ConsentState::Active);
        house.ledger().await;
    }
}

#[tokio::test]
async fn a_lost_answer_of_a_strict_bank_ends_in_reauthentication_after_two_calls() {
    for house in houses().await {
        let linked = house.linked().await;
        let stale = house.access_token(linked.grant).await;
        house.bank.play(Mischief::LoseTokenAnswer);
        refused(&house, &linked, &stale).await;
        house.clock.advance_seconds(LOST_SECONDS);
        let fault = refused(&house, &linked, &stale).await;
        assert_eq!(fault.kind, FaultKind::UserActionRequired);
        assert_eq!(
            house.state(linked.consent).await,
            ConsentState::ReauthRequired
        );
        for _ in 0..10 {
            refused(&house, &linked, &stale).await;
        }
        assert_eq!(house.bank.calls("refresh"), 2);
        house.ledger().await;
    }
}

#[tokio::test]
async fn a_bank_that_is_down_never_ends_a_consent() {
    for house in houses().await {
        let linked = house.linked().await;
        let stale = house.access_token(linked.grant).await;
        house.bank.play(Mischief::TokensDown);
        let mut calls = 0;
        for round in 0..8 {
            let fault = refused(&house, &linked, &stale).await;
            assert_eq!(fault.kind, FaultKind::ProviderDown, "round {round}");
            house.clock.advance_seconds(LOST_SECONDS);
            calls = house.bank.calls("refresh");
        }
        assert!(calls <= 4, "waits grow: {calls}");
        assert_eq!(house.state(linked.consent).await, ConsentState::Active);
        house.bank.play(Mischief::None);
        house.clock.advance_seconds(3_600);
        refreshed(&house.vault, &house, &linked, &stale).await;
    }
}

#[tokio::test]
async fn a_refresher_that_dies_leaves_a_lease_that_runs_out() {
    for house in houses().await {
        house.bank.grace();
        let linked = house.linked().await;
        let stale = house.access_token(linked.grant).await;
        let now = house.vault.effects().now();
        let lease = grant::Lease {
            owner: "run:0:a process that is gone",
            now,
            until: now.plus_seconds(LEASE_SECONDS),
        };
        let taken = fondaco_store::in_tx!(house.db, house.tenant, |tx| {
            grant::take_lease(tx, linked.grant, lease).await
        });
        assert!(taken.unwrap());
        let fault = refused(&house, &linked, &stale).await;
        assert_eq!(fault.get("reason"), Some("lease_busy"));
        assert_eq!(house.bank.calls("refresh"), 0);
        house.clock.advance_seconds(LEASE_SECONDS);
        refreshed(&house.vault, &house, &linked, &stale).await;
        assert_eq!(house.bank.calls("refresh"), 1);
    }
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_cut_the_refresh() {
    for house in houses().await {
        let linked = house.linked().await;
        // The code's exchange rang as well.
        house.bank.token_asked.notified().await;
        let stale = house.access_token(linked.grant).await;
        tokio::select! {
            biased;
            token = refreshed(&house.vault, &house, &linked, &stale) => panic!("{token:?}"),
            () = house.bank.token_asked.notified() => {}
        }
        let fresh = refreshed(&house.vault, &house, &linked, &stale).await;
        assert_ne!(fresh, stale);
        assert_eq!(house.bank.calls("refresh"), 1);
    }
}
