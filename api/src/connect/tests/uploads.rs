//! Uploads of statements through the route.

use std::io::Read as _;

use axum::body::{Body, Bytes};
use fondaco_model::Instant;
use fondaco_model::ids::{EndUserId, UploadId};
use fondaco_model::scope::KeyScope;
use fondaco_store::in_tx;
use fondaco_store::repo::{Scope, end_user, raw, upload};
use fondaco_vault::tenants::AddressChange;
use futures_util::{FutureExt, StreamExt, stream};
use http::{Method, Request, StatusCode};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::browser::Got;
use super::town::{IMPORT_BYTES_MAX, Town, towns};
use crate::connect::{UPLOAD_SECONDS, UPLOADS_OF_KEY, WAITING_MAX};

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

/// A body whose first piece arrives and whose second one waits for the test: the body, what tells
/// that somebody takes it, and what lets it end.
fn held() -> (Body, oneshot::Receiver<()>, mpsc::Sender<()>) {
    let (taken, is_taken) = oneshot::channel();
    let (go_on, mut may) = mpsc::channel::<()>(1);
    let first = async move {
        taken.send(()).unwrap();
        Ok::<_, std::io::Error>(Bytes::from_static(b"<Document"))
    };
    let second = async move {
        may.recv().await;
        Ok(Bytes::from_static(b"/>"))
    };
    let pieces = stream::iter([first.boxed(), second.boxed()]).then(|piece| piece);
    (Body::from_stream(pieces), is_taken, go_on)
}

#[tokio::test]
async fn a_key_receives_its_share_of_uploads_at_once_and_leaves_the_rest_to_others() {
    for town in towns().await {
        let key = town.api_key(&[KeyScope::ImportWrite]).await;
        let address = "/v1/statements?endUser=ann";
        let document = || Body::from("<Document/>");
        let (mut sends, mut ends) = (Vec::new(), Vec::new());
        for _ in 0..UPLOADS_OF_KEY {
            let (body, is_taken, go_on) = held();
            let mut sent = Box::pin(send(&town, &key, address, body));
            tokio::select! {
                taken = is_taken => taken.unwrap(),
                got = &mut sent => panic!("{}", got.text),
            }
            sends.push(sent);
            ends.push(go_on);
        }
        let got = send(&town, &key, address, document()).await;
        assert_eq!(got.status, StatusCode::TOO_MANY_REQUESTS, "{}", got.text);
        assert_eq!(code(&got), "RATE_LIMITED");
        assert_eq!(got.header("retry-after"), "10");
        let other = town.api_key(&[KeyScope::ImportWrite]).await;
        let got = send(&town, &other, address, document()).await;
        assert_eq!(got.status, StatusCode::CREATED, "{}", got.text);
        drop(ends);
        for sent in sends {
            assert_eq!(sent.await.status, StatusCode::CREATED);
        }
        let got = send(&town, &key, address, document()).await;
        assert_eq!(got.status, StatusCode::CREATED, "{}", got.text);
    }
}

#[tokio::test]
async fn an_upload_that_takes_longer_than_half_an_hour_is_refused() {
    for town in towns().await {
        let key = town.api_key(&[KeyScope::ImportWrite]).await;
        let (body, is_taken, go_on) = held();
        let mut sent = Box::pin(send(&town, &key, "/v1/statements?endUser=ann", body));
        tokio::select! {
            taken = is_taken => taken.unwrap(),
            got = &mut sent => panic!("{}", got.text),
        }
        // The half hour passes; what is left of the body is taken once it comes.
        town.patience.open(1);
        assert!((&mut sent).now_or_never().is_none());
        drop(go_on);
        let got = sent.await;
        assert_eq!(got.status, StatusCode::REQUEST_TIMEOUT, "{}", got.text);
        assert!(got.text.contains("30 minutes"), "{}", got.text);
    }
}

