//! Authorisation attempts: a person sent to a bank, found again once by the callback's state.

use fondaco_model::Instant;
use fondaco_model::ids::{
    AttemptId, ConsentId, DataKeyId, LinkSessionId, RegistrationId, TenantId,
};

use super::Digest;
use crate::engine::{Session, Tx};
use crate::error::{Result, StoreError};

/// One attempt. Its state and the browser's cookie are kept as hashes, the rest of the flow
/// (PKCE verifier, nonce) sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Our id.
    pub id: AttemptId,
    /// The tenant of the session.
    pub tenant_id: TenantId,
    /// The session that it belongs to.
    pub link_session_id: LinkSessionId,
    /// The consent that it is for.
    pub consent_id: ConsentId,
    /// The registration whose redirect URI the callback must come to.
    pub registration_id: RegistrationId,
    /// Hash of `state`.
    pub state_hash: Digest,
    /// Hash of the cookie of the browser that left for the bank.
    pub browser_hash: Digest,
    /// PKCE verifier and the rest of the flow, sealed.
    pub flow_sealed: String,
    /// The authorization code, sealed, from the callback until it is exchanged.
    pub code_sealed: Option<String>,
    /// The key that seals both.
    pub data_key_id: DataKeyId,
    /// The issuer that the answer must name (RFC 9207), when it names one.
    pub expected_issuer: Option<String>,
    /// True when the answer must name its issuer.
    pub iss_required: bool,
    /// When the person left.
    pub created_at: Instant,
    /// From when on a callback is too late.
    pub expires_at: Instant,
    /// When the callback came.
    pub used_at: Option<Instant>,
    /// How it ended, as a word.
    pub outcome: Option<String>,
    /// The bank's error code, when it sent one that the standard knows.
    pub error_code: Option<String>,
}

impl std::fmt::Debug for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Attempt({}, used {})", self.id, self.used_at.is_some())
    }
}

record!(Attempt, |row| Attempt {
    id: AttemptId(row.col("id")?),
    tenant_id: TenantId(row.col("tenant_id")?),
    link_session_id: LinkSessionId(row.col("link_session_id")?),
    consent_id: ConsentId(row.col("consent_id")?),
    registration_id: RegistrationId(row.col("registration_id")?),
    state_hash: row.digest("state_hash")?,
    browser_hash: row.digest("browser_hash")?,
    flow_sealed: row.col("flow_sealed")?,
    code_sealed: row.col("code_sealed")?,
    data_key_id: DataKeyId(row.col("data_key_id")?),
    expected_issuer: row.col("expected_issuer")?,
    iss_required: row.col("iss_required")?,
    created_at: row.instant("created_at")?,
    expires_at: row.instant("expires_at")?,
    used_at: row.instant_opt("used_at")?,
    outcome: row.col("outcome")?,
    error_code: row.col("error_code")?,
});

macro_rules! fields {
    () => {
        "id, tenant_id, link_session_id, consent_id, registration_id, state_hash, browser_hash, \
         flow_sealed, code_sealed, data_key_id, expected_issuer, iss_required, created_at, \
         expires_at, used_at, outcome, error_code"
    };
}

statements! {
    INSERT = "insert into authorisation_attempt (id, tenant_id, link_session_id, consent_id, \
        registration_id, state_hash, browser_hash, flow_sealed, data_key_id, expected_issuer, \
        iss_required, created_at, expires_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    FIND = concat!("select ", fields!(), " from authorisation_attempt where state_hash = $1");
    GET = concat!("select ", fields!(), " from authorisation_attempt \
        where tenant_id = $1 and id = $2");
    COUNT = "select count(*) from authorisation_attempt \
        where tenant_id = $1 and link_session_id = $2";
    CONSUME = concat!("update authorisation_attempt set used_at = $4 where tenant_id = $1 \
        and state_hash = $2 and browser_hash = $3 and used_at is null and expires_at > $4 \
        returning ", fields!());
    KEEP_CODE = "update authorisation_attempt set code_sealed = $3, data_key_id = $4 \
        where tenant_id = $1 and id = $2 and used_at is not null and outcome is null";
    SETTLE = "update authorisation_attempt set outcome = $3, error_code = $4, code_sealed = null \
        where tenant_id = $1 and id = $2 and outcome is null";
}

