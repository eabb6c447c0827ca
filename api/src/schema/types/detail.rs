//! Parts of a bank's entry: allocations, references, codes, exchanges.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};
use fondaco_model::scope::KeyScope;
use fondaco_model::v1;
use fondaco_store::repo::change::RevisionRow;
use fondaco_store::repo::quarantine::RemarkRow;
use fondaco_store::repo::transaction::{DetailRow, RefRow};

use super::common::{Money, NullReason, Party, Remittance, opened, reasons, shown};
use crate::schema::access::Field;
use crate::schema::opener::SealedValue;
use crate::schema::scalars::{BigInt, CurrencyCode, DateScalar, DateTime, Decimal, ReferenceKind};
use crate::schema::words::{RevisionCause, Stability};

/// One allocation out of those of an entry.
#[derive(Clone)]
pub(crate) struct TransactionDetail {
    pub(crate) rows: Arc<Vec<DetailRow>>,
    pub(crate) at: usize,
}

impl TransactionDetail {
    fn row(&self) -> &DetailRow {
        &self.rows[self.at]
    }
}

/// One allocation of a batch entry.
#[Object]
impl TransactionDetail {
    /// Our id.
    async fn id(&self) -> ID {
        self.row().id.into()
    }

    /// Position within the entry, from 0.
    async fn ordinal(&self) -> i32 {
        self.row().ordinal
    }

    /// Signed amount, when stated.
    async fn amount(&self) -> Option<Money> {
        self.row().amount.map(Into::into)
    }

    /// End-to-end id given by the payer.
    async fn end_to_end_id(&self) -> Option<&str> {
        self.row().end_to_end_id.as_deref()
    }

    /// Direct debit mandate.
    async fn mandate_id(&self) -> Option<&str> {
        self.row().mandate_id.as_deref()
    }

    /// The source's own reference of the allocation.
    async fn reference(&self) -> Option<&str> {
        self.row().reference.as_deref()
    }

    /// The other side.
    async fn counterparty(&self) -> Party {
        let row = self.row();
        Party::new(&row.counterparty, "transaction_detail", row.id.0)
    }

    /// Remittance information.
    async fn remittance(&self) -> Remittance {
        (&self.row().remittance).into()
    }
}

/// A reference that a source gave to a transaction.
#[derive(Clone, SimpleObject)]
pub(crate) struct TransactionReference {
    /// What kind of reference it is.
    kind: ReferenceKind,
    /// The value as it stood.
    value: String,
    /// How far it can be trusted.
    stability: Stability,
    /// Id of the account source that gave it.
    account_source_id: ID,
    /// When it was first seen.
    first_seen_at: DateTime,
}

impl From<&RefRow> for TransactionReference {
    fn from(row: &RefRow) -> Self {
        Self {
            kind: row.kind.clone().into(),
            value: row.value.clone(),
            stability: row.stability.into(),
            account_source_id: row.account_source_id.into(),
            first_seen_at: DateTime(row.first_seen_at),
        }
    }
}

/// Bank transaction code: ISO 20022 domain, family and sub-family, and the bank's own.
#[derive(Clone, SimpleObject)]
pub(crate) struct BankTransactionCode {
    /// Domain, such as `PMNT`.
    domain: Option<String>,
    /// Family, such as `RCDT`.
    family: Option<String>,
    /// Sub-family, such as `ESCT`.
    sub_family: Option<String>,
    /// The bank's own code.
    proprietary_code: Option<String>,
    /// Who issued the bank's own code.
    proprietary_issuer: Option<String>,
}

impl From<&v1::BankTransactionCode> for BankTransactionCode {
    fn from(code: &v1::BankTransactionCode) -> Self {
        let code = code.clone();
        Self {
            domain: code.domain,
            family: code.family,
            sub_family: code.sub_family,
            proprietary_code: code.proprietary_code,
            proprietary_issuer: code.proprietary_issuer,
        }
    }
}

