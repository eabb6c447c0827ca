//! Writing transactions in bulk, within the write transaction of a page.

use fondaco_model::ids::{EndUserId, TransactionId};
use fondaco_model::money::{Currency, Money};
use fondaco_model::time::Instant;
use fondaco_model::v1::{Fx, FxRateType, ReferenceKind};
use uuid::Uuid;

use super::{BankRow, DetailRow, PartyRow, RefRow, TransactionRow};
use crate::engine::Tx;
use crate::engine::bulk::InList;
use crate::error::Result;

/// Most rows of one call; a page is at most this.
pub(super) const ROWS_MAX: usize = 1_000;

statements! {
    MARK_REUSED = "update transaction_ref set stability = 'REUSED'
        where tenant_id = $1 and transaction_id = $2 and kind = $3 and value = $4";
}

/// Writes rows, new ones and changed ones, with their details; a changed row keeps its
/// `created_seq`.
///
/// Everything in at most a handful of statements, whatever the number of rows (≤ [`ROWS_MAX`]).
///
/// # Errors
/// [`crate::StoreError::Conflict`] when a row contradicts the schema's checks.
pub async fn upsert(tx: &mut Tx, rows: &[TransactionRow], details: &[DetailRow]) -> Result<()> {
    debug_assert!(rows.len() <= ROWS_MAX, "pages are resolved in batches");
    if rows.is_empty() {
        return Ok(());
    }
    shared(tx, rows).await?;
    bank(tx, rows).await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
    clear_details(tx, &ids).await?;
    if let Some(row) = rows.first().filter(|_| !details.is_empty()) {
        write_details(tx, row.end_user_id, details).await?;
    }
    Ok(())
}

async fn shared(tx: &mut Tx, rows: &[TransactionRow]) -> Result<()> {
    let tenant = tx.tenant().0;
    bulk!(tx, rows, "\"transaction\"", [
        tenant_id "uuid" = |_row| tenant,
        id "uuid" = |row| row.id.0,
        account_id "uuid" = |row| row.account_id.0,
        account_source_id "uuid" = |row| row.account_source_id.0,
        end_user_id "uuid" = |row| row.end_user_id.0,
        kind "text" = |_row| "BANK",
        minor "bigint" = |row| row.amount.minor(),
        scale "smallint" = |row| i16::from(row.amount.scale()),
        currency "text" = |row| row.amount.currency().code(),
        direction "text" = |row| row.direction.as_str(),
        sort_date "text" = |row| row.sort_date.to_string(),
        sort_date_rule "text" = |row| row.sort_date_rule.as_str(),
        status "text" = |row| row.status.as_str(),
        description "text" = |row| row.description.as_deref(),
        search_text "text" = |row| row.search_text.as_str(),
        lifecycle "text" = |row| row.lifecycle.as_str(),
        data_key_id "uuid" = |row| row.data_key_id.0,
        created_seq "bigint" = |row| row.created_seq,
        changed_seq "bigint" = |row| row.changed_seq,
        raw_answer_id "uuid" = |row| row.provenance.raw_answer_id.0,
        raw_ordinal "bigint" = |row| row.provenance.ordinal,
        mapping_version "bigint" = |row| i64::from(row.provenance.mapping_version),
        schema_major "smallint" = |row| i16_of(row.provenance.schema_version.major),
        schema_minor "smallint" = |row| i16_of(row.provenance.schema_version.minor),
        mapped_at "bigint" = |row| row.provenance.mapped_at.micros(),
        content_sha256 "bytea" = |row| &row.content_sha256[..],
    ], "on conflict (tenant_id, id) do update set
        account_source_id = excluded.account_source_id,
        minor = excluded.minor, scale = excluded.scale, currency = excluded.currency,
        direction = excluded.direction, sort_date = excluded.sort_date,
        sort_date_rule = excluded.sort_date_rule, status = excluded.status,
        description = excluded.description, search_text = excluded.search_text,
        lifecycle = excluded.lifecycle, changed_seq = excluded.changed_seq,
        raw_answer_id = excluded.raw_answer_id, raw_ordinal = excluded.raw_ordinal,
        mapping_version = excluded.mapping_version, schema_major = excluded.schema_major,
        schema_minor = excluded.schema_minor, mapped_at = excluded.mapped_at,
        content_sha256 = excluded.content_sha256");
    Ok(())
}

fn i16_of(version: u16) -> i16 {
    i16::try_from(version).expect("schema versions are small numbers")
}

fn scale(money: Option<Money>) -> Option<i16> {
    money.map(|money| i16::from(money.scale()))
}

fn minor(money: Option<Money>) -> Option<i64> {
    money.map(Money::minor)
}

fn currency(money: Option<Money>) -> Option<&'static str> {
    money.map(|money| money.currency().code())
}

