//! Tenants, keys, tokens, end users, institutions, registrations.

use fondaco_model::ids::{ApiKeyId, EndUserId, RegistrationId, TenantId};
use fondaco_model::scope::KeyScope;
use fondaco_model::v1::{Institution, Owner};

use super::{NOW, details, digest, effects, new_end_user, new_tenant, registration_of};
use crate::in_tx;
use crate::repo::api_key::{self, ApiKey, KeyClass, TOUCH_SECONDS};
use crate::repo::end_user;
use crate::repo::frontend_token::{self, FrontendToken};
use crate::repo::institution::{self, Search};
use crate::repo::registration::{self, Rotation};
use crate::repo::tenant::{self, Mode};
use crate::testing::{TestDb, engines};
use crate::{OPERATOR, Result, StoreError};

async fn new_key(db: &TestDb, tenant: TenantId, secret: u8) -> ApiKey {
    let key = ApiKey {
        id: ApiKeyId::new(&effects()),
        tenant_id: tenant,
        hint: "fk_test_ab".to_owned(),
        label: "server".to_owned(),
        class: KeyClass::Server,
        scopes: KeyScope::ALL.to_vec(),
        created_at: NOW,
        last_used_at: None,
        revoked_at: None,
    };
    in_tx!(db, tenant, |tx| {
        api_key::insert(tx, &key, &digest(secret)).await
    })
    .unwrap();
    key
}

async fn find_key(db: &TestDb, secret: u8) -> Option<ApiKey> {
    let mut session = db.read(OPERATOR).await.unwrap();
    let found = api_key::find(&mut session, &digest(secret)).await.unwrap();
    found.map(|found| found.key)
}

#[tokio::test]
async fn a_tenant_reads_back_and_the_operator_is_none() {
    for db in engines().await {
        let first = new_tenant(&db).await;
        let second = new_tenant(&db).await;
        let mut session = db.read(OPERATOR).await.unwrap();
        let listed = tenant::list(&mut session, None, 10).await.unwrap();
        let ids: Vec<_> = listed.iter().map(|tenant| tenant.id).collect();
        let mut expected = vec![first, second];
        expected.sort();
        assert_eq!(ids, expected, "{}", db.name());
        assert_eq!(listed[0].details, details());
        assert_eq!(listed[0].mode, Mode::Test);
        let rest = tenant::list(&mut session, Some(expected[0]), 10)
            .await
            .unwrap();
        assert_eq!(rest.len(), 1);
    }
}

#[tokio::test]
async fn return_urls_and_origins_are_compared_exactly_and_per_tenant() {
    for db in engines().await {
        let (first, second) = (new_tenant(&db).await, new_tenant(&db).await);
        in_tx!(db, first, |tx| {
            tenant::add_return_url(tx, "https://a.example/back").await?;
            tenant::add_return_url(tx, "https://a.example/back").await?;
            tenant::add_origin(tx, "https://a.example").await
        })
        .unwrap();
        let mut session = db.read(first).await.unwrap();
        for (url, expected) in [
            ("https://a.example/back", true),
            ("https://a.example/back/", false),
            ("https://A.example/back", false),
        ] {
            let known = tenant::return_url_registered(&mut session, url)
                .await
                .unwrap();
            assert_eq!(known, expected, "{url}");
        }
        assert_eq!(tenant::return_urls(&mut session).await.unwrap().len(), 1);
        let mut session = db.read(second).await.unwrap();
        assert!(
            !tenant::has_origin(&mut session, "https://a.example")
                .await
                .unwrap()
        );
        assert!(
            !tenant::return_url_registered(&mut session, "https://a.example/back")
                .await
                .unwrap()
        );
        let mut session = db.read(OPERATOR).await.unwrap();
        assert!(
            tenant::origin_registered(&mut session, "https://a.example")
                .await
                .unwrap()
        );
        drop(session);
        in_tx!(db, first, |tx| tenant::disable(tx, NOW).await).unwrap();
        let mut session = db.read(OPERATOR).await.unwrap();
        assert!(
            !tenant::origin_registered(&mut session, "https://a.example")
                .await
                .unwrap()
        );
    }
}

