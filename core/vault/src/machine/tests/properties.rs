//! What no sequence of events may bring about, by search over all of them.

use std::collections::BTreeSet;

use fondaco_model::FaultKind;
use fondaco_model::v1::TerminationReason;

use super::table::COLUMNS;
use super::*;

/// Longest sequence that is searched; the search reaches its last new state long before.
const STEPS_MAX: usize = 8;

/// What has been seen on the way to a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    Nothing,
    Verified,
    Exchanged,
}

fn watch(seen: Seen, event: &ConsentEvent) -> Seen {
    match (seen, event) {
        (Seen::Nothing, ConsentEvent::CallbackVerified) => Seen::Verified,
        (Seen::Verified, ConsentEvent::ExchangeSucceeded) => Seen::Exchanged,
        (seen, _) => seen,
    }
}

/// States with what was seen before them, by every sequence of at most `steps` events.
fn reachable(steps: usize) -> BTreeSet<(ConsentState, Seen)> {
    let events = samples();
    let mut found = BTreeSet::from([(ConsentState::Created, Seen::Nothing)]);
    let mut border = found.clone();
    for _ in 0..steps {
        let next: BTreeSet<_> = border
            .iter()
            .flat_map(|(state, seen)| {
                events.iter().filter_map(|(_, event)| {
                    let to = step(*state, event).ok()?.to;
                    Some((to, watch(*seen, event)))
                })
            })
            .collect();
        border = next.difference(&found).copied().collect();
        found.extend(&border);
    }
    found
}

#[test]
fn no_sequence_reaches_a_usable_grant_without_a_verified_callback_and_its_exchange() {
    let found = reachable(STEPS_MAX);
    assert_eq!(
        found,
        reachable(STEPS_MAX * 4),
        "longer sequences find nothing new"
    );
    for (state, seen) in &found {
        let has_grant = matches!(
            state,
            ConsentState::Active
                | ConsentState::ReconfirmDue
                | ConsentState::ReauthRequired
                | ConsentState::Suspended
                | ConsentState::Expired
                | ConsentState::Superseded
        );
        assert!(
            !has_grant || *seen == Seen::Exchanged,
            "{state} after {seen:?}"
        );
    }
    let states: BTreeSet<_> = found.into_iter().map(|(state, _)| state).collect();
    assert_eq!(
        states.len(),
        ConsentState::ALL.len(),
        "every state can be reached"
    );
}

#[test]
fn a_code_is_exchanged_and_a_grant_stored_only_where_they_came_from() {
    for (name, event) in samples() {
        for state in COLUMNS {
            let Ok(transition) = step(state, &event) else {
                continue;
            };
            let has = |effect| transition.effects.contains(&effect);
            let verified = event == ConsentEvent::CallbackVerified;
            assert_eq!(has(Effect::ExchangeCode), verified, "{name} in {state}");
            assert_eq!(has(Effect::ConsumeState), verified, "{name} in {state}");
            let granted = matches!(
                event,
                ConsentEvent::ExchangeSucceeded | ConsentEvent::GrantRefreshed
            );
            assert_eq!(has(Effect::StoreGrant), granted, "{name} in {state}");
        }
    }
}

#[test]
fn only_evidence_about_the_consent_asks_the_person_to_authenticate_again() {
    for (name, event) in samples() {
        for state in COLUMNS {
            let to = step(state, &event).map(|transition| transition.to);
            if to == Ok(ConsentState::ReauthRequired) && state != ConsentState::ReauthRequired {
                let conclusive = ["AUTH_FAILED, explicit", "AUTH_FAILED, again after 300 s"];
                assert!(conclusive.contains(&name.as_str()), "{name} in {state}");
            }
        }
    }
    for kind in [
        FaultKind::RateLimited,
        FaultKind::ProviderDown,
        FaultKind::NotFoundOrGone,
        FaultKind::ProviderRejected,
        FaultKind::AccountRestricted,
        FaultKind::SchemaDrift,
        FaultKind::Internal,
    ] {
        assert_eq!(signal_of(kind), None, "{kind:?}");
    }
    assert_eq!(
        signal_of(FaultKind::UserActionRequired),
        Some(ConsentSignal::Explicit)
    );
    assert_eq!(
        signal_of(FaultKind::AuthRevoked),
        Some(ConsentSignal::Refused)
    );
    assert_eq!(
        signal_of(FaultKind::ConsentExpired),
        Some(ConsentSignal::Expired)
    );
}

#[test]
fn one_refused_call_leaves_the_consent_active_and_asks_for_a_second() {
    let event = ConsentEvent::AuthFailed(AuthEvidence::Refused { first: None });
    let transition = step(ConsentState::Active, &event).unwrap();
    assert_eq!(transition.to, ConsentState::Active);
    let expected = [Effect::RecordEvidence, Effect::ScheduleConfirmingCall];
    assert_eq!(transition.effects, expected);
}

#[test]
fn every_live_consent_can_be_withdrawn_and_the_bank_is_told_unless_it_did_it() {
    for state in COLUMNS {
        let effects = |by| step(state, &ConsentEvent::Revoked(by)).unwrap().effects;
        let here = effects(RevokedBy::EndUserHere);
        let there = effects(RevokedBy::EndUserAtBank);
        let told = [Effect::RevokeAtBank, Effect::DeleteAtBank];
        let tells = |effects: &[Effect]| effects.iter().any(|effect| told.contains(effect));
        assert_eq!(tells(&here), state != ConsentState::Created, "{state}");
        assert!(!tells(&there), "{state}");
        let may_hold_grant = !matches!(
            state,
            ConsentState::Created
                | ConsentState::AwaitingAuthorisation
                | ConsentState::PartiallyAuthorised
        );
        assert_eq!(
            here.contains(&Effect::RetireGrant),
            may_hold_grant,
            "{state}"
        );
        assert_eq!(
            there.contains(&Effect::DestroyGrant),
            may_hold_grant,
            "{state}"
        );
    }
}

#[test]
fn a_grant_is_taken_away_before_the_bank_is_told() {
    for state in COLUMNS {
        for (_, event) in samples() {
            let Ok(Transition { effects, .. }) = step(state, &event) else {
                continue;
            };
            let place = |wanted| effects.iter().position(|effect| *effect == wanted);
            if let Some(revoke) = place(Effect::RevokeAtBank) {
                assert!(place(Effect::RetireGrant).unwrap() < revoke);
            }
        }
    }
}

#[test]
fn what_ends_a_consent_names_its_reason_and_nothing_else_does() {
    for (name, event) in samples() {
        for state in COLUMNS {
            let Ok(transition) = step(state, &event) else {
                continue;
            };
            let asks = state != transition.to && transition.to == ConsentState::ReauthRequired;
            let named = transition.reason.is_some();
            assert_eq!(
                named,
                transition.to.is_terminal() || asks,
                "{name} in {state}"
            );
        }
    }
    let event = ConsentEvent::Revoked(RevokedBy::Regulatory);
    let reason = step(ConsentState::Active, &event).unwrap().reason;
    assert_eq!(reason, Some(TerminationReason::from_word("REGULATORY")));
}
