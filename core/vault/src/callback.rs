//! Callbacks: judged, consumed once, and only then exchanged.

use fondaco_model::ids::{LinkSessionId, RegistrationId};
use fondaco_model::provider::AuthScheme;
use fondaco_model::v1::TerminationReason;
use fondaco_model::{Instant, Secret};
use fondaco_store::repo::attempt::{Attempt, Consumption};
use fondaco_store::repo::link_session::{self, LinkSession, SessionState};
use fondaco_store::repo::tenant::{Details, Mode};
use fondaco_store::repo::{attempt, consent, job, registration, tenant};
use fondaco_store::{OPERATOR, in_tx};
use tracing::Instrument as _;

use crate::attempt::{CallbackParams, CallbackVerdict, IssuerRule, StoredAttempt, verify_callback};
use crate::consents::{Step, apply};
use crate::departure::Visitor;
use crate::error::VaultError;
use crate::exchange::Given;
use crate::jobs::{self, AttemptPayload};
use crate::kept::attempt_place;
use crate::ledger::Actor;
use crate::machine::{ConsentEvent, Refused};
use crate::outcome::{self, Ended, EndedAs, Finish};
use crate::seal::{same_secret, seal_text, sha256};
use crate::{Inner, Vault, flow, seal};

/// Cookies of a browser that are compared at most.
const COOKIES_MAX: usize = 64;

/// Seconds after which an exchange that nobody finished counts as interrupted; longer than all
/// calls of an exchange together.
pub const EXCHANGE_SECONDS_MAX: i64 = 6 * flow::CALL_SECONDS;

/// A session whose code is being exchanged, or whose bank has not decided.
#[derive(Debug, Clone)]
pub struct Working {
    /// The session.
    pub session: LinkSessionId,
    /// Who asked.
    pub tenant: Details,
    /// True for a test tenant.
    pub test: bool,
    /// The institution's name.
    pub institution: String,
    /// The language that the tenant asked for, BCP47.
    pub locale: Option<String>,
}

/// What a callback's page shows.
#[derive(Debug, Clone)]
pub enum CallbackOutcome {
    /// It is not decided yet: show a page that looks again.
    Exchanging(Box<Working>),
    /// The session ended with this callback.
    Ended(Box<Ended>),
    /// The callback was used before, and this is how the session ended.
    AlreadyUsed(Box<Ended>),
    /// Another browser than the one that left: nothing happened; go on in the first one.
    OtherBrowser,
    /// No bank made this in answer to a person of ours. Nothing happened.
    Forged,
}

impl Vault {
    /// Takes a callback that came to a registration's redirect URI: the decoded pairs of its query
    /// and the secrets of all flow cookies that the browser presents.
    ///
    /// The state is used up and the code kept, sealed, in one transaction before the exchange. The
    /// exchange runs in a task of its own: a browser that goes away does not cut it.
    ///
    /// # Errors
    /// [`VaultError`]; what the bank refuses is an outcome, not an error.
    pub async fn callback<N: AsRef<str>, V: AsRef<str>>(
        &self,
        registration_id: RegistrationId,
        pairs: impl IntoIterator<Item = (N, V)>,
        (cookies, visitor): (&[&str], &Visitor),
    ) -> Result<CallbackOutcome, VaultError> {
        let inner = &self.inner;
        let Ok(params) = CallbackParams::from_pairs(pairs) else {
            return Ok(CallbackOutcome::Forged);
        };
        let Some(of) = inner.attempt_of(&params, registration_id).await? else {
            return Ok(CallbackOutcome::Forged);
        };
        let cookie = cookies
            .iter()
            .take(COOKIES_MAX)
            .find(|cookie| same_secret(&sha256(cookie), &of.browser_hash));
        match inner.judge(&of, &params, cookie.copied()).await? {
            CallbackVerdict::Forged => Ok(CallbackOutcome::Forged),
            CallbackVerdict::OtherBrowser => Ok(CallbackOutcome::OtherBrowser),
            CallbackVerdict::AlreadyUsed => self.standing_of(&of, cookie.is_some()).await,
            CallbackVerdict::Expired => self.too_late(&of).await,
            verdict @ (CallbackVerdict::Denied(_)
            | CallbackVerdict::BankError(_)
            | CallbackVerdict::IssuerMismatch) => self.refused(&of, &verdict, &params).await,
            CallbackVerdict::Exchange(code) => {
                self.verified(of, Given::code(code, params), visitor).await
            }
            CallbackVerdict::Returned => self.verified(of, Given::nothing(params), visitor).await,
        }
    }

