//! Disconnecting, expiry, and what happens to the grant.

use fondaco_model::v1::{ConsentRevocation, ConsentState, RevokedBy, TerminationReason};
use fondaco_model::{Fault, FaultKind};
use fondaco_store::in_tx;
use fondaco_store::repo::Scope;
use fondaco_store::repo::{end_user, job};

use super::bank::Mischief;
use super::*;

async fn disconnect(house: &House, link: LinkId) -> Disconnected {
    let at = (Scope::Tenant, link);
    house
        .vault
        .disconnect(house.tenant, at, RevokedBy::EndUserHere)
        .await
        .unwrap()
}

#[tokio::test]
async fn disconnecting_works_here_at_once_and_at_the_bank_by_its_job() {
    for house in houses().await {
        let linked = house.linked().await;
        assert_eq!(disconnect(&house, linked.link).await, Disconnected::Now);
        assert_eq!(disconnect(&house, linked.link).await, Disconnected::Before);
        assert_eq!(house.state(linked.consent).await, ConsentState::Revoked);
        let lent = house.vault.inner.token_of(house.tenant, linked.grant).await;
        assert!(lent.is_err(), "nobody reads with it any more");
        let revocation = async || house.consent(linked.consent).await.consent.revocation;
        assert_eq!(revocation().await, ConsentRevocation::Pending);
        let told = house
            .vault
            .revoke_at_bank(house.tenant, linked.consent)
            .await
            .unwrap();
        assert!(matches!(told, Revocation::Done), "{told:?}");
        assert_eq!(house.bank.consent_states(), ["terminatedByTpp"]);
        assert_eq!(house.bank.calls("revoke"), 1);
        assert!(house.grant(linked.grant).await.document_sealed.is_none());
        assert_eq!(revocation().await, ConsentRevocation::Done);
        let again = house
            .vault
            .revoke_at_bank(house.tenant, linked.consent)
            .await
            .unwrap();
        assert!(matches!(again, Revocation::NothingToTell));
        let words = house.ledger().await;
        assert!(words.iter().any(|word| word == "consent.revoked_at_bank"));
    }
}

#[tokio::test]
async fn a_revocation_that_cannot_be_told_here_any_more_ends_with_the_same_time() {
    for house in houses().await {
        let linked = house.linked().await;
        disconnect(&house, linked.link).await;
        let vault = house.without_institutions();
        let tell = async || vault.revoke_at_bank(house.tenant, linked.consent).await;
        house.clock.advance_seconds(REVOKE_SECONDS_MAX - 1);
        assert!(matches!(tell().await.unwrap(), Revocation::Again(..)));
        assert!(house.grant(linked.grant).await.document_sealed.is_some());
        house.clock.advance_seconds(1);
        assert!(matches!(tell().await.unwrap(), Revocation::GivenUp));
        assert!(house.grant(linked.grant).await.document_sealed.is_none());
    }
}

#[tokio::test]
async fn a_revocation_that_lost_its_job_is_asked_for_again_once() {
    for house in houses().await {
        let linked = house.linked().await;
        disconnect(&house, linked.link).await;
        let remind = async || house.vault.remind_revocations(house.tenant, 10).await;
        assert_eq!(remind().await.unwrap(), 0, "its own job waits");
        let key = crate::consents::revocation_key(linked.consent);
        let now = house.vault.effects().now();
        in_tx!(house.db, house.tenant, |tx| job::cancel(tx, &key, now)
            .await)
        .unwrap();
        assert_eq!(remind().await.unwrap(), 1);
        assert_eq!(remind().await.unwrap(), 0, "it waits again");
        let told = house.vault.revoke_at_bank(house.tenant, linked.consent);
        assert!(matches!(told.await.unwrap(), Revocation::Done));
        assert_eq!(remind().await.unwrap(), 0, "it is done");
    }
}

#[tokio::test]
async fn a_bank_that_does_not_take_it_is_told_again_for_72_hours() {
    for house in houses().await {
        let linked = house.linked().await;
        house.bank.play(Mischief::RevocationsDown);
        disconnect(&house, linked.link).await;
        let told = house
            .vault
            .revoke_at_bank(house.tenant, linked.consent)
            .await
            .unwrap();
        assert!(matches!(told, Revocation::Again(..)), "{told:?}");
        assert!(house.grant(linked.grant).await.document_sealed.is_some());
        house.clock.advance_seconds(REVOKE_SECONDS_MAX - 1);
        let told = house
            .vault
            .revoke_at_bank(house.tenant, linked.consent)
            .await
            .unwrap();
        assert!(matches!(told, Revocation::Again(..)), "{told:?}");
        let waiting = house.consent(linked.consent).await.consent;
        assert_eq!(waiting.revocation, ConsentRevocation::Pending);
        house.clock.advance_seconds(1);
        let told = house
            .vault
            .revoke_at_bank(house.tenant, linked.consent)
            .await
            .unwrap();
        assert!(matches!(told, Revocation::GivenUp), "{told:?}");
        let given_up = house.consent(linked.consent).await.consent;
        assert_eq!(given_up.revocation, ConsentRevocation::GivenUp);
        let words = house.ledger().await;
        assert!(
            words
                .iter()
                .any(|word| word == "consent.revocation_given_up")
        );
        assert!(house.grant(linked.grant).await.document_sealed.is_none());
        house.ledger().await;
    }
}

