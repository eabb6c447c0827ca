//! Reading transactions: their columns, their details and references, batched by ids.

use fondaco_model::ids::{
    AccountId, AccountSourceId, DataKeyId, EndUserId, RawAnswerId, TransactionDetailId,
    TransactionId,
};
use fondaco_model::money::{Currency, Money};
use fondaco_model::provenance::Provenance;
use fondaco_model::time::Instant;
use fondaco_model::v1::{
    BankTransactionCode, BookingStatus, Fx, FxRateType, IdentifierScheme, Method, ReferenceKind,
    Remittance,
};
use fondaco_model::version::SchemaVersion;
use uuid::Uuid;

use super::{BankRow, DetailRow, PartyRow, RefRow, SealedIdentifier, TransactionRow};
use crate::engine::Session;
use crate::engine::bulk::InList;
use crate::engine::row::FromRecord;
use crate::error::{Result, StoreError};
use crate::repo::Scope;

/// The columns of a row, in the words of both tables (`t` and `b`).
pub(super) const COLUMNS: &str = "t.id, t.account_id, t.account_source_id, t.end_user_id, t.minor,
    t.scale, t.currency, t.direction, t.sort_date, t.sort_date_rule, t.status, t.description,
    t.search_text, t.lifecycle, t.data_key_id, t.created_seq, t.changed_seq, t.raw_answer_id,
    t.raw_ordinal, t.mapping_version, t.schema_major, t.schema_minor, t.mapped_at,
    t.content_sha256, b.booking_status, b.reversal, b.identity_confidence, b.booking_date,
    b.value_date, b.transaction_date, b.booked_at, b.authorised_at, b.original_minor,
    b.original_scale, b.original_currency, b.fx_rate, b.fx_unit_currency, b.fx_quoted_currency,
    b.fx_rate_type,
    b.fx_contract_id, b.fx_quoted_on, b.gross_minor, b.gross_scale, b.gross_currency, b.fees,
    b.running_minor, b.running_scale,
    b.running_currency, b.remittance_unstructured, b.remittance_structured,
    b.remittance_reference, b.remittance_reference_scheme, b.additional_information,
    b.end_to_end_id, b.mandate_id, b.creditor_id, b.uetr, b.check_number, b.purpose_code,
    b.category_purpose_code, b.code_domain, b.code_family, b.code_sub_family,
    b.code_proprietary, b.code_issuer, b.method, b.counterparty_name, b.counterparty_type,
    b.counterparty_scheme, b.counterparty_masked, b.counterparty_sealed, b.counterparty_hash,
    b.counterparty_hash_key_id, b.counterparty_more, b.counterparty_agent_bic,
    b.counterparty_agent_clearing_system, b.counterparty_agent_member_id,
    b.counterparty_agent_name, b.counterparty_ultimate_name, b.counterparty_address_sealed,
    b.merchant_name, b.merchant_id, b.merchant_category_code, b.merchant_location,
    b.merchant_terminal, b.card_last4, b.categories, b.flags";

const DETAIL_COLUMNS: &str = "id, transaction_id, ordinal, minor, scale, currency, end_to_end_id,
    mandate_id, reference, counterparty_name, counterparty_type, counterparty_scheme,
    counterparty_masked, counterparty_sealed, counterparty_hash, counterparty_hash_key_id,
    counterparty_more, counterparty_agent_bic, counterparty_agent_clearing_system,
    counterparty_agent_member_id, counterparty_agent_name, counterparty_ultimate_name,
    counterparty_address_sealed,
    remittance_unstructured, remittance_structured, remittance_reference,
    remittance_reference_scheme";

/// Reads money of three columns; a stored amount that cannot be one is a broken row.
macro_rules! money {
    ($row:ident, $minor:literal, $scale:literal, $currency:literal) => {{
        let minor: Option<i64> = $row.col($minor)?;
        let scale: Option<i16> = $row.col($scale)?;
        let currency: Option<&str> = $row.col($currency)?;
        match (minor, scale, currency) {
            (Some(minor), Some(scale), Some(currency)) => {
                Some($crate::repo::money(minor, scale, currency, $minor)?)
            }
            _ => None,
        }
    }};
}
pub(crate) use money;

macro_rules! hash {
    ($row:ident, $column:literal) => {
        $row.col::<Option<Vec<u8>>>($column)?
            .map(|bytes| <[u8; 32]>::try_from(bytes))
            .transpose()
            .map_err(|_| StoreError::Inconsistent { column: $column })?
    };
}

