//! The person's answer: it changes the consent and sends the browser back to the client.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use url::Url;

use crate::consent::Status;
use crate::data::{ACCOUNTS, accounts_of};
use crate::grants::Code;
use crate::oauth::answer_url;
use crate::state::{Bank, Shared, Visit, Way};
use crate::web::form::Form;
use crate::web::{own_flow, page, see_other};

/// Sources for the policy's `form-action`: the bank itself and the origin that the answer goes
/// to, because browsers hold redirects after a form against it.
pub(super) fn form_action(visit: &mut Visit<'_>, id: &str) -> String {
    let Some(flow) = visit.world.flows.get(id) else {
        return "'self'".to_owned();
    };
    let consent = visit.world.consents.get(&flow.consent);
    let targets = match &flow.way {
        Way::OAuth { redirect_uri, .. } => vec![redirect_uri.as_str()],
        Way::Redirect => consent.map_or_else(Vec::new, |found| {
            let nok = found.nok_redirect_uri.as_deref();
            std::iter::once(found.redirect_uri.as_str())
                .chain(nok)
                .collect()
        }),
    };
    let origins = targets.iter().filter_map(|text| Url::parse(text).ok());
    origins.fold("'self'".to_owned(), |policy, url| {
        format!("{policy} {}", url.origin().ascii_serialization())
    })
}

/// `POST /bank/approve`.
pub(super) async fn decide(
    State(bank): State<Shared>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let form = Form::read(&body);
    let id = form.first("flow");
    let mut visit = bank.visit();
    let (person, answered) = match own_flow(&mut visit, id, &headers) {
        Ok(flow) => (flow.person, flow.answer.clone()),
        Err(response) => return *response,
    };
    // A double click or a reloaded page gets the first answer once more.
    if let Some(answer) = answered {
        return see_other(&answer);
    }
    let answer = match (form.first("decision"), person) {
        ("approve", Some(person)) => approve(&bank, &mut visit, &form, person),
        ("approve", None) => return see_other(&format!("/bank/login?flow={id}")),
        ("deny", _) => Ok(deny(&bank, &mut visit, id)),
        _ => Err("The answer must be approve or deny."),
    };
    match answer {
        Ok(answer) => {
            if let Some(flow) = visit.world.flows.get_mut(id) {
                flow.answer = Some(answer.clone());
            }
            see_other(&answer)
        }
        Err(text) => page::problem(StatusCode::CONFLICT, text),
    }
}

fn approve(
    bank: &Bank,
    visit: &mut Visit<'_>,
    form: &Form,
    person: usize,
) -> Result<String, &'static str> {
    let id = form.first("flow");
    let consent_id = visit
        .world
        .flows
        .get(id)
        .map(|flow| flow.consent.clone())
        .unwrap_or_default();
    let today = visit.today;
    let consent = visit
        .consent(&consent_id)
        .ok_or("The application withdrew its request.")?;
    match consent.status {
        Status::Received => {
            let possible = consent
                .candidates(&accounts_of(person))
                .ok_or("The request names an account that is not yours.")?;
            let chosen: Vec<usize> = if consent.is_open_choice() {
                let is_ticked =
                    |at: &usize| form.all("account").any(|key| key == ACCOUNTS[*at].key);
                possible.into_iter().filter(is_ticked).collect()
            } else {
                possible
            };
            if chosen.is_empty() {
                return Err("Please choose at least one account.");
            }
            consent.approve(&consent_id, person, &chosen, today);
        }
        // The same person may approve again, for example after the client lost its tokens.
        Status::Valid if consent.person == Some(person) => {}
        _ => return Err("The request was already answered."),
    }
    Ok(positive(bank, visit, id, person))
}

fn positive(bank: &Bank, visit: &mut Visit<'_>, id: &str, person: usize) -> String {
    let now_s = visit.now_s;
    let world = &mut *visit.world;
    let Some(flow) = world.flows.get(id) else {
        return bank.base_url.clone();
    };
    let consent = flow.consent.clone();
    match &flow.way {
        Way::Redirect => world
            .consents
            .get(&consent)
            .map(|found| found.redirect_uri.clone())
            .unwrap_or_default(),
        Way::OAuth {
            redirect_uri,
            state,
            challenge,
        } => {
            let code = Code {
                grant: 0,
                redirect_uri: redirect_uri.clone(),
                challenge: challenge.clone(),
                expires_s: now_s + i64::from(bank.config.code_ttl_s),
                is_used: false,
            };
            let text = world.grants.approve(&consent, person, code);
            let pairs = [("code", text.as_str())];
            let answer = answer_url(&bank.base_url, redirect_uri, state.as_deref(), &pairs);
            world.hand_out("code", &text, &consent);
            answer
        }
    }
}

fn deny(bank: &Bank, visit: &mut Visit<'_>, id: &str) -> String {
    let today = visit.today;
    let world = &mut *visit.world;
    let Some(flow) = world.flows.get(id) else {
        return bank.base_url.clone();
    };
    let consent = world.consents.get_mut(&flow.consent);
    let return_to = consent.map(|found| {
        // A consent that was approved before stays as it is.
        if found.status == Status::Received {
            found.end(Status::Rejected, today);
        }
        found
            .nok_redirect_uri
            .clone()
            .unwrap_or_else(|| found.redirect_uri.clone())
    });
    match &flow.way {
        Way::Redirect => return_to.unwrap_or_default(),
        Way::OAuth {
            redirect_uri,
            state,
            ..
        } => {
            let pairs = [
                ("error", "access_denied"),
                ("error_description", "the person refused"),
            ];
            answer_url(&bank.base_url, redirect_uri, state.as_deref(), &pairs)
        }
    }
}
