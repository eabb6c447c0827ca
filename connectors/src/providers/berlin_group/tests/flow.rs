//! The consent flow step by step, and the faults of error answers.

use fondaco_model::exchange::{Credential, Request};
use fondaco_model::provider::Manifest;
use fondaco_model::scope::ConsentScope;
use fondaco_model::v1::RefusalReason;
use fondaco_model::{Fault, FaultKind, Retry, Secret};
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;

use super::super::BerlinGroup;
use super::{client, context, response};
use crate::core::testing::manifest;
use crate::core::{
    Begin, Callback, Connector, FlowEvent, FlowState, FlowStep, Grant, POLLS_MAX, Phase,
    PkceVerifier, StandingState, WaitFor, classify,
};

const CREATED: &str = r#"{"consentStatus":"received","consentId":"c-1","_links":{
    "scaRedirect":{"href":"http://127.0.0.1:8090/redirect-bank/authorise?consent=c-1"},
    "scaOAuth":{"href":"/oauth/.well-known/oauth-authorization-server"},
    "status":{"href":"/psd2/v1/consents/c-1/status"}}}"#;

fn verifier() -> PkceVerifier {
    PkceVerifier::from_bytes(&[7; 32])
}

fn step(
    manifest: &Manifest,
    at: Option<&FlowState>,
    event: FlowEvent<'_>,
) -> Result<FlowStep, Fault> {
    let client = client();
    // The state survives its storage between steps.
    let stored = at.map(|state| serde_json::to_string(state).unwrap());
    let at: Option<FlowState> = stored.map(|text| serde_json::from_str(&text).unwrap());
    let flow = BerlinGroup.consent().unwrap();
    flow.step(&context(manifest, &client), at.as_ref(), event)
}

fn begin(manifest: &Manifest) -> (Request, FlowState) {
    let challenge = verifier().challenge();
    let begin = Begin {
        state: "state-1",
        challenge: &challenge,
        scopes: &[ConsentScope::Accounts, ConsentScope::Transactions],
        valid_until: "2030-01-01".parse().unwrap(),
    };
    sent(step(manifest, None, FlowEvent::Begin(begin)))
}

fn sent(step: Result<FlowStep, Fault>) -> (Request, FlowState) {
    match step.unwrap() {
        FlowStep::Send(request, state) => (request, state),
        other => panic!("{other:?}"),
    }
}

fn answer(manifest: &Manifest, at: &FlowState, status: u16, body: &str) -> Result<FlowStep, Fault> {
    step(
        manifest,
        Some(at),
        FlowEvent::Response(&response(status, body), None),
    )
}

fn callback<'a>(verifier: &'a PkceVerifier, code: Option<&'a str>) -> Callback<'a> {
    Callback {
        code,
        error: None,
        iss: Some("http://127.0.0.1:8090"),
        verifier,
    }
}

fn redirected(step: Result<FlowStep, Fault>) -> (url::Url, FlowState) {
    match step.unwrap() {
        FlowStep::Redirect(url, state) => (url, state),
        other => panic!("{other:?}"),
    }
}

