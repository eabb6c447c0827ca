//! The body of an upload: each piece in its time, and all of them in theirs.

#![expect(
    clippy::unnecessary_box_returns,
    reason = "a refusal is much larger than a success"
)]

use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use http::header::EXPECT;
use http::{HeaderMap, StatusCode};

use super::Pause;
use crate::http::code::Code;
use crate::http::problem::Problem;

/// Time in which the next piece of a body must have arrived.
const PIECE_WAIT_MAX: Duration = Duration::from_secs(30);
/// Time in which a whole body must have arrived: 1 GiB at 5 Mbit/s.
pub const RECEIVE_MAX: Duration = Duration::from_mins(30);
/// Bytes of a refused body that are still taken from the socket and dropped: a client that is cut
/// off while it writes never sees why.
const DRAIN_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Time that this takes at most.
const DRAIN_WAIT_MAX: Duration = Duration::from_secs(30);

/// A body that arrives.
pub(super) struct Pieces {
    stream: BodyDataStream,
    /// Ends when the body must be here.
    over: BoxFuture<'static, ()>,
}

impl Pieces {
    /// A body whose time begins now.
    pub(super) fn new(body: Body, pause: &Pause) -> Self {
        Self {
            stream: body.into_data_stream(),
            over: pause(RECEIVE_MAX),
        }
    }

    /// The next piece; none at the end.
    ///
    /// # Errors
    /// The refusal, when it does not arrive in time or the body breaks off.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Box<Problem>> {
        let piece = tokio::time::timeout(PIECE_WAIT_MAX, self.stream.next());
        let arrived = tokio::select! {
            // First: a body that always has a next piece has an end too.
            biased;
            () = &mut self.over => return Err(late("The body took longer than 30 minutes.")),
            arrived = piece => arrived,
        };
        match arrived {
            Ok(None) => Ok(None),
            Ok(Some(Ok(piece))) => Ok(Some(piece)),
            Ok(Some(Err(_))) => {
                let message = "The body broke off.";
                Err(Box::new(Problem::new(Code::BadRequest, message)))
            }
            Err(_) => Err(late("The body did not arrive.")),
        }
    }

    /// Takes what is left of a refused body, within limits, and drops it.
    pub(super) async fn drain(mut self, headers: &HeaderMap) {
        // A client that waits for leave to send sends nothing now.
        if headers.contains_key(EXPECT) {
            return;
        }
        let rest = async {
            let mut taken = 0;
            while let Some(Ok(piece)) = self.stream.next().await {
                taken += piece.len();
                if taken > DRAIN_BYTES_MAX {
                    return;
                }
            }
        };
        // A client that is this slow is cut off.
        let _ = tokio::time::timeout(DRAIN_WAIT_MAX, rest).await;
    }
}

fn late(message: &str) -> Box<Problem> {
    Box::new(Problem::http(StatusCode::REQUEST_TIMEOUT, message))
}
