//! Runs a family's consent flow: asks it for steps, sends what it describes, hands it the answers.

use std::sync::Arc;
use std::time::Duration;

use fondaco_connectors::core::{
    Client, ConsentFlow, Cx, FlowEvent, FlowState, FlowStep, Grant, Phase, Psu, Standing, WaitFor,
};
use fondaco_model::exchange::{Credential, Request, Response, ResponseHead};
use fondaco_model::ids::{GrantId, RegistrationId, TenantId};
use fondaco_model::provider::Manifest;
use fondaco_model::v1::{RefusalReason, Registration};
use fondaco_model::{Fault, FaultKind};
use fondaco_transport::{Call, Caller, Target};
use url::Url;

use crate::Inner;
use crate::error::VaultError;

/// Requests that one event may lead to.
const STEPS_MAX: usize = 8;

/// Seconds that one request of a flow may take, waits included.
pub(crate) const CALL_SECONDS: i64 = 20;

/// Where a flow halts.
pub(crate) enum Halt {
    /// The person goes to the bank.
    Redirect(Url, FlowState),
    /// The bank is asked again later.
    Wait(Duration, WaitFor, FlowState),
    /// A grant, new or refreshed.
    Granted(Grant),
    /// The person or the bank refused.
    Refused(RefusalReason),
    /// The authorisation is gone at the bank.
    Revoked,
}

/// One institution as it is spoken to on behalf of one tenant with one registration.
pub(crate) struct Bank<'v> {
    inner: &'v Arc<Inner>,
    pub(crate) manifest: Arc<Manifest>,
    flow: &'static dyn ConsentFlow,
    pub(crate) client: Client,
    registration: RegistrationId,
    tenant: TenantId,
    /// The person, while present.
    pub(crate) psu: Option<Psu>,
    /// The grant that pays for calls under it.
    pub(crate) grant: Option<GrantId>,
    /// The bank's own id of the consent.
    pub(crate) consent_ref: Option<String>,
}

impl<'v> Bank<'v> {
    /// # Errors
    /// [`VaultError::NotConnectable`] when no entry describes the institution or its family has
    /// no consent.
    pub(crate) fn of(
        inner: &'v Arc<Inner>,
        tenant: TenantId,
        registration: &Registration,
    ) -> Result<Self, VaultError> {
        let id = &registration.institution_id;
        let refused = || VaultError::NotConnectable(id.clone());
        let manifest = inner.catalogue.manifest(id).ok_or_else(refused)?;
        let flow = inner.catalogue.flow(&manifest).ok_or_else(refused)?;
        let redirect_uri = Url::parse(&registration.redirect_uri).map_err(|_| refused())?;
        Ok(Self {
            inner,
            manifest,
            flow,
            client: Client {
                id: registration.client_id.clone(),
                redirect_uri,
            },
            registration: registration.id,
            tenant,
            psu: None,
            grant: None,
            consent_ref: None,
        })
    }

    fn cx(&self) -> Cx<'_> {
        Cx {
            manifest: &self.manifest,
            now: self.inner.now(),
            client: Some(&self.client),
            consent_ref: self.consent_ref.as_deref(),
            psu: self.psu.as_ref(),
        }
    }

    /// Takes an event and goes on until the flow halts.
    ///
    /// # Errors
    /// The bank's fault, or `Internal` when the flow does not halt.
    pub(crate) async fn run(
        &self,
        at: Option<&FlowState>,
        event: FlowEvent<'_>,
        op: &'static str,
    ) -> Result<Halt, Fault> {
        let grant = match &event {
            FlowEvent::Revoke(grant) | FlowEvent::Refresh(grant) => Some(*grant),
            FlowEvent::Begin(_)
            | FlowEvent::Response(..)
            | FlowEvent::Callback(_)
            | FlowEvent::Poll => None,
        };
        let mut step = self.flow.step(&self.cx(), at, event)?;
        for _ in 0..STEPS_MAX {
            let (request, state) = match step {
                FlowStep::Send(request, state) => (request, state),
                FlowStep::Redirect(url, state) => return Ok(Halt::Redirect(url, state)),
                FlowStep::Wait(wait, whom, state) => return Ok(Halt::Wait(wait, whom, state)),
                FlowStep::Granted(grant) => return Ok(Halt::Granted(grant)),
                FlowStep::Refused(reason) => return Ok(Halt::Refused(reason)),
                FlowStep::Revoked => return Ok(Halt::Revoked),
            };
            let response = match self.send(request, op).await {
                Err(fault) if is_gone(state.phase, &fault) => gone(),
                sent => sent?,
            };
            let event = FlowEvent::Response(&response, grant);
            step = self.flow.step(&self.cx(), Some(&state), event)?;
        }
        Err(Fault::new(FaultKind::Internal, op).with("reason", "flow_does_not_halt"))
    }

    /// Asks how the consent stands at the bank; none where the bank cannot be asked.
    pub(crate) async fn standing(&self, op: &'static str) -> Result<Option<Standing>, Fault> {
        let Some(request) = self.flow.inquire(&self.cx())? else {
            return Ok(None);
        };
        let response = self.send(request, op).await?;
        self.flow.standing(&self.cx(), &response).map(Some)
    }

    /// Sends one harmless request to the base address; any HTTP answer is good.
    ///
    /// # Errors
    /// The fault of an institution that did not answer, `ConfigInvalid` for an entry without base
    /// address.
    pub(crate) async fn knock(&self, op: &'static str) -> Result<(), Fault> {
        let base = self.manifest.base_url.clone();
        let base = base.ok_or_else(|| {
            Fault::new(FaultKind::ConfigInvalid, op).with("reason", "no_base_url")
        })?;
        let mut request = Request::new(http::Method::GET, base);
        request.credential = Credential::Anonymous;
        match self.send(request, op).await {
            Err(fault) if fault.get("status").is_none() => Err(fault),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    async fn send(&self, request: Request, op: &'static str) -> Result<Response, Fault> {
        let credential = match (request.credential, self.grant) {
            (Credential::Grant, Some(grant)) => grant.to_string(),
            _ => self.registration.to_string(),
        };
        let target = Target::of(&self.manifest);
        let caller = Caller {
            tenant: self.tenant,
            credential: &credential,
        };
        let deadline = self.inner.now().plus_seconds(CALL_SECONDS);
        let call = Call::new(request, op, &target, caller, deadline);
        self.inner.transport.send(call).await?.into_response()
    }
}

/// True when a fault says that what was to be taken back is not there any more.
fn is_gone(phase: Phase, fault: &Fault) -> bool {
    let gone = matches!(
        fault.kind,
        FaultKind::NotFoundOrGone | FaultKind::ConsentExpired | FaultKind::AuthRevoked
    );
    match phase {
        Phase::DeleteSent => gone,
        Phase::RevokeSent => fault.kind == FaultKind::AuthRevoked,
        _ => false,
    }
}

/// The answer that stands for such a fault, so that the flow itself decides how to go on.
fn gone() -> Response {
    Response {
        head: ResponseHead {
            status: http::StatusCode::NO_CONTENT,
            headers: http::HeaderMap::new(),
        },
        body: Vec::new(),
    }
}
