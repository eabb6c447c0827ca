//! The machine against its table, its properties by exhaustive search, and its picture.

mod document;
mod properties;
mod table;

use fondaco_model::v1::{ConsentState, RefusalReason, RevokedBy};
use fondaco_model::{Date, Instant};

use super::*;

/// The instant of every step: the first second of 2026-06-02, UTC.
fn now() -> Instant {
    "2026-06-02T00:00:00Z".parse().unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// Every event, with both sides of each limit, under a name that is its row in the table.
fn samples() -> Vec<(String, ConsentEvent)> {
    let mut samples = samples_of_the_flow();
    samples.extend(samples_of_the_life());
    samples
}

/// Events until the grant is there.
fn samples_of_the_flow() -> Vec<(String, ConsentEvent)> {
    use ConsentEvent as E;
    let mut samples = Vec::new();
    let mut add = |name: &str, event| samples.push((name.to_owned(), event));
    for (name, attempts_before) in [
        ("LINK_OPENED, 0 attempts before", 0),
        ("LINK_OPENED, 4 attempts before", 4),
        ("LINK_OPENED, 5 attempts before", 5),
    ] {
        add(name, E::LinkOpened { attempts_before });
    }
    add("CANCELLED", E::Cancelled);
    add("BANK_PARTIALLY_AUTHORISED", E::BankPartiallyAuthorised);
    add("CALLBACK_VERIFIED", E::CallbackVerified);
    for reason in RefusalReason::ALL {
        add(
            &format!("AUTHORISATION_REFUSED, {reason}"),
            E::AuthorisationRefused(*reason),
        );
    }
    for failure in [
        FlowFailure::IssuerMismatch,
        FlowFailure::BankError,
        FlowFailure::OurError,
    ] {
        let name = format!("AUTHORISATION_FAILED, {}", failure.reason());
        add(&name, E::AuthorisationFailed(failure));
    }
    let later = now().plus_millis(1);
    add(
        "DEADLINE_PASSED, now",
        E::DeadlinePassed { deadline: now() },
    );
    add(
        "DEADLINE_PASSED, in 1 ms",
        E::DeadlinePassed { deadline: later },
    );
    add("EXCHANGE_SUCCEEDED", E::ExchangeSucceeded);
    for failure in [
        ExchangeFailure::CodeInvalid,
        ExchangeFailure::NoAccounts,
        ExchangeFailure::BankError,
        ExchangeFailure::TimedOut,
        ExchangeFailure::OurError,
        ExchangeFailure::Interrupted,
    ] {
        add(
            &format!("EXCHANGE_FAILED, {}", failure.reason()),
            E::ExchangeFailed(failure),
        );
    }
    samples
}

/// Events of a consent that was given.
fn samples_of_the_life() -> Vec<(String, ConsentEvent)> {
    use ConsentEvent as E;
    let mut samples = Vec::new();
    let mut add = |name: &str, event| samples.push((name.to_owned(), event));
    add("GRANT_REFRESHED", E::GrantRefreshed);
    add("READ_SUCCEEDED", E::ReadSucceeded);
    let refused = |first| E::AuthFailed(AuthEvidence::Refused { first });
    add(
        "AUTH_FAILED, explicit",
        E::AuthFailed(AuthEvidence::Explicit),
    );
    add("AUTH_FAILED, first", refused(None));
    add(
        "AUTH_FAILED, again after 299 s",
        refused(Some(now().plus_seconds(-299))),
    );
    add(
        "AUTH_FAILED, again after 300 s",
        refused(Some(now().plus_seconds(-300))),
    );
    let later = now().plus_millis(1);
    add(
        "RECONFIRMATION_DUE, now",
        E::ReconfirmationDue { due: now() },
    );
    add(
        "RECONFIRMATION_DUE, in 1 ms",
        E::ReconfirmationDue { due: later },
    );
    add("RECONFIRMED", E::Reconfirmed);
    let until = |text| E::ExpiryReached {
        granted_until: day(text),
    };
    add("EXPIRY_REACHED, yesterday", until("2026-06-01"));
    add("EXPIRY_REACHED, today", until("2026-06-02"));
    add("BANK_EXPIRED", E::BankExpired);
    add("SUSPENDED", E::Suspended);
    add("RESUMED", E::Resumed);
    add("SUPERSEDED", E::Superseded);
    for by in RevokedBy::ALL {
        add(&format!("REVOKED, {by}"), E::Revoked(*by));
    }
    samples
}

fn step(state: ConsentState, event: &ConsentEvent) -> Result<Transition, Refused> {
    transition(state, event, now())
}
