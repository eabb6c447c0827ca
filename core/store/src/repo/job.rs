//! Jobs: background work in a table of our own, claimed with leases, one at a time per link.
//!
//! A job is written in the transaction that makes it necessary, and claimed by one statement.
//! While a job with an exclusion key runs no other with that key starts: the claim leaves it out,
//! and a unique index turns a race of two workers into a conflict, which the claim survives. A
//! worker that is gone loses its lease, and the next claim takes its job over with one attempt
//! more.

use fondaco_model::Instant;
use fondaco_model::ids::{JobId, TenantId};

use super::page;
use crate::engine::{Db, OPERATOR, Session, Tx};
use crate::error::{Result, StoreError};

/// How often a claim that lost a race looks again.
const CLAIM_TRIES_MAX: u32 = 8;

codes! {
    /// Where a job stands.
    JobState {
        /// It waits for its time and a worker.
        Waiting = "WAITING",
        /// A worker has it.
        Running = "RUNNING",
        /// It is done.
        Done = "DONE",
        /// It was given up.
        Dead = "DEAD",
    }
}

codes! {
    /// Whether the person is there while the job runs: unattended reads have a day budget.
    Presence {
        /// The person waits for it.
        Present = "PRESENT",
        /// Nobody waits for it.
        Unattended = "UNATTENDED",
    }
}

/// One job. Its payload holds ids and words, never personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Our id.
    pub id: JobId,
    /// Whose work it is.
    pub tenant_id: TenantId,
    /// What to do, as a word.
    pub kind: String,
    /// Smaller is sooner.
    pub priority: i16,
    /// Not before.
    pub due_at: Instant,
    /// The institution that it speaks to.
    pub institution_id: Option<String>,
    /// Of all jobs of a tenant with this key one runs at a time; the link's id.
    pub exclusion_key: Option<String>,
    /// Of all waiting jobs of a tenant with this key there is one.
    pub deduplication_key: Option<String>,
    /// Where it stands.
    pub state: JobState,
    /// How often it was started.
    pub attempt: i64,
    /// How often in a row it was taken over from a worker that was gone.
    pub taken_over: i64,
    /// Whether the person is there.
    pub presence: Presence,
    /// The request that asked for it.
    pub request_id: Option<String>,
    /// What the worker needs to know, as JSON text.
    pub payload: String,
    /// The version of the payload's form.
    pub payload_version: i16,
    /// The code of the last fault.
    pub last_fault: Option<String>,
    /// When it was asked for.
    pub created_at: Instant,
}

record!(Job, |row| Job {
    id: JobId(row.col("id")?),
    tenant_id: TenantId(row.col("tenant_id")?),
    kind: row.col("kind")?,
    priority: row.col("priority")?,
    due_at: row.instant("due_at")?,
    institution_id: row.col("institution_id")?,
    exclusion_key: row.col("exclusion_key")?,
    deduplication_key: row.col("deduplication_key")?,
    state: row.code("state")?,
    attempt: row.col("attempt")?,
    taken_over: row.col("taken_over")?,
    presence: row.code("presence")?,
    request_id: row.col("request_id")?,
    payload: row.col("payload")?,
    payload_version: row.col("payload_version")?,
    last_fault: row.col("last_fault")?,
    created_at: row.instant("created_at")?,
});

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Our id.
    pub id: JobId,
    /// What to do, as a word.
    pub kind: String,
    /// Smaller is sooner.
    pub priority: i16,
    /// Not before.
    pub due_at: Instant,
    /// The institution that it speaks to.
    pub institution_id: Option<String>,
    /// Of all jobs of a tenant with this key one runs at a time.
    pub exclusion_key: Option<String>,
    /// Of all waiting jobs of a tenant with this key there is one.
    pub deduplication_key: Option<String>,
    /// Whether the person is there.
    pub presence: Presence,
    /// The request that asks for it.
    pub request_id: Option<String>,
    /// What the worker needs to know, as JSON text.
    pub payload: String,
    /// The version of the payload's form.
    pub payload_version: i16,
    /// When it is asked for.
    pub created_at: Instant,
}

macro_rules! fields {
    () => {
        "id, tenant_id, kind, priority, due_at, institution_id, exclusion_key, \
         deduplication_key, state, attempt, taken_over, presence, request_id, payload, \
         payload_version, last_fault, created_at"
    };
}

