//! Balances: one of a kind and currency per source and day.

mod choose;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use fondaco_model::ids::{AccountId, AccountSourceId, BalanceId, DataKeyId, EndUserId};
use fondaco_model::money::{Currency, Money};
use fondaco_model::provenance::Provenance;
use fondaco_model::time::{Date, Instant};
use fondaco_model::v1::{Balance, BalanceType, Lifecycle};
use uuid::Uuid;

use super::account::origin::Origin;
use super::composed::{fetch_composed, hidden_debug};
use super::{ROWS_MAX, Scope};
use crate::engine::bulk::InList;
use crate::engine::row::FromRecord;
use crate::engine::{Session, Tx};
use crate::error::Result;

pub use choose::{Chosen, choose_available, choose_ledger};

/// Most accounts of one call.
pub const ACCOUNTS_MAX: usize = 1_000;

/// Most balances that one call answers.
pub const BALANCES_MAX: i64 = 20_000;

codes! {
    /// Which date is the day of a balance.
    BalanceDateRule {
        /// The day that the source states.
        AsOfDate = "AS_OF_DATE",
        /// The UTC day of the instant that the source states.
        AsOf = "AS_OF",
        /// The day on which it was read, because no day is stated.
        Fetched = "FETCHED",
    }
}

/// A balance as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct BalanceRow {
    /// Our id.
    pub id: BalanceId,
    /// The account.
    pub account_id: AccountId,
    /// The source that stated it.
    pub account_source_id: AccountSourceId,
    /// Whose balance it is.
    pub end_user_id: EndUserId,
    /// Kind of balance.
    pub balance_type: BalanceType,
    /// Signed amount.
    pub amount: Money,
    /// The day of the balance.
    pub sort_date: Date,
    /// Which date that is.
    pub sort_date_rule: BalanceDateRule,
    /// The day of the balance as stated.
    pub as_of_date: Option<Date>,
    /// The instant of the balance as stated.
    pub as_of: Option<Instant>,
    /// When it was read.
    pub fetched_at: Instant,
    /// True when the credit line is part of the amount.
    pub credit_limit_included: Option<bool>,
    /// Reference of the last transaction that the balance includes.
    pub last_transaction_ref: Option<String>,
    /// Whether it still counts.
    pub lifecycle: Lifecycle,
    /// The key of its owner's data.
    pub data_key_id: DataKeyId,
    /// Position in the tenant's sequence when it was made.
    pub created_seq: i64,
    /// Position in the tenant's sequence when it last changed.
    pub changed_seq: i64,
    /// Where it comes from.
    pub provenance: Option<Provenance>,
}

hidden_debug!(BalanceRow);

/// What there is one balance of.
type Key = (AccountId, AccountSourceId, BalanceType, Currency, Date);

impl BalanceRow {
    /// What there is one balance of: account, source, type, currency and day.
    pub fn key(&self) -> Key {
        let currency = self.amount.currency();
        let kind = self.balance_type.clone();
        (
            self.account_id,
            self.account_source_id,
            kind,
            currency,
            self.sort_date,
        )
    }

    /// True when two rows of one key state the same, so that a write would change nothing.
    pub fn states_same(&self, other: &Self) -> bool {
        self.amount == other.amount
            && self.lifecycle == other.lifecycle
            && self.as_of == other.as_of
            && self.credit_limit_included == other.credit_limit_included
            && self.last_transaction_ref == other.last_transaction_ref
    }
}

impl From<BalanceRow> for Balance {
    fn from(row: BalanceRow) -> Self {
        Self {
            id: row.id,
            account_id: row.account_id,
            account_source_id: row.account_source_id,
            balance_type: row.balance_type,
            amount: row.amount,
            as_of_date: row.as_of_date,
            as_of: row.as_of,
            fetched_at: row.fetched_at,
            credit_limit_included: row.credit_limit_included,
            last_transaction_ref: row.last_transaction_ref,
            provenance: row.provenance,
        }
    }
}

