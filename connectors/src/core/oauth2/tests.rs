//! The standard flow: callbacks, token answers, refresh and revocation.

use fondaco_model::exchange::ResponseHead;
use fondaco_model::provider::Manifest;
use fondaco_model::{Instant, Retry};
use http::{HeaderMap, StatusCode};

use super::*;
use crate::core::{Begin, Client, PkceChallenge};

const ENTRY: &str = r#"
id = "shop"
family = "example"
name = "Shop"
countries = ["DE"]
base_url = "https://shop.example/"
source = "https://shop.example/docs, checked 2026-08-01"
[auth]
scheme = "oauth2"
issuer = "https://id.shop.example"
authorize_url = "https://id.shop.example/authorize?tenant=7"
token_url = "https://id.shop.example/token"
revoke_url = "https://id.shop.example/revoke"
scopes = ["read", "offline_access"]
client_auth = "post"
iss_required = true
"#;

fn check<T>(edit: fn(&mut Manifest), run: impl FnOnce(&Cx<'_>) -> T) -> T {
    let mut manifest = Manifest::parse("shop", ENTRY).unwrap();
    edit(&mut manifest);
    let client = Client {
        id: "client & co".to_owned(),
        redirect_uri: Url::parse("https://fondaco.example/callback/1").unwrap(),
    };
    let mut cx = Cx::new(&manifest, Instant::default());
    cx.client = Some(&client);
    run(&cx)
}

fn verifier() -> PkceVerifier {
    PkceVerifier::from_bytes(&[1; 32])
}

fn challenge() -> PkceChallenge {
    verifier().challenge()
}

fn at_provider(cx: &Cx<'_>) -> (Url, FlowState) {
    let challenge = challenge();
    let begin = Begin {
        state: "s",
        challenge: &challenge,
        scopes: &[],
        valid_until: "2027-01-01".parse().unwrap(),
    };
    match StandardOAuth2
        .step(cx, None, FlowEvent::Begin(begin))
        .unwrap()
    {
        FlowStep::Redirect(url, state) => (url, state),
        other => panic!("{other:?}"),
    }
}

fn response(status: u16, body: &str) -> Response {
    Response {
        head: ResponseHead {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
        },
        body: body.as_bytes().to_vec(),
    }
}

fn come_back(cx: &Cx<'_>, callback: Callback<'_>) -> Result<FlowStep, Fault> {
    let (_, state) = at_provider(cx);
    StandardOAuth2.step(cx, Some(&state), FlowEvent::Callback(callback))
}

fn no_edit(_: &mut Manifest) {}

const ISSUER: Option<&str> = Some("https://id.shop.example");

#[test]
fn the_authorization_request_keeps_the_query_of_its_endpoint() {
    check(no_edit, |cx| {
        let (url, state) = at_provider(cx);
        let query = url.query().unwrap();
        assert!(query.starts_with("tenant=7&response_type=code&client_id=client+%26+co&"));
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let value = |wanted: &str| {
            let mut found = pairs.iter().filter(|(name, _)| name == wanted);
            let (_, value) = found.next().unwrap();
            assert!(found.next().is_none(), "{wanted} stands once");
            value.clone()
        };
        assert_eq!(value("scope"), "read offline_access");
        assert_eq!(value("state"), "s");
        assert_eq!(value("redirect_uri"), "https://fondaco.example/callback/1");
        assert_eq!(value("code_challenge"), challenge().as_str());
        assert_eq!(value("code_challenge_method"), "S256");
        assert_eq!(state.phase, Phase::AtProvider);
    });
}

#[test]
fn the_challenge_survives_the_keeping_of_a_flow() {
    let challenge = challenge();
    let begin = Begin {
        state: "s",
        challenge: &challenge,
        scopes: &[],
        valid_until: "2027-01-01".parse().unwrap(),
    };
    let state = FlowState::begin(Phase::ConsentSent, &begin);
    let kept = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<FlowState>(&kept).unwrap(), state);
    check(no_edit, |cx| {
        let endpoint = cx.manifest.auth.authorize_url.as_ref().unwrap();
        let back: FlowState = serde_json::from_str(&kept).unwrap();
        let url = authorize(cx, endpoint, &back).unwrap();
        assert_eq!(url, authorize(cx, endpoint, &state).unwrap());
    });
}

