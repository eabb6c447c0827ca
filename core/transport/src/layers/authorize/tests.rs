//! Where credentials go, where they never go, and the one refresh.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use fondaco_model::Retry;
use url::form_urlencoded;

use super::*;
use crate::testkit::{API, AUTH, Script, answer, call, fault, target};

/// Lends `one`, then `two`, and counts how often it was asked.
#[derive(Default)]
struct Lender {
    asked: Mutex<Vec<&'static str>>,
    /// The way of the client; in the form where none is said.
    way: Option<Arc<dyn ClientAuthenticator>>,
    public_client: bool,
    bad_token: bool,
}

impl TokenSource for Lender {
    fn token<'a>(&'a self, _: &'a Call<'_>) -> BoxFuture<'a, Result<Secret, Fault>> {
        self.asked.lock().unwrap().push("token");
        let text = if self.bad_token {
            "a\r\nx-injected: 1"
        } else {
            "one"
        };
        Box::pin(async move { Ok(Secret::new(text)) })
    }

    fn refresh<'a>(
        &'a self,
        _: &'a Call<'_>,
        stale: &'a Secret,
    ) -> BoxFuture<'a, Result<Secret, Fault>> {
        assert_eq!(stale.expose(), "one");
        self.asked.lock().unwrap().push("refresh");
        Box::pin(async { Ok(Secret::new("two")) })
    }
}

impl ClientSecrets for Lender {
    fn client<'a>(&'a self, _: &'a Call<'_>) -> BoxFuture<'a, Result<LentClient, Fault>> {
        self.asked.lock().unwrap().push("client");
        let secret = (!self.public_client).then(|| Secret::new("p:ss w/rd+ü"));
        let way = self.way.clone();
        Box::pin(async {
            let id = "cli ent:1".to_owned();
            Ok(LentClient {
                keys: ClientKeys { id, secret },
                authenticator: way.unwrap_or_else(|| Arc::new(ClientSecretPost)),
            })
        })
    }
}

fn over(lender: &Arc<Lender>, script: &Arc<Script>) -> Arc<dyn Transport> {
    Authorize::new(lender.clone(), lender.clone()).wrap(script.clone())
}

fn unauthorized() -> Result<Answer, Fault> {
    Err(fault(FaultKind::AuthExpired))
}

#[tokio::test]
async fn an_expired_token_is_refreshed_once_and_the_call_is_sent_again() {
    let (lender, script) = (Arc::default(), Script::new([unauthorized()]));
    let target = target("a");
    over(&lender, &script)
        .send(call(&target, API))
        .await
        .unwrap();
    assert_eq!(script.header(0, "authorization"), "Bearer one");
    assert_eq!(script.header(1, "authorization"), "Bearer two");
    assert_eq!(*lender.asked.lock().unwrap(), ["token", "refresh"]);
    assert!(script.seen.lock().unwrap()[1].headers["authorization"].is_sensitive());
}

#[tokio::test]
async fn a_token_refused_after_its_refresh_asks_for_a_second_look_later() {
    let (lender, script) = (
        Arc::default(),
        Script::new([unauthorized(), unauthorized()]),
    );
    let target = target("a");
    let fault = over(&lender, &script)
        .send(call(&target, API))
        .await
        .unwrap_err();
    assert_eq!(script.sent(), 2);
    assert_eq!(
        (fault.kind, fault.retry),
        (FaultKind::AuthExpired, Retry::After(SECOND_LOOK))
    );
    assert_eq!(fault.get("detail"), Some("refused_after_refresh"));
}

#[tokio::test]
async fn no_credential_is_lent_for_another_origin_than_its_own() {
    let target = target("a");
    for (url, credential) in [
        ("https://evil.example/accounts", Credential::Grant),
        ("https://api.example:8443/accounts", Credential::Grant),
        ("https://api.example.evil.example/", Credential::Grant),
        (AUTH, Credential::Grant),
        (API, Credential::Client),
        ("https://evil.example/token", Credential::Client),
        ("https://evil.example/", Credential::Anonymous),
        ("https://user@api.example/", Credential::Grant),
        ("http://api.example/", Credential::Grant),
    ] {
        let (lender, script) = (Arc::<Lender>::default(), Script::new([]));
        let mut call = call(&target, url);
        call.request.credential = credential;
        let fault = over(&lender, &script).send(call).await.unwrap_err();
        assert_eq!(fault.retry, Retry::Never, "{url}");
        assert_eq!(
            (script.sent(), lender.asked.lock().unwrap().len()),
            (0, 0),
            "{url}"
        );
    }
}

#[tokio::test]
async fn client_id_and_secret_are_form_encoded_before_they_are_joined() {
    let lender = Arc::new(Lender {
        way: Some(Arc::new(ClientSecretBasic)),
        ..Lender::default()
    });
    let script = Script::new([]);
    let target = target("a");
    let mut call = call(&target, AUTH);
    call.request.credential = Credential::Client;
    over(&lender, &script).send(call).await.unwrap();
    let header = script.header(0, "authorization");
    let text = STANDARD
        .decode(header.strip_prefix("Basic ").unwrap())
        .unwrap();
    assert_eq!(text, b"cli+ent%3A1:p%3Ass+w%2Frd%2B%C3%BC");
}

