//! The client against a real server on loopback: what it follows, keeps, reads and refuses.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fondaco_model::exchange::{Credential, Response};
use fondaco_model::{Effects, Fault, FaultKind, Retry};
use fondaco_transport::guard::Names;
use fondaco_transport::layers::classify::{Classifier, Classify};
use fondaco_transport::layers::client::{Client, Settings};
use fondaco_transport::layers::retry;
use fondaco_transport::layers::timeout::Timeout;
use fondaco_transport::{Answer, Body, BodySink, Call, Layer, TokioSleeper, Transport};
use futures_util::future::BoxFuture;
use support::{Reply, Server, answer, call, client, ok};
use tokio::io::AsyncWriteExt;
use url::Url;

/// Leaves every answer to the shared table.
struct Shared;

impl Classifier for Shared {
    fn classify(&self, _: &Call<'_>, _: &Response) -> Option<Fault> {
        None
    }
}

fn classified(client: Client) -> Arc<dyn Transport> {
    Classify::new(Effects::system(), Arc::new(Shared)).wrap(Arc::new(client))
}

fn body(answer: Answer) -> Vec<u8> {
    answer.into_response().unwrap().body
}

fn reason(result: Result<Answer, Fault>) -> String {
    let fault = result.unwrap_err();
    assert_eq!(fault.get("institution"), Some("test_bank"));
    fault.get("reason").unwrap().to_owned()
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = Server::start(vec![]).await;
    let head = format!("location: {}\r\n", other.url);
    let reply = || Reply::bytes(answer("302 Found", &head, b""));
    let server = Server::start(vec![reply(), reply()]).await;
    let target = server.target();
    let plain = client(Settings::default())
        .send(call(&target, &server.url))
        .await
        .unwrap();
    assert_eq!(plain.head.status, 302);
    let stack = classified(client(Settings::default()));
    let fault = stack.send(call(&target, &server.url)).await.unwrap_err();
    assert_eq!(
        (fault.kind, fault.retry),
        (FaultKind::ProviderRejected, Retry::Never)
    );
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn an_answer_is_read_up_to_its_cap_and_refused_one_byte_above() {
    let chunked = |size: usize| {
        let text = format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n\
             {size:x}\r\n{}\r\n0\r\n\r\n",
            "x".repeat(size)
        );
        Reply::bytes(text.into_bytes())
    };
    let stated = |size: usize| ok("", &vec![b'x'; size]);
    for spooled in [false, true] {
        let replies = vec![stated(1000), stated(1001), chunked(1000), chunked(1001)];
        let server = Server::start(replies).await;
        let target = server.target();
        let client = client(Settings::default());
        for fits in [true, false, true, false] {
            let sink = Keep::default();
            let mut call = call(&target, &server.url);
            if spooled {
                call = call.spooled(&sink);
            }
            call.answer_bytes_max = 1000;
            let result = client.send(call).await;
            if fits {
                assert!(result.is_ok());
                assert!(!spooled || sink.bytes().len() == 1000);
            } else {
                let fault = result.unwrap_err();
                assert_eq!(
                    (fault.kind, fault.retry),
                    (FaultKind::SchemaDrift, Retry::Never)
                );
                assert_eq!(fault.get("reason"), Some("answer_too_large"));
            }
        }
    }
}

#[tokio::test]
async fn a_cut_answer_is_the_providers_failure_and_may_be_tried_again() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n0123456789".to_vec();
    let cut_chunk = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\na\r\n0123".to_vec();
    let server = Server::start(vec![
        Reply::bytes(cut),
        Reply::bytes(cut_chunk),
        Reply::bytes(vec![]),
    ])
    .await;
    let target = server.target();
    let client = client(Settings::default());
    for expected in ["answer_cut", "answer_cut", "connection_lost"] {
        let fault = client.send(call(&target, &server.url)).await.unwrap_err();
        assert_eq!(fault.get("reason"), Some(expected));
        assert_eq!(fault.kind, FaultKind::ProviderDown);
        assert_eq!(fault.retry, Retry::After(Duration::ZERO));
        assert_eq!(fault.get("sent"), None);
    }
    assert_eq!(
        server.seen().len(),
        3,
        "the client sends nothing again by itself"
    );
}