    /// Uses the state up, then exchanges.
    async fn verified(
        &self,
        of: Attempt,
        given: Given,
        visitor: &Visitor,
    ) -> Result<CallbackOutcome, VaultError> {
        if !self.consume(&of, given.code.as_ref()).await? {
            self.end_overtaken(&of).await?;
            return self.standing_of(&of, true).await;
        }
        let (vault, visitor) = (self.clone(), visitor.clone());
        let taken = of.clone();
        let exchange = async move { vault.exchange(&taken, &given, &visitor).await };
        let task = tokio::spawn(exchange.in_current_span());
        if let Ok(done) = task.await {
            done?;
        } else {
            // Its watch ends the session.
            tracing::error!(attempt = %of.id, "exchange stopped");
        }
        match self.standing_of(&of, true).await? {
            CallbackOutcome::AlreadyUsed(ended) => Ok(CallbackOutcome::Ended(ended)),
            other => Ok(other),
        }
    }

    /// State used up, code kept, consent and session at the exchange, and a job that ends it when
    /// this process does not: one transaction. False when another callback was first.
    async fn consume(&self, of: &Attempt, code: Option<&Secret>) -> Result<bool, VaultError> {
        let inner = &self.inner;
        let key = inner.keys.by_id(of.tenant_id, of.data_key_id).await?;
        let place = attempt_place(of.tenant_id, of.id, (seal::purpose::CODE, "code_sealed"));
        let seal = |code: &Secret| seal_text(&inner.effects, &key, &place, code.expose());
        let sealed = code.map(seal).transpose()?;
        let now = inner.now();
        let due = now.plus_seconds(EXCHANGE_SECONDS_MAX);
        let payload = AttemptPayload { attempt: of.id };
        let watch = jobs::new(&inner.effects, jobs::SETTLE_INTERRUPTED, &payload, due);
        match in_tx!(inner.db, of.tenant_id, |tx| {
            tx.lock_tenant().await?;
            let taken = attempt::consume(tx, &of.state_hash, &of.browser_hash, now).await?;
            let Consumption::Taken(taken) = taken else {
                return Ok(false);
            };
            let session = link_session::get(tx, taken.link_session_id).await?;
            let session = session.ok_or(VaultError::NotFound)?;
            let mut stored = consent::get(tx, taken.consent_id).await?;
            let stored = stored.as_mut().ok_or(VaultError::NotFound)?;
            if session.state != SessionState::AtBank {
                return Err(Refused::NotNow.into());
            }
            let event = ConsentEvent::CallbackVerified;
            let mut step = Step::new(&inner.effects, event, Actor::Bank);
            step.request_id = session.request_id.as_deref();
            apply(tx, stored, &step).await?;
            if let Some(sealed) = &sealed {
                attempt::keep_code(tx, taken.id, sealed, key.label().id).await?;
            }
            link_session::proceed(tx, session.id, &to(&session, SessionState::Exchanging)).await?;
            job::enqueue(tx, &watch).await?;
            Ok(true)
        }) {
            // Another attempt of the same consent came back first.
            Err(VaultError::Refused(_)) => Ok(false),
            done => done,
        }
    }

    /// The bank said no, failed, or is not the one that was asked: the attempt, the consent and
    /// the session end.
    async fn refused(
        &self,
        of: &Attempt,
        verdict: &CallbackVerdict,
        params: &CallbackParams,
    ) -> Result<CallbackOutcome, VaultError> {
        let Some(event) = verdict.event() else {
            return Ok(CallbackOutcome::Forged);
        };
        let error = params.error.as_ref().map(|error| error.as_str().to_owned());
        let (ended, word) = match verdict {
            CallbackVerdict::Denied(_) => (EndedAs::Denied, "DENIED"),
            CallbackVerdict::IssuerMismatch => (EndedAs::Failed, "ISSUER_MISMATCH"),
            _ => (EndedAs::Failed, "BANK_ERROR"),
        };
        self.close(of, (event, Actor::Bank), (ended, word, error.as_deref()))
            .await
    }

    async fn too_late(&self, of: &Attempt) -> Result<CallbackOutcome, VaultError> {
        let event = ConsentEvent::DeadlinePassed {
            deadline: of.expires_at,
        };
        self.close(
            of,
            (event, Actor::System),
            (EndedAs::Expired, "TOO_LATE", None),
        )
        .await
    }

