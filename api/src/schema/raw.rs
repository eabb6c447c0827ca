//! The beginning of raw answers, opened for who may see it, within a budget for each request.

use std::collections::HashMap;
use std::io::Read as _;
use std::sync::{Arc, Mutex, PoisonError};

use fondaco_model::ids::{RawAnswerId, TenantId};
use fondaco_store::StoreError;
use fondaco_store::repo::Scope;
use fondaco_vault::keys::KeyError;
use fondaco_vault::{Vault, VaultError};

use super::load::Fetched;
use crate::http::code::Code;

/// Bytes of one raw answer that are shown, from its beginning: one sealed chunk.
pub(crate) const RAW_BYTES_MAX: usize = 1 << 20;

/// Bytes of all raw answers that one request shows.
pub(crate) const RAW_REQUEST_BYTES_MAX: usize = 4 << 20;

/// Fields of one request that show the content of a raw answer; each is read by itself.
pub(crate) const RAW_FIELDS_MAX: usize = 10;

/// What one request may still show.
pub(crate) struct RawBudget(Mutex<(usize, usize)>);

impl Default for RawBudget {
    fn default() -> Self {
        Self(Mutex::new((RAW_FIELDS_MAX, RAW_REQUEST_BYTES_MAX)))
    }
}

impl RawBudget {
    /// Takes one field of so many bytes.
    ///
    /// # Errors
    /// `QUERY_TOO_EXPENSIVE` when the request's budget has too little left.
    pub(crate) fn take(&self, bytes: usize) -> async_graphql::Result<()> {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let less = (left.0.checked_sub(1), left.1.checked_sub(bytes));
        if let (Some(fields), Some(bytes)) = less {
            *left = (fields, bytes);
            return Ok(());
        }
        let message = format!(
            "One request shows {RAW_FIELDS_MAX} contents of raw answers and \
             {RAW_REQUEST_BYTES_MAX} bytes of them; ask for fewer at once."
        );
        Err(Code::QueryTooExpensive.error(message))
    }
}

/// The beginnings of complete answers; those that are not there, and those of an erased person,
/// are not in the result.
pub(crate) async fn contents(
    vault: &Vault,
    tenant: TenantId,
    (scope, ids): (Scope, Vec<RawAnswerId>),
) -> Fetched<RawAnswerId, Arc<Vec<u8>>> {
    let mut found = HashMap::with_capacity(ids.len());
    for id in ids {
        match vault.raw_reader(tenant, (scope, id)).await {
            Ok(reader) => {
                let beginning = tokio::task::spawn_blocking(move || {
                    let mut bytes = Vec::new();
                    let max = u64::try_from(RAW_BYTES_MAX).unwrap_or(u64::MAX);
                    reader.take(max).read_to_end(&mut bytes).map(|_| bytes)
                });
                let bytes = beginning.await.map_err(|error| broken(&error))?;
                found.insert(id, Arc::new(bytes.map_err(|error| broken(&error))?));
            }
            Err(VaultError::NotFound | VaultError::Key(KeyError::Destroyed)) => {}
            Err(VaultError::Store(error)) => return Err(error),
            Err(error) => return Err(broken(&error)),
        }
    }
    Ok(found)
}

/// An answer that does not open is a row that contradicts itself.
fn broken(error: &dyn std::error::Error) -> StoreError {
    tracing::error!(error = %error, "a raw answer does not open");
    StoreError::Inconsistent { column: "sealed" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_shows_ten_contents_and_four_mebibytes() {
        let budget = RawBudget::default();
        for _ in 0..RAW_FIELDS_MAX {
            assert!(budget.take(1).is_ok());
        }
        assert!(budget.take(1).is_err());
        let budget = RawBudget::default();
        for _ in 0..RAW_REQUEST_BYTES_MAX / RAW_BYTES_MAX {
            assert!(budget.take(RAW_BYTES_MAX).is_ok());
        }
        assert!(budget.take(1).is_err());
        assert!(budget.take(0).is_ok(), "an empty answer still fits");
    }
}
