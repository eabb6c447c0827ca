//! Values that several types hold: money, parties, account numbers, origins, reasons of nulls.

use async_graphql::{ComplexObject, Context, Object, Result, SimpleObject};
use fondaco_model::provenance::Provenance as Origin;
use fondaco_model::scope::KeyScope;
use fondaco_store::repo::transaction::{PartyRow, SealedIdentifier};

use super::raw::{self, RawAnswer};
use crate::schema::access::{Access, Field, id_of, store_error};
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
#[graphql(complex)]
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

/// What stands behind the origin's id.
#[ComplexObject]
impl Provenance {
    /// The raw answer that holds the record; null when it is not kept any more. Scope `raw:read`.
    async fn raw_answer(&self, cx: &Context<'_>) -> Field<RawAnswer> {
        raw::by_id(cx, id_of(&self.raw_answer_id)?).await
    }
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
        shown(opened(&self.value, KeyScope::IdentifiersRead, cx).await)
    }

    /// Why fields are null.
    async fn null_reasons(&self, cx: &Context<'_>) -> Field<Vec<NullReason>> {
        Some(reasons(
            "value",
            opened(&self.value, KeyScope::IdentifiersRead, cx).await,
        ))
    }
}

/// What became of a sealed value.
pub(crate) enum Opened {
    Value(String),
    NotPermitted,
    Erased,
}

/// Opens a sealed value for who has the scope.
pub(crate) async fn opened(
    value: &SealedValue,
    scope: KeyScope,
    cx: &Context<'_>,
) -> Result<Opened> {
    if !Access::of(cx).may(scope) {
        return Ok(Opened::NotPermitted);
    }
    let opened = Reads::of(cx).identifiers.load(value.clone()).await;
    Ok(match opened.map_err(|error| store_error(&error))? {
        Some(secret) => Opened::Value(secret.expose().to_owned()),
        None => Opened::Erased,
    })
}

/// A sealed value as a field.
pub(crate) fn shown(opened: Result<Opened>) -> Field<String> {
    match opened {
        Ok(Opened::Value(value)) => Some(Ok(value)),
        Ok(Opened::Erased | Opened::NotPermitted) => None,
        Err(error) => Some(Err(error)),
    }
}

/// Why the field of a sealed value is null.
pub(crate) fn reasons(field: &'static str, opened: Result<Opened>) -> Result<Vec<NullReason>> {
    let cause = match opened? {
        Opened::Value(_) => return Ok(Vec::new()),
        Opened::NotPermitted => NullCause::NotPermitted,
        Opened::Erased => NullCause::Erased,
    };
    Ok(vec![NullReason::new(field, cause)])
}

/// The other side of a transaction.
#[derive(Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Party {
    /// Name.
    name: Option<String>,
    /// Person, organisation or institution.
    #[graphql(name = "type")]
    kind: PartyType,
    /// Account number: the first of `identifiers`.
    identifier: Option<AccountIdentifier>,
    /// Account numbers and other identifiers, in the order of the source; at most 20.
    identifiers: Vec<AccountIdentifier>,
    /// ISO 9362 code of the party's institution.
    agent_bic: Option<String>,
    /// The clearing system that knows the party's institution, such as `DEBLZ`.
    agent_clearing_system: Option<String>,
    /// The institution's id in its clearing system.
    agent_member_id: Option<String>,
    /// Name of the party's institution.
    agent_name: Option<String>,
    /// Name of the ultimate creditor or debtor.
    ultimate_name: Option<String>,
    #[graphql(skip)]
    sealed_address: Option<SealedValue>,
}

/// The other side's sealed parts.
#[ComplexObject]
impl Party {
    /// Postal address in one line, in clear; null without the scope `identifiers:read`, when the
    /// source states none, and when the person was erased. `nullReasons` says which.
    async fn address(&self, cx: &Context<'_>) -> Field<String> {
        shown(opened(self.sealed_address.as_ref()?, KeyScope::IdentifiersRead, cx).await)
    }

    /// Why fields are null.
    async fn null_reasons(&self, cx: &Context<'_>) -> Field<Vec<NullReason>> {
        let mut found = NullReason::not_provided(&[
            ("name", self.name.is_some()),
            ("identifier", self.identifier.is_some()),
            ("agentBic", self.agent_bic.is_some()),
            ("agentClearingSystem", self.agent_clearing_system.is_some()),
            ("agentMemberId", self.agent_member_id.is_some()),
            ("agentName", self.agent_name.is_some()),
            ("ultimateName", self.ultimate_name.is_some()),
            ("address", self.sealed_address.is_some()),
        ]);
        if let Some(address) = &self.sealed_address {
            match reasons(
                "address",
                opened(address, KeyScope::IdentifiersRead, cx).await,
            ) {
                Ok(reasons) => found.extend(reasons),
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(found))
    }
}

impl Party {
    /// A stored party of a row with an id.
    pub(crate) fn new(row: &PartyRow, table: &'static str, id: uuid::Uuid) -> Self {
        let place = |column| Place {
            table,
            column,
            row: id,
        };
        let numbers = row.identifiers.iter().enumerate();
        let identifiers: Vec<AccountIdentifier> = numbers
            .map(|(at, number)| {
                let column = if at == 0 {
                    "counterparty_sealed"
                } else {
                    "counterparty_more"
                };
                AccountIdentifier::new(number, place(column))
            })
            .collect();
        let address = row.address_sealed.as_ref();
        Self {
            name: row.name.clone(),
            kind: row.party_type.into(),
            identifier: identifiers.first().cloned(),
            identifiers,
            agent_bic: row.agent_bic.clone(),
            agent_clearing_system: row.agent_clearing_system.clone(),
            agent_member_id: row.agent_member_id.clone(),
            agent_name: row.agent_name.clone(),
            ultimate_name: row.ultimate_name.clone(),
            sealed_address: address.map(|sealed| SealedValue {
                table,
                column: "counterparty_address_sealed",
                row: id,
                sealed: sealed.clone(),
            }),
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
