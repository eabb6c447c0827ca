//! No secret and no personal value shows in logs, faults or `Debug`, whatever the level.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use fondaco_model::exchange::{Credential, Response};
use fondaco_model::{Effects, Fault, Secret};
use fondaco_transport::layers::authorize::{
    Authorize, ClientAuthenticator, ClientKeys, ClientSecretBasic, ClientSecretPost, ClientSecrets,
    LentClient, TokenSource,
};
use fondaco_transport::layers::breaker::Breaker;
use fondaco_transport::layers::classify::{Classifier, Classify};
use fondaco_transport::layers::client::Settings;
use fondaco_transport::layers::deadline::Deadline;
use fondaco_transport::layers::limit::{Budget, Limit};
use fondaco_transport::layers::record::Record;
use fondaco_transport::layers::retry::Retry;
use fondaco_transport::layers::sign::Sign;
use fondaco_transport::layers::timeout::Timeout;
use fondaco_transport::layers::trace::Trace;
use fondaco_transport::{Call, DayBudget, Stack, TokioSleeper};
use futures_util::future::BoxFuture;
use http::Method;
use support::{Reply, Server, answer, call, client, ok};
use tracing_subscriber::fmt::format::FmtSpan;

/// Lends secrets that must not be found anywhere, in both ways; no provider word, no budget.
struct World;

/// Puts the secret into header and form, so that neither may show.
struct Both;

impl ClientAuthenticator for Both {
    fn authenticate<'a>(
        &'a self,
        keys: &'a ClientKeys,
        call: Call<'a>,
    ) -> BoxFuture<'a, Result<Call<'a>, Fault>> {
        Box::pin(async {
            let call = ClientSecretPost.authenticate(keys, call).await?;
            ClientSecretBasic.authenticate(keys, call).await
        })
    }
}

impl TokenSource for World {
    fn token<'a>(&'a self, _: &'a Call<'_>) -> BoxFuture<'a, Result<Secret, Fault>> {
        Box::pin(async { Ok(Secret::new("s3cret-token")) })
    }
    fn refresh<'a>(
        &'a self,
        _: &'a Call<'_>,
        _: &'a Secret,
    ) -> BoxFuture<'a, Result<Secret, Fault>> {
        Box::pin(async { Ok(Secret::new("s3cret-token-2")) })
    }
}

impl ClientSecrets for World {
    fn client<'a>(&'a self, _: &'a Call<'_>) -> BoxFuture<'a, Result<LentClient, Fault>> {
        let secret = Some(Secret::new("s3cret-client"));
        Box::pin(async {
            let id = "client".to_owned();
            Ok(LentClient {
                keys: ClientKeys { id, secret },
                authenticator: Arc::new(Both),
            })
        })
    }
}

impl Budget for World {
    fn spend<'a>(&'a self, _: &'a Call<'_>, _: DayBudget) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async { Ok(()) })
    }

    fn give_back<'a>(&'a self, _: &'a Call<'_>, _: DayBudget) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }
}

impl Classifier for World {
    fn classify(&self, _: &Call<'_>, _: &Response) -> Option<Fault> {
        None
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn stack() -> Stack {
    let effects = Effects::system();
    let (world, sleeper) = (Arc::new(World), Arc::new(TokioSleeper));
    Stack::new()
        .layer(Trace)
        .layer(Deadline::new(effects.clone()))
        .layer(Retry::new(effects.clone(), sleeper.clone()))
        .layer(Breaker::new(effects.clone()))
        .layer(Limit::new(effects.clone(), sleeper, world.clone()))
        .layer(Authorize::new(world.clone(), world.clone()))
        .layer(Sign::new(effects.clone(), None))
        .layer(Timeout::default())
        .layer(Classify::new(effects, world))
        .layer(Record::new(None))
}

#[tokio::test]
async fn nothing_secret_is_written_at_any_level() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();

    let body = br#"{"iban":"s3cret-iban"}"#;
    let server = Server::start(vec![
        ok("x-note: s3cret-header\r\n", body),
        Reply::bytes(answer("401 No", "", body)),
        Reply::bytes(answer("400 No", "", body)),
        Reply::bytes(answer("400 No", "", br#"{"error":"s3cret-word"}"#)),
        Reply::bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\ns3cret".to_vec()),
    ])
    .await;
    let stack = stack().over(Arc::new(client(Settings::default()))).unwrap();
    let target = server.target();
    let url = server.url.join("/s3cret-path?code=s3cret-query").unwrap();
    let mut said = Vec::new();
    for (credential, succeeds) in [
        (Credential::Grant, true),
        (Credential::Grant, false),
        (Credential::Client, false),
        (Credential::Client, false),
    ] {
        let mut call = call(&target, &url);
        call.request.credential = credential;
        call.request.method = Method::POST;
        call.replayable = false;
        call.request.body = b"refresh_token=s3cret-body".to_vec();
        said.push(format!("{call:?} {:?}", call.request));
        let result = stack.send(call).await;
        assert_eq!(result.is_ok(), succeeds);
        said.push(match result {
            Ok(answer) => format!("{answer:?}"),
            Err(fault) => format!("{fault:?} {fault}"),
        });
    }
    let seen = server.seen().concat();
    for secret in [
        "s3cret-token-2",
        "s3cret-client",
        "Basic ",
        "s3cret-body",
        "s3cret-query",
    ] {
        assert!(seen.contains(secret), "the server was sent {secret}");
    }
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("provider.call{op=\"accounts.read\" institution=\"test_bank\""));
    assert!(text.contains("attempts=1") && text.contains("outcome=\"OK\""));
    assert!(text.contains("outcome=\"PROVIDER_REJECTED\""));
    for line in text.lines().chain(said.iter().map(String::as_str)) {
        assert!(
            !line.contains("s3cret") && !line.contains("czNjcmV0"),
            "{line}"
        );
    }
}