#[test]
fn a_callback_of_another_issuer_is_refused() {
    let verifier = verifier();
    let callback = |iss| Callback {
        code: Some("c"),
        error: None,
        iss,
        verifier: &verifier,
    };
    check(no_edit, |cx| {
        assert!(come_back(cx, callback(ISSUER)).is_ok());
        for iss in [
            None,
            Some("https://id.shop.example/"),
            Some("https://evil.example"),
        ] {
            let fault = come_back(cx, callback(iss)).unwrap_err();
            assert_eq!(fault.get("reason"), Some("issuer_mismatch"), "{iss:?}");
        }
    });
    check(
        |manifest| manifest.auth.iss_required = false,
        |cx| {
            assert!(come_back(cx, callback(None)).is_ok());
            assert!(come_back(cx, callback(Some("https://evil.example"))).is_err());
        },
    );
}

#[test]
fn a_callback_without_code_is_refused_and_an_error_has_its_kind() {
    let verifier = verifier();
    let callback = |code, error| Callback {
        code,
        error,
        iss: ISSUER,
        verifier: &verifier,
    };
    check(no_edit, |cx| {
        let missing = come_back(cx, callback(None, None)).unwrap_err();
        assert_eq!(missing.get("reason"), Some("no_code"));
        let denied = come_back(cx, callback(Some("c"), Some("access_denied"))).unwrap();
        assert!(matches!(
            denied,
            FlowStep::Refused(RefusalReason::UserDenied)
        ));
        for (error, kind) in [
            ("server_error", FaultKind::ProviderDown),
            ("login_required", FaultKind::UserActionRequired),
            ("invalid_scope", FaultKind::ConfigInvalid),
            ("<script>", FaultKind::ProviderRejected),
        ] {
            let fault = come_back(cx, callback(None, Some(error))).unwrap_err();
            assert_eq!(fault.kind, kind, "{error}");
            assert_ne!(fault.get("oauth_error"), Some("<script>"));
        }
    });
}

