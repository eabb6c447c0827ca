//! Grants: one refresher at a time, and only the generation that was refreshed is replaced.

use fondaco_model::ids::{DataKeyId, GrantId};

use super::{House, NOW, effects, house, new_tenant};
use crate::in_tx;
use crate::repo::grant::{self, Document, Grant, Lease, NewGrant};
use crate::testing::{TestDb, engines};

fn document(text: &str) -> Document {
    Document {
        sealed: text.to_owned(),
        data_key_id: DataKeyId::new(&effects()),
        access_expires_at: Some(NOW.plus_seconds(300)),
        refresh_expires_at: None,
        refreshable: true,
    }
}

async fn new_grant(db: &TestDb, house: &House) -> GrantId {
    let grant = NewGrant {
        id: GrantId::new(&effects()),
        consent_id: house.consent.consent.id,
        kind: "oauth2".to_owned(),
        at: NOW,
    };
    in_tx!(db, house.tenant, |tx| {
        grant::insert(tx, &grant, &document("first")).await
    })
    .unwrap();
    grant.id
}

async fn read(db: &TestDb, house: &House, id: GrantId) -> Grant {
    let mut session = db.read(house.tenant).await.unwrap();
    grant::get(&mut session, id).await.unwrap().unwrap()
}

async fn take(db: &TestDb, house: &House, id: GrantId, owner: &str, seconds: i64) -> bool {
    let lease = Lease {
        owner,
        now: NOW.plus_seconds(seconds),
        until: NOW.plus_seconds(seconds + 30),
    };
    in_tx!(db, house.tenant, |tx| {
        grant::take_lease(tx, id, lease).await
    })
    .unwrap()
}

async fn store(db: &TestDb, house: &House, id: GrantId, generation: i64, text: &str) -> bool {
    in_tx!(db, house.tenant, |tx| {
        grant::store_refreshed(tx, id, generation, &document(text)).await
    })
    .unwrap()
}

#[tokio::test]
async fn a_lease_is_held_by_one_until_it_is_over_or_given_back() {
    for db in engines().await {
        let house = house(&db).await;
        let id = new_grant(&db, &house).await;
        assert!(take(&db, &house, id, "a", 0).await, "{}", db.name());
        assert!(take(&db, &house, id, "a", 1).await);
        assert!(!take(&db, &house, id, "b", 30).await);
        assert!(take(&db, &house, id, "b", 31).await);
        let extend = async |owner: &str| {
            let until = NOW.plus_seconds(90);
            in_tx!(db, house.tenant, |tx| {
                grant::extend_lease(tx, id, owner, until).await
            })
        };
        assert_eq!(
            (extend("a").await, extend("b").await),
            (Ok(false), Ok(true))
        );
        let release = async |owner: &str| {
            in_tx!(db, house.tenant, |tx| {
                grant::release_lease(tx, id, owner).await
            })
            .unwrap();
        };
        release("a").await;
        assert!(!take(&db, &house, id, "c", 89).await);
        release("b").await;
        assert!(take(&db, &house, id, "c", 62).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_refreshers_of_one_generation_one_stores() {
    for db in engines().await {
        let house = house(&db).await;
        let id = new_grant(&db, &house).await;
        let one = async |text: &'static str| store(&db, &house, id, 1, text).await;
        let stored = tokio::join!(one("a"), one("b"), one("c"), one("d"));
        let stored = [stored.0, stored.1, stored.2, stored.3];
        assert_eq!(
            stored.iter().filter(|stored| **stored).count(),
            1,
            "{}",
            db.name()
        );
        assert_eq!(read(&db, &house, id).await.generation, 2);
    }
}

#[tokio::test]
async fn storing_gives_the_lease_back_and_needs_the_present_generation() {
    for db in engines().await {
        let house = house(&db).await;
        let id = new_grant(&db, &house).await;
        assert!(take(&db, &house, id, "a", 0).await);
        assert!(store(&db, &house, id, 1, "second").await, "{}", db.name());
        assert!(!store(&db, &house, id, 1, "late").await);
        let grant = read(&db, &house, id).await;
        assert_eq!(grant.document_sealed.as_deref(), Some("second"));
        assert_eq!((grant.generation, grant.lease_owner), (2, None));
        assert!(store(&db, &house, id, 2, "third").await);
    }
}

#[tokio::test]
async fn a_destroyed_grant_stays_destroyed() {
    for db in engines().await {
        let house = house(&db).await;
        let id = new_grant(&db, &house).await;
        let destroy = async || in_tx!(db, house.tenant, |tx| grant::destroy(tx, id, NOW).await);
        assert_eq!((destroy().await, destroy().await), (Ok(true), Ok(false)));
        assert!(!store(&db, &house, id, 1, "late").await, "{}", db.name());
        assert!(!take(&db, &house, id, "a", 0).await);
        assert_eq!(read(&db, &house, id).await.document_sealed, None);
    }
}

#[tokio::test]
async fn a_consent_gives_one_grant_and_another_tenant_finds_none() {
    for db in engines().await {
        let house = house(&db).await;
        let id = new_grant(&db, &house).await;
        let second = NewGrant {
            id: GrantId::new(&effects()),
            consent_id: house.consent.consent.id,
            kind: "oauth2".to_owned(),
            at: NOW,
        };
        let refused = in_tx!(db, house.tenant, |tx| {
            grant::insert(tx, &second, &document("x")).await
        });
        assert!(refused.unwrap_err().is_conflict(), "{}", db.name());
        let other = new_tenant(&db).await;
        let mut session = db.read(other).await.unwrap();
        assert!(grant::get(&mut session, id).await.unwrap().is_none());
        drop(session);
        let foreign = House {
            tenant: other,
            ..house
        };
        assert!(!store(&db, &foreign, id, 1, "x").await);
    }
}
