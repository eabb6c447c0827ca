//! How a session ended, and the address that the person returns to with a one-use result code.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use fondaco_model::ids::{LinkId, LinkSessionId, TenantId};
use fondaco_model::v1::TerminationReason;
use fondaco_model::{Instant, Secret};
use fondaco_store::repo::link_session::{self, Ending, LinkSession, SessionState};
use fondaco_store::repo::tenant::{Details, Mode};
use fondaco_store::repo::{consent, ledger, tenant};
use fondaco_store::{Session, Tx};
use serde_json::json;
use url::Url;

use crate::Inner;
use crate::consents::entry;
use crate::error::VaultError;
use crate::ledger::Actor;
use crate::seal::{HashPurpose, RESULT_CODE, sha256};

/// The parameter of the return address that holds the result code.
pub const RESULT_PARAM: &str = "fondaco_result";

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedAs {
    /// The link works.
    Succeeded,
    /// The person or the bank refused.
    Denied,
    /// The person cancelled on our page.
    Cancelled,
    /// It failed technically.
    Failed,
    /// Its time was over.
    Expired,
}

impl EndedAs {
    /// The word that clients see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "SUCCEEDED",
            Self::Denied => "DENIED",
            Self::Cancelled => "CANCELLED",
            Self::Failed => "FAILED",
            Self::Expired => "EXPIRED",
        }
    }

    /// The end that a session's state is; none while it goes on.
    pub fn of(state: SessionState) -> Option<Self> {
        match state {
            SessionState::Created
            | SessionState::Opened
            | SessionState::AtBank
            | SessionState::Exchanging => None,
            SessionState::Succeeded => Some(Self::Succeeded),
            SessionState::Denied => Some(Self::Denied),
            SessionState::Cancelled => Some(Self::Cancelled),
            SessionState::Failed => Some(Self::Failed),
            SessionState::Expired => Some(Self::Expired),
        }
    }

    pub(crate) fn state(self) -> SessionState {
        match self {
            Self::Succeeded => SessionState::Succeeded,
            Self::Denied => SessionState::Denied,
            Self::Cancelled => SessionState::Cancelled,
            Self::Failed => SessionState::Failed,
            Self::Expired => SessionState::Expired,
        }
    }
}

/// A session that ended, as its last page shows it.
#[derive(Clone)]
pub struct Ended {
    /// The session.
    pub session: LinkSessionId,
    /// Who asked.
    pub tenant: Details,
    /// True for a test tenant.
    pub test: bool,
    /// The institution's name, when one was chosen.
    pub institution: Option<String>,
    /// The language that the tenant asked for, BCP47.
    pub locale: Option<String>,
    /// The link, when there is one.
    pub link: Option<LinkId>,
    /// How it ended.
    pub ended: EndedAs,
    /// Why.
    pub reason: Option<TerminationReason>,
    /// Where the person returns to. It carries the result code for the browser that began.
    pub return_url: Url,
    /// What a person can name to the support: the session's id.
    pub reference: String,
}

impl std::fmt::Debug for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Ended({}, {:?}, {:?})",
            self.session, self.ended, self.reason
        )
    }
}

/// The result code of a session: made of its id with a key, so that a reloaded page has it again
/// although only its digest is stored.
pub(crate) async fn result_code(
    inner: &Inner,
    tenant: TenantId,
    session: LinkSessionId,
) -> Result<Secret, VaultError> {
    let keys = inner.keys.hashes(tenant, HashPurpose::ResultCode).await?;
    let hash = keys.hash(&session.to_string()).hash;
    Ok(Secret::new(format!(
        "{RESULT_CODE}{}",
        BASE64URL.encode(hash)
    )))
}

/// What ends a session.
pub(crate) struct Finish<'a> {
    pub(crate) ended: EndedAs,
    pub(crate) reason: Option<TerminationReason>,
    pub(crate) code: &'a Secret,
    pub(crate) actor: Actor,
    pub(crate) now: Instant,
}

/// Ends a session once, with its entry in the ledger; false when it had ended already.
pub(crate) async fn finish(
    inner: &Inner,
    tx: &mut Tx,
    session: &LinkSession,
    finish: &Finish<'_>,
) -> Result<bool, VaultError> {
    let reason = finish
        .reason
        .as_ref()
        .map(|reason| reason.as_str().to_owned());
    let ending = Ending {
        state: finish.ended.state(),
        reason: reason.clone(),
        result_code: Some(sha256(finish.code.expose())),
        at: finish.now,
    };
    if !link_session::finish(tx, session.id, &ending).await? {
        return Ok(false);
    }
    let facts = json!({ "session": session.id, "as": finish.ended.as_str(), "reason": reason });
    let mut event = entry(&inner.effects, "link_session.ended", finish.actor, &facts)?;
    event.end_user_id = Some(session.end_user_id);
    ledger::append(tx, &event).await?;
    Ok(true)
}

/// The language in which the person went on to the bank, else the one that the tenant asked for.
pub(crate) async fn locale_of(
    read: &mut Session,
    session: &LinkSession,
) -> Result<Option<String>, VaultError> {
    let stored = match session.consent_id {
        Some(id) => consent::get(read, id).await?,
        None => None,
    };
    let agreed = stored.and_then(|stored| stored.locale);
    Ok(agreed.or_else(|| session.locale.clone()))
}

/// The last page of a session; none while it goes on. `same_browser` decides whether the return
/// address carries the result code.
pub(crate) async fn ended(
    inner: &Inner,
    session: &LinkSession,
    same_browser: bool,
) -> Result<Option<Ended>, VaultError> {
    let Some(ended) = EndedAs::of(session.state) else {
        return Ok(None);
    };
    let mut read = inner.db.read(session.tenant_id).await?;
    let owner = tenant::get(&mut read).await?.ok_or(VaultError::NotFound)?;
    let locale = locale_of(&mut read, session).await?;
    drop(read);
    let mut return_url = Url::parse(&session.return_url)
        .map_err(|_| VaultError::Invalid("the session's return address is no address"))?;
    if same_browser {
        let code = result_code(inner, session.tenant_id, session.id).await?;
        return_url
            .query_pairs_mut()
            .append_pair(RESULT_PARAM, code.expose());
    }
    let manifest = session
        .institution_id
        .as_deref()
        .and_then(|id| inner.catalogue.manifest(id));
    Ok(Some(Ended {
        session: session.id,
        tenant: owner.details,
        test: owner.mode == Mode::Test,
        institution: manifest.map(|manifest| manifest.name.clone()),
        locale,
        link: session.link_id,
        ended,
        reason: session.reason.as_deref().map(TerminationReason::from_word),
        return_url,
        reference: session.id.to_string(),
    }))
}
