//! Where credentials go, where they never go, and the one refresh.

use std::sync::Mutex;

use fondaco_model::Retry;

use super::*;
use crate::testkit::{API, AUTH, Script, answer, call, fault, target};

/// Lends `one`, then `two`, and counts how often it was asked.
#[derive(Default)]
struct Lender {
    asked: Mutex<Vec<&'static str>>,
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
    fn client<'a>(&'a self, _: &'a Call<'_>) -> BoxFuture<'a, Result<ClientKeys, Fault>> {
        self.asked.lock().unwrap().push("client");
        let secret = (!self.public_client).then(|| Secret::new("p:ss w/rd+ü"));
        Box::pin(async {
            Ok(ClientKeys {
                id: "cli ent:1".to_owned(),
                secret,
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
        (API, Credential::ClientBasic),
        (API, Credential::ClientPost),
        ("https://evil.example/token", Credential::ClientPost),
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
    let (lender, script) = (Arc::default(), Script::new([]));
    let target = target("a");
    let mut call = call(&target, AUTH);
    call.request.credential = Credential::ClientBasic;
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
        call.request.credential = Credential::ClientPost;
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