#[tokio::test]
async fn a_server_that_never_answers_ends_in_the_attempts_timeout() {
    let server = Server::start(vec![Reply {
        bytes: vec![],
        hold: true,
    }])
    .await;
    let short = Duration::from_millis(50);
    let timeout = Timeout {
        collected: short,
        spooled: short,
    };
    let stack = timeout.wrap(Arc::new(client(Settings::default())));
    let target = server.target();
    assert_eq!(
        reason(stack.send(call(&target, &server.url)).await),
        "timeout"
    );
}

#[tokio::test]
async fn an_answer_that_stops_to_arrive_is_given_up() {
    let begun = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n0123456789";
    let held = || Reply {
        bytes: begun.to_vec(),
        hold: true,
    };
    let server = Server::start(vec![held(), held()]).await;
    let settings = Settings {
        progress: Duration::from_millis(50),
        ..Settings::default()
    };
    let client = client(settings);
    let target = server.target();
    assert_eq!(
        reason(client.send(call(&target, &server.url)).await),
        "answer_too_slow"
    );
    let sink = Keep::default();
    let spooled = call(&target, &server.url).spooled(&sink);
    assert_eq!(reason(client.send(spooled).await), "answer_too_slow");
}

#[tokio::test]
async fn compression_is_not_asked_for_and_a_compressed_answer_is_refused_unread() {
    let server = Server::start(vec![
        ok("content-encoding: gzip\r\n", &[0x1f, 0x8b, 8, 0]),
        ok("content-encoding: identity\r\n", b"plain"),
    ])
    .await;
    let target = server.target();
    let client = client(Settings::default());
    assert_eq!(
        reason(client.send(call(&target, &server.url)).await),
        "answer_compressed"
    );
    assert_eq!(
        body(client.send(call(&target, &server.url)).await.unwrap()),
        b"plain"
    );
    assert!(
        server
            .seen()
            .iter()
            .all(|text| text.contains("accept-encoding: identity\r\n"))
    );
}

#[tokio::test]
async fn no_cookie_is_kept_and_no_host_is_feigned() {
    let reply = || ok("set-cookie: session=1; path=/\r\n", b"");
    let server = Server::start(vec![reply(), reply()]).await;
    let target = server.target();
    let client = client(Settings::default());
    for _ in 0..2 {
        let mut call = call(&target, &server.url);
        call.request
            .headers
            .insert("host", "internal.example".parse().unwrap());
        client.send(call).await.unwrap();
    }
    for text in server.seen() {
        assert!(!text.to_lowercase().contains("cookie"), "{text}");
        assert!(
            text.contains(&format!("host: {}\r\n", server.url.authority())),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_peer_that_speaks_no_tls_is_down_with_the_reason_tls() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("https://{}/", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream
            .write_all(&answer("400 Bad Request", "", b""))
            .await
            .unwrap();
        stream
    });
    let mut target = Server::start(vec![]).await.target();
    target.api = Some(url.origin());
    let fault = client(Settings::default())
        .send(call(&target, &url))
        .await
        .unwrap_err();
    assert_eq!(
        (fault.kind, fault.get("reason")),
        (FaultKind::ProviderDown, Some("TLS"))
    );
    assert_eq!(fault.get("sent"), Some("no"));
}

#[tokio::test]
async fn a_closed_port_is_down_before_anything_was_sent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server::start(vec![]).await;
    let mut target = server.target();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    drop(listener);
    target.api = Some(url.origin());
    let fault = client(Settings::default())
        .send(call(&target, &url))
        .await
        .unwrap_err();
    assert_eq!(
        (fault.get("reason"), fault.get("sent")),
        (Some("connect"), Some("no"))
    );
}

/// Gives every name the same address.
struct Fixed(IpAddr);

impl Names for Fixed {
    fn lookup(&self, _: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let address = self.0;
        Box::pin(async move { Ok(vec![address]) })
    }
}