#[tokio::test]
async fn a_bank_that_comes_back_is_told_then() {
    for house in houses().await {
        let linked = house.linked().await;
        house.bank.play(Mischief::RevocationsDown);
        disconnect(&house, linked.link).await;
        house
            .vault
            .revoke_at_bank(house.tenant, linked.consent)
            .await
            .unwrap();
        house.bank.play(Mischief::None);
        let told = house
            .vault
            .revoke_at_bank(house.tenant, linked.consent)
            .await
            .unwrap();
        assert!(matches!(told, Revocation::Done), "{told:?}");
        assert_eq!(house.bank.consent_states(), ["terminatedByTpp"]);
    }
}

#[tokio::test]
async fn nobody_disconnects_a_link_that_they_do_not_see() {
    for house in houses().await {
        let linked = house.linked().await;
        let mode = fondaco_store::repo::tenant::Mode::Test;
        let other = house
            .vault
            .create_tenant(&new_tenant(mode))
            .await
            .unwrap()
            .id;
        let stranger = fondaco_model::ids::EndUserId(uuid::Uuid::from_u128(3));
        for (tenant, scope) in [
            (other, Scope::Tenant),
            (house.tenant, Scope::EndUser(stranger)),
        ] {
            let by = RevokedBy::Client;
            let refused = house
                .vault
                .disconnect(tenant, (scope, linked.link), by)
                .await;
            assert!(matches!(refused, Err(VaultError::NotFound)));
        }
        assert_eq!(house.state(linked.consent).await, ConsentState::Active);
        // The token is lent to its own tenant alone.
        assert!(
            house
                .vault
                .inner
                .token_of(other, linked.grant)
                .await
                .is_err()
        );
    }
}

#[tokio::test]
async fn the_last_granted_day_is_a_day_of_the_consent_and_the_next_is_not() {
    for house in houses().await {
        let linked = house.linked().await;
        let last: Instant = "2026-04-01T23:59:59Z".parse().unwrap();
        house
            .clock
            .advance_seconds(last.seconds_since(house.vault.effects().now()));
        assert_eq!(
            house.vault.expire_consents(house.tenant, 10).await.unwrap(),
            0
        );
        house.clock.advance_seconds(1);
        assert_eq!(
            house.vault.expire_consents(house.tenant, 10).await.unwrap(),
            1
        );
        assert_eq!(house.state(linked.consent).await, ConsentState::Expired);
        assert!(house.grant(linked.grant).await.destroyed_at.is_some());
        assert_eq!(
            house.vault.expire_consents(house.tenant, 10).await.unwrap(),
            0
        );
        house.ledger().await;
    }
}

#[tokio::test]
async fn a_person_is_made_once_by_the_tenants_own_reference() {
    for house in houses().await {
        let (one, two) = (house.start().await, house.start().await);
        assert_eq!(one.end_user, two.end_user);
        let mut read = house.db.read(house.tenant).await.unwrap();
        let people = end_user::list(&mut read, None, 10).await.unwrap();
        assert_eq!(people.len(), 1);
    }
}

#[tokio::test]
async fn a_person_who_withdrew_at_the_bank_is_believed_at_the_first_refusal() {
    for house in houses().await {
        let linked = house.linked().await;
        let refused = Fault::new(FaultKind::AuthRevoked, "test");
        let failed = || {
            house
                .vault
                .read_failed(house.tenant, linked.consent, &refused)
        };
        // The bank says that the consent stands: one refusal proves nothing.
        assert_eq!(failed().await.unwrap(), ConsentState::Active);
        house.bank.set_consents("revokedByPsu");
        assert_eq!(failed().await.unwrap(), ConsentState::Revoked);
        let stored = house.consent(linked.consent).await;
        assert_eq!(
            stored.consent.reason,
            Some(TerminationReason::EndUserAtBank)
        );
        let revocation = stored.consent.revocation;
        assert_eq!(revocation, ConsentRevocation::NotNeeded, "the bank knows");
        house.ledger().await;
    }
}

#[tokio::test]
async fn the_banks_word_ends_a_consent_and_an_unknown_word_does_not() {
    use ConsentState::{Active, Expired, Revoked};
    for house in houses().await {
        for (word, state, reason) in [
            ("valid", Active, None),
            ("received", Active, None),
            ("partiallyAuthorised", Active, None),
            ("dormant", Active, None),
            ("terminatedByAspsp", Revoked, Some(TerminationReason::Bank)),
            ("terminatedByTpp", Revoked, Some(TerminationReason::Bank)),
            ("rejected", Revoked, Some(TerminationReason::Bank)),
            (
                "revokedByPsu",
                Revoked,
                Some(TerminationReason::EndUserAtBank),
            ),
            ("expired", Expired, Some(TerminationReason::TimeOver)),
        ] {
            let linked = house.linked().await;
            house.bank.set_consents(word);
            let refused = Fault::new(FaultKind::AuthRevoked, "test");
            let failed = house
                .vault
                .read_failed(house.tenant, linked.consent, &refused);
            assert_eq!(failed.await.unwrap(), state, "{word}");
            let stored = house.consent(linked.consent).await;
            assert_eq!(stored.consent.reason, reason, "{word}");
        }
        house.ledger().await;
    }
}
