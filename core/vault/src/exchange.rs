//! From a verified callback to a grant in force: the exchange, what the bank says of the consent,
//! and what is written when it went well or did not.

use std::time::Duration;

use fondaco_connectors::core::{
    Callback, FlowEvent, POLLS_MAX, Phase, Standing, StandingState, WaitFor,
};
use fondaco_model::ids::{GrantId, TenantId};
use fondaco_model::v1::ConsentState;
use fondaco_model::{Date, Fault, FaultKind, Retry, Secret};
use fondaco_store::in_tx;
use fondaco_store::repo::attempt::Attempt;
use fondaco_store::repo::{attempt, consent, grant, link_session, registration};

use crate::attempt::CallbackParams;
use crate::consents::{Step, apply};
use crate::departure::Visitor;
use crate::error::VaultError;
use crate::flow::{Bank, Halt};
use crate::grants;
use crate::jobs::PollPayload;
use crate::kept::open_kept;
use crate::ledger::Actor;
use crate::machine::{ConsentEvent, ExchangeFailure};
use crate::outcome::{self, EndedAs, Finish};
use crate::settle::{Fresh, ask_later, failed, in_force, keep_grant};
use crate::{Inner, Vault};

/// The wait before the bank is asked again after it failed while a consent is polled.
const POLL_AGAIN: Duration = Duration::from_mins(1);

/// What a callback brought.
pub(crate) struct Given {
    pub(crate) code: Option<Secret>,
    params: CallbackParams,
}

impl Given {
    pub(crate) fn code(code: Secret, params: CallbackParams) -> Self {
        Self {
            code: Some(code),
            params,
        }
    }

    pub(crate) fn nothing(params: CallbackParams) -> Self {
        Self { code: None, params }
    }
}

/// What an exchange or a poll came to.
enum Verdict {
    /// In force: with the grant that is new, none when it is stored already, and the last day.
    Good(Option<Fresh>, Option<Date>),
    /// The bank has not decided; it is asked again.
    Wait(Option<Fresh>, (Duration, WaitFor, u16)),
    /// It came to nothing; a new grant has to be revoked.
    Bad(Option<Fresh>, ExchangeFailure),
}

fn failure_of(fault: &Fault) -> ExchangeFailure {
    match fault.kind {
        FaultKind::AuthRevoked => ExchangeFailure::CodeInvalid,
        FaultKind::ConsentExpired => ExchangeFailure::TimedOut,
        FaultKind::ConfigInvalid | FaultKind::Internal | FaultKind::Unsupported => {
            ExchangeFailure::OurError
        }
        FaultKind::AuthExpired
        | FaultKind::UserActionRequired
        | FaultKind::ScopeMissing
        | FaultKind::RateLimited
        | FaultKind::ProviderDown
        | FaultKind::ProviderRejected
        | FaultKind::NotFoundOrGone
        | FaultKind::AccountRestricted
        | FaultKind::SchemaDrift => ExchangeFailure::BankError,
    }
}

impl Vault {
    /// Exchanges what the callback brought, once, and writes what came of it.
    pub(crate) async fn exchange(
        &self,
        of: &Attempt,
        given: &Given,
        visitor: &Visitor,
    ) -> Result<(), VaultError> {
        let mut bank = self.inner.bank_of(of).await?;
        bank.psu = Some(visitor.into());
        let verdict = match self.ask(of, given, &mut bank).await {
            Ok(verdict) => verdict,
            Err(VaultError::Provider(fault)) => {
                tracing::warn!(attempt = %of.id, error = %fault, "exchange failed");
                Verdict::Bad(None, failure_of(&fault))
            }
            Err(error) => {
                tracing::error!(attempt = %of.id, %error, "exchange failed");
                Verdict::Bad(None, ExchangeFailure::OurError)
            }
        };
        self.write_verdict(of, &bank, verdict, true).await
    }

    async fn ask(
        &self,
        of: &Attempt,
        given: &Given,
        bank: &mut Bank<'_>,
    ) -> Result<Verdict, VaultError> {
        let kept = open_kept(&self.inner, of).await?;
        let verifier = kept.verifier()?;
        let event = FlowEvent::Callback(Callback {
            code: given.code.as_ref().map(Secret::expose),
            error: None,
            iss: given.params.iss.as_deref(),
            verifier: &verifier,
        });
        let halt = bank
            .run(Some(&kept.flow), event, "consent.exchange")
            .await?;
        self.weigh(bank, halt).await
    }

