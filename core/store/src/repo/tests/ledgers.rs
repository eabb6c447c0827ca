//! The ledger: a chain that shows any change, and that erasure leaves whole.

use fondaco_model::ids::{DataKeyId, LedgerEventId, TenantId};
use sqlx::AssertSqlSafe;

use super::{NOW, digest, effects, new_tenant};
use crate::in_tx;
use crate::repo::ledger::{self, GENESIS, NewEvent, Personal, Verified};
use crate::testing::{TestDb, engines, sqlite};
use crate::{OPERATOR, StoreError};

fn event(kind: &str) -> NewEvent {
    NewEvent {
        id: LedgerEventId::new(&effects()),
        at: NOW,
        kind: kind.to_owned(),
        actor: "operator".to_owned(),
        end_user_id: None,
        link_id: None,
        consent_id: None,
        facts: "{}".to_owned(),
        personal: Some(Personal {
            sealed: "sealed".to_owned(),
            digest: digest(4),
            data_key_id: DataKeyId::new(&effects()),
        }),
    }
}

async fn append(db: &TestDb, tenant: TenantId, kind: &str) -> i64 {
    in_tx!(db, tenant, |tx| ledger::append(tx, &event(kind)).await)
        .unwrap()
        .seq
}

async fn verify(db: &TestDb, tenant: TenantId) -> Verified {
    let mut session = db.read(tenant).await.unwrap();
    ledger::verify(&mut session).await.unwrap()
}

#[tokio::test]
async fn a_chain_counts_from_one_for_each_tenant_and_for_the_operator() {
    for db in engines().await {
        let tenant = new_tenant(&db).await;
        let empty = verify(&db, tenant).await;
        assert_eq!((empty.events, empty.last_hash), (0, GENESIS));
        for chain in [tenant, OPERATOR] {
            for position in 1..=3 {
                assert_eq!(
                    append(&db, chain, "key.created").await,
                    position,
                    "{}",
                    db.name()
                );
            }
            let verified = verify(&db, chain).await;
            assert_eq!((verified.events, verified.first_bad), (3, None));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_come_at_once_form_one_chain() {
    for db in engines().await {
        let tenant = new_tenant(&db).await;
        let one = async || append(&db, tenant, "token.refreshed").await;
        let seen = tokio::join!(one(), one(), one(), one(), one());
        let mut seen = [seen.0, seen.1, seen.2, seen.3, seen.4];
        seen.sort_unstable();
        assert_eq!(seen, [1, 2, 3, 4, 5], "{}", db.name());
        assert_eq!(verify(&db, tenant).await.events, 5);
    }
}

#[tokio::test]
async fn a_chain_of_an_unknown_tenant_is_refused() {
    for db in engines().await {
        let unknown = TenantId::new(&effects());
        let done = in_tx!(db, unknown, |tx| ledger::append(tx, &event("x")).await);
        assert_eq!(done.unwrap_err(), StoreError::NotFound);
    }
}

/// Changes the file as somebody with access to it could.
async fn tamper(text: String) -> (Verified, TestDb) {
    let db = sqlite().await;
    let tenant = new_tenant(&db).await;
    for _ in 0..5 {
        append(&db, tenant, "consent.activated").await;
    }
    let mut tx = db.begin(tenant).await.unwrap();
    on!(&mut *tx, |conn, D| sqlx::query::<D>(AssertSqlSafe(text))
        .execute(conn)
        .await
        .map(|_| ()))
    .unwrap();
    tx.commit().await.unwrap();
    (verify(&db, tenant).await, db)
}

#[tokio::test]
async fn any_change_is_found_at_the_first_event_that_it_touched() {
    for (text, first_bad) in [
        (
            "update ledger_event set facts = '{\"a\":1}' where seq = 3",
            3,
        ),
        ("update ledger_event set actor = 'tenant' where seq = 1", 1),
        ("update ledger_event set at = at + 1 where seq = 5", 5),
        (
            "update ledger_event set personal_digest = zeroblob(32) where seq = 2",
            2,
        ),
        ("update ledger_event set consent_id = id where seq = 4", 4),
        ("delete from ledger_event where seq = 3", 3),
        ("delete from ledger_event where seq = 1", 1),
        (
            "update ledger_event set seq = case seq when 2 then 20 else seq end",
            2,
        ),
    ] {
        let (verified, _db) = tamper(text.to_owned()).await;
        assert_eq!(verified.first_bad, Some(first_bad), "{text}");
        assert_eq!(verified.events, first_bad - 1, "{text}");
    }
}

#[tokio::test]
async fn destroying_the_sealed_part_leaves_the_chain_whole() {
    let text = "update ledger_event set personal_sealed = 'other' where seq = 3";
    let (verified, _db) = tamper(text.to_owned()).await;
    assert_eq!((verified.events, verified.first_bad), (5, None));
}