// The literals of the states must stand in the text: a partial index serves no parameter.
macro_rules! claim {
    ($engine:ident) => {
        concat!(
            "update job set state = 'RUNNING', attempt = attempt + 1, lease_owner = $1, \
             lease_until = $3 where id = (select j.id from job j \
             where j.state = 'WAITING' and j.due_at <= $2 \
             and (j.exclusion_key is null or not exists (select 1 from job r \
             where r.tenant_id = j.tenant_id and r.exclusion_key = j.exclusion_key \
             and r.state = 'RUNNING')) \
             order by j.priority, j.due_at, j.id limit 1",
            skip_locked!($engine),
            ") and state = 'WAITING' returning ",
            fields!()
        )
    };
}

macro_rules! take_over {
    ($engine:ident) => {
        concat!(
            "update job set attempt = attempt + 1, taken_over = taken_over + 1, \
             lease_owner = $1, lease_until = $3 where id = (select j.id from job j \
             where j.state = 'RUNNING' and j.lease_until <= $2 \
             order by j.lease_until limit 1",
            skip_locked!($engine),
            ") and state = 'RUNNING' and lease_until <= $2 returning ",
            fields!()
        )
    };
}

statements! {
    ENQUEUE = "insert into job (id, tenant_id, kind, priority, due_at, institution_id, \
        exclusion_key, deduplication_key, state, attempt, taken_over, presence, request_id, \
        payload, payload_version, created_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, 'WAITING', 0, 0, $9, $10, $11, $12, $13) \
        on conflict (tenant_id, deduplication_key) \
        where state = 'WAITING' and deduplication_key is not null do update set \
        priority = case when excluded.priority < job.priority \
        then excluded.priority else job.priority end, \
        due_at = case when excluded.due_at < job.due_at \
        then excluded.due_at else job.due_at end, \
        presence = case when excluded.presence = 'PRESENT' \
        then excluded.presence else job.presence end, \
        request_id = coalesce(excluded.request_id, job.request_id) \
        returning id, tenant_id, kind, priority, due_at, institution_id, exclusion_key, \
        deduplication_key, state, attempt, taken_over, presence, request_id, payload, \
        payload_version, last_fault, created_at";
    CLAIM = claim!(lite), claim!(pg);
    TAKE_OVER = take_over!(lite), take_over!(pg);
    IS_OPEN = concat!("select ", fields!(), " from job where tenant_id = $1 \
        and deduplication_key = $2 and state in ('WAITING', 'RUNNING') limit 1");
    EXTEND = "update job set lease_until = $3 \
        where id = $1 and lease_owner = $2 and state = 'RUNNING'";
    COMPLETE = "update job set state = 'DONE', ended_at = $3, lease_owner = null, \
        lease_until = null where id = $1 and lease_owner = $2 and state = 'RUNNING'";
    GIVE_UP = "update job set state = 'DEAD', ended_at = $3, last_fault = $4, \
        lease_owner = null, lease_until = null \
        where id = $1 and lease_owner = $2 and state = 'RUNNING'";
    // A twin that waits already will do the work: this one is done then.
    RESCHEDULE = "update job set \
        state = case when exists (select 1 from job w where w.tenant_id = job.tenant_id \
        and w.deduplication_key = job.deduplication_key and w.state = 'WAITING') \
        then 'DONE' else 'WAITING' end, \
        due_at = $3, last_fault = $4, taken_over = 0, lease_owner = null, lease_until = null \
        where id = $1 and lease_owner = $2 and state = 'RUNNING'";
    GET = concat!("select ", fields!(), " from job where tenant_id = $1 and id = $2");
    CANCEL = "update job set state = 'DONE', ended_at = $3 \
        where tenant_id = $1 and exclusion_key = $2 and state = 'WAITING'";
    NEXT_DUE = "select coalesce(min(due_at), 0) from job where state = 'WAITING'";
    COUNT = "select count(*) from job where tenant_id = $1 and state = $2";
    PRUNE = "delete from job where id in (select id from job where state in ('DONE', 'DEAD') \
        and coalesce(ended_at, due_at) <= $1 limit $2)";
}

/// Whether a job is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enqueued {
    /// It waits now.
    New(JobId),
    /// One with the same deduplication key waits already; it takes the sooner time, the smaller
    /// priority and the person's presence from this one.
    Merged(JobId),
}

/// Writes a job of the transaction's tenant. Workers of this process are woken by the commit.
pub async fn enqueue(tx: &mut Tx, job: &NewJob) -> Result<Enqueued> {
    let tenant = tx.tenant().0;
    let stored = fetch_optional!(
        tx,
        ENQUEUE => Job,
        job.id.0,
        tenant,
        job.kind.as_str(),
        job.priority,
        job.due_at.micros(),
        job.institution_id.as_deref(),
        job.exclusion_key.as_deref(),
        job.deduplication_key.as_deref(),
        job.presence.as_str(),
        job.request_id.as_deref(),
        job.payload.as_str(),
        job.payload_version,
        job.created_at.micros()
    )?
    .ok_or(StoreError::NotFound)?;
    tx.ring();
    Ok(if stored.id == job.id {
        Enqueued::New(stored.id)
    } else {
        Enqueued::Merged(stored.id)
    })
}

