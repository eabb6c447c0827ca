//! A scripted HTTP server on loopback, and calls to it.

use std::sync::{Arc, Mutex};

use fondaco_model::exchange::{Credential, Request};
use fondaco_model::ids::TenantId;
use fondaco_model::{Clock, SystemClock};
use fondaco_transport::guard::{Names, SystemNames};
use fondaco_transport::layers::client::{Client, Settings};
use fondaco_transport::{Call, Caller, Target};
use http::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// What the server does with one connection: it writes `bytes`, then closes, or holds on.
pub(crate) struct Reply {
    pub(crate) bytes: Vec<u8>,
    pub(crate) hold: bool,
}

impl Reply {
    /// Writes these bytes and closes.
    pub(crate) fn bytes(bytes: Vec<u8>) -> Self {
        Self { bytes, hold: false }
    }
}

/// A server that answers each connection with the next reply.
pub(crate) struct Server {
    pub(crate) url: Url,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        tokio::spawn(async move {
            let mut held = Vec::new();
            for reply in replies {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read_request(&mut stream).await;
                log.lock().unwrap().push(request);
                // The client may have gone away: that is what some tests are about.
                let _ = stream.write_all(&reply.bytes).await;
                if reply.hold {
                    held.push(stream);
                } else {
                    let _ = stream.shutdown().await;
                }
            }
            // One connection too many is seen and closed without an answer.
            while listener.accept().await.is_ok() {
                log.lock().unwrap().push("unexpected".to_owned());
            }
        });
        Self {
            url: url.parse().unwrap(),
            seen,
        }
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// A sandbox's target whose both origins are this server.
    pub(crate) fn target(&self) -> Target {
        Target {
            institution: "test_bank".to_owned(),
            sandbox: true,
            api: Some(self.url.origin()),
            auth: vec![self.url.origin()],
            requests_per_minute: 600,
            answer_bytes_max: 16 << 20,
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while bytes.len() < 1 << 20 {
        let count = stream.read(&mut buffer).await.unwrap_or(0);
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if count == 0 {
            return text;
        }
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |text| text.parse().unwrap()) {
            return text;
        }
    }
    panic!("the request is too long");
}

/// A whole answer with its length stated.
pub(crate) fn ok(head: &str, body: &[u8]) -> Reply {
    Reply::bytes(answer("200 OK", head, body))
}

pub(crate) fn answer(status: &str, head: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{head}\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

pub(crate) fn client(settings: Settings) -> Client {
    let names: Arc<dyn Names> = Arc::new(SystemNames);
    Client::new(settings, &names).unwrap()
}

/// A call to `url` with a minute of time and no credential.
pub(crate) fn call<'a>(target: &'a Target, url: &Url) -> Call<'a> {
    let mut request = Request::new(Method::GET, url.clone());
    request.credential = Credential::Anonymous;
    let caller = Caller {
        tenant: TenantId(uuid::Uuid::nil()),
        credential: "grant",
    };
    let deadline = SystemClock.now().plus_seconds(60);
    Call::new(request, "accounts.read", target, caller, deadline)
}