    async fn close(
        &self,
        of: &Attempt,
        (event, actor): (ConsentEvent, Actor),
        (ended, word, error): (EndedAs, &str, Option<&str>),
    ) -> Result<CallbackOutcome, VaultError> {
        let inner = &self.inner;
        let code = outcome::result_code(inner, of.tenant_id, of.link_session_id).await?;
        let now = inner.now();
        in_tx!(inner.db, of.tenant_id, |tx| {
            tx.lock_tenant().await?;
            // A state that came too late is not used up, but its attempt is settled all the same.
            attempt::consume(tx, &of.state_hash, &of.browser_hash, now).await?;
            if !attempt::settle(tx, of.id, word, error).await? {
                return Ok::<_, VaultError>(());
            }
            let session = link_session::get(tx, of.link_session_id).await?;
            let session = session.ok_or(VaultError::NotFound)?;
            let mut stored = consent::get(tx, of.consent_id).await?;
            let stored = stored.as_mut().ok_or(VaultError::NotFound)?;
            let step = Step::new(&inner.effects, event, actor);
            match apply(tx, stored, &step).await {
                // The consent went on with another attempt; only this one ends.
                Err(VaultError::Refused(_)) => return Ok(()),
                other => other?,
            };
            let finish = Finish {
                ended,
                reason: stored
                    .consent
                    .reason
                    .clone()
                    .or(Some(TerminationReason::TimedOut)),
                code: &code,
                actor,
                now,
            };
            outcome::finish(inner, tx, &session, &finish).await?;
            Ok(())
        })?;
        match self.standing_of(of, true).await? {
            CallbackOutcome::AlreadyUsed(ended) => Ok(CallbackOutcome::Ended(ended)),
            other => Ok(other),
        }
    }

    /// How the session of an attempt stands: what a reloaded callback shows.
    async fn standing_of(
        &self,
        of: &Attempt,
        same_browser: bool,
    ) -> Result<CallbackOutcome, VaultError> {
        let inner = &self.inner;
        let mut read = inner.db.read(of.tenant_id).await?;
        let session = link_session::get(&mut read, of.link_session_id).await?;
        let session = session.ok_or(VaultError::NotFound)?;
        let owner = tenant::get(&mut read).await?.ok_or(VaultError::NotFound)?;
        let locale = outcome::locale_of(&mut read, &session).await?;
        drop(read);
        if let Some(ended) = outcome::ended(inner, &session, same_browser).await? {
            return Ok(CallbackOutcome::AlreadyUsed(Box::new(ended)));
        }
        let id = session.institution_id.unwrap_or_default();
        let manifest = inner.catalogue.manifest(&id);
        Ok(CallbackOutcome::Exchanging(Box::new(Working {
            session: session.id,
            tenant: owner.details,
            test: owner.mode == Mode::Test,
            institution: manifest.map_or(id, |manifest| manifest.name.clone()),
            locale,
        })))
    }
}

/// The step of a session to another state, with everything else as it is.
pub(crate) fn to(session: &LinkSession, state: SessionState) -> link_session::Step {
    link_session::Step {
        from: session.state,
        to: state,
        institution_id: session.institution_id.clone(),
        link_id: session.link_id,
        consent_id: session.consent_id,
    }
}

impl Inner {
    /// The attempt that a callback's state names, when it left with this redirect URI.
    async fn attempt_of(
        &self,
        params: &CallbackParams,
        registration_id: RegistrationId,
    ) -> Result<Option<Attempt>, VaultError> {
        let Some(state) = &params.state else {
            return Ok(None);
        };
        let mut session = self.db.read(OPERATOR).await?;
        let found = attempt::find(&mut session, &sha256(state.expose())).await?;
        Ok(found.filter(|of| of.registration_id == registration_id))
    }

    async fn judge(
        &self,
        of: &Attempt,
        params: &CallbackParams,
        cookie: Option<&str>,
    ) -> Result<CallbackVerdict, VaultError> {
        let mut read = self.db.read(of.tenant_id).await?;
        let with = registration::get(&mut read, of.registration_id).await?;
        drop(read);
        let with = with.ok_or(VaultError::NotFound)?.registration;
        let manifest = self.catalogue.manifest(&with.institution_id);
        let scheme = manifest.map_or(AuthScheme::Oauth2, |manifest| manifest.auth.scheme);
        let stored = StoredAttempt {
            state_hash: of.state_hash,
            binding_hash: of.browser_hash,
            expires_at: of.expires_at,
            // An attempt that was settled is over, however it ended.
            used_at: of
                .used_at
                .or(of.outcome.as_ref().map(|_| Instant::from_micros(0))),
            expects_code: scheme == AuthScheme::Oauth2,
        };
        let issuer = IssuerRule {
            expected: of.expected_issuer.as_deref(),
            required: of.iss_required,
        };
        Ok(verify_callback(&stored, params, cookie, issuer, self.now()))
    }
}
