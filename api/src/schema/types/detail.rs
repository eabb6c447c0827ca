//! Parts of a bank's entry: allocations, references, codes, exchanges.

use std::sync::Arc;

use async_graphql::{ID, Object, SimpleObject};
use fondaco_model::v1;
use fondaco_store::repo::change::RevisionRow;
use fondaco_store::repo::quarantine::RemarkRow;
use fondaco_store::repo::transaction::{DetailRow, RefRow};

use super::common::{Money, Party, Place, Remittance};
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
        let place = Place {
            table: "transaction_detail",
            column: "counterparty_sealed",
            row: self.row().id.0,
        };
        Party::new(&self.row().counterparty, place)
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
            contract_id: fx.contract_id.clone(),
            quoted_on: fx.quoted_on.map(DateScalar),
        }
    }
}

/// Something that was noticed while a record was understood.
#[derive(Clone, SimpleObject)]
pub(crate) struct Remark {
    /// The source's own path of the field.
    field: String,
    /// The rule that noticed it.
    rule: String,
    /// Id of the raw answer that holds the value as it stood.
    raw_answer_id: ID,
    /// Position of the record within the raw answer, from 0.
    ordinal: BigInt,
}

impl From<&RemarkRow> for Remark {
    fn from(row: &RemarkRow) -> Self {
        Self {
            field: row.field.clone(),
            rule: row.rule.clone(),
            raw_answer_id: row.raw_answer_id.into(),
            ordinal: BigInt(row.ordinal),
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
