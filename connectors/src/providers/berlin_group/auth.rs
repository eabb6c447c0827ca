//! The consent: created at the bank, authorised by scaOAuth or scaRedirect, deleted on revocation.

use std::collections::BTreeMap;
use std::time::Duration;

use fondaco_model::exchange::{Credential, Request, Response};
use fondaco_model::provider::AuthScheme;
use fondaco_model::scope::ConsentScope;
use fondaco_model::v1::RefusalReason;
use fondaco_model::{Date, Fault, FaultKind};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::quirks::Quirks;
use super::{BerlinGroup, config, request};
use crate::core::{
    Begin, Callback, ConsentFlow, Cx, FlowEvent, FlowState, FlowStep, Grant, POLLS_MAX, Phase,
    Standing, StandingState, WaitFor, classify, oauth2,
};

const OP: &str = "berlin_group.consent";

/// Longest consent id that is taken, in bytes.
const CONSENT_ID_MAX: usize = 512;

/// The wait between two questions while the person is still at the bank.
const POLL_WAIT: Duration = Duration::from_secs(5);

/// The wait between two questions while another signatory is missing.
const SIGNATORY_WAIT: Duration = Duration::from_mins(6);

/// The flow of NextGenPSD2: a consent resource before, and at some banks instead of, OAuth.
#[derive(Debug, Clone, Copy)]
pub(super) struct BerlinGroupConsent;

impl ConsentFlow for BerlinGroupConsent {
    fn step(
        &self,
        cx: &Cx<'_>,
        at: Option<&FlowState>,
        event: FlowEvent<'_>,
    ) -> Result<FlowStep, Fault> {
        match (event, at) {
            (FlowEvent::Begin(begin), None) => create(cx, &begin),
            (FlowEvent::Callback(callback), Some(state)) if state.phase == Phase::AtProvider => {
                returned(cx, state, &callback)
            }
            (FlowEvent::Poll, Some(state)) if state.phase == Phase::Waiting => ask(cx, state),
            (FlowEvent::Refresh(grant), _) => oauth2::refresh(cx, grant),
            (FlowEvent::Revoke(grant), _) => delete(cx, grant),
            (FlowEvent::Response(response, grant), Some(state)) => {
                answered(cx, state, response, grant)
            }
            _ => Err(oauth2::unexpected()),
        }
    }

    fn inquire(&self, cx: &Cx<'_>) -> Result<Option<Request>, Fault> {
        let Some(consent) = cx.consent_ref else {
            return Ok(None);
        };
        let url = request::below(cx, &["consents", consent])?;
        let mut request = request::call(cx, Method::GET, url)?;
        request.credential = request::credential(cx);
        Ok(Some(request))
    }

    fn standing(&self, cx: &Cx<'_>, response: &Response) -> Result<Standing, Fault> {
        succeeded(cx, response)?;
        read_standing(response)
    }
}

fn drift(rule: &'static str) -> Fault {
    Fault::new(FaultKind::SchemaDrift, OP).with("rule", rule)
}

fn succeeded(cx: &Cx<'_>, response: &Response) -> Result<(), Fault> {
    classify(&BerlinGroup, cx, OP, response).map_or(Ok(()), Err)
}

fn create(cx: &Cx<'_>, begin: &Begin<'_>) -> Result<FlowStep, Fault> {
    let client = cx.client()?;
    let mut request = request::call(cx, Method::POST, request::below(cx, &["consents"])?)?;
    request.body = consent_body(cx, begin)?.to_string().into_bytes();
    let json = HeaderValue::from_static("application/json");
    request.headers.insert(CONTENT_TYPE, json);
    request
        .headers
        .insert("tpp-redirect-preferred", HeaderValue::from_static("true"));
    let mut back = client.redirect_uri.clone();
    if cx.manifest.auth.scheme == AuthScheme::Redirect {
        // Without OAuth nothing else brings the state back.
        back.query_pairs_mut().append_pair("state", begin.state);
        let mut refused = back.clone();
        refused
            .query_pairs_mut()
            .append_pair("error", "access_denied");
        let refused = HeaderValue::from_str(refused.as_str());
        let refused = refused.map_err(|_| config(cx, "redirect_uri"))?;
        request.headers.insert("tpp-nok-redirect-uri", refused);
    }
    let back = HeaderValue::from_str(back.as_str()).map_err(|_| config(cx, "redirect_uri"))?;
    request.headers.insert("tpp-redirect-uri", back);
    Ok(FlowStep::Send(
        request,
        FlowState::begin(Phase::ConsentSent, begin),
    ))
}

