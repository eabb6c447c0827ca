//! Where accounts come from: one provider account under one link, or a file.

use fondaco_model::Instant;
use fondaco_model::ids::{AccountId, AccountSourceId, ConsentId, DataKeyId, EndUserId, LinkId};
use fondaco_model::v1::AccountSource;
use uuid::Uuid;

use super::composed::{fetch_composed, hidden_debug};
use super::{Digest, Scope};
use crate::engine::bulk::InList;
use crate::engine::{Session, Tx};
use crate::error::{Result, StoreError};

/// Most accounts or links of one call.
pub const IDS_MAX: usize = 1_000;

/// Most hashes of one look-up.
pub const HASHES_MAX: usize = 64;

/// Most sources that one call answers.
pub const SOURCES_MAX: i64 = 10_000;

/// A source as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountSourceRow {
    /// Our id.
    pub id: AccountSourceId,
    /// The logical account.
    pub account_id: AccountId,
    /// Whose account it is.
    pub end_user_id: EndUserId,
    /// The provider family.
    pub family: String,
    /// The link, unless the source is a file.
    pub link_id: Option<LinkId>,
    /// The consent under which it was last read.
    pub consent_id: Option<ConsentId>,
    /// The provider's id of the account, sealed.
    pub provider_account_sealed: Option<String>,
    /// Keyed hash of the provider's id.
    pub provider_account_hash: Digest,
    /// The hash's key.
    pub hash_key_id: Uuid,
    /// The key that seals the provider's id.
    pub data_key_id: DataKeyId,
    /// When the source first stated the account.
    pub first_seen_at: Instant,
    /// When the source last stated the account.
    pub last_seen_at: Instant,
}

hidden_debug!(AccountSourceRow);

impl From<AccountSourceRow> for AccountSource {
    fn from(row: AccountSourceRow) -> Self {
        Self {
            id: row.id,
            account_id: row.account_id,
            family: row.family,
            link_id: row.link_id,
            first_seen_at: row.first_seen_at,
            last_seen_at: row.last_seen_at,
        }
    }
}

record!(AccountSourceRow, |row| AccountSourceRow {
    id: AccountSourceId(row.col("id")?),
    account_id: AccountId(row.col("account_id")?),
    end_user_id: EndUserId(row.col("end_user_id")?),
    family: row.col("family")?,
    link_id: row.col::<Option<Uuid>>("link_id")?.map(LinkId),
    consent_id: row.col::<Option<Uuid>>("consent_id")?.map(ConsentId),
    provider_account_sealed: row.col("provider_account_sealed")?,
    provider_account_hash: row.digest("provider_account_hash")?,
    hash_key_id: row.col("hash_key_id")?,
    data_key_id: DataKeyId(row.col("data_key_id")?),
    first_seen_at: row.instant("first_seen_at")?,
    last_seen_at: row.instant("last_seen_at")?,
});

macro_rules! fields {
    () => {
        "id, account_id, end_user_id, family, link_id, consent_id, provider_account_sealed, \
         provider_account_hash, hash_key_id, data_key_id, first_seen_at, last_seen_at"
    };
}

statements! {
    INSERT = "insert into account_source (tenant_id, id, account_id, end_user_id, family, \
        link_id, consent_id, provider_account_sealed, provider_account_hash, hash_key_id, \
        data_key_id, first_seen_at, last_seen_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    TOUCH = "update account_source set consent_id = coalesce($3, consent_id), last_seen_at = $4 \
        where tenant_id = $1 and id = $2 and last_seen_at <= $4";
}

/// The place that a provider's account id is looked for in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourcePlace<'a> {
    /// Under a link.
    Link(LinkId),
    /// In files of a provider family.
    Files(&'a str),
}

/// Keeps a source.
///
/// # Errors
/// [`crate::StoreError::Conflict`] when the id is taken or the account is not the tenant's.
pub async fn insert(tx: &mut Tx, row: &AccountSourceRow) -> Result<()> {
    let tenant = tx.tenant().0;
    execute!(
        tx,
        INSERT,
        tenant,
        row.id.0,
        row.account_id.0,
        row.end_user_id.0,
        row.family.as_str(),
        row.link_id.map(|id| id.0),
        row.consent_id.map(|id| id.0),
        row.provider_account_sealed.as_deref(),
        row.provider_account_hash.as_slice(),
        row.hash_key_id,
        row.data_key_id.0,
        row.first_seen_at.micros(),
        row.last_seen_at.micros()
    )?;
    Ok(())
}

