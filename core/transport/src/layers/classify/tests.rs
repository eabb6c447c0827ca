//! The status table, waits that answers state, and the provider's word before ours.

use super::*;
use crate::testkit::{API, AUTH, Held, Script, answer, call, target};

/// Knows one code of its own.
struct Own;

impl Classifier for Own {
    fn classify(&self, call: &Call<'_>, response: &Response) -> Option<Fault> {
        (response.body == b"CONSENT_GONE")
            .then(|| call.fault(FaultKind::ConsentExpired, "consent_gone"))
            .or_else(|| {
                (response.body == b"SLOWLY")
                    .then(|| Fault::new(FaultKind::RateLimited, "own").after(Duration::ZERO))
            })
    }
}

async fn classified(credential: Credential, given: Answer) -> Result<Answer, Fault> {
    let script = Script::new([Ok(given)]);
    let stack = Classify::new(Held::new().effects(), Arc::new(Own)).wrap(script);
    let target = target("bank");
    let url = if credential == Credential::Grant {
        API
    } else {
        AUTH
    };
    let mut call = call(&target, url);
    call.request.credential = credential;
    stack.send(call).await
}

async fn kind(credential: Credential, status: u16, body: &str) -> Option<FaultKind> {
    let result = classified(credential, answer(status, &[], body.as_bytes())).await;
    result.err().map(|fault| fault.kind)
}

#[tokio::test]
async fn every_status_has_one_meaning() {
    use FaultKind::*;
    for (status, expected) in [
        (101, Some(ProviderRejected)),
        (200, None),
        (201, None),
        (204, None),
        (299, None),
        (300, Some(ProviderRejected)),
        (302, Some(ProviderRejected)),
        (400, Some(ProviderRejected)),
        (401, Some(AuthExpired)),
        (403, Some(ProviderRejected)),
        (404, Some(NotFoundOrGone)),
        (405, Some(Unsupported)),
        (408, Some(ProviderDown)),
        (410, Some(NotFoundOrGone)),
        (425, Some(ProviderDown)),
        (429, Some(RateLimited)),
        (499, Some(ProviderRejected)),
        (500, Some(ProviderDown)),
        (501, Some(Unsupported)),
        (503, Some(ProviderDown)),
        (599, Some(ProviderDown)),
        (999, Some(ProviderDown)),
    ] {
        assert_eq!(
            kind(Credential::Grant, status, "").await,
            expected,
            "{status}"
        );
    }
    assert_eq!(
        kind(Credential::Anonymous, 401, "").await,
        Some(ProviderRejected)
    );
}

#[tokio::test]
async fn a_token_endpoints_error_word_decides_and_foreign_words_do_not_enter_the_fault() {
    use FaultKind::*;
    for (status, word, expected) in [
        (400, "invalid_grant", AuthRevoked),
        (401, "invalid_client", ConfigInvalid),
        (400, "unauthorized_client", ConfigInvalid),
        (400, "invalid_scope", ScopeMissing),
        (400, "unsupported_grant_type", Unsupported),
        (400, "temporarily_unavailable", ProviderDown),
        (400, "s3cret words", ProviderRejected),
        (401, "s3cret words", ConfigInvalid),
    ] {
        let body = format!(r#"{{"error":"{word}","error_description":"s3cret"}}"#);
        let given = answer(status, &[], body.as_bytes());
        let fault = classified(Credential::Client, given).await.unwrap_err();
        assert_eq!(fault.kind, expected, "{word}");
        assert!(
            !format!("{fault} {fault:?}").contains("s3cret"),
            "{fault:?}"
        );
    }
    // Elsewhere the same body is a provider's text like any other.
    let body = r#"{"error":"invalid_grant"}"#;
    assert_eq!(
        kind(Credential::Grant, 400, body).await,
        Some(ProviderRejected)
    );
}

#[tokio::test]
async fn the_providers_own_reading_comes_first_also_on_success() {
    let own = Some(FaultKind::ConsentExpired);
    assert_eq!(kind(Credential::Grant, 401, "CONSENT_GONE").await, own);
    assert_eq!(kind(Credential::Grant, 200, "CONSENT_GONE").await, own);
    let given = answer(403, &[("retry-after", "9")], b"SLOWLY");
    let fault = classified(Credential::Grant, given).await.unwrap_err();
    assert_eq!(fault.retry, Retry::After(Duration::from_secs(9)));
    assert_eq!(
        (fault.get("institution"), fault.get("status")),
        (Some("bank"), Some("403"))
    );
}

#[tokio::test]
async fn a_missing_scope_is_read_from_the_challenge() {
    let challenge = r#"Bearer realm="x", error="insufficient_scope""#;
    let given = answer(403, &[("www-authenticate", challenge)], b"");
    let fault = classified(Credential::Grant, given).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::ScopeMissing);
}

#[tokio::test]
async fn the_wait_is_read_in_every_form_and_cut_at_a_day() {
    let cases: &[(&[(&'static str, &str)], u64)] = &[
        (&[("retry-after", "120")], 120),
        (&[("retry-after", " 7 ")], 7),
        (&[("retry-after", "Fri, 02 Jan 2026 03:05:05 GMT")], 60),
        // By the provider's clock, which is ten minutes ahead of ours.
        (
            &[
                ("date", "Fri, 02 Jan 2026 03:14:05 GMT"),
                ("retry-after", "Fri, 02 Jan 2026 03:14:35 GMT"),
            ],
            30,
        ),
        (&[("retry-after", "Fri, 02 Jan 2026 03:00:00 GMT")], 0),
        (&[("retry-after", "soon")], 0),
        (&[("retry-after", "-1")], 0),
        (&[("retry-after", "1.5")], 0),
        (&[("ratelimit", r#""default";r=0;t=30"#)], 30),
        (&[("ratelimit", "limit=10, remaining=0, reset=12")], 12),
        (
            &[("ratelimit", r#""default";r=0;t=30"#), ("retry-after", "5")],
            5,
        ),
        (&[("ratelimit", "nonsense")], 0),
        (&[("retry-after", "86400")], 86_400),
        (&[("retry-after", "86401")], 86_400),
        (&[("retry-after", "18446744073709551615")], 86_400),
        (&[], 0),
    ];
    for (headers, seconds) in cases {
        for status in [429, 503] {
            let given = answer(status, headers, b"");
            let fault = classified(Credential::Grant, given).await.unwrap_err();
            assert_eq!(
                fault.retry,
                Retry::After(Duration::from_secs(*seconds)),
                "{headers:?}"
            );
            let cut = headers.iter().any(|(_, value)| *value == "86401");
            assert!(!cut || fault.get("retry_after_cut_from_s") == Some("86401"));
        }
    }
}
