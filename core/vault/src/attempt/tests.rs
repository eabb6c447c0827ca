//! Every verdict over a callback, and the order in which they are reached.

use fondaco_model::v1::RefusalReason;

use super::*;

const ISSUER: &str = "https://as.bank.example";

fn now() -> Instant {
    Instant::from_micros(1_000_000_000)
}

struct Flow {
    attempt: NewAttempt,
    binding: Secret,
    stored: StoredAttempt,
}

fn flow() -> Flow {
    let attempt = NewAttempt::generate(&Effects::system());
    let binding = secret_token(&Effects::system(), "");
    let stored = StoredAttempt {
        state_hash: sha256(attempt.state.expose()),
        binding_hash: sha256(binding.expose()),
        expires_at: now().plus_seconds(ATTEMPT_SECONDS_DEFAULT),
        used_at: None,
        expects_code: true,
    };
    Flow {
        attempt,
        binding,
        stored,
    }
}

const RULE: IssuerRule<'static> = IssuerRule {
    expected: Some(ISSUER),
    required: true,
};

impl Flow {
    fn params(&self, more: &[(&str, &str)]) -> CallbackParams {
        let state = [("state", self.attempt.state.expose())];
        CallbackParams::from_pairs(state.into_iter().chain(more.iter().copied())).unwrap()
    }

    /// The verdict in the browser that began, now.
    fn verdict(&self, params: &CallbackParams, rule: IssuerRule<'_>) -> CallbackVerdict {
        let cookie = Some(self.binding.expose());
        verify_callback(&self.stored, params, cookie, rule, now())
    }

    fn check(&self, more: &[(&str, &str)], expected: &CallbackVerdict) {
        assert_eq!(
            self.verdict(&self.params(more), RULE),
            *expected,
            "{more:?}"
        );
    }
}

const GOOD: &[(&str, &str)] = &[("code", "c0de"), ("iss", ISSUER)];

fn exchange() -> CallbackVerdict {
    CallbackVerdict::Exchange(Secret::new("c0de"))
}

#[test]
fn a_good_callback_is_exchanged() {
    flow().check(GOOD, &exchange());
    flow().check(
        &[GOOD, &[("session_state", "x"), ("scope", "")]].concat(),
        &exchange(),
    );
}

#[test]
fn another_state_is_forged_whatever_else_is_right() {
    let (mine, other) = (flow(), flow());
    for params in [
        other.params(GOOD),
        CallbackParams::from_pairs(GOOD.iter().copied()).unwrap(),
        CallbackParams::from_pairs([("state", ""), ("code", "c0de"), ("iss", ISSUER)]).unwrap(),
        CallbackParams::from_pairs([("state", "x"), ("error", "access_denied")]).unwrap(),
    ] {
        assert_eq!(mine.verdict(&params, RULE), CallbackVerdict::Forged);
    }
}

#[test]
fn another_browser_exchanges_nothing() {
    let (mine, other) = (flow(), flow());
    for cookie in [None, Some(""), Some("x"), Some(other.binding.expose())] {
        let verdict = verify_callback(&mine.stored, &mine.params(GOOD), cookie, RULE, now());
        assert_eq!(verdict, CallbackVerdict::OtherBrowser);
        assert_eq!(verdict.event(), None);
    }
    // The state is in the address and no substitute for the cookie.
    let state = Some(mine.attempt.state.expose());
    let verdict = verify_callback(&mine.stored, &mine.params(GOOD), state, RULE, now());
    assert_eq!(verdict, CallbackVerdict::OtherBrowser);
}

#[test]
fn a_reloaded_callback_is_already_used_with_and_without_its_cookie() {
    let mut mine = flow();
    mine.stored.used_at = Some(now());
    mine.check(GOOD, &CallbackVerdict::AlreadyUsed);
    mine.check(&[("error", "access_denied")], &CallbackVerdict::AlreadyUsed);
    let verdict = verify_callback(&mine.stored, &mine.params(GOOD), None, RULE, now());
    assert_eq!(verdict, CallbackVerdict::AlreadyUsed);
    assert_eq!(verdict.event(), None);
}

#[test]
fn a_callback_is_in_time_until_the_deadline_and_not_at_it() {
    let mine = flow();
    let cookie = Some(mine.binding.expose());
    let at = |now| verify_callback(&mine.stored, &mine.params(GOOD), cookie, RULE, now);
    let deadline = mine.stored.expires_at;
    assert_eq!(at(deadline.plus_millis(-1)), exchange());
    assert_eq!(at(deadline), CallbackVerdict::Expired);
}

#[test]
fn the_issuer_is_compared_exactly_for_codes_and_errors() {
    let mine = flow();
    for iss in [
        "https://as.bank.example/",
        "https://AS.bank.example",
        "http://as.bank.example",
        "https://as.evil.example",
        "",
    ] {
        mine.check(
            &[("code", "c0de"), ("iss", iss)],
            &CallbackVerdict::IssuerMismatch,
        );
        let error = [("error", "access_denied"), ("iss", iss)];
        mine.check(&error, &CallbackVerdict::IssuerMismatch);
    }
    mine.check(&[("code", "c0de")], &CallbackVerdict::IssuerMismatch);
}