/// Notes that a source states its account still, and under which consent; an older instant than
/// the stored one changes nothing.
pub async fn touch(
    tx: &mut Tx,
    id: AccountSourceId,
    consent: Option<ConsentId>,
    at: Instant,
) -> Result<()> {
    let tenant = tx.tenant().0;
    execute!(tx, TOUCH, tenant, id.0, consent.map(|id| id.0), at.micros())?;
    Ok(())
}

const LIST: &str = concat!(
    "select ",
    fields!(),
    " from account_source where tenant_id = "
);

/// The source with one of these hashes of the provider's account id, in a place of one person; the
/// first that was seen. At most [`HASHES_MAX`] hashes: one of each key that may have made it.
///
/// # Errors
/// [`StoreError::Inconsistent`] for more hashes.
pub async fn find(
    session: &mut Session,
    end_user: EndUserId,
    place: SourcePlace<'_>,
    hashes: &[Digest],
) -> Result<Option<AccountSourceRow>> {
    if hashes.len() > HASHES_MAX {
        return Err(StoreError::Inconsistent {
            column: "provider_account_hash",
        });
    }
    if hashes.is_empty() {
        return Ok(None);
    }
    let tenant = session.tenant().0;
    let mut found = fetch_composed!(session, AccountSourceRow, LIST, |query, D| {
        query.push_bind(tenant);
        Scope::EndUser(end_user).push::<D>(&mut query, "end_user_id");
        match place {
            SourcePlace::Link(link) => query.push(" and link_id = ").push_bind(link.0),
            SourcePlace::Files(family) => query
                .push(" and link_id is null and family = ")
                .push_bind(family),
        };
        query.push(" and provider_account_hash in (");
        let mut list = query.separated(", ");
        for hash in hashes {
            list.push_bind(hash.to_vec());
        }
        query.push(") order by first_seen_at, id limit 1");
    })?;
    Ok(found.pop())
}

/// Sources of accounts, ordered by account and id. At most [`IDS_MAX`] accounts.
pub async fn by_accounts(
    session: &mut Session,
    scope: Scope,
    accounts: &[AccountId],
) -> Result<Vec<AccountSourceRow>> {
    let ids: Vec<Uuid> = accounts.iter().map(|id| id.0).collect();
    by_column(session, scope, "account_id", &ids).await
}

/// Sources under links, ordered by account and id. At most [`IDS_MAX`] links.
pub async fn by_links(
    session: &mut Session,
    scope: Scope,
    links: &[LinkId],
) -> Result<Vec<AccountSourceRow>> {
    let ids: Vec<Uuid> = links.iter().map(|id| id.0).collect();
    by_column(session, scope, "link_id", &ids).await
}

/// Sources by id, ordered by account and id. At most [`IDS_MAX`] ids.
pub async fn by_ids(
    session: &mut Session,
    scope: Scope,
    sources: &[AccountSourceId],
) -> Result<Vec<AccountSourceRow>> {
    let ids: Vec<Uuid> = sources.iter().map(|id| id.0).collect();
    by_column(session, scope, "id", &ids).await
}

async fn by_column(
    session: &mut Session,
    scope: Scope,
    column: &'static str,
    ids: &[Uuid],
) -> Result<Vec<AccountSourceRow>> {
    debug_assert!(ids.len() <= IDS_MAX, "callers work in batches");
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let tenant = session.tenant().0;
    fetch_composed!(session, AccountSourceRow, LIST, |query, D| {
        query.push_bind(tenant);
        scope.push::<D>(&mut query, "end_user_id");
        query.push(" and ");
        D::in_ids(&mut query, column, ids);
        query
            .push(" order by account_id, id limit ")
            .push_bind(SOURCES_MAX);
    })
}
