//! Changes: the outbox of events, the states that transactions had, and why records are one.

#[cfg(test)]
mod tests;

use fondaco_model::Instant;
use fondaco_model::ids::{
    DataKeyId, EndUserId, MatchEvidenceId, RawAnswerId, RevisionId, SyncRunId, TransactionId,
};
use fondaco_model::v1::{Revision, RevisionCause};
use fondaco_model::version::SchemaVersion;
use uuid::Uuid;

use super::account::origin::{version, version_columns};
use super::composed::fetch_composed;
use super::{ROWS_MAX, Scope};
use crate::engine::bulk::InList;
use crate::engine::{Session, Tx};
use crate::error::{Result, StoreError};

/// Most transactions of one call.
pub const IDS_MAX: usize = 1_000;

/// Most revisions, or pieces of evidence, that one call answers.
pub const HISTORY_MAX: i64 = 20_000;

codes! {
    /// What changed.
    Entity {
        /// A link.
        Link = "LINK",
        /// A consent.
        Consent = "CONSENT",
        /// An account.
        Account = "ACCOUNT",
        /// A balance.
        Balance = "BALANCE",
        /// A transaction.
        Transaction = "TRANSACTION",
    }
}

codes! {
    /// How it changed, as a client sees it.
    ChangeOp {
        /// It is new.
        Created = "CREATED",
        /// It is different.
        Updated = "UPDATED",
        /// It no longer counts.
        Deleted = "DELETED",
        /// It counts again.
        Restored = "RESTORED",
    }
}

codes! {
    /// What was decided about two records.
    MatchDecision {
        /// They are one, by rule.
        Auto = "AUTO",
        /// They may be one.
        Suggested = "SUGGESTED",
        /// A person says that they are one.
        Confirmed = "CONFIRMED",
        /// A person says that they are two.
        Rejected = "REJECTED",
        /// An earlier decision was taken back.
        Undone = "UNDONE",
    }
}

/// One event of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeEventRow {
    /// Position in the tenant's sequence; one number for each event.
    pub seq: i64,
    /// Whose data changed.
    pub end_user_id: Option<EndUserId>,
    /// What changed.
    pub entity: Entity,
    /// Its id.
    pub entity_id: Uuid,
    /// How it changed.
    pub op: ChangeOp,
    /// Why, as a stable word; of a transaction the word of its [`RevisionCause`].
    pub cause: String,
    /// When.
    pub at: Instant,
}

/// A state that a transaction had, and why it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionRow {
    /// Our id.
    pub id: RevisionId,
    /// The transaction.
    pub transaction_id: TransactionId,
    /// Position in the tenant's sequence: the number of its event.
    pub seq: i64,
    /// Whose transaction it is.
    pub end_user_id: EndUserId,
    /// Why it changed.
    pub cause: RevisionCause,
    /// Names of the fields that changed.
    pub changed_fields: Vec<String>,
    /// What the changed fields said before, as a sealed JSON object.
    pub before_sealed: Option<String>,
    /// The key that seals the state.
    pub data_key_id: DataKeyId,
    /// The raw answer that caused it, when one did.
    pub raw_answer_id: Option<RawAnswerId>,
    /// Version of the canonical schema.
    pub schema_version: SchemaVersion,
    /// When it was recorded.
    pub recorded_at: Instant,
}

/// Why an incoming record and a stored transaction are one, or may be; or why the transaction was
/// removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchEvidenceRow {
    /// Our id.
    pub id: MatchEvidenceId,
    /// Whose transaction it is.
    pub end_user_id: EndUserId,
    /// The transaction.
    pub transaction_id: TransactionId,
    /// The run that brought the record, or ended without it.
    pub run_id: SyncRunId,
    /// The rule that decided.
    pub rule: String,
    /// How sure it is, 0 to 100.
    pub score: i16,
    /// Names of the fields that agreed.
    pub fields: Vec<String>,
    /// What was decided.
    pub decision: MatchDecision,
    /// Position in the tenant's sequence.
    pub seq: i64,
    /// When it was decided.
    pub decided_at: Instant,
}

