//! Values that several types hold: money, parties, account numbers, origins, reasons of nulls.

use async_graphql::{Context, Object, SimpleObject};
use fondaco_model::provenance::Provenance as Origin;
use fondaco_model::scope::KeyScope;
use fondaco_store::repo::transaction::{PartyRow, SealedIdentifier};

use crate::schema::access::{Access, Field, store_error};
use crate::schema::opener::SealedValue;
use crate::schema::reads::Reads;
use crate::schema::scalars::{BigInt, CurrencyCode, DateTime, Decimal, IdentifierScheme};
use crate::schema::words::{NullCause, PartyType};

/// An exact amount of one currency.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct Money {
    /// The amount, never rounded.
    amount: Decimal,
    /// The currency.
    currency: CurrencyCode,
    /// The amount in minor units of the currency (ISO 4217), or null when it is finer than one.
    minor_units: Option<BigInt>,
}

impl From<fondaco_model::Money> for Money {
    fn from(money: fondaco_model::Money) -> Self {
        Self {
            amount: Decimal(money.amount()),
            currency: CurrencyCode(money.currency()),
            minor_units: money.iso_minor_units().map(BigInt),
        }
    }
}

/// Why a field is null.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct NullReason {
    /// Name of the field.
    field: &'static str,
    /// Why it is null.
    reason: NullCause,
}

impl NullReason {
    pub(crate) fn new(field: &'static str, reason: NullCause) -> Self {
        Self { field, reason }
    }

    /// Reasons for the fields that the source left out.
    pub(crate) fn not_provided(fields: &[(&'static str, bool)]) -> Vec<Self> {
        let absent = fields.iter().filter(|(_, present)| !present);
        absent
            .map(|(field, _)| Self::new(field, NullCause::NotProvided))
            .collect()
    }
}

/// The origin of a record: a record of a raw answer, and the mapping that read it.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct Provenance {
    /// Id of the raw answer that holds the record.
    raw_answer_id: async_graphql::ID,
    /// Position of the record within the raw answer, from 0.
    ordinal: BigInt,
    /// Version of the provider family's mapping.
    mapping_version: i32,
    /// Version of the canonical schema, such as `1.0`.
    schema_version: String,
    /// When the mapping ran.
    mapped_at: DateTime,
}

impl From<Origin> for Provenance {
    fn from(origin: Origin) -> Self {
        Self {
            raw_answer_id: origin.raw_answer_id.into(),
            ordinal: BigInt(origin.ordinal),
            mapping_version: origin.mapping_version,
            schema_version: origin.schema_version.to_string(),
            mapped_at: DateTime(origin.mapped_at),
        }
    }
}

/// An account number.
#[derive(Clone)]
pub(crate) struct AccountIdentifier {
    scheme: fondaco_model::v1::IdentifierScheme,
    masked: String,
    value: SealedValue,
}

impl AccountIdentifier {
    /// A stored number; `place` says where it is sealed.
    pub(crate) fn new(row: &SealedIdentifier, place: Place) -> Self {
        Self {
            scheme: row.scheme.clone(),
            masked: row.masked.clone(),
            value: SealedValue {
                table: place.table,
                column: place.column,
                row: place.row,
                sealed: row.sealed.clone(),
            },
        }
    }
}

/// Where an account number is sealed.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
    pub(crate) row: uuid::Uuid,
}

/// An account number: masked for everybody, in clear with the scope `identifiers:read`.
#[Object]
impl AccountIdentifier {
    /// What kind of number it is.
    async fn scheme(&self) -> IdentifierScheme {
        IdentifierScheme(self.scheme.clone())
    }

    /// The number with all but its last four characters hidden.
    async fn masked(&self) -> &str {
        &self.masked
    }

    /// The number in clear; null without the scope `identifiers:read`, and when the person was
    /// erased. `nullReasons` says which.
    async fn value(&self, cx: &Context<'_>) -> Field<String> {
        match self.opened(cx).await {
            Ok(Opened::Value(value)) => Some(Ok(value)),
            Ok(Opened::Erased | Opened::NotPermitted) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// Why fields are null.
    async fn null_reasons(&self, cx: &Context<'_>) -> Field<Vec<NullReason>> {
        let reason = match self.opened(cx).await {
            Ok(Opened::Value(_)) => return Some(Ok(Vec::new())),
            Ok(Opened::NotPermitted) => NullCause::NotPermitted,
            Ok(Opened::Erased) => NullCause::Erased,
            Err(error) => return Some(Err(error)),
        };
        Some(Ok(vec![NullReason::new("value", reason)]))
    }
}

enum Opened {
    Value(String),
    NotPermitted,
    Erased,
}

impl AccountIdentifier {
    async fn opened(&self, cx: &Context<'_>) -> async_graphql::Result<Opened> {
        if !Access::of(cx).may(KeyScope::IdentifiersRead) {
            return Ok(Opened::NotPermitted);
        }
        let opened = Reads::of(cx).identifiers.load(self.value.clone()).await;
        Ok(match opened.map_err(|error| store_error(&error))? {
            Some(secret) => Opened::Value(secret.expose().to_owned()),
            None => Opened::Erased,
        })
    }
}

/// The other side of a transaction.
#[derive(Clone, SimpleObject)]
pub(crate) struct Party {
    /// Name.
    name: Option<String>,
    /// Person, organisation or institution.
    #[graphql(name = "type")]
    kind: PartyType,
    /// Account number.
    identifier: Option<AccountIdentifier>,
    /// ISO 9362 code of the party's institution.
    agent_bic: Option<String>,
    /// Name of the party's institution.
    agent_name: Option<String>,
    /// Name of the ultimate creditor or debtor.
    ultimate_name: Option<String>,
}

impl Party {
    /// A stored party; `place` says where its account number is sealed.
    pub(crate) fn new(row: &PartyRow, place: Place) -> Self {
        Self {
            name: row.name.clone(),
            kind: row.party_type.into(),
            identifier: row
                .identifier
                .as_ref()
                .map(|row| AccountIdentifier::new(row, place)),
            agent_bic: row.agent_bic.clone(),
            agent_name: row.agent_name.clone(),
            ultimate_name: row.ultimate_name.clone(),
        }
    }
}

/// Remittance information: what the payer wrote for the payee.
#[derive(Clone, SimpleObject)]
pub(crate) struct Remittance {
    /// Lines of free text, in their order.
    unstructured: Vec<String>,
    /// Structured creditor references or documents, in their order.
    structured: Vec<String>,
    /// The creditor reference, when one is stated.
    reference: Option<String>,
    /// Its scheme: `SCOR` (ISO 11649) or the source's word.
    reference_scheme: Option<String>,
}

impl From<&fondaco_model::v1::Remittance> for Remittance {
    fn from(row: &fondaco_model::v1::Remittance) -> Self {
        Self {
            unstructured: row.unstructured.clone(),
            structured: row.structured.clone(),
            reference: row.reference.clone(),
            reference_scheme: row.reference_scheme.clone(),
        }
    }
}