    /// What a halt means, after the bank was asked how a granted consent stands.
    async fn weigh(&self, bank: &mut Bank<'_>, halt: Halt) -> Result<Verdict, VaultError> {
        let inner = &self.inner;
        match halt {
            Halt::Granted(grant) => {
                let id = GrantId::new(&inner.effects);
                bank.grant = Some(id);
                bank.consent_ref.clone_from(&grant.bank_consent_ref);
                // The token is not stored yet, and is lent for this one question.
                let _errand = grant
                    .access_token
                    .clone()
                    .map(|token| inner.errand(id, token));
                let standing = match bank.standing("consent.standing").await {
                    Ok(standing) => standing,
                    // The grant is there; what the bank says of its consent is told by reads.
                    Err(fault) => {
                        tracing::warn!(grant = %id, error = %fault, "consent not inquired");
                        None
                    }
                };
                Ok(judge(Some(Fresh { id, grant }), standing, 0))
            }
            Halt::Wait(wait, whom, state) => Ok(Verdict::Wait(None, (wait, whom, state.polls))),
            Halt::Refused(reason) => {
                tracing::info!(reason = reason.as_str(), "bank refused after the return");
                Ok(Verdict::Bad(None, ExchangeFailure::BankError))
            }
            Halt::Revoked => Ok(Verdict::Bad(None, ExchangeFailure::BankError)),
            Halt::Redirect(..) => Ok(Verdict::Bad(None, ExchangeFailure::OurError)),
        }
    }

    /// Asks again how a consent stands that the bank had not decided, and writes what came of it;
    /// as long as it stays undecided the next question is a job. Does nothing when the consent is
    /// decided meanwhile.
    pub async fn poll_consent(
        &self,
        tenant: TenantId,
        payload: PollPayload,
    ) -> Result<(), VaultError> {
        let inner = &self.inner;
        let mut read = inner.db.read(tenant).await?;
        let of = attempt::get(&mut read, payload.attempt)
            .await?
            .ok_or(VaultError::NotFound)?;
        let stored = consent::get(&mut read, of.consent_id)
            .await?
            .ok_or(VaultError::NotFound)?;
        let held = grant::by_consent(&mut read, of.consent_id).await?;
        drop(read);
        if stored.consent.state != ConsentState::Exchanging {
            return Ok(());
        }
        let mut bank = inner.bank_of(&of).await?;
        let asked = if let Some(row) = held {
            let grant = grants::open(inner, tenant, &row).await?;
            bank.grant = Some(row.id);
            bank.consent_ref = grant.bank_consent_ref;
            let _errand = grant.access_token.map(|token| inner.errand(row.id, token));
            let standing = bank.standing("consent.standing").await;
            standing.map(|standing| judge(None, standing, payload.polls + 1))
        } else {
            let kept = open_kept(inner, &of).await?;
            let mut state = kept.flow.at(Phase::Waiting);
            state.polls = payload.polls;
            match bank
                .run(Some(&state), FlowEvent::Poll, "consent.poll")
                .await
            {
                Ok(halt) => Ok(self.weigh(&mut bank, halt).await?),
                Err(fault) => Err(fault),
            }
        };
        let verdict = asked.unwrap_or_else(|fault| {
            let polls = payload.polls + 1;
            match fault.retry {
                Retry::After(wait) if polls < POLLS_MAX => {
                    let again = (wait.max(POLL_AGAIN), WaitFor::Authorisation, polls);
                    Verdict::Wait(None, again)
                }
                _ => Verdict::Bad(None, failure_of(&fault)),
            }
        });
        self.write_verdict(&of, &bank, verdict, false).await
    }

    /// Writes what an exchange came to. `first` says that the attempt's code was exchanged just
    /// now: when the attempt was settled meanwhile, the grant came after the end.
    async fn write_verdict(
        &self,
        of: &Attempt,
        bank: &Bank<'_>,
        verdict: Verdict,
        first: bool,
    ) -> Result<(), VaultError> {
        let inner = &self.inner;
        let code = outcome::result_code(inner, of.tenant_id, of.link_session_id).await?;
        let fresh = match &verdict {
            Verdict::Good(fresh, _) | Verdict::Wait(fresh, _) | Verdict::Bad(fresh, _) => fresh,
        };
        let document = match fresh {
            Some(fresh) => Some((fresh.id, inner.document(of, fresh).await?)),
            None => None,
        };
        let written: Result<bool, VaultError> = in_tx!(inner.db, of.tenant_id, |tx| {
            tx.lock_tenant().await?;
            let word = match &verdict {
                Verdict::Good(..) => "GRANTED",
                Verdict::Wait(..) => "AWAITING_BANK",
                Verdict::Bad(..) => "FAILED",
            };
            if !attempt::settle(tx, of.id, word, None).await? && first {
                return Ok(false);
            }
            let stored = consent::get(tx, of.consent_id).await?;
            let mut stored = stored.ok_or(VaultError::NotFound)?;
            if let Some((id, document)) = &document {
                keep_grant(inner, tx, (of, *id), (&mut stored, document)).await?;
            }
            match &verdict {
                Verdict::Good(_, until) => {
                    let granted = until.or(stored.consent.requested_until);
                    stored.consent.granted_until = granted;
                    in_force(inner, tx, of, (&mut stored, &code)).await?;
                }
                Verdict::Wait(_, (wait, whom, polls)) => {
                    if first && *whom == WaitFor::OtherSignatory {
                        let event = ConsentEvent::BankPartiallyAuthorised;
                        let step = Step::new(&inner.effects, event, Actor::Bank);
                        apply(tx, &mut stored, &step).await?;
                    }
                    ask_later(inner, tx, of, (*wait, *polls)).await?;
                }
                Verdict::Bad(_, failure) => {
                    let failing = (&mut stored, *failure, &code);
                    failed(inner, tx, of.link_session_id, failing).await?;
                }
            }
            Ok(true)
        });
        let written = match written {
            Err(VaultError::Refused(_)) => {
                self.end_overtaken(of).await?;
                false
            }
            other => other?,
        };
        if let (false, Verdict::Good(Some(fresh), _) | Verdict::Wait(Some(fresh), _)) =
            (written, &verdict)
        {
            self.revoke_loose(bank, fresh).await;
        }
        Ok(())
    }

