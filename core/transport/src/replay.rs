//! Recorded exchanges, and the transport that plays them back in tests.

use std::fmt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use fondaco_model::exchange::ResponseHead;
use fondaco_model::{Fault, FaultKind};
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

use crate::{Answer, Body, Call, SINK_CHUNK_BYTES_MAX, Transport, redact};

/// Most files that a folder of recorded exchanges may hold.
const EXCHANGES_MAX: usize = 10_000;

/// One request and its answer, without secrets and personal data.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// The operation.
    pub op: String,
    /// Method.
    pub method: String,
    /// Address; sensitive parameters are taken out.
    pub url: String,
    /// Headers of the request; values outside a list are taken out.
    pub request_headers: Vec<(String, String)>,
    /// Body of the request; sensitive fields are taken out.
    pub request_body: String,
    /// Status code.
    pub status: u16,
    /// Headers of the answer; values outside a list are taken out.
    pub headers: Vec<(String, String)>,
    /// Body of the answer; sensitive fields are taken out.
    pub body: String,
}

impl Exchange {
    /// What may be kept of a call and its answer.
    pub(crate) fn of(call: &Call<'_>, answer: &Answer) -> Self {
        let request = &call.request;
        let kind = |headers: &HeaderMap| {
            let value = headers.get(http::header::CONTENT_TYPE)?;
            value.to_str().ok().map(str::to_owned)
        };
        let body = match &answer.body {
            Body::Whole(body) => redact::body(kind(&answer.head.headers).as_deref(), body),
            Body::Spooled { bytes } => format!("[{bytes} bytes]"),
        };
        Self {
            op: call.op.to_owned(),
            method: request.method.to_string(),
            url: redact::url(&request.url),
            request_headers: redact::headers(&request.headers),
            request_body: redact::body(kind(&request.headers).as_deref(), &request.body),
            status: answer.head.status.as_u16(),
            headers: redact::headers(&answer.head.headers),
            body,
        }
    }

    fn head(&self) -> Option<ResponseHead> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().ok()?;
            headers.append(name, HeaderValue::from_str(value).ok()?);
        }
        Some(ResponseHead {
            status: StatusCode::from_u16(self.status).ok()?,
            headers,
        })
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exchange({} {} {})", self.op, self.method, self.status)
    }
}

/// Answers calls from recorded exchanges; takes the client's place under the stack.
///
/// A call is answered by the first unused exchange with its method and address; each is used once.
#[derive(Debug)]
pub struct Replay {
    left: Mutex<Vec<Exchange>>,
}

impl Replay {
    /// Plays back these exchanges.
    pub fn new(exchanges: Vec<Exchange>) -> Self {
        Self {
            left: Mutex::new(exchanges),
        }
    }

    /// Plays back a folder that the record layer has written, in the order of the file names.
    ///
    /// # Errors
    /// What the file system says; `InvalidData` for a file that is no exchange or for more than
    /// 10,000 files.
    pub fn from_folder(folder: &Path) -> std::io::Result<Self> {
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == "json") {
                paths.push(path);
            }
            if paths.len() > EXCHANGES_MAX {
                return Err(std::io::ErrorKind::InvalidData.into());
            }
        }
        paths.sort();
        let read = |path| Ok(serde_json::from_slice(&std::fs::read(path)?)?);
        let exchanges: std::io::Result<Vec<Exchange>> = paths.into_iter().map(read).collect();
        Ok(Self::new(exchanges?))
    }

    /// Number of exchanges that no call has used.
    pub fn unused(&self) -> usize {
        self.left
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    fn take(&self, call: &Call<'_>) -> Option<(ResponseHead, Vec<u8>)> {
        let url = redact::url(&call.request.url);
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |one: &Exchange| one.method == call.request.method.as_str() && one.url == url;
        let at = left.iter().position(fits)?;
        let exchange = left.remove(at);
        Some((exchange.head()?, exchange.body.into_bytes()))
    }
}

impl Transport for Replay {
    fn send<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(async move {
            let Some((head, body)) = self.take(&call) else {
                return Err(call.fault(FaultKind::Internal, "no_recorded_exchange"));
            };
            let sink = call.sink.filter(|_| head.status.is_success());
            let Some(sink) = sink else {
                return Ok(Answer {
                    head,
                    body: Body::Whole(body),
                });
            };
            sink.restart().await?;
            for chunk in body.chunks(SINK_CHUNK_BYTES_MAX) {
                sink.chunk(chunk).await?;
            }
            Ok(Answer {
                head,
                body: Body::Spooled {
                    bytes: body.len() as u64,
                },
            })
        })
    }
}
