//! How a person authorises us: a flow as a step function, sans-IO.

use std::fmt;
use std::time::Duration;

use fondaco_model::exchange::{Request, Response};
use fondaco_model::scope::ConsentScope;
use fondaco_model::v1::RefusalReason;
use fondaco_model::{Date, Fault, FaultKind, Secret};
use serde::{Deserialize, Serialize};
use url::Url;

use super::connector::Cx;
use super::pkce::{PkceChallenge, PkceVerifier};

/// Most times that one flow asks the provider how the consent stands.
pub const POLLS_MAX: u16 = 240;

/// A flow that leads from nothing to a grant, keeps it fresh and takes it back.
pub trait ConsentFlow: Send + Sync {
    /// Takes one event at a state and says what to do next. The state of the answer replaces the
    /// one that was passed in; it holds no token.
    ///
    /// # Errors
    /// The provider's fault, `ConfigInvalid` for an incomplete entry or context, `Internal` for an
    /// event that the state does not expect.
    fn step(
        &self,
        cx: &Cx<'_>,
        at: Option<&FlowState>,
        event: FlowEvent<'_>,
    ) -> Result<FlowStep, Fault>;

    /// Describes the question how the consent stands at the provider; none where it cannot be
    /// asked.
    ///
    /// # Errors
    /// `ConfigInvalid` for an incomplete entry.
    fn inquire(&self, _cx: &Cx<'_>) -> Result<Option<Request>, Fault> {
        Ok(None)
    }

    /// Reads the answer to [`inquire`](Self::inquire).
    ///
    /// # Errors
    /// `SchemaDrift` for an answer without the documented shape.
    fn standing(&self, _cx: &Cx<'_>, _response: &Response) -> Result<Standing, Fault> {
        Err(Fault::new(FaultKind::Unsupported, "consent.standing"))
    }
}

/// What happened.
#[derive(Debug)]
pub enum FlowEvent<'a> {
    /// The person wants to go to the provider.
    Begin(Begin<'a>),
    /// The provider answered the request of the last step; with the grant when there is one.
    Response(&'a Response, Option<&'a Grant>),
    /// The person came back; state and browser are already checked.
    Callback(Callback<'a>),
    /// The wait of the last step is over.
    Poll,
    /// The access token is about to expire or was refused.
    Refresh(&'a Grant),
    /// The authorisation is to be taken back at the provider.
    Revoke(&'a Grant),
}

/// The beginning of a flow.
#[derive(Clone, Copy)]
pub struct Begin<'a> {
    /// The one-use value that the callback brings back.
    pub state: &'a str,
    /// The challenge of a verifier that stays with us.
    pub challenge: &'a PkceChallenge,
    /// What the person agreed to share.
    pub scopes: &'a [ConsentScope],
    /// The last day that is asked for; held at the entry's limit.
    pub valid_until: Date,
}

impl fmt::Debug for Begin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Begin(…)")
    }
}

/// The parameters with which the person came back (RFC 6749 section 4.1.2).
#[derive(Clone, Copy)]
pub struct Callback<'a> {
    /// Authorization code.
    pub code: Option<&'a str>,
    /// Error code.
    pub error: Option<&'a str>,
    /// Issuer (RFC 9207).
    pub iss: Option<&'a str>,
    /// The verifier whose challenge the flow began with.
    pub verifier: &'a PkceVerifier,
}

impl fmt::Debug for Callback<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Callback(…)")
    }
}

/// What to do next.
#[derive(Debug)]
pub enum FlowStep {
    /// Send a request and come back with its answer.
    Send(Request, FlowState),
    /// Send the person's browser to an address and come back with the callback.
    Redirect(Url, FlowState),
    /// Wait, then poll.
    Wait(Duration, WaitFor, FlowState),
    /// A grant, new or refreshed. A refreshed one without a refresh token keeps the old one.
    Granted(Grant),
    /// The person or the provider refused.
    Refused(RefusalReason),
    /// The authorisation is gone at the provider.
    Revoked,
}

