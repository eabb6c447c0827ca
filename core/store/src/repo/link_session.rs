//! Link sessions: one attempt of a person to establish or renew a link on the hosted pages.

use fondaco_model::ids::{ConsentId, EndUserId, LinkId, LinkSessionId, TenantId};
use fondaco_model::scope::{self, ConsentScope};
use fondaco_model::{Date, Instant};
use uuid::Uuid;

use super::composed::fetch_composed;
use super::{Digest, Scope, page};
use crate::engine::bulk::InList;
use crate::engine::{Session, Tx};
use crate::error::{Result, StoreError};

codes! {
    /// Where a session stands.
    SessionState {
        /// The tenant asked for it; nobody opened its page.
        Created = "CREATED",
        /// A browser opened its page and is bound to it.
        Opened = "OPENED",
        /// The person is at the bank.
        AtBank = "AT_BANK",
        /// The person came back; the code is being exchanged.
        Exchanging = "EXCHANGING",
        /// The link works.
        Succeeded = "SUCCEEDED",
        /// The person or the bank refused.
        Denied = "DENIED",
        /// The person cancelled on our page.
        Cancelled = "CANCELLED",
        /// It failed technically.
        Failed = "FAILED",
        /// Its time was over.
        Expired = "EXPIRED",
    }
}

impl SessionState {
    /// True when the session is over.
    pub fn is_final(self) -> bool {
        match self {
            Self::Created | Self::Opened | Self::AtBank | Self::Exchanging => false,
            Self::Succeeded | Self::Denied | Self::Cancelled | Self::Failed | Self::Expired => true,
        }
    }
}

/// One session, without the secrets whose hashes find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkSession {
    /// Our id.
    pub id: LinkSessionId,
    /// The tenant that asked for it.
    pub tenant_id: TenantId,
    /// Whose link it will be.
    pub end_user_id: EndUserId,
    /// Hash of the cookie of the browser that opened its page first.
    pub browser_hash: Option<Digest>,
    /// The institution, once chosen.
    pub institution_id: Option<String>,
    /// The link, once there is one.
    pub link_id: Option<LinkId>,
    /// The consent, once there is one.
    pub consent_id: Option<ConsentId>,
    /// What is asked for.
    pub scopes: Vec<ConsentScope>,
    /// The first day of history that is asked for.
    pub history_from: Option<Date>,
    /// The registered address that the person returns to.
    pub return_url: String,
    /// The language that the tenant asked for, BCP47.
    pub locale: Option<String>,
    /// Where it stands.
    pub state: SessionState,
    /// Why it ended, as one word of the termination reasons.
    pub reason: Option<String>,
    /// The request that made it.
    pub request_id: Option<String>,
    /// When the result was fetched with its code.
    pub result_redeemed_at: Option<Instant>,
    /// When it was made.
    pub created_at: Instant,
    /// From when on its page is closed.
    pub expires_at: Instant,
    /// When it ended.
    pub ended_at: Option<Instant>,
}

record!(LinkSession, |row| LinkSession {
    id: LinkSessionId(row.col("id")?),
    tenant_id: TenantId(row.col("tenant_id")?),
    end_user_id: EndUserId(row.col("end_user_id")?),
    browser_hash: row.digest_opt("browser_hash")?,
    institution_id: row.col("institution_id")?,
    link_id: row.col::<Option<Uuid>>("link_id")?.map(LinkId),
    consent_id: row.col::<Option<Uuid>>("consent_id")?.map(ConsentId),
    scopes: row.scopes("scopes")?,
    history_from: row.date_opt("history_from")?,
    return_url: row.col("return_url")?,
    locale: row.col("locale")?,
    state: row.code("state")?,
    reason: row.col("reason")?,
    request_id: row.col("request_id")?,
    result_redeemed_at: row.instant_opt("result_redeemed_at")?,
    created_at: row.instant("created_at")?,
    expires_at: row.instant("expires_at")?,
    ended_at: row.instant_opt("ended_at")?,
});

macro_rules! fields {
    () => {
        "id, tenant_id, end_user_id, browser_hash, institution_id, link_id, consent_id, scopes, \
         history_from, return_url, locale, state, reason, request_id, result_redeemed_at, \
         created_at, expires_at, ended_at"
    };
}

statements! {
    INSERT = "insert into link_session (id, tenant_id, end_user_id, page_token_hash, \
        institution_id, link_id, consent_id, scopes, history_from, return_url, locale, state, \
        request_id, created_at, expires_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    FIND = concat!("select ", fields!(), " from link_session where page_token_hash = $1");
    GET = concat!("select ", fields!(), " from link_session where tenant_id = $1 and id = $2");
    BIND_BROWSER = "update link_session set browser_hash = $3, \
        state = case when state = 'CREATED' then 'OPENED' else state end \
        where tenant_id = $1 and id = $2 and (browser_hash is null or browser_hash = $3) \
        and ended_at is null and expires_at > $4";
    PROCEED = "update link_session set state = $4, institution_id = $5, link_id = $6, \
        consent_id = $7 where tenant_id = $1 and id = $2 and state = $3 and ended_at is null";
    FINISH = "update link_session set state = $3, reason = $4, result_code_hash = $5, \
        ended_at = $6 where tenant_id = $1 and id = $2 and ended_at is null";
    REDEEM = concat!("update link_session set result_redeemed_at = $3 where tenant_id = $1 \
        and result_code_hash = $2 and result_redeemed_at is null returning ", fields!());
    EXPIRED = concat!("select ", fields!(), " from link_session \
        where ended_at is null and expires_at <= $1 order by expires_at, id limit $2");
}