fn json<T: serde::Serialize>(list: &[T]) -> Option<String> {
    (!list.is_empty()).then(|| serde_json::to_string(list).expect("texts and amounts serialise"))
}

fn scheme(party: &PartyRow) -> Option<&str> {
    party.identifiers.first().map(|identifier| identifier.scheme.as_str())
}

fn masked(party: &PartyRow) -> Option<&str> {
    party.identifiers.first().map(|identifier| identifier.masked.as_str())
}

fn sealed(party: &PartyRow) -> Option<&str> {
    party.identifiers.first().map(|identifier| identifier.sealed.as_str())
}

fn hash(party: &PartyRow) -> Option<&[u8]> {
    party.identifiers.first().map(|identifier| &identifier.hash[..])
}

fn hash_key(party: &PartyRow) -> Option<Uuid> {
    party.identifiers.first().map(|identifier| identifier.hash_key_id)
}

/// The identifiers after the first.
fn more(party: &PartyRow) -> Option<String> {
    json(party.identifiers.get(1..).unwrap_or_default())
}

/// What a row of `bank_transaction` is written from.
struct Beside<'a> {
    tenant: Uuid,
    id: Uuid,
    bank: &'a BankRow,
    party: &'a PartyRow,
    fx: Option<&'a Fx>,
    fx_unit: Option<Currency>,
    fx_quoted: Option<Currency>,
    clearing: Option<&'a str>,
}

async fn bank(tx: &mut Tx, rows: &[TransactionRow]) -> Result<()> {
    let tenant = tx.tenant().0;
    // A changed row is written anew: its columns are too many for a list of `excluded`.
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
    delete_by_transaction(tx, "delete from bank_transaction where tenant_id = ", &ids).await?;
    let beside = rows.iter().map(|row| Beside {
        tenant,
        id: row.id.0,
        bank: &row.bank,
        party: &row.bank.counterparty,
        fx: row.bank.fx.as_ref(),
        fx_unit: row.bank.fx.as_ref().and_then(|fx| fx.unit_currency),
        fx_quoted: row.bank.fx.as_ref().and_then(|fx| fx.quoted_currency),
        clearing: row.bank.counterparty.agent_clearing_system.as_deref(),
    });
    let rows: Vec<Beside<'_>> = beside.collect();
    insert_bank(tx, &rows).await
}

fn rate_type(fx: &Fx) -> Option<&str> {
    fx.rate_type.as_ref().map(FxRateType::as_str)
}

