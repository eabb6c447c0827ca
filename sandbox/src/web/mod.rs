//! The bank's own pages: log in, approve or deny. They work without JavaScript.

mod answer;
mod form;
pub(crate) mod page;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use crate::data::{PASSWORD, PEOPLE};
use crate::oauth::parameters;
use crate::secret;
use crate::state::{Flow, Shared, Visit};

use form::Form;

const COOKIE: &str = "sandbox_bank";
const CSS: &str = include_str!("bank.css");

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/", get(home))
        .route("/bank.css", get(css))
        .route("/bank/login", get(show_login).post(log_in))
        .route("/bank/approve", get(show_approve).post(answer::decide))
}

/// Sends a browser on with a GET, whatever it came with.
pub(crate) fn see_other(to: &str) -> Response {
    let headers = [
        (header::LOCATION, to),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// To the login page of a flow, which from now on belongs to this browser.
pub(crate) fn to_login(flow: &str, browser: &str) -> Response {
    let cookie = format!("{COOKIE}={browser}; Path=/; HttpOnly; SameSite=Lax");
    let mut response = see_other(&format!("/bank/login?flow={flow}"));
    if let Ok(value) = cookie.parse() {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}

/// The value of the bank's cookie.
pub(crate) fn browser_of(headers: &HeaderMap) -> Option<String> {
    let cookies = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, value)| *name == COOKIE && is_browser_id(value))
        .map(|(_, value)| value.to_owned())
}

fn is_browser_id(text: &str) -> bool {
    text.len() == 66
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A page with the headers that every page has; `form_action` is where forms may lead.
fn page_response(status: StatusCode, html: String, form_action: &str) -> Response {
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action {form_action}; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy.as_str()),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ];
    (status, headers, Html(html)).into_response()
}

/// The flow, if it is this browser's and still open; else the page that says why not.
fn own_flow<'visit>(
    visit: &'visit mut Visit<'_>,
    id: &str,
    headers: &HeaderMap,
) -> Result<&'visit mut Flow, Box<Response>> {
    let now_s = visit.now_s;
    let gone = "This request has expired. Please start again at the application.";
    let foreign = "This request was opened in another browser. Please go on there.";
    match visit
        .world
        .flows
        .get_mut(id)
        .filter(|flow| flow.expires_s > now_s)
    {
        None => Err(Box::new(page::problem(StatusCode::GONE, gone))),
        Some(flow) => {
            let browser = browser_of(headers).unwrap_or_default();
            if secret::equal(&browser, &flow.browser) {
                Ok(flow)
            } else {
                Err(Box::new(page::problem(StatusCode::FORBIDDEN, foreign)))
            }
        }
    }
}

async fn home(State(bank): State<Shared>) -> Response {
    page_response(StatusCode::OK, page::home(&bank.base_url), "'none'")
}

async fn css() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], CSS).into_response()
}

fn flow_of(query: Option<String>) -> String {
    let mut asked = parameters(&query.unwrap_or_default()).unwrap_or_default();
    asked.remove("flow").unwrap_or_default()
}

async fn show_login(
    State(bank): State<Shared>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let id = flow_of(query);
    let mut visit = bank.visit();
    let consent = match own_flow(&mut visit, &id, &headers) {
        Ok(flow) => flow.consent.clone(),
        Err(response) => return *response,
    };
    let action = answer::form_action(&mut visit, &id);
    let user = visit
        .consent(&consent)
        .and_then(|found| found.psu_id.clone())
        .unwrap_or_default();
    page_response(StatusCode::OK, page::login(&id, &user, false), &action)
}

async fn log_in(State(bank): State<Shared>, headers: HeaderMap, body: String) -> Response {
    let form = Form::read(&body);
    let id = form.first("flow");
    let mut visit = bank.visit();
    let action = answer::form_action(&mut visit, id);
    let flow = match own_flow(&mut visit, id, &headers) {
        Ok(flow) => flow,
        Err(response) => return *response,
    };
    let user = form.first("user").trim();
    let person = PEOPLE.iter().position(|person| person.user == user);
    match person.filter(|_| secret::equal(form.first("password"), PASSWORD)) {
        Some(person) => {
            flow.person = Some(person);
            see_other(&format!("/bank/approve?flow={id}"))
        }
        None => page_response(StatusCode::FORBIDDEN, page::login(id, user, true), &action),
    }
}

async fn show_approve(
    State(bank): State<Shared>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let id = flow_of(query);
    let mut visit = bank.visit();
    let (consent, person) = match own_flow(&mut visit, &id, &headers) {
        Ok(flow) => (flow.consent.clone(), flow.person),
        Err(response) => return *response,
    };
    let Some(person) = person else {
        return see_other(&format!("/bank/login?flow={id}"));
    };
    let action = answer::form_action(&mut visit, &id);
    match visit.consent(&consent) {
        Some(found) => page_response(StatusCode::OK, page::approve(&id, found, person), &action),
        None => page::problem(StatusCode::GONE, "The application withdrew its request."),
    }
}