#[test]
fn sca_oauth_leads_from_consent_over_code_to_grant() {
    let manifest = manifest("sandbox_bank");
    let (request, state) = begin(&manifest);
    assert_eq!(request.method, Method::POST);
    assert_eq!(
        request.url.as_str(),
        "http://127.0.0.1:8090/psd2/v1/consents"
    );
    assert_eq!(request.credential, Credential::Anonymous);
    let redirect_uri = "https://fondaco.example/callback/reg_1";
    assert_eq!(request.headers["tpp-redirect-uri"], redirect_uri);
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let expected = json!({
        "access": { "accounts": [], "transactions": [] },
        "recurringIndicator": true,
        "validUntil": "2026-11-28",
        "frequencyPerDay": 4,
        "combinedServiceIndicator": false,
    });
    assert_eq!(body, expected);

    let (url, state) = redirected(answer(&manifest, &state, 201, CREATED));
    let query: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!(url.path(), "/oauth/authorize");
    assert_eq!(query["response_type"], "code");
    assert_eq!(query["client_id"], "client-1");
    assert_eq!(query["redirect_uri"], redirect_uri);
    assert_eq!(query["scope"], "AIS:c-1");
    assert_eq!(query["state"], "state-1");
    assert_eq!(query["code_challenge"], verifier().challenge().as_str());
    assert_eq!(query["code_challenge_method"], "S256");
    // The one-use value is not kept with the flow while the person is away.
    assert_eq!((&state.state, &state.challenge), (&None, &None));

    let verifier = verifier();
    let event = FlowEvent::Callback(callback(&verifier, Some("code-1")));
    let (request, state) = sent(step(&manifest, Some(&state), event));
    assert_eq!(request.url.path(), "/oauth/token");
    assert_eq!(request.credential, Credential::Client);
    let form = String::from_utf8(request.body.clone()).unwrap();
    assert!(form.contains("code=code-1") && form.contains(verifier.expose()));
    assert!(!format!("{request:?} {state:?}").contains("code-1"));

    let token = r#"{"access_token":"at","token_type":"bearer","expires_in":600,
        "refresh_token":"rt","scope":"AIS:c-1"}"#;
    let FlowStep::Granted(grant) = answer(&manifest, &state, 200, token).unwrap() else {
        panic!("granted")
    };
    assert_eq!(grant.access_token, Some(Secret::new("at")));
    assert_eq!(grant.refresh_token, Some(Secret::new("rt")));
    assert_eq!(grant.expires_in, Some(600));
    assert_eq!(grant.bank_consent_ref.as_deref(), Some("c-1"));
    assert!(!format!("{grant:?}").contains("at\""));
}

