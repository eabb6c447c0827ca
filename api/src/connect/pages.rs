//! The pages of a session that are only looked at: choice, review, waiting, result.

use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use fondaco_model::v1::Institution;
use fondaco_store::repo::link_session::SessionState;
use fondaco_vault::{Browser, EndedAs, SessionView};
use http::header::SET_COOKIE;
use http::{HeaderValue, Request};

use super::ConnectState;
use super::show;
use super::stop::{Stop, answer, shown, to};
use super::token::{PageToken, form_token};
use super::visit::Visit;
use crate::web::cookie::{BindingSecret, FlowCookie, FlowId};
use crate::web::i18n::Locale;
use crate::web::pages::{ChooseProblem, Page, Problem, Shell, Tenant, WORKING_HOLD_MS};
use crate::web::{respond, view};

/// How often a held answer looks whether something changed.
const LOOK_EVERY_MS: u64 = 500;
/// Seconds that a cookie outlives its session's page: the person may still be at the bank.
const COOKIE_GRACE_SECONDS: i64 = 3_600;

pub(super) type Token = Result<Path<String>, PathRejection>;

/// What a page's address asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// The page itself: where the session stands.
    Start,
    /// The review, after a choice that may be changed.
    Review,
    /// The choice.
    Choose,
}

/// `GET /connect/{page_token}`.
pub(super) async fn start(
    State(state): State<ConnectState>,
    token: Token,
    request: Request<Body>,
) -> Response {
    serve(&state, token, request, Wanted::Start).await
}

/// `GET /connect/{page_token}/review`.
pub(super) async fn review(
    State(state): State<ConnectState>,
    token: Token,
    request: Request<Body>,
) -> Response {
    serve(&state, token, request, Wanted::Review).await
}

/// `GET /connect/{page_token}/choose`.
pub(super) async fn choose(
    State(state): State<ConnectState>,
    token: Token,
    request: Request<Body>,
) -> Response {
    serve(&state, token, request, Wanted::Choose).await
}

/// `GET /connect/{page_token}/status`: held while the exchange runs.
pub(super) async fn status(
    State(state): State<ConnectState>,
    token: Token,
    request: Request<Body>,
) -> Response {
    let (visit, _) = Visit::of(request);
    let page = match state.admit(&visit, text_of(&token)) {
        Ok(page) => page,
        Err(stop) => return answer(&visit, None, stop),
    };
    let held = hold(&state, &visit, &page).await;
    held.unwrap_or_else(|stop| answer(&visit, Some(&page), stop))
}

pub(super) fn text_of(token: &Token) -> Option<&str> {
    token.as_ref().ok().map(|Path(text)| text.as_str())
}

async fn serve(
    state: &ConnectState,
    token: Token,
    request: Request<Body>,
    wanted: Wanted,
) -> Response {
    let (visit, _) = Visit::of(request);
    let page = match state.admit(&visit, text_of(&token)) {
        Ok(page) => page,
        Err(stop) => return answer(&visit, None, stop),
    };
    let looked = look(state, &visit, &page, wanted).await;
    looked.unwrap_or_else(|stop| answer(&visit, Some(&page), stop))
}

async fn hold(state: &ConnectState, visit: &Visit, page: &PageToken) -> Result<Response, Stop> {
    let cookie = visit.cookie(state, page);
    let secret = cookie.as_ref().map(|cookie| cookie.secret.expose());
    let mut view = state.vault().session_view(page.as_str(), secret).await?;
    for _ in 0..WORKING_HOLD_MS / LOOK_EVERY_MS {
        if view.state != SessionState::Exchanging || view.browser != Browser::Same {
            break;
        }
        (state.0.pause)(Duration::from_millis(LOOK_EVERY_MS)).await;
        view = state.vault().session_view(page.as_str(), secret).await?;
    }
    let locale = visit.locale(view.locale.as_deref());
    match view.state {
        SessionState::Exchanging => waiting(page, &view, locale),
        _ => Ok(to(&page.start().in_locale(&locale))),
    }
}

async fn look(
    state: &ConnectState,
    visit: &Visit,
    page: &PageToken,
    wanted: Wanted,
) -> Result<Response, Stop> {
    let cookie = visit.cookie(state, page);
    let secret = cookie.as_ref().map(|cookie| cookie.secret.expose());
    let view = state.vault().session_view(page.as_str(), secret).await?;
    let locale = visit.locale(view.locale.as_deref());
    match view.state {
        SessionState::Created | SessionState::Opened | SessionState::AtBank => {
            if view.browser == Browser::Other {
                return Err(Stop::OtherBrowser);
            }
            let choice = Looked {
                page,
                view: &view,
                locale,
                wanted,
            };
            choice.show(state, visit, cookie).await
        }
        SessionState::Exchanging => waiting(page, &view, locale),
        SessionState::Succeeded
        | SessionState::Denied
        | SessionState::Cancelled
        | SessionState::Failed
        | SessionState::Expired => over(state, page, (&view, secret), locale).await,
    }
}

fn waiting(page: &PageToken, view: &SessionView, locale: Locale) -> Result<Response, Stop> {
    if view.browser != Browser::Same {
        return Err(Stop::OtherBrowser);
    }
    let institution = view
        .institution
        .as_ref()
        .map_or("", |known| known.name.as_str());
    let working = show::working(page, tenant_of(view)?, institution);
    Ok(shown(locale, true, &working))
}