record!(BalanceRow, |row| BalanceRow {
    id: BalanceId(row.col("id")?),
    account_id: AccountId(row.col("account_id")?),
    account_source_id: AccountSourceId(row.col("account_source_id")?),
    end_user_id: EndUserId(row.col("end_user_id")?),
    balance_type: BalanceType::from_word(row.col("balance_type")?),
    amount: super::money(
        row.col("minor")?,
        row.col("scale")?,
        row.col("currency")?,
        "minor"
    )?,
    sort_date: row.code("sort_date")?,
    sort_date_rule: row.code("sort_date_rule")?,
    as_of_date: row.date_opt("as_of_date")?,
    as_of: row.instant_opt("as_of")?,
    fetched_at: row.instant("fetched_at")?,
    credit_limit_included: row.col("credit_limit_included")?,
    last_transaction_ref: row.col("last_transaction_ref")?,
    lifecycle: row.code("lifecycle")?,
    data_key_id: DataKeyId(row.col("data_key_id")?),
    created_seq: row.col("created_seq")?,
    changed_seq: row.col("changed_seq")?,
    provenance: <Origin as FromRecord<_>>::read(row)?.0,
});

macro_rules! fields {
    () => {
        "id, account_id, account_source_id, end_user_id, balance_type, minor, scale, currency, \
         sort_date, sort_date_rule, as_of_date, as_of, fetched_at, credit_limit_included, \
         last_transaction_ref, lifecycle, data_key_id, created_seq, changed_seq, raw_answer_id, \
         raw_ordinal, mapping_version, schema_major, schema_minor, mapped_at"
    };
}

statements! {
    OF_SOURCE = concat!("select ", fields!(), " from balance \
        where tenant_id = $1 and account_id = $2 and account_source_id = $3 \
        and sort_date >= $4 and sort_date <= $5 \
        order by sort_date, balance_type, currency limit $6");
}

/// Writes balances, new ones and changed ones, by account, source, type, currency and day.
///
/// What states the same as the stored row is not rewritten. A changed row keeps its id and
/// `created_seq`: read [`of_source`] first to name it in events. Of two rows with one key the
/// later one counts.
///
/// # Errors
/// [`crate::StoreError::Conflict`] when an id is taken or the account is not the tenant's.
pub async fn upsert(tx: &mut Tx, rows: &[BalanceRow]) -> Result<()> {
    let rows = last_of_each(rows);
    if rows.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant().0;
    bulk!(tx, rows, "balance", [
        tenant_id "uuid" = |_row| tenant,
        id "uuid" = |row| row.id.0,
        account_id "uuid" = |row| row.account_id.0,
        account_source_id "uuid" = |row| row.account_source_id.0,
        end_user_id "uuid" = |row| row.end_user_id.0,
        balance_type "text" = |row| row.balance_type.as_str(),
        minor "bigint" = |row| row.amount.minor(),
        scale "smallint" = |row| i16::from(row.amount.scale()),
        currency "text" = |row| row.amount.currency().code(),
        sort_date "text" = |row| row.sort_date.to_string(),
        sort_date_rule "text" = |row| row.sort_date_rule.as_str(),
        as_of_date "text" = |row| row.as_of_date.map(|date| date.to_string()),
        as_of "bigint" = |row| row.as_of.map(Instant::micros),
        fetched_at "bigint" = |row| row.fetched_at.micros(),
        credit_limit_included "boolean" = |row| row.credit_limit_included,
        last_transaction_ref "text" = |row| row.last_transaction_ref.as_deref(),
        lifecycle "text" = |row| row.lifecycle.as_str(),
        data_key_id "uuid" = |row| row.data_key_id.0,
        created_seq "bigint" = |row| row.created_seq,
        changed_seq "bigint" = |row| row.changed_seq,
        raw_answer_id "uuid" = |row| Origin(row.provenance).raw_answer_id(),
        raw_ordinal "bigint" = |row| Origin(row.provenance).ordinal(),
        mapping_version "bigint" = |row| Origin(row.provenance).mapping_version(),
        schema_major "smallint" = |row| Origin(row.provenance).schema().0,
        schema_minor "smallint" = |row| Origin(row.provenance).schema().1,
        mapped_at "bigint" = |row| Origin(row.provenance).mapped_at(),
    ], UPDATE);
    Ok(())
}

