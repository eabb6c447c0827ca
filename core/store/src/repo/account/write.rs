//! Writing accounts in bulk; what is stated as before is not rewritten.

use fondaco_model::ids::{AccountId, LinkId};
use fondaco_model::money::Currency;
use uuid::Uuid;

use super::origin::Origin;
use super::{AccountRow, IDENTIFIERS_MAX};
use crate::engine::Tx;
use crate::error::{Result, StoreError};
use crate::repo::transaction::SealedIdentifier;

/// Accounts whose left-over numbers one statement deletes.
const DELETE_STEP: usize = 200;

statements! {
    RELINK = "update account set link_id = $3, changed_seq = $4 \
        where tenant_id = $1 and id = $2 and link_id is distinct from $3";
}

/// Writes accounts, new ones and changed ones, with their bank fields and numbers.
///
/// A row whose digest, lifecycle and link are the stored ones is left as it is, `changed_seq`
/// included. A changed row keeps its owner, key, sort date and `created_seq`. Numbers are compared
/// by their hashes, because the same number is sealed differently each time.
///
/// # Errors
/// [`StoreError::Conflict`] when a row contradicts the schema's checks;
/// [`StoreError::Inconsistent`] for more than [`IDENTIFIERS_MAX`] numbers.
pub async fn upsert(tx: &mut Tx, rows: &[AccountRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    if rows
        .iter()
        .any(|row| row.identifiers.len() > IDENTIFIERS_MAX)
    {
        return Err(StoreError::Inconsistent { column: "ordinal" });
    }
    shared(tx, rows).await?;
    bank(tx, rows).await?;
    let numbers: Vec<Number<'_>> = rows.iter().flat_map(numbers).collect();
    if !numbers.is_empty() {
        identifiers(tx, &numbers).await?;
    }
    delete_surplus(tx, rows).await
}

/// Moves an account to a link, or to none when a link is given up; false when nothing changed.
pub async fn relink(tx: &mut Tx, id: AccountId, link: Option<LinkId>, seq: i64) -> Result<bool> {
    let tenant = tx.tenant().0;
    Ok(execute!(tx, RELINK, tenant, id.0, link.map(|link| link.0), seq)? == 1)
}

async fn shared(tx: &mut Tx, rows: &[AccountRow]) -> Result<()> {
    let tenant = tx.tenant().0;
    bulk!(tx, rows, "account", [
        tenant_id "uuid" = |_row| tenant,
        id "uuid" = |row| row.id.0,
        end_user_id "uuid" = |row| row.end_user_id.0,
        kind "text" = |_row| "BANK",
        link_id "uuid" = |row| row.link_id.map(|link| link.0),
        institution_id "text" = |row| row.institution_id.as_deref(),
        currency "text" = |row| row.currency.map(Currency::code),
        name "text" = |row| row.name.as_deref(),
        status "text" = |row| row.status.as_str(),
        lifecycle "text" = |row| row.lifecycle.as_str(),
        sort_date "text" = |row| row.sort_date.to_string(),
        sort_date_rule "text" = |row| row.sort_date_rule.as_str(),
        data_key_id "uuid" = |row| row.data_key_id.0,
        created_seq "bigint" = |row| row.created_seq,
        changed_seq "bigint" = |row| row.changed_seq,
        raw_answer_id "uuid" = |row| Origin(row.provenance).raw_answer_id(),
        raw_ordinal "bigint" = |row| Origin(row.provenance).ordinal(),
        mapping_version "bigint" = |row| Origin(row.provenance).mapping_version(),
        schema_major "smallint" = |row| Origin(row.provenance).schema().0,
        schema_minor "smallint" = |row| Origin(row.provenance).schema().1,
        mapped_at "bigint" = |row| Origin(row.provenance).mapped_at(),
        content_sha256 "bytea" = |row| &row.content_sha256[..],
    ], "on conflict (tenant_id, id) do update set
        link_id = excluded.link_id, institution_id = excluded.institution_id,
        currency = excluded.currency, name = excluded.name, status = excluded.status,
        lifecycle = excluded.lifecycle, changed_seq = excluded.changed_seq,
        raw_answer_id = excluded.raw_answer_id, raw_ordinal = excluded.raw_ordinal,
        mapping_version = excluded.mapping_version, schema_major = excluded.schema_major,
        schema_minor = excluded.schema_minor, mapped_at = excluded.mapped_at,
        content_sha256 = excluded.content_sha256
        where account.content_sha256 <> excluded.content_sha256
        or account.lifecycle <> excluded.lifecycle
        or account.link_id is distinct from excluded.link_id");
    Ok(())
}

async fn bank(tx: &mut Tx, rows: &[AccountRow]) -> Result<()> {
    let tenant = tx.tenant().0;
    bulk!(tx, rows, "bank_account", [
        tenant_id "uuid" = |_row| tenant,
        account_id "uuid" = |row| row.id.0,
        account_type "text" = |row| row.bank.account_type.as_str(),
        subtype "text" = |row| row.bank.subtype.as_deref(),
        product_name "text" = |row| row.bank.product_name.as_deref(),
        holder_name "text" = |row| row.bank.holder_name.as_deref(),
        bic "text" = |row| row.bank.bic.as_deref(),
        business "boolean" = |row| row.bank.business,
        source_status "text" = |row| row.bank.source_status.as_deref(),
    ], "on conflict (tenant_id, account_id) do update set
        account_type = excluded.account_type, subtype = excluded.subtype,
        product_name = excluded.product_name, holder_name = excluded.holder_name,
        bic = excluded.bic, business = excluded.business, source_status = excluded.source_status
        where bank_account.account_type <> excluded.account_type
        or bank_account.subtype is distinct from excluded.subtype
        or bank_account.product_name is distinct from excluded.product_name
        or bank_account.holder_name is distinct from excluded.holder_name
        or bank_account.bic is distinct from excluded.bic
        or bank_account.business is distinct from excluded.business
        or bank_account.source_status is distinct from excluded.source_status");
    Ok(())
}

/// One account number with its owner and its place.
struct Number<'a> {
    account: Uuid,
    data_key: Uuid,
    ordinal: i16,
    identifier: &'a SealedIdentifier,
}

fn numbers(row: &AccountRow) -> impl Iterator<Item = Number<'_>> {
    (0_i16..)
        .zip(&row.identifiers)
        .map(|(ordinal, identifier)| Number {
            account: row.id.0,
            data_key: row.data_key_id.0,
            ordinal,
            identifier,
        })
}

async fn identifiers(tx: &mut Tx, numbers: &[Number<'_>]) -> Result<()> {
    let tenant = tx.tenant().0;
    bulk!(tx, numbers, "account_identifier", [
        tenant_id "uuid" = |_row| tenant,
        account_id "uuid" = |row| row.account,
        ordinal "smallint" = |row| row.ordinal,
        scheme "text" = |row| row.identifier.scheme.as_str(),
        masked "text" = |row| row.identifier.masked.as_str(),
        sealed "text" = |row| row.identifier.sealed.as_str(),
        data_key_id "uuid" = |row| row.data_key,
        hash "bytea" = |row| &row.identifier.hash[..],
        hash_key_id "uuid" = |row| row.identifier.hash_key_id,
    ], "on conflict (tenant_id, account_id, ordinal) do update set
        scheme = excluded.scheme, masked = excluded.masked, sealed = excluded.sealed,
        data_key_id = excluded.data_key_id, hash = excluded.hash,
        hash_key_id = excluded.hash_key_id
        where account_identifier.hash <> excluded.hash
        or account_identifier.hash_key_id <> excluded.hash_key_id
        or account_identifier.scheme <> excluded.scheme
        or account_identifier.masked <> excluded.masked");
    Ok(())
}

/// Deletes the numbers behind an account's last one.
async fn delete_surplus(tx: &mut Tx, rows: &[AccountRow]) -> Result<()> {
    let tenant = tx.tenant().0;
    for step in rows.chunks(DELETE_STEP) {
        on!(tx, |conn, D| {
            let mut query =
                sqlx::QueryBuilder::<D>::new("delete from account_identifier where tenant_id = ");
            query.push_bind(tenant).push(" and (");
            for (at, row) in step.iter().enumerate() {
                let count = i64::try_from(row.identifiers.len()).unwrap_or(i64::MAX);
                query
                    .push(if at == 0 { "" } else { " or " })
                    .push("(account_id = ");
                query
                    .push_bind(row.id.0)
                    .push(" and ordinal >= ")
                    .push_bind(count)
                    .push(")");
            }
            query.push(")");
            query.build().execute(&mut *conn).await?;
        });
    }
    Ok(())
}
