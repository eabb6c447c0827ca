//! Runs: one reading of one stream or one import of one file, page by page.

mod claims;
#[cfg(test)]
mod tests;

use fondaco_model::ids::{
    AccountSourceId, EndUserId, LinkId, RawAnswerId, SyncRunId, TransactionId,
};
use fondaco_model::{Date, Instant};
use uuid::Uuid;

use super::Scope;
use super::composed::fetch_composed;
use crate::engine::{Session, Tx};
use crate::error::{Result, StoreError};

pub use claims::{pack, unpack};

/// Most runs of one list.
pub const LIST_MAX: u32 = 100;

/// Most pages that one call answers.
pub const PAGES_MAX: u32 = 100;

/// Most ids that a run may claim to be read at once: 16 bytes each, 128 MB.
pub const CLAIMED_MAX: usize = 8_000_000;

codes! {
    /// Why a run began.
    RunCause {
        /// Its time had come.
        Schedule = "SCHEDULE",
        /// The provider said that there is something new.
        Webhook = "WEBHOOK",
        /// A person or a tenant's server asked.
        User = "USER",
        /// The first reading after a consent, or a gap.
        Backfill = "BACKFILL",
        /// What is stored raw is understood again.
        Replay = "REPLAY",
        /// A file was handed in.
        Import = "IMPORT",
    }
}

codes! {
    /// Whether a run goes on.
    RunState {
        /// It may have more pages.
        Running = "RUNNING",
        /// It ended.
        Done = "DONE",
    }
}

codes! {
    /// How a run ended.
    RunOutcome {
        /// Everything was read.
        Ok = "OK",
        /// Some was read, or some records are quarantined.
        Partial = "PARTIAL",
        /// The provider limits requests.
        RateLimited = "RATE_LIMITED",
        /// The consent does not allow it any more.
        Consent = "CONSENT",
        /// The institution does not answer.
        InstitutionDown = "INSTITUTION_DOWN",
        /// The provider does not answer.
        ProviderDown = "PROVIDER_DOWN",
        /// We failed.
        Internal = "INTERNAL",
        /// The day's budget of requests is used.
        SkippedBudget = "SKIPPED_BUDGET",
    }
}

/// Records of a run by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunCounts {
    /// Records that were read.
    pub records: i64,
    /// New rows.
    pub inserted: i64,
    /// Rows that changed.
    pub changed: i64,
    /// Rows that were known as they are.
    pub unchanged: i64,
    /// Records that could not be understood.
    pub quarantined: i64,
}

/// A run that begins.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Our id.
    pub id: SyncRunId,
    /// Whose data it reads.
    pub end_user_id: EndUserId,
    /// The link, unless it reads a file.
    pub link_id: Option<LinkId>,
    /// The account's source, when it reads one account.
    pub account_source_id: Option<AccountSourceId>,
    /// The resource, as a word.
    pub resource: String,
    /// Why it began.
    pub cause: RunCause,
    /// First day that is asked for.
    pub window_from: Option<Date>,
    /// Last day that is asked for.
    pub window_to: Option<Date>,
    /// The request or job that began it.
    pub request_id: Option<String>,
    /// When it began.
    pub started_at: Instant,
}

/// A run as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// Our id.
    pub id: SyncRunId,
    /// Whose data it reads.
    pub end_user_id: EndUserId,
    /// The link, unless it reads a file.
    pub link_id: Option<LinkId>,
    /// The account's source, when it reads one account.
    pub account_source_id: Option<AccountSourceId>,
    /// The resource, as a word.
    pub resource: String,
    /// Why it began.
    pub cause: RunCause,
    /// Whether it goes on.
    pub state: RunState,
    /// How it ended.
    pub outcome: Option<RunOutcome>,
    /// The fault's code, when it ended with one.
    pub fault_code: Option<String>,
    /// First day that is asked for.
    pub window_from: Option<Date>,
    /// Last day that is asked for.
    pub window_to: Option<Date>,
    /// Where it goes on after a restart, sealed.
    pub resume_sealed: Option<String>,
    /// What became of its records so far.
    pub counts: RunCounts,
    /// The request or job that began it.
    pub request_id: Option<String>,
    /// When it began.
    pub started_at: Instant,
    /// When it ended.
    pub ended_at: Option<Instant>,
}

