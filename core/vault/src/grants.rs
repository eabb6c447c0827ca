//! Grants as documents: what is written into them, sealed and opened.

use fondaco_connectors::core::Grant;
use fondaco_model::ids::{ConsentId, GrantId, TenantId};
use fondaco_model::{Instant, Secret};
use fondaco_store::repo::consent::StoredConsent;
use fondaco_store::repo::grant::{self as rows, Document};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::Inner;
use crate::error::VaultError;
use crate::seal::{DataKey, Place, open_text, purpose, seal_text};

/// The kind of every grant so far.
pub(crate) const KIND: &str = "oauth2";

/// The document's form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form<'a> {
    v: u8,
    #[serde(borrow)]
    access_token: Option<std::borrow::Cow<'a, str>>,
    refresh_token: Option<std::borrow::Cow<'a, str>>,
    token_type: Option<std::borrow::Cow<'a, str>>,
    scope: Option<std::borrow::Cow<'a, str>>,
    bank_consent_ref: Option<std::borrow::Cow<'a, str>>,
}

fn place(tenant: TenantId, id: GrantId, generation: i64) -> Place {
    Place {
        purpose: purpose::GRANT,
        tenant: Some(tenant),
        table: "access_grant",
        column: "document_sealed",
        row: id.0,
        version: generation.unsigned_abs(),
        part: 0,
    }
}

/// Where a grant stands: what its seal is bound to.
#[derive(Clone, Copy)]
pub(crate) struct GrantPlace {
    pub(crate) tenant: TenantId,
    pub(crate) id: GrantId,
    pub(crate) generation: i64,
}

/// Seals a grant for its place; `now` is when its lifetime began to run.
pub(crate) fn seal(
    inner: &Inner,
    key: &DataKey,
    at: GrantPlace,
    (grant, now): (&Grant, Instant),
) -> Result<Document, VaultError> {
    let secret = |value: &'_ Option<Secret>| value.as_ref().map(|s| s.expose().to_owned().into());
    let text = |value: &Option<String>| value.as_ref().map(|text| text.clone().into());
    let form = Form {
        v: 1,
        access_token: secret(&grant.access_token),
        refresh_token: secret(&grant.refresh_token),
        token_type: text(&grant.token_type),
        scope: text(&grant.scope),
        bank_consent_ref: text(&grant.bank_consent_ref),
    };
    let plain = serde_json::to_string(&form).map_err(|_| VaultError::Document("grant"))?;
    let plain = Zeroizing::new(plain);
    let place = place(at.tenant, at.id, at.generation);
    let from_now = |seconds| now.plus_seconds(i64::try_from(seconds).unwrap_or(i64::MAX));
    Ok(Document {
        sealed: seal_text(&inner.effects, key, &place, &plain)?,
        data_key_id: key.label().id,
        access_expires_at: grant.expires_in.map(from_now),
        refresh_expires_at: grant.refresh_expires_in.map(from_now),
        refreshable: grant.refresh_token.is_some(),
    })
}

/// Opens a stored grant.
///
/// # Errors
/// [`VaultError::NotFound`] when it was destroyed.
pub(crate) async fn open(
    inner: &Inner,
    tenant: TenantId,
    row: &rows::Grant,
) -> Result<Grant, VaultError> {
    let sealed = row.document_sealed.as_deref().ok_or(VaultError::NotFound)?;
    let key = inner.keys.by_id(tenant, row.data_key_id).await?;
    let plain = open_text(&key, &place(tenant, row.id, row.generation), sealed)?;
    let form: Form<'_> =
        serde_json::from_str(plain.expose()).map_err(|_| VaultError::Document("grant"))?;
    let secret = |value: Option<std::borrow::Cow<'_, str>>| value.map(|v| Secret::new(&*v));
    let text = |value: Option<std::borrow::Cow<'_, str>>| value.map(std::borrow::Cow::into_owned);
    Ok(Grant {
        // It stands on the row.
        refresh_expires_in: None,
        access_token: secret(form.access_token),
        refresh_token: secret(form.refresh_token),
        token_type: text(form.token_type),
        expires_in: None,
        scope: text(form.scope),
        bank_consent_ref: text(form.bank_consent_ref),
    })
}

fn bank_place(tenant: TenantId, consent: ConsentId) -> Place {
    Place {
        purpose: purpose::BANK_CONSENT,
        tenant: Some(tenant),
        table: "consent",
        column: "bank_consent_sealed",
        row: consent.0,
        version: 1,
        part: 0,
    }
}

/// Seals what the bank calls a consent.
pub(crate) fn seal_bank_consent(
    inner: &Inner,
    key: &DataKey,
    (tenant, consent): (TenantId, ConsentId),
    reference: &str,
) -> Result<String, VaultError> {
    Ok(seal_text(
        &inner.effects,
        key,
        &bank_place(tenant, consent),
        reference,
    )?)
}

/// Opens what the bank calls a consent; none when the bank gave it no name yet.
pub(crate) async fn open_bank_consent(
    inner: &Inner,
    tenant: TenantId,
    stored: &StoredConsent,
) -> Result<Option<Secret>, VaultError> {
    let Some(sealed) = stored.bank_consent_sealed.as_deref() else {
        return Ok(None);
    };
    let key = inner.keys.by_id(tenant, stored.data_key_id).await?;
    let place = bank_place(tenant, stored.consent.id);
    Ok(Some(open_text(&key, &place, sealed)?))
}
