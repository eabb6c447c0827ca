//! Pending rows that their source may have stopped to state, and their removal.

use fondaco_model::ids::{AccountSourceId, TransactionId};
use fondaco_model::time::{Date, Instant};
use uuid::Uuid;

use crate::engine::bulk::InList;
use crate::engine::{Session, Tx};
use crate::error::Result;
use crate::repo::composed::fetch_composed;

/// Most pending rows of one call.
pub const PENDING_MAX: u32 = 500;

/// Rows that one statement removes.
const PART_ROWS: usize = 250;

/// A live pending row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingRow {
    /// Its id.
    pub id: TransactionId,
    /// The day that orders it.
    pub sort_date: Date,
    /// When what is stored of it was last written.
    pub mapped_at: Instant,
}

record!(PendingRow, |row| PendingRow {
    id: TransactionId(row.col("id")?),
    sort_date: row.code("sort_date")?,
    mapped_at: row.instant("mapped_at")?,
});

// The words of the conditions are those of the index `transaction_pending`.
const PENDING: &str = "select id, sort_date, mapped_at from \"transaction\"
    where status = 'PENDING' and lifecycle = 'LIVE' and tenant_id = ";

/// Live pending rows whose stored statement is the source's, ordered by day and id, behind a
/// place in that order; at most [`PENDING_MAX`].
pub async fn pending(
    session: &mut Session,
    source: AccountSourceId,
    after: Option<(Date, TransactionId)>,
) -> Result<Vec<PendingRow>> {
    let tenant = session.tenant().0;
    fetch_composed!(session, PendingRow, PENDING, |query, D| {
        query.push_bind(tenant).push(" and account_source_id = ");
        query.push_bind(source.0);
        if let Some((day, id)) = after {
            query.push(" and (sort_date, id) > (");
            query.push_bind(day.to_string()).push(", ").push_bind(id.0);
            query.push(")");
        }
        query.push(" order by sort_date, id limit ");
        query.push_bind(i64::from(PENDING_MAX));
    })
}

/// Takes rows out of what counts, each at its position in the tenant's sequence. What they say
/// stays as it is.
pub async fn remove(tx: &mut Tx, rows: &[(TransactionId, i64)]) -> Result<()> {
    let tenant = tx.tenant().0;
    for part in rows.chunks(PART_ROWS) {
        let ids: Vec<Uuid> = part.iter().map(|(id, _)| id.0).collect();
        on!(tx, |conn, D| {
            let mut query = sqlx::QueryBuilder::<D>::new(
                "update \"transaction\" set lifecycle = 'REMOVED', changed_seq = case id",
            );
            for (id, seq) in part {
                query
                    .push(" when ")
                    .push_bind(id.0)
                    .push(" then ")
                    .push_bind(*seq);
            }
            query
                .push(" else changed_seq end where tenant_id = ")
                .push_bind(tenant);
            query.push(" and ");
            D::in_ids(&mut query, "id", &ids);
            query.build().execute(&mut *conn).await?;
        });
    }
    Ok(())
}