/// One page of a run: the answer that held it and the stored rows that it stated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunPage {
    /// The run.
    pub run_id: SyncRunId,
    /// Position within the run, from 0.
    pub number: i64,
    /// The raw answer.
    pub raw_answer_id: RawAnswerId,
    /// Ids of the stored rows that the page stated, in its order.
    pub claimed: Vec<TransactionId>,
    /// When it was resolved.
    pub created_at: Instant,
}

record!(RunRow, |row| RunRow {
    id: SyncRunId(row.col("id")?),
    end_user_id: EndUserId(row.col("end_user_id")?),
    link_id: row.col::<Option<Uuid>>("link_id")?.map(LinkId),
    account_source_id: row
        .col::<Option<Uuid>>("account_source_id")?
        .map(AccountSourceId),
    resource: row.col("resource")?,
    cause: row.code("cause")?,
    state: row.code("state")?,
    outcome: row.code_opt("outcome")?,
    fault_code: row.col("fault_code")?,
    window_from: row.date_opt("window_from")?,
    window_to: row.date_opt("window_to")?,
    resume_sealed: row.col("resume_sealed")?,
    counts: RunCounts {
        records: row.col("records")?,
        inserted: row.col("inserted")?,
        changed: row.col("changed")?,
        unchanged: row.col("unchanged")?,
        quarantined: row.col("quarantined")?,
    },
    request_id: row.col("request_id")?,
    started_at: row.instant("started_at")?,
    ended_at: row.instant_opt("ended_at")?,
});

/// The id of a run.
struct RunId(SyncRunId);

record!(RunId, |row| RunId(SyncRunId(row.col("id")?)));

record!(RunPage, |row| RunPage {
    run_id: SyncRunId(row.col("run_id")?),
    number: row.col("number")?,
    raw_answer_id: RawAnswerId(row.col("raw_answer_id")?),
    claimed: unpack(row.col("claimed")?)?,
    created_at: row.instant("created_at")?,
});

macro_rules! fields {
    () => {
        "id, end_user_id, link_id, account_source_id, resource, cause, state, outcome, \
         fault_code, window_from, window_to, resume_sealed, records, inserted, changed, \
         unchanged, quarantined, request_id, started_at, ended_at"
    };
}

statements! {
    INSERT = "insert into sync_run (tenant_id, id, end_user_id, link_id, account_source_id, \
        resource, cause, state, window_from, window_to, request_id, started_at) \
        values ($1, $2, $3, $4, $5, $6, $7, 'RUNNING', $8, $9, $10, $11)";
    ADD = "update sync_run set records = records + $3, inserted = inserted + $4, \
        changed = changed + $5, unchanged = unchanged + $6, quarantined = quarantined + $7 \
        where tenant_id = $1 and id = $2 and state = 'RUNNING'";
    RESUME = "update sync_run set resume_sealed = $3 \
        where tenant_id = $1 and id = $2 and state = 'RUNNING'";
    FINISH = "update sync_run set state = 'DONE', outcome = $3, fault_code = $4, ended_at = $5, \
        resume_sealed = null where tenant_id = $1 and id = $2 and state = 'RUNNING'";
    RUNNING = concat!("select ", fields!(), " from sync_run \
        where tenant_id = $1 and link_id = $2 and state = 'RUNNING' \
        order by started_at, id limit $3");
    OVERDUE_IMPORTS = "select id from sync_run \
        where tenant_id = $1 and link_id is null and state = 'RUNNING' and started_at < $2 \
        order by started_at, id limit $3";
    IMPORTS_OF_REQUEST = "select id from sync_run \
        where tenant_id = $1 and link_id is null and state = 'RUNNING' and end_user_id = $2 \
        and request_id = $3 order by started_at, id limit $4";
    INSERT_PAGE = "insert into run_page (tenant_id, run_id, number, raw_answer_id, claimed, \
        created_at) values ($1, $2, $3, $4, $5, $6)";
    PAGES = "select run_id, number, raw_answer_id, claimed, created_at from run_page \
        where tenant_id = $1 and run_id = $2 and number > $3 order by number limit $4";
    LAST_PAGE = "select number from run_page where tenant_id = $1 and run_id = $2 \
        order by number desc limit 1";
}