/// Whom a flow waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitFor {
    /// The person or the provider has not finished.
    Authorisation,
    /// Another signatory has to agree too.
    OtherSignatory,
}

/// Where a flow stands. Kept sealed between steps: it may hold the callback's one-use value.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowState {
    /// What is expected next.
    pub phase: Phase,
    /// The one-use value of the callback, until the person is sent away.
    #[serde(default)]
    pub state: Option<String>,
    /// The PKCE challenge, until the person is sent away.
    #[serde(default)]
    pub challenge: Option<PkceChallenge>,
    /// The provider's id of the consent.
    #[serde(default)]
    pub consent_ref: Option<String>,
    /// How often the provider was asked how the consent stands.
    #[serde(default)]
    pub polls: u16,
}

impl FlowState {
    /// The state of a flow that begins.
    pub fn begin(phase: Phase, begin: &Begin<'_>) -> Self {
        Self {
            phase,
            state: Some(begin.state.to_owned()),
            challenge: Some(begin.challenge.clone()),
            consent_ref: None,
            polls: 0,
        }
    }

    /// The state of a step that concerns an existing grant.
    pub fn of_grant(phase: Phase, grant: &Grant) -> Self {
        Self {
            phase,
            state: None,
            challenge: None,
            consent_ref: grant.bank_consent_ref.clone(),
            polls: 0,
        }
    }

    /// The state while the person is at the provider; the callback's value has done its work and
    /// is kept elsewhere, as a digest only.
    #[must_use]
    pub fn at_provider(&self) -> Self {
        Self {
            state: None,
            challenge: None,
            ..self.at(Phase::AtProvider)
        }
    }

    /// The same state at another phase.
    #[must_use]
    pub fn at(&self, phase: Phase) -> Self {
        Self {
            phase,
            ..self.clone()
        }
    }
}

impl fmt::Debug for FlowState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FlowState({:?})", self.phase)
    }
}

/// What a flow expects next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The answer to the creation of a consent.
    ConsentSent,
    /// The authorization server's description.
    MetadataSent,
    /// The person's return.
    AtProvider,
    /// The answer to the code exchange.
    TokenSent,
    /// The answer to the question how the consent stands.
    StatusSent,
    /// The end of a wait.
    Waiting,
    /// The answer to a refresh.
    RefreshSent,
    /// The answer to the deletion of the consent.
    DeleteSent,
    /// The answer to the revocation of the token.
    RevokeSent,
}

/// What an authorisation gave us, in clear. It is sealed before it is used.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Grant {
    /// Access token; none where the consent itself opens the door.
    pub access_token: Option<Secret>,
    /// Refresh token.
    pub refresh_token: Option<Secret>,
    /// Token type in lower case; `bearer` where the answer left it out.
    pub token_type: Option<String>,
    /// Seconds from the answer until the access token expires.
    pub expires_in: Option<u64>,
    /// Seconds from the answer until the refresh token expires, where the answer states them.
    pub refresh_expires_in: Option<u64>,
    /// Scope as granted, when it is stated.
    pub scope: Option<String>,
    /// The provider's id of the consent.
    pub bank_consent_ref: Option<String>,
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("access_token", &self.access_token.is_some())
            .field("refresh_token", &self.refresh_token.is_some())
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

/// How a consent stands at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its state there.
    pub state: StandingState,
    /// The last day that was granted, when stated.
    pub valid_until: Option<Date>,
}

/// The state of a consent at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandingState {
    /// Not authorised yet.
    Awaiting,
    /// Authorised by some of those who have to.
    PartiallyAuthorised,
    /// Usable.
    Valid,
    /// Refused.
    Rejected,
    /// Its time is over.
    Expired,
    /// Withdrawn by the person at the provider.
    RevokedByUser,
    /// Withdrawn by us.
    RevokedByUs,
    /// Withdrawn by the provider itself.
    RevokedByProvider,
    /// A word that this version does not know: evidence neither for the consent nor against it.
    Unknown,
}
