//! The words of the consent machine: events, what counts as evidence, and effects.

use fondaco_model::v1::{RefusalReason, RevokedBy, TerminationReason};
use fondaco_model::{Date, FaultKind, Instant};

/// Something that happened to a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentEvent {
    /// The person went on to the bank.
    LinkOpened {
        /// Attempts of this consent that were started before.
        attempts_before: u32,
    },
    /// The person cancelled on our page.
    Cancelled,
    /// The bank waits for another signatory.
    BankPartiallyAuthorised,
    /// A callback passed every check of [`verify_callback`](crate::attempt::verify_callback).
    CallbackVerified,
    /// The bank says that the person or it refused.
    AuthorisationRefused(RefusalReason),
    /// The attempt failed before a code could be exchanged.
    AuthorisationFailed(FlowFailure),
    /// The time for coming back is over.
    DeadlinePassed {
        /// When it was over.
        deadline: Instant,
    },
    /// The code was exchanged and the bank's consent is valid.
    ExchangeSucceeded,
    /// The code was not exchanged, or what it gave is of no use.
    ExchangeFailed(ExchangeFailure),
    /// The token endpoint answered a refresh.
    GrantRefreshed,
    /// A read with the grant went well.
    ReadSucceeded,
    /// A call says that the authentication does not hold. See [`signal_of`].
    AuthFailed(AuthEvidence),
    /// The person has to reconfirm with us.
    ReconfirmationDue {
        /// Since when.
        due: Instant,
    },
    /// The person reconfirmed on our page.
    Reconfirmed,
    /// The clock passed the last granted day.
    ExpiryReached {
        /// The last granted day; a day of the consent.
        granted_until: Date,
    },
    /// The bank says that the consent's time is over.
    BankExpired,
    /// An operator, the tenant or a provider paused it.
    Suspended,
    /// The pause is over.
    Resumed,
    /// A newer consent of the link took over, after its first good read.
    Superseded,
    /// It was withdrawn.
    Revoked(RevokedBy),
}

impl ConsentEvent {
    /// The word that the ledger and `consent_event` rows carry.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::LinkOpened { .. } => "LINK_OPENED",
            Self::Cancelled => "CANCELLED",
            Self::BankPartiallyAuthorised => "BANK_PARTIALLY_AUTHORISED",
            Self::CallbackVerified => "CALLBACK_VERIFIED",
            Self::AuthorisationRefused(_) => "AUTHORISATION_REFUSED",
            Self::AuthorisationFailed(_) => "AUTHORISATION_FAILED",
            Self::DeadlinePassed { .. } => "DEADLINE_PASSED",
            Self::ExchangeSucceeded => "EXCHANGE_SUCCEEDED",
            Self::ExchangeFailed(_) => "EXCHANGE_FAILED",
            Self::GrantRefreshed => "GRANT_REFRESHED",
            Self::ReadSucceeded => "READ_SUCCEEDED",
            Self::AuthFailed(_) => "AUTH_FAILED",
            Self::ReconfirmationDue { .. } => "RECONFIRMATION_DUE",
            Self::Reconfirmed => "RECONFIRMED",
            Self::ExpiryReached { .. } => "EXPIRY_REACHED",
            Self::BankExpired => "BANK_EXPIRED",
            Self::Suspended => "SUSPENDED",
            Self::Resumed => "RESUMED",
            Self::Superseded => "SUPERSEDED",
            Self::Revoked(_) => "REVOKED",
        }
    }
}

/// Why an attempt failed before its code was exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowFailure {
    /// The callback names another issuer than the one that was asked.
    IssuerMismatch,
    /// The bank failed or refuses what it documents.
    BankError,
    /// Our registration, configuration or code is at fault.
    OurError,
}

impl FlowFailure {
    /// The reason that clients see.
    pub fn reason(self) -> TerminationReason {
        match self {
            Self::IssuerMismatch => TerminationReason::IssuerMismatch,
            Self::BankError => TerminationReason::BankError,
            Self::OurError => TerminationReason::OurError,
        }
    }
}

/// Why an exchange gave no usable grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExchangeFailure {
    /// The code was expired or used.
    CodeInvalid,
    /// The bank gave no accounts.
    NoAccounts,
    /// The bank failed.
    BankError,
    /// Another signatory did not authorise in time.
    TimedOut,
    /// We failed.
    OurError,
    /// We stopped between the callback and the bank's answer; a code is never sent twice.
    Interrupted,
}

impl ExchangeFailure {
    /// The reason that clients see.
    pub fn reason(self) -> TerminationReason {
        match self {
            Self::CodeInvalid => TerminationReason::CodeInvalid,
            Self::NoAccounts => TerminationReason::NoAccounts,
            Self::BankError => TerminationReason::BankError,
            Self::TimedOut => TerminationReason::TimedOut,
            Self::OurError => TerminationReason::OurError,
            Self::Interrupted => TerminationReason::Interrupted,
        }
    }
}

/// How strongly a failed call speaks against the authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthEvidence {
    /// The bank says in a code of its own that the person has to authenticate again.
    Explicit,
    /// The token was refused. Twice, [`EVIDENCE_SECONDS_MIN`](super::EVIDENCE_SECONDS_MIN)
    /// apart, is evidence; once is not.
    Refused {
        /// When it was first refused since the last good read.
        first: Option<Instant>,
    },
}