async fn insert_bank(tx: &mut Tx, rows: &[Beside<'_>]) -> Result<()> {
    bulk!(tx, rows, "bank_transaction", [
        tenant_id "uuid" = |row| row.tenant, transaction_id "uuid" = |row| row.id,
        booking_status "text" = |row| row.bank.booking_status.as_str(),
        reversal "boolean" = |row| row.bank.reversal,
        identity_confidence "text" = |row| row.bank.identity_confidence.as_str(),
        booking_date "text" = |row| row.bank.booking_date.map(|date| date.to_string()),
        value_date "text" = |row| row.bank.value_date.map(|date| date.to_string()),
        transaction_date "text" = |row| row.bank.transaction_date.map(|date| date.to_string()),
        booked_at "bigint" = |row| row.bank.booked_at.map(Instant::micros),
        authorised_at "bigint" = |row| row.bank.authorised_at.map(Instant::micros),
        original_minor "bigint" = |row| minor(row.bank.original_amount),
        original_scale "smallint" = |row| scale(row.bank.original_amount),
        original_currency "text" = |row| currency(row.bank.original_amount),
        fx_rate "text" = |row| row.fx.map(|fx| fx.rate.as_str()),
        fx_unit_currency "text" = |row| row.fx_unit.map(Currency::code),
        fx_quoted_currency "text" = |row| row.fx_quoted.map(Currency::code),
        fx_rate_type "text" = |row| row.fx.and_then(rate_type),
        fx_contract_id "text" = |row| row.fx.and_then(|fx| fx.contract_id.as_deref()),
        fx_quoted_on "text" = |row| row.fx.and_then(|fx| fx.quoted_on).map(|date| date.to_string()),
        gross_minor "bigint" = |row| minor(row.bank.gross_amount),
        gross_scale "smallint" = |row| scale(row.bank.gross_amount),
        gross_currency "text" = |row| currency(row.bank.gross_amount),
        fees "text" = |row| json(&row.bank.fees),
        running_minor "bigint" = |row| minor(row.bank.running_balance),
        running_scale "smallint" = |row| scale(row.bank.running_balance),
        running_currency "text" = |row| currency(row.bank.running_balance),
        remittance_unstructured "text" = |row| json(&row.bank.remittance.unstructured),
        remittance_structured "text" = |row| json(&row.bank.remittance.structured),
        remittance_reference "text" = |row| row.bank.remittance.reference.as_deref(),
        remittance_reference_scheme "text" = |row| row.bank.remittance.reference_scheme.as_deref(),
        additional_information "text" = |row| row.bank.additional_information.as_deref(),
        end_to_end_id "text" = |row| row.bank.end_to_end_id.as_deref(),
        mandate_id "text" = |row| row.bank.mandate_id.as_deref(),
        creditor_id "text" = |row| row.bank.creditor_id.as_deref(),
        uetr "text" = |row| row.bank.uetr.as_deref(),
        check_number "text" = |row| row.bank.check_number.as_deref(),
        purpose_code "text" = |row| row.bank.purpose_code.as_deref(),
        category_purpose_code "text" = |row| row.bank.category_purpose_code.as_deref(),
        code_domain "text" = |row| row.bank.code.domain.as_deref(),
        code_family "text" = |row| row.bank.code.family.as_deref(),
        code_sub_family "text" = |row| row.bank.code.sub_family.as_deref(),
        code_proprietary "text" = |row| row.bank.code.proprietary_code.as_deref(),
        code_issuer "text" = |row| row.bank.code.proprietary_issuer.as_deref(),
        method "text" = |row| row.bank.method.as_str(),
        counterparty_name "text" = |row| row.party.name.as_deref(),
        counterparty_type "text" = |row| row.party.party_type.as_str(),
        counterparty_scheme "text" = |row| scheme(row.party),
        counterparty_masked "text" = |row| masked(row.party),
        counterparty_sealed "text" = |row| sealed(row.party),
        counterparty_hash "bytea" = |row| hash(row.party),
        counterparty_hash_key_id "uuid" = |row| hash_key(row.party),
        counterparty_more "text" = |row| more(row.party),
        counterparty_agent_bic "text" = |row| row.party.agent_bic.as_deref(),
        counterparty_agent_clearing_system "text" = |row| row.clearing,
        counterparty_agent_member_id "text" = |row| row.party.agent_member_id.as_deref(),
        counterparty_agent_name "text" = |row| row.party.agent_name.as_deref(),
        counterparty_ultimate_name "text" = |row| row.party.ultimate_name.as_deref(),
        counterparty_address_sealed "text" = |row| row.party.address_sealed.as_deref(),
        merchant_name "text" = |row| row.bank.merchant_name.as_deref(),
        merchant_id "text" = |row| row.bank.merchant_id.as_deref(),
        merchant_category_code "text" = |row| row.bank.merchant_category_code.as_deref(),
        merchant_location "text" = |row| row.bank.merchant_location.as_deref(),
        merchant_terminal "text" = |row| row.bank.merchant_terminal.as_deref(),
        card_last4 "text" = |row| row.bank.card_last4.as_deref(),
        categories "text" = |row| json(&row.bank.categories),
        flags "text" = |row| json(&row.bank.flags),
    ], "");
    Ok(())
}

async fn clear_details(tx: &mut Tx, ids: &[Uuid]) -> Result<()> {
    delete_by_transaction(tx, "delete from transaction_detail where tenant_id = ", ids).await
}

async fn delete_by_transaction(tx: &mut Tx, head: &'static str, ids: &[Uuid]) -> Result<()> {
    let tenant = tx.tenant().0;
    on!(tx, |conn, D| {
        let mut query = sqlx::QueryBuilder::<D>::new(head);
        query.push_bind(tenant).push(" and ");
        D::in_ids(&mut query, "transaction_id", ids);
        query.build().execute(&mut *conn).await?;
    });
    Ok(())
}

async fn write_details(tx: &mut Tx, end_user: EndUserId, details: &[DetailRow]) -> Result<()> {
    let tenant = tx.tenant().0;
    bulk!(tx, details, "transaction_detail", [
        tenant_id "uuid" = |_row| tenant,
        transaction_id "uuid" = |row| row.transaction_id.0,
        ordinal "bigint" = |row| i64::from(row.ordinal),
        id "uuid" = |row| row.id.0,
        end_user_id "uuid" = |_row| end_user.0,
        minor "bigint" = |row| minor(row.amount),
        scale "smallint" = |row| scale(row.amount),
        currency "text" = |row| currency(row.amount),
        end_to_end_id "text" = |row| row.end_to_end_id.as_deref(),
        mandate_id "text" = |row| row.mandate_id.as_deref(),
        reference "text" = |row| row.reference.as_deref(),
        counterparty_name "text" = |row| row.counterparty.name.as_deref(),
        counterparty_type "text" = |row| row.counterparty.party_type.as_str(),
        counterparty_scheme "text" = |row| scheme(&row.counterparty),
        counterparty_masked "text" = |row| masked(&row.counterparty),
        counterparty_sealed "text" = |row| sealed(&row.counterparty),
        counterparty_hash "bytea" = |row| hash(&row.counterparty),
        counterparty_hash_key_id "uuid" = |row| hash_key(&row.counterparty),
        counterparty_more "text" = |row| more(&row.counterparty),
        counterparty_agent_bic "text" = |row| row.counterparty.agent_bic.as_deref(),
        counterparty_agent_clearing_system "text" =
            |row| row.counterparty.agent_clearing_system.as_deref(),
        counterparty_agent_member_id "text" =
            |row| row.counterparty.agent_member_id.as_deref(),
        counterparty_agent_name "text" = |row| row.counterparty.agent_name.as_deref(),
        counterparty_ultimate_name "text" = |row| row.counterparty.ultimate_name.as_deref(),
        counterparty_address_sealed "text" = |row| row.counterparty.address_sealed.as_deref(),
        remittance_unstructured "text" = |row| json(&row.remittance.unstructured),
        remittance_structured "text" = |row| json(&row.remittance.structured),
        remittance_reference "text" = |row| row.remittance.reference.as_deref(),
        remittance_reference_scheme "text" = |row| row.remittance.reference_scheme.as_deref(),
    ], "");
    Ok(())
}

/// Adds references; one that is there already stays as it is.
pub async fn add_references(tx: &mut Tx, end_user: EndUserId, refs: &[RefRow]) -> Result<()> {
    let tenant = tx.tenant().0;
    if refs.is_empty() {
        return Ok(());
    }
    bulk!(tx, refs, "transaction_ref", [
        tenant_id "uuid" = |_row| tenant,
        account_source_id "uuid" = |row| row.account_source_id.0,
        kind "text" = |row| row.kind.as_str(),
        value "text" = |row| row.value.as_str(),
        transaction_id "uuid" = |row| row.transaction_id.0,
        end_user_id "uuid" = |_row| end_user.0,
        stability "text" = |row| row.stability.as_str(),
        first_seen_at "bigint" = |row| row.first_seen_at.micros(),
    ], "on conflict (tenant_id, account_source_id, kind, value, transaction_id) do nothing");
    Ok(())
}

/// Marks a reference that was seen on a transaction of other content; it finds nothing any more.
pub async fn mark_reused(
    tx: &mut Tx,
    transaction: TransactionId,
    kind: &ReferenceKind,
    value: &str,
) -> Result<()> {
    let tenant = tx.tenant().0;
    execute!(tx, MARK_REUSED, tenant, transaction.0, kind.as_str(), value)?;
    Ok(())
}
