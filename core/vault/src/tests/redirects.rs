//! Banks without tokens: the consent itself is the credential.

use fondaco_model::v1::{ConsentRevocation, ConsentState, RevokedBy, TerminationReason};
use fondaco_model::{Fault, FaultKind};
use fondaco_store::repo::Scope;
use fondaco_store::repo::job;

use super::bank::Mischief;
use super::*;
use crate::jobs::{POLL_CONSENT, PollPayload};

const REDIRECT_BANK: &str = "sandbox_redirect_bank";

/// A person on the way through the redirect bank.
struct Away {
    registration: RegistrationId,
    started: Started,
    redirect: Redirect,
}

async fn leave(house: &House) -> Away {
    let new = NewRegistration {
        owner: Owner::Operator,
        institution_id: REDIRECT_BANK.to_owned(),
        environment: "sandbox".to_owned(),
        client_id: bank::CLIENT.to_owned(),
        client_secret: None,
    };
    let registration = house.vault.add_registration(&new).await.unwrap().id;
    let start = StartLink {
        end_user_ref: "customer 7",
        institution_id: Some(REDIRECT_BANK),
        return_url: RETURN_URL,
        locale: None,
        scopes: &[],
        history_from: None,
        link_id: None,
        request_id: Some("req-1"),
        api_key: Some(house.key.id),
    };
    let started = house.vault.start_link(house.tenant, &start).await.unwrap();
    let redirect = house.leave(&started).await;
    Away {
        registration,
        started,
        redirect,
    }
}

impl Away {
    async fn back(&self, house: &House, pairs: &[(String, String)]) -> CallbackOutcome {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let cookies = [self.redirect.cookie.expose()];
        let with = (&cookies[..], &visitor());
        house
            .vault
            .callback(self.registration, pairs, with)
            .await
            .unwrap()
    }

    /// The whole way: link and consent in force.
    async fn approve(&self, house: &House) -> (LinkId, ConsentId) {
        let pairs = house.bank.approve_redirect(&self.redirect.url, "valid");
        let CallbackOutcome::Ended(ended) = self.back(house, &pairs).await else {
            panic!("not ended");
        };
        assert_eq!(ended.ended, EndedAs::Succeeded, "{:?}", ended.reason);
        (ended.link.unwrap(), house.consent_of(&self.started).await)
    }
}

#[tokio::test]
async fn a_consent_without_tokens_is_read_with_and_revoked_at_the_bank() {
    for house in houses().await {
        let (link, consent) = leave(&house).await.approve(&house).await;
        let stored = house.consent(consent).await;
        assert_eq!(stored.consent.state, ConsentState::Active);
        let until = stored.consent.granted_until;
        assert_eq!(until, "2026-04-01".parse().ok(), "what the bank granted");
        assert_eq!(
            house.bank.calls("exchange") + house.bank.calls("refresh"),
            0
        );

        let access = house.vault.read_access(house.tenant, link).await.unwrap();
        let access = access.unwrap();
        let reference = access.consent_ref.as_ref().map(Secret::expose);
        assert_eq!(reference, Some("consent-1"));
        // Nothing waits to be refreshed: there is no token that runs out.
        let mut read = house.db.read(house.tenant).await.unwrap();
        let row = grant::by_consent(&mut read, consent).await.unwrap();
        assert!(row.is_none_or(|row| !row.refreshable && row.access_expires_at.is_none()));
        drop(read);

        let at = (Scope::Tenant, link);
        let by = RevokedBy::EndUserHere;
        let ended = house.vault.disconnect(house.tenant, at, by).await.unwrap();
        assert_eq!(ended, Disconnected::Now);
        let access = house.vault.read_access(house.tenant, link).await.unwrap();
        assert!(access.is_none(), "nobody reads with it any more");
        let pending = house.consent(consent).await.consent.revocation;
        assert_eq!(pending, ConsentRevocation::Pending);
        let told = house.vault.revoke_at_bank(house.tenant, consent).await;
        assert!(matches!(told, Ok(Revocation::Done)), "{told:?}");
        assert_eq!(house.bank.consent_states(), ["terminatedByTpp"]);
        assert_eq!(house.bank.calls("revoke"), 0, "there is no token to revoke");
        let done = house.consent(consent).await.consent.revocation;
        assert_eq!(done, ConsentRevocation::Done);
        house.ledger().await;
    }
}