impl From<RevisionRow> for Revision {
    fn from(row: RevisionRow) -> Self {
        Self {
            id: row.id,
            transaction_id: row.transaction_id,
            seq: row.seq,
            cause: row.cause,
            changed_fields: row.changed_fields,
            raw_answer_id: row.raw_answer_id,
            schema_version: row.schema_version,
            recorded_at: row.recorded_at,
        }
    }
}

fn names(text: &str, column: &'static str) -> Result<Vec<String>> {
    serde_json::from_str(text).map_err(|_| StoreError::Inconsistent { column })
}

fn json(names: &[String]) -> String {
    serde_json::to_string(names).expect("a list of texts serialises")
}

record!(ChangeEventRow, |row| ChangeEventRow {
    seq: row.col("seq")?,
    end_user_id: row.col::<Option<Uuid>>("end_user_id")?.map(EndUserId),
    entity: row.code("entity")?,
    entity_id: row.col("entity_id")?,
    op: row.code("op")?,
    cause: row.col("cause")?,
    at: row.instant("at")?,
});

record!(RevisionRow, |row| RevisionRow {
    id: RevisionId(row.col("id")?),
    transaction_id: TransactionId(row.col("transaction_id")?),
    seq: row.col("seq")?,
    end_user_id: EndUserId(row.col("end_user_id")?),
    cause: row.code("cause")?,
    changed_fields: names(row.col("changed_fields")?, "changed_fields")?,
    before_sealed: row.col("before_sealed")?,
    data_key_id: DataKeyId(row.col("data_key_id")?),
    raw_answer_id: row.col::<Option<Uuid>>("raw_answer_id")?.map(RawAnswerId),
    schema_version: version(row.col("schema_major")?, row.col("schema_minor")?)?,
    recorded_at: row.instant("recorded_at")?,
});

record!(MatchEvidenceRow, |row| MatchEvidenceRow {
    id: MatchEvidenceId(row.col("id")?),
    end_user_id: EndUserId(row.col("end_user_id")?),
    transaction_id: TransactionId(row.col("transaction_id")?),
    run_id: SyncRunId(row.col("run_id")?),
    rule: row.col("rule")?,
    score: row.col("score")?,
    fields: names(row.col("fields")?, "fields")?,
    decision: row.code("decision")?,
    seq: row.col("seq")?,
    decided_at: row.instant("decided_at")?,
});

statements! {
    LAST_SEQ = "select coalesce(max(seq), 0) from change_event where tenant_id = $1";
}