#[test]
fn the_life_of_a_refresh_token_is_taken_where_it_is_stated() {
    check(no_edit, |cx| {
        let read = |status, body| read_token(cx, &response(status, body));
        for (text, expected) in [
            (r#"{"access_token":"a","refresh_token":"r"}"#, None),
            (
                r#"{"access_token":"a","refresh_expires_in":1800}"#,
                Some(1_800),
            ),
            (
                r#"{"access_token":"a","refresh_token_expires_in":"9"}"#,
                Some(9),
            ),
            (r#"{"access_token":"a","refresh_expires_in":0}"#, None),
            (r#"{"access_token":"a","refresh_expires_in":-1}"#, None),
        ] {
            let grant = read(200, text).unwrap();
            assert_eq!(grant.refresh_expires_in, expected, "{text}");
        }
    });
}

#[test]
fn token_answers_become_grants_or_faults() {
    check(no_edit, |cx| {
        let read = |status, body| read_token(cx, &response(status, body));
        let grant = read(200, r#"{"access_token":"a","expires_in":"60"}"#).unwrap();
        assert_eq!((grant.expires_in, grant.refresh_token), (Some(60), None));
        assert_eq!(
            (grant.token_type.as_deref(), grant.scope),
            (Some("bearer"), None)
        );
        let full = r#"{"access_token":"a","token_type":"BEARER","expires_in":-1,
            "refresh_token":"r","scope":"read write","id_token":{"any":1}}"#;
        let grant = read(200, full).unwrap();
        assert_eq!(grant.refresh_token, Some(Secret::new("r")));
        assert_eq!(
            (grant.expires_in, grant.scope.as_deref()),
            (None, Some("read write"))
        );
        for (status, body, kind) in [
            (200, "{}", FaultKind::SchemaDrift),
            (200, "not json", FaultKind::SchemaDrift),
            (200, r#"{"access_token":""}"#, FaultKind::SchemaDrift),
            (
                200,
                r#"{"access_token":"a","token_type":"mac"}"#,
                FaultKind::Unsupported,
            ),
            (
                200,
                r#"{"access_token":"a","token_type":"dpop"}"#,
                FaultKind::Unsupported,
            ),
            (200, r#"{"access_token":7}"#, FaultKind::SchemaDrift),
            (200, r#"["a"]"#, FaultKind::SchemaDrift),
            (400, r#"{"error":"invalid_grant"}"#, FaultKind::AuthRevoked),
            // What stands beside the code does not matter, whatever its type.
            (
                400,
                r#"{"error":"invalid_grant","error_description":{"code":7}}"#,
                FaultKind::AuthRevoked,
            ),
            (
                400,
                r#"{"error":"unsupported_token_type"}"#,
                FaultKind::Unsupported,
            ),
            (400, r#"{"error":""}"#, FaultKind::ProviderRejected),
            (
                401,
                r#"{"error":"invalid_client"}"#,
                FaultKind::ConfigInvalid,
            ),
            (401, "", FaultKind::ConfigInvalid),
            (
                400,
                r#"{"error":"invalid_request"}"#,
                FaultKind::ProviderRejected,
            ),
            (
                400,
                r#"{"error":"temporarily_unavailable"}"#,
                FaultKind::ProviderDown,
            ),
            (429, r#"{"error":"invalid_grant"}"#, FaultKind::RateLimited),
            (503, r#"{"error":"invalid_grant"}"#, FaultKind::ProviderDown),
            (302, "", FaultKind::SchemaDrift),
        ] {
            let fault = read(status, body).unwrap_err();
            assert_eq!(fault.kind, kind, "{status} {body}");
        }
        assert!(matches!(read(503, "").unwrap_err().retry, Retry::After(_)));
    });
}

#[test]
fn a_token_is_taken_up_to_its_limit() {
    check(no_edit, |cx| {
        for (length, good) in [(TOKEN_BYTES_MAX, true), (TOKEN_BYTES_MAX + 1, false)] {
            let body = format!(r#"{{"access_token":"{}"}}"#, "t".repeat(length));
            assert_eq!(read_token(cx, &response(200, &body)).is_ok(), good);
        }
    });
}

#[test]
fn refresh_sends_the_refresh_token_and_nothing_without_one() {
    check(no_edit, |cx| {
        let grant = Grant {
            refresh_token: Some(Secret::new("r/1")),
            bank_consent_ref: Some("c".to_owned()),
            ..Grant::default()
        };
        let step = StandardOAuth2
            .step(cx, None, FlowEvent::Refresh(&grant))
            .unwrap();
        let FlowStep::Send(request, state) = step else {
            panic!("{step:?}")
        };
        assert_eq!(
            request.body,
            b"grant_type=refresh_token&refresh_token=r%2F1"
        );
        assert_eq!(request.credential, Credential::Client);
        let answer = response(200, r#"{"access_token":"a2"}"#);
        let event = FlowEvent::Response(&answer, Some(&grant));
        let step = StandardOAuth2.step(cx, Some(&state), event).unwrap();
        let FlowStep::Granted(renewed) = step else {
            panic!("{step:?}")
        };
        assert_eq!(renewed.refresh_token, None);
        assert_eq!(renewed.bank_consent_ref.as_deref(), Some("c"));
        let fault = refresh(cx, &Grant::default()).unwrap_err();
        assert_eq!(fault.kind, FaultKind::UserActionRequired);
    });
}

#[test]
fn revocation_is_done_when_the_token_is_gone() {
    let grant = Grant {
        access_token: Some(Secret::new("a")),
        ..Grant::default()
    };
    check(no_edit, |cx| {
        let step = revoke(cx, &grant).unwrap();
        let FlowStep::Send(request, state) = step else {
            panic!("{step:?}")
        };
        assert_eq!(request.body, b"token=a&token_type_hint=access_token");
        for (status, body) in [(200, ""), (400, r#"{"error":"invalid_token"}"#)] {
            let step = answered(cx, &state, &response(status, body)).unwrap();
            assert!(matches!(step, FlowStep::Revoked));
        }
        assert!(answered(cx, &state, &response(503, "")).is_err());
        assert!(matches!(
            revoke(cx, &Grant::default()).unwrap(),
            FlowStep::Revoked
        ));
    });
    check(
        |manifest| manifest.auth.revoke_url = None,
        |cx| assert!(matches!(revoke(cx, &grant).unwrap(), FlowStep::Revoked)),
    );
}

#[test]
fn an_event_out_of_order_is_our_own_fault() {
    let verifier = verifier();
    let callback = Callback {
        code: Some("c"),
        error: None,
        iss: ISSUER,
        verifier: &verifier,
    };
    check(no_edit, |cx| {
        let fault = StandardOAuth2
            .step(cx, None, FlowEvent::Callback(callback))
            .unwrap_err();
        assert_eq!(fault.kind, FaultKind::Internal);
        let (_, state) = at_provider(cx);
        let twice = StandardOAuth2.step(cx, Some(&state.at(Phase::TokenSent)), FlowEvent::Poll);
        assert_eq!(twice.unwrap_err().kind, FaultKind::Internal);
    });
}
