//! From the grant to its end: what each event of a consent in force does.

use fondaco_model::Instant;
use fondaco_model::v1::{ConsentState, RevokedBy, TerminationReason};

use super::flow::deadline_passed;
use super::{
    Answer, AuthEvidence, EVIDENCE_SECONDS_MIN, Effect, Live, Notice, Refused, end, event, go,
};

/// A rotated token must be kept in every state that has a grant: the older one is already dead.
pub(super) fn grant_refreshed(live: Live) -> Answer {
    match live {
        Live::Active | Live::ReconfirmDue | Live::Reauth | Live::Suspended => {
            live.stay([Effect::StoreGrant])
        }
        Live::Created | Live::Awaiting | Live::Partial | Live::Exchanging => Err(Refused::NotNow),
    }
}

pub(super) fn read_succeeded(live: Live) -> Answer {
    match live {
        Live::Active | Live::ReconfirmDue => live.stay([Effect::ClearEvidence]),
        Live::Reauth => go(
            ConsentState::Active,
            [
                Effect::ClearEvidence,
                Effect::ResumeSchedules,
                Effect::Notify(Notice::Repaired),
            ],
        ),
        // A read that was under way when the consent was suspended proves nothing new.
        Live::Suspended => live.stay([]),
        Live::Created | Live::Awaiting | Live::Partial | Live::Exchanging => Err(Refused::NotNow),
    }
}

pub(super) fn auth_failed(live: Live, evidence: AuthEvidence, now: Instant) -> Answer {
    let conclusive = match evidence {
        AuthEvidence::Explicit => true,
        AuthEvidence::Refused { first: None } => false,
        AuthEvidence::Refused { first: Some(first) } => {
            now.seconds_since(first) >= EVIDENCE_SECONDS_MIN
        }
    };
    match live {
        Live::Active | Live::ReconfirmDue if conclusive => end(
            ConsentState::ReauthRequired,
            TerminationReason::GrantInvalid,
            [Effect::ScheduleProbes, Effect::Notify(Notice::NeedsUser)],
        ),
        Live::Active | Live::ReconfirmDue => {
            live.stay([Effect::RecordEvidence, Effect::ScheduleConfirmingCall])
        }
        Live::Reauth | Live::Suspended => live.stay([]),
        Live::Created | Live::Awaiting | Live::Partial | Live::Exchanging => Err(Refused::NotNow),
    }
}

pub(super) fn reconfirmation_due(live: Live) -> Answer {
    match live {
        Live::Active => go(
            ConsentState::ReconfirmDue,
            [Effect::Notify(Notice::NeedsUser)],
        ),
        Live::Created
        | Live::Awaiting
        | Live::Partial
        | Live::Exchanging
        | Live::ReconfirmDue
        | Live::Reauth
        | Live::Suspended => Err(Refused::NotNow),
    }
}

pub(super) fn reconfirmed(live: Live) -> Answer {
    match live {
        Live::ReconfirmDue => go(
            ConsentState::Active,
            [Effect::RecordReconfirmation, Effect::ResumeSchedules],
        ),
        Live::Created
        | Live::Awaiting
        | Live::Partial
        | Live::Exchanging
        | Live::Active
        | Live::Reauth
        | Live::Suspended => Err(Refused::NotNow),
    }
}

pub(super) fn expiry_reached(live: Live) -> Answer {
    match live {
        Live::Active | Live::ReconfirmDue | Live::Reauth | Live::Suspended => expired(),
        Live::Created | Live::Awaiting | Live::Partial | Live::Exchanging => Err(Refused::NotNow),
    }
}

pub(super) fn bank_expired(live: Live) -> Answer {
    match live {
        Live::Active | Live::ReconfirmDue | Live::Reauth | Live::Suspended => expired(),
        // It ran out at the bank before the person had authorised it.
        Live::Awaiting | Live::Partial => deadline_passed(live),
        Live::Created | Live::Exchanging => Err(Refused::NotNow),
    }
}

fn expired() -> Answer {
    end(
        ConsentState::Expired,
        TerminationReason::TimeOver,
        [
            Effect::StopSchedules,
            Effect::CloseAttempt,
            Effect::DestroyGrant,
            Effect::Notify(Notice::Ended),
        ],
    )
}

pub(super) fn suspended(live: Live) -> Answer {
    match live {
        Live::Active | Live::ReconfirmDue => go(
            ConsentState::Suspended,
            [Effect::StopSchedules, Effect::Notify(Notice::Paused)],
        ),
        // Nothing is read while the person has to act, and resuming must not hide that.
        Live::Reauth
        | Live::Created
        | Live::Awaiting
        | Live::Partial
        | Live::Exchanging
        | Live::Suspended => Err(Refused::NotNow),
    }
}

pub(super) fn resumed(live: Live) -> Answer {
    match live {
        Live::Suspended => go(
            ConsentState::Active,
            [Effect::ResumeSchedules, Effect::EnqueueSync],
        ),
        Live::Created
        | Live::Awaiting
        | Live::Partial
        | Live::Exchanging
        | Live::Active
        | Live::ReconfirmDue
        | Live::Reauth => Err(Refused::NotNow),
    }
}

pub(super) fn superseded(live: Live) -> Answer {
    match live {
        // Nothing is revoked at the bank: an authorization server that keeps one grant per
        // person and client would end the newer consent with it (RFC 7009 section 2.1).
        Live::Active | Live::ReconfirmDue | Live::Reauth | Live::Suspended => end(
            ConsentState::Superseded,
            TerminationReason::Superseded,
            [
                Effect::RepointSchedules,
                Effect::CloseAttempt,
                Effect::DestroyGrant,
            ],
        ),
        Live::Created | Live::Awaiting | Live::Partial | Live::Exchanging => Err(Refused::NotNow),
    }
}

pub(super) fn revoked(live: Live, by: RevokedBy) -> Answer {
    let at_bank_too = !event::bank_knows(by);
    let mut effects = match live {
        Live::Created => vec![],
        Live::Awaiting | Live::Partial if at_bank_too => {
            vec![Effect::CloseAttempt, Effect::DeleteAtBank]
        }
        Live::Awaiting | Live::Partial => vec![Effect::CloseAttempt],
        Live::Exchanging | Live::Active | Live::ReconfirmDue | Live::Reauth | Live::Suspended => {
            let grant = if at_bank_too {
                [Effect::RetireGrant, Effect::RevokeAtBank].as_slice()
            } else {
                [Effect::DestroyGrant].as_slice()
            };
            [&[Effect::StopSchedules, Effect::CloseAttempt], grant].concat()
        }
    };
    effects.push(Effect::Notify(Notice::Ended));
    end(
        ConsentState::Revoked,
        event::reason_of_revocation(by),
        effects,
    )
}