#[test]
fn sca_redirect_leads_from_consent_over_status_to_grant() {
    let manifest = manifest("sandbox_redirect_bank");
    let (request, state) = begin(&manifest);
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["access"], json!({ "allPsd2": "allAccounts" }));
    let back = "https://fondaco.example/callback/reg_1?state=state-1";
    assert_eq!(request.headers["tpp-redirect-uri"], back);
    let refused = format!("{back}&error=access_denied");
    assert_eq!(request.headers["tpp-nok-redirect-uri"], refused.as_str());

    let (url, state) = redirected(answer(&manifest, &state, 201, CREATED));
    assert_eq!(url.path(), "/redirect-bank/authorise");
    let verifier = verifier();
    let mut event = callback(&verifier, None);
    let denied = Callback {
        error: Some("access_denied"),
        ..event
    };
    let outcome = step(&manifest, Some(&state), FlowEvent::Callback(denied)).unwrap();
    assert!(matches!(
        outcome,
        FlowStep::Refused(RefusalReason::UserDenied)
    ));

    event.iss = None;
    let (request, state) = sent(step(&manifest, Some(&state), FlowEvent::Callback(event)));
    let path = "/redirect-bank/psd2/v1/consents/c-1/status";
    assert_eq!(request.url.path(), path);
    let outcome = answer(&manifest, &state, 200, r#"{"consentStatus":"received"}"#).unwrap();
    let FlowStep::Wait(_, WaitFor::Authorisation, waiting) = outcome else {
        panic!("{outcome:?}")
    };
    let (_, state) = sent(step(&manifest, Some(&waiting), FlowEvent::Poll));
    let partial = r#"{"consentStatus":"partiallyAuthorised"}"#;
    let outcome = answer(&manifest, &state, 200, partial).unwrap();
    let FlowStep::Wait(_, WaitFor::OtherSignatory, waiting) = outcome else {
        panic!("{outcome:?}")
    };
    let (_, state) = sent(step(&manifest, Some(&waiting), FlowEvent::Poll));
    assert_eq!(state.polls, 3);
    let outcome = answer(&manifest, &state, 200, r#"{"consentStatus":"valid"}"#).unwrap();
    let FlowStep::Granted(grant) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(grant.access_token, None);
    assert_eq!(grant.bank_consent_ref.as_deref(), Some("c-1"));

    let rejected = answer(&manifest, &state, 200, r#"{"consentStatus":"rejected"}"#).unwrap();
    assert!(matches!(
        rejected,
        FlowStep::Refused(RefusalReason::UserDenied)
    ));
    let exhausted = FlowState {
        polls: POLLS_MAX,
        ..waiting
    };
    assert!(step(&manifest, Some(&exhausted), FlowEvent::Poll).is_err());
}

#[test]
fn the_authorization_endpoint_of_the_metadata_stays_on_the_known_origin() {
    let mut manifest = manifest("sandbox_bank");
    manifest
        .quirks
        .insert("oauth_metadata".to_owned(), toml::Value::Boolean(true));
    let (_, state) = begin(&manifest);
    let (request, state) = sent(answer(&manifest, &state, 201, CREATED));
    assert_eq!(
        request.url.path(),
        "/oauth/.well-known/oauth-authorization-server"
    );
    let metadata = |endpoint: &str, issuer: &str| {
        json!({ "issuer": issuer, "authorization_endpoint": endpoint }).to_string()
    };
    let issuer = "http://127.0.0.1:8090";
    let good = metadata("http://127.0.0.1:8090/oauth/v2/authorize", issuer);
    let (url, _) = redirected(answer(&manifest, &state, 200, &good));
    assert_eq!(url.path(), "/oauth/v2/authorize");
    for bad in [
        metadata("https://evil.example/authorize", issuer),
        metadata(
            "http://127.0.0.1:8090/oauth/authorize",
            "https://evil.example",
        ),
        "{}".to_owned(),
    ] {
        let fault = answer(&manifest, &state, 200, &bad).unwrap_err();
        assert_eq!(fault.kind, FaultKind::SchemaDrift);
    }
}

#[test]
fn a_consent_answer_of_another_shape_is_drift() {
    let manifest = manifest("sandbox_redirect_bank");
    let (_, state) = begin(&manifest);
    for body in [
        "{}",
        r#"{"consentStatus":"received"}"#,
        r#"{"consentStatus":"received","consentId":""}"#,
        r#"{"consentStatus":"received","consentId":"a b"}"#,
        r#"{"consentStatus":"received","consentId":"c-1"}"#,
        r#"{"consentStatus":"received","consentId":"c-1",
            "_links":{"scaRedirect":{"href":"https://a:b@bank.example/"}}}"#,
        r#"{"consentStatus":"received","consentId":"c-1",
            "_links":{"scaRedirect":{"href":"javascript:alert(1)"}}}"#,
    ] {
        let fault = answer(&manifest, &state, 201, body).unwrap_err();
        assert_eq!(fault.kind, FaultKind::SchemaDrift, "{body}");
    }
}

#[test]
fn a_bank_that_offers_another_approach_only_is_unsupported_and_not_drift() {
    let link = json!({ "href": "/psd2/v1/consents/c-1/authorisations" });
    for (institution, name) in [
        ("sandbox_redirect_bank", "startAuthorisation"),
        (
            "sandbox_redirect_bank",
            "startAuthorisationWithPsuAuthentication",
        ),
        ("sandbox_redirect_bank", "scaOAuth"),
        ("sandbox_bank", "scaRedirect"),
    ] {
        let mut manifest = manifest(institution);
        if institution == "sandbox_bank" {
            let quirk = ("oauth_metadata".to_owned(), toml::Value::Boolean(true));
            manifest.quirks.extend([quirk]);
        }
        let (_, state) = begin(&manifest);
        let body = json!({
            "consentStatus": "received",
            "consentId": "c-1",
            "_links": { name: link, "self": { "href": "/psd2/v1/consents/c-1" } },
        });
        let fault = answer(&manifest, &state, 201, &body.to_string()).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unsupported, "{name}");
        assert_eq!(fault.get("rule"), Some("consent.other_approach"));
    }
}

