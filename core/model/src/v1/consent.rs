//! Consents: what a person agreed to, until when, and how it ended.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::codes::{closed, open};
use crate::ids::{ConsentId, EndUserId, LinkId};
use crate::scope::ConsentScope;
use crate::time::{Date, Instant};

closed! {
    /// Where a consent stands. Terminal states never change again.
    ConsentState {
        /// Recorded; nothing was sent to the bank.
        Created = "CREATED",
        /// The person is at the bank.
        AwaitingAuthorisation = "AWAITING_AUTHORISATION",
        /// Another signatory is missing.
        PartiallyAuthorised = "PARTIALLY_AUTHORISED",
        /// The callback was good; the code is being exchanged.
        Exchanging = "EXCHANGING",
        /// The grant is usable.
        Active = "ACTIVE",
        /// The person has to reconfirm with us.
        ReconfirmDue = "RECONFIRM_DUE",
        /// The consent is valid, the authentication is not.
        ReauthRequired = "REAUTH_REQUIRED",
        /// Paused by an operator, a tenant or the provider.
        Suspended = "SUSPENDED",
        /// The person or the bank refused. Terminal.
        Rejected = "REJECTED",
        /// The deadline passed without a callback. Terminal.
        Abandoned = "ABANDONED",
        /// The flow failed technically. Terminal.
        Failed = "FAILED",
        /// The agreed time is over. Terminal.
        Expired = "EXPIRED",
        /// Withdrawn. Terminal.
        Revoked = "REVOKED",
        /// A newer consent of the same link took over. Terminal.
        Superseded = "SUPERSEDED",
    }
}

impl ConsentState {
    /// True when no event can change the state any more.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Rejected
            | Self::Abandoned
            | Self::Failed
            | Self::Expired
            | Self::Revoked
            | Self::Superseded => true,
            Self::Created
            | Self::AwaitingAuthorisation
            | Self::PartiallyAuthorised
            | Self::Exchanging
            | Self::Active
            | Self::ReconfirmDue
            | Self::ReauthRequired
            | Self::Suspended => false,
        }
    }

    /// True for a consent under which the bank is read: one that is in force, and one whose
    /// authentication lapsed, because a read is what tells that it works again.
    pub fn may_be_read(self) -> bool {
        match self {
            Self::Active | Self::ReconfirmDue | Self::ReauthRequired => true,
            Self::Created
            | Self::AwaitingAuthorisation
            | Self::PartiallyAuthorised
            | Self::Exchanging
            | Self::Suspended
            | Self::Rejected
            | Self::Abandoned
            | Self::Failed
            | Self::Expired
            | Self::Revoked
            | Self::Superseded => false,
        }
    }
}

closed! {
    /// Why a consent was not given.
    RefusalReason {
        /// The person declined at the bank.
        UserDenied = "USER_DENIED",
        /// The person cancelled on our page.
        UserCancelled = "USER_CANCELLED",
        /// The strong authentication failed.
        ScaFailed = "SCA_FAILED",
        /// The account or person is not eligible.
        NotEligible = "NOT_ELIGIBLE",
    }
}

closed! {
    /// Who withdrew a consent.
    RevokedBy {
        /// The person, on our page or through the tenant.
        EndUserHere = "END_USER_HERE",
        /// The person, at the bank.
        EndUserAtBank = "END_USER_AT_BANK",
        /// The tenant.
        Client = "CLIENT",
        /// The bank.
        Bank = "BANK",
        /// The provider in between.
        Provider = "PROVIDER",
        /// An authority.
        Regulatory = "REGULATORY",
    }
}

open! {
    /// Why a consent ended or does not work, as one word for clients.
    TerminationReason {
        /// The person declined at the bank.
        UserDenied = "USER_DENIED",
        /// The person cancelled on our page.
        UserCancelled = "USER_CANCELLED",
        /// The strong authentication failed.
        ScaFailed = "SCA_FAILED",
        /// The account or person is not eligible.
        NotEligible = "NOT_ELIGIBLE",
        /// The person did not come back in time.
        TimedOut = "TIMED_OUT",
        /// The authorization code was expired or used.
        CodeInvalid = "CODE_INVALID",
        /// The bank's answer named another issuer.
        IssuerMismatch = "ISSUER_MISMATCH",
        /// The bank gave no accounts.
        NoAccounts = "NO_ACCOUNTS",
        /// The bank failed.
        BankError = "BANK_ERROR",
        /// We failed.
        OurError = "OUR_ERROR",
        /// We stopped between the callback and the bank's answer.
        Interrupted = "INTERRUPTED",
        /// The grant is no longer accepted.
        GrantInvalid = "GRANT_INVALID",
        /// The agreed time is over.
        TimeOver = "TIME_OVER",
        /// Withdrawn by the person here.
        EndUserHere = "END_USER_HERE",
        /// Withdrawn by the person at the bank.
        EndUserAtBank = "END_USER_AT_BANK",
        /// Withdrawn by the tenant.
        Client = "CLIENT",
        /// Withdrawn by the bank.
        Bank = "BANK",
        /// A newer consent took over.
        Superseded = "SUPERSEDED",
    }
}

closed! {
    /// How far the institution knows that a consent is over.
    ConsentRevocation {
        /// There is nothing to tell: the consent goes on, the institution ended it itself, or
        /// nobody had authorised it there.
        NotNeeded = "NOT_NEEDED",
        /// It ended here, and the institution is told until it takes it.
        Pending = "PENDING",
        /// The institution has taken it.
        Done = "DONE",
        /// The institution did not take it in the time that we try; it may show the consent still.
        GivenUp = "GIVEN_UP",
    }
}

/// One consent at one institution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Consent {
    /// Our id.
    pub id: ConsentId,
    /// The link that it belongs to.
    pub link_id: LinkId,
    /// Whose consent it is.
    pub end_user_id: EndUserId,
    /// Where it stands.
    pub state: ConsentState,
    /// Why it ended or does not work.
    pub reason: Option<TerminationReason>,
    /// What was asked for, then what was granted.
    pub scopes: Vec<ConsentScope>,
    /// When it was recorded.
    pub requested_at: Instant,
    /// The last day that was asked for.
    pub requested_until: Option<Date>,
    /// The last day that was granted.
    pub granted_until: Option<Date>,
    /// The first day of history that may be read.
    pub history_from: Option<Date>,
    /// When it became usable.
    pub activated_at: Option<Instant>,
    /// When it ended.
    pub ended_at: Option<Instant>,
    /// The consent that took over.
    pub superseded_by: Option<ConsentId>,
    /// How far the institution knows that it is over.
    pub revocation: ConsentRevocation,
}