macro_rules! party {
    ($row:ident) => {{
        let scheme: Option<&str> = $row.col("counterparty_scheme")?;
        let masked: Option<String> = $row.col("counterparty_masked")?;
        let sealed: Option<String> = $row.col("counterparty_sealed")?;
        let hash = hash!($row, "counterparty_hash");
        let hash_key_id: Option<Uuid> = $row.col("counterparty_hash_key_id")?;
        let first = match (scheme, masked, sealed, hash, hash_key_id) {
            (Some(scheme), Some(masked), Some(sealed), Some(hash), Some(hash_key_id)) => {
                let scheme = IdentifierScheme::from_word(scheme);
                Some(SealedIdentifier { scheme, masked, sealed, hash, hash_key_id })
            }
            _ => None,
        };
        let more = list($row.col("counterparty_more")?, "counterparty_more")?;
        PartyRow {
            name: $row.col("counterparty_name")?,
            party_type: $row.code("counterparty_type")?,
            identifiers: first.into_iter().chain(more).collect(),
            agent_bic: $row.col("counterparty_agent_bic")?,
            agent_clearing_system: $row.col("counterparty_agent_clearing_system")?,
            agent_member_id: $row.col("counterparty_agent_member_id")?,
            agent_name: $row.col("counterparty_agent_name")?,
            ultimate_name: $row.col("counterparty_ultimate_name")?,
            address_sealed: $row.col("counterparty_address_sealed")?,
        }
    }};
}

macro_rules! remittance {
    ($row:ident) => {
        Remittance {
            unstructured: list($row.col("remittance_unstructured")?, "remittance_unstructured")?,
            structured: list($row.col("remittance_structured")?, "remittance_structured")?,
            reference: $row.col("remittance_reference")?,
            reference_scheme: $row.col("remittance_reference_scheme")?,
        }
    };
}

fn list<T: serde::de::DeserializeOwned>(
    text: Option<&str>,
    column: &'static str,
) -> Result<Vec<T>> {
    let Some(text) = text else { return Ok(Vec::new()) };
    serde_json::from_str(text).map_err(|_| StoreError::Inconsistent { column })
}

fn currency(code: Option<&str>, column: &'static str) -> Result<Option<Currency>> {
    let read = |code| Currency::from_code(code).map_err(|_| StoreError::Inconsistent { column });
    code.map(read).transpose()
}

macro_rules! fx {
    ($row:ident) => {
        match $row.col::<Option<String>>("fx_rate")? {
            None => None,
            Some(rate) => Some(Fx {
                rate,
                unit_currency: currency($row.col("fx_unit_currency")?, "fx_unit_currency")?,
                quoted_currency: currency($row.col("fx_quoted_currency")?, "fx_quoted_currency")?,
                rate_type: $row
                    .col::<Option<&str>>("fx_rate_type")?
                    .map(FxRateType::from_word),
                contract_id: $row.col("fx_contract_id")?,
                quoted_on: $row.date_opt("fx_quoted_on")?,
            }),
        }
    };
}

record!(BankRow, |row| BankRow {
    booking_status: BookingStatus::from_word(row.col("booking_status")?),
    reversal: row.col("reversal")?,
    identity_confidence: row.col("identity_confidence")?,
    booking_date: row.date_opt("booking_date")?,
    value_date: row.date_opt("value_date")?,
    transaction_date: row.date_opt("transaction_date")?,
    booked_at: row.instant_opt("booked_at")?,
    authorised_at: row.instant_opt("authorised_at")?,
    original_amount: money!(row, "original_minor", "original_scale", "original_currency"),
    fx: fx!(row),
    gross_amount: money!(row, "gross_minor", "gross_scale", "gross_currency"),
    fees: list::<Money>(row.col("fees")?, "fees")?,
    running_balance: money!(row, "running_minor", "running_scale", "running_currency"),
    remittance: remittance!(row),
    additional_information: row.col("additional_information")?,
    end_to_end_id: row.col("end_to_end_id")?,
    mandate_id: row.col("mandate_id")?,
    creditor_id: row.col("creditor_id")?,
    uetr: row.col("uetr")?,
    check_number: row.col("check_number")?,
    purpose_code: row.col("purpose_code")?,
    category_purpose_code: row.col("category_purpose_code")?,
    code: BankTransactionCode {
        domain: row.col("code_domain")?,
        family: row.col("code_family")?,
        sub_family: row.col("code_sub_family")?,
        proprietary_code: row.col("code_proprietary")?,
        proprietary_issuer: row.col("code_issuer")?,
    },
    method: Method::from_word(row.col("method")?),
    counterparty: party!(row),
    merchant_name: row.col("merchant_name")?,
    merchant_id: row.col("merchant_id")?,
    merchant_category_code: row.col("merchant_category_code")?,
    merchant_location: row.col("merchant_location")?,
    merchant_terminal: row.col("merchant_terminal")?,
    card_last4: row.col("card_last4")?,
    categories: list(row.col("categories")?, "categories")?,
    flags: list(row.col("flags")?, "flags")?,
});