/// Who claims, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// A name that is unique among workers.
    pub owner: &'a str,
    /// The present instant.
    pub now: Instant,
    /// When the job is free again unless the lease is extended.
    pub until: Instant,
}

/// The next job of any tenant: first one whose worker is gone, then the most urgent one that is
/// due and whose exclusion key is free. None when there is nothing to do.
///
/// # Errors
/// [`StoreError::Busy`] when the database broke a tie against this claim too often.
pub async fn claim(db: &Db, claim: Claim<'_>) -> Result<Option<Job>> {
    for _ in 0..CLAIM_TRIES_MAX {
        match claim_once(db, claim).await {
            // Another worker started a job of the same key between our look and our write.
            Err(error) if error.is_conflict() || error.is_busy() => {}
            done => return done,
        }
    }
    Err(StoreError::Busy)
}

async fn claim_once(db: &Db, claim: Claim<'_>) -> Result<Option<Job>> {
    let (now, until) = (claim.now.micros(), claim.until.micros());
    let mut tx = db.begin(OPERATOR).await?;
    let mut job = fetch_optional!(&mut tx, TAKE_OVER => Job, claim.owner, now, until)?;
    if job.is_none() {
        job = fetch_optional!(&mut tx, CLAIM => Job, claim.owner, now, until)?;
    }
    tx.commit().await?;
    Ok(job)
}

/// True when a job with this deduplication key waits or runs.
pub async fn is_open(session: &mut Session, deduplication_key: &str) -> Result<bool> {
    let tenant = session.tenant().0;
    let found = fetch_optional!(session, IS_OPEN => Job, tenant, deduplication_key)?;
    Ok(found.is_some())
}

/// Holds a job for longer; false when it is somebody else's by now.
pub async fn extend(tx: &mut Tx, id: JobId, owner: &str, until: Instant) -> Result<bool> {
    Ok(execute!(tx, EXTEND, id.0, owner, until.micros())? == 1)
}

/// Ends a job that went well; false when it is somebody else's by now, and then whatever else the
/// transaction holds should be undone.
pub async fn complete(tx: &mut Tx, id: JobId, owner: &str, now: Instant) -> Result<bool> {
    Ok(execute!(tx, COMPLETE, id.0, owner, now.micros())? == 1)
}

/// What follows a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Another try, not before.
    RetryAt(Instant),
    /// None; when it was given up.
    GiveUp(Instant),
}

/// Ends a try that failed, with the fault's code; false when the job is somebody else's by now.
pub async fn fail(tx: &mut Tx, id: JobId, owner: &str, fault: &str, next: &Next) -> Result<bool> {
    let changed = match next {
        Next::RetryAt(at) => execute!(tx, RESCHEDULE, id.0, owner, at.micros(), fault)?,
        Next::GiveUp(at) => execute!(tx, GIVE_UP, id.0, owner, at.micros(), fault)?,
    };
    Ok(changed == 1)
}

/// One job of the tenant.
pub async fn get(session: &mut Session, id: JobId) -> Result<Option<Job>> {
    let tenant = session.tenant().0;
    fetch_optional!(session, GET => Job, tenant, id.0)
}

/// Ends the waiting jobs of an exclusion key, for a link that is disconnected; answers how many.
pub async fn cancel(tx: &mut Tx, exclusion_key: &str, now: Instant) -> Result<u64> {
    let tenant = tx.tenant().0;
    execute!(tx, CANCEL, tenant, exclusion_key, now.micros())
}

/// When the next waiting job of any tenant is due, for a worker that wants to sleep. Called by the
/// operator.
pub async fn next_due(session: &mut Session) -> Result<Option<Instant>> {
    let row = fetch_optional!(session, NEXT_DUE => (i64,))?;
    Ok(row
        .map(|(at,)| at)
        .filter(|at| *at != 0)
        .map(Instant::from_micros))
}

/// How many jobs of the tenant stand in a state.
pub async fn count(session: &mut Session, state: JobState) -> Result<i64> {
    let tenant = session.tenant().0;
    fetch_optional!(session, COUNT => (i64,), tenant, state.as_str())?
        .map(|(count,)| count)
        .ok_or(StoreError::NotFound)
}

/// Removes jobs of all tenants that ended before an instant; answers how many. Called by the
/// operator.
pub async fn prune(tx: &mut Tx, before: Instant, limit: u32) -> Result<u64> {
    execute!(tx, PRUNE, before.micros(), page(limit))
}
