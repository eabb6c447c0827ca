//! Keys, tokens, tenants and registrations.

use fondaco_model::v1::Owner;
use fondaco_store::repo::tenant::Mode;

use super::*;
use crate::access::{CallerClass, FRONTEND_SECONDS_MAX, NewFrontendToken};
use crate::registrations::{NewRegistration, Tested};
use crate::tenants::{check_origin, check_return_url};

fn new_token<'a>(house: &House, scopes: &'a [KeyScope]) -> NewFrontendToken<'a> {
    NewFrontendToken {
        api_key: house.key.id,
        held: KeyScope::ALL,
        end_user_ref: "customer 7",
        scopes,
        ttl_seconds: 600,
    }
}

#[tokio::test]
async fn a_key_is_known_until_it_is_revoked_and_its_tokens_with_it() {
    for house in houses().await {
        let bearer = house.secret.expose();
        assert!(bearer.starts_with("fdk_test_"));
        let caller = house.vault.authenticate(bearer).await.unwrap().unwrap();
        assert_eq!(
            (caller.tenant, caller.class),
            (house.tenant, CallerClass::Server)
        );
        let scopes = [KeyScope::AccountsRead];
        let token = new_token(&house, &scopes);
        let (token, expires_at, person) = house
            .vault
            .create_frontend_token(house.tenant, &token)
            .await
            .unwrap();
        assert_eq!(expires_at.seconds_since(house.vault.effects().now()), 600);
        let caller = house
            .vault
            .authenticate(token.expose())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(caller.end_user, Some(person));
        assert_eq!(caller.origins, ["https://shop.example"]);
        assert_eq!(caller.scopes, scopes);
        for wrong in [
            "",
            "fdk_test_x",
            "Bearer",
            &bearer[..bearer.len() - 1],
            &"x".repeat(300),
        ] {
            assert_eq!(
                house.vault.authenticate(wrong).await.unwrap(),
                None,
                "{wrong}"
            );
        }
        assert!(
            house
                .vault
                .revoke_api_key(house.tenant, house.key.id)
                .await
                .unwrap()
        );
        assert!(
            !house
                .vault
                .revoke_api_key(house.tenant, house.key.id)
                .await
                .unwrap()
        );
        assert_eq!(house.vault.authenticate(bearer).await.unwrap(), None);
        assert_eq!(
            house.vault.authenticate(token.expose()).await.unwrap(),
            None
        );
        house.ledger().await;
    }
}

#[tokio::test]
async fn a_token_may_do_no_more_than_its_key_and_lives_an_hour_at_most() {
    for house in houses().await {
        let scopes = [KeyScope::RawRead];
        let make = async |change: &dyn Fn(&mut NewFrontendToken<'_>)| {
            let mut token = new_token(&house, &scopes);
            change(&mut token);
            house
                .vault
                .create_frontend_token(house.tenant, &token)
                .await
        };
        assert!(
            make(&|token| token.held = &[KeyScope::AccountsRead])
                .await
                .is_err()
        );
        assert!(make(&|token| token.ttl_seconds = 0).await.is_err());
        assert!(
            make(&|token| token.ttl_seconds = FRONTEND_SECONDS_MAX + 1)
                .await
                .is_err()
        );
        assert!(make(&|token| token.end_user_ref = "").await.is_err());
        let (token, ..) = make(&|token| token.ttl_seconds = FRONTEND_SECONDS_MAX)
            .await
            .unwrap();
        house.clock.advance_seconds(3_599);
        assert!(
            house
                .vault
                .authenticate(token.expose())
                .await
                .unwrap()
                .is_some()
        );
        house.clock.advance_seconds(1);
        assert!(
            house
                .vault
                .authenticate(token.expose())
                .await
                .unwrap()
                .is_none()
        );
    }
}

#[tokio::test]
async fn keys_and_tokens_of_a_disabled_tenant_find_nothing() {
    for house in houses().await {
        assert!(house.vault.disable_tenant(house.tenant).await.unwrap());
        assert_eq!(
            house
                .vault
                .authenticate(house.secret.expose())
                .await
                .unwrap(),
            None
        );
        house.ledger().await;
    }
}

#[tokio::test]
async fn a_tenants_own_registration_comes_before_the_operators_and_is_seen_by_no_other() {
    for house in houses().await {
        let other = house
            .vault
            .create_tenant(&new_tenant(Mode::Test))
            .await
            .unwrap()
            .id;
        let new = NewRegistration {
            owner: Owner::Tenant(other),
            institution_id: INSTITUTION.to_owned(),
            environment: "sandbox".to_owned(),
            client_id: "own".to_owned(),
            client_secret: Some(Secret::new("own-secret")),
        };
        let own = house.vault.add_registration(&new).await.unwrap();
        assert_eq!(
            own.redirect_uri,
            format!("http://127.0.0.1:8080/callback/{}", own.id)
        );
        let found = async |tenant| {
            let stored = house
                .vault
                .registration_for(tenant, INSTITUTION)
                .await
                .unwrap();
            stored.unwrap().registration.id
        };
        assert_eq!(found(other).await, own.id);
        assert_eq!(found(house.tenant).await, house.registration);
        let owner = Owner::Tenant(other);
        house
            .vault
            .rotate_registration(owner, own.id, ("new", None))
            .await
            .unwrap();
        let foreign = Owner::Tenant(house.tenant);
        let refused = house
            .vault
            .rotate_registration(foreign, own.id, ("x", None))
            .await;
        assert!(refused.is_err());
        assert!(
            !house
                .vault
                .disable_registration(foreign, own.id)
                .await
                .unwrap()
        );
        assert!(
            house
                .vault
                .disable_registration(owner, own.id)
                .await
                .unwrap()
        );
        assert_eq!(found(other).await, house.registration);
        house.ledger().await;
    }
}

#[tokio::test]
async fn a_registration_is_tested_with_a_token_that_nobody_has() {
    for house in houses().await {
        let tested = house
            .vault
            .test_registration(house.tenant, house.registration)
            .await;
        assert!(matches!(tested.unwrap(), Tested::ClientAccepted));
        house.bank.play(super::bank::Mischief::TokensDown);
        let tested = house
            .vault
            .test_registration(house.tenant, house.registration)
            .await;
        assert!(matches!(tested.unwrap(), Tested::Unclear(_)));
    }
}

#[tokio::test]
async fn a_rotated_secret_still_opens_and_links_go_on() {
    for house in houses().await {
        let secret = Some(Secret::new("second-secret"));
        let (owner, id) = (Owner::Operator, house.registration);
        house.clock.advance_seconds(5);
        house
            .vault
            .rotate_registration(owner, id, (bank::CLIENT, secret))
            .await
            .unwrap();
        house.linked().await;
    }
}

#[test]
fn people_are_sent_back_to_secure_addresses_only() {
    for good in [
        RETURN_URL,
        "https://a.example/",
        "http://127.0.0.1:3000/x",
        "http://localhost/",
    ] {
        assert!(check_return_url(good).is_ok(), "{good}");
    }
    for bad in [
        "http://shop.example/",
        "javascript:alert(1)",
        "https://user@shop.example/",
        "https://shop.example/#x",
        "//shop.example/",
        "",
    ] {
        assert!(check_return_url(bad).is_err(), "{bad}");
    }
    assert!(check_origin("https://shop.example").is_ok());
    for bad in [
        "https://shop.example/",
        "http://shop.example",
        "null",
        "*",
        "shop.example",
    ] {
        assert!(check_origin(bad).is_err(), "{bad}");
    }
}
