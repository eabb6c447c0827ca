//! What an attempt keeps sealed between departure and callback.

use fondaco_connectors::core::{FlowState, PkceVerifier};
use fondaco_model::ids::{AttemptId, TenantId};
use fondaco_store::repo::attempt::Attempt;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::Inner;
use crate::attempt::NewAttempt;
use crate::error::VaultError;
use crate::seal::{DataKey, Place, open_text, purpose, seal_text};

/// What an attempt keeps sealed until the person comes back.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kept {
    pub(crate) flow: FlowState,
    verifier: String,
    nonce: String,
}

impl Kept {
    pub(crate) fn verifier(&self) -> Result<PkceVerifier, VaultError> {
        PkceVerifier::from_text(&self.verifier).ok_or(VaultError::Document("attempt"))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        use zeroize::Zeroize as _;
        self.verifier.zeroize();
        self.nonce.zeroize();
    }
}

/// Where a value of an attempt stands.
pub(crate) fn attempt_place(
    tenant: TenantId,
    id: AttemptId,
    (purpose, column): (&'static str, &'static str),
) -> Place {
    Place {
        purpose,
        tenant: Some(tenant),
        table: "authorisation_attempt",
        column,
        row: id.0,
        version: 1,
        part: 0,
    }
}

pub(crate) const FLOW: (&str, &str) = (purpose::ATTEMPT, "flow_sealed");

/// Opens what an attempt keeps.
pub(crate) async fn open_kept(inner: &Inner, of: &Attempt) -> Result<Kept, VaultError> {
    let key = inner.keys.by_id(of.tenant_id, of.data_key_id).await?;
    let place = attempt_place(of.tenant_id, of.id, FLOW);
    let plain = open_text(&key, &place, &of.flow_sealed)?;
    serde_json::from_str(plain.expose()).map_err(|_| VaultError::Document("attempt"))
}

/// Seals what an attempt keeps.
pub(crate) fn seal_kept(
    inner: &Inner,
    key: &DataKey,
    (tenant, id): (TenantId, AttemptId),
    (flow, secrets): (&FlowState, &NewAttempt),
) -> Result<String, VaultError> {
    let kept = Kept {
        flow: flow.clone(),
        verifier: secrets.verifier.expose().to_owned(),
        nonce: secrets.nonce.expose().to_owned(),
    };
    let plain = serde_json::to_string(&kept).map_err(|_| VaultError::Document("attempt"))?;
    let plain = Zeroizing::new(plain);
    let place = attempt_place(tenant, id, FLOW);
    Ok(seal_text(&inner.effects, key, &place, &plain)?)
}