/// Writes events with the numbers that the caller reserved just before, one for each event.
///
/// # Errors
/// [`StoreError::Conflict`] when a number is taken.
pub async fn insert_events(tx: &mut Tx, rows: &[ChangeEventRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant().0;
    bulk!(tx, rows, "change_event", [
        tenant_id "uuid" = |_row| tenant,
        seq "bigint" = |row| row.seq,
        end_user_id "uuid" = |row| row.end_user_id.map(|id| id.0),
        entity "text" = |row| row.entity.as_str(),
        entity_id "uuid" = |row| row.entity_id,
        op "text" = |row| row.op.as_str(),
        cause "text" = |row| row.cause.as_str(),
        at "bigint" = |row| row.at.micros(),
    ], "");
    Ok(())
}

/// Writes revisions with the numbers of their events.
///
/// # Errors
/// [`StoreError::Conflict`] when the transaction has a revision of that number.
pub async fn insert_revisions(tx: &mut Tx, rows: &[RevisionRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant().0;
    bulk!(tx, rows, "revision", [
        tenant_id "uuid" = |_row| tenant,
        transaction_id "uuid" = |row| row.transaction_id.0,
        seq "bigint" = |row| row.seq,
        id "uuid" = |row| row.id.0,
        end_user_id "uuid" = |row| row.end_user_id.0,
        cause "text" = |row| row.cause.as_str(),
        changed_fields "text" = |row| json(&row.changed_fields),
        before_sealed "text" = |row| row.before_sealed.as_deref(),
        data_key_id "uuid" = |row| row.data_key_id.0,
        raw_answer_id "uuid" = |row| row.raw_answer_id.map(|id| id.0),
        schema_major "smallint" = |row| version_columns(row.schema_version).0,
        schema_minor "smallint" = |row| version_columns(row.schema_version).1,
        recorded_at "bigint" = |row| row.recorded_at.micros(),
    ], "");
    Ok(())
}

/// Writes evidence.
///
/// # Errors
/// [`StoreError::Conflict`] when an id is taken.
pub async fn insert_evidence(tx: &mut Tx, rows: &[MatchEvidenceRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant().0;
    bulk!(tx, rows, "match_evidence", [
        tenant_id "uuid" = |_row| tenant,
        id "uuid" = |row| row.id.0,
        end_user_id "uuid" = |row| row.end_user_id.0,
        transaction_id "uuid" = |row| row.transaction_id.0,
        run_id "uuid" = |row| row.run_id.0,
        rule "text" = |row| row.rule.as_str(),
        score "smallint" = |row| row.score,
        fields "text" = |row| json(&row.fields),
        decision "text" = |row| row.decision.as_str(),
        seq "bigint" = |row| row.seq,
        decided_at "bigint" = |row| row.decided_at.micros(),
    ], "");
    Ok(())
}

const EVENTS: &str = "select seq, end_user_id, entity, entity_id, op, cause, at \
    from change_event where tenant_id = ";

/// Events behind a number, in order, as far as the scope sees them, at most
/// [`ROWS_MAX`]. A reader that goes on behind the last number that it saw misses nothing.
pub async fn events_after(
    session: &mut Session,
    scope: Scope,
    seq: i64,
    limit: u32,
) -> Result<Vec<ChangeEventRow>> {
    let tenant = session.tenant().0;
    fetch_composed!(session, ChangeEventRow, EVENTS, |query, D| {
        query.push_bind(tenant).push(" and seq > ").push_bind(seq);
        scope.push::<D>(&mut query, "end_user_id");
        query
            .push(" order by seq limit ")
            .push_bind(i64::from(limit.clamp(1, ROWS_MAX)));
    })
}

/// The number of the last event, 0 before the first.
pub async fn last_seq(session: &mut Session) -> Result<i64> {
    let tenant = session.tenant().0;
    let row = fetch_optional!(session, LAST_SEQ => (i64,), tenant)?;
    Ok(row.map_or(0, |row| row.0))
}

const REVISIONS: &str = "select id, transaction_id, seq, end_user_id, cause, changed_fields, \
    before_sealed, data_key_id, raw_answer_id, schema_major, schema_minor, recorded_at \
    from revision where tenant_id = ";

/// Revisions of transactions, ordered by transaction and number, at most [`HISTORY_MAX`]. At most
/// [`IDS_MAX`] transactions.
pub async fn revisions(
    session: &mut Session,
    scope: Scope,
    transactions: &[TransactionId],
) -> Result<Vec<RevisionRow>> {
    debug_assert!(transactions.len() <= IDS_MAX, "callers work in batches");
    if transactions.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = transactions.iter().map(|id| id.0).collect();
    let tenant = session.tenant().0;
    fetch_composed!(session, RevisionRow, REVISIONS, |query, D| {
        query.push_bind(tenant);
        scope.push::<D>(&mut query, "end_user_id");
        query.push(" and ");
        D::in_ids(&mut query, "transaction_id", &ids);
        query
            .push(" order by transaction_id, seq limit ")
            .push_bind(HISTORY_MAX);
    })
}

const EVIDENCE: &str = "select id, end_user_id, transaction_id, run_id, rule, score, fields, \
    decision, seq, decided_at from match_evidence where tenant_id = ";

/// Evidence about transactions, ordered by transaction and id, at most [`HISTORY_MAX`]. At most
/// [`IDS_MAX`] transactions.
pub async fn evidence(
    session: &mut Session,
    scope: Scope,
    transactions: &[TransactionId],
) -> Result<Vec<MatchEvidenceRow>> {
    debug_assert!(transactions.len() <= IDS_MAX, "callers work in batches");
    if transactions.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = transactions.iter().map(|id| id.0).collect();
    let tenant = session.tenant().0;
    fetch_composed!(session, MatchEvidenceRow, EVIDENCE, |query, D| {
        query.push_bind(tenant);
        scope.push::<D>(&mut query, "end_user_id");
        query.push(" and ");
        D::in_ids(&mut query, "transaction_id", &ids);
        query
            .push(" order by transaction_id, id limit ")
            .push_bind(HISTORY_MAX);
    })
}