#[tokio::test]
async fn a_bank_that_forgot_the_consent_knows_that_it_is_over() {
    for house in houses().await {
        let (link, consent) = leave(&house).await.approve(&house).await;
        house.bank.forget_consents();
        let at = (Scope::Tenant, link);
        let by = RevokedBy::Client;
        house.vault.disconnect(house.tenant, at, by).await.unwrap();
        let told = house.vault.revoke_at_bank(house.tenant, consent).await;
        assert!(matches!(told, Ok(Revocation::Done)), "{told:?}");
    }
}

#[tokio::test]
async fn a_bank_that_has_not_decided_is_asked_again_until_it_has() {
    for house in houses().await {
        let away = leave(&house).await;
        let pairs = house.bank.approve_redirect(&away.redirect.url, "received");
        let outcome = away.back(&house, &pairs).await;
        assert!(matches!(outcome, CallbackOutcome::Exchanging(_)));
        let consent = house.consent_of(&away.started).await;
        assert_eq!(house.state(consent).await, ConsentState::Exchanging);
        for (word, state) in [
            ("received", ConsentState::Exchanging),
            ("valid", ConsentState::Active),
        ] {
            house.bank.set_consents(word);
            house.clock.advance_seconds(60);
            let payload = poll_of(&house).await;
            let polled = house.vault.poll_consent(house.tenant, payload).await;
            polled.unwrap();
            assert_eq!(house.state(consent).await, state, "{word}");
        }
        house.ledger().await;
    }
}

/// What the job that asks again was given.
async fn poll_of(house: &House) -> PollPayload {
    let now = house.vault.effects().now();
    let claim = job::Claim {
        owner: "test",
        now,
        until: now.plus_seconds(60),
    };
    loop {
        let found = job::claim(&house.db, claim).await.unwrap();
        let found = found.expect("an undecided consent leaves a job");
        if found.kind == POLL_CONSENT {
            return jobs::read(&found.payload).unwrap();
        }
    }
}

#[tokio::test]
async fn a_person_who_declines_is_believed_and_the_consent_deleted_at_the_bank() {
    for house in houses().await {
        let away = leave(&house).await;
        let mut pairs = house.bank.approve_redirect(&away.redirect.url, "rejected");
        pairs.push(("error".to_owned(), "access_denied".to_owned()));
        let CallbackOutcome::Ended(ended) = away.back(&house, &pairs).await else {
            panic!("not ended");
        };
        assert_eq!(ended.ended, EndedAs::Denied);
        assert_eq!(ended.reason, Some(TerminationReason::UserDenied));
        let consent = house.consent_of(&away.started).await;
        assert_eq!(house.state(consent).await, ConsentState::Rejected);
        let told = house.vault.revoke_at_bank(house.tenant, consent).await;
        assert!(matches!(told, Ok(Revocation::Done)), "{told:?}");
    }
}

#[tokio::test]
async fn a_consent_that_nobody_authorised_is_left_where_the_bank_keeps_it() {
    for house in houses().await {
        let away = leave(&house).await;
        let mut pairs = house.bank.approve_redirect(&away.redirect.url, "received");
        pairs.push(("error".to_owned(), "access_denied".to_owned()));
        away.back(&house, &pairs).await;
        let consent = house.consent_of(&away.started).await;
        house.bank.play(Mischief::RefuseDeletions);
        let told = house.vault.revoke_at_bank(house.tenant, consent).await;
        assert!(matches!(told, Ok(Revocation::LeftAtBank)), "{told:?}");
        let revocation = house.consent(consent).await.consent.revocation;
        assert_eq!(revocation, ConsentRevocation::NotNeeded);
        let words = house.ledger().await;
        assert!(words.iter().any(|word| word == "consent.left_at_bank"));
        assert!(!words.iter().any(|word| word == "consent.revoked_at_bank"));
    }
}

#[tokio::test]
async fn the_banks_word_decides_about_a_refused_read() {
    for house in houses().await {
        let (_, consent) = leave(&house).await.approve(&house).await;
        let refused = Fault::new(FaultKind::AuthRevoked, "test");
        let read = || house.vault.read_failed(house.tenant, consent, &refused);
        assert_eq!(read().await.unwrap(), ConsentState::Active);
        house.bank.set_consents("revokedByPsu");
        assert_eq!(read().await.unwrap(), ConsentState::Revoked);
        house.ledger().await;
    }
}
