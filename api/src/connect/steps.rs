//! The steps that a person takes with a form: choose, go on to the bank, cancel.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use fondaco_model::v1::Institution;
use fondaco_store::repo::link_session::SessionState;
use fondaco_vault::{Departure, PageError, Redirect, SessionView, VaultError};
use http::header::{REFRESH, SET_COOKIE};
use http::{HeaderValue, Request};

use super::ConnectState;
use super::form::{self, Form};
use super::pages::{Token, choose_again, tenant_of, text_of};
use super::show;
use super::stop::{Stop, answer, shown, to};
use super::token::{PageToken, form_token};
use super::visit::Visit;
use crate::web::cookie::FlowCookie;
use crate::web::i18n::Locale;
use crate::web::pages::{ChooseProblem, Ended, Handoff, Outcome, Page, Problem};
use crate::web::parts::{LinkAddress, Name};

/// Longest id of an institution that is looked at, in bytes.
const INSTITUTION_BYTES_MAX: usize = 64;

/// What a form asks for.
#[derive(Clone, Copy)]
enum Step {
    Choose,
    GoOn,
    Cancel,
}

/// A form that one of our pages sent, and where the session stands.
struct Sent<'a> {
    state: &'a ConnectState,
    visit: &'a Visit,
    page: &'a PageToken,
    form: Form,
    view: SessionView,
    locale: Locale,
}

/// `POST /connect/{page_token}/choose`.
pub(super) async fn choose(
    State(state): State<ConnectState>,
    token: Token,
    request: Request<Body>,
) -> Response {
    take(&state, token, request, Step::Choose).await
}

/// `POST /connect/{page_token}/continue`.
pub(super) async fn go_on(
    State(state): State<ConnectState>,
    token: Token,
    request: Request<Body>,
) -> Response {
    take(&state, token, request, Step::GoOn).await
}

/// `POST /connect/{page_token}/cancel`.
pub(super) async fn cancel(
    State(state): State<ConnectState>,
    token: Token,
    request: Request<Body>,
) -> Response {
    take(&state, token, request, Step::Cancel).await
}

async fn take(state: &ConnectState, token: Token, request: Request<Body>, step: Step) -> Response {
    let (visit, body) = Visit::of(request);
    let page = match state.admit(&visit, text_of(&token)) {
        Ok(page) => page,
        Err(stop) => return answer(&visit, None, stop),
    };
    let taken = match receive(state, &visit, &page, body).await {
        Ok(sent) => match step {
            Step::Choose => sent.choose().await,
            Step::GoOn => sent.go_on().await,
            Step::Cancel => sent.cancel().await,
        },
        Err(stop) => Err(stop),
    };
    taken.unwrap_or_else(|stop| answer(&visit, Some(&page), stop))
}

async fn receive<'a>(
    state: &'a ConnectState,
    visit: &'a Visit,
    page: &'a PageToken,
    body: Body,
) -> Result<Sent<'a>, Stop> {
    let form = form::read(state, visit, page, body).await?;
    let secret = form.cookie.secret.expose();
    let view = state
        .vault()
        .session_view(page.as_str(), Some(secret))
        .await?;
    let wanted = form.locale.as_deref().or(view.locale.as_deref());
    let locale = Locale::negotiate(wanted, view.locale.as_deref(), &visit.headers);
    Ok(Sent {
        state,
        visit,
        page,
        form,
        view,
        locale,
    })
}

