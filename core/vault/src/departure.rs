//! The step to the bank: link and consent are recorded, the bank is told, the person is sent on.

use std::net::IpAddr;
use std::sync::Arc;

use fondaco_connectors::core::{Begin, FlowEvent, FlowState, PkceVerifier, Psu};
use fondaco_model::ids::{AttemptId, ConsentId, LinkId, LinkSessionId};
use fondaco_model::{Fault, FaultKind, Instant, Secret};
use fondaco_store::repo::attempt::Attempt;
use fondaco_store::repo::consent::StoredConsent;
use fondaco_store::repo::link_session::{self, LinkSession, SessionState};
use fondaco_store::repo::registration::StoredRegistration;
use fondaco_store::repo::{attempt, consent, link, registration};
use fondaco_store::{Tx, in_tx};
use url::Url;

use crate::attempt::{ATTEMPT_SECONDS_DEFAULT, NewAttempt};
use crate::consents::{Step, apply};
use crate::error::VaultError;
use crate::flow::{Bank, Halt};
use crate::grants;
use crate::kept::seal_kept;
use crate::ledger::Actor;
use crate::machine::{ATTEMPTS_MAX, ConsentEvent};
use crate::pages::{Browser, PageError, browser_of};
use crate::records::{personal_part, record};
use crate::seal::{DataKey, Ring, Subject, sha256};
use crate::{Inner, Vault};

/// The person as the server sees them.
#[derive(Clone, PartialEq, Eq)]
pub struct Visitor {
    /// The address that the person's browser speaks from.
    pub ip: IpAddr,
    /// The browser's own description.
    pub user_agent: Option<String>,
}

impl std::fmt::Debug for Visitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Visitor(…)")
    }
}

impl From<&Visitor> for Psu {
    fn from(visitor: &Visitor) -> Self {
        Self {
            ip: visitor.ip,
            user_agent: visitor.user_agent.clone(),
        }
    }
}

/// The person's decision to go on.
#[derive(Debug, Clone)]
pub struct Departure<'a> {
    /// The secret of the session's own cookie, when the browser presents one.
    pub browser: Option<&'a str>,
    /// Who goes on.
    pub visitor: &'a Visitor,
    /// SHA-256 of the text that the person saw and agreed to.
    pub text_shown_sha256: Option<[u8; 32]>,
    /// The language of that text, BCP47.
    pub locale: Option<&'a str>,
}

/// Where the person goes.
#[derive(Clone)]
pub struct Redirect {
    /// The bank's address; answered with 303 and never logged, because it carries the state.
    pub url: Url,
    /// The session, which names the flow's cookie.
    pub session: LinkSessionId,
    /// The cookie's secret.
    pub cookie: Secret,
    /// Seconds that the cookie has to live.
    pub cookie_seconds: u32,
}

impl std::fmt::Debug for Redirect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redirect({})", self.session)
    }
}

/// What is known before the bank is spoken to.
struct Prepared {
    session: LinkSession,
    consent: StoredConsent,
}

/// What the bank and the dice gave.
struct Leaving {
    secrets: NewAttempt,
    url: Url,
    flow: FlowState,
}

impl Vault {
    /// Sends the person to the bank. Link and consent are recorded first; then the bank is told;
    /// then the attempt is kept, whose state the callback brings back. A double click makes a
    /// second attempt of the same consent; both are good until one of them comes back.
    ///
    /// # Errors
    /// [`PageError`]; the bank's fault leaves the consent where it was, so that the person may try
    /// again.
    pub async fn continue_to_bank(
        &self,
        page_token: &str,
        departure: &Departure<'_>,
    ) -> Result<Redirect, PageError> {
        let inner = &self.inner;
        let session = inner.session_of(page_token).await?;
        let _one = inner.departures.hold(session.id.0).await;
        let secret = match (browser_of(&session, departure.browser), departure.browser) {
            (Browser::Other, _) => return Err(PageError::OtherBrowser),
            (_, Some(secret)) => Secret::new(secret),
            (_, None) => self.browser_secret(),
        };
        let tenant = session.tenant_id;
        let registration = inner.registration_of(&session).await?;
        let key = inner
            .keys
            .of_subject(tenant, Ring::Token, Subject::EndUser(session.end_user_id))
            .await
            .map_err(VaultError::from)?;
        let prepared = self
            .prepare(&session, &registration, (&key, &secret))
            .await?;
        let mut bank = Bank::of(inner, tenant, &registration.registration)?;
        bank.psu = Some(departure.visitor.into());
        let leaving = begin(inner, &bank, &prepared).await?;
        self.leave(
            &prepared,
            (&bank, &registration),
            (&key, &leaving),
            (departure, &secret),
        )
        .await?;
        let lives = prepared.session.expires_at.seconds_since(inner.now()) + attempt_seconds(&bank);
        Ok(Redirect {
            url: leaving.url,
            session: session.id,
            cookie: secret,
            cookie_seconds: u32::try_from(lives).unwrap_or(0),
        })
    }

