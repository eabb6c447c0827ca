//! Data keys: one living key per subject and ring, wrapped; destroying them erases what they seal.

use fondaco_model::Instant;
use fondaco_model::ids::DataKeyId;
use uuid::Uuid;

use super::page;
use crate::engine::{Session, Tx};
use crate::error::{Result, StoreError};

codes! {
    /// Which master key wraps a data key.
    Ring {
        /// Data of people: a server that only reads has this one.
        Data = "DATA",
        /// Tokens and client secrets.
        Token = "TOKEN",
    }
}

codes! {
    /// Whose data a key seals.
    SubjectKind {
        /// A person.
        EndUser = "END_USER",
        /// What a tenant has besides its people: its registrations' secrets.
        Tenant = "TENANT",
        /// The operator of the installation, under the nil tenant.
        Operator = "OPERATOR",
    }
}

/// Whose data a key seals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subject {
    /// What kind of subject.
    pub kind: SubjectKind,
    /// Its id, without the prefix of its type.
    pub id: Uuid,
}

/// One key, wrapped by the master key of its ring.
#[derive(Clone, PartialEq, Eq)]
pub struct DataKey {
    /// Our id; stands in every text that the key sealed.
    pub id: DataKeyId,
    /// Which master key wraps it.
    pub ring: Ring,
    /// Whose data it seals.
    pub subject: Subject,
    /// The wrapped key; none once destroyed.
    pub wrapped: Option<Vec<u8>>,
    /// When it was made.
    pub created_at: Instant,
    /// When it was destroyed.
    pub destroyed_at: Option<Instant>,
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DataKey({}, {})", self.id, self.ring)
    }
}

record!(DataKey, |row| DataKey {
    id: DataKeyId(row.col("id")?),
    ring: row.code("ring")?,
    subject: Subject {
        kind: row.code("subject_kind")?,
        id: row.col("subject_id")?,
    },
    wrapped: row.col("wrapped")?,
    created_at: row.instant("created_at")?,
    destroyed_at: row.instant_opt("destroyed_at")?,
});

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, ring, subject_kind, subject_id, wrapped, created_at, destroyed_at \
             from data_key where tenant_id = $1 and ",
            $rest
        )
    };
}

statements! {
    INSERT = "insert into data_key (tenant_id, id, ring, subject_kind, subject_id, wrapped, \
        created_at) values ($1, $2, $3, $4, $5, $6, $7) \
        on conflict (tenant_id, ring, subject_kind, subject_id) where destroyed_at is null \
        do nothing";
    GET = select!("id = $2");
    LIVING = select!("ring = $2 and subject_kind = $3 and subject_id = $4 \
        and destroyed_at is null");
    LIST = select!("ring = $2 and destroyed_at is null and id > $3 order by id limit $4");
    REWRAP = "update data_key set wrapped = $4 \
        where tenant_id = $1 and id = $2 and wrapped = $3";
    DESTROY = "update data_key set wrapped = null, destroyed_at = $4 \
        where tenant_id = $1 and subject_kind = $2 and subject_id = $3 and destroyed_at is null";
}

/// The subject's living key: the given one when there was none, the present one otherwise. Callers
/// seal with what comes back, never with what they gave.
pub async fn insert_or_get(tx: &mut Tx, key: &DataKey) -> Result<DataKey> {
    let tenant = tx.tenant().0;
    execute!(
        tx,
        INSERT,
        tenant,
        key.id.0,
        key.ring.as_str(),
        key.subject.kind.as_str(),
        key.subject.id,
        key.wrapped.as_deref(),
        key.created_at.micros()
    )?;
    living(tx, key.ring, key.subject)
        .await?
        .ok_or(StoreError::LostUpdate)
}

/// One key of the tenant, destroyed or not.
pub async fn get(session: &mut Session, id: DataKeyId) -> Result<Option<DataKey>> {
    let tenant = session.tenant().0;
    fetch_optional!(session, GET => DataKey, tenant, id.0)
}

/// The key that seals a subject's data now.
pub async fn living(
    session: &mut Session,
    ring: Ring,
    subject: Subject,
) -> Result<Option<DataKey>> {
    let tenant = session.tenant().0;
    let kind = subject.kind.as_str();
    fetch_optional!(session, LIVING => DataKey, tenant, ring.as_str(), kind, subject.id)
}

/// Living keys of a ring in the order of their ids, for a change of the master key.
pub async fn list(
    session: &mut Session,
    ring: Ring,
    after: Option<DataKeyId>,
    limit: u32,
) -> Result<Vec<DataKey>> {
    let tenant = session.tenant().0;
    let after = after.map_or(Uuid::nil(), |id| id.0);
    fetch_all!(session, LIST => DataKey, tenant, ring.as_str(), after, page(limit))
}

/// Replaces the wrapping of a key; false when it changed meanwhile or was destroyed.
pub async fn rewrap(tx: &mut Tx, id: DataKeyId, expected: &[u8], wrapped: &[u8]) -> Result<bool> {
    let tenant = tx.tenant().0;
    Ok(execute!(tx, REWRAP, tenant, id.0, expected, wrapped)? == 1)
}

/// Destroys the keys of a subject in both rings: what they sealed is gone. Answers how many there
/// were.
pub async fn destroy(tx: &mut Tx, subject: Subject, at: Instant) -> Result<u64> {
    let tenant = tx.tenant().0;
    execute!(
        tx,
        DESTROY,
        tenant,
        subject.kind.as_str(),
        subject.id,
        at.micros()
    )
}