/// Begins a run, with all counts at 0.
///
/// # Errors
/// [`StoreError::Conflict`] when the id is taken.
pub async fn insert(tx: &mut Tx, run: &NewRun) -> Result<()> {
    let tenant = tx.tenant().0;
    let window_from = run.window_from.map(|date| date.to_string());
    let window_to = run.window_to.map(|date| date.to_string());
    execute!(
        tx,
        INSERT,
        tenant,
        run.id.0,
        run.end_user_id.0,
        run.link_id.map(|id| id.0),
        run.account_source_id.map(|id| id.0),
        run.resource.as_str(),
        run.cause.as_str(),
        window_from.as_deref(),
        window_to.as_deref(),
        run.request_id.as_deref(),
        run.started_at.micros()
    )?;
    Ok(())
}

/// Adds what became of a page's records; belongs into the transaction of [`insert_page`], so that
/// a page counts once.
///
/// # Errors
/// [`StoreError::LostUpdate`] when the run has ended or is not there.
pub async fn add_counts(tx: &mut Tx, id: SyncRunId, counts: &RunCounts) -> Result<()> {
    let tenant = tx.tenant().0;
    let changed = execute!(
        tx,
        ADD,
        tenant,
        id.0,
        counts.records,
        counts.inserted,
        counts.changed,
        counts.unchanged,
        counts.quarantined
    )?;
    only_while_running(changed)
}

/// Keeps where the run goes on after a restart, sealed.
///
/// # Errors
/// [`StoreError::LostUpdate`] when the run has ended or is not there.
pub async fn set_resume(tx: &mut Tx, id: SyncRunId, resume_sealed: Option<&str>) -> Result<()> {
    let tenant = tx.tenant().0;
    only_while_running(execute!(tx, RESUME, tenant, id.0, resume_sealed)?)
}

/// Ends a run and forgets where it would have gone on.
///
/// # Errors
/// [`StoreError::LostUpdate`] when the run has ended already or is not there.
pub async fn finish(
    tx: &mut Tx,
    id: SyncRunId,
    outcome: RunOutcome,
    fault_code: Option<&str>,
    at: Instant,
) -> Result<()> {
    let tenant = tx.tenant().0;
    let outcome = outcome.as_str();
    only_while_running(execute!(
        tx,
        FINISH,
        tenant,
        id.0,
        outcome,
        fault_code,
        at.micros()
    )?)
}

fn only_while_running(changed: u64) -> Result<()> {
    if changed == 0 {
        Err(StoreError::LostUpdate)
    } else {
        Ok(())
    }
}

const LIST: &str = concat!("select ", fields!(), " from sync_run where tenant_id = ");

/// One run, as far as the scope sees it.
pub async fn get(session: &mut Session, scope: Scope, id: SyncRunId) -> Result<Option<RunRow>> {
    let tenant = session.tenant().0;
    let rows = fetch_composed!(session, RunRow, LIST, |query, D| {
        query.push_bind(tenant).push(" and id = ").push_bind(id.0);
        scope.push::<D>(&mut query, "end_user_id");
    })?;
    Ok(rows.into_iter().next())
}

/// The latest runs of a link, newest first, at most [`LIST_MAX`].
pub async fn by_link(
    session: &mut Session,
    scope: Scope,
    link: LinkId,
    limit: u32,
) -> Result<Vec<RunRow>> {
    latest(session, scope, " and link_id = ", link.0, limit).await
}

/// The latest runs of an account's source, newest first, at most [`LIST_MAX`].
pub async fn by_source(
    session: &mut Session,
    scope: Scope,
    source: AccountSourceId,
    limit: u32,
) -> Result<Vec<RunRow>> {
    latest(session, scope, " and account_source_id = ", source.0, limit).await
}