/// What a conflict changes, and the guard that agrees with [`BalanceRow::states_same`].
const UPDATE: &str = "on conflict (tenant_id, account_id, account_source_id, balance_type, \
    currency, sort_date) do update set minor = excluded.minor, scale = excluded.scale, \
    sort_date_rule = excluded.sort_date_rule, as_of_date = excluded.as_of_date, \
    as_of = excluded.as_of, fetched_at = excluded.fetched_at, \
    credit_limit_included = excluded.credit_limit_included, \
    last_transaction_ref = excluded.last_transaction_ref, lifecycle = excluded.lifecycle, \
    changed_seq = excluded.changed_seq, raw_answer_id = excluded.raw_answer_id, \
    raw_ordinal = excluded.raw_ordinal, mapping_version = excluded.mapping_version, \
    schema_major = excluded.schema_major, schema_minor = excluded.schema_minor, \
    mapped_at = excluded.mapped_at \
    where balance.minor <> excluded.minor or balance.scale <> excluded.scale \
    or balance.lifecycle <> excluded.lifecycle or balance.as_of is distinct from excluded.as_of \
    or balance.credit_limit_included is distinct from excluded.credit_limit_included \
    or balance.last_transaction_ref is distinct from excluded.last_transaction_ref";

/// One statement may not write a row twice.
fn last_of_each(rows: &[BalanceRow]) -> Vec<&BalanceRow> {
    let mut kept: Vec<&BalanceRow> = Vec::with_capacity(rows.len());
    let mut places: HashMap<Key, usize> = HashMap::with_capacity(rows.len());
    for row in rows {
        if let Some(at) = places.get(&row.key()) {
            kept[*at] = row;
        } else {
            places.insert(row.key(), kept.len());
            kept.push(row);
        }
    }
    kept
}

/// What a source stated of an account on the days of a span, live or not, at most
/// [`ROWS_MAX`]: the rows that an [`upsert`] of those days may change.
pub async fn of_source(
    session: &mut Session,
    account: AccountId,
    source: AccountSourceId,
    from: Date,
    to: Date,
) -> Result<Vec<BalanceRow>> {
    let tenant = session.tenant().0;
    let (from, to) = (from.to_string(), to.to_string());
    fetch_all!(
        session,
        OF_SOURCE => BalanceRow,
        tenant,
        account.0,
        source.0,
        from.as_str(),
        to.as_str(),
        i64::from(ROWS_MAX)
    )
}

macro_rules! latest {
    ($fields:expr) => {
        concat!(
            "select ",
            $fields,
            " from (select ",
            $fields,
            ", row_number() over \
             (partition by account_id, balance_type, currency \
             order by sort_date desc, fetched_at desc, id desc) as place \
             from balance where lifecycle = 'LIVE' and tenant_id = "
        )
    };
}

const LATEST: &str = latest!(fields!());

/// The newest live balance of each account, type and currency, over all sources, ordered by
/// account, type and currency. One statement; at most [`ACCOUNTS_MAX`] accounts and
/// [`BALANCES_MAX`] rows.
pub async fn latest(
    session: &mut Session,
    scope: Scope,
    accounts: &[AccountId],
) -> Result<Vec<BalanceRow>> {
    debug_assert!(accounts.len() <= ACCOUNTS_MAX, "callers work in batches");
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = accounts.iter().map(|id| id.0).collect();
    let tenant = session.tenant().0;
    fetch_composed!(session, BalanceRow, LATEST, |query, D| {
        query.push_bind(tenant);
        scope.push::<D>(&mut query, "end_user_id");
        query.push(" and ");
        D::in_ids(&mut query, "account_id", &ids);
        query.push(") latest where place = 1 order by account_id, balance_type, currency limit ");
        query.push_bind(BALANCES_MAX);
    })
}
