//! The consent state machine: which event moves a consent where, and what has to follow.
//!
//! Pure: it reads no store and no clock. `docs/specs/consent.md` shows it as a table and a
//! picture; both are made from the table that the tests compare with this code.

mod event;
mod flow;
mod life;

pub use event::{
    AuthEvidence, ConsentEvent, ConsentSignal, Effect, ExchangeFailure, FlowFailure, Notice,
    signal_of,
};

use fondaco_model::Instant;
use fondaco_model::v1::{ConsentState, TerminationReason};

/// Attempts at the bank that one consent may start, each in its own browser flow.
pub const ATTEMPTS_MAX: u32 = 5;

/// Seconds that must lie between two refused calls before they count as evidence: 5 minutes.
pub const EVIDENCE_SECONDS_MIN: i64 = 300;

/// What an event does to a consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The state after it; the same as before where only effects follow.
    pub to: ConsentState,
    /// Why, where the new state needs a reason. A state without one has none stored; where the
    /// state stays, the stored reason stays too.
    pub reason: Option<TerminationReason>,
    /// What has to follow, in this order. Whatever writes is one transaction with the new state.
    pub effects: Vec<Effect>,
}

/// Why an event does nothing to a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The consent has ended; nothing changes it any more. A grant that arrives after the end
    /// is revoked at the bank and never stored.
    #[error("the consent has ended")]
    Terminal,
    /// The event does not happen in this state: a double click, a late answer, a forged step.
    #[error("the event does not belong to the consent's state")]
    NotNow,
    /// The moment that the event speaks of has not come.
    #[error("the time for this has not come")]
    TooEarly,
    /// [`ATTEMPTS_MAX`] attempts were started.
    #[error("no attempt is left")]
    NoAttemptLeft,
}

/// The states that can still change. A match over them has an arm for each.
#[derive(Clone, Copy)]
enum Live {
    Created,
    Awaiting,
    Partial,
    Exchanging,
    Active,
    ReconfirmDue,
    Reauth,
    Suspended,
}

impl Live {
    fn of(state: ConsentState) -> Option<Self> {
        match state {
            ConsentState::Created => Some(Self::Created),
            ConsentState::AwaitingAuthorisation => Some(Self::Awaiting),
            ConsentState::PartiallyAuthorised => Some(Self::Partial),
            ConsentState::Exchanging => Some(Self::Exchanging),
            ConsentState::Active => Some(Self::Active),
            ConsentState::ReconfirmDue => Some(Self::ReconfirmDue),
            ConsentState::ReauthRequired => Some(Self::Reauth),
            ConsentState::Suspended => Some(Self::Suspended),
            ConsentState::Rejected
            | ConsentState::Abandoned
            | ConsentState::Failed
            | ConsentState::Expired
            | ConsentState::Revoked
            | ConsentState::Superseded => None,
        }
    }

    fn state(self) -> ConsentState {
        match self {
            Self::Created => ConsentState::Created,
            Self::Awaiting => ConsentState::AwaitingAuthorisation,
            Self::Partial => ConsentState::PartiallyAuthorised,
            Self::Exchanging => ConsentState::Exchanging,
            Self::Active => ConsentState::Active,
            Self::ReconfirmDue => ConsentState::ReconfirmDue,
            Self::Reauth => ConsentState::ReauthRequired,
            Self::Suspended => ConsentState::Suspended,
        }
    }

    /// Effects without a change of state.
    fn stay(self, effects: impl Into<Vec<Effect>>) -> Answer {
        go(self.state(), effects)
    }
}

type Answer = Result<Transition, Refused>;

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is the answer of an arm among refusals"
)]
fn go(to: ConsentState, effects: impl Into<Vec<Effect>>) -> Answer {
    Ok(Transition {
        to,
        reason: None,
        effects: effects.into(),
    })
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is the answer of an arm among refusals"
)]
fn end(to: ConsentState, reason: TerminationReason, effects: impl Into<Vec<Effect>>) -> Answer {
    Ok(Transition {
        to,
        reason: Some(reason),
        effects: effects.into(),
    })
}

/// Says what an event does to a consent in a state.
///
/// # Errors
/// [`Refused`] when it does nothing; the caller then writes nothing.
pub fn transition(
    state: ConsentState,
    event: &ConsentEvent,
    now: Instant,
) -> Result<Transition, Refused> {
    use ConsentEvent as E;
    let live = Live::of(state).ok_or(Refused::Terminal)?;
    match event {
        E::LinkOpened { attempts_before } => flow::link_opened(live, *attempts_before),
        E::Cancelled => flow::cancelled(live),
        E::BankPartiallyAuthorised => flow::bank_partially_authorised(live),
        E::CallbackVerified => flow::callback_verified(live),
        E::AuthorisationRefused(reason) => flow::attempt_ended(
            live,
            ConsentState::Rejected,
            event::reason_of_refusal(*reason),
        ),
        E::AuthorisationFailed(failure) => {
            flow::attempt_ended(live, ConsentState::Failed, failure.reason())
        }
        E::DeadlinePassed { deadline } if now < *deadline => Err(Refused::TooEarly),
        E::DeadlinePassed { deadline: _ } => flow::deadline_passed(live),
        E::ExchangeSucceeded => flow::exchange_succeeded(live),
        E::ExchangeFailed(failure) => flow::exchange_failed(live, *failure),
        E::GrantRefreshed => life::grant_refreshed(live),
        E::ReadSucceeded => life::read_succeeded(live),
        E::AuthFailed(evidence) => life::auth_failed(live, *evidence, now),
        E::ReconfirmationDue { due } if now < *due => Err(Refused::TooEarly),
        E::ReconfirmationDue { due: _ } => life::reconfirmation_due(live),
        E::Reconfirmed => life::reconfirmed(live),
        // The last granted day is a day of the consent.
        E::ExpiryReached { granted_until } if now.utc_date() <= *granted_until => {
            Err(Refused::TooEarly)
        }
        E::ExpiryReached { granted_until: _ } => life::expiry_reached(live),
        E::BankExpired => life::bank_expired(live),
        E::Suspended => life::suspended(live),
        E::Resumed => life::resumed(live),
        E::Superseded => life::superseded(live),
        E::Revoked(by) => life::revoked(live, *by),
    }
}

#[cfg(test)]
mod tests;
