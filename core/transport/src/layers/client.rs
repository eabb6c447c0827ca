//! The transport under the layers: the only HTTP client of the system.
//!
//! It follows no redirect, keeps no cookie, reads no proxy from the environment, never sends again
//! by itself, and connects only to addresses that the [`guard`] has
//! checked. It does not ask for compression and refuses a compressed answer, so that the size cap
//! on bytes received is the cap on bytes kept and a small answer cannot unfold into a large one.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use fondaco_model::exchange::ResponseHead;
use fondaco_model::{Fault, FaultKind};
use futures_util::future::BoxFuture;
use http::HeaderValue;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HOST};
use tokio::time::Instant;

use crate::guard::{self, Guarded, LookupFailed, Names, Reach, Refused};
use crate::{Answer, Body, BodySink, Call, SINK_CHUNK_BYTES_MAX, Transport};

/// Bytes of a refusal's body that are read for its classification; the rest is dropped.
pub const REFUSAL_BYTES_MAX: usize = 64 << 10;

/// Bytes that have to arrive within each [`Settings::progress`], or the answer is given up.
const PROGRESS_BYTES: u64 = 64 << 10;

/// Idle connections that are kept open to one host.
const IDLE_MAX: usize = 4;

/// The client's times.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Longest time for name resolution, connection and TLS handshake.
    pub connect: Duration,
    /// Longest time for each 64 KiB of an answer: an answer that drips is given up.
    pub progress: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            progress: Duration::from_secs(30),
        }
    }
}

/// The client: one connection pool for the public internet and one for sandboxes.
pub struct Client {
    public: reqwest::Client,
    sandbox: reqwest::Client,
    progress: Duration,
}

impl Client {
    /// A client that resolves names with `names`.
    ///
    /// # Errors
    /// [`FaultKind::ConfigInvalid`] when the system has no usable set of root certificates.
    pub fn new(settings: Settings, names: &Arc<dyn Names>) -> Result<Self, Fault> {
        let build = |reach| {
            reqwest::Client::builder()
                .user_agent(concat!("fondaco/", env!("CARGO_PKG_VERSION")))
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .no_proxy()
                .https_only(reach == Reach::Public)
                .connect_timeout(settings.connect)
                .pool_max_idle_per_host(IDLE_MAX)
                .dns_resolver(Guarded::new(names.clone(), reach))
                .build()
                .map_err(|_| {
                    Fault::new(FaultKind::ConfigInvalid, "transport.client")
                        .with("reason", "no_tls_roots")
                })
        };
        Ok(Self {
            public: build(Reach::Public)?,
            sandbox: build(Reach::Sandbox)?,
            progress: settings.progress,
        })
    }

    async fn exchange(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        guard::check(call)?;
        let client = match Reach::of(call.target) {
            Reach::Public => &self.public,
            Reach::Sandbox => &self.sandbox,
        };
        let mut headers = call.request.headers.clone();
        headers.remove(HOST);
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let response = client
            .request(call.request.method.clone(), call.request.url.clone())
            .headers(headers)
            .body(call.request.body.clone())
            .send()
            .await
            .map_err(|error| lost(call, &error))?;
        let head = ResponseHead {
            status: response.status(),
            headers: response.headers().clone(),
        };
        let mut incoming = Incoming {
            call,
            until: Instant::now() + self.progress,
            progress: self.progress,
            received: 0,
            counted: 0,
            response,
        };
        let body = if !head.status.is_success() {
            Body::Whole(incoming.refusal().await)
        } else if let Some(sink) = call.sink {
            incoming.admit(&head)?;
            Body::Spooled {
                bytes: incoming.spool(sink).await?,
            }
        } else {
            incoming.admit(&head)?;
            Body::Whole(incoming.collect().await?)
        };
        Ok(Answer { head, body })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl Transport for Client {
    fn send<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(async move { self.exchange(&call).await })
    }
}

/// An answer whose body is still arriving.
struct Incoming<'a> {
    call: &'a Call<'a>,
    response: reqwest::Response,
    /// When the next [`PROGRESS_BYTES`] have to be here.
    until: Instant,
    progress: Duration,
    received: u64,
    /// `received` when `until` was last moved.
    counted: u64,
}