/// The body of the consent request (`consents` of the standard's schemas).
fn consent_body(cx: &Cx<'_>, begin: &Begin<'_>) -> Result<Value, Fault> {
    let quirks = Quirks::read(cx.manifest).map_err(|_| config(cx, "quirks"))?;
    let access = if quirks.all_psd2 {
        json!({ "allPsd2": "allAccounts" })
    } else {
        // An empty list lets the bank offer the accounts to choose from.
        let lists = begin.scopes.iter().map(|scope| match scope {
            ConsentScope::Accounts => "accounts",
            ConsentScope::Balances => "balances",
            ConsentScope::Transactions => "transactions",
        });
        Value::Object(lists.map(|list| (list.to_owned(), json!([]))).collect())
    };
    let limits = &cx.manifest.limits;
    let days = i32::try_from(limits.consent_days_max).unwrap_or(i32::MAX);
    let valid_until = begin.valid_until.min(cx.now.utc_date().plus_days(days));
    Ok(json!({
        "access": access,
        "recurringIndicator": true,
        "validUntil": valid_until.to_string(),
        "frequencyPerDay": limits.unattended_per_day.max(1),
        "combinedServiceIndicator": false,
    }))
}

fn returned(cx: &Cx<'_>, state: &FlowState, callback: &Callback<'_>) -> Result<FlowStep, Fault> {
    match cx.manifest.auth.scheme {
        AuthScheme::Oauth2 => oauth2::returned(cx, state, callback),
        AuthScheme::Redirect | AuthScheme::None => match callback.error {
            Some(error) => oauth2::refused(error),
            // The browser's word proves nothing; the bank is asked.
            None => ask(cx, state),
        },
    }
}

fn ask(cx: &Cx<'_>, state: &FlowState) -> Result<FlowStep, Fault> {
    let consent = state
        .consent_ref
        .as_deref()
        .ok_or_else(oauth2::unexpected)?;
    if state.polls >= POLLS_MAX {
        return Err(Fault::new(FaultKind::ProviderDown, OP).with("reason", "polls_exhausted"));
    }
    let url = request::below(cx, &["consents", consent, "status"])?;
    let mut next = state.at(Phase::StatusSent);
    next.polls += 1;
    Ok(FlowStep::Send(request::call(cx, Method::GET, url)?, next))
}

fn answered(
    cx: &Cx<'_>,
    state: &FlowState,
    response: &Response,
    grant: Option<&Grant>,
) -> Result<FlowStep, Fault> {
    match state.phase {
        Phase::ConsentSent => created(cx, state, response),
        Phase::MetadataSent => described(cx, state, response),
        Phase::StatusSent => {
            succeeded(cx, response)?;
            let standing = read_standing(response)?;
            stands(state, standing.state)
        }
        Phase::DeleteSent => {
            deleted(cx, response)?;
            grant.map_or(Ok(FlowStep::Revoked), |grant| oauth2::revoke(cx, grant))
        }
        Phase::TokenSent | Phase::RefreshSent | Phase::RevokeSent => {
            oauth2::answered(cx, state, response)
        }
        Phase::AtProvider | Phase::Waiting => Err(oauth2::unexpected()),
    }
}

#[derive(Deserialize)]
struct ConsentAnswer {
    #[serde(rename = "consentStatus")]
    status: String,
    #[serde(rename = "consentId")]
    id: Option<String>,
    #[serde(rename = "validUntil")]
    valid_until: Option<String>,
    #[serde(default, rename = "_links")]
    links: Links,
}

