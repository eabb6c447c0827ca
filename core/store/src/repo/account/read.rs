//! Reading accounts with their numbers: one statement, whatever the number of accounts.

use fondaco_model::ids::{AccountId, DataKeyId, EndUserId, LinkId};
use fondaco_model::v1::{AccountType, IdentifierScheme};
use uuid::Uuid;

use super::origin::Origin;
use super::{AccountPage, AccountRow, BankAccountRow, IdentifierHit};
use crate::engine::Session;
use crate::engine::bulk::InList;
use crate::engine::row::FromRecord;
use crate::error::{Result, StoreError};
use crate::repo::composed::fetch_composed;
use crate::repo::transaction::SealedIdentifier;
use crate::repo::{Digest, ROWS_MAX, Scope};

/// Most ids or links of one call.
pub const IDS_MAX: usize = 1_000;

/// Most accounts that one call by links answers.
pub const BY_LINKS_MAX: i64 = 10_000;

/// Most hashes of one look-up.
pub const HASHES_MAX: usize = 256;

macro_rules! shared {
    () => {
        "a.id, a.end_user_id, a.link_id, a.institution_id, a.currency, a.name, a.status, \
         a.lifecycle, a.sort_date, a.sort_date_rule, a.data_key_id, a.created_seq, \
         a.changed_seq, a.raw_answer_id, a.raw_ordinal, a.mapping_version, a.schema_major, \
         a.schema_minor, a.mapped_at, a.content_sha256"
    };
}

const HEAD: &str = concat!(
    "select ",
    shared!(),
    ", b.account_type, b.subtype, b.product_name, b.holder_name, b.bic, b.business, \
     b.source_status, i.scheme as number_scheme, i.masked as number_masked, \
     i.sealed as number_sealed, i.hash as number_hash, i.hash_key_id as number_hash_key_id \
     from (select a.tenant_id, ",
    shared!(),
    " from account a where a.tenant_id = "
);

const JOINS: &str = ") a \
    join bank_account b on b.tenant_id = a.tenant_id and b.account_id = a.id \
    left join account_identifier i on i.tenant_id = a.tenant_id and i.account_id = a.id";

/// An account with one of its numbers: a row of the join.
struct Joined {
    account: AccountRow,
    number: Option<SealedIdentifier>,
}

record!(Joined, |row| {
    let scheme: Option<&str> = row.col("number_scheme")?;
    let number = match scheme {
        None => None,
        Some(scheme) => Some(SealedIdentifier {
            scheme: IdentifierScheme::from_word(scheme),
            masked: row.col("number_masked")?,
            sealed: row.col("number_sealed")?,
            hash: row.digest("number_hash")?,
            hash_key_id: row.col("number_hash_key_id")?,
        }),
    };
    Joined {
        account: FromRecord::read(row)?,
        number,
    }
});

record!(AccountRow, |row| AccountRow {
    id: AccountId(row.col("id")?),
    end_user_id: EndUserId(row.col("end_user_id")?),
    link_id: row.col::<Option<Uuid>>("link_id")?.map(LinkId),
    institution_id: row.col("institution_id")?,
    currency: row.code_opt("currency")?,
    name: row.col("name")?,
    status: row.code("status")?,
    lifecycle: row.code("lifecycle")?,
    sort_date: row.code("sort_date")?,
    sort_date_rule: row.code("sort_date_rule")?,
    data_key_id: DataKeyId(row.col("data_key_id")?),
    created_seq: row.col("created_seq")?,
    changed_seq: row.col("changed_seq")?,
    provenance: <Origin as FromRecord<_>>::read(row)?.0,
    content_sha256: row.digest("content_sha256")?,
    bank: BankAccountRow {
        account_type: AccountType::from_word(row.col("account_type")?),
        subtype: row.col("subtype")?,
        product_name: row.col("product_name")?,
        holder_name: row.col("holder_name")?,
        bic: row.col("bic")?,
        business: row.col("business")?,
        source_status: row.col("source_status")?,
    },
    identifiers: Vec::new(),
});

record!(IdentifierHit, |row| IdentifierHit {
    account_id: AccountId(row.col("account_id")?),
    currency: row.code_opt("currency")?,
    link_id: row.col::<Option<Uuid>>("link_id")?.map(LinkId),
    scheme: IdentifierScheme::from_word(row.col("scheme")?),
    hash: row.digest("hash")?,
});

/// Which accounts a list holds; all conditions must hold.
#[derive(Debug, Clone, Copy, Default)]
pub struct AccountQuery {
    /// Only accounts that this link reads.
    pub link: Option<LinkId>,
    /// Only accounts behind this one.
    pub after: Option<AccountId>,
    /// Only accounts before this one.
    pub before: Option<AccountId>,
    /// Number of rows, 1 to [`ROWS_MAX`].
    pub limit: u32,
    /// True for the last accounts of the list instead of the first.
    pub backward: bool,
}