/// Keeps a new session of the transaction's tenant; only the hash of its page's token is kept.
pub async fn insert(tx: &mut Tx, session: &LinkSession, page_token: &Digest) -> Result<()> {
    let tenant = tx.tenant().0;
    let scopes = scope::join(&session.scopes);
    execute!(
        tx,
        INSERT,
        session.id.0,
        tenant,
        session.end_user_id.0,
        page_token.as_slice(),
        session.institution_id.as_deref(),
        session.link_id.map(|id| id.0),
        session.consent_id.map(|id| id.0),
        scopes.as_str(),
        session.history_from.map(|day| day.to_string()),
        session.return_url.as_str(),
        session.locale.as_deref(),
        session.state.as_str(),
        session.request_id.as_deref(),
        session.created_at.micros(),
        session.expires_at.micros()
    )?;
    Ok(())
}

/// The session whose page's token has this hash, ended or not. Finds the tenant: called by the
/// operator.
pub async fn find(session: &mut Session, page_token: &Digest) -> Result<Option<LinkSession>> {
    fetch_optional!(session, FIND => LinkSession, page_token.as_slice())
}

/// One session of the tenant.
pub async fn get(session: &mut Session, id: LinkSessionId) -> Result<Option<LinkSession>> {
    let tenant = session.tenant().0;
    fetch_optional!(session, GET => LinkSession, tenant, id.0)
}

/// Sessions of the tenant by id, as far as the scope sees them, in no order; at most 1,000 ids.
pub async fn by_ids(
    session: &mut Session,
    scope: Scope,
    ids: &[LinkSessionId],
) -> Result<Vec<LinkSession>> {
    const HEAD: &str = concat!(
        "select ",
        fields!(),
        " from link_session where tenant_id = "
    );
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let tenant = session.tenant().0;
    fetch_composed!(session, LinkSession, HEAD, |query, D| {
        query.push_bind(tenant);
        scope.push::<D>(&mut query, "end_user_id");
        query.push(" and ");
        D::in_ids(&mut query, "id", &ids);
    })
}

/// Binds the session to the first browser that opens its page, by the hash of a cookie; true for
/// that browser whenever it comes again. False for another browser, and when the session is over.
pub async fn bind_browser(
    tx: &mut Tx,
    id: LinkSessionId,
    browser: &Digest,
    now: Instant,
) -> Result<bool> {
    let tenant = tx.tenant().0;
    let bound = execute!(
        tx,
        BIND_BROWSER,
        tenant,
        id.0,
        browser.as_slice(),
        now.micros()
    )?;
    Ok(bound == 1)
}

/// What a step of a session settles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Where the session must stand.
    pub from: SessionState,
    /// Where it goes.
    pub to: SessionState,
    /// The institution, once chosen.
    pub institution_id: Option<String>,
    /// The link, once there is one.
    pub link_id: Option<LinkId>,
    /// The consent, once there is one.
    pub consent_id: Option<ConsentId>,
}

/// Moves a living session on.
///
/// # Errors
/// [`StoreError::LostUpdate`] when it does not stand where the step begins: a double click, a
/// second tab.
pub async fn proceed(tx: &mut Tx, id: LinkSessionId, step: &Step) -> Result<()> {
    let tenant = tx.tenant().0;
    let changed = execute!(
        tx,
        PROCEED,
        tenant,
        id.0,
        step.from.as_str(),
        step.to.as_str(),
        step.institution_id.as_deref(),
        step.link_id.map(|id| id.0),
        step.consent_id.map(|id| id.0)
    )?;
    if changed == 1 {
        Ok(())
    } else {
        Err(StoreError::LostUpdate)
    }
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// The final state.
    pub state: SessionState,
    /// Why, as one word of the termination reasons.
    pub reason: Option<String>,
    /// Hash of the one-use code that fetches the result; none when nobody will.
    pub result_code: Option<Digest>,
    /// When.
    pub at: Instant,
}

/// Ends a session once; false when it had ended already, and then nothing changes.
pub async fn finish(tx: &mut Tx, id: LinkSessionId, ending: &Ending) -> Result<bool> {
    let tenant = tx.tenant().0;
    let ended = execute!(
        tx,
        FINISH,
        tenant,
        id.0,
        ending.state.as_str(),
        ending.reason.as_deref(),
        ending.result_code.as_ref().map(<[u8; 32]>::as_slice),
        ending.at.micros()
    )?;
    Ok(ended == 1)
}

/// The ended session whose result code has this hash, once: a second call finds nothing, another
/// tenant's never does.
pub async fn redeem(
    tx: &mut Tx,
    result_code: &Digest,
    now: Instant,
) -> Result<Option<LinkSession>> {
    let tenant = tx.tenant().0;
    fetch_optional!(tx, REDEEM => LinkSession, tenant, result_code.as_slice(), now.micros())
}

/// Living sessions of all tenants whose time is over, the oldest first. Called by the operator.
pub async fn expired(session: &mut Session, now: Instant, limit: u32) -> Result<Vec<LinkSession>> {
    fetch_all!(session, EXPIRED => LinkSession, now.micros(), page(limit))
}