    /// Ends what is left of a flow whose consent ended meanwhile in another way: disconnected,
    /// swept, or taken by another attempt that failed.
    pub(crate) async fn end_overtaken(&self, of: &Attempt) -> Result<(), VaultError> {
        let inner = &self.inner;
        let code = outcome::result_code(inner, of.tenant_id, of.link_session_id).await?;
        in_tx!(inner.db, of.tenant_id, |tx| {
            tx.lock_tenant().await?;
            let stored = consent::get(tx, of.consent_id)
                .await?
                .ok_or(VaultError::NotFound)?;
            if !stored.consent.state.is_terminal() {
                return Ok::<_, VaultError>(());
            }
            attempt::settle(tx, of.id, "OVERTAKEN", None).await?;
            let session = link_session::get(tx, of.link_session_id).await?;
            let session = session.ok_or(VaultError::NotFound)?;
            let finish = Finish {
                ended: EndedAs::Failed,
                reason: stored.consent.reason,
                code: &code,
                actor: Actor::System,
                now: inner.now(),
            };
            outcome::finish(inner, tx, &session, &finish).await?;
            Ok(())
        })
    }

    /// Takes a grant back that came after the end and is stored nowhere.
    async fn revoke_loose(&self, bank: &Bank<'_>, fresh: &Fresh) {
        let token = fresh.grant.access_token.clone();
        let _errand = token.map(|token| self.inner.errand(fresh.id, token));
        let event = FlowEvent::Revoke(&fresh.grant);
        if let Err(fault) = bank.run(None, event, "consent.revoke_late").await {
            tracing::warn!(error = %fault, "late grant not revoked");
        }
    }
}

/// What the bank's word about a consent means for a grant. Where it cannot be asked, or did not
/// answer, the grant speaks for itself; a word that nobody knows is waited out like an open one.
fn judge(fresh: Option<Fresh>, standing: Option<Standing>, polls: u16) -> Verdict {
    const UNDECIDED_WAIT: Duration = Duration::from_mins(6);
    let Some(standing) = standing else {
        return Verdict::Good(fresh, None);
    };
    match standing.state {
        StandingState::Valid => Verdict::Good(fresh, standing.valid_until),
        StandingState::Unknown if polls < POLLS_MAX => {
            Verdict::Wait(fresh, (UNDECIDED_WAIT, WaitFor::Authorisation, polls))
        }
        StandingState::Awaiting | StandingState::PartiallyAuthorised if polls < POLLS_MAX => {
            Verdict::Wait(fresh, (UNDECIDED_WAIT, WaitFor::OtherSignatory, polls))
        }
        StandingState::Awaiting
        | StandingState::PartiallyAuthorised
        | StandingState::Unknown
        | StandingState::Expired => Verdict::Bad(fresh, ExchangeFailure::TimedOut),
        StandingState::Rejected
        | StandingState::RevokedByUser
        | StandingState::RevokedByUs
        | StandingState::RevokedByProvider => Verdict::Bad(fresh, ExchangeFailure::BankError),
    }
}

impl Inner {
    /// The bank that an attempt is for.
    async fn bank_of<'v>(
        self: &'v std::sync::Arc<Self>,
        of: &Attempt,
    ) -> Result<Bank<'v>, VaultError> {
        let mut read = self.db.read(of.tenant_id).await?;
        let with = registration::get(&mut read, of.registration_id).await?;
        drop(read);
        Bank::of(
            self,
            of.tenant_id,
            &with.ok_or(VaultError::NotFound)?.registration,
        )
    }
}
