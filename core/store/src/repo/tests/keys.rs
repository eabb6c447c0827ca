//! Data keys, hash keys, idempotency keys.

use fondaco_model::ids::DataKeyId;
use uuid::Uuid;

use super::{NOW, digest, effects, new_tenant};
use crate::in_tx;
use crate::repo::data_key::{self, DataKey, Ring, Subject, SubjectKind};
use crate::repo::hash_key::{self, HashKey};
use crate::repo::idempotency::{self, Begun, KeptAnswer, Key, Span};
use crate::testing::engines;
use crate::{OPERATOR, StoreError};

fn data_key(ring: Ring, subject: u128) -> DataKey {
    let id = DataKeyId::new(&effects());
    DataKey {
        id,
        ring,
        subject: Subject {
            kind: SubjectKind::EndUser,
            id: Uuid::from_u128(subject),
        },
        wrapped: Some(id.0.as_bytes().to_vec()),
        created_at: NOW,
        destroyed_at: None,
    }
}

#[tokio::test]
async fn a_subject_has_one_living_key_in_each_ring() {
    for db in engines().await {
        for tenant in [new_tenant(&db).await, OPERATOR] {
            let get = async |key: DataKey| {
                in_tx!(db, tenant, |tx| data_key::insert_or_get(tx, &key).await)
                    .unwrap()
                    .id
            };
            let first = data_key(Ring::Data, 1);
            assert_eq!(get(first.clone()).await, first.id, "{}", db.name());
            assert_eq!(get(data_key(Ring::Data, 1)).await, first.id);
            assert_ne!(get(data_key(Ring::Token, 1)).await, first.id);
            assert_ne!(get(data_key(Ring::Data, 2)).await, first.id);
        }
    }
}

