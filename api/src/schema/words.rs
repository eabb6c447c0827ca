//! Closed lists of words as GraphQL enums, one for each of the model's and the store's.

use async_graphql::Enum;

macro_rules! closed_words {
    ($(
        $(#[$doc:meta])*
        $name:ident = $remote:literal ($model:ty) {
            $($(#[$item:meta])* $variant:ident,)+
        }
    )+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
        #[graphql(remote = $remote)]
        pub(crate) enum $name { $($(#[$item])* $variant,)+ }
    )+

        /// The words that clients see beside the words that are stored.
        #[cfg(test)]
        fn pairs() -> Vec<(&'static str, String)> {
            let mut pairs = Vec::new();
            $(for item in <$name as async_graphql::resolver_utils::EnumType>::items() {
                let stored = <$model>::from(item.value);
                pairs.push((item.name, stored.as_str().to_owned()));
            })+
            pairs
        }
    };
}

closed_words! {
    /// Where a consent stands. Terminal states never change again.
    ConsentState = "fondaco_model::v1::ConsentState" (fondaco_model::v1::ConsentState) {
        /// Recorded; nothing was sent to the bank.
        Created,
        /// The person is at the bank.
        AwaitingAuthorisation,
        /// Another signatory is missing.
        PartiallyAuthorised,
        /// The callback was good; the code is being exchanged.
        Exchanging,
        /// The grant is usable.
        Active,
        /// The person has to reconfirm with us.
        ReconfirmDue,
        /// The consent is valid, the authentication is not.
        ReauthRequired,
        /// Paused by an operator, a tenant or the provider.
        Suspended,
        /// The person or the bank refused. Terminal.
        Rejected,
        /// The deadline passed without a callback. Terminal.
        Abandoned,
        /// The flow failed technically. Terminal.
        Failed,
        /// The agreed time is over. Terminal.
        Expired,
        /// Withdrawn. Terminal.
        Revoked,
        /// A newer consent of the same link took over. Terminal.
        Superseded,
    }

    /// How far the institution knows that a consent is over.
    ConsentRevocation = "fondaco_model::v1::ConsentRevocation"
        (fondaco_model::v1::ConsentRevocation) {
        /// There is nothing to tell: the consent goes on, the institution ended it itself, or
        /// nobody had authorised it there.
        NotNeeded,
        /// It ended here, and the institution is told until it takes it.
        Pending,
        /// The institution has taken it.
        Done,
        /// The institution did not take it in the time that we try; it may show the consent still.
        GivenUp,
    }

    /// What a person agrees to share.
    ConsentScope = "fondaco_model::scope::ConsentScope" (fondaco_model::scope::ConsentScope) {
        /// The list of accounts with their names and identifiers.
        Accounts,
        /// Balances of the accounts.
        Balances,
        /// Transactions of the accounts.
        Transactions,
    }

    /// How well a link works, apart from its consent and from the age of its data. May grow.
    LinkHealth = "fondaco_model::v1::LinkHealth" (fondaco_model::v1::LinkHealth) {
        /// The last read went well.
        Healthy,
        /// Reads fail now and then.
        Degraded,
        /// The institution does not answer.
        InstitutionDown,
        /// The provider in between does not answer.
        ProviderDown,
        /// We were asked to slow down.
        RateLimited,
        /// The person has to act.
        NeedsUser,
        /// The account is restricted at the institution.
        Restricted,
        /// Nothing was read for longer than planned.
        Stale,
        /// Nothing was read yet.
        Unknown,
    }

    /// How far the first reading of a link has come.
    LinkProgress = "fondaco_model::v1::LinkProgress" (fondaco_model::v1::LinkProgress) {
        /// Nothing yet.
        None,
        /// Accounts are there.
        Accounts,
        /// Balances are there.
        Balances,
        /// The last 30 days are there.
        Recent,
        /// All history that the institution gives is there.
        History,
    }

    /// Where a link session stands.
    LinkSessionState = "fondaco_store::repo::link_session::SessionState"
        (fondaco_store::repo::link_session::SessionState) {
        /// The tenant asked for it; nobody opened its page.
        Created,
        /// A browser opened its page and is bound to it.
        Opened,
        /// The person is at the bank.
        AtBank,
        /// The person came back; the code is being exchanged.
        Exchanging,
        /// The link works.
        Succeeded,
        /// The person or the bank refused.
        Denied,
        /// The person cancelled on our page.
        Cancelled,
        /// It failed technically.
        Failed,
        /// Its time was over.
        Expired,
    }

    /// Where background work stands.
    JobState = "fondaco_store::repo::job::JobState" (fondaco_store::repo::job::JobState) {
        /// It waits for its time and a worker.
        Waiting,
        /// A worker has it.
        Running,
        /// It is done.
        Done,
        /// It was given up.
        Dead,
    }

    /// What became of a file that was to be imported.
    ImportOutcome = "fondaco_store::repo::upload::UploadOutcome"
        (fondaco_store::repo::upload::UploadOutcome) {
        /// All of it was imported, and every statement that can be checked adds up.
        Ok,
        /// Some of it was imported, or a statement does not add up.
        Partial,
        /// Nothing of it was imported.
        Failed,
    }

    /// Why a transaction changed. May grow.
    RevisionCause = "fondaco_model::v1::RevisionCause" (fondaco_model::v1::RevisionCause) {
        /// Seen for the first time.
        Insert,
        /// The source states it differently.
        ProviderUpdate,
        /// A pending row was booked.
        Settled,
        /// The source gave it another reference.
        Renumbered,
        /// It was mapped again.
        Replay,
        /// The source no longer states it.
        Removed,
        /// It is back after a removal.
        Restored,
        /// An operator changed it.
        Operator,
    }

    /// Where an account stands in its life.
    AccountStatus = "fondaco_model::v1::AccountStatus" (fondaco_model::v1::AccountStatus) {
        /// In use.
        Open,
        /// Closed at the institution.
        Closed,
        /// Blocked at the institution.
        Blocked,
        /// Deleted at the institution.
        Deleted,
        /// Not stated.
        Unknown,
    }

    /// Whether a stored record still counts.
    Lifecycle = "fondaco_model::v1::Lifecycle" (fondaco_model::v1::Lifecycle) {
        /// It counts.
        Live,
        /// Another record took its place.
        Superseded,
        /// The source no longer states it.
        Removed,
    }

    /// The status that every kind of transaction shares.
    TransactionStatus = "fondaco_model::v1::TransactionStatus"
        (fondaco_model::v1::TransactionStatus) {
        /// Not final.
        Pending,
        /// Final: booked or settled.
        Posted,
        /// Neither: scheduled, cancelled, rejected or for information.
        Other,
    }

    /// Which date orders a transaction.
    DateRule = "fondaco_model::v1::DateRule" (fondaco_model::v1::DateRule) {
        /// The booking date.
        BookingDate,
        /// The value date, because no booking date is stated.
        ValueDate,
        /// The transaction date, because neither of them is stated.
        TransactionDate,
        /// The day it was first read, because no date is stated; pending rows only.
        FirstSeen,
    }

    /// Direction of money from the account holder's view; it agrees with the sign.
    Direction = "fondaco_model::money::Direction" (fondaco_model::money::Direction) {
        /// Money came in.
        Credit,
        /// Money went out.
        Debit,
    }

    /// Who the other side of a transaction is.
    PartyType = "fondaco_model::v1::PartyType" (fondaco_model::v1::PartyType) {
        /// A person.
        Person,
        /// An organisation.
        Organisation,
        /// A financial institution.
        Institution,
        /// Not stated.
        Unknown,
    }

    /// How far a reference can be trusted to name the same transaction again.
    Stability = "fondaco_model::v1::Stability" (fondaco_model::v1::Stability) {
        /// The source declares that it never changes and is never used again.
        DeclaredImmutable,
        /// It was seen to stay the same.
        ObservedStable,
        /// It may change from one answer to the next.
        Volatile,
        /// It was seen on different transactions.
        Reused,
    }

    /// Why a field is null.
    NullCause = "fondaco_model::v1::NullReason" (fondaco_model::v1::NullReason) {
        /// The source did not state it.
        NotProvided,
        /// The source stated something that could not be understood; a remark tells more.
        NotUnderstood,
        /// The caller's scopes do not cover it.
        NotPermitted,
        /// The person was erased.
        Erased,
    }
}

/// Kind of account or transaction: which object type implements the interface. May grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum Kind {
    /// Of a bank.
    Bank,
}

/// What the end user has to do for a consent. May grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum ConsentAction {
    /// Open the link session's page and begin.
    Start,
    /// Finish at the bank.
    Authorise,
    /// Confirm with us again; no authentication at the bank is needed.
    Reconfirm,
    /// Authenticate at the bank again.
    Reauthenticate,
    /// Give a new consent.
    Renew,
}

/// Class of a key, which decides its limits. May grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::guard::rate::KeyClass")]
pub(crate) enum KeyClass {
    /// A frontend token in a browser.
    Browser,
    /// A key of a server.
    Server,
    /// A key of a batch job.
    Job,
}

#[cfg(test)]
mod tests {
    #[test]
    fn clients_see_the_words_that_are_stored() {
        let pairs = super::pairs();
        assert!(pairs.len() > 50);
        for (seen, stored) in pairs {
            assert_eq!(seen, stored);
        }
    }
}
