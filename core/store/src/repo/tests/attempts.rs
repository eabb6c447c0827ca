//! Authorisation attempts: a state is used once, by the browser that left with it.

use fondaco_model::ids::{AttemptId, DataKeyId};

use super::{House, NOW, digest, effects, house, new_session, new_tenant};
use crate::OPERATOR;
use crate::in_tx;
use crate::repo::attempt::{self, Attempt, Consumption};
use crate::testing::{TestDb, engines};

async fn new_attempt(db: &TestDb, house: &House, state: u8) -> Attempt {
    let session = new_session(db, house, &digest(state)).await;
    let attempt = Attempt {
        id: AttemptId::new(&effects()),
        tenant_id: house.tenant,
        link_session_id: session.id,
        consent_id: house.consent.consent.id,
        registration_id: house.registration,
        state_hash: digest(state),
        browser_hash: digest(7),
        flow_sealed: "sealed".to_owned(),
        code_sealed: None,
        data_key_id: DataKeyId::new(&effects()),
        expected_issuer: Some("https://bank.example".to_owned()),
        iss_required: true,
        created_at: NOW,
        expires_at: NOW.plus_seconds(300),
        used_at: None,
        outcome: None,
        error_code: None,
    };
    in_tx!(db, house.tenant, |tx| attempt::insert(tx, &attempt).await).unwrap();
    attempt
}

async fn consume(db: &TestDb, house: &House, state: u8, browser: u8, seconds: i64) -> Consumption {
    let now = NOW.plus_seconds(seconds);
    in_tx!(db, house.tenant, |tx| {
        attempt::consume(tx, &digest(state), &digest(browser), now).await
    })
    .unwrap()
}

#[tokio::test]
async fn a_state_is_taken_once_and_a_reload_is_recognised() {
    for db in engines().await {
        let house = house(&db).await;
        let attempt = new_attempt(&db, &house, 1).await;
        let mut session = db.read(OPERATOR).await.unwrap();
        let found = attempt::find(&mut session, &digest(1)).await.unwrap();
        assert!(found.as_ref() == Some(&attempt), "{}", db.name());
        drop(session);
        let taken = consume(&db, &house, 1, 7, 1).await;
        assert!(matches!(taken, Consumption::Taken(found) if found.id == attempt.id));
        assert!(matches!(
            consume(&db, &house, 1, 7, 2).await,
            Consumption::AlreadyUsed(_)
        ));
        assert_eq!(consume(&db, &house, 9, 7, 2).await, Consumption::Unknown);
    }
}

#[tokio::test]
async fn another_browser_uses_nothing_up() {
    for db in engines().await {
        let house = house(&db).await;
        new_attempt(&db, &house, 1).await;
        assert_eq!(
            consume(&db, &house, 1, 8, 1).await,
            Consumption::OtherBrowser
        );
        assert!(matches!(
            consume(&db, &house, 1, 7, 1).await,
            Consumption::Taken(_)
        ));
    }
}

#[tokio::test]
async fn a_state_is_good_until_its_time_is_over() {
    for db in engines().await {
        let house = house(&db).await;
        new_attempt(&db, &house, 1).await;
        new_attempt(&db, &house, 2).await;
        assert!(matches!(
            consume(&db, &house, 1, 7, 299).await,
            Consumption::Taken(_)
        ));
        assert!(matches!(
            consume(&db, &house, 2, 7, 300).await,
            Consumption::TooLate(_)
        ));
    }
}

#[tokio::test]
async fn another_tenant_cannot_use_a_state() {
    for db in engines().await {
        let house = house(&db).await;
        new_attempt(&db, &house, 1).await;
        let other = new_tenant(&db).await;
        let seen = in_tx!(db, other, |tx| {
            attempt::consume(tx, &digest(1), &digest(7), NOW).await
        });
        assert_eq!(seen, Ok(Consumption::Unknown), "{}", db.name());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_equal_callbacks_one_takes_the_state() {
    for db in engines().await {
        let house = house(&db).await;
        new_attempt(&db, &house, 1).await;
        let one = async || consume(&db, &house, 1, 7, 1).await;
        let answers = tokio::join!(one(), one(), one(), one(), one(), one());
        let answers = [
            answers.0, answers.1, answers.2, answers.3, answers.4, answers.5,
        ];
        let taken = |answer: &&Consumption| matches!(answer, Consumption::Taken(_));
        assert_eq!(answers.iter().filter(taken).count(), 1, "{}", db.name());
    }
}

#[tokio::test]
async fn a_code_is_kept_after_the_callback_and_forgotten_with_the_outcome() {
    for db in engines().await {
        let house = house(&db).await;
        let attempt = new_attempt(&db, &house, 1).await;
        let keep = async || {
            in_tx!(db, house.tenant, |tx| {
                attempt::keep_code(tx, attempt.id, "code", attempt.data_key_id).await
            })
        };
        assert_eq!(keep().await, Ok(false), "{}", db.name());
        consume(&db, &house, 1, 7, 1).await;
        assert_eq!(keep().await, Ok(true));
        let settle = async || {
            in_tx!(db, house.tenant, |tx| {
                attempt::settle(tx, attempt.id, "SUCCEEDED", None).await
            })
        };
        assert_eq!(settle().await, Ok(true));
        assert_eq!(settle().await, Ok(false));
        assert_eq!(keep().await, Ok(false));
        let mut session = db.read(house.tenant).await.unwrap();
        let stored = attempt::get(&mut session, attempt.id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(stored.code_sealed, None);
        let count = attempt::count(&mut session, attempt.link_session_id).await;
        assert_eq!(count, Ok(1));
    }
}