/// Live accounts in the order of their ids, which is the order of their making.
pub async fn list(
    session: &mut Session,
    scope: Scope,
    asked: &AccountQuery,
) -> Result<AccountPage> {
    let limit = asked.limit.clamp(1, ROWS_MAX);
    let order = if asked.backward {
        " order by a.id desc"
    } else {
        " order by a.id"
    };
    let tenant = session.tenant().0;
    let rows = fetch_composed!(session, Joined, HEAD, |query, D| {
        query.push_bind(tenant);
        scope.push::<D>(&mut query, "a.end_user_id");
        query.push(" and a.lifecycle = 'LIVE'");
        for (condition, id) in [
            (" and a.link_id = ", asked.link.map(|id| id.0)),
            (" and a.id > ", asked.after.map(|id| id.0)),
            (" and a.id < ", asked.before.map(|id| id.0)),
        ] {
            if let Some(id) = id {
                query.push(condition).push_bind(id);
            }
        }
        query
            .push(order)
            .push(" limit ")
            .push_bind(i64::from(limit) + 1);
        query.push(JOINS).push(order).push(", i.ordinal");
    })?;
    let mut rows = gather(rows);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    if asked.backward {
        rows.reverse();
    }
    Ok(AccountPage { rows, more })
}

/// Accounts by id, live or not, as far as the scope sees them, ordered by id. At most
/// [`IDS_MAX`] ids.
pub async fn by_ids(
    session: &mut Session,
    scope: Scope,
    ids: &[AccountId],
) -> Result<Vec<AccountRow>> {
    debug_assert!(ids.len() <= IDS_MAX, "callers work in batches");
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    by_column(session, scope, "a.id", &ids).await
}

/// Live accounts that links read, ordered by id, at most [`BY_LINKS_MAX`]. At most [`IDS_MAX`]
/// links.
pub async fn by_links(
    session: &mut Session,
    scope: Scope,
    links: &[LinkId],
) -> Result<Vec<AccountRow>> {
    debug_assert!(links.len() <= IDS_MAX, "callers work in batches");
    let ids: Vec<Uuid> = links.iter().map(|id| id.0).collect();
    by_column(session, scope, "a.link_id", &ids).await
}

/// Live accounts that a link reads, ordered by id.
pub async fn by_link(session: &mut Session, scope: Scope, link: LinkId) -> Result<Vec<AccountRow>> {
    by_links(session, scope, &[link]).await
}

async fn by_column(
    session: &mut Session,
    scope: Scope,
    column: &'static str,
    ids: &[Uuid],
) -> Result<Vec<AccountRow>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let tenant = session.tenant().0;
    let rows = fetch_composed!(session, Joined, HEAD, |query, D| {
        query.push_bind(tenant);
        scope.push::<D>(&mut query, "a.end_user_id");
        if column == "a.link_id" {
            query.push(" and a.lifecycle = 'LIVE'");
        }
        query.push(" and ");
        D::in_ids(&mut query, column, ids);
        query.push(" order by a.id limit ").push_bind(BY_LINKS_MAX);
        query.push(JOINS).push(" order by a.id, i.ordinal");
    })?;
    Ok(gather(rows))
}

/// Rows of the join, which come account by account, as accounts with their numbers.
fn gather(rows: Vec<Joined>) -> Vec<AccountRow> {
    let mut accounts: Vec<AccountRow> = Vec::new();
    for Joined { account, number } in rows {
        if accounts.last().is_none_or(|last| last.id != account.id) {
            accounts.push(account);
        }
        let last = accounts
            .last_mut()
            .expect("an account was pushed just before");
        last.identifiers.extend(number);
    }
    accounts
}

const HITS: &str = "select i.account_id, a.currency, a.link_id, i.scheme, i.hash \
    from account_identifier i \
    join account a on a.tenant_id = i.tenant_id and a.id = i.account_id \
    where a.lifecycle = 'LIVE' and i.tenant_id = ";

/// Live accounts of a person that bear one of the numbers, by their keyed hashes, ordered by
/// account: "is this the account that we know already".
///
/// # Errors
/// [`StoreError::Inconsistent`] for more than [`HASHES_MAX`] hashes.
pub async fn find_by_identifiers(
    session: &mut Session,
    end_user: EndUserId,
    hashes: &[Digest],
) -> Result<Vec<IdentifierHit>> {
    if hashes.len() > HASHES_MAX {
        return Err(StoreError::Inconsistent { column: "hash" });
    }
    if hashes.is_empty() {
        return Ok(Vec::new());
    }
    let tenant = session.tenant().0;
    fetch_composed!(session, IdentifierHit, HITS, |query, D| {
        query.push_bind(tenant);
        Scope::EndUser(end_user).push::<D>(&mut query, "a.end_user_id");
        query.push(" and i.hash in (");
        let mut list = query.separated(", ");
        for hash in hashes {
            list.push_bind(hash.to_vec());
        }
        query.push(") order by i.account_id, i.ordinal");
    })
}
