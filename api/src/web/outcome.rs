//! What the last pages say: the texts of an outcome and of a problem.

use super::i18n::Texts;
use super::pages::{Denial, Ended, Failure, Outcome, Problem};
use super::parts::{LocalPath, Name};

/// The texts of an outcome.
pub(super) struct Ending<'a> {
    pub(super) heading: String,
    pub(super) text: String,
    pub(super) next: String,
    /// `good`, `bad` or `plain`: the drawing above the heading, which says the same in words.
    pub(super) sign: &'static str,
    pub(super) reference: Option<&'a Name>,
}

pub(super) fn ending(t: Texts, page: &Ended) -> Ending<'_> {
    let (institution, reference) = match &page.outcome {
        Outcome::Success { institution, .. }
        | Outcome::Signatory { institution }
        | Outcome::Denied { institution, .. } => (institution.as_str(), None),
        Outcome::Failed {
            institution,
            reference,
            ..
        } => (institution.as_str(), Some(reference)),
        Outcome::Expired | Outcome::AlreadyUsed | Outcome::Cancelled => ("", None),
    };
    let variables = [
        ("institution", institution),
        ("tenant", page.tenant.name.as_str()),
    ];
    let [heading, text, next] = ending_keys(&page.outcome);
    let text = if let Outcome::Success {
        accounts: Some(count),
        ..
    } = page.outcome
    {
        t.count("result-success-count", count, &variables)
    } else {
        t.with_all(text, &variables)
    };
    let sign = match page.outcome {
        Outcome::Success { .. } => "good",
        Outcome::Denied { .. } | Outcome::Failed { .. } => "bad",
        Outcome::Signatory { .. }
        | Outcome::Expired
        | Outcome::AlreadyUsed
        | Outcome::Cancelled => "plain",
    };
    Ending {
        heading: t.text(heading),
        text,
        next: t.with_all(next, &variables),
        sign,
        reference,
    }
}

/// The keys of heading, text and next step.
fn ending_keys(outcome: &Outcome) -> [&'static str; 3] {
    match outcome {
        Outcome::Success { .. } => [
            "result-success-heading",
            "result-success-text",
            "result-success-next",
        ],
        Outcome::Signatory { .. } => [
            "result-signatory-heading",
            "result-signatory-text",
            "result-signatory-next",
        ],
        Outcome::Denied { denial, .. } => {
            let [text, next] = match denial {
                Denial::Declined => ["result-denied-declined", "result-denied-declined-next"],
                Denial::Authentication => [
                    "result-denied-authentication",
                    "result-denied-authentication-next",
                ],
                Denial::NotEligible => ["result-denied-eligible", "result-denied-eligible-next"],
            };
            ["result-denied-heading", text, next]
        }
        Outcome::Failed { failure, .. } => {
            let [text, next] = match failure {
                Failure::Bank => ["result-failed-bank", "result-failed-bank-next"],
                Failure::NoAccounts => ["result-failed-accounts", "result-failed-accounts-next"],
                Failure::Here => ["result-failed-here", "result-failed-here-next"],
            };
            ["result-failed-heading", text, next]
        }
        Outcome::Expired => [
            "result-expired-heading",
            "result-expired-text",
            "result-expired-next",
        ],
        Outcome::AlreadyUsed => [
            "result-used-heading",
            "result-used-text",
            "result-used-next",
        ],
        Outcome::Cancelled => [
            "result-cancelled-heading",
            "result-cancelled-text",
            "result-cancelled-next",
        ],
    }
}

/// The texts of a problem.
pub(super) struct Trouble<'a> {
    pub(super) heading: String,
    pub(super) text: String,
    pub(super) steps: Vec<String>,
    pub(super) again: Option<&'a LocalPath>,
    pub(super) reference: Option<&'a Name>,
}

pub(super) fn trouble(t: Texts, problem: &Problem) -> Trouble<'_> {
    let (heading, text, steps) = trouble_keys(problem);
    let steps = if let Problem::TooManyRequests { retry_after_s } = problem {
        vec![t.count("problem-many-next", *retry_after_s, &[])]
    } else {
        steps.iter().map(|key| t.text(key)).collect()
    };
    let again = match problem {
        Problem::CookiesBlocked { again } | Problem::FormExpired { again } => Some(again),
        Problem::NotFound
        | Problem::LinkExpired
        | Problem::TooManyRequests { .. }
        | Problem::Maintenance { .. }
        | Problem::Internal { .. } => None,
    };
    let reference = if let Problem::Internal { reference } = problem {
        Some(reference)
    } else {
        None
    };
    Trouble {
        heading: t.text(heading),
        text: t.text(text),
        steps,
        again,
        reference,
    }
}

/// The keys of heading, text and steps.
fn trouble_keys(problem: &Problem) -> (&'static str, &'static str, &'static [&'static str]) {
    match problem {
        Problem::NotFound => (
            "problem-not-found-heading",
            "problem-not-found-text",
            &["problem-not-found-next"],
        ),
        Problem::LinkExpired => (
            "problem-expired-heading",
            "problem-expired-text",
            &["problem-expired-next"],
        ),
        Problem::TooManyRequests { .. } => ("problem-many-heading", "problem-many-text", &[]),
        Problem::CookiesBlocked { .. } => (
            "problem-cookies-heading",
            "problem-cookies-text",
            &[
                "problem-cookies-allow",
                "problem-cookies-private",
                "problem-cookies-same",
            ],
        ),
        Problem::FormExpired { .. } => (
            "problem-form-heading",
            "problem-form-text",
            &["problem-form-next"],
        ),
        Problem::Maintenance { .. } => (
            "problem-maintenance-heading",
            "problem-maintenance-text",
            &["problem-maintenance-next"],
        ),
        Problem::Internal { .. } => (
            "problem-internal-heading",
            "problem-internal-text",
            &["problem-internal-next"],
        ),
    }
}
