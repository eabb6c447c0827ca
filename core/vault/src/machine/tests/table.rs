//! The whole table, state by event, as data.

use super::*;

/// The columns: every state that can change.
pub(super) const COLUMNS: [ConsentState; 8] = [
    ConsentState::Created,
    ConsentState::AwaitingAuthorisation,
    ConsentState::PartiallyAuthorised,
    ConsentState::Exchanging,
    ConsentState::Active,
    ConsentState::ReconfirmDue,
    ConsentState::ReauthRequired,
    ConsentState::Suspended,
];

/// `.` the event does not belong there, `=` the state stays and effects follow, `<` too early,
/// `0` no attempt is left, two letters the state that follows: small ones can still change.
#[rustfmt::skip]
pub(super) const TABLE: &[(&str, &str)] = &[
    //                                         Cr Aw Pa Ex Ac Rc Re Su
    ("LINK_OPENED, 0 attempts before",         "Aw =  .  .  .  .  =  ."),
    ("LINK_OPENED, 4 attempts before",         "Aw =  .  .  .  .  =  ."),
    ("LINK_OPENED, 5 attempts before",         "0  0  .  .  .  .  0  ."),
    ("CANCELLED",                              "RJ RJ RJ .  .  .  =  ."),
    ("BANK_PARTIALLY_AUTHORISED",              ".  Pa =  =  .  .  .  ."),
    ("CALLBACK_VERIFIED",                      ".  Ex Ex .  .  .  =  ."),
    ("AUTHORISATION_REFUSED, USER_DENIED",     ".  RJ RJ .  .  .  =  ."),
    ("AUTHORISATION_REFUSED, USER_CANCELLED",  ".  RJ RJ .  .  .  =  ."),
    ("AUTHORISATION_REFUSED, SCA_FAILED",      ".  RJ RJ .  .  .  =  ."),
    ("AUTHORISATION_REFUSED, NOT_ELIGIBLE",    ".  RJ RJ .  .  .  =  ."),
    ("AUTHORISATION_FAILED, ISSUER_MISMATCH",  ".  FA FA .  .  .  =  ."),
    ("AUTHORISATION_FAILED, BANK_ERROR",       ".  FA FA .  .  .  =  ."),
    ("AUTHORISATION_FAILED, OUR_ERROR",        ".  FA FA .  .  .  =  ."),
    ("DEADLINE_PASSED, now",                   "AB AB AB .  .  .  =  ."),
    ("DEADLINE_PASSED, in 1 ms",               "<  <  <  <  <  <  <  <"),
    ("EXCHANGE_SUCCEEDED",                     ".  .  .  Ac .  .  Ac ."),
    ("EXCHANGE_FAILED, CODE_INVALID",          ".  .  .  FA .  .  =  ."),
    ("EXCHANGE_FAILED, NO_ACCOUNTS",           ".  .  .  FA FA .  =  ."),
    ("EXCHANGE_FAILED, BANK_ERROR",            ".  .  .  FA .  .  =  ."),
    ("EXCHANGE_FAILED, TIMED_OUT",             ".  .  .  FA .  .  =  ."),
    ("EXCHANGE_FAILED, OUR_ERROR",             ".  .  .  FA .  .  =  ."),
    ("EXCHANGE_FAILED, INTERRUPTED",           ".  .  .  FA .  .  =  ."),
    ("GRANT_REFRESHED",                        ".  .  .  .  =  =  =  ="),
    ("READ_SUCCEEDED",                         ".  .  .  .  =  =  Ac ="),
    ("AUTH_FAILED, explicit",                  ".  .  .  .  Re Re =  ="),
    ("AUTH_FAILED, first",                     ".  .  .  .  =  =  =  ="),
    ("AUTH_FAILED, again after 299 s",         ".  .  .  .  =  =  =  ="),
    ("AUTH_FAILED, again after 300 s",         ".  .  .  .  Re Re =  ="),
    ("RECONFIRMATION_DUE, now",                ".  .  .  .  Rc .  .  ."),
    ("RECONFIRMATION_DUE, in 1 ms",            "<  <  <  <  <  <  <  <"),
    ("RECONFIRMED",                            ".  .  .  .  .  Ac .  ."),
    ("EXPIRY_REACHED, yesterday",              ".  .  .  .  XP XP XP XP"),
    ("EXPIRY_REACHED, today",                  "<  <  <  <  <  <  <  <"),
    ("BANK_EXPIRED",                           ".  AB AB .  XP XP XP XP"),
    ("SUSPENDED",                              ".  .  .  .  Su Su .  ."),
    ("RESUMED",                                ".  .  .  .  .  .  .  Ac"),
    ("SUPERSEDED",                             ".  .  .  .  SS SS SS SS"),
    ("REVOKED, END_USER_HERE",                 "RV RV RV RV RV RV RV RV"),
    ("REVOKED, END_USER_AT_BANK",              "RV RV RV RV RV RV RV RV"),
    ("REVOKED, CLIENT",                        "RV RV RV RV RV RV RV RV"),
    ("REVOKED, BANK",                          "RV RV RV RV RV RV RV RV"),
    ("REVOKED, PROVIDER",                      "RV RV RV RV RV RV RV RV"),
    ("REVOKED, REGULATORY",                    "RV RV RV RV RV RV RV RV"),
];

