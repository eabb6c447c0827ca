//! What the bank's faults come to, and that the next clean reading heals.

use fondaco_model::FaultKind;
use fondaco_model::v1::{ConsentState, LinkHealth};
use fondaco_store::testing::engines;
use fondaco_sync::pull::NextRead;
use serde_json::json;

use crate::bank::RETRY_AFTER_SECONDS;
use crate::kit::Kit;

/// Whether a reading waits, backs off, or goes on regularly.
fn word(next: NextRead) -> &'static str {
    match next {
        NextRead::Regular(_) => "regular",
        NextRead::NotBefore(_) => "waits",
        NextRead::BackOff => "backs off",
        NextRead::None => "none",
    }
}

/// Fault, what it comes up as, the link's health after it, and what the next reading does.
const TABLE: [(&str, FaultKind, LinkHealth, &str); 7] = {
    use {FaultKind as F, LinkHealth as H};
    [
        ("429", F::RateLimited, H::RateLimited, "waits"),
        ("500", F::ProviderDown, H::InstitutionDown, "backs off"),
        ("503", F::ProviderDown, H::InstitutionDown, "backs off"),
        ("cut", F::ProviderDown, H::InstitutionDown, "backs off"),
        ("lost", F::ProviderDown, H::InstitutionDown, "backs off"),
        ("truncate", F::ProviderDown, H::Degraded, "backs off"),
        ("garbage", F::SchemaDrift, H::Degraded, "backs off"),
    ]
};

#[tokio::test]
async fn every_fault_has_one_outcome_and_the_next_reading_heals() {
    for db in engines().await {
        let kit = Kit::start(db, 3).await;
        let link = kit.link("anna").await;
        kit.read(link).await;
        for (kind, fault, health, next) in TABLE {
            for endpoint in ["accounts", "balances", "transactions"] {
                let what = format!("{} {kind} at {endpoint}", kit.db.name());
                kit.pass(7_200).await;
                kit.bank.fault(kind, endpoint, 0).await;
                let outcome = kit.read(link).await;
                assert_eq!(outcome.fault.map(|fault| fault.kind), Some(fault), "{what}");
                assert_eq!(word(outcome.next), next, "{what}");
                let row = kit.link_row(link).await;
                assert_eq!(row.health, health, "{what}");
                let waits = row.health_until.map(|at| at.seconds_since(kit.now()));
                let stated = (kind == "429").then_some(RETRY_AFTER_SECONDS);
                assert_eq!(waits, stated, "{what}");
                assert_eq!(
                    kit.consent_of(link).await.state,
                    ConsentState::Active,
                    "{what}"
                );
                kit.bank.clear_faults().await;
                kit.pass(7_200).await;
                let healed = kit.read(link).await;
                assert!(healed.is_complete(), "{what}: {:?}", healed.fault);
                assert_eq!(
                    kit.link_row(link).await.health,
                    LinkHealth::Healthy,
                    "{what}"
                );
                kit.check(link, "anna", &what).await;
            }
        }
    }
}

#[tokio::test]
async fn a_fault_midway_through_history_leaves_what_was_read_and_the_rest_follows() {
    for db in engines().await {
        let kit = Kit::start(db, 23).await;
        let link = kit.link("anna").await;
        kit.bank.fault("503", "transactions", 5).await;
        let outcome = kit.read(link).await;
        assert_eq!(
            outcome.fault.map(|fault| fault.kind),
            Some(FaultKind::ProviderDown)
        );
        assert!(outcome.counts.inserted > 0);
        kit.bank.clear_faults().await;
        kit.pass(3_600).await;
        let healed = kit.read(link).await;
        assert!(healed.is_complete(), "{:?}", healed.fault);
        kit.check(link, "anna", "midway").await;
    }
}

#[tokio::test]
async fn a_consent_that_is_revoked_at_the_bank_needs_the_person_after_a_second_look() {
    for db in engines().await {
        let kit = Kit::start(db, 3).await;
        let link = kit.link("anna").await;
        kit.read(link).await;
        kit.bank
            .control("revoke-consent", json!({ "all": true }))
            .await;
        let first = kit.read(link).await;
        assert!(first.fault.is_some());
        assert_eq!(word(first.next), "none");
        kit.pass(301).await;
        kit.read(link).await;
        assert_eq!(kit.link_row(link).await.health, LinkHealth::NeedsUser);
        let state = kit.consent_of(link).await.state;
        assert!(state != ConsentState::Active, "{state}");
        // What was read stays.
        assert!(
            kit.live(link)
                .await
                .iter()
                .all(|(_, rows)| !rows.is_empty())
        );
    }
}