#[test]
fn an_issuer_that_need_not_be_stated_is_still_compared_when_it_is() {
    let mine = flow();
    let optional = IssuerRule {
        required: false,
        ..RULE
    };
    let with = |pairs: &[(&str, &str)], rule| mine.verdict(&mine.params(pairs), rule);
    assert_eq!(with(&[("code", "c0de")], optional), exchange());
    assert_eq!(with(GOOD, optional), exchange());
    let evil = [("code", "c0de"), ("iss", "https://as.evil.example")];
    assert_eq!(with(&evil, optional), CallbackVerdict::IssuerMismatch);

    let unknown = IssuerRule {
        expected: None,
        required: false,
    };
    assert_eq!(with(GOOD, unknown), exchange());
    assert_eq!(with(&[("code", "c0de")], unknown), exchange());
    let nameless = IssuerRule {
        expected: None,
        required: true,
    };
    assert_eq!(with(GOOD, nameless), CallbackVerdict::IssuerMismatch);
}

#[test]
fn error_codes_are_refusals_the_banks_failures_or_ours() {
    use FlowFailure::{BankError, OurError};
    let refusals = [
        ("access_denied", RefusalReason::UserDenied),
        ("consent_required", RefusalReason::UserDenied),
        ("login_required", RefusalReason::ScaFailed),
        ("interaction_required", RefusalReason::ScaFailed),
        ("account_selection_required", RefusalReason::NotEligible),
    ];
    for (code, reason) in refusals {
        flow().check(
            &[("error", code), ("iss", ISSUER)],
            &CallbackVerdict::Denied(reason),
        );
    }
    for (word, failure) in [
        ("server_error", BankError),
        ("temporarily_unavailable", BankError),
        ("invalid_request", OurError),
        ("unauthorized_client", OurError),
        ("unsupported_response_type", OurError),
        ("invalid_scope", OurError),
        ("invalid_request_uri", OurError),
        ("invalid_request_object", OurError),
        ("InstitutionTimeout", BankError),
    ] {
        let code = BankErrorCode::from_word(word);
        assert_eq!(code.as_str(), word);
        let verdict = CallbackVerdict::BankError(code);
        assert_eq!(
            verdict.event(),
            Some(ConsentEvent::AuthorisationFailed(failure))
        );
        flow().check(&[("error", word), ("iss", ISSUER)], &verdict);
    }
}

#[test]
fn an_unknown_error_code_is_kept_only_when_it_is_short_and_plain() {
    let kept = |word: &str| BankErrorCode::from_word(word).as_str() == word;
    assert!(kept(&"e".repeat(64)) && !kept(&"e".repeat(65)));
    for hostile in ["<script>", "a b", "a\nb", "ä", "%0d"] {
        assert_eq!(
            BankErrorCode::from_word(hostile),
            BankErrorCode::Other(None)
        );
    }
}

#[test]
fn answers_that_no_server_gives_are_forged() {
    let mine = flow();
    let both = [
        ("code", "c0de"),
        ("error", "access_denied"),
        ("iss", ISSUER),
    ];
    mine.check(&both, &CallbackVerdict::Forged);
    mine.check(&[("iss", ISSUER)], &CallbackVerdict::Forged);
    mine.check(&[("code", ""), ("iss", ISSUER)], &CallbackVerdict::Forged);
}

#[test]
fn where_no_code_is_expected_the_return_counts_and_a_code_does_not() {
    let mut mine = flow();
    mine.stored.expects_code = false;
    mine.check(&[("iss", ISSUER)], &CallbackVerdict::Returned);
    mine.check(GOOD, &CallbackVerdict::Forged);
    let denied = CallbackVerdict::Denied(RefusalReason::UserDenied);
    mine.check(&[("error", "access_denied"), ("iss", ISSUER)], &denied);
}

#[test]
fn a_parameter_that_stands_there_twice_is_refused() {
    for name in ["state", "code", "iss", "error"] {
        for value in ["a", ""] {
            let read = CallbackParams::from_pairs([(name, "a"), ("x", "1"), (name, value)]);
            assert_eq!(read, Err(ParamsError::Duplicate), "{name}");
        }
    }
    assert!(CallbackParams::from_pairs([("x", "1"), ("x", "2")]).is_ok());
}

#[test]
fn a_callback_is_read_up_to_its_limits() {
    let sized = |bytes| CallbackParams::from_pairs([("code", "c".repeat(bytes))]);
    assert!(sized(PARAM_BYTES_MAX).is_ok());
    assert_eq!(sized(PARAM_BYTES_MAX + 1), Err(ParamsError::TooLarge));
    let many = |count| CallbackParams::from_pairs((0..count).map(|n| (format!("p{n}"), "1")));
    assert!(many(PARAMS_MAX).is_ok());
    assert_eq!(many(PARAMS_MAX + 1), Err(ParamsError::TooLarge));
}

#[test]
fn an_attempts_secrets_all_differ_and_are_not_shown() {
    let Flow {
        attempt, stored, ..
    } = flow();
    let secrets = [
        attempt.state.expose(),
        attempt.nonce.expose(),
        attempt.verifier.expose(),
    ];
    let shown = format!("{attempt:?} {stored:?} {:?}", flow().params(GOOD));
    for (at, secret) in secrets.iter().enumerate() {
        assert!(secret.len() == 43 && !secrets[..at].contains(secret));
        assert!(
            secret
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        );
        assert!(!shown.contains(secret) && !shown.contains("c0de"));
    }
}
