//! One call with everything the layers need to know about it, and its answer.

use std::fmt;
use std::time::Duration;

use fondaco_model::exchange::{Request, Response, ResponseHead};
use fondaco_model::ids::{AccountSourceId, ConsentId, TenantId};
use fondaco_model::provider::Manifest;
use fondaco_model::{Fault, FaultKind, Instant};
use url::{Origin, Url};

use crate::BodySink;

/// Largest answer in bytes that is collected in memory unless a call says otherwise.
const COLLECTED_BYTES_MAX: u64 = 8 << 20;

/// What a manifest says about where and how its institution may be reached.
#[derive(Debug, Clone)]
pub struct Target {
    /// The manifest's id: names the institution in faults, spans, limits and the breaker.
    pub institution: String,
    /// True when loopback addresses may be reached, also without TLS.
    pub sandbox: bool,
    /// The only origin that an access token is sent to.
    pub api: Option<Origin>,
    /// The only origins that client credentials are sent to: token and revocation endpoint.
    pub auth: Vec<Origin>,
    /// Requests in any minute that one credential may make; 0 counts as 1.
    pub requests_per_minute: u32,
    /// Largest answer in bytes that is read at all.
    pub answer_bytes_max: u64,
}

impl Target {
    /// The target that a manifest describes.
    pub fn of(manifest: &Manifest) -> Self {
        let auth = [&manifest.auth.token_url, &manifest.auth.revoke_url];
        Self {
            institution: manifest.id.clone(),
            sandbox: manifest.sandbox,
            api: manifest.base_url.as_ref().map(Url::origin),
            auth: auth.into_iter().flatten().map(Url::origin).collect(),
            requests_per_minute: manifest.limits.requests_per_minute,
            answer_bytes_max: manifest.limits.answer_bytes_max,
        }
    }
}

/// On whose behalf a call is made.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// The tenant.
    pub tenant: TenantId,
    /// Key of the credential that pays for the call, such as a grant's or a registration's id;
    /// never the credential itself.
    pub credential: &'a str,
}

/// A day's allowance that each attempt of a call draws on: readings without a person are few for
/// each consent, account and endpoint (RTS on SCA, Article 36(5)(b)).
#[derive(Debug, Clone, Copy)]
pub struct DayBudget {
    /// The consent that is used.
    pub consent: ConsentId,
    /// The account that is read; none for the list of accounts.
    pub account_source: Option<AccountSourceId>,
    /// The endpoint as a fixed word.
    pub operation: &'static str,
    /// Attempts in 24 hours.
    pub per_day: u32,
}

/// One logical call: it may take several attempts.
#[derive(Clone)]
pub struct Call<'a> {
    /// What to send.
    pub request: Request,
    /// The operation as a fixed word.
    pub op: &'static str,
    /// The institution.
    pub target: &'a Target,
    /// On whose behalf.
    pub caller: Caller<'a>,
    /// When the whole call, waits and retries included, has to be over.
    pub deadline: Instant,
    /// True when sending it twice does no harm.
    pub replayable: bool,
    /// Largest answer in bytes; a larger one is a fault.
    pub answer_bytes_max: u64,
    /// The day's allowance to draw on, where there is one.
    pub budget: Option<DayBudget>,
    /// Takes a successful answer's body; without it the body is collected.
    pub sink: Option<&'a dyn BodySink>,
}

impl<'a> Call<'a> {
    /// A call whose answer is collected, at most 8 MiB or what the target allows.
    ///
    /// It is replayable when its method is safe (RFC 9110 section 9.2.1).
    pub fn new(
        request: Request,
        op: &'static str,
        target: &'a Target,
        caller: Caller<'a>,
        deadline: Instant,
    ) -> Self {
        Self {
            replayable: request.method.is_safe(),
            request,
            op,
            target,
            caller,
            deadline,
            answer_bytes_max: target.answer_bytes_max.min(COLLECTED_BYTES_MAX),
            budget: None,
            sink: None,
        }
    }

    /// The same call with its answer streamed into a sink, up to what the target allows.
    #[must_use]
    pub fn spooled(mut self, sink: &'a dyn BodySink) -> Self {
        self.sink = Some(sink);
        self.answer_bytes_max = self.target.answer_bytes_max;
        self
    }

    /// The same call, drawing on a day's allowance.
    #[must_use]
    pub fn budgeted(mut self, budget: DayBudget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// What is left until the deadline.
    pub(crate) fn remaining(&self, now: Instant) -> Duration {
        let micros = self.deadline.micros().saturating_sub(now.micros());
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    /// A fault of this call that names its institution.
    pub(crate) fn fault(&self, kind: FaultKind, reason: &str) -> Fault {
        Fault::new(kind, self.op)
            .with("institution", self.target.institution.as_str())
            .with("reason", reason)
    }

    /// A fault that arose before anything of the request left this process.
    pub(crate) fn unsent(&self, kind: FaultKind, reason: &str) -> Fault {
        self.fault(kind, reason).with("sent", "no")
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The request may hold tokens by now; method and size of the answer are enough.
        f.debug_struct("Call")
            .field("op", &self.op)
            .field("institution", &self.target.institution)
            .field("method", &self.request.method)
            .field("replayable", &self.replayable)
            .field("spooled", &self.sink.is_some())
            .finish_non_exhaustive()
    }
}

/// The body of an answer.
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    /// All of it.
    Whole(Vec<u8>),
    /// It went into the call's sink.
    Spooled {
        /// Its size.
        bytes: u64,
    },
}

/// What came back.
#[derive(Clone)]
pub struct Answer {
    /// Status and headers.
    pub head: ResponseHead,
    /// The body.
    pub body: Body,
}

impl Answer {
    /// The answer as a whole response.
    ///
    /// # Errors
    /// [`FaultKind::Internal`] when the body went into a sink: the caller asked for that.
    pub fn into_response(self) -> Result<Response, Fault> {
        match self.body {
            Body::Whole(body) => Ok(Response {
                head: self.head,
                body,
            }),
            Body::Spooled { .. } => Err(Fault::new(FaultKind::Internal, "transport.answer")
                .with("reason", "body_was_spooled")),
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (way, bytes) = match &self.body {
            Body::Whole(body) => ("whole", body.len() as u64),
            Body::Spooled { bytes } => ("spooled", *bytes),
        };
        write!(f, "Answer({}, {bytes} bytes {way})", self.head.status)
    }
}
