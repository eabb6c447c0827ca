//! Links, consents and link sessions.

use fondaco_model::ids::{ConsentId, LinkId, TenantId};
use fondaco_model::v1::{
    ConsentRevocation, ConsentState, LinkHealth, LinkProgress, TerminationReason,
};

use super::{House, NOW, digest, effects, house, new_end_user, new_session, new_tenant};
use crate::in_tx;
use crate::repo::Scope;
use crate::repo::consent;
use crate::repo::link::{self, LinkQuery, ReadOutcome};
use crate::repo::link_session::{self, Ending, SessionState, Step};
use crate::testing::{TestDb, engines, postgres_or_none};
use crate::{OPERATOR, StoreError};

#[tokio::test]
async fn a_consent_reads_back_as_it_was_written() {
    for db in engines().await {
        let house = house(&db).await;
        let mut session = db.read(house.tenant).await.unwrap();
        let read = consent::get(&mut session, house.consent.consent.id)
            .await
            .unwrap();
        assert!(read.as_ref() == Some(&house.consent), "{}", db.name());
        let listed = consent::list_by_link(&mut session, house.link)
            .await
            .unwrap();
        assert_eq!(listed.len(), 1);
    }
}

#[tokio::test]
async fn of_two_transitions_from_one_state_one_wins() {
    for db in engines().await {
        let house = house(&db).await;
        let mut next = house.consent.clone();
        next.consent.state = ConsentState::AwaitingAuthorisation;
        let go = async || {
            in_tx!(db, house.tenant, |tx| {
                consent::transition(tx, ConsentState::Created, &next).await
            })
        };
        assert_eq!(go().await, Ok(()), "{}", db.name());
        assert_eq!(go().await, Err(StoreError::LostUpdate));
        let mut session = db.read(house.tenant).await.unwrap();
        let read = consent::get(&mut session, next.consent.id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((read.consent.state, read.version), (next.consent.state, 2));
    }
}

#[tokio::test]
async fn the_right_state_with_an_old_version_is_refused() {
    for db in engines().await {
        let house = house(&db).await;
        let mut next = house.consent.clone();
        next.bank_consent_sealed = Some("sealed".to_owned());
        let go = async || {
            in_tx!(db, house.tenant, |tx| {
                consent::transition(tx, ConsentState::Created, &next).await
            })
        };
        assert_eq!(go().await, Ok(()), "{}", db.name());
        assert_eq!(go().await, Err(StoreError::LostUpdate));
    }
}

#[tokio::test]
async fn a_terminal_state_is_never_left() {
    for db in engines().await {
        let house = house(&db).await;
        let mut next = house.consent.clone();
        next.consent.state = ConsentState::Revoked;
        next.consent.reason = Some(TerminationReason::EndUserHere);
        next.consent.ended_at = Some(NOW);
        next.consent.revocation = ConsentRevocation::Pending;
        let go = async |from: ConsentState, to: &consent::StoredConsent| {
            in_tx!(db, house.tenant, |tx| {
                consent::transition(tx, from, to).await
            })
        };
        let stands = async |revocation: ConsentRevocation| {
            let mut session = db.read(house.tenant).await.unwrap();
            let found = consent::by_revocation(&mut session, revocation, 10).await;
            found.unwrap().len()
        };
        assert_eq!(
            go(ConsentState::Created, &next).await,
            Ok(()),
            "{}",
            db.name()
        );
        assert_eq!(stands(ConsentRevocation::Pending).await, 1);
        assert_eq!(stands(ConsentRevocation::Done).await, 0);
        next.version = 2;
        let mut back = next.clone();
        back.consent.state = ConsentState::Active;
        assert_eq!(
            go(ConsentState::Revoked, &back).await,
            Err(StoreError::LostUpdate)
        );
        next.consent.revocation = ConsentRevocation::Done;
        assert_eq!(go(ConsentState::Revoked, &next).await, Ok(()));
        assert_eq!(stands(ConsentRevocation::Pending).await, 0);
        assert_eq!(stands(ConsentRevocation::Done).await, 1);
    }
}

#[tokio::test]
async fn a_consent_lapses_on_the_day_after_its_last() {
    for db in engines().await {
        let house = house(&db).await;
        let mut next = house.consent.clone();
        next.consent.state = ConsentState::Active;
        next.consent.granted_until = Some("2026-12-31".parse().unwrap());
        in_tx!(db, house.tenant, |tx| {
            consent::transition(tx, ConsentState::Created, &next).await
        })
        .unwrap();
        let mut session = db.read(house.tenant).await.unwrap();
        for (today, expected) in [("2026-12-31", 0), ("2027-01-01", 1)] {
            let today = today.parse().unwrap();
            let found = consent::lapsed(&mut session, today, 10).await.unwrap();
            assert_eq!(found.len(), expected, "{today} on {}", db.name());
        }
    }
}

#[tokio::test]
async fn another_tenant_neither_reads_nor_changes_a_consent_or_a_link() {
    for db in engines().await {
        let house = house(&db).await;
        let other = new_tenant(&db).await;
        let mut next = house.consent.clone();
        next.consent.state = ConsentState::Revoked;
        let changed = in_tx!(db, other, |tx| {
            consent::transition(tx, ConsentState::Created, &next).await
        });
        assert_eq!(changed, Err(StoreError::LostUpdate), "{}", db.name());
        let mut session = db.read(other).await.unwrap();
        assert!(
            consent::get(&mut session, next.consent.id)
                .await
                .unwrap()
                .is_none()
        );
        assert_eq!(link::get(&mut session, house.link).await, Ok(None));
        assert_eq!(shown(&db, &house, other, Scope::Tenant).await, [0; 4]);
        let person = Scope::EndUser(house.end_user);
        assert_eq!(shown(&db, &house, other, person).await, [0; 4]);
    }
}

/// How many rows the reads of links and consents show to a tenant in a scope.
async fn shown(db: &TestDb, house: &House, tenant: TenantId, scope: Scope) -> [usize; 4] {
    let mut session = db.read(tenant).await.unwrap();
    let asked = LinkQuery {
        limit: 10,
        ..LinkQuery::default()
    };
    let ids = [house.link];
    let consents = [house.consent.consent.id];
    [
        link::list(&mut session, scope, &asked)
            .await
            .unwrap()
            .rows
            .len(),
        link::by_ids(&mut session, scope, &ids).await.unwrap().len(),
        consent::by_links(&mut session, scope, &ids)
            .await
            .unwrap()
            .len(),
        consent::by_ids(&mut session, scope, &consents)
            .await
            .unwrap()
            .len(),
    ]
}

#[tokio::test]
async fn a_person_sees_no_link_or_consent_of_another_person_of_the_tenant() {
    for db in engines().await {
        let house = house(&db).await;
        let neighbour = new_end_user(&db, house.tenant).await;
        for (scope, expected) in [
            (Scope::Tenant, 1),
            (Scope::EndUser(house.end_user), 1),
            (Scope::EndUser(neighbour), 0),
        ] {
            let counts = shown(&db, &house, house.tenant, scope).await;
            assert_eq!(counts, [expected; 4], "{scope:?} on {}", db.name());
        }
    }
}

#[tokio::test]
async fn links_page_forward_and_backward_between_two_places() {
    for db in engines().await {
        let house = house(&db).await;
        let mut ids = vec![house.link];
        for _ in 0..3 {
            let mut session = db.read(house.tenant).await.unwrap();
            let first = link::get(&mut session, house.link).await.unwrap().unwrap();
            drop(session);
            let mut next = first.link.clone();
            next.id = LinkId::new(&effects());
            ids.push(next.id);
            in_tx!(db, house.tenant, |tx| {
                let seq = tx.reserve_seq(1).await?;
                link::insert(tx, &next, first.registration_id, seq).await
            })
            .unwrap();
        }
        ids.sort();
        let page = async |after: Option<LinkId>, before: Option<LinkId>, backward: bool| {
            let asked = LinkQuery {
                after,
                before,
                limit: 2,
                backward,
            };
            let mut session = db.read(house.tenant).await.unwrap();
            let page = link::list(&mut session, Scope::Tenant, &asked)
                .await
                .unwrap();
            let ids: Vec<_> = page.rows.iter().map(|row| row.link.id).collect();
            (ids, page.more)
        };
        assert_eq!(
            page(None, None, false).await,
            (ids[..2].to_vec(), true),
            "{}",
            db.name()
        );
        assert_eq!(
            page(Some(ids[1]), None, false).await,
            (ids[2..].to_vec(), false)
        );
        assert_eq!(page(None, None, true).await, (ids[2..].to_vec(), true));
        assert_eq!(
            page(None, Some(ids[1]), true).await,
            (ids[..1].to_vec(), false)
        );
        let between = page(Some(ids[0]), Some(ids[3]), false).await;
        assert_eq!(between, (ids[1..3].to_vec(), false));
    }
}

#[tokio::test]
async fn every_walled_table_is_empty_for_another_tenant_without_a_predicate() {
    let Some(db) = postgres_or_none().await else {
        return;
    };
    let house = house(&db).await;
    let other = new_tenant(&db).await;
    for (text, seen_by_owner) in [
        ("select count(*) from end_user", 1),
        ("select count(*) from link", 1),
        ("select count(*) from consent", 1),
        ("select count(*) from registration", 1),
    ] {
        for (tenant, expected) in [(house.tenant, seen_by_owner), (other, 0)] {
            let mut session = db.read(tenant).await.unwrap();
            let count = on!(&mut session, |conn, D| sqlx::query_scalar::<D, i64>(text)
                .fetch_one(conn)
                .await);
            assert_eq!(count.unwrap(), expected, "{text}");
        }
    }
}

#[tokio::test]
async fn a_link_is_due_at_its_time_and_never_after_its_end() {
    for db in engines().await {
        let house = house(&db).await;
        let outcome = ReadOutcome {
            health: LinkHealth::Healthy,
            health_until: None,
            attempt_at: Some(NOW),
            success_at: None,
            next_due_at: Some(NOW.plus_seconds(60)),
        };
        in_tx!(db, house.tenant, |tx| {
            let seq = tx.reserve_seq(2).await?;
            link::set_read(tx, house.link, &outcome, seq).await?;
            link::set_progress(tx, house.link, LinkProgress::Accounts, seq + 1).await
        })
        .unwrap();
        let due = async |seconds: i64| {
            let mut session = db.read(house.tenant).await.unwrap();
            link::due(&mut session, NOW.plus_seconds(seconds), 10)
                .await
                .unwrap()
                .len()
        };
        assert_eq!((due(59).await, due(60).await), (0, 1), "{}", db.name());
        let disconnect = async || {
            in_tx!(db, house.tenant, |tx| {
                let seq = tx.reserve_seq(1).await?;
                link::disconnect(tx, house.link, NOW, seq).await
            })
        };
        assert_eq!(disconnect().await, Ok(true));
        assert_eq!(disconnect().await, Ok(false));
        assert_eq!(due(60).await, 0);
        let mut session = db.read(house.tenant).await.unwrap();
        let link = link::get(&mut session, house.link)
            .await
            .unwrap()
            .unwrap()
            .link;
        assert_eq!(link.last_attempt_at, Some(NOW));
        assert_eq!(link.progress, LinkProgress::Accounts);
    }
}

#[tokio::test]
async fn a_page_belongs_to_the_first_browser_that_opens_it() {
    for db in engines().await {
        let house = house(&db).await;
        let page = new_session(&db, &house, &digest(1)).await;
        let bind = async |browser: u8, seconds: i64| {
            let now = NOW.plus_seconds(seconds);
            in_tx!(db, house.tenant, |tx| {
                link_session::bind_browser(tx, page.id, &digest(browser), now).await
            })
        };
        assert_eq!(bind(7, 0).await, Ok(true), "{}", db.name());
        assert_eq!(bind(7, 1).await, Ok(true));
        assert_eq!(bind(8, 1).await, Ok(false));
        assert_eq!(bind(7, 899).await, Ok(true));
        assert_eq!(bind(7, 900).await, Ok(false));
        let mut session = db.read(OPERATOR).await.unwrap();
        let found = link_session::find(&mut session, &digest(1))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(found.tenant_id, house.tenant);
        assert_eq!(
            (found.browser_hash, found.state),
            (Some(digest(7)), SessionState::Opened)
        );
    }
}

#[tokio::test]
async fn a_double_click_moves_a_session_once() {
    for db in engines().await {
        let house = house(&db).await;
        let page = new_session(&db, &house, &digest(1)).await;
        let step = Step {
            from: SessionState::Created,
            to: SessionState::AtBank,
            institution_id: Some("bank".to_owned()),
            link_id: Some(house.link),
            consent_id: Some(ConsentId::new(&effects())),
        };
        let go = async || {
            in_tx!(db, house.tenant, |tx| {
                link_session::proceed(tx, page.id, &step).await
            })
        };
        assert_eq!(go().await, Ok(()), "{}", db.name());
        assert_eq!(go().await, Err(StoreError::LostUpdate));
    }
}

#[tokio::test]
async fn a_result_is_fetched_once_and_by_its_tenant_only() {
    for db in engines().await {
        let house = house(&db).await;
        let other = new_tenant(&db).await;
        let page = new_session(&db, &house, &digest(1)).await;
        let ending = Ending {
            state: SessionState::Succeeded,
            reason: None,
            result_code: Some(digest(9)),
            at: NOW,
        };
        let finish = async || {
            in_tx!(db, house.tenant, |tx| {
                link_session::finish(tx, page.id, &ending).await
            })
        };
        assert_eq!(finish().await, Ok(true), "{}", db.name());
        assert_eq!(finish().await, Ok(false));
        let redeem = async |tenant| {
            in_tx!(db, tenant, |tx| {
                link_session::redeem(tx, &digest(9), NOW).await
            })
            .unwrap()
            .map(|session| session.id)
        };
        assert_eq!(redeem(other).await, None);
        assert_eq!(redeem(house.tenant).await, Some(page.id));
        assert_eq!(redeem(house.tenant).await, None);
    }
}

#[tokio::test]
async fn sessions_whose_time_is_over_are_found_until_they_end() {
    for db in engines().await {
        let house = house(&db).await;
        let page = new_session(&db, &house, &digest(1)).await;
        let expired = async |seconds: i64| {
            let mut session = db.read(OPERATOR).await.unwrap();
            let now = NOW.plus_seconds(seconds);
            link_session::expired(&mut session, now, 10)
                .await
                .unwrap()
                .len()
        };
        assert_eq!(
            (expired(899).await, expired(900).await),
            (0, 1),
            "{}",
            db.name()
        );
        let ending = Ending {
            state: SessionState::Expired,
            reason: Some("TIMED_OUT".to_owned()),
            result_code: None,
            at: NOW,
        };
        in_tx!(db, house.tenant, |tx| {
            link_session::finish(tx, page.id, &ending).await
        })
        .unwrap();
        assert_eq!(expired(900).await, 0);
    }
}
