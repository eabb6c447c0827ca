//! The public keys of registrations.

use http::header::ALLOW;
use http::{Method, StatusCode};

use super::town::{ORIGIN, strict_town, towns};

#[tokio::test]
async fn a_registrations_public_keys_are_a_set_that_anybody_may_read_and_keep() {
    for town in towns().await {
        let all = town.vault.registrations(town.tenant).await.unwrap();
        let id = all[0].registration.id;
        let url = town.vault.public_keys_uri(id);
        assert_eq!(url, format!("{ORIGIN}/keys/{id}"));
        let mut anybody = town.browser();
        let got = anybody.get(&url).await;
        assert_eq!(got.status, StatusCode::OK, "{}", town.db.name());
        assert_eq!(got.text, r#"{"keys":[]}"#);
        assert_eq!(got.header("content-type"), "application/jwk-set+json");
        assert_eq!(got.header("cache-control"), "public, max-age=300");
        let owner = all[0].registration.owner;
        assert!(town.vault.disable_registration(owner, id).await.unwrap());
        let got = anybody.get(&url).await;
        assert_eq!(got.status, StatusCode::OK, "what was signed can be checked");
        let got = anybody.once(Method::POST, &url).await;
        assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(got.header(ALLOW.as_str()), "GET, HEAD");
    }
}

#[tokio::test]
async fn an_unknown_registration_looks_like_an_id_that_is_none() {
    for town in towns().await {
        let mut anybody = town.browser();
        let mut answers = Vec::new();
        let unknown = fondaco_model::ids::RegistrationId(uuid::Uuid::from_u128(7));
        for id in [unknown.to_string(), "x".to_owned(), "%ff".to_owned()] {
            let got = anybody.get(&format!("{ORIGIN}/keys/{id}")).await;
            assert_eq!(got.status, StatusCode::NOT_FOUND, "{id}");
            assert!(!got.header("cache-control").contains("public"), "{id}");
            answers.push(got.text);
        }
        assert!(
            answers.iter().all(|text| *text == answers[0]),
            "{answers:?}"
        );
    }
}

#[tokio::test]
async fn a_peer_that_tries_many_ids_is_told_to_wait() {
    let town = strict_town(2).await;
    let mut guesser = town.browser();
    let url = format!("{ORIGIN}/keys/x");
    for _ in 0..2 {
        assert_eq!(guesser.get(&url).await.status, StatusCode::NOT_FOUND);
    }
    let got = guesser.get(&url).await;
    assert_eq!(got.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(!got.header("retry-after").is_empty());
}
