//! A bank without tokens, from the link to the revocation.

use fondaco_model::v1::{ConsentRevocation, ConsentState, LinkHealth, RevokedBy};
use fondaco_store::repo::Scope;
use fondaco_store::testing::engines;
use fondaco_vault::{Disconnected, Revocation};

use crate::kit::Kit;

#[tokio::test]
async fn a_bank_without_tokens_is_linked_read_twice_and_told_at_the_end() {
    for db in engines().await {
        let kit = Kit::start(db, 6).await;
        let link = kit.link_at("anna", "sandbox_redirect_bank").await;
        let outcome = kit.read(link).await;
        assert!(outcome.is_complete(), "{:?}", outcome.fault);
        assert!(outcome.counts.inserted > 0);
        kit.check(link, "anna", "first").await;
        assert_eq!(kit.link_row(link).await.health, LinkHealth::Healthy);
        let again = kit.read(link).await;
        assert!(again.is_complete(), "{:?}", again.fault);
        assert_eq!((again.counts.inserted, again.counts.changed), (0, 0));
        assert_eq!(kit.bank.refreshes().await, 0);

        let consent = kit.consent_of(link).await;
        let by = RevokedBy::EndUserHere;
        let ended = kit.vault.disconnect(kit.tenant, (Scope::Tenant, link), by);
        assert_eq!(ended.await.unwrap(), Disconnected::Now);
        let told = kit.vault.revoke_at_bank(kit.tenant, consent.id).await;
        assert!(matches!(told, Ok(Revocation::Done)), "{told:?}");
        let over = kit.consent_of(link).await;
        assert_eq!(over.state, ConsentState::Revoked);
        assert_eq!(over.revocation, ConsentRevocation::Done);
        let at_bank = kit.bank.consents().await;
        assert_eq!(at_bank, ["terminatedByTpp"], "{}", kit.db.name());
    }
}

#[tokio::test]
async fn a_person_who_withdraws_at_a_bank_without_tokens_ends_the_consent_here() {
    for db in engines().await {
        let kit = Kit::start(db, 3).await;
        let link = kit.link_at("anna", "sandbox_redirect_bank").await;
        assert!(kit.read(link).await.is_complete());
        let all = serde_json::json!({ "all": true });
        kit.bank.control("revoke-consent", all).await;
        let outcome = kit.read(link).await;
        assert!(!outcome.is_complete());
        let consent = kit.consent_of(link).await;
        assert_eq!(consent.state, ConsentState::Revoked, "{:?}", outcome.fault);
        assert_eq!(consent.revocation, ConsentRevocation::NotNeeded);
    }
}
