//! Ids of claimed rows as one value: 16 bytes each, in order.

use fondaco_model::ids::TransactionId;
use uuid::Uuid;

use crate::error::{Result, StoreError};

/// Bytes of one id.
const ID_BYTES: usize = 16;

/// Ids as one value.
pub fn pack(ids: &[TransactionId]) -> Vec<u8> {
    ids.iter().flat_map(|id| id.0.into_bytes()).collect()
}

/// The ids of one value, in their order.
///
/// # Errors
/// [`StoreError::Inconsistent`] when the value does not consist of whole ids.
pub fn unpack(bytes: &[u8]) -> Result<Vec<TransactionId>> {
    let (ids, rest) = bytes.as_chunks::<ID_BYTES>();
    if rest.is_empty() {
        Ok(ids
            .iter()
            .map(|id| TransactionId(Uuid::from_bytes(*id)))
            .collect())
    } else {
        Err(StoreError::Inconsistent { column: "claimed" })
    }
}
