//! Links: the lineage of consents of one end user, institution and login.

use fondaco_model::Instant;
use fondaco_model::ids::{ConsentId, EndUserId, LinkId, RegistrationId};
use fondaco_model::v1::{Link, LinkHealth, LinkProgress};
use uuid::Uuid;

use super::composed::fetch_composed;
use super::{ROWS_MAX, Scope, page};
use crate::engine::bulk::InList;
use crate::engine::{Session, Tx};
use crate::error::{Result, StoreError};

/// A link with what makes it work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLink {
    /// What clients may see.
    pub link: Link,
    /// The registration that its consents are made with.
    pub registration_id: RegistrationId,
    /// The tenant's sequence at its last change.
    pub changed_seq: i64,
}

record!(StoredLink, |row| StoredLink {
    link: Link {
        id: LinkId(row.col("id")?),
        end_user_id: EndUserId(row.col("end_user_id")?),
        institution_id: row.col("institution_id")?,
        current_consent_id: row
            .col::<Option<Uuid>>("current_consent_id")?
            .map(ConsentId),
        health: row.code("health")?,
        health_until: row.instant_opt("health_until")?,
        progress: row.code("progress")?,
        last_attempt_at: row.instant_opt("last_attempt_at")?,
        last_success_at: row.instant_opt("last_success_at")?,
        next_due_at: row.instant_opt("next_due_at")?,
        created_at: row.instant("created_at")?,
        disconnected_at: row.instant_opt("disconnected_at")?,
    },
    registration_id: RegistrationId(row.col("registration_id")?),
    changed_seq: row.col("changed_seq")?,
});

macro_rules! fields {
    () => {
        "id, end_user_id, institution_id, registration_id, current_consent_id, health, \
         health_until, progress, last_attempt_at, last_success_at, next_due_at, changed_seq, \
         created_at, disconnected_at"
    };
}

const HEAD: &str = concat!("select ", fields!(), " from link where tenant_id = ");

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select ",
            fields!(),
            " from link where tenant_id = $1 and ",
            $rest
        )
    };
}

statements! {
    INSERT = "insert into link (tenant_id, id, end_user_id, institution_id, registration_id, \
        current_consent_id, health, health_until, progress, last_attempt_at, last_success_at, \
        next_due_at, created_seq, changed_seq, created_at, disconnected_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $14, $15)";
    GET = select!("id = $2");
    DUE = select!("next_due_at <= $2 and disconnected_at is null \
        order by next_due_at, id limit $3");
    SET_CONSENT = "update link set current_consent_id = $3, changed_seq = $4 \
        where tenant_id = $1 and id = $2";
    SET_READ = "update link set health = $3, health_until = $4, \
        last_attempt_at = coalesce($5, last_attempt_at), \
        last_success_at = coalesce($6, last_success_at), next_due_at = $7, changed_seq = $8 \
        where tenant_id = $1 and id = $2";
    SET_PROGRESS = "update link set progress = $3, changed_seq = $4 \
        where tenant_id = $1 and id = $2 and progress <> $3";
    SET_DUE = "update link set next_due_at = $3 where tenant_id = $1 and id = $2 \
        and disconnected_at is null";
    DISCONNECT = "update link set disconnected_at = $3, next_due_at = null, \
        current_consent_id = null, changed_seq = $4 \
        where tenant_id = $1 and id = $2 and disconnected_at is null";
}

/// Keeps a new link; `seq` is a number of the transaction's tenant.
pub async fn insert(
    tx: &mut Tx,
    link: &Link,
    registration_id: RegistrationId,
    seq: i64,
) -> Result<()> {
    let tenant = tx.tenant().0;
    execute!(
        tx,
        INSERT,
        tenant,
        link.id.0,
        link.end_user_id.0,
        link.institution_id.as_str(),
        registration_id.0,
        link.current_consent_id.map(|id| id.0),
        link.health.as_str(),
        link.health_until.map(Instant::micros),
        link.progress.as_str(),
        link.last_attempt_at.map(Instant::micros),
        link.last_success_at.map(Instant::micros),
        link.next_due_at.map(Instant::micros),
        seq,
        link.created_at.micros(),
        link.disconnected_at.map(Instant::micros)
    )?;
    Ok(())
}

/// One link of the tenant.
pub async fn get(session: &mut Session, id: LinkId) -> Result<Option<StoredLink>> {
    let tenant = session.tenant().0;
    fetch_optional!(session, GET => StoredLink, tenant, id.0)
}

/// Links by id, as far as the scope sees them, in no order; at most 1,000 ids.
pub async fn by_ids(
    session: &mut Session,
    scope: Scope,
    ids: &[LinkId],
) -> Result<Vec<StoredLink>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let tenant = session.tenant().0;
    fetch_composed!(session, StoredLink, HEAD, |query, D| {
        query.push_bind(tenant);
        scope.push::<D>(&mut query, "end_user_id");
        query.push(" and ");
        D::in_ids(&mut query, "id", &ids);
    })
}