#[test]
fn revocation_deletes_the_consent_and_then_the_token() {
    let manifest = manifest("sandbox_bank");
    let grant = Grant {
        access_token: Some(Secret::new("at")),
        refresh_token: Some(Secret::new("rt")),
        bank_consent_ref: Some("c-1".to_owned()),
        ..Grant::default()
    };
    let (request, state) = sent(step(&manifest, None, FlowEvent::Revoke(&grant)));
    assert_eq!(request.method, Method::DELETE);
    assert_eq!(request.url.path(), "/psd2/v1/consents/c-1");
    assert_eq!(request.credential, Credential::Grant);
    for (status, body) in [(204, ""), (404, ""), (401, CONSENT_EXPIRED)] {
        let answer = response(status, body);
        let event = FlowEvent::Response(&answer, Some(&grant));
        let (request, state) = sent(step(&manifest, Some(&state), event));
        assert_eq!(request.url.path(), "/oauth/revoke");
        assert_eq!(request.body, b"token=rt&token_type_hint=refresh_token");
        assert_eq!(state.phase, Phase::RevokeSent);
        let done = step(
            &manifest,
            Some(&state),
            FlowEvent::Response(&response(200, ""), None),
        );
        assert!(matches!(done.unwrap(), FlowStep::Revoked));
    }
    let answer = response(503, "");
    let event = FlowEvent::Response(&answer, Some(&grant));
    let fault = step(&manifest, Some(&state), event).unwrap_err();
    assert_eq!(fault.kind, FaultKind::ProviderDown);
}

const CONSENT_EXPIRED: &str =
    r#"{"tppMessages":[{"category":"ERROR","code":"CONSENT_EXPIRED","text":"over"}]}"#;

#[test]
fn the_standing_of_a_consent_is_asked_and_read() {
    let manifest = manifest("sandbox_bank");
    let client = client();
    let cx = context(&manifest, &client);
    let flow = BerlinGroup.consent().unwrap();
    let request = flow.inquire(&cx).unwrap().unwrap();
    assert_eq!(request.url.path(), "/psd2/v1/consents/consent-1");
    let body = r#"{"consentStatus":"valid","validUntil":"2026-08-01","access":{}}"#;
    let standing = flow.standing(&cx, &response(200, body)).unwrap();
    assert_eq!(standing.state, StandingState::Valid);
    assert_eq!(standing.valid_until, "2026-08-01".parse().ok());
    assert!(flow.standing(&cx, &response(200, "[]")).is_err());
}

#[test]
fn every_word_of_the_standard_has_its_standing_and_no_other_word_counts_as_good() {
    let manifest = manifest("sandbox_bank");
    let client = client();
    let cx = context(&manifest, &client);
    let flow = BerlinGroup.consent().unwrap();
    for (word, expected) in [
        ("received", StandingState::Awaiting),
        ("partiallyAuthorised", StandingState::PartiallyAuthorised),
        ("valid", StandingState::Valid),
        ("rejected", StandingState::Rejected),
        ("expired", StandingState::Expired),
        ("revokedByPsu", StandingState::RevokedByUser),
        ("terminatedByTpp", StandingState::RevokedByUs),
        ("terminatedByAspsp", StandingState::RevokedByProvider),
        ("terminatedByAuthority", StandingState::RevokedByProvider),
        ("terminated", StandingState::Unknown),
        ("dormant", StandingState::Unknown),
        ("VALID", StandingState::Unknown),
        ("", StandingState::Unknown),
    ] {
        let body = json!({ "consentStatus": word }).to_string();
        let standing = flow.standing(&cx, &response(200, &body)).unwrap();
        assert_eq!(standing.state, expected, "{word}");
    }
}

#[test]
fn a_redirect_flow_is_granted_by_the_word_valid_alone() {
    let manifest = manifest("sandbox_redirect_bank");
    let (_, state) = begin(&manifest);
    let (_, state) = redirected(answer(&manifest, &state, 201, CREATED));
    let verifier = verifier();
    let event = FlowEvent::Callback(callback(&verifier, None));
    let (_, asked) = sent(step(&manifest, Some(&state), event));
    let word = |word: &str| {
        let body = json!({ "consentStatus": word }).to_string();
        answer(&manifest, &asked, 200, &body)
    };
    assert!(matches!(word("valid"), Ok(FlowStep::Granted(_))));
    for open in ["received", "dormant"] {
        let step = word(open).unwrap();
        let waits = matches!(step, FlowStep::Wait(_, WaitFor::Authorisation, _));
        assert!(waits, "{open}: {step:?}");
    }
    for refused in ["rejected", "revokedByPsu"] {
        let step = word(refused).unwrap();
        let refuses = matches!(step, FlowStep::Refused(RefusalReason::UserDenied));
        assert!(refuses, "{refused}: {step:?}");
    }
    for (ended, kind) in [
        ("expired", FaultKind::ConsentExpired),
        ("terminatedByTpp", FaultKind::ProviderRejected),
        ("terminatedByAspsp", FaultKind::ProviderRejected),
    ] {
        assert_eq!(word(ended).unwrap_err().kind, kind, "{ended}");
    }
}