/// The table's letters for a state.
pub(super) fn letters(state: ConsentState) -> &'static str {
    match state {
        ConsentState::Created => "Cr",
        ConsentState::AwaitingAuthorisation => "Aw",
        ConsentState::PartiallyAuthorised => "Pa",
        ConsentState::Exchanging => "Ex",
        ConsentState::Active => "Ac",
        ConsentState::ReconfirmDue => "Rc",
        ConsentState::ReauthRequired => "Re",
        ConsentState::Suspended => "Su",
        ConsentState::Rejected => "RJ",
        ConsentState::Abandoned => "AB",
        ConsentState::Failed => "FA",
        ConsentState::Expired => "XP",
        ConsentState::Revoked => "RV",
        ConsentState::Superseded => "SS",
    }
}

/// The state that two letters stand for.
pub(super) fn named(cell: &str) -> Option<ConsentState> {
    let mut states = ConsentState::ALL.iter().copied();
    states.find(|state| letters(*state) == cell)
}

/// What the machine does, in the words of the table.
fn cell(state: ConsentState, event: &ConsentEvent) -> &'static str {
    match step(state, event) {
        Ok(transition) if transition.to == state => "=",
        Ok(transition) => letters(transition.to),
        Err(Refused::Terminal) => "ended",
        Err(Refused::NotNow) => ".",
        Err(Refused::TooEarly) => "<",
        Err(Refused::NoAttemptLeft) => "0",
    }
}

#[test]
fn the_machine_does_in_every_state_what_its_table_says() {
    let samples = samples();
    let names: Vec<_> = samples.iter().map(|(name, _)| name.as_str()).collect();
    let rows: Vec<_> = TABLE.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, rows, "the table has a row for each event");
    for ((name, event), (_, row)) in samples.iter().zip(TABLE) {
        let cells: Vec<_> = row.split_ascii_whitespace().collect();
        assert_eq!(cells.len(), COLUMNS.len(), "{name}");
        for (state, expected) in COLUMNS.into_iter().zip(cells) {
            assert_eq!(cell(state, event), expected, "{name} in {state}");
        }
    }
}

#[test]
fn an_ended_consent_never_changes_again() {
    let ended = ConsentState::ALL.iter().filter(|state| state.is_terminal());
    assert_eq!(
        ended.clone().count() + COLUMNS.len(),
        ConsentState::ALL.len()
    );
    for state in ended {
        for (name, event) in samples() {
            assert_eq!(
                step(*state, &event),
                Err(Refused::Terminal),
                "{name} in {state}"
            );
        }
    }
}
