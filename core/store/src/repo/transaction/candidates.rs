//! The stored rows that an incoming batch may be about.

use fondaco_model::ids::{AccountId, AccountSourceId, TransactionId};
use fondaco_model::money::Money;
use fondaco_model::time::Date;
use fondaco_model::v1::{DateRule, ReferenceKind, Stability, TransactionStatus};
use uuid::Uuid;

use super::read::money;
use crate::engine::Session;
use crate::engine::bulk::InList;
use crate::engine::row::FromRecord;
use crate::error::{Result, StoreError};

/// Candidates whose references one statement reads.
const PART_IDS: usize = 1_000;

/// What a batch asks about: an account, a span of days, the amounts and references it states.
#[derive(Clone)]
pub struct CandidateQuery<'a> {
    /// The logical account.
    pub account_id: AccountId,
    /// The source that states the batch.
    pub account_source_id: AccountSourceId,
    /// First day on which a candidate may lie.
    pub from: Date,
    /// Last day on which a candidate may lie.
    pub to: Date,
    /// Integer units of the amounts that are stated; at most 1,000.
    pub minors: &'a [i64],
    /// Values of the references that are stated; at most 4,000.
    pub references: &'a [&'a str],
}

/// A stored live row that may be one of the incoming.
#[derive(Clone)]
pub struct Candidate {
    /// Its id.
    pub id: TransactionId,
    /// The source whose statement is stored.
    pub account_source_id: AccountSourceId,
    /// Its shared status.
    pub status: TransactionStatus,
    /// Its signed amount.
    pub amount: Money,
    /// The day that orders it.
    pub sort_date: Date,
    /// Which date that is.
    pub sort_date_rule: DateRule,
    /// Its folded text.
    pub search_text: String,
    /// Keyed hash of its counterparty's account number.
    pub counterparty_hash: Option<[u8; 32]>,
    /// Its end-to-end id.
    pub end_to_end_id: Option<String>,
    /// Its unique end-to-end transaction reference.
    pub uetr: Option<String>,
    /// Digest of what its source states.
    pub content_sha256: Vec<u8>,
    /// Position in the tenant's sequence when it was made.
    pub created_seq: i64,
    /// Its references.
    pub refs: Vec<CandidateRef>,
}

/// A reference of a candidate.
#[derive(Debug, Clone)]
pub struct CandidateRef {
    /// The source that gave it.
    pub account_source_id: AccountSourceId,
    /// What kind of reference it is.
    pub kind: ReferenceKind,
    /// Its value.
    pub value: String,
    /// How far it can be trusted.
    pub stability: Stability,
}

record!(Candidate, |row| Candidate {
    id: TransactionId(row.col("id")?),
    account_source_id: AccountSourceId(row.col("account_source_id")?),
    status: row.code("status")?,
    amount: money!(row, "minor", "scale", "currency")
        .ok_or(StoreError::Inconsistent { column: "minor" })?,
    sort_date: row.code("sort_date")?,
    sort_date_rule: row.code("sort_date_rule")?,
    search_text: row.col("search_text")?,
    counterparty_hash: row
        .col::<Option<Vec<u8>>>("counterparty_hash")?
        .and_then(|bytes| bytes.try_into().ok()),
    end_to_end_id: row.col("end_to_end_id")?,
    uetr: row.col("uetr")?,
    content_sha256: row.col("content_sha256")?,
    created_seq: row.col("created_seq")?,
    refs: Vec::new(),
});

const HEAD: &str = "select t.id, t.account_source_id, t.status, t.minor, t.scale, t.currency,
    t.sort_date, t.sort_date_rule, t.search_text, t.content_sha256, t.created_seq,
    b.counterparty_hash, b.end_to_end_id, b.uetr
    from \"transaction\" t join bank_transaction b
    on b.tenant_id = t.tenant_id and b.transaction_id = t.id
    where t.lifecycle = 'LIVE' and t.tenant_id = ";

/// Live rows of the account that share an amount within the span of days, or a reference of the
/// source; each with its references: three statements, and one for each thousand of what was found.
/// An account may have more rows of one amount within the days than a statement takes values.
pub async fn candidates(
    session: &mut Session,
    asked: &CandidateQuery<'_>,
) -> Result<Vec<Candidate>> {
    let mut found = by_amount(session, asked).await?;
    let by_reference = by_reference(session, asked).await?;
    let known: std::collections::HashSet<Uuid> = found.iter().map(|row| row.id.0).collect();
    let more: Vec<Uuid> = by_reference.into_iter().filter(|id| !known.contains(id)).collect();
    if !more.is_empty() {
        found.extend(by_id(session, asked.account_id, &more).await?);
    }
    attach_references(session, &mut found).await?;
    Ok(found)
}

async fn by_amount(session: &mut Session, asked: &CandidateQuery<'_>) -> Result<Vec<Candidate>> {
    let tenant = session.tenant().0;
    on!(session, |conn, D| {
        let mut query = sqlx::QueryBuilder::<D>::new(HEAD);
        query.push_bind(tenant).push(" and t.account_id = ").push_bind(asked.account_id.0);
        query.push(" and t.sort_date >= ").push_bind(asked.from.to_string());
        query.push(" and t.sort_date <= ").push_bind(asked.to.to_string()).push(" and ");
        D::in_numbers(&mut query, "t.minor", asked.minors);
        query.push(" order by t.sort_date, t.id");
        let rows = query.build().fetch_all(&mut *conn).await?;
        rows.iter().map(FromRecord::read).collect()
    })
}

async fn by_reference(session: &mut Session, asked: &CandidateQuery<'_>) -> Result<Vec<Uuid>> {
    if asked.references.is_empty() {
        return Ok(Vec::new());
    }
    let tenant = session.tenant().0;
    on!(session, |conn, D| {
        let mut query = sqlx::QueryBuilder::<D>::new(
            "select distinct transaction_id from transaction_ref where tenant_id = ",
        );
        query.push_bind(tenant).push(" and account_source_id = ");
        query.push_bind(asked.account_source_id.0).push(" and ");
        D::in_texts(&mut query, "value", asked.references);
        let rows = query.build_query_scalar::<Uuid>().fetch_all(&mut *conn).await?;
        Ok(rows)
    })
}

async fn by_id(session: &mut Session, account: AccountId, ids: &[Uuid]) -> Result<Vec<Candidate>> {
    let tenant = session.tenant().0;
    on!(session, |conn, D| {
        let mut query = sqlx::QueryBuilder::<D>::new(HEAD);
        query.push_bind(tenant).push(" and t.account_id = ").push_bind(account.0).push(" and ");
        D::in_ids(&mut query, "t.id", ids);
        query.push(" order by t.sort_date, t.id");
        let rows = query.build().fetch_all(&mut *conn).await?;
        rows.iter().map(FromRecord::read).collect()
    })
}

async fn attach_references(session: &mut Session, found: &mut [Candidate]) -> Result<()> {
    let ids: Vec<TransactionId> = found.iter().map(|row| row.id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let mut places: std::collections::HashMap<Uuid, usize> =
        ids.iter().enumerate().map(|(at, id)| (id.0, at)).collect();
    for part in ids.chunks(PART_IDS) {
        for reference in super::read::references(session, part).await? {
            if let Some(at) = places.get_mut(&reference.transaction_id.0) {
                found[*at].refs.push(CandidateRef {
                    account_source_id: reference.account_source_id,
                    kind: reference.kind,
                    value: reference.value,
                    stability: reference.stability,
                });
            }
        }
    }
    Ok(())
}
