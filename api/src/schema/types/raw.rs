//! Raw answers: what was received from an institution or as a file, as it stood.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fondaco_model::ids::RawAnswerId;
use fondaco_model::scope::KeyScope;
use fondaco_model::v1;
use fondaco_store::repo::raw::RawAnswerRow;

use crate::schema::access::{Access, Field, found, store_error};
use crate::schema::raw::RAW_BYTES_MAX;
use crate::schema::reads::Reads;
use crate::schema::scalars::{BigInt, DateTime};

/// One raw answer.
#[derive(Clone)]
pub(crate) struct RawAnswer(Arc<RawAnswerRow>);

/// A raw answer by its id; null when the caller cannot see it or it is not kept any more.
pub(crate) async fn by_id(cx: &Context<'_>, id: RawAnswerId) -> Field<RawAnswer> {
    if let Err(error) = Access::of(cx).need(KeyScope::RawRead) {
        return Some(Err(error));
    }
    found(Reads::of(cx).raws.load(id).await, RawAnswer)
}

/// One answer or file as it was received, before anything was understood. It may hold data of all
/// the person's accounts, account numbers in clear among them. Scope `raw:read`.
#[Object]
impl RawAnswer {
    /// Our id.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// What was asked for, as a word: `accounts`, `balances`, `transactions`, `statement`. May
    /// grow.
    async fn resource(&self) -> &str {
        &self.0.resource
    }

    /// Status of the HTTP answer; null for a file.
    async fn http_status(&self) -> Option<i32> {
        self.0.http_status.map(i32::from)
    }

    /// When it arrived.
    async fn fetched_at(&self) -> DateTime {
        DateTime(self.0.fetched_at)
    }

    /// SHA-256 of its bytes as received, in hexadecimal digits.
    async fn content_sha256(&self) -> String {
        v1::RawAnswer::from((*self.0).clone()).content_sha256
    }

    /// Bytes as received.
    async fn content_bytes(&self) -> BigInt {
        BigInt(self.0.content_bytes)
    }

    /// True when it has more than the 1,048,576 bytes of which `text` and `base64` show the
    /// beginning.
    async fn truncated(&self) -> bool {
        usize::try_from(self.0.content_bytes).map_or(true, |bytes| bytes > RAW_BYTES_MAX)
    }

    /// Its beginning as text; null when it is no UTF-8, and when the person was erased. One
    /// request shows ten contents and 4 MiB of them.
    async fn text(&self, cx: &Context<'_>) -> Field<String> {
        let bytes = match self.content(cx).await {
            Ok(bytes) => bytes?,
            Err(error) => return Some(Err(error)),
        };
        Some(Ok(as_text(&bytes)?.to_owned()))
    }

    /// Its beginning in base64 (RFC 4648, section 4); null when the person was erased. Counts like
    /// `text`.
    async fn base64(&self, cx: &Context<'_>) -> Field<String> {
        let content = self.content(cx).await.transpose()?;
        Some(content.map(|bytes| BASE64.encode(bytes.as_slice())))
    }
}

impl RawAnswer {
    async fn content(&self, cx: &Context<'_>) -> Result<Option<Arc<Vec<u8>>>> {
        let reads = Reads::of(cx);
        let bytes = usize::try_from(self.0.content_bytes).unwrap_or(usize::MAX);
        reads.raw_budget.take(bytes.min(RAW_BYTES_MAX))?;
        let found = reads.raw_contents.load(self.0.id).await;
        found.map_err(|error| store_error(&error))
    }
}

/// The bytes as text; a character that the end of the beginning cuts is left out.
fn as_text(bytes: &[u8]) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if bytes.len() == RAW_BYTES_MAX && error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_left_out_only_where_the_beginning_ends() {
        let mut bytes = vec![b'x'; RAW_BYTES_MAX - 1];
        bytes.push("ä".as_bytes()[0]);
        assert_eq!(as_text(&bytes).map(str::len), Some(RAW_BYTES_MAX - 1));
        assert_eq!(as_text(&bytes[1..]), None, "a short answer is no text");
        bytes[5] = 0xff;
        assert_eq!(as_text(&bytes), None);
        assert_eq!(as_text("börse".as_bytes()), Some("börse"));
    }
}
