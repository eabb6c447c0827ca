//! Keys over several processes, what is recorded of them, and the change of hash keys.

use std::sync::Arc;

use super::*;
use crate::seal::{KeyRing, MasterKey, Place, open_text, seal_text};
use fondaco_model::ids::EndUserId;
use fondaco_model::time::ManualClock;
use fondaco_model::{Instant, effects::SystemEntropy};
use fondaco_store::repo::tenant::{self, Details, Mode};
use fondaco_store::testing::engines;

const ANN: Subject = Subject::EndUser(EndUserId(uuid::Uuid::from_u128(2)));
const START: Instant = Instant::from_micros(1_767_323_045_000_000);

fn keys_at(db: &Db, clock: &Arc<ManualClock>, token: bool) -> Keys {
    let ring = |letter: &str| {
        let master = MasterKey::from_text(&format!("{}0", letter.repeat(63))).unwrap();
        Arc::new(KeyRing::new(master, Vec::new()).unwrap())
    };
    let effects = Effects::new(Arc::clone(clock) as _, Arc::new(SystemEntropy));
    Keys::new(db.clone(), effects, ring("a"), token.then(|| ring("b")))
}

fn keys(db: &Db, token: bool) -> Keys {
    keys_at(db, &Arc::new(ManualClock::at(START)), token)
}

async fn tenant(db: &Db, number: u128) -> TenantId {
    let id = TenantId(uuid::Uuid::from_u128(number));
    let details = Details {
        display_name: format!("Shop {number}"),
        privacy_url: "https://shop.example/privacy".to_owned(),
        support_contact: "help@shop.example".to_owned(),
    };
    in_tx!(db, id, |tx| tenant::create(tx, &details, Mode::Test, START)
        .await)
    .unwrap();
    id
}

/// The ledger's words and facts; the chain has to hold.
async fn recorded(db: &Db, tenant: TenantId) -> Vec<NewEvent> {
    let mut read = db.read(tenant).await.unwrap();
    let verified = ledger::verify(&mut read).await.unwrap();
    assert_eq!(verified.first_bad, None);
    let events = ledger::list(&mut read, 0, 100).await.unwrap();
    events.into_iter().map(|event| event.event).collect()
}

fn kinds(events: &[NewEvent]) -> Vec<&str> {
    events.iter().map(|event| event.kind.as_str()).collect()
}

#[tokio::test]
async fn a_key_made_by_one_process_opens_in_another_and_not_without_its_ring() {
    for db in engines().await {
        let tenant = tenant(&db, 1).await;
        let first = keys(&db, true);
        let key = first.of_subject(tenant, Ring::Token, ANN).await.unwrap();
        let place = Place {
            purpose: "test",
            tenant: Some(tenant),
            table: "t",
            column: "c",
            row: uuid::Uuid::nil(),
            version: 1,
            part: 0,
        };
        let sealed = seal_text(&Effects::system(), &key, &place, "token");
        let sealed = sealed.unwrap();
        let second = keys(&db, true);
        let again = second.by_id(tenant, key.label().id).await.unwrap();
        assert_eq!(
            open_text(&again, &place, &sealed).unwrap().expose(),
            "token"
        );
        let reader = keys(&db, false);
        let refused = reader.by_id(tenant, key.label().id).await.unwrap_err();
        assert!(
            matches!(refused, KeyError::RingNotHeld(Ring::Token)),
            "{}",
            db.name()
        );
    }
}

#[tokio::test]
async fn equal_values_of_two_tenants_have_different_hashes_and_one_tenant_always_the_same() {
    for db in engines().await {
        let (one, other) = (tenant(&db, 1).await, tenant(&db, 2).await);
        let (first, second) = (keys(&db, false), keys(&db, false));
        let purpose = HashPurpose::Identifier;
        let hash = first.hashes(one, purpose).await.unwrap().hash("X");
        assert_eq!(second.hashes(one, purpose).await.unwrap().hash("X"), hash);
        assert_ne!(
            first.hashes(other, purpose).await.unwrap().hash("X").hash,
            hash.hash
        );
    }
}