#[derive(Deserialize, Default)]
struct Links {
    #[serde(rename = "scaRedirect")]
    sca_redirect: Option<Href>,
    #[serde(rename = "scaOAuth")]
    sca_oauth: Option<Href>,
    /// The other links: `self`, `status`, and ways of authorising that we do not go.
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

impl Links {
    /// The fault of an answer without the link that the entry's way of authorising goes by: a bank
    /// that wants its authorisation begun explicitly, or another approach, says so by its links.
    fn missing(&self, rule: &'static str) -> Fault {
        let mut others = self.others.keys();
        let explicit = others.any(|name| name.starts_with("startAuthorisation"));
        if explicit || self.sca_redirect.is_some() || self.sca_oauth.is_some() {
            return Fault::new(FaultKind::Unsupported, OP).with("rule", "consent.other_approach");
        }
        drift(rule)
    }
}

#[derive(Deserialize)]
struct Href {
    href: String,
}

fn read(response: &Response) -> Result<ConsentAnswer, Fault> {
    serde_json::from_slice(&response.body).map_err(|_| drift("consent.shape"))
}

fn created(cx: &Cx<'_>, state: &FlowState, response: &Response) -> Result<FlowStep, Fault> {
    succeeded(cx, response)?;
    let answer = read(response)?;
    let visible = |id: &String| id.bytes().all(|b| b.is_ascii_graphic());
    let fits = |id: &String| (1..=CONSENT_ID_MAX).contains(&id.len()) && visible(id);
    let id = answer.id.filter(fits).ok_or_else(|| drift("consent.id"))?;
    let mut next = state.at(Phase::AtProvider);
    next.consent_ref = Some(id);
    let auth = &cx.manifest.auth;
    if auth.scheme != AuthScheme::Oauth2 {
        return match &answer.links.sca_redirect {
            Some(link) => {
                let page = page_of_bank(cx, &link.href)?;
                Ok(FlowStep::Redirect(page, next.at_provider()))
            }
            None if standing_of(&answer.status) == StandingState::Valid => {
                stands(&next, StandingState::Valid)
            }
            None => Err(answer.links.missing("consent.no_redirect")),
        };
    }
    if Quirks::read(cx.manifest).unwrap_or_default().oauth_metadata {
        let Some(link) = &answer.links.sca_oauth else {
            return Err(answer.links.missing("consent.no_oauth"));
        };
        let url = request::base(cx)?.join(&link.href);
        let url = url.map_err(|_| drift("link.not_a_url"))?;
        let known = [&auth.authorize_url, &cx.manifest.base_url]
            .into_iter()
            .flatten();
        if !known
            .into_iter()
            .any(|known| known.origin() == url.origin())
        {
            return Err(drift("link.foreign_origin"));
        }
        let request = request::call(cx, Method::GET, url)?;
        return Ok(FlowStep::Send(request, next.at(Phase::MetadataSent)));
    }
    let endpoint = auth.authorize_url.as_ref();
    let endpoint = endpoint.ok_or_else(|| config(cx, "authorize_url"))?;
    Ok(FlowStep::Redirect(
        oauth2::authorize(cx, endpoint, &next)?,
        next.at_provider(),
    ))
}

/// The address of the bank's own page: any host of the bank, but never without TLS.
fn page_of_bank(cx: &Cx<'_>, href: &str) -> Result<Url, Fault> {
    let url = request::base(cx)?
        .join(href)
        .map_err(|_| drift("link.not_a_url"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(drift("link.credentials"));
    }
    let plain = cx.manifest.sandbox && url.scheme() == "http";
    if url.scheme() == "https" || plain {
        Ok(url)
    } else {
        Err(drift("link.scheme"))
    }
}

#[derive(Deserialize)]
struct Metadata {
    issuer: Option<String>,
    authorization_endpoint: Url,
}

/// Takes the authorization endpoint from the server's metadata (RFC 8414). It has to be on the
/// origin that the entry names, so that no answer can send a person elsewhere.
fn described(cx: &Cx<'_>, state: &FlowState, response: &Response) -> Result<FlowStep, Fault> {
    succeeded(cx, response)?;
    let metadata: Metadata =
        serde_json::from_slice(&response.body).map_err(|_| drift("metadata.shape"))?;
    let auth = &cx.manifest.auth;
    let known = auth.authorize_url.as_ref().map(Url::origin);
    if known != Some(metadata.authorization_endpoint.origin()) {
        return Err(drift("link.foreign_origin"));
    }
    if auth.issuer.is_some() && metadata.issuer != auth.issuer {
        return Err(drift("metadata.issuer"));
    }
    let next = state.at(Phase::AtProvider);
    let url = oauth2::authorize(cx, &metadata.authorization_endpoint, &next)?;
    Ok(FlowStep::Redirect(url, next.at_provider()))
}

fn read_standing(response: &Response) -> Result<Standing, Fault> {
    let answer = read(response)?;
    let day = |text: String| text.parse::<Date>().ok();
    Ok(Standing {
        state: standing_of(&answer.status),
        valid_until: answer.valid_until.and_then(day),
    })
}

/// `consentStatus` of the standard's schemas; banks may add words of their own. Whoever is named
/// after `terminatedBy`, the consent is over; with a name that nobody knows the bank answers for
/// it.
fn standing_of(word: &str) -> StandingState {
    match word {
        "received" => StandingState::Awaiting,
        "partiallyAuthorised" => StandingState::PartiallyAuthorised,
        "valid" => StandingState::Valid,
        "rejected" => StandingState::Rejected,
        "expired" => StandingState::Expired,
        "revokedByPsu" => StandingState::RevokedByUser,
        "terminatedByTpp" => StandingState::RevokedByUs,
        ended if ended.starts_with("terminatedBy") => StandingState::RevokedByProvider,
        _ => StandingState::Unknown,
    }
}

fn stands(state: &FlowState, standing: StandingState) -> Result<FlowStep, Fault> {
    let waiting = state.at(Phase::Waiting);
    Ok(match standing {
        StandingState::Valid => FlowStep::Granted(Grant {
            bank_consent_ref: state.consent_ref.clone(),
            ..Grant::default()
        }),
        StandingState::Awaiting | StandingState::Unknown => {
            FlowStep::Wait(POLL_WAIT, WaitFor::Authorisation, waiting)
        }
        StandingState::PartiallyAuthorised => {
            FlowStep::Wait(SIGNATORY_WAIT, WaitFor::OtherSignatory, waiting)
        }
        StandingState::Rejected | StandingState::RevokedByUser => {
            FlowStep::Refused(RefusalReason::UserDenied)
        }
        StandingState::RevokedByUs | StandingState::RevokedByProvider => {
            let fault = Fault::new(FaultKind::ProviderRejected, OP);
            return Err(fault.with("reason", "consent_terminated"));
        }
        StandingState::Expired => return Err(Fault::new(FaultKind::ConsentExpired, OP)),
    })
}

fn delete(cx: &Cx<'_>, grant: &Grant) -> Result<FlowStep, Fault> {
    let Some(consent) = grant.bank_consent_ref.as_deref() else {
        return oauth2::revoke(cx, grant);
    };
    let url = request::below(cx, &["consents", consent])?;
    let mut request = request::call(cx, Method::DELETE, url)?;
    if grant.access_token.is_some() {
        request.credential = Credential::Grant;
    }
    Ok(FlowStep::Send(
        request,
        FlowState::of_grant(Phase::DeleteSent, grant),
    ))
}

/// A consent that is gone already is as good as one that was deleted now.
fn deleted(cx: &Cx<'_>, response: &Response) -> Result<(), Fault> {
    let Some(fault) = classify(&BerlinGroup, cx, OP, response) else {
        return Ok(());
    };
    match fault.kind {
        FaultKind::NotFoundOrGone | FaultKind::ConsentExpired | FaultKind::AuthRevoked => Ok(()),
        _ => Err(fault),
    }
}