#[test]
fn message_codes_have_their_kinds() {
    let manifest = manifest("sandbox_bank");
    let client = client();
    let cx = context(&manifest, &client);
    let read = |status: u16, body: &str| {
        classify(&BerlinGroup, &cx, "test", &response(status, body)).unwrap()
    };
    let coded = |status: u16, code: &str| {
        let message = json!({ "category": "ERROR", "code": code, "text": "Ada Beispiel" });
        let fault = read(status, &json!({ "tppMessages": [message] }).to_string());
        assert!(!fault.to_string().contains("Ada"));
        fault
    };
    for (status, code, kind) in [
        (401, "CONSENT_EXPIRED", FaultKind::ConsentExpired),
        (401, "CONSENT_INVALID", FaultKind::AuthRevoked),
        (403, "CONSENT_UNKNOWN", FaultKind::AuthRevoked),
        (401, "TOKEN_INVALID", FaultKind::AuthExpired),
        (429, "ACCESS_EXCEEDED", FaultKind::RateLimited),
        (404, "RESOURCE_UNKNOWN", FaultKind::NotFoundOrGone),
        (400, "FORMAT_ERROR", FaultKind::ProviderRejected),
        (400, "RESOURCE_BLOCKED", FaultKind::AccountRestricted),
        (401, "CERTIFICATE_MISSING", FaultKind::ConfigInvalid),
        (500, "INTERNAL_SERVER_ERROR", FaultKind::ProviderDown),
        (403, "SOMETHING_NEW", FaultKind::ScopeMissing),
    ] {
        let fault = coded(status, code);
        assert_eq!(fault.kind, kind, "{code}");
        assert_eq!(fault.get("code"), Some(code));
        assert_eq!(fault.get("institution"), Some("sandbox_bank"));
    }
    let wait = Duration::from_hours(6);
    assert_eq!(coded(429, "ACCESS_EXCEEDED").retry, Retry::After(wait));
    // The form of RFC 7807, a warning before the error, and bodies that say nothing.
    let problem = r#"{"type":"https://bank.example/x","code":"CONSENT_EXPIRED"}"#;
    assert_eq!(read(401, problem).kind, FaultKind::ConsentExpired);
    let warning = r#"{"tppMessages":[{"category":"WARNING","code":"CONSENT_EXPIRED"},
        {"category":"ERROR","code":"FORMAT_ERROR"}]}"#;
    assert_eq!(read(400, warning).kind, FaultKind::ProviderRejected);
    for body in [
        "",
        "<html>",
        r#"{"tppMessages":[{"code":"free text of a bank"}]}"#,
    ] {
        assert_eq!(read(401, body).kind, FaultKind::AuthExpired);
        assert_eq!(read(401, body).get("code"), None);
    }
}

#[test]
fn a_consent_id_never_climbs_up_the_path() {
    let manifest = manifest("sandbox_bank");
    for (id, path) in [
        ("..", None),
        (".", None),
        ("", None),
        ("a/../b", Some("a%2F..%2Fb")),
    ] {
        let grant = Grant {
            bank_consent_ref: Some(id.to_owned()),
            ..Grant::default()
        };
        let outcome = step(&manifest, None, FlowEvent::Revoke(&grant));
        match path {
            Some(path) => {
                let (request, _) = sent(outcome);
                assert!(request.url.path().ends_with(path), "{}", request.url);
            }
            None => assert_eq!(outcome.unwrap_err().kind, FaultKind::ConfigInvalid, "{id}"),
        }
    }
}
