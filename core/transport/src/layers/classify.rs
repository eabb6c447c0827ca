//! Layer 9: reads an answer as success or as a fault; the only status-code table of the system.

use std::sync::Arc;
use std::time::Duration;

use fondaco_model::exchange::{Credential, Response, ResponseHead};
use fondaco_model::{Effects, Fault, FaultKind, Instant, Retry};
use futures_util::future::BoxFuture;

use crate::{Answer, Body, Call, Layer, Transport, http_date};

/// Longest wait that an answer can ask for; a longer one is cut and remarked in the fault.
pub const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);

/// A provider's own reading of an answer.
pub trait Classifier: Send + Sync {
    /// The fault that a collected answer, of any status, stands for; none leaves it to the shared
    /// table. A wait of zero is replaced by the one that the answer's headers state.
    fn classify(&self, call: &Call<'_>, response: &Response) -> Option<Fault>;
}

/// Turns answers into faults: the provider's reading first, then the shared table.
#[derive(Clone)]
pub struct Classify {
    effects: Effects,
    classifier: Arc<dyn Classifier>,
}

impl Classify {
    /// A layer that asks `classifier` first.
    pub fn new(effects: Effects, classifier: Arc<dyn Classifier>) -> Self {
        Self {
            effects,
            classifier,
        }
    }

    fn judge(&self, call: &Call<'_>, answer: Answer) -> Result<Answer, Fault> {
        let Answer {
            head,
            body: Body::Whole(body),
        } = answer
        else {
            return Ok(answer);
        };
        let response = Response { head, body };
        let own = self.classifier.classify(call, &response);
        let Some(mut fault) = own.or_else(|| shared(call, &response)) else {
            return Ok(Answer {
                head: response.head,
                body: Body::Whole(response.body),
            });
        };
        if fault.get("institution").is_none() {
            fault = fault.with("institution", call.target.institution.as_str());
        }
        fault = fault.with("status", response.head.status.as_u16().to_string());
        if let Retry::After(Duration::ZERO) = fault.retry {
            fault = waiting(fault, &response.head, self.effects.now());
        }
        Err(fault)
    }
}

/// The meaning of a status code where the provider gives no other; none for success.
///
/// Sources: RFC 9110 section 15, RFC 6585, RFC 6750 section 3.1, RFC 6749 section 5.2.
pub fn shared(call: &Call<'_>, response: &Response) -> Option<Fault> {
    use FaultKind::{
        AuthExpired, ConfigInvalid, NotFoundOrGone, ProviderDown, ProviderRejected, RateLimited,
        ScopeMissing, Unsupported,
    };
    let again = |kind, reason| call.fault(kind, reason).after(Duration::ZERO);
    let client = call.request.credential == Credential::Client;
    let status = response.head.status.as_u16();
    if let Some(fault) = oauth(call, response).filter(|_| client && (400..500).contains(&status)) {
        return Some(fault);
    }
    Some(match status {
        200..=299 => return None,
        300..=399 => call.fault(ProviderRejected, "redirect"),
        401 if client => call.fault(ConfigInvalid, "client_refused"),
        401 if call.request.credential == Credential::Grant => {
            call.fault(AuthExpired, "unauthorized")
        }
        403 if insufficient_scope(&response.head) => call.fault(ScopeMissing, "insufficient_scope"),
        404 | 410 => call.fault(NotFoundOrGone, "not_found"),
        405 | 501 => call.fault(Unsupported, "not_supported"),
        408 => again(ProviderDown, "timeout"),
        425 => again(ProviderDown, "too_early"),
        429 => again(RateLimited, "provider_limit"),
        ..=199 | 400..=499 => call.fault(ProviderRejected, "status"),
        _ => again(ProviderDown, "status"),
    })
}

/// The error of a token endpoint, when it states one of the standard's words.
fn oauth(call: &Call<'_>, response: &Response) -> Option<Fault> {
    #[derive(serde::Deserialize)]
    struct Stated {
        error: String,
    }
    let stated: Stated = serde_json::from_slice(&response.body).ok()?;
    let (kind, word, again) = match stated.error.as_str() {
        "invalid_grant" => (FaultKind::AuthRevoked, "invalid_grant", false),
        "access_denied" => (FaultKind::AuthRevoked, "access_denied", false),
        "invalid_client" => (FaultKind::ConfigInvalid, "invalid_client", false),
        "unauthorized_client" => (FaultKind::ConfigInvalid, "unauthorized_client", false),
        "invalid_request" => (FaultKind::ProviderRejected, "invalid_request", false),
        "unsupported_grant_type" => (FaultKind::Unsupported, "unsupported_grant_type", false),
        "unsupported_token_type" => (FaultKind::Unsupported, "unsupported_token_type", false),
        "invalid_scope" => (FaultKind::ScopeMissing, "invalid_scope", false),
        "temporarily_unavailable" => (FaultKind::ProviderDown, "temporarily_unavailable", true),
        "server_error" => (FaultKind::ProviderDown, "server_error", true),
        // Any other word is the provider's text and does not go into a fault.
        _ => return None,
    };
    let fault = call.fault(kind, word);
    Some(if again {
        fault.after(Duration::ZERO)
    } else {
        fault
    })
}

fn insufficient_scope(head: &ResponseHead) -> bool {
    let challenges = head.headers.get_all(http::header::WWW_AUTHENTICATE);
    let mut texts = challenges.iter().filter_map(|value| value.to_str().ok());
    texts.any(|text| text.contains("insufficient_scope"))
}

/// The fault with the wait that the headers ask for, if they do.
fn waiting(fault: Fault, head: &ResponseHead, now: Instant) -> Fault {
    match stated_wait(head, now) {
        Some(wait) if wait > RETRY_AFTER_MAX => {
            let asked = wait.as_secs().to_string();
            fault
                .after(RETRY_AFTER_MAX)
                .with("retry_after_cut_from_s", asked)
        }
        Some(wait) => fault.after(wait),
        None => fault,
    }
}

/// `Retry-After` in seconds or as a date, else the reset of a `RateLimit` field.
fn stated_wait(head: &ResponseHead, now: Instant) -> Option<Duration> {
    if let Some(wait) = head.retry_after() {
        return Some(wait);
    }
    if let Some(until) = head.header("retry-after").and_then(http_date::parse) {
        // By the provider's own clock where it states one, so that ours may differ.
        let now = head
            .header("date")
            .and_then(http_date::parse)
            .unwrap_or(now);
        let seconds = u64::try_from(until.seconds_since(now)).unwrap_or(0);
        return Some(Duration::from_secs(seconds));
    }
    // draft-ietf-httpapi-ratelimit-headers: `"name";r=0;t=30`, earlier `limit=9, reset=30`.
    let field = head.header("ratelimit")?;
    let mut parts = field.split([';', ',']).map(str::trim);
    let reset = parts.find_map(|part| {
        part.strip_prefix("t=")
            .or_else(|| part.strip_prefix("reset="))
    })?;
    reset.parse().ok().map(Duration::from_secs)
}

impl Layer for Classify {
    fn name(&self) -> &'static str {
        "classify"
    }

    fn wrap(&self, inner: Arc<dyn Transport>) -> Arc<dyn Transport> {
        Arc::new(Classified {
            inner,
            classify: self.clone(),
        })
    }
}

struct Classified {
    inner: Arc<dyn Transport>,
    classify: Classify,
}

impl Transport for Classified {
    fn send<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(async move {
            let answer = self.inner.send(call.clone()).await?;
            self.classify.judge(&call, answer)
        })
    }
}

#[cfg(test)]
mod tests;
