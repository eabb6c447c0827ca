//! From the first click to the grant: what each event of a flow does.

use fondaco_model::v1::{ConsentState, TerminationReason};

use super::{ATTEMPTS_MAX, Answer, Effect, ExchangeFailure, Live, Notice, Refused, end, go};

pub(super) fn link_opened(live: Live, attempts_before: u32) -> Answer {
    match live {
        Live::Created | Live::Awaiting | Live::Reauth if attempts_before >= ATTEMPTS_MAX => {
            Err(Refused::NoAttemptLeft)
        }
        Live::Created | Live::Awaiting => go(
            ConsentState::AwaitingAuthorisation,
            [Effect::CreateAttempt, Effect::ScheduleDeadline],
        ),
        // The consent still stands; only the authentication is renewed, so the state waits.
        Live::Reauth => live.stay([Effect::CreateAttempt, Effect::ScheduleDeadline]),
        Live::Partial | Live::Exchanging | Live::Active | Live::ReconfirmDue | Live::Suspended => {
            Err(Refused::NotNow)
        }
    }
}

pub(super) fn cancelled(live: Live) -> Answer {
    let reason = TerminationReason::UserCancelled;
    match live {
        Live::Created => end(ConsentState::Rejected, reason, []),
        Live::Awaiting | Live::Partial => end(
            ConsentState::Rejected,
            reason,
            [Effect::CloseAttempt, Effect::DeleteAtBank],
        ),
        Live::Reauth => live.stay([Effect::CloseAttempt]),
        Live::Exchanging | Live::Active | Live::ReconfirmDue | Live::Suspended => {
            Err(Refused::NotNow)
        }
    }
}

pub(super) fn bank_partially_authorised(live: Live) -> Answer {
    let effects = [Effect::PollBankStatus];
    match live {
        Live::Awaiting | Live::Partial => go(ConsentState::PartiallyAuthorised, effects),
        // The callback was verified, and that must stay known: only here may it become active.
        Live::Exchanging => live.stay(effects),
        Live::Created | Live::Active | Live::ReconfirmDue | Live::Reauth | Live::Suspended => {
            Err(Refused::NotNow)
        }
    }
}

pub(super) fn callback_verified(live: Live) -> Answer {
    let effects = [Effect::ConsumeState, Effect::ExchangeCode];
    match live {
        Live::Awaiting | Live::Partial => go(ConsentState::Exchanging, effects),
        Live::Reauth => live.stay(effects),
        Live::Created | Live::Exchanging | Live::Active | Live::ReconfirmDue | Live::Suspended => {
            Err(Refused::NotNow)
        }
    }
}

/// The bank, or a callback that names an error, ended the attempt before a code was exchanged.
pub(super) fn attempt_ended(live: Live, to: ConsentState, reason: TerminationReason) -> Answer {
    match live {
        Live::Awaiting | Live::Partial => end(
            to,
            reason,
            [
                Effect::CloseAttempt,
                Effect::DeleteAtBank,
                Effect::Notify(Notice::Ended),
            ],
        ),
        Live::Reauth => live.stay([Effect::CloseAttempt]),
        Live::Created | Live::Exchanging | Live::Active | Live::ReconfirmDue | Live::Suspended => {
            Err(Refused::NotNow)
        }
    }
}

pub(super) fn deadline_passed(live: Live) -> Answer {
    let reason = TerminationReason::TimedOut;
    let notice = Effect::Notify(Notice::Ended);
    match live {
        Live::Created => end(ConsentState::Abandoned, reason, [notice]),
        Live::Awaiting | Live::Partial => end(
            ConsentState::Abandoned,
            reason,
            [Effect::CloseAttempt, Effect::DeleteAtBank, notice],
        ),
        Live::Reauth => live.stay([Effect::CloseAttempt]),
        Live::Exchanging | Live::Active | Live::ReconfirmDue | Live::Suspended => {
            Err(Refused::NotNow)
        }
    }
}

pub(super) fn exchange_succeeded(live: Live) -> Answer {
    match live {
        Live::Exchanging => go(
            ConsentState::Active,
            [
                Effect::StoreGrant,
                Effect::RecordGranted,
                Effect::ScheduleExpiry,
                Effect::EnqueueFirstSync,
                Effect::SupersedeAfterFirstRead,
                Effect::Notify(Notice::Activated),
            ],
        ),
        Live::Reauth => go(
            ConsentState::Active,
            [
                Effect::StoreGrant,
                Effect::RecordGranted,
                Effect::ClearEvidence,
                Effect::ScheduleExpiry,
                Effect::ResumeSchedules,
                Effect::EnqueueSync,
                Effect::Notify(Notice::Repaired),
            ],
        ),
        Live::Created
        | Live::Awaiting
        | Live::Partial
        | Live::Active
        | Live::ReconfirmDue
        | Live::Suspended => Err(Refused::NotNow),
    }
}

pub(super) fn exchange_failed(live: Live, failure: ExchangeFailure) -> Answer {
    match live {
        // Only the first reading tells whether the bank gave accounts.
        Live::Active if failure == ExchangeFailure::NoAccounts => end(
            ConsentState::Failed,
            failure.reason(),
            [
                Effect::StopSchedules,
                Effect::RetireGrant,
                Effect::RevokeAtBank,
                Effect::Notify(Notice::Ended),
            ],
        ),
        Live::Exchanging => end(
            ConsentState::Failed,
            failure.reason(),
            [
                Effect::CloseAttempt,
                Effect::RetireGrant,
                Effect::RevokeAtBank,
                Effect::Notify(Notice::Ended),
            ],
        ),
        Live::Reauth => live.stay([Effect::CloseAttempt]),
        Live::Created
        | Live::Awaiting
        | Live::Partial
        | Live::Active
        | Live::ReconfirmDue
        | Live::Suspended => Err(Refused::NotNow),
    }
}