    /// Binds the browser and records link and consent, once per session.
    async fn prepare(
        &self,
        session: &LinkSession,
        registration: &StoredRegistration,
        (key, secret): (&Arc<DataKey>, &Secret),
    ) -> Result<Prepared, PageError> {
        let inner = &self.inner;
        let browser = sha256(secret.expose());
        let fresh = (LinkId::new(&inner.effects), ConsentId::new(&inner.effects));
        in_tx!(inner.db, session.tenant_id, |tx| {
            tx.lock_tenant().await?;
            let session = going_on(tx, session.id, inner.now()).await?;
            if !link_session::bind_browser(tx, session.id, &browser, inner.now()).await? {
                return Err(PageError::OtherBrowser);
            }
            let attempts = attempt::count(tx, session.id).await?;
            if attempts >= i64::from(ATTEMPTS_MAX) {
                return Err(PageError::NoAttemptLeft);
            }
            let consent = match session.consent_id {
                Some(id) => consent::get(tx, id).await?.ok_or(VaultError::NotFound)?,
                None => record(inner, tx, (&session, registration, key), fresh).await?,
            };
            let session = link_session::get(tx, session.id)
                .await?
                .ok_or(PageError::Unknown)?;
            Ok(Prepared { session, consent })
        })
    }

    /// Keeps the attempt and moves consent and session on, in one transaction.
    async fn leave(
        &self,
        prepared: &Prepared,
        (bank, registration): (&Bank<'_>, &StoredRegistration),
        (key, leaving): (&Arc<DataKey>, &Leaving),
        (departure, secret): (&Departure<'_>, &Secret),
    ) -> Result<(), PageError> {
        let inner = &self.inner;
        let tenant = prepared.session.tenant_id;
        let (id, now) = (AttemptId::new(&inner.effects), inner.now());
        let stored_attempt = Attempt {
            id,
            tenant_id: tenant,
            link_session_id: prepared.session.id,
            consent_id: prepared.consent.consent.id,
            registration_id: registration.registration.id,
            state_hash: sha256(leaving.secrets.state.expose()),
            browser_hash: sha256(secret.expose()),
            flow_sealed: seal_kept(inner, key, (tenant, id), (&leaving.flow, &leaving.secrets))?,
            code_sealed: None,
            data_key_id: key.label().id,
            expected_issuer: bank.manifest.auth.issuer.clone(),
            iss_required: bank.manifest.auth.iss_required,
            created_at: now,
            expires_at: now.plus_seconds(attempt_seconds(bank)),
            used_at: None,
            outcome: None,
            error_code: None,
        };
        let consent_id = prepared.consent.consent.id;
        let reference = leaving.flow.consent_ref.as_deref();
        let seal = |text| grants::seal_bank_consent(inner, key, (tenant, consent_id), text);
        let reference = reference.map(seal).transpose()?;
        let personal = personal_part(inner, &prepared.session, departure.visitor).await?;
        in_tx!(inner.db, tenant, |tx| {
            tx.lock_tenant().await?;
            let session = going_on(tx, prepared.session.id, now).await?;
            let attempts = attempt::count(tx, session.id).await?;
            let attempts_before = u32::try_from(attempts).unwrap_or(u32::MAX);
            let stored = consent::get(tx, consent_id).await?;
            let mut stored = stored.ok_or(VaultError::NotFound)?;
            stored.bank_consent_sealed.clone_from(&reference);
            stored.data_key_id = key.label().id;
            stored.text_shown_sha256 = departure.text_shown_sha256;
            stored.locale = departure.locale.map(str::to_owned);
            let event = ConsentEvent::LinkOpened { attempts_before };
            let mut step = Step::new(&inner.effects, event, Actor::EndUser);
            step.request_id = session.request_id.as_deref();
            step.personal = Some(personal.clone());
            apply(tx, &mut stored, &step).await.map_err(refused)?;
            attempt::insert(tx, &stored_attempt).await?;
            let next = link_session::Step {
                from: session.state,
                to: SessionState::AtBank,
                institution_id: session.institution_id.clone(),
                link_id: session.link_id,
                consent_id: session.consent_id,
            };
            Ok(link_session::proceed(tx, session.id, &next).await?)
        })
    }
}

fn refused(error: VaultError) -> PageError {
    use crate::machine::Refused;
    match error {
        VaultError::Refused(Refused::NoAttemptLeft) => PageError::NoAttemptLeft,
        VaultError::Refused(_) => PageError::NotNow,
        other => PageError::Vault(other),
    }
}

fn attempt_seconds(bank: &Bank<'_>) -> i64 {
    let own = bank.manifest.auth.authorise_seconds_max;
    own.map_or(ATTEMPT_SECONDS_DEFAULT, i64::from)
}

/// The session, when a person may still go on with it.
async fn going_on(tx: &mut Tx, id: LinkSessionId, now: Instant) -> Result<LinkSession, PageError> {
    let session = link_session::get(tx, id).await?.ok_or(PageError::Unknown)?;
    match session.state {
        SessionState::Created | SessionState::Opened | SessionState::AtBank
            if session.expires_at > now =>
        {
            Ok(session)
        }
        _ => Err(PageError::NotNow),
    }
}

/// Tells the bank and gets the address that the person goes to.
async fn begin(inner: &Inner, bank: &Bank<'_>, prepared: &Prepared) -> Result<Leaving, PageError> {
    let secrets = NewAttempt::generate(&inner.effects);
    let verifier = PkceVerifier::from_text(secrets.verifier.expose())
        .ok_or(VaultError::Document("verifier"))?;
    let challenge = verifier.challenge();
    let consent = &prepared.consent.consent;
    let today = inner.now().utc_date();
    let event = FlowEvent::Begin(Begin {
        state: secrets.state.expose(),
        challenge: &challenge,
        scopes: &consent.scopes,
        valid_until: consent.requested_until.unwrap_or(today),
    });
    match bank
        .run(None, event, "consent.begin")
        .await
        .map_err(VaultError::from)?
    {
        Halt::Redirect(url, flow) => Ok(Leaving { secrets, url, flow }),
        Halt::Wait(..) | Halt::Granted(_) | Halt::Refused(_) | Halt::Revoked => {
            let fault =
                Fault::new(FaultKind::Unsupported, "consent.begin").with("reason", "no_redirect");
            Err(VaultError::from(fault).into())
        }
    }
}

impl Inner {
    /// The registration that a session's institution is spoken to with: a renewed link's own
    /// while it is in use, else the one for new links.
    async fn registration_of(
        &self,
        session: &LinkSession,
    ) -> Result<StoredRegistration, PageError> {
        let institution = session
            .institution_id
            .as_deref()
            .ok_or(PageError::NotConnectable)?;
        let mut read = self.db.read(session.tenant_id).await?;
        if let Some(id) = session.link_id
            && let Some(stored) = link::get(&mut read, id).await?
            && let Some(own) = registration::get(&mut read, stored.registration_id).await?
            && own.disabled_at.is_none()
        {
            return Ok(own);
        }
        let found = registration::for_institution(&mut read, institution).await?;
        found.ok_or(PageError::NotConnectable)
    }
}