impl Sent<'_> {
    fn secret(&self) -> &str {
        self.form.cookie.secret.expose()
    }

    async fn choose(self) -> Result<Response, Stop> {
        let wanted = self.form.institution.as_deref().unwrap_or_default();
        let vault = self.state.vault();
        let chosen = if wanted.is_empty() || wanted.len() > INSTITUTION_BYTES_MAX {
            Err(PageError::NotConnectable)
        } else {
            vault
                .choose(self.page.as_str(), Some(self.secret()), wanted)
                .await
        };
        match chosen {
            Ok(()) => Ok(to(&self.page.review().in_locale(&self.locale))),
            Err(PageError::NotConnectable) => self.not_available().await,
            Err(error) => Err(error.into()),
        }
    }

    async fn not_available(&self) -> Result<Response, Stop> {
        let wrong = (&self.form.cookie.secret, ChooseProblem::NotAvailable);
        choose_again(self.state, self.page, (&self.view, self.locale), wrong).await
    }

    async fn go_on(self) -> Result<Response, Stop> {
        match self.view.state {
            SessionState::Created | SessionState::Opened | SessionState::AtBank => {}
            SessionState::Exchanging
            | SessionState::Succeeded
            | SessionState::Denied
            | SessionState::Cancelled
            | SessionState::Failed
            | SessionState::Expired => return Err(Stop::ToStart),
        }
        let institution = self.view.institution.as_ref().ok_or(Stop::ToStart)?;
        let text = self.text_agreed(institution)?;
        let visitor = self.visit.visitor();
        let departure = Departure {
            browser: Some(self.secret()),
            visitor: &visitor,
            text_shown_sha256: Some(text),
            locale: Some(self.locale.tag()),
        };
        let left = self
            .state
            .vault()
            .continue_to_bank(self.page.as_str(), &departure)
            .await;
        match left {
            Ok(redirect) => self.handoff(institution, &redirect),
            Err(PageError::NotConnectable) => self.not_available().await,
            Err(PageError::NoAttemptLeft) => self.no_attempt_left(),
            Err(PageError::Vault(VaultError::Provider(fault))) => {
                let request_id = &self.visit.request_id;
                tracing::warn!(request_id, error = %fault, "bank did not begin the consent");
                let failed = (institution.name.as_str(), request_id.as_str());
                let page = show::bank_failed(self.page, tenant_of(&self.view)?, failed);
                Ok(shown(self.locale, false, &page))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The digest of the text that the person agreed to. When the text is another now (a new
    /// name, another last day), the person has not seen it and reads it again.
    fn text_agreed(&self, institution: &Institution) -> Result<[u8; 32], Stop> {
        let tenant = tenant_of(&self.view)?;
        let review = show::review(self.page, tenant, (&self.view, institution), false);
        let text = show::text_shown(self.locale, &review);
        let expected = form_token(&self.form.cookie.secret, Some(&text));
        if self.form.token == expected {
            return Ok(text);
        }
        Err(Problem::FormExpired {
            again: self.page.start(),
        }
        .into())
    }

    /// Leads on without a form: `form-action` would have to name each origin to which the bank
    /// may redirect, and nobody knows them all.
    fn handoff(&self, institution: &Institution, redirect: &Redirect) -> Result<Response, Stop> {
        let bank = LinkAddress::new(redirect.url.clone()).ok_or(Stop::Failed(
            VaultError::Invalid("the bank's address is no web address"),
        ))?;
        let page = Page::Handoff(Handoff {
            tenant: tenant_of(&self.view)?,
            institution: Name::new(&institution.name),
            bank,
        });
        let mut response = shown(self.locale, false, &page);
        let cookie = FlowCookie {
            flow: self.form.cookie.flow.clone(),
            issued_at_s: self.form.cookie.issued_at_s,
            secret: self.form.cookie.secret.clone(),
        };
        let cookie = self.state.scheme().set(&cookie, redirect.cookie_seconds);
        response.headers_mut().append(SET_COOKIE, cookie);
        Ok(response)
    }

    fn no_attempt_left(&self) -> Result<Response, Stop> {
        let page = Page::Ended(Ended {
            tenant: tenant_of(&self.view)?,
            outcome: Outcome::AlreadyUsed,
            back: None,
            retry: None,
        });
        Ok(shown(self.locale, false, &page))
    }

    /// Ends the session and returns to the frontend at once: the page goes on by itself, and its
    /// link does the same where a browser does not.
    async fn cancel(self) -> Result<Response, Stop> {
        let ended = self
            .state
            .vault()
            .cancel(self.page.as_str(), Some(self.secret()))
            .await?;
        let tenant = tenant_of(&self.view)?;
        let mut response = shown(self.locale, false, &show::ended(tenant, &ended));
        let refresh = HeaderValue::from_str(&format!("0; url={}", ended.return_url));
        if let Ok(refresh) = refresh {
            response.headers_mut().insert(REFRESH, refresh);
        }
        Ok(response)
    }
}
