//! Uploads of statements through the route.

use std::io::Read as _;

use axum::body::{Body, Bytes};
use fondaco_model::Instant;
use fondaco_model::ids::{EndUserId, UploadId};
use fondaco_model::scope::KeyScope;
use fondaco_store::repo::{Scope, end_user, upload};
use fondaco_vault::tenants::AddressChange;
use futures_util::stream;
use http::{Method, Request, StatusCode};
use serde_json::Value;

use super::browser::Got;
use super::town::{IMPORT_BYTES_MAX, Town, towns};
use crate::connect::UPLOAD_SECONDS;

const PIECE: usize = 100_000;

async fn send(town: &Town, key: &str, address: &str, body: Body) -> Got {
    let request = Request::post(address)
        .header("content-type", "application/xml")
        .header("authorization", format!("Bearer {key}"))
        .body(body)
        .unwrap();
    town.browser().send(request).await
}

fn code(got: &Got) -> String {
    let json: Value = serde_json::from_str(&got.text).unwrap();
    json["errors"][0]["extensions"]["code"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// A body of so many bytes in pieces, whose length is not announced.
fn pieces(bytes: u64) -> Body {
    let mut left = usize::try_from(bytes).unwrap();
    let next = std::iter::from_fn(move || {
        let now = left.min(PIECE);
        left -= now;
        (now > 0).then(|| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; now])))
    });
    Body::from_stream(stream::iter(next))
}

#[tokio::test]
async fn a_statement_is_kept_for_its_person_and_read_back_byte_by_byte() {
    for town in towns().await {
        let key = town.api_key(&[KeyScope::ImportWrite]).await;
        let got = send(
            &town,
            &key,
            "/v1/statements?endUser=b%C3%B6rse",
            pieces(2_500_000),
        )
        .await;
        assert_eq!(got.status, StatusCode::CREATED, "{}", got.text);
        let json: Value = serde_json::from_str(&got.text).unwrap();
        assert_eq!(json["bytes"], 2_500_000);
        let id: UploadId = json["uploadId"].as_str().unwrap().parse().unwrap();
        let mut read = town.db.read(town.tenant).await.unwrap();
        let person = end_user::by_ref(&mut read, "börse").await.unwrap().unwrap();
        let scope = Scope::EndUser(person.id);
        let row = upload::get(&mut read, scope, id).await.unwrap().unwrap();
        drop(read);
        let now: Instant = town.vault.effects().now();
        assert_eq!(row.expires_at, now.plus_seconds(UPLOAD_SECONDS));
        let reader = town
            .vault
            .raw_reader(town.tenant, (Scope::Tenant, row.raw_answer_id))
            .await;
        let mut reader = reader.unwrap();
        let read_back = tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).unwrap();
            bytes
        });
        let bytes = read_back.await.unwrap();
        assert!(bytes.len() == 2_500_000 && bytes.iter().all(|byte| *byte == b'x'));
    }
}