#[tokio::test]
async fn a_key_is_found_until_it_is_revoked_or_its_tenant_disabled() {
    for db in engines().await {
        let (first, second) = (new_tenant(&db).await, new_tenant(&db).await);
        let key = new_key(&db, first, 1).await;
        new_key(&db, second, 2).await;
        assert_eq!(find_key(&db, 1).await, Some(key.clone()), "{}", db.name());
        assert_eq!(find_key(&db, 9).await, None);
        let foreign = in_tx!(db, second, |tx| api_key::revoke(tx, key.id, NOW).await);
        assert_eq!(foreign, Ok(false));
        let own = in_tx!(db, first, |tx| api_key::revoke(tx, key.id, NOW).await);
        assert_eq!(own, Ok(true));
        assert_eq!(find_key(&db, 1).await, None);
        in_tx!(db, second, |tx| tenant::disable(tx, NOW).await).unwrap();
        assert_eq!(find_key(&db, 2).await, None);
    }
}

#[tokio::test]
async fn a_keys_last_use_is_written_once_a_minute() {
    for db in engines().await {
        let tenant = new_tenant(&db).await;
        let key = new_key(&db, tenant, 1).await;
        for (seconds, expected) in [(0, 0), (TOUCH_SECONDS - 1, 0), (TOUCH_SECONDS, 60)] {
            let at = NOW.plus_seconds(seconds);
            in_tx!(db, tenant, |tx| api_key::touch(tx, key.id, at).await).unwrap();
            let used = find_key(&db, 1).await.unwrap().last_used_at;
            assert_eq!(used, Some(NOW.plus_seconds(expected)), "{seconds}");
        }
    }
}

