//! Coverage: spans of an account's history with a statement of completeness.

#[cfg(test)]
mod tests;

use fondaco_model::ids::{AccountId, AccountSourceId, CoverageId, EndUserId, SyncRunId};
use fondaco_model::{Date, Instant};
use uuid::Uuid;

use super::Scope;
use super::composed::fetch_composed;
use crate::engine::bulk::InList;
use crate::engine::{Session, Tx};
use crate::error::{Result, StoreError};

/// Most accounts of one call.
pub const ACCOUNTS_MAX: usize = 1_000;

/// Most spans that one call answers.
pub const INTERVALS_MAX: i64 = 20_000;

codes! {
    /// How complete a span is.
    CoverageState {
        /// Every booked transaction is there.
        Complete = "COMPLETE",
        /// Some may be missing.
        Partial = "PARTIAL",
        /// The source does not serve it.
        Unavailable = "UNAVAILABLE",
        /// It was never asked for.
        NotRequested = "NOT_REQUESTED",
    }
}

codes! {
    /// What the statement of completeness rests on.
    CoverageProof {
        /// Opening balance and transactions give the closing balance.
        BalanceContinuity = "BALANCE_CONTINUITY",
        /// The provider says so.
        ProviderAsserted = "PROVIDER_ASSERTED",
        /// A statement covers it.
        Statement = "STATEMENT",
        /// Nothing.
        None = "NONE",
    }
}

/// A span as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageRow {
    /// Our id.
    pub id: CoverageId,
    /// The account.
    pub account_id: AccountId,
    /// The source.
    pub account_source_id: AccountSourceId,
    /// Whose account it is.
    pub end_user_id: EndUserId,
    /// First day.
    pub from: Date,
    /// Last day, the first one or later.
    pub to: Date,
    /// How complete it is.
    pub state: CoverageState,
    /// What that rests on.
    pub proof: CoverageProof,
    /// The run that found it.
    pub run_id: SyncRunId,
    /// When it was recorded.
    pub recorded_at: Instant,
}

record!(CoverageRow, |row| CoverageRow {
    id: CoverageId(row.col("id")?),
    account_id: AccountId(row.col("account_id")?),
    account_source_id: AccountSourceId(row.col("account_source_id")?),
    end_user_id: EndUserId(row.col("end_user_id")?),
    from: row.code("from_date")?,
    to: row.code("to_date")?,
    state: row.code("state")?,
    proof: row.code("proof")?,
    run_id: SyncRunId(row.col("run_id")?),
    recorded_at: row.instant("recorded_at")?,
});

statements! {
    INSERT = "insert into coverage_interval (tenant_id, id, account_id, account_source_id, \
        end_user_id, from_date, to_date, state, proof, run_id, recorded_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
}

/// Records a span. Spans may overlap: what is known of a day is what its latest span says.
///
/// # Errors
/// [`StoreError::Conflict`] when the id is taken; [`StoreError::Inconsistent`] when the span ends
/// before it begins.
pub async fn insert(tx: &mut Tx, row: &CoverageRow) -> Result<()> {
    if row.to < row.from {
        return Err(StoreError::Inconsistent { column: "to_date" });
    }
    let tenant = tx.tenant().0;
    let (from, to) = (row.from.to_string(), row.to.to_string());
    execute!(
        tx,
        INSERT,
        tenant,
        row.id.0,
        row.account_id.0,
        row.account_source_id.0,
        row.end_user_id.0,
        from.as_str(),
        to.as_str(),
        row.state.as_str(),
        row.proof.as_str(),
        row.run_id.0,
        row.recorded_at.micros()
    )?;
    Ok(())
}

const LIST: &str = "select id, account_id, account_source_id, end_user_id, from_date, to_date, \
    state, proof, run_id, recorded_at from coverage_interval where tenant_id = ";

/// Spans of accounts, ordered by account, first day, last day and id, at most
/// [`INTERVALS_MAX`]. At most [`ACCOUNTS_MAX`] accounts.
pub async fn by_accounts(
    session: &mut Session,
    scope: Scope,
    accounts: &[AccountId],
) -> Result<Vec<CoverageRow>> {
    debug_assert!(accounts.len() <= ACCOUNTS_MAX, "callers work in batches");
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = accounts.iter().map(|id| id.0).collect();
    let tenant = session.tenant().0;
    fetch_composed!(session, CoverageRow, LIST, |query, D| {
        query.push_bind(tenant);
        scope.push::<D>(&mut query, "end_user_id");
        query.push(" and ");
        D::in_ids(&mut query, "account_id", &ids);
        query.push(" order by account_id, from_date, to_date, id limit ");
        query.push_bind(INTERVALS_MAX);
    })
}