impl Incoming<'_> {
    /// Refuses what the head already shows to be too large or compressed.
    fn admit(&self, head: &ResponseHead) -> Result<(), Fault> {
        if self
            .response
            .content_length()
            .is_some_and(|all| all > self.call.answer_bytes_max)
        {
            return Err(self.too_large());
        }
        let plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
        if head.headers.get_all(CONTENT_ENCODING).iter().all(plain) {
            Ok(())
        } else {
            Err(self.call.fault(FaultKind::SchemaDrift, "answer_compressed"))
        }
    }

    /// The next piece as it came from the network.
    async fn next(&mut self) -> Result<Option<impl AsRef<[u8]> + use<>>, Fault> {
        let piece = match tokio::time::timeout_at(self.until, self.response.chunk()).await {
            Ok(Ok(Some(piece))) => piece,
            Ok(Ok(None)) => return Ok(None),
            Ok(Err(error)) => return Err(lost(self.call, &error)),
            Err(_) => return Err(down(self.call, "answer_too_slow")),
        };
        self.received += piece.len() as u64;
        if self.received - self.counted >= PROGRESS_BYTES {
            self.counted = self.received;
            self.until = Instant::now() + self.progress;
        }
        Ok(Some(piece))
    }

    fn within_cap(&self) -> Result<(), Fault> {
        if self.received > self.call.answer_bytes_max {
            Err(self.too_large())
        } else {
            Ok(())
        }
    }

    fn too_large(&self) -> Fault {
        self.call
            .fault(FaultKind::SchemaDrift, "answer_too_large")
            .with("bytes_max", self.call.answer_bytes_max.to_string())
    }

    async fn collect(&mut self) -> Result<Vec<u8>, Fault> {
        let mut body = Vec::new();
        while let Some(piece) = self.next().await? {
            self.within_cap()?;
            body.extend_from_slice(piece.as_ref());
        }
        Ok(body)
    }

    /// The beginning of a refusal's body: enough to classify it.
    ///
    /// A body that breaks off does not hide the status, which says more.
    async fn refusal(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        while body.len() < REFUSAL_BYTES_MAX {
            let Ok(Some(piece)) = self.next().await else {
                break;
            };
            let room = REFUSAL_BYTES_MAX - body.len();
            body.extend(piece.as_ref().iter().take(room));
        }
        body
    }

    /// Hands the body on in pieces of the largest size; the last one may be smaller.
    async fn spool(&mut self, sink: &dyn BodySink) -> Result<u64, Fault> {
        sink.restart().await?;
        let mut full = Vec::with_capacity(SINK_CHUNK_BYTES_MAX);
        while let Some(piece) = self.next().await? {
            self.within_cap()?;
            let mut rest = piece.as_ref();
            while !rest.is_empty() {
                let (now, later) = rest.split_at(rest.len().min(SINK_CHUNK_BYTES_MAX - full.len()));
                full.extend_from_slice(now);
                rest = later;
                if full.len() == SINK_CHUNK_BYTES_MAX {
                    sink.chunk(&full).await?;
                    full.clear();
                    // The time that the sink took is not the provider's.
                    self.until = Instant::now() + self.progress;
                }
            }
        }
        if !full.is_empty() {
            sink.chunk(&full).await?;
        }
        Ok(self.received)
    }
}

fn down(call: &Call<'_>, reason: &str) -> Fault {
    call.fault(FaultKind::ProviderDown, reason)
        .after(Duration::ZERO)
}

/// The fault of a failed exchange. The error's own text names the address and stays out.
fn lost(call: &Call<'_>, error: &reqwest::Error) -> Fault {
    if caused_by(error, &|cause| cause.is::<Refused>()) {
        return call.unsent(FaultKind::ConfigInvalid, "address_refused");
    }
    let unsent = |reason| down(call, reason).with("sent", "no");
    if caused_by(error, &|cause| cause.is::<LookupFailed>()) {
        unsent("name_not_resolved")
    } else if error.is_connect() && caused_by(error, &is_tls) {
        unsent("TLS")
    } else if error.is_connect() {
        unsent(if error.is_timeout() {
            "connect_timeout"
        } else {
            "connect"
        })
    } else if error.is_timeout() {
        down(call, "timeout")
    } else if error.is_body() || error.is_decode() {
        down(call, "answer_cut")
    } else {
        down(call, "connection_lost")
    }
}

/// The TLS library reports through `InvalidData`, a peer that gives up through `UnexpectedEof`;
/// before a connection stands nothing else does.
fn is_tls(cause: &(dyn Error + 'static)) -> bool {
    let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
    matches!(
        kind,
        Some(io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
    )
}

/// Looks through the chain of causes, also into errors that stand inside an `io::Error`.
fn caused_by(
    error: &(dyn Error + 'static),
    wanted: &dyn Fn(&(dyn Error + 'static)) -> bool,
) -> bool {
    const CAUSES_MAX: usize = 16;
    let mut next = Some(error);
    for _ in 0..CAUSES_MAX {
        let Some(cause) = next else { return false };
        if wanted(cause) {
            return true;
        }
        let inside = cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match inside {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
    }
    false
}