#[tokio::test]
async fn a_token_dies_with_its_time_its_key_and_its_person() {
    for db in engines().await {
        let tenant = new_tenant(&db).await;
        let key = new_key(&db, tenant, 1).await;
        let person = new_end_user(&db, tenant).await;
        let token = FrontendToken {
            tenant_id: tenant,
            end_user_id: person,
            api_key_id: key.id,
            scopes: vec![KeyScope::AccountsRead],
            created_at: NOW,
            expires_at: NOW.plus_seconds(10),
        };
        let insert = async |secret: u8| {
            in_tx!(db, tenant, |tx| {
                frontend_token::insert(tx, &token, &digest(secret)).await
            })
            .unwrap();
        };
        let found = async |secret: u8, seconds: i64| {
            let mut session = db.read(OPERATOR).await.unwrap();
            frontend_token::find(&mut session, &digest(secret), NOW.plus_seconds(seconds))
                .await
                .unwrap()
                .map(|found| found.token)
        };
        insert(5).await;
        assert_eq!(found(5, 9).await, Some(token.clone()), "{}", db.name());
        assert_eq!(found(5, 10).await, None);
        let expire = async |seconds: i64| {
            let now = NOW.plus_seconds(seconds);
            in_tx!(db, OPERATOR, |tx| {
                frontend_token::expire(tx, now, 10).await
            })
        };
        assert_eq!(expire(9).await, Ok(0));
        assert_eq!(expire(10).await, Ok(1));
        insert(6).await;
        let revoked = in_tx!(db, tenant, |tx| {
            frontend_token::revoke_of_end_user(tx, person).await
        });
        assert_eq!((revoked, found(6, 0).await), (Ok(1), None));
        insert(7).await;
        in_tx!(db, tenant, |tx| api_key::revoke(tx, key.id, NOW).await).unwrap();
        assert_eq!(found(7, 0).await, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reference_makes_one_person_also_when_asked_for_at_once() {
    for db in engines().await {
        let tenant = new_tenant(&db).await;
        let get = async || -> Result<EndUserId> {
            let id = EndUserId::new(&effects());
            in_tx!(db, tenant, |tx| {
                end_user::get_or_create(tx, "anna", id, NOW).await
            })
            .map(|person| person.id)
        };
        let answers = tokio::join!(get(), get(), get(), get());
        let first = answers.0.unwrap();
        for other in [answers.1, answers.2, answers.3] {
            assert_eq!(other, Ok(first), "{}", db.name());
        }
    }
}

#[tokio::test]
async fn an_erased_persons_reference_comes_again_as_another_person() {
    for db in engines().await {
        let tenant = new_tenant(&db).await;
        let get = async |id: EndUserId| {
            in_tx!(db, tenant, |tx| {
                end_user::get_or_create(tx, "anna", id, NOW).await
            })
            .unwrap()
            .id
        };
        let (first, second) = (EndUserId::new(&effects()), EndUserId::new(&effects()));
        assert_eq!(get(first).await, first);
        let erased = in_tx!(db, tenant, |tx| end_user::erase(tx, first, NOW).await);
        assert_eq!(erased, Ok(true));
        let mut session = db.read(tenant).await.unwrap();
        assert_eq!(end_user::get(&mut session, first).await, Ok(None));
        drop(session);
        assert_eq!(get(second).await, second);
    }
}

#[tokio::test]
async fn a_person_of_another_tenant_is_not_there() {
    for db in engines().await {
        let (first, second) = (new_tenant(&db).await, new_tenant(&db).await);
        let person = new_end_user(&db, first).await;
        let mut session = db.read(second).await.unwrap();
        assert_eq!(
            end_user::get(&mut session, person).await,
            Ok(None),
            "{}",
            db.name()
        );
        assert_eq!(end_user::list(&mut session, None, 10).await, Ok(Vec::new()));
    }
}

fn entry(id: &str, name: &str, sandbox: bool) -> Institution {
    Institution {
        id: id.to_owned(),
        name: name.to_owned(),
        countries: vec!["DE".to_owned(), "AT".to_owned()],
        bic: Some("EXAMDEFF".to_owned()),
        family: "example".to_owned(),
        sandbox,
        consent_days_max: 180,
        history_days: None,
    }
}

#[tokio::test]
async fn institutions_follow_their_manifests_and_unchanged_ones_are_not_written() {
    for db in engines().await {
        let sync = async |entries: &[(Institution, bool)]| {
            in_tx!(db, OPERATOR, |tx| {
                institution::sync(tx, entries, NOW).await
            })
            .unwrap()
        };
        let mut entries = vec![
            (entry("a", "Bank A", false), true),
            (entry("b", "B", true), true),
        ];
        assert_eq!(sync(&entries).await, 2, "{}", db.name());
        assert_eq!(sync(&entries).await, 0);
        entries[0].0.history_days = Some(90);
        assert_eq!(sync(&entries).await, 1);
        assert_eq!(sync(&entries[..1]).await, 1);
        let mut session = db.read(OPERATOR).await.unwrap();
        let search = Search {
            sandbox: true,
            limit: 10,
            ..Search::default()
        };
        assert_eq!(
            institution::search(&mut session, &search).await,
            Ok(Vec::new())
        );
        let gone = institution::get(&mut session, "b").await.unwrap();
        assert_eq!(gone, Some(entry("b", "B", true)));
        let several = institution::by_ids(&mut session, &["b", "a", "c"])
            .await
            .unwrap();
        assert_eq!(several.len(), 2);
    }
}

#[tokio::test]
async fn a_search_finds_every_word_in_any_case_and_pages_by_name() {
    for db in engines().await {
        let entries = [
            (entry("x1", "Größte Bank_1", false), true),
            (entry("x2", "Kleine Bank", false), true),
            (entry("x3", "Kasse", false), false),
        ];
        in_tx!(db, OPERATOR, |tx| {
            institution::sync(tx, &entries, NOW).await
        })
        .unwrap();
        let mut session = db.read(OPERATOR).await.unwrap();
        for (text, country, expected) in [
            ("", None, vec!["x1", "x2"]),
            ("GRÖSSTE", None, vec![]),
            ("GRÖẞTE bank", None, vec!["x1"]),
            ("bank examdeff", Some("AT"), vec!["x1", "x2"]),
            ("bank", Some("FR"), vec![]),
            ("bank_", None, vec!["x1"]),
            ("b%k", None, vec![]),
        ] {
            let search = Search {
                text: text.to_owned(),
                country: country.map(str::to_owned),
                limit: 10,
                ..Search::default()
            };
            let found = institution::search(&mut session, &search).await.unwrap();
            let ids: Vec<_> = found.iter().map(|entry| entry.id.as_str()).collect();
            assert_eq!(ids, expected, "{text} on {}", db.name());
        }
        let after = Some((institution::search_text(&entries[0].0), "x1".to_owned()));
        let search = Search {
            after,
            limit: 1,
            ..Search::default()
        };
        let found = institution::search(&mut session, &search).await.unwrap();
        assert_eq!(found[0].id, "x2");
    }
}

#[tokio::test]
async fn a_registration_is_used_by_its_owner_and_the_operators_by_all() {
    for db in engines().await {
        let (first, second) = (new_tenant(&db).await, new_tenant(&db).await);
        let shared = registration_of(Owner::Operator, "bank");
        let own = registration_of(Owner::Tenant(first), "bank");
        in_tx!(db, OPERATOR, |tx| registration::insert(tx, &shared).await).unwrap();
        in_tx!(db, first, |tx| registration::insert(tx, &own).await).unwrap();
        let foreign = registration_of(Owner::Tenant(first), "bank");
        let refused = in_tx!(db, second, |tx| registration::insert(tx, &foreign).await);
        assert_eq!(refused, Err(StoreError::NotFound), "{}", db.name());
        for (tenant, expected, count) in [(first, &own, 2), (second, &shared, 1)] {
            let mut session = db.read(tenant).await.unwrap();
            let found = registration::for_institution(&mut session, "bank")
                .await
                .unwrap();
            assert_eq!(found.as_ref(), Some(expected));
            assert_eq!(registration::list(&mut session).await.unwrap().len(), count);
        }
        let mut session = db.read(OPERATOR).await.unwrap();
        assert_eq!(registration::list(&mut session).await.unwrap().len(), 2);
        let mut session = db.read(second).await.unwrap();
        let hidden = registration::get(&mut session, own.registration.id).await;
        assert_eq!(hidden, Ok(None));
    }
}

#[tokio::test]
async fn only_the_owner_changes_a_registration() {
    for db in engines().await {
        let tenant = new_tenant(&db).await;
        let shared = registration_of(Owner::Operator, "bank");
        let id = shared.registration.id;
        in_tx!(db, OPERATOR, |tx| registration::insert(tx, &shared).await).unwrap();
        let rotation = Rotation {
            client_id: "next".to_owned(),
            client_secret_sealed: None,
            data_key_id: shared.data_key_id,
            at: NOW,
        };
        let rotate = async |by: TenantId, id: RegistrationId| {
            in_tx!(db, by, |tx| registration::rotate(tx, id, &rotation).await)
        };
        assert_eq!(
            rotate(tenant, id).await,
            Err(StoreError::NotFound),
            "{}",
            db.name()
        );
        assert_eq!(rotate(OPERATOR, id).await, Ok(()));
        let disable =
            async |by: TenantId| in_tx!(db, by, |tx| registration::disable(tx, id, NOW).await);
        assert_eq!(disable(tenant).await, Ok(false));
        assert_eq!(disable(OPERATOR).await, Ok(true));
        let mut session = db.read(tenant).await.unwrap();
        assert_eq!(
            registration::for_institution(&mut session, "bank").await,
            Ok(None)
        );
        let stored = registration::get(&mut session, id).await.unwrap().unwrap();
        assert_eq!(stored.registration.client_id, "next");
    }
}
