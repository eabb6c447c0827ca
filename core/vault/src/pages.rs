//! What the hosted pages of a session show and do, up to the step to the bank.

use std::collections::HashSet;

use fondaco_model::ids::LinkSessionId;
use fondaco_model::scope::ConsentScope;
use fondaco_model::v1::{Institution, TerminationReason};
use fondaco_model::{Date, Instant, Secret};
use fondaco_store::repo::institution::{self, Search};
use fondaco_store::repo::link_session::{self, LinkSession, SessionState};
use fondaco_store::repo::tenant::{Details, Mode};
use fondaco_store::repo::{consent, registration};
use fondaco_store::{OPERATOR, Tx, in_tx};

use crate::consents::{Step, apply};
use crate::error::VaultError;
use crate::ledger::Actor;
use crate::machine::ConsentEvent;
use crate::outcome::{self, Ended, EndedAs, Finish};
use crate::seal::{same_secret, secret_token, sha256};
use crate::sessions::StartError;
use crate::{Inner, Vault};

/// Institutions that one search answers at most.
pub const INSTITUTIONS_MAX: u32 = 50;

/// Longest page token that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 128;

/// Why a page cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// Nobody gave out this address.
    #[error("the page is unknown")]
    Unknown,
    /// Another browser opened the page first.
    #[error("the page belongs to another browser")]
    OtherBrowser,
    /// The session is over, or its code is being exchanged: show how it stands.
    #[error("the session does not take this step now")]
    NotNow,
    /// No institution is chosen, or it cannot be connected.
    #[error("the institution cannot be connected")]
    NotConnectable,
    /// Too many attempts were started.
    #[error("no attempt is left")]
    NoAttemptLeft,
    /// Anything else, the institution's faults among it.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl From<fondaco_store::StoreError> for PageError {
    fn from(error: fondaco_store::StoreError) -> Self {
        Self::Vault(error.into())
    }
}

impl fondaco_store::Retryable for PageError {
    fn is_busy(&self) -> bool {
        matches!(self, Self::Vault(error) if error.is_busy())
    }
}

/// Which browser looks at a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Browser {
    /// No browser went on yet.
    Unbound,
    /// The one that went on.
    Same,
    /// Another one.
    Other,
}

/// What the pages of a session show.
#[derive(Debug, Clone)]
pub struct SessionView {
    /// The session; also the name of its flow's cookie.
    pub session: LinkSessionId,
    /// Who asks.
    pub tenant: Details,
    /// True for a test tenant.
    pub test: bool,
    /// The institution, once chosen.
    pub institution: Option<Institution>,
    /// What is to be shared.
    pub scopes: Vec<ConsentScope>,
    /// The first day of history that will be read, when it is known.
    pub history_from: Option<Date>,
    /// The last day of the consent, once an institution is chosen.
    pub until: Option<Date>,
    /// Where the session stands; expired ones say so before a sweep does.
    pub state: SessionState,
    /// Why it ended.
    pub reason: Option<TerminationReason>,
    /// The language in which the person went on to the bank, else the one that the tenant asked
    /// for.
    pub locale: Option<String>,
    /// From when on the page is closed.
    pub expires_at: Instant,
    /// Which browser asks.
    pub browser: Browser,
}

/// An institution of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The institution.
    pub institution: Institution,
    /// True when the tenant has a registration there.
    pub connectable: bool,
}

/// Which browser presents this secret.
pub(crate) fn browser_of(session: &LinkSession, secret: Option<&str>) -> Browser {
    match (&session.browser_hash, secret) {
        (None, _) => Browser::Unbound,
        (Some(bound), Some(secret)) if same_secret(&sha256(secret), bound) => Browser::Same,
        (Some(_), _) => Browser::Other,
    }
}

impl Inner {
    pub(crate) async fn session_of(&self, page_token: &str) -> Result<LinkSession, PageError> {
        if page_token.len() > TOKEN_BYTES_MAX {
            return Err(PageError::Unknown);
        }
        let mut session = self.db.read(OPERATOR).await?;
        let found = link_session::find(&mut session, &sha256(page_token)).await?;
        found.ok_or(PageError::Unknown)
    }
}

impl Vault {
    /// A fresh secret for the cookie of a flow that a browser looks at for the first time. Nothing
    /// is stored: a page that is only looked at binds nobody.
    pub fn browser_secret(&self) -> Secret {
        secret_token(&self.inner.effects, "")
    }

    /// What the pages of a session show; `browser` is the secret of the session's own cookie.
    ///
    /// # Errors
    /// [`PageError::Unknown`] for an address that nobody gave out.
    pub async fn session_view(
        &self,
        page_token: &str,
        browser: Option<&str>,
    ) -> Result<SessionView, PageError> {
        let inner = &self.inner;
        let session = inner.session_of(page_token).await?;
        let owner = inner.tenant_row(session.tenant_id).await?;
        let mut read = inner.db.read(session.tenant_id).await?;
        let institution = match &session.institution_id {
            Some(id) => institution::get(&mut read, id).await?,
            None => None,
        };
        let (now, today) = (inner.now(), inner.now().utc_date());
        let days = |institution: &Institution| today.plus_days(institution.consent_days_max);
        let history = institution
            .as_ref()
            .and_then(|institution| institution.history_days);
        let earliest = history.map(|days| today.plus_days(-days));
        let locale = outcome::locale_of(&mut read, &session).await?;
        let over = !session.state.is_final() && session.expires_at <= now;
        Ok(SessionView {
            session: session.id,
            tenant: owner.details,
            test: owner.mode == Mode::Test,
            until: institution.as_ref().map(days),
            institution,
            history_from: session.history_from.max(earliest),
            state: if over {
                SessionState::Expired
            } else {
                session.state
            },
            reason: session.reason.as_deref().map(TerminationReason::from_word),
            expires_at: session.expires_at,
            browser: browser_of(&session, browser),
            scopes: session.scopes,
            locale,
        })
    }