#[tokio::test]
async fn in_the_form_the_credentials_stand_once_beside_what_was_there() {
    let target = target("a");
    for (public_client, expected) in [
        (
            false,
            "grant_type=x&code=a%2Bb&client_id=cli+ent%3A1&client_secret=p%3Ass+w%2Frd%2B%C3%BC",
        ),
        (true, "grant_type=x&code=a%2Bb&client_id=cli+ent%3A1"),
    ] {
        let lender = Arc::new(Lender {
            public_client,
            ..Lender::default()
        });
        let script = Script::new([]);
        let mut call = call(&target, AUTH);
        call.request.credential = Credential::Client;
        call.request.body = b"grant_type=x&client_id=other&code=a%2Bb".to_vec();
        over(&lender, &script).send(call).await.unwrap();
        let seen = script.seen.lock().unwrap();
        assert_eq!(String::from_utf8(seen[0].body.clone()).unwrap(), expected);
        assert_eq!(
            seen[0].headers["content-type"],
            "application/x-www-form-urlencoded"
        );
        assert!(!seen[0].headers.contains_key("authorization"));
    }
}

#[tokio::test]
async fn a_token_with_a_line_break_is_a_fault_and_no_second_header() {
    let lender = Arc::new(Lender {
        bad_token: true,
        ..Lender::default()
    });
    let script = Script::new([Ok(answer(200, &[], b""))]);
    let target = target("a");
    let fault = over(&lender, &script)
        .send(call(&target, API))
        .await
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::SchemaDrift);
    assert_eq!(script.sent(), 0);
    assert!(!fault.to_string().contains("injected"));
}

/// A way that neither this crate nor an entry knows: a signed assertion in the form, in the shape
/// of RFC 7523, one for each attempt.
#[derive(Default)]
struct Assertion {
    made: AtomicU64,
}

/// Stands for a signature: no one without the key can tell it, and it covers every byte.
fn seal(key: &str, text: &str) -> String {
    let mix = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let sum = key.bytes().chain(text.bytes()).fold(0xcbf2_9ce4, mix);
    URL_SAFE_NO_PAD.encode(sum.to_be_bytes())
}

impl ClientAuthenticator for Assertion {
    fn authenticate<'a>(
        &'a self,
        keys: &'a ClientKeys,
        call: Call<'a>,
    ) -> BoxFuture<'a, Result<Call<'a>, Fault>> {
        Box::pin(async move {
            let missing = || call.fault(FaultKind::ConfigInvalid, "no_key");
            let key = keys.secret.as_ref().ok_or_else(missing)?;
            let claims = serde_json::json!({
                "iss": keys.id,
                "sub": keys.id,
                "aud": call.request.url.as_str(),
                "jti": self.made.fetch_add(1, Ordering::SeqCst),
            });
            let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
            let signed = format!(
                "{}.{}",
                part(r#"{"alg":"test"}"#),
                part(&claims.to_string())
            );
            let assertion = format!("{signed}.{}", seal(key.expose(), &signed));
            Ok(with_form(
                call,
                &[
                    (
                        "client_assertion_type",
                        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                    ),
                    ("client_assertion", &assertion),
                ],
            ))
        })
    }
}

#[tokio::test]
async fn a_further_way_of_client_authentication_needs_nothing_but_its_implementation() {
    let lender = Arc::new(Lender {
        way: Some(Arc::<Assertion>::default()),
        ..Lender::default()
    });
    let script = Script::new([]);
    let target = target("a");
    let mut call = call(&target, AUTH);
    call.request.credential = Credential::Client;
    call.request.body = b"grant_type=x&client_assertion=forged&code=a%2Bb".to_vec();
    for attempt in 0..2 {
        over(&lender, &script).send(call.clone()).await.unwrap();
        let seen = script.seen.lock().unwrap();
        let fields: Vec<_> = form_urlencoded::parse(&seen[attempt].body).collect();
        let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_ref()).collect();
        let expected = [
            "grant_type",
            "code",
            "client_assertion_type",
            "client_assertion",
        ];
        assert_eq!(names, expected);
        assert!(!seen[attempt].headers.contains_key("authorization"));
        let (signed, signature) = fields[3].1.rsplit_once('.').unwrap();
        assert_eq!(signature, seal("p:ss w/rd+ü", signed));
        let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1);
        let claims: serde_json::Value = serde_json::from_slice(&claims.unwrap()).unwrap();
        assert_eq!(
            (&claims["aud"], &claims["jti"]),
            (&AUTH.into(), &attempt.into())
        );
        assert_eq!(claims["sub"], "cli ent:1");
    }
}

#[tokio::test]
async fn a_way_that_cannot_authenticate_sends_nothing() {
    let lender = Arc::new(Lender {
        way: Some(Arc::<Assertion>::default()),
        public_client: true,
        ..Lender::default()
    });
    let script = Script::new([]);
    let target = target("a");
    let mut call = call(&target, AUTH);
    call.request.credential = Credential::Client;
    let fault = over(&lender, &script).send(call).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::ConfigInvalid);
    assert_eq!((fault.get("sent"), script.sent()), (Some("no"), 0));
}

#[tokio::test]
async fn a_public_client_names_itself_in_the_form_whichever_way_its_entry_says() {
    let ways: [Arc<dyn ClientAuthenticator>; 2] =
        [Arc::new(ClientSecretBasic), Arc::new(ClientSecretPost)];
    for way in ways {
        let lender = Arc::new(Lender {
            way: Some(way),
            public_client: true,
            ..Lender::default()
        });
        let script = Script::new([]);
        let target = target("a");
        let mut call = call(&target, AUTH);
        call.request.credential = Credential::Client;
        call.request.body = b"grant_type=x".to_vec();
        over(&lender, &script).send(call).await.unwrap();
        let seen = script.seen.lock().unwrap();
        assert_eq!(seen[0].body, b"grant_type=x&client_id=cli+ent%3A1");
        assert!(!seen[0].headers.contains_key("authorization"));
    }
}