record!(TransactionRow, |row| TransactionRow {
    id: TransactionId(row.col("id")?),
    account_id: AccountId(row.col("account_id")?),
    account_source_id: AccountSourceId(row.col("account_source_id")?),
    end_user_id: EndUserId(row.col("end_user_id")?),
    amount: money!(row, "minor", "scale", "currency")
        .ok_or(StoreError::Inconsistent { column: "minor" })?,
    direction: row.code("direction")?,
    sort_date: row.code("sort_date")?,
    sort_date_rule: row.code("sort_date_rule")?,
    status: row.code("status")?,
    description: row.col("description")?,
    search_text: row.col("search_text")?,
    lifecycle: row.code("lifecycle")?,
    data_key_id: DataKeyId(row.col("data_key_id")?),
    created_seq: row.col("created_seq")?,
    changed_seq: row.col("changed_seq")?,
    provenance: Provenance {
        raw_answer_id: RawAnswerId(row.col("raw_answer_id")?),
        ordinal: row.col("raw_ordinal")?,
        mapping_version: i32::try_from(row.col::<i64>("mapping_version")?)
            .map_err(|_| StoreError::Inconsistent { column: "mapping_version" })?,
        schema_version: version(row.col("schema_major")?, row.col("schema_minor")?)?,
        mapped_at: row.instant("mapped_at")?,
    },
    content_sha256: hash!(row, "content_sha256")
        .ok_or(StoreError::Inconsistent { column: "content_sha256" })?,
    bank: FromRecord::read(row)?,
});

fn version(major: i16, minor: i16) -> Result<SchemaVersion> {
    let read = |part| {
        u16::try_from(part).map_err(|_| StoreError::Inconsistent { column: "schema_major" })
    };
    Ok(SchemaVersion { major: read(major)?, minor: read(minor)? })
}

record!(DetailRow, |row| DetailRow {
    id: TransactionDetailId(row.col("id")?),
    transaction_id: TransactionId(row.col("transaction_id")?),
    ordinal: i32::try_from(row.col::<i64>("ordinal")?)
        .map_err(|_| StoreError::Inconsistent { column: "ordinal" })?,
    amount: money!(row, "minor", "scale", "currency"),
    end_to_end_id: row.col("end_to_end_id")?,
    mandate_id: row.col("mandate_id")?,
    reference: row.col("reference")?,
    counterparty: party!(row),
    remittance: remittance!(row),
});

record!(RefRow, |row| RefRow {
    transaction_id: TransactionId(row.col("transaction_id")?),
    account_source_id: AccountSourceId(row.col("account_source_id")?),
    kind: ReferenceKind::from_word(row.col("kind")?),
    value: row.col("value")?,
    stability: row.code("stability")?,
    first_seen_at: Instant::from_micros(row.col("first_seen_at")?),
});

/// Rows by id, as far as the scope sees them, in no order.
pub async fn by_ids(
    session: &mut Session,
    scope: Scope,
    ids: &[TransactionId],
) -> Result<Vec<TransactionRow>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let tenant = session.tenant().0;
    on!(session, |conn, D| {
        let mut query = sqlx::QueryBuilder::<D>::new("select ");
        query.push(COLUMNS).push(
            " from \"transaction\" t join bank_transaction b
            on b.tenant_id = t.tenant_id and b.transaction_id = t.id where t.tenant_id = ",
        );
        query.push_bind(tenant);
        scope.push::<D>(&mut query, "t.end_user_id");
        query.push(" and ");
        D::in_ids(&mut query, "t.id", &ids);
        let rows = query.build().fetch_all(&mut *conn).await?;
        rows.iter().map(FromRecord::read).collect()
    })
}

/// Details of transactions, ordered by transaction and position.
pub async fn details(session: &mut Session, ids: &[TransactionId]) -> Result<Vec<DetailRow>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let tenant = session.tenant().0;
    on!(session, |conn, D| {
        let mut query = sqlx::QueryBuilder::<D>::new("select ");
        query.push(DETAIL_COLUMNS).push(" from transaction_detail where tenant_id = ");
        query.push_bind(tenant).push(" and ");
        D::in_ids(&mut query, "transaction_id", &ids);
        query.push(" order by transaction_id, ordinal");
        let rows = query.build().fetch_all(&mut *conn).await?;
        rows.iter().map(FromRecord::read).collect()
    })
}

/// References of transactions, ordered by transaction, kind and value.
pub async fn references(session: &mut Session, ids: &[TransactionId]) -> Result<Vec<RefRow>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let tenant = session.tenant().0;
    on!(session, |conn, D| {
        let mut query = sqlx::QueryBuilder::<D>::new(
            "select transaction_id, account_source_id, kind, value, stability, first_seen_at
            from transaction_ref where tenant_id = ",
        );
        query.push_bind(tenant).push(" and ");
        D::in_ids(&mut query, "transaction_id", &ids);
        query.push(" order by transaction_id, kind, value");
        let rows = query.build().fetch_all(&mut *conn).await?;
        rows.iter().map(FromRecord::read).collect()
    })
}
