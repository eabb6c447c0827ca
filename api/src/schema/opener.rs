//! Sealed account numbers and how the vault opens them.

use std::collections::HashMap;

use fondaco_model::Secret;
use fondaco_model::ids::TenantId;
use fondaco_store::StoreError;
use fondaco_vault::identifiers::{OPEN_MAX, Spot};
use fondaco_vault::{Vault, VaultError};
use uuid::Uuid;

use super::load::Fetched;

/// An account number as it is stored, with where it stands.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct SealedValue {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
    pub(crate) row: Uuid,
    pub(crate) sealed: String,
}

/// Opens account numbers; those of an erased person are not in the answer.
pub(crate) async fn open(
    vault: &Vault,
    tenant: TenantId,
    values: Vec<SealedValue>,
) -> Fetched<SealedValue, Secret> {
    let mut opened = HashMap::with_capacity(values.len());
    for step in values.chunks(OPEN_MAX) {
        let spots: Vec<(Spot, &str)> = step.iter().map(spot).collect();
        let secrets = vault
            .open_identifiers(tenant, &spots)
            .await
            .map_err(store_error)?;
        let pairs = step.iter().cloned().zip(secrets);
        opened.extend(pairs.filter_map(|(value, secret)| Some((value, secret?))));
    }
    Ok(opened)
}

fn spot(value: &SealedValue) -> (Spot, &str) {
    (
        Spot::new(value.row, value.table, value.column),
        &value.sealed,
    )
}

/// A value that does not open is a row that contradicts itself.
fn store_error(error: VaultError) -> StoreError {
    match error {
        VaultError::Store(error) => error,
        other => {
            tracing::error!(error = %other, "account numbers do not open");
            StoreError::Inconsistent { column: "sealed" }
        }
    }
}
