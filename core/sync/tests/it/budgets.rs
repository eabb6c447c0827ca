//! Readings without a person, which are few in a day, and those with one, which are not counted.

use fondaco_model::FaultKind;
use fondaco_store::repo::access_budget::{self, Allowance, Key};
use fondaco_store::repo::job::Presence;
use fondaco_store::testing::engines;
use fondaco_sync::pull::ReadRequest;

use crate::kit::Kit;

/// Readings a day that the simulated bank's entry allows without a person.
const PER_DAY: u32 = 4;

#[tokio::test]
async fn the_fifth_unattended_reading_of_a_day_is_not_sent_and_a_persons_is() {
    for db in engines().await {
        let kit = Kit::start(db, 1).await;
        let link = kit.link("anna").await;
        let consent = kit.consent_of(link).await.id;
        // The first reading reads the history in pieces, each of which counts.
        kit.read(link).await;
        let unattended = ReadRequest {
            presence: Presence::Unattended,
            ..kit.request(link)
        };
        let list = Key {
            consent,
            account_source: None,
            operation: "accounts",
        };
        let began = kit.now();
        for left in (0..PER_DAY).rev() {
            let outcome = kit.puller.read(&unattended).await.unwrap();
            assert!(outcome.is_complete(), "{left}: {:?}", outcome.fault);
            let mut session = kit.db.read(kit.tenant).await.unwrap();
            let stands = access_budget::get(&mut session, list).await.unwrap();
            let expected = Allowance {
                allowed: PER_DAY,
                remaining: left,
                resets_at: began.plus_seconds(access_budget::WINDOW_SECONDS),
            };
            assert_eq!(stands, Some(expected));
        }
        let calls = kit.bank.calls().await;
        let refused = kit.puller.read(&unattended).await.unwrap();
        let fault = refused.fault.expect("nothing is left");
        assert_eq!(fault.kind, FaultKind::RateLimited);
        assert_eq!(fault.get("reason"), Some("day_budget"));
        assert_eq!(kit.bank.calls().await, calls, "nothing was sent");
        let attended = kit.read(link).await;
        assert!(attended.is_complete(), "{:?}", attended.fault);
        kit.pass(access_budget::WINDOW_SECONDS).await;
        let next_day = kit.puller.read(&unattended).await.unwrap();
        assert!(next_day.is_complete(), "{:?}", next_day.fault);
    }
}