#[tokio::test]
async fn destroying_a_subject_takes_its_keys_in_both_rings_and_nobody_elses() {
    for db in engines().await {
        let (tenant, other) = (new_tenant(&db).await, new_tenant(&db).await);
        let (data, token) = (data_key(Ring::Data, 1), data_key(Ring::Token, 1));
        for (tenant, key) in [(tenant, &data), (tenant, &token), (other, &data)] {
            in_tx!(db, tenant, |tx| data_key::insert_or_get(tx, key).await).unwrap();
        }
        let destroyed = in_tx!(db, tenant, |tx| {
            data_key::destroy(tx, data.subject, NOW).await
        });
        assert_eq!(destroyed, Ok(2), "{}", db.name());
        let mut session = db.read(tenant).await.unwrap();
        let gone = data_key::get(&mut session, data.id).await.unwrap().unwrap();
        assert_eq!((gone.wrapped, gone.destroyed_at), (None, Some(NOW)));
        let living = data_key::living(&mut session, Ring::Token, data.subject).await;
        assert!(living.unwrap().is_none());
        let mut session = db.read(other).await.unwrap();
        let living = data_key::living(&mut session, Ring::Data, data.subject).await;
        assert!(living.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_key_is_rewrapped_only_from_what_the_caller_saw() {
    for db in engines().await {
        let tenant = new_tenant(&db).await;
        let key = data_key(Ring::Data, 1);
        in_tx!(db, tenant, |tx| data_key::insert_or_get(tx, &key).await).unwrap();
        let old = key.wrapped.clone().unwrap();
        let rewrap = async |expected: &[u8]| {
            in_tx!(db, tenant, |tx| {
                data_key::rewrap(tx, key.id, expected, b"new").await
            })
        };
        assert_eq!(rewrap(b"other").await, Ok(false), "{}", db.name());
        assert_eq!(rewrap(&old).await, Ok(true));
        let mut session = db.read(tenant).await.unwrap();
        let listed = data_key::list(&mut session, Ring::Data, None, 10)
            .await
            .unwrap();
        assert_eq!(listed[0].wrapped.as_deref(), Some(b"new".as_slice()));
    }
}

#[tokio::test]
async fn a_hash_key_is_replaced_once_and_the_old_one_stays_readable() {
    for db in engines().await {
        let tenant = new_tenant(&db).await;
        let new = || HashKey {
            id: effects().uuid(),
            purpose: "account_identifier".to_owned(),
            wrapped: vec![1],
            created_at: NOW,
            retired_at: None,
        };
        let (first, second) = (new(), new());
        let get = async |key: &HashKey| {
            in_tx!(db, tenant, |tx| hash_key::insert_or_get(tx, key).await)
                .unwrap()
                .id
        };
        assert_eq!(get(&first).await, first.id);
        assert_eq!(get(&second).await, first.id, "{}", db.name());
        let replace = async || {
            in_tx!(db, tenant, |tx| {
                hash_key::replace(tx, first.id, &second).await
            })
        };
        assert_eq!(replace().await, Ok(()));
        assert_eq!(replace().await, Err(StoreError::LostUpdate));
        let mut session = db.read(tenant).await.unwrap();
        let current = hash_key::current(&mut session, "account_identifier")
            .await
            .unwrap();
        assert_eq!(current.map(|key| key.id), Some(second.id));
        assert!(
            hash_key::get(&mut session, first.id)
                .await
                .unwrap()
                .is_some()
        );
        assert_eq!(hash_key::list(&mut session).await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_mutation_is_answered_once_and_the_same_answer_comes_again() {
    for db in engines().await {
        let (tenant, other) = (new_tenant(&db).await, new_tenant(&db).await);
        let hash = digest(1);
        let key = Key {
            operation: "startLink",
            key_hash: &hash,
        };
        let begin = async |tenant, input: u8, seconds: i64| {
            let span = Span {
                now: NOW.plus_seconds(seconds),
                expires_at: NOW.plus_seconds(seconds + 100),
            };
            in_tx!(db, tenant, |tx| {
                idempotency::begin(tx, key, &digest(input), span).await
            })
            .unwrap()
        };
        assert_eq!(begin(tenant, 5, 0).await, Begun::New, "{}", db.name());
        assert_eq!(begin(tenant, 5, 1).await, Begun::InProgress);
        assert_eq!(begin(tenant, 6, 1).await, Begun::Mismatch);
        assert_eq!(begin(other, 6, 1).await, Begun::New);
        let answer = KeptAnswer {
            sealed: "answer".to_owned(),
            data_key_id: DataKeyId::new(&effects()),
        };
        let complete = async || {
            in_tx!(db, tenant, |tx| {
                idempotency::complete(tx, key, &answer).await
            })
        };
        assert_eq!(complete().await, Ok(()));
        assert_eq!(complete().await, Err(StoreError::LostUpdate));
        assert!(begin(tenant, 5, 99).await == Begun::Done(answer.clone()));
        assert_eq!(begin(tenant, 6, 99).await, Begun::Mismatch);
        assert_eq!(begin(tenant, 6, 100).await, Begun::New);
    }
}

#[tokio::test]
async fn an_abandoned_key_is_new_again_and_an_answered_one_is_not() {
    for db in engines().await {
        let tenant = new_tenant(&db).await;
        let hash = digest(1);
        let key = Key {
            operation: "importStatement",
            key_hash: &hash,
        };
        let span = Span {
            now: NOW,
            expires_at: NOW.plus_seconds(100),
        };
        let answer = KeptAnswer {
            sealed: "answer".to_owned(),
            data_key_id: DataKeyId::new(&effects()),
        };
        let begin = async || {
            in_tx!(db, tenant, |tx| {
                idempotency::begin(tx, key, &digest(5), span).await
            })
        };
        let abandon = async || in_tx!(db, tenant, |tx| idempotency::abandon(tx, key).await);
        begin().await.unwrap();
        assert_eq!(abandon().await, Ok(true), "{}", db.name());
        assert_eq!(begin().await, Ok(Begun::New));
        in_tx!(db, tenant, |tx| {
            idempotency::complete(tx, key, &answer).await
        })
        .unwrap();
        assert_eq!(abandon().await, Ok(false));
        let expire = async |seconds: i64| {
            let now = NOW.plus_seconds(seconds);
            in_tx!(db, tenant, |tx| idempotency::expire(tx, now, 10).await)
        };
        assert_eq!((expire(99).await, expire(100).await), (Ok(0), Ok(1)));
    }
}
