//! The stored rows that an incoming batch may be about.

use std::collections::HashSet;

use fondaco_model::ids::{AccountId, AccountSourceId, TransactionId};
use fondaco_model::money::Money;
use fondaco_model::time::Date;
use fondaco_model::v1::{DateRule, Lifecycle, ReferenceKind, Stability, TransactionStatus};
use uuid::Uuid;

use super::read::money;
use crate::engine::Session;
use crate::engine::bulk::InList;
use crate::engine::row::FromRecord;
use crate::error::{Result, StoreError};

/// Candidates whose references one statement reads.
const PART_IDS: usize = 1_000;

/// Rows of the batch's own days that one statement reads; the days may have any number.
const DAY_ROWS: i64 = 1_000;

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
    /// What of the rows that share an amount can be one of the batch's; none: any of them.
    pub narrow: Option<Narrow<'a>>,
}

/// What a stored row that shares an amount needs besides, to be one of a batch.
///
/// Nothing else can be told apart by any rule of identity, so that what is left out changes no
/// decision: an account may have more rows of one amount than memory should hold.
#[derive(Clone, Copy)]
pub struct Narrow<'a> {
    /// It lies on a day that the batch states; at most 1,000.
    pub days: &'a [Date],
    /// Or it has one of these end-to-end ids; at most 1,000.
    pub end_to_end_ids: &'a [&'a str],
    /// Or one of these unique end-to-end transaction references; at most 1,000.
    pub uetrs: &'a [&'a str],
    /// Or the source gave it one of these fingerprints; at most 1,000.
    pub fingerprints: &'a [&'a str],
    /// Or it states no day, as a row of the batch does, and was first read on this day or later;
    /// none when every row of the batch states its day. It may lie before the span of days.
    pub undated_from: Option<Date>,
    /// A row that the snapshot has stated counts only by a reference, an end-to-end id or a
    /// unique reference: nothing else can claim it again.
    pub claimed: &'a (dyn Fn(TransactionId) -> bool + Sync),
}

/// A stored row that may be one of the incoming: a live one, or one that its source stopped to
/// state and that counts again when it comes back.
#[derive(Clone)]
pub struct Candidate {
    /// Its id.
    pub id: TransactionId,
    /// The source whose statement is stored.
    pub account_source_id: AccountSourceId,
    /// Whether it counts at present.
    pub lifecycle: Lifecycle,
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
    /// The hash's key.
    pub counterparty_hash_key_id: Option<Uuid>,
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
    lifecycle: row.code("lifecycle")?,
    status: row.code("status")?,
    amount: money!(row, "minor", "scale", "currency")
        .ok_or(StoreError::Inconsistent { column: "minor" })?,
    sort_date: row.code("sort_date")?,
    sort_date_rule: row.code("sort_date_rule")?,
    search_text: row.col("search_text")?,
    counterparty_hash: row
        .col::<Option<Vec<u8>>>("counterparty_hash")?
        .and_then(|bytes| bytes.try_into().ok()),
    counterparty_hash_key_id: row.col("counterparty_hash_key_id")?,
    end_to_end_id: row.col("end_to_end_id")?,
    uetr: row.col("uetr")?,
    content_sha256: row.col("content_sha256")?,
    created_seq: row.col("created_seq")?,
    refs: Vec::new(),
});

const HEAD: &str = "select t.id, t.account_source_id, t.lifecycle, t.status, t.minor, t.scale,
    t.currency, t.sort_date, t.sort_date_rule, t.search_text, t.content_sha256, t.created_seq,
    b.counterparty_hash, b.counterparty_hash_key_id, b.end_to_end_id, b.uetr
    from \"transaction\" t join bank_transaction b
    on b.tenant_id = t.tenant_id and b.transaction_id = t.id
    where t.lifecycle in ('LIVE', 'REMOVED') and t.tenant_id = ";

/// Live and removed rows of the account that share an amount within the span of days, or a
/// reference of the source; each with its references. Three statements, with [`Narrow`] at most
/// five, and one more for each thousand of what was found: an account may have more rows of one
/// amount within the days than a statement takes values.
pub async fn candidates(
    session: &mut Session,
    asked: &CandidateQuery<'_>,
) -> Result<Vec<Candidate>> {
    let mut found = match &asked.narrow {
        None => by_amount(session, asked).await?,
        Some(narrow) => {
            let mut found = of_days(session, asked, narrow).await?;
            found.extend(elsewhere(session, asked, narrow).await?);
            found
        }
    };
    let known: HashSet<Uuid> = found.iter().map(|row| row.id.0).collect();
    let stated = by_reference(session, asked, asked.references).await?;
    let stated: HashSet<Uuid> = stated.into_iter().filter(|id| !known.contains(id)).collect();
    let said = match &asked.narrow {
        None => Vec::new(),
        Some(narrow) => {
            let mut said = by_reference(session, asked, narrow.fingerprints).await?;
            said.retain(|id| {
                let new = !known.contains(id) && !stated.contains(id);
                new && !(narrow.claimed)(TransactionId(*id))
            });
            said
        }
    };
    let more: Vec<Uuid> = stated.iter().copied().chain(said).collect();
    for part in more.chunks(PART_IDS) {
        let rows = by_id(session, asked.account_id, part).await?;
        found.extend(rows.into_iter().filter(|row| {
            // A fingerprint counts within the days and among the amounts of the batch.
            stated.contains(&row.id.0) || asked.spans(row)
        }));
    }
    found.sort_by_cached_key(|row| (!asked.spans(row), row.sort_date, row.id));
    attach_references(session, &mut found).await?;
    Ok(found)
}