/// Which links a list holds; all conditions must hold.
#[derive(Debug, Clone, Copy, Default)]
pub struct LinkQuery {
    /// Only links behind this one.
    pub after: Option<LinkId>,
    /// Only links before this one.
    pub before: Option<LinkId>,
    /// Number of rows, 1 to [`ROWS_MAX`].
    pub limit: u32,
    /// True for the last links of the list instead of the first.
    pub backward: bool,
}

/// Links of a page in their order, and whether more follow in the direction of reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkPage {
    /// The links.
    pub rows: Vec<StoredLink>,
    /// True when more links follow in the direction of reading.
    pub more: bool,
}

/// Links in the order of their ids, which is the order of their making; ended ones too.
pub async fn list(session: &mut Session, scope: Scope, asked: &LinkQuery) -> Result<LinkPage> {
    let limit = asked.limit.clamp(1, ROWS_MAX);
    let order = if asked.backward {
        " order by id desc"
    } else {
        " order by id"
    };
    let tenant = session.tenant().0;
    let mut rows = fetch_composed!(session, StoredLink, HEAD, |query, D| {
        query.push_bind(tenant);
        scope.push::<D>(&mut query, "end_user_id");
        for (condition, id) in [(" and id > ", asked.after), (" and id < ", asked.before)] {
            if let Some(id) = id {
                query.push(condition).push_bind(id.0);
            }
        }
        query
            .push(order)
            .push(" limit ")
            .push_bind(i64::from(limit) + 1);
    })?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    if asked.backward {
        rows.reverse();
    }
    Ok(LinkPage { rows, more })
}

/// The tenant's links whose next read is due, the longest waiting first.
pub async fn due(session: &mut Session, now: Instant, limit: u32) -> Result<Vec<StoredLink>> {
    let tenant = session.tenant().0;
    fetch_all!(session, DUE => StoredLink, tenant, now.micros(), page(limit))
}

/// Names the consent in force.
///
/// # Errors
/// [`StoreError::NotFound`] when the tenant has no such link.
pub async fn set_consent(
    tx: &mut Tx,
    id: LinkId,
    consent: Option<ConsentId>,
    seq: i64,
) -> Result<()> {
    let tenant = tx.tenant().0;
    found(execute!(
        tx,
        SET_CONSENT,
        tenant,
        id.0,
        consent.map(|id| id.0),
        seq
    )?)
}

/// How a read went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOutcome {
    /// How well the link works now.
    pub health: LinkHealth,
    /// Until when we were asked to wait.
    pub health_until: Option<Instant>,
    /// When the read was tried; unchanged when none.
    pub attempt_at: Option<Instant>,
    /// When it went well; unchanged when none.
    pub success_at: Option<Instant>,
    /// When the next read is due; none when nothing is planned.
    pub next_due_at: Option<Instant>,
}

/// Notes how a read went.
///
/// # Errors
/// [`StoreError::NotFound`] when the tenant has no such link.
pub async fn set_read(tx: &mut Tx, id: LinkId, outcome: &ReadOutcome, seq: i64) -> Result<()> {
    let tenant = tx.tenant().0;
    found(execute!(
        tx,
        SET_READ,
        tenant,
        id.0,
        outcome.health.as_str(),
        outcome.health_until.map(Instant::micros),
        outcome.attempt_at.map(Instant::micros),
        outcome.success_at.map(Instant::micros),
        outcome.next_due_at.map(Instant::micros),
        seq
    )?)
}

/// Notes how far the first reading has come; false when it stood there already.
pub async fn set_progress(
    tx: &mut Tx,
    id: LinkId,
    progress: LinkProgress,
    seq: i64,
) -> Result<bool> {
    let tenant = tx.tenant().0;
    Ok(execute!(tx, SET_PROGRESS, tenant, id.0, progress.as_str(), seq)? == 1)
}

/// Plans the next read; false when the link is disconnected or unknown.
pub async fn set_due(tx: &mut Tx, id: LinkId, at: Option<Instant>) -> Result<bool> {
    let tenant = tx.tenant().0;
    Ok(execute!(tx, SET_DUE, tenant, id.0, at.map(Instant::micros))? == 1)
}

/// Ends a link: no consent is in force and no read is planned; false when it had ended already.
pub async fn disconnect(tx: &mut Tx, id: LinkId, at: Instant, seq: i64) -> Result<bool> {
    let tenant = tx.tenant().0;
    Ok(execute!(tx, DISCONNECT, tenant, id.0, at.micros(), seq)? == 1)
}

fn found(changed: u64) -> Result<()> {
    if changed == 1 {
        Ok(())
    } else {
        Err(StoreError::NotFound)
    }
}