async fn waits(town: &Town, reference: &str) -> (EndUserId, i64) {
    let mut read = town.db.read(town.tenant).await.unwrap();
    let person = end_user::by_ref(&mut read, reference).await.unwrap();
    let (id, now) = (person.unwrap().id, town.vault.effects().now());
    let waiting = upload::waiting(&mut read, id, now).await.unwrap();
    (id, waiting.count)
}

#[tokio::test]
async fn a_person_has_twenty_uploads_that_wait_and_no_more_until_one_is_used_or_expires() {
    for town in towns().await {
        let key = town.api_key(&[KeyScope::ImportWrite]).await;
        let address = "/v1/statements?endUser=ann";
        let document = || Body::from("<Document/>");
        let mut last = None;
        for number in 0..WAITING_MAX {
            let got = send(&town, &key, address, document()).await;
            assert_eq!(got.status, StatusCode::CREATED, "{number} {}", got.text);
            let json: Value = serde_json::from_str(&got.text).unwrap();
            last = json["uploadId"].as_str().unwrap().parse::<UploadId>().ok();
        }
        let refused = send(&town, &key, address, document()).await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(code(&refused), "RATE_LIMITED");
        assert!(refused.text.contains("import them"), "{}", refused.text);
        assert_eq!(refused.header("retry-after"), UPLOAD_SECONDS.to_string());
        let other = "/v1/statements?endUser=bob";
        let got = send(&town, &key, other, document()).await;
        assert_eq!(got.status, StatusCode::CREATED, "{}", got.text);
        let now = town.vault.effects().now();
        in_tx!(town.db, town.tenant, |tx| {
            upload::consume(tx, Scope::Tenant, last.unwrap(), now).await
        })
        .unwrap()
        .unwrap();
        for status in [StatusCode::CREATED, StatusCode::TOO_MANY_REQUESTS] {
            let got = send(&town, &key, address, document()).await;
            assert_eq!(got.status, status, "{}", got.text);
        }
        town.clock.advance_seconds(UPLOAD_SECONDS);
        let got = send(&town, &key, address, document()).await;
        assert_eq!(got.status, StatusCode::CREATED, "{}", got.text);
        assert_eq!(waits(&town, "ann").await.1, 1);
    }
}

#[tokio::test]
async fn of_uploads_that_end_at_once_none_passes_the_limit_and_the_refused_content_goes() {
    for town in towns().await {
        let key = town.api_key(&[KeyScope::ImportWrite]).await;
        let address = "/v1/statements?endUser=ann";
        for number in 1..WAITING_MAX {
            let body = Body::from(format!("<Document>{number}</Document>"));
            let got = send(&town, &key, address, body).await;
            assert_eq!(got.status, StatusCode::CREATED, "{number} {}", got.text);
        }
        let (body, is_taken, go_on) = held();
        let mut slow = Box::pin(send(&town, &key, address, body));
        tokio::select! {
            taken = is_taken => taken.unwrap(),
            got = &mut slow => panic!("{}", got.text),
        }
        let got = send(&town, &key, address, Body::from("<Last/>")).await;
        assert_eq!(got.status, StatusCode::CREATED, "{}", got.text);
        drop(go_on);
        let got = slow.await;
        assert_eq!(got.status, StatusCode::TOO_MANY_REQUESTS, "{}", got.text);
        assert_eq!(waits(&town, "ann").await.1, WAITING_MAX);
        // Its content has no upload; it goes on its day.
        let day = town.vault.effects().now();
        let mut read = town.db.read(town.tenant).await.unwrap();
        for (seconds, expected) in [(raw::UNNAMED_SECONDS - 1, 0), (raw::UNNAMED_SECONDS, 1)] {
            let at = day.plus_seconds(seconds);
            let due = raw::due(&mut read, at, 9).await.unwrap();
            assert_eq!(due.len(), expected, "{seconds}");
            assert_eq!(raw::named(&mut read, &due).await.unwrap(), []);
        }
    }
}
