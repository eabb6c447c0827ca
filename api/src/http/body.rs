//! Reads a request's body up to its limit, and lets the rest run out.

use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt;
use http::StatusCode;

use super::code::Code;
use super::problem::Problem;

/// Bytes above the limit that are still taken from the socket and dropped: a client that is cut
/// off while it writes never sees the answer.
const DRAIN_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Time in which a body must have arrived.
const BODY_WAIT_MAX: Duration = Duration::from_secs(10);

/// Reads a body of at most `max` bytes.
///
/// # Errors
/// 413 above the limit, 408 when it does not arrive in time, 400 when it breaks off.
pub(super) async fn read(body: Body, max: usize) -> Result<Vec<u8>, Problem> {
    match tokio::time::timeout(BODY_WAIT_MAX, collect(body, max)).await {
        Ok(read) => read,
        Err(_) => Err(Problem::http(
            StatusCode::REQUEST_TIMEOUT,
            "The body did not arrive.",
        )),
    }
}

async fn collect(body: Body, max: usize) -> Result<Vec<u8>, Problem> {
    let mut chunks = body.into_data_stream();
    let (mut taken, mut size) = (Vec::new(), 0_usize);
    while let Some(chunk) = chunks.next().await {
        let Ok(chunk) = chunk else {
            return Err(Problem::new(Code::BadRequest, "The body broke off."));
        };
        size = size.saturating_add(chunk.len());
        if size <= max {
            taken.extend_from_slice(&chunk);
        } else if size > max + DRAIN_BYTES_MAX {
            break;
        }
    }
    if size > max {
        let message = format!("The body is too large: the limit is {max} bytes.");
        let problem = Problem::new(Code::QueryTooLarge, message);
        return Err(Problem {
            status: Some(StatusCode::PAYLOAD_TOO_LARGE),
            ..problem
        });
    }
    Ok(taken)
}