async fn latest(
    session: &mut Session,
    scope: Scope,
    condition: &'static str,
    id: Uuid,
    limit: u32,
) -> Result<Vec<RunRow>> {
    let tenant = session.tenant().0;
    fetch_composed!(session, RunRow, LIST, |query, D| {
        query.push_bind(tenant).push(condition).push_bind(id);
        scope.push::<D>(&mut query, "end_user_id");
        query.push(" order by started_at desc, id desc limit ");
        query.push_bind(i64::from(limit.clamp(1, LIST_MAX)));
    })
}

/// The runs of a link that have not ended, oldest first, at most [`LIST_MAX`]: what a restarted
/// worker goes on with.
pub async fn running(session: &mut Session, link: LinkId) -> Result<Vec<RunRow>> {
    let tenant = session.tenant().0;
    fetch_all!(session, RUNNING => RunRow, tenant, link.0, i64::from(LIST_MAX))
}

/// Imports of files that began before an instant and have not ended, oldest first, at most
/// [`LIST_MAX`].
pub async fn overdue_imports(session: &mut Session, before: Instant) -> Result<Vec<SyncRunId>> {
    let tenant = session.tenant().0;
    let limit = i64::from(LIST_MAX);
    let found = fetch_all!(session, OVERDUE_IMPORTS => RunId, tenant, before.micros(), limit)?;
    Ok(found.into_iter().map(|one| one.0).collect())
}

/// Imports of a person's files that a request began and that have not ended, oldest first, at most
/// [`LIST_MAX`].
pub async fn imports_of_request(
    session: &mut Session,
    end_user: EndUserId,
    request_id: &str,
) -> Result<Vec<SyncRunId>> {
    let tenant = session.tenant().0;
    let limit = i64::from(LIST_MAX);
    let found = fetch_all!(
        session,
        IMPORTS_OF_REQUEST => RunId,
        tenant,
        end_user.0,
        request_id,
        limit
    )?;
    Ok(found.into_iter().map(|one| one.0).collect())
}

/// Records that a page is resolved, in the transaction that resolves it.
///
/// # Errors
/// [`StoreError::Conflict`] when the page is recorded already, so that a restarted run cannot
/// resolve it twice, or when there is no such run.
pub async fn insert_page(tx: &mut Tx, page: &RunPage) -> Result<()> {
    let tenant = tx.tenant().0;
    let claimed = pack(&page.claimed);
    execute!(
        tx,
        INSERT_PAGE,
        tenant,
        page.run_id.0,
        page.number,
        page.raw_answer_id.0,
        claimed.as_slice(),
        page.created_at.micros()
    )?;
    Ok(())
}

/// Pages of a run behind a number, in order, at most [`PAGES_MAX`].
pub async fn pages(
    session: &mut Session,
    run: SyncRunId,
    after: Option<i64>,
    limit: u32,
) -> Result<Vec<RunPage>> {
    let tenant = session.tenant().0;
    let after = after.unwrap_or(-1);
    let limit = i64::from(limit.clamp(1, PAGES_MAX));
    fetch_all!(session, PAGES => RunPage, tenant, run.0, after, limit)
}

/// The number of the last page that is recorded.
pub async fn last_page(session: &mut Session, run: SyncRunId) -> Result<Option<i64>> {
    let tenant = session.tenant().0;
    let row = fetch_optional!(session, LAST_PAGE => (i64,), tenant, run.0)?;
    Ok(row.map(|row| row.0))
}

/// All ids that the run's pages claimed, in order; 16 bytes of memory each.
///
/// # Errors
/// [`StoreError::Inconsistent`] above [`CLAIMED_MAX`]: such a run is walked with [`pages`].
pub async fn claimed(session: &mut Session, run: SyncRunId) -> Result<Vec<TransactionId>> {
    let mut ids = Vec::new();
    let mut after = None;
    loop {
        let step = pages(session, run, after, PAGES_MAX).await?;
        let Some(last) = step.last() else {
            return Ok(ids);
        };
        after = Some(last.number);
        ids.extend(step.into_iter().flat_map(|page| page.claimed));
        if ids.len() > CLAIMED_MAX {
            return Err(StoreError::Inconsistent { column: "claimed" });
        }
    }
}