/// The last page: the outcome for the browser that walked through it, with the way back. Others
/// learn no outcome.
async fn over(
    state: &ConnectState,
    page: &PageToken,
    (view, secret): (&SessionView, Option<&str>),
    locale: Locale,
) -> Result<Response, Stop> {
    let ended = state.vault().session_ended(page.as_str(), secret).await?;
    // Its time is over and no sweep has said so yet.
    let ended = ended.ok_or(Problem::LinkExpired)?;
    let tenant = tenant_of(view)?;
    let last = if view.browser == Browser::Same {
        show::ended(tenant, &ended)
    } else if ended.ended == EndedAs::Expired {
        return Err(Problem::LinkExpired.into());
    } else {
        show::already_used(tenant, &ended)
    };
    Ok(shown(locale, true, &last))
}

pub(super) fn tenant_of(view: &SessionView) -> Result<Tenant, Stop> {
    let tenant = show::tenant(&view.tenant, view.test);
    let broken = fondaco_vault::VaultError::Invalid("the privacy address is no address");
    tenant.ok_or(Stop::Failed(broken))
}

/// A session with which the person may still go on.
struct Looked<'a> {
    page: &'a PageToken,
    view: &'a SessionView,
    locale: Locale,
    wanted: Wanted,
}

impl Looked<'_> {
    async fn show(
        &self,
        state: &ConnectState,
        visit: &Visit,
        cookie: Option<FlowCookie>,
    ) -> Result<Response, Stop> {
        // Once a consent is recorded, the institution stands.
        let free = self.view.state == SessionState::Created;
        let chosen = self.view.institution.as_ref();
        match (self.wanted, chosen) {
            (Wanted::Start | Wanted::Review, Some(institution)) => {
                let changeable = free && self.wanted == Wanted::Review;
                self.review(state, visit, cookie, (institution, changeable))
            }
            (Wanted::Start | Wanted::Choose, None) => self.choose(state, visit, cookie).await,
            (Wanted::Choose, Some(_)) if free => self.choose(state, visit, cookie).await,
            (Wanted::Choose, Some(_)) | (Wanted::Review, None) => Err(Stop::ToStart),
        }
    }

    fn review(
        &self,
        state: &ConnectState,
        visit: &Visit,
        cookie: Option<FlowCookie>,
        (institution, changeable): (&Institution, bool),
    ) -> Result<Response, Stop> {
        let tenant = tenant_of(self.view)?;
        let review = show::review(self.page, tenant, (self.view, institution), changeable);
        let text = show::text_shown(self.locale, &review);
        let bound = bind(state, visit, (self.page, self.view), cookie);
        let token = form_token(&bound.secret, Some(&text));
        Ok(bound.respond(self.locale, token, &Page::Review(review)))
    }

    async fn choose(
        &self,
        state: &ConnectState,
        visit: &Visit,
        cookie: Option<FlowCookie>,
    ) -> Result<Response, Stop> {
        let query = visit.param("q").unwrap_or_default();
        let problem = show::query_problem(&query);
        let found = match problem {
            None => {
                state
                    .vault()
                    .search_institutions(self.page.as_str(), query.trim())
                    .await?
            }
            Some(_) => Vec::new(),
        };
        let choice = show::choose(self.page, tenant_of(self.view)?, found, (query, problem));
        let bound = bind(state, visit, (self.page, self.view), cookie);
        let token = form_token(&bound.secret, None);
        Ok(bound.respond(self.locale, token, &choice))
    }
}

/// The page of choice again, with what was wrong; the answer to a form.
pub(super) async fn choose_again(
    state: &ConnectState,
    page: &PageToken,
    (view, locale): (&SessionView, Locale),
    (secret, problem): (&BindingSecret, ChooseProblem),
) -> Result<Response, Stop> {
    let found = state.vault().search_institutions(page.as_str(), "").await?;
    let choice = show::choose(
        page,
        tenant_of(view)?,
        found,
        (String::new(), Some(problem)),
    );
    let shell = Shell {
        locale,
        languages: false,
        form_token: Some(form_token(secret, None)),
    };
    Ok(respond::page(view::render(&shell, &choice), &[]))
}

/// The flow's secret in this browser, and the cookies that are set with the page.
struct Bound {
    secret: BindingSecret,
    cookies: Vec<HeaderValue>,
}

/// The cookie that the browser has, or a new one. Nothing is stored: the vault binds the flow to
/// the browser that goes on first, not to the one that looks first.
fn bind(
    state: &ConnectState,
    visit: &Visit,
    (page, view): (&PageToken, &SessionView),
    cookie: Option<FlowCookie>,
) -> Bound {
    if let Some(cookie) = cookie {
        return Bound {
            secret: cookie.secret,
            cookies: Vec::new(),
        };
    }
    let now = state.vault().effects().now();
    let lives = view
        .expires_at
        .seconds_since(now)
        .saturating_add(COOKIE_GRACE_SECONDS);
    let cookie = FlowCookie {
        flow: flow_of(view),
        issued_at_s: u64::try_from(now.micros() / 1_000_000).unwrap_or(0),
        secret: page.secret(&state.vault().browser_secret()),
    };
    let max_age_s = u32::try_from(lives).unwrap_or(0);
    let cookies = state.scheme().begin(&visit.headers, &cookie, max_age_s);
    Bound {
        secret: cookie.secret,
        cookies,
    }
}

fn flow_of(view: &SessionView) -> FlowId {
    FlowId::new(&view.session.to_string()).expect("a session's id has letters, digits and -")
}

impl Bound {
    fn respond(self, locale: Locale, form_token: String, page: &Page) -> Response {
        let shell = Shell {
            locale,
            languages: true,
            form_token: Some(form_token),
        };
        let mut response = respond::page(view::render(&shell, page), &[]);
        for cookie in self.cookies {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response
    }
}