#[tokio::test]
async fn what_is_done_to_a_data_key_is_recorded_once_and_without_what_it_seals() {
    for db in engines().await {
        let tenant = tenant(&db, 1).await;
        let (first, second) = (keys(&db, true), keys(&db, true));
        let made = first.of_subject(tenant, Ring::Data, ANN).await.unwrap();
        let same = second.of_subject(tenant, Ring::Data, ANN).await.unwrap();
        assert_eq!(made.label(), same.label());
        first.of_subject(tenant, Ring::Token, ANN).await.unwrap();
        assert_eq!(second.destroy(tenant, ANN).await.unwrap(), 2);
        assert_eq!(second.destroy(tenant, ANN).await.unwrap(), 0);
        let events = recorded(&db, tenant).await;
        let expected = ["data_key.created", "data_key.created", "data_key.destroyed"];
        assert_eq!(kinds(&events), expected, "{}", db.name());
        let id = made.label().id;
        let facts = format!(r#"{{"key":"{id}","ring":"DATA","subject":"END_USER"}}"#);
        assert_eq!(events[0].facts, facts);
        assert_eq!(events[2].facts, r#"{"keys":2,"subject":"END_USER"}"#);
        assert!(events.iter().all(|event| event.personal.is_none()));
        assert_eq!(events[0].end_user_id.map(|person| person.0), Some(ANN.id()));
        // What the keys sealed is gone; the person's next data get a key of their own.
        let refused = second.by_id(tenant, id).await.unwrap_err();
        assert!(matches!(refused, KeyError::Destroyed));
        let next = second.of_subject(tenant, Ring::Data, ANN).await.unwrap();
        assert_ne!(next.label().id, id);
    }
}

#[tokio::test]
async fn of_two_processes_that_make_a_key_at_once_one_records_it() {
    for db in engines().await {
        let tenant = tenant(&db, 1).await;
        let (first, second) = (keys(&db, true), keys(&db, true));
        let purpose = HashPurpose::Identifier;
        let (one, other) = tokio::join!(
            first.of_subject(tenant, Ring::Data, ANN),
            second.of_subject(tenant, Ring::Data, ANN)
        );
        assert_eq!(one.unwrap().label(), other.unwrap().label());
        let (one, other) = tokio::join!(
            first.hashes(tenant, purpose),
            second.hashes(tenant, purpose)
        );
        assert_eq!(one.unwrap().hash("X"), other.unwrap().hash("X"));
        let events = recorded(&db, tenant).await;
        assert_eq!(kinds(&events), ["data_key.created", "hash_key.created"]);
    }
}

#[tokio::test]
async fn a_new_hash_key_searches_at_once_and_writes_when_every_process_knows_it() {
    let settles = i64::try_from(HASH_KEY_SETTLES.as_secs()).unwrap();
    for db in engines().await {
        let tenant = tenant(&db, 1).await;
        let clock = Arc::new(ManualClock::at(START));
        let purpose = HashPurpose::Identifier;
        // A process that starts now, because the others keep what they know for minutes.
        let process = async || {
            let keys = keys_at(&db, &clock, false);
            keys.hashes(tenant, purpose).await.unwrap()
        };
        let before = process().await.hash("X");
        let operator = keys_at(&db, &clock, false);
        let replaced = operator.replace_hash_keys(tenant).await.unwrap();
        let [one] = replaced.as_slice() else {
            panic!("references were never hashed: {replaced:?}");
        };
        assert_eq!((one.purpose, one.retired), (purpose, before.key.0));
        clock.advance_seconds(settles - 1);
        let early = process().await;
        assert_eq!(early.hash("X"), before);
        assert_eq!(early.candidates("X").len(), 2);
        clock.advance_seconds(1);
        let settled = process().await;
        assert_eq!(settled.hash("X").key.0, one.key);
        assert_eq!(settled.candidates("X"), [settled.hash("X"), before]);
        assert_eq!(early.candidates("X"), [before, settled.hash("X")]);
        let events = recorded(&db, tenant).await;
        let words = ["hash_key.created", "hash_key.retired", "hash_key.created"];
        assert_eq!(kinds(&events), words, "{}", db.name());
        let facts = format!(r#"{{"key":"{}","purpose":"IDENTIFIER"}}"#, one.key);
        assert_eq!(events[2].facts, facts);
        assert_eq!(events[2].actor, "OPERATOR");
    }
}

#[tokio::test]
async fn hash_keys_are_replaced_one_after_another_and_as_often_as_they_can_be_searched() {
    let settles = i64::try_from(HASH_KEY_SETTLES.as_secs()).unwrap();
    for db in engines().await {
        let tenant = tenant(&db, 1).await;
        let clock = Arc::new(ManualClock::at(START));
        let keys = keys_at(&db, &clock, false);
        assert_eq!(keys.replace_hash_keys(tenant).await.unwrap(), []);
        for purpose in [HashPurpose::Identifier, HashPurpose::ProviderRef] {
            keys.hashes(tenant, purpose).await.unwrap();
        }
        let content = keys.hashes(tenant, HashPurpose::Content).await.unwrap();
        for count in 2..=HASH_KEYS_MAX {
            let replaced = keys.replace_hash_keys(tenant).await.unwrap();
            assert_eq!(replaced.len(), 2, "{count}");
            let soon = keys.replace_hash_keys(tenant).await.unwrap_err();
            assert!(
                matches!(soon, KeyError::ChangedJustNow | KeyError::TooManyHashKeys),
                "{count}: {soon:?}"
            );
            clock.advance_seconds(settles);
        }
        let full = keys.replace_hash_keys(tenant).await.unwrap_err();
        assert!(matches!(full, KeyError::TooManyHashKeys), "{full:?}");
        let fresh = keys_at(&db, &clock, false);
        let all = fresh.hashes(tenant, HashPurpose::Identifier).await.unwrap();
        assert_eq!(all.candidates("X").len(), HASH_KEYS_MAX);
        let same = fresh.hashes(tenant, HashPurpose::Content).await.unwrap();
        assert_eq!(same.hash("X"), content.hash("X"), "content stays as it was");
    }
}