/// Keeps a new attempt of the transaction's tenant.
pub async fn insert(tx: &mut Tx, attempt: &Attempt) -> Result<()> {
    let tenant = tx.tenant().0;
    execute!(
        tx,
        INSERT,
        attempt.id.0,
        tenant,
        attempt.link_session_id.0,
        attempt.consent_id.0,
        attempt.registration_id.0,
        attempt.state_hash.as_slice(),
        attempt.browser_hash.as_slice(),
        attempt.flow_sealed.as_str(),
        attempt.data_key_id.0,
        attempt.expected_issuer.as_deref(),
        attempt.iss_required,
        attempt.created_at.micros(),
        attempt.expires_at.micros()
    )?;
    Ok(())
}

/// The attempt whose state has this hash, used or not. Finds the tenant: called by the operator.
pub async fn find(session: &mut Session, state_hash: &Digest) -> Result<Option<Attempt>> {
    fetch_optional!(session, FIND => Attempt, state_hash.as_slice())
}

/// One attempt of the tenant.
pub async fn get(session: &mut Session, id: AttemptId) -> Result<Option<Attempt>> {
    let tenant = session.tenant().0;
    fetch_optional!(session, GET => Attempt, tenant, id.0)
}

/// How many attempts a session has made.
pub async fn count(session: &mut Session, link_session: LinkSessionId) -> Result<i64> {
    let tenant = session.tenant().0;
    fetch_optional!(session, COUNT => (i64,), tenant, link_session.0)?
        .map(|(count,)| count)
        .ok_or(StoreError::NotFound)
}

/// What a callback found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consumption {
    /// The state was good and is used up now: go on, exactly once.
    Taken(Attempt),
    /// It was used before: show the page, exchange nothing.
    AlreadyUsed(Attempt),
    /// Another browser than the one that left: exchange nothing, the attempt stays good.
    OtherBrowser,
    /// The person came too late.
    TooLate(Attempt),
    /// Nobody sent this state.
    Unknown,
}

/// Uses a state up for the browser that left with it. Everything is decided by one statement, so
/// that of two equal callbacks one takes it.
pub async fn consume(
    tx: &mut Tx,
    state_hash: &Digest,
    browser_hash: &Digest,
    now: Instant,
) -> Result<Consumption> {
    let tenant = tx.tenant();
    let taken = fetch_optional!(
        tx,
        CONSUME => Attempt,
        tenant.0,
        state_hash.as_slice(),
        browser_hash.as_slice(),
        now.micros()
    )?;
    if let Some(attempt) = taken {
        return Ok(Consumption::Taken(attempt));
    }
    let found = find(tx, state_hash)
        .await?
        .filter(|attempt| attempt.tenant_id == tenant);
    Ok(match found {
        None => Consumption::Unknown,
        Some(attempt) if attempt.browser_hash != *browser_hash => Consumption::OtherBrowser,
        Some(attempt) if attempt.used_at.is_some() => Consumption::AlreadyUsed(attempt),
        Some(attempt) => Consumption::TooLate(attempt),
    })
}

/// Keeps the authorization code, sealed, until it is exchanged; false when the attempt is settled
/// or was never used.
pub async fn keep_code(
    tx: &mut Tx,
    id: AttemptId,
    code_sealed: &str,
    data_key_id: DataKeyId,
) -> Result<bool> {
    let tenant = tx.tenant().0;
    Ok(execute!(tx, KEEP_CODE, tenant, id.0, code_sealed, data_key_id.0)? == 1)
}

/// Says how the attempt ended and forgets the code; false when it was settled already.
pub async fn settle(
    tx: &mut Tx,
    id: AttemptId,
    outcome: &str,
    error_code: Option<&str>,
) -> Result<bool> {
    let tenant = tx.tenant().0;
    Ok(execute!(tx, SETTLE, tenant, id.0, outcome, error_code)? == 1)
}