#[tokio::test]
async fn a_name_that_resolves_to_a_private_address_is_never_connected_to() {
    let server = Server::start(vec![]).await;
    let port = server.url.port().unwrap();
    let url: Url = format!("https://bank.example:{port}/").parse().unwrap();
    let names: Arc<dyn Names> = Arc::new(Fixed(IpAddr::from([127, 0, 0, 1])));
    let client = Client::new(Settings::default(), &names).unwrap();
    let mut target = server.target();
    target.sandbox = false;
    target.api = Some(url.origin());
    let fault = client.send(call(&target, &url)).await.unwrap_err();
    assert_eq!(
        (fault.kind, fault.retry),
        (FaultKind::ConfigInvalid, Retry::Never)
    );
    assert_eq!(fault.get("reason"), Some("address_refused"));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn spellings_of_loopback_are_never_connected_to() {
    let server = Server::start(vec![]).await;
    let port = server.url.port().unwrap();
    let client = client(Settings::default());
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "localhost",
        "user@127.0.0.1",
    ] {
        for scheme in ["http", "https"] {
            let url: Url = format!("{scheme}://{host}:{port}/").parse().unwrap();
            let mut target = server.target();
            target.sandbox = false;
            target.api = Some(url.origin());
            let fault = client.send(call(&target, &url)).await.unwrap_err();
            assert_eq!(fault.kind, FaultKind::ConfigInvalid, "{url} {fault}");
        }
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn the_client_itself_refuses_an_origin_that_the_credential_does_not_belong_to() {
    let (server, other) = (Server::start(vec![]).await, Server::start(vec![]).await);
    let target = server.target();
    for credential in [Credential::Anonymous, Credential::Grant, Credential::Client] {
        let mut call = call(&target, &other.url);
        call.request.credential = credential;
        assert_eq!(
            reason(client(Settings::default()).send(call).await),
            "foreign_origin"
        );
    }
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn of_a_refusals_body_only_the_beginning_is_read() {
    let long = vec![b'x'; (64 << 10) + 1];
    let server = Server::start(vec![Reply::bytes(answer("500 Oops", "", &long))]).await;
    let target = server.target();
    let answer = client(Settings::default())
        .send(call(&target, &server.url))
        .await
        .unwrap();
    assert_eq!(answer.head.status, 500);
    assert_eq!(body(answer).len(), 64 << 10);
}

/// Keeps what it is given.
#[derive(Default)]
struct Keep(Mutex<Vec<Vec<u8>>>, Mutex<u32>);

impl Keep {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().concat()
    }
}

impl BodySink for Keep {
    fn restart(&self) -> BoxFuture<'_, Result<(), Fault>> {
        self.0.lock().unwrap().clear();
        *self.1.lock().unwrap() += 1;
        Box::pin(async { Ok(()) })
    }

    fn chunk<'a>(&'a self, bytes: &'a [u8]) -> BoxFuture<'a, Result<(), Fault>> {
        assert!((1..=1 << 20).contains(&bytes.len()));
        self.0.lock().unwrap().push(bytes.to_vec());
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test]
async fn a_large_answer_is_spooled_in_bounded_pieces_and_a_retry_begins_anew() {
    let all: Vec<u8> = (0..5_u32 << 19)
        .map(|at| at.to_le_bytes()[(at % 3) as usize])
        .collect();
    let whole = answer("200 OK", "", &all);
    let cut = whole[..whole.len() - (1 << 20)].to_vec();
    let server = Server::start(vec![Reply::bytes(cut), Reply::bytes(whole)]).await;
    let stack = retry::Retry::new(Effects::system(), Arc::new(TokioSleeper))
        .wrap(classified(client(Settings::default())));
    let target = server.target();
    let sink = Keep::default();
    let answer = stack
        .send(call(&target, &server.url).spooled(&sink))
        .await
        .unwrap();
    assert!(
        answer.body
            == Body::Spooled {
                bytes: all.len() as u64
            }
    );
    assert!(sink.bytes() == all, "the content is the last attempt's");
    assert_eq!(*sink.1.lock().unwrap(), 2);
    assert_eq!(sink.0.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_refusal_never_reaches_the_sink() {
    let server = Server::start(vec![Reply::bytes(answer("404 Gone", "", b"no"))]).await;
    let target = server.target();
    let sink = Keep::default();
    let stack = classified(client(Settings::default()));
    let fault = stack
        .send(call(&target, &server.url).spooled(&sink))
        .await
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::NotFoundOrGone);
    assert_eq!(*sink.1.lock().unwrap(), 0);
}

#[tokio::test]
async fn an_answer_with_very_many_headers_is_a_failure_and_no_more() {
    let head = "x-note: yyyyyyyyyyyyyyyy\r\n".repeat(20_000);
    let server = Server::start(vec![ok(&head, b"")]).await;
    let target = server.target();
    let result = client(Settings::default())
        .send(call(&target, &server.url))
        .await;
    assert_eq!(reason(result), "connection_lost");
}