/// An exchange of currencies as the source states it.
#[derive(Clone, SimpleObject)]
pub(crate) struct CurrencyExchange {
    /// The rate, exact.
    rate: Decimal,
    /// The currency of one unit.
    unit_currency: Option<CurrencyCode>,
    /// The currency in which the unit is quoted.
    quoted_currency: Option<CurrencyCode>,
    /// How the rate was fixed: `SPOT`, `SALE`, `AGRD` (ISO 20022) or the source's word; null when
    /// not stated.
    rate_type: Option<String>,
    /// Contract reference.
    contract_id: Option<String>,
    /// Day of the quotation.
    quoted_on: Option<DateScalar>,
}

impl From<&v1::Fx> for CurrencyExchange {
    fn from(fx: &v1::Fx) -> Self {
        Self {
            rate: Decimal(fx.rate.clone()),
            unit_currency: fx.unit_currency.map(CurrencyCode),
            quoted_currency: fx.quoted_currency.map(CurrencyCode),
            rate_type: fx.rate_type.as_ref().map(ToString::to_string),
            contract_id: fx.contract_id.clone(),
            quoted_on: fx.quoted_on.map(DateScalar),
        }
    }
}

/// A category out of a named list, as a source assigned it.
#[derive(Clone, SimpleObject)]
pub(crate) struct TransactionCategory {
    /// The list of categories, as its owner names it.
    taxonomy: String,
    /// The list's version, when stated.
    version: Option<String>,
    /// The category's code in the list.
    code: String,
    /// How sure the source is, from 0 to 100 percent; null when not stated.
    confidence: Option<i32>,
    /// Who assigned it.
    source: String,
}

impl From<&v1::Category> for TransactionCategory {
    fn from(category: &v1::Category) -> Self {
        Self {
            taxonomy: category.taxonomy.clone(),
            version: category.version.clone(),
            code: category.code.clone(),
            confidence: category.confidence.map(i32::from),
            source: category.source.clone(),
        }
    }
}

/// Something that was noticed while a record was understood.
#[derive(Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Remark {
    /// The source's own path of the field.
    field: String,
    /// The rule that noticed it.
    rule: String,
    /// Id of the raw answer that holds the value as it stood.
    raw_answer_id: ID,
    /// Position of the record within the raw answer, from 0.
    ordinal: BigInt,
    #[graphql(skip)]
    sealed: SealedValue,
}

/// What a remark is about.
#[ComplexObject]
impl Remark {
    /// The value as it stood; null without the scope `raw:read`, and when the person was erased.
    /// `nullReasons` says which.
    async fn original(&self, cx: &Context<'_>) -> Field<String> {
        shown(opened(&self.sealed, KeyScope::RawRead, cx).await)
    }

    /// Why fields are null.
    async fn null_reasons(&self, cx: &Context<'_>) -> Field<Vec<NullReason>> {
        Some(reasons(
            "original",
            opened(&self.sealed, KeyScope::RawRead, cx).await,
        ))
    }
}

impl From<&RemarkRow> for Remark {
    fn from(row: &RemarkRow) -> Self {
        Self {
            field: row.field.clone(),
            rule: row.rule.clone(),
            raw_answer_id: row.raw_answer_id.into(),
            ordinal: BigInt(row.ordinal),
            sealed: SealedValue {
                table: "remark",
                column: "original_sealed",
                row: row.raw_answer_id.0,
                sealed: row.original_sealed.clone(),
            },
        }
    }
}

/// One change of a transaction.
#[derive(Clone, SimpleObject)]
pub(crate) struct Revision {
    /// Our id.
    id: ID,
    /// Position in the tenant's sequence.
    seq: BigInt,
    /// Why it changed.
    cause: RevisionCause,
    /// Names of the fields that changed.
    changed_fields: Vec<String>,
    /// Id of the raw answer that caused it, when one did.
    raw_answer_id: Option<ID>,
    /// Version of the canonical schema, such as `1.0`.
    schema_version: String,
    /// When it was recorded.
    recorded_at: DateTime,
}

impl From<&RevisionRow> for Revision {
    fn from(row: &RevisionRow) -> Self {
        Self {
            id: row.id.into(),
            seq: BigInt(row.seq),
            cause: row.cause.into(),
            changed_fields: row.changed_fields.clone(),
            raw_answer_id: row.raw_answer_id.map(Into::into),
            schema_version: row.schema_version.to_string(),
            recorded_at: DateTime(row.recorded_at),
        }
    }
}
