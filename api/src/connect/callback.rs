//! `GET /callback/{registration}`: the person comes back from the bank.
//!
//! The address carries code and state, so that nothing is shown under it to the browser that
//! began: it is sent on to the session's own page, which has neither. Only others, whose cookie is
//! missing, are answered here.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use fondaco_model::ids::{LinkSessionId, RegistrationId};
use fondaco_vault::{CallbackOutcome, Ended, VaultError, Visitor};
use http::{HeaderMap, Method, Request};
use tracing::Instrument as _;
use url::form_urlencoded;

use super::ConnectState;
use super::method;
use super::pages::{Token, text_of};
use super::show;
use super::stop::{Stop, answer, shown, to};
use super::token::PageToken;
use super::visit::Visit;
use crate::web::i18n::Locale;
use crate::web::pages::{Page, Problem};

/// How long the answer waits for the exchange before the waiting page is shown.
const EXCHANGE_WAIT_MS: u64 = 2_000;

/// What the browser brought.
#[derive(Clone)]
struct Brought {
    registration: RegistrationId,
    query: String,
    secrets: Vec<String>,
    visitor: Visitor,
}

pub(super) async fn callback(
    State(state): State<ConnectState>,
    registration: Token,
    request: Request<Body>,
) -> Response {
    if request.method() == Method::HEAD {
        // A look that must not use the state up.
        return method::not_allowed(method::GET_ONLY);
    }
    let (visit, _) = Visit::of(request);
    let taken = receive(&state, &visit, text_of(&registration)).await;
    taken.unwrap_or_else(|stop| answer(&visit, None, stop))
}

async fn receive(
    state: &ConnectState,
    visit: &Visit,
    registration: Option<&str>,
) -> Result<Response, Stop> {
    state.admit_peer(visit)?;
    let registration = registration.and_then(|text| text.parse().ok());
    let registration = registration.ok_or(Problem::NotFound)?;
    if is_prefetch(&visit.headers) {
        return Err(Problem::NotFound.into());
    }
    let cookies = state.scheme().read(&visit.headers);
    let brought = Brought {
        registration,
        query: visit.query.clone(),
        secrets: cookies
            .iter()
            .map(|cookie| cookie.secret.expose().to_owned())
            .collect(),
        visitor: visit.visitor(),
    };
    let outcome = judged(state, brought).await?;
    let page_of = |session: LinkSessionId| {
        let session = session.to_string();
        let own = cookies
            .iter()
            .find(|cookie| cookie.flow.as_str() == session);
        own.and_then(PageToken::of)
    };
    match outcome {
        CallbackOutcome::Exchanging(working) => match page_of(working.session) {
            Some(page) => Ok(to(page.status().as_str())),
            None => Err(Stop::OtherBrowser),
        },
        CallbackOutcome::Ended(ended) | CallbackOutcome::AlreadyUsed(ended) => {
            match page_of(ended.session) {
                Some(page) => Ok(to(page.start().as_str())),
                None => already_used(visit, &ended),
            }
        }
        CallbackOutcome::OtherBrowser => Err(Stop::OtherBrowser),
        CallbackOutcome::Forged => Err(Problem::NotFound.into()),
    }
}

/// A browser that fetches ahead of a click says so (HTML, navigational prefetching).
fn is_prefetch(headers: &HeaderMap) -> bool {
    ["sec-purpose", "purpose"].iter().any(|name| {
        let value = headers.get(*name).and_then(|value| value.to_str().ok());
        value.is_some_and(|text| text.trim_start().starts_with("prefetch"))
    })
}

/// The outcome, or how it stands when the exchange takes longer. The work goes on in a task of its
/// own, so that neither a slow bank nor a browser that goes away cuts it.
async fn judged(state: &ConnectState, brought: Brought) -> Result<CallbackOutcome, Stop> {
    let mut first = begin(state, brought.clone());
    let wait = (state.0.pause)(Duration::from_millis(EXCHANGE_WAIT_MS));
    let early = tokio::select! {
        biased;
        done = &mut first => Some(done),
        () = wait => None,
    };
    let done = if let Some(done) = early {
        done
    } else {
        // Of the same callback twice only one uses the state up and exchanges; the other says at
        // once how it stands.
        let second = begin(state, brought);
        tokio::select! {
            done = first => done,
            done = second => done,
        }
    };
    match done {
        Ok(outcome) => Ok(outcome?),
        Err(_) => Err(Stop::Failed(VaultError::Invalid(
            "the callback's task stopped",
        ))),
    }
}

fn begin(
    state: &ConnectState,
    brought: Brought,
) -> tokio::task::JoinHandle<Result<CallbackOutcome, VaultError>> {
    let vault = state.vault().clone();
    let called = async move {
        let Brought {
            registration,
            query,
            secrets,
            visitor,
        } = brought;
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let cookies: Vec<&str> = secrets.iter().map(String::as_str).collect();
        vault
            .callback(registration, pairs, (&cookies, &visitor))
            .await
    };
    tokio::spawn(called.in_current_span())
}

fn already_used(visit: &Visit, ended: &Ended) -> Result<Response, Stop> {
    let tenant = show::tenant(&ended.tenant, ended.test);
    let tenant = tenant.ok_or(VaultError::Invalid("the privacy address is no address"))?;
    let locale = Locale::negotiate(None, ended.locale.as_deref(), &visit.headers);
    let page: Page = show::already_used(tenant, ended);
    Ok(shown(locale, false, &page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefetch_is_told_by_its_headers() {
        for (name, value, expected) in [
            ("sec-purpose", "prefetch", true),
            ("sec-purpose", "prefetch;prerender", true),
            ("purpose", "prefetch", true),
            ("sec-fetch-mode", "navigate", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(is_prefetch(&headers), expected, "{name}: {value}");
        }
    }
}