impl CandidateQuery<'_> {
    /// True when a row shares an amount within the span of days.
    fn spans(&self, row: &Candidate) -> bool {
        (self.from..=self.to).contains(&row.sort_date)
            && self.minors.contains(&row.amount.minor())
    }
}

impl Narrow<'_> {
    /// True when a row's end-to-end proof is one of the batch's.
    fn proves(&self, row: &Candidate) -> bool {
        let among = |value: &Option<String>, all: &[&str]| {
            value.as_deref().is_some_and(|value| all.contains(&value))
        };
        among(&row.end_to_end_id, self.end_to_end_ids) || among(&row.uetr, self.uetrs)
    }
}

/// Rows of the batch's own days, part after part, so that those which the snapshot has stated
/// already cost no memory.
async fn of_days(
    session: &mut Session,
    asked: &CandidateQuery<'_>,
    narrow: &Narrow<'_>,
) -> Result<Vec<Candidate>> {
    let tenant = session.tenant().0;
    let days: Vec<String> = narrow.days.iter().map(ToString::to_string).collect();
    let days: Vec<&str> = days.iter().map(String::as_str).collect();
    let (mut found, mut after) = (Vec::new(), (String::new(), Uuid::nil()));
    loop {
        let (day, id) = &after;
        let part: Vec<Candidate> = on!(session, |conn, D| {
            let mut query = sqlx::QueryBuilder::<D>::new(HEAD);
            query.push_bind(tenant).push(" and t.account_id = ").push_bind(asked.account_id.0);
            query.push(" and ");
            D::in_texts(&mut query, "t.sort_date", &days);
            query.push(" and ");
            D::in_numbers(&mut query, "t.minor", asked.minors);
            query.push(" and (t.sort_date > ").push_bind(day.as_str());
            query.push(" or (t.sort_date = ").push_bind(day.as_str());
            query.push(" and t.id > ").push_bind(*id).push("))");
            query.push(" order by t.sort_date, t.id limit ").push_bind(DAY_ROWS);
            let rows = query.build().fetch_all(&mut *conn).await?;
            rows.iter().map(FromRecord::read).collect::<Result<_>>()
        })?;
        let full = i64::try_from(part.len()) == Ok(DAY_ROWS);
        let last = part.last().map(|row| (row.sort_date.to_string(), row.id.0));
        // A snapshot may have stated most of them.
        let open = |row: &Candidate| !(narrow.claimed)(row.id) || narrow.proves(row);
        found.extend(part.into_iter().filter(open));
        match last.filter(|_| full) {
            Some(last) => after = last,
            None => return Ok(found),
        }
    }
}

/// Rows of other days that an end-to-end proof or a settlement may reach, or that state no day.
async fn elsewhere(
    session: &mut Session,
    asked: &CandidateQuery<'_>,
    narrow: &Narrow<'_>,
) -> Result<Vec<Candidate>> {
    let tenant = session.tenant().0;
    let days: Vec<String> = narrow.days.iter().map(ToString::to_string).collect();
    let days: Vec<&str> = days.iter().map(String::as_str).collect();
    on!(session, |conn, D| {
        let mut query = sqlx::QueryBuilder::<D>::new(HEAD);
        query.push_bind(tenant).push(" and t.account_id = ").push_bind(asked.account_id.0);
        let first = narrow.undated_from.map_or(asked.from, |undated| undated.min(asked.from));
        query.push(" and t.sort_date >= ").push_bind(first.to_string());
        query.push(" and t.sort_date <= ").push_bind(asked.to.to_string()).push(" and ");
        D::in_numbers(&mut query, "t.minor", asked.minors);
        query.push(" and not (");
        D::in_texts(&mut query, "t.sort_date", &days);
        query.push(") and (");
        if let Some(undated) = narrow.undated_from {
            query.push("(t.sort_date_rule = ").push_bind(DateRule::FirstSeen.as_str());
            query.push(" and t.sort_date >= ").push_bind(undated.to_string()).push(") or ");
        }
        query.push("(t.sort_date >= ").push_bind(asked.from.to_string());
        query.push(" and (t.status = 'PENDING'");
        for (column, values) in
            [("b.end_to_end_id", narrow.end_to_end_ids), ("b.uetr", narrow.uetrs)]
        {
            if !values.is_empty() {
                query.push(" or ");
                D::in_texts(&mut query, column, values);
            }
        }
        query.push(")))");
        let rows = query.build().fetch_all(&mut *conn).await?;
        rows.iter().map(FromRecord::read).collect()
    })
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

async fn by_reference(
    session: &mut Session,
    asked: &CandidateQuery<'_>,
    values: &[&str],
) -> Result<Vec<Uuid>> {
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let tenant = session.tenant().0;
    on!(session, |conn, D| {
        let mut query = sqlx::QueryBuilder::<D>::new(
            "select distinct transaction_id from transaction_ref where tenant_id = ",
        );
        query.push_bind(tenant).push(" and account_source_id = ");
        query.push_bind(asked.account_source_id.0).push(" and ");
        D::in_texts(&mut query, "value", values);
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