/// What a fault says about the consent itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentSignal {
    /// [`AuthEvidence::Explicit`].
    Explicit,
    /// [`AuthEvidence::Refused`].
    Refused,
    /// [`ConsentEvent::BankExpired`].
    Expired,
}

/// What a fault of a call says about the consent; none for everything that is not about it:
/// limits, failures and time-outs of the bank, and what concerns one account.
pub fn signal_of(kind: FaultKind) -> Option<ConsentSignal> {
    match kind {
        FaultKind::UserActionRequired => Some(ConsentSignal::Explicit),
        FaultKind::AuthExpired | FaultKind::AuthRevoked => Some(ConsentSignal::Refused),
        FaultKind::ConsentExpired => Some(ConsentSignal::Expired),
        FaultKind::ScopeMissing
        | FaultKind::RateLimited
        | FaultKind::ProviderDown
        | FaultKind::ProviderRejected
        | FaultKind::NotFoundOrGone
        | FaultKind::AccountRestricted
        | FaultKind::SchemaDrift
        | FaultKind::Unsupported
        | FaultKind::ConfigInvalid
        | FaultKind::Internal => None,
    }
}

/// What has to follow a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Make state, nonce, PKCE pair and binding secret; hashes stored, verifier sealed.
    CreateAttempt,
    /// Abandon the attempt when its deadline passes.
    ScheduleDeadline,
    /// End the attempt: its state is good for nothing any more.
    CloseAttempt,
    /// Mark the state as used and store the sealed code, in the transition's own transaction.
    ConsumeState,
    /// Exchange the code, once.
    ExchangeCode,
    /// Store the sealed grant under its next generation, before its access token is used.
    StoreGrant,
    /// Record what was granted, not what was asked for.
    RecordGranted,
    /// Take the grant from every reader; the revocation alone may still use it.
    RetireGrant,
    /// Destroy the sealed grant.
    DestroyGrant,
    /// Revoke the retired grant and delete the consent at the bank, whichever there is; retry
    /// until it is done, then destroy the grant.
    RevokeAtBank,
    /// Delete an unauthorised consent at the bank, as far as that goes.
    DeleteAtBank,
    /// Ask the bank for the consent's status, with growing pauses, for at most 24 hours.
    PollBankStatus,
    /// Read everything at once: some banks give deep history only minutes after consent.
    EnqueueFirstSync,
    /// Read what is new.
    EnqueueSync,
    /// Supersede the link's older consent once the first read went well.
    SupersedeAfterFirstRead,
    /// End the consent after its last granted day, and announce that ahead of time.
    ScheduleExpiry,
    /// Stop scheduled reads.
    StopSchedules,
    /// Read at most once a day, to notice when it works again without the person.
    ScheduleProbes,
    /// Take scheduled reads up again.
    ResumeSchedules,
    /// Hand scheduled reads to the newer consent.
    RepointSchedules,
    /// Record the text that the person confirmed.
    RecordReconfirmation,
    /// Remember when the token was first refused.
    RecordEvidence,
    /// Forget refusals and silence their notices.
    ClearEvidence,
    /// Call once more when [`EVIDENCE_SECONDS_MIN`](super::EVIDENCE_SECONDS_MIN) have passed.
    ScheduleConfirmingCall,
    /// Tell the tenant.
    Notify(Notice),
}

/// What the tenant is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Notice {
    /// The consent is usable.
    Activated,
    /// The person has to act.
    NeedsUser,
    /// It works again.
    Repaired,
    /// It is paused.
    Paused,
    /// It ended.
    Ended,
}

/// The reason of a refusal, as clients see it.
pub(super) fn reason_of_refusal(reason: RefusalReason) -> TerminationReason {
    match reason {
        RefusalReason::UserDenied => TerminationReason::UserDenied,
        RefusalReason::UserCancelled => TerminationReason::UserCancelled,
        RefusalReason::ScaFailed => TerminationReason::ScaFailed,
        RefusalReason::NotEligible => TerminationReason::NotEligible,
    }
}

/// The reason of a revocation, as clients see it.
pub(super) fn reason_of_revocation(by: RevokedBy) -> TerminationReason {
    match by {
        RevokedBy::EndUserHere => TerminationReason::EndUserHere,
        RevokedBy::EndUserAtBank => TerminationReason::EndUserAtBank,
        RevokedBy::Client => TerminationReason::Client,
        RevokedBy::Bank => TerminationReason::Bank,
        RevokedBy::Provider | RevokedBy::Regulatory => {
            TerminationReason::Other(by.as_str().to_owned())
        }
    }
}

/// True when the bank withdrew the consent itself, so that nothing is left to revoke there.
pub(super) fn bank_knows(by: RevokedBy) -> bool {
    match by {
        RevokedBy::EndUserAtBank | RevokedBy::Bank => true,
        RevokedBy::EndUserHere
        | RevokedBy::Client
        | RevokedBy::Provider
        | RevokedBy::Regulatory => false,
    }
}