    /// The last page of a session; none while it goes on.
    ///
    /// # Errors
    /// [`PageError::Unknown`].
    pub async fn session_ended(
        &self,
        page_token: &str,
        browser: Option<&str>,
    ) -> Result<Option<Ended>, PageError> {
        let session = self.inner.session_of(page_token).await?;
        let same = browser_of(&session, browser) == Browser::Same;
        Ok(outcome::ended(&self.inner, &session, same).await?)
    }

    /// Institutions that the tenant reaches whose names hold the words of a text, by name.
    ///
    /// # Errors
    /// [`PageError::Unknown`].
    pub async fn search_institutions(
        &self,
        page_token: &str,
        text: &str,
    ) -> Result<Vec<Choice>, PageError> {
        let inner = &self.inner;
        let session = inner.session_of(page_token).await?;
        let owner = inner.tenant_row(session.tenant_id).await?;
        let mut read = inner.db.read(session.tenant_id).await?;
        let search = Search {
            text: text.to_owned(),
            sandbox: owner.mode == Mode::Test,
            limit: INSTITUTIONS_MAX,
            ..Search::default()
        };
        let found = institution::search(&mut read, &search).await?;
        let registered: HashSet<String> = registration::list(&mut read)
            .await?
            .into_iter()
            .filter(|stored| stored.disabled_at.is_none())
            .map(|stored| stored.registration.institution_id)
            .collect();
        let choice = |institution: Institution| Choice {
            connectable: registered.contains(&institution.id),
            institution,
        };
        Ok(found.into_iter().map(choice).collect())
    }

    /// Chooses the institution of a session that has no consent yet.
    ///
    /// # Errors
    /// [`PageError`].
    pub async fn choose(
        &self,
        page_token: &str,
        browser: Option<&str>,
        institution_id: &str,
    ) -> Result<(), PageError> {
        let inner = &self.inner;
        let session = inner.session_of(page_token).await?;
        if browser_of(&session, browser) == Browser::Other {
            return Err(PageError::OtherBrowser);
        }
        let owner = inner.tenant_row(session.tenant_id).await?;
        let checked = inner
            .check_institution(session.tenant_id, owner.mode, institution_id)
            .await;
        checked.map_err(|error| match error {
            StartError::Vault(error) => PageError::Vault(error),
            _ => PageError::NotConnectable,
        })?;
        let now = inner.now();
        in_tx!(inner.db, session.tenant_id, |tx| {
            tx.lock_tenant().await?;
            let current = link_session::get(tx, session.id)
                .await?
                .ok_or(PageError::Unknown)?;
            let early = matches!(current.state, SessionState::Created | SessionState::Opened);
            let free = current.consent_id.is_none() && current.link_id.is_none();
            if !early || !free || current.expires_at <= now {
                return Err(PageError::NotNow);
            }
            let step = link_session::Step {
                from: current.state,
                to: current.state,
                institution_id: Some(institution_id.to_owned()),
                link_id: None,
                consent_id: None,
            };
            Ok(link_session::proceed(tx, session.id, &step).await?)
        })
    }

    /// Ends a session because the person does not want to go on.
    ///
    /// # Errors
    /// [`PageError::NotNow`] while the code is being exchanged.
    pub async fn cancel(
        &self,
        page_token: &str,
        browser: Option<&str>,
    ) -> Result<Ended, PageError> {
        let inner = &self.inner;
        let session = inner.session_of(page_token).await?;
        let standing = browser_of(&session, browser);
        if standing == Browser::Other {
            return Err(PageError::OtherBrowser);
        }
        let code = outcome::result_code(inner, session.tenant_id, session.id).await?;
        let tenant = session.tenant_id;
        let cancelled = in_tx!(inner.db, tenant, |tx| cancel(inner, tx, session.id, &code)
            .await)?;
        // Unbound, it is the person who holds the page's address and nobody went on before.
        let page = outcome::ended(inner, &cancelled, true).await?;
        page.ok_or(PageError::NotNow)
    }
}

async fn cancel(
    inner: &Inner,
    tx: &mut Tx,
    id: LinkSessionId,
    code: &Secret,
) -> Result<LinkSession, PageError> {
    tx.lock_tenant().await?;
    let session = link_session::get(tx, id).await?.ok_or(PageError::Unknown)?;
    if session.state.is_final() {
        return Ok(session);
    }
    if session.state == SessionState::Exchanging {
        return Err(PageError::NotNow);
    }
    if let Some(id) = session.consent_id
        && let Some(mut stored) = consent::get(tx, id).await?
        && !stored.consent.state.is_terminal()
    {
        let step = Step::new(&inner.effects, ConsentEvent::Cancelled, Actor::EndUser);
        apply(tx, &mut stored, &step).await?;
    }
    let finish = Finish {
        ended: EndedAs::Cancelled,
        reason: Some(TerminationReason::UserCancelled),
        code,
        actor: Actor::EndUser,
        now: inner.now(),
    };
    outcome::finish(inner, tx, &session, &finish).await?;
    link_session::get(tx, id).await?.ok_or(PageError::Unknown)
}