#[tokio::test]
async fn a_statement_at_the_limit_is_taken_and_one_above_it_is_not() {
    for town in towns().await {
        let key = town.api_key(&[KeyScope::ImportWrite]).await;
        let address = "/v1/statements?endUser=ann";
        let got = send(&town, &key, address, pieces(IMPORT_BYTES_MAX)).await;
        assert_eq!(got.status, StatusCode::CREATED, "{}", got.text);
        let got = send(&town, &key, address, pieces(IMPORT_BYTES_MAX + 1)).await;
        assert_eq!(got.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", got.text);
        assert_eq!(code(&got), "QUERY_TOO_LARGE");
        let got = send(&town, &key, address, Body::empty()).await;
        assert_eq!(
            (got.status, code(&got).as_str()),
            (StatusCode::BAD_REQUEST, "BAD_REQUEST")
        );
    }
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing_to_import() {
    for town in towns().await {
        let key = town.api_key(&[KeyScope::ImportWrite]).await;
        let broken = stream::iter([
            Ok(Bytes::from(vec![b'x'; PIECE])),
            Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
        ]);
        let body = Body::from_stream(broken);
        let got = send(&town, &key, "/v1/statements?endUser=ann", body).await;
        assert_eq!(got.status, StatusCode::BAD_REQUEST, "{}", got.text);
    }
}

#[tokio::test]
async fn an_upload_needs_a_key_with_the_scope() {
    for town in towns().await {
        let reader = town.api_key(&[KeyScope::AccountsRead]).await;
        let address = "/v1/statements?endUser=ann";
        let body = || Body::from("<Document/>");
        let got = send(&town, &reader, address, body()).await;
        assert_eq!(
            (got.status, code(&got).as_str()),
            (StatusCode::FORBIDDEN, "FORBIDDEN")
        );
        for wrong in ["", "fdk_test_nobody", "x"] {
            let got = send(&town, wrong, address, body()).await;
            assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{wrong}");
            assert_eq!(got.header("www-authenticate"), "Bearer");
        }
        let key = town.api_key(&[KeyScope::ImportWrite]).await;
        for (person, status) in [
            ("/v1/statements", StatusCode::BAD_REQUEST),
            ("/v1/statements?endUser=", StatusCode::BAD_REQUEST),
            ("/v1/statements?endUser=a%00b", StatusCode::BAD_REQUEST),
            ("/v1/statements?endUser=ann", StatusCode::CREATED),
        ] {
            assert_eq!(
                send(&town, &key, person, body()).await.status,
                status,
                "{person}"
            );
        }
        let got = town.browser().once(Method::GET, "/v1/statements").await;
        assert_eq!(
            (got.status, got.header("allow")),
            (StatusCode::METHOD_NOT_ALLOWED, "POST, OPTIONS")
        );
    }
}

/// A frontend token of ann's, and her id.
async fn frontend_token(town: &Town, scopes: &[KeyScope]) -> (String, EndUserId) {
    use fondaco_store::repo::api_key::KeyClass;
    let (key, _) = town
        .vault
        .create_api_key(town.tenant, "server", (KeyClass::Server, KeyScope::ALL))
        .await
        .unwrap();
    let new = fondaco_vault::access::NewFrontendToken {
        api_key: key.id,
        held: KeyScope::ALL,
        end_user_ref: "ann",
        scopes,
        ttl_seconds: 60,
    };
    let made = town.vault.create_frontend_token(town.tenant, &new).await;
    let (secret, _, person) = made.unwrap();
    (secret.expose().to_owned(), person)
}

#[tokio::test]
async fn a_frontend_token_uploads_for_its_own_person_and_for_nobody_else() {
    for town in towns().await {
        let (token, ann) = frontend_token(&town, &[KeyScope::ImportWrite]).await;
        let body = || Body::from("<Document/>");
        for address in ["/v1/statements", "/v1/statements?endUser=ann"] {
            let got = send(&town, &token, address, body()).await;
            assert_eq!(got.status, StatusCode::CREATED, "{}", got.text);
            let json: Value = serde_json::from_str(&got.text).unwrap();
            let id: UploadId = json["uploadId"].as_str().unwrap().parse().unwrap();
            let mut read = town.db.read(town.tenant).await.unwrap();
            let row = upload::get(&mut read, Scope::Tenant, id).await.unwrap();
            assert_eq!(row.unwrap().end_user_id, Some(ann));
        }
        let key = town.api_key(&[KeyScope::ImportWrite]).await;
        let got = send(&town, &key, "/v1/statements?endUser=bob", body()).await;
        assert_eq!(got.status, StatusCode::CREATED, "bob is known now");
        for (named, status) in [
            ("bob", StatusCode::FORBIDDEN),
            ("nobody", StatusCode::FORBIDDEN),
            ("", StatusCode::BAD_REQUEST),
        ] {
            let address = format!("/v1/statements?endUser={named}");
            let got = send(&town, &token, &address, body()).await;
            assert_eq!(got.status, status, "{named} {}", got.text);
        }
        let mut read = town.db.read(town.tenant).await.unwrap();
        let made = end_user::by_ref(&mut read, "nobody").await.unwrap();
        assert!(made.is_none(), "a token makes no person");
        drop(read);
        let (reader, _) = frontend_token(&town, &[KeyScope::AccountsRead]).await;
        let got = send(&town, &reader, "/v1/statements", body()).await;
        assert_eq!(
            (got.status, code(&got).as_str()),
            (StatusCode::FORBIDDEN, "FORBIDDEN")
        );
    }
}

const PAGE: &str = "https://app.example";

/// An upload from a page.
async fn from_page(town: &Town, origin: &str, key: &str) -> Got {
    let request = Request::post("/v1/statements")
        .header("content-type", "text/xml")
        .header("origin", origin)
        .header("authorization", format!("Bearer {key}"))
        .body(Body::from("<Document/>"))
        .unwrap();
    town.browser().send(request).await
}

#[tokio::test]
async fn pages_of_the_tenants_own_origins_may_upload_and_no_others() {
    for town in towns().await {
        let change = AddressChange::AddOrigin(PAGE.to_owned());
        let changed = town.vault.change_address(town.tenant, &change).await;
        assert!(changed.unwrap());
        let (token, _) = frontend_token(&town, &[KeyScope::ImportWrite]).await;
        let allowed = "access-control-allow-origin";
        let got = from_page(&town, PAGE, &token).await;
        assert_eq!(
            (got.status, got.header(allowed)),
            (StatusCode::CREATED, PAGE)
        );
        let got = from_page(&town, "https://evil.example", &token).await;
        assert_eq!(
            (got.status, got.header(allowed)),
            (StatusCode::FORBIDDEN, "")
        );
        // What is wrong with the key or its scopes the tenant's page may read.
        let got = from_page(&town, PAGE, "fdt_over").await;
        assert_eq!(
            (got.status, got.header(allowed)),
            (StatusCode::UNAUTHORIZED, PAGE)
        );
        let (reader, _) = frontend_token(&town, &[KeyScope::AccountsRead]).await;
        let got = from_page(&town, PAGE, &reader).await;
        assert_eq!(
            (got.status, got.header(allowed)),
            (StatusCode::FORBIDDEN, PAGE)
        );
        for (origin, expected) in [(PAGE, PAGE), ("https://evil.example", "")] {
            let request = Request::options("/v1/statements")
                .header("origin", origin)
                .header("access-control-request-method", "POST")
                .body(Body::empty())
                .unwrap();
            let got = town.browser().send(request).await;
            assert_eq!(
                (got.status, got.header(allowed)),
                (StatusCode::NO_CONTENT, expected)
            );
            let headers = got.header("access-control-allow-headers");
            let methods = got.header("access-control-allow-methods");
            let told = (methods, headers.contains("authorization"));
            assert_eq!(
                told,
                if expected.is_empty() {
                    ("", false)
                } else {
                    ("POST", true)
                }
            );
        }
    }
}

#[tokio::test]
async fn the_person_may_be_named_by_a_header_instead_but_not_twice() {
    for town in towns().await {
        let key = town.api_key(&[KeyScope::ImportWrite]).await;
        for (address, status) in [
            ("/v1/statements", StatusCode::CREATED),
            ("/v1/statements?endUser=bob", StatusCode::BAD_REQUEST),
        ] {
            let request = Request::post(address)
                .header("content-type", "text/xml")
                .header("authorization", format!("Bearer {key}"))
                .header("fondaco-end-user", "ann")
                .body(Body::from("<Document/>"))
                .unwrap();
            let got = town.browser().send(request).await;
            assert_eq!(got.status, status, "{}", got.text);
        }
    }
}
