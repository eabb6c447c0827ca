//! The closed list of faults that background work of a link or an import reports.

use fondaco_model::FaultKind;

/// The word of a job that was stopped together with its worker.
const STOPPED: &str = "STOPPED";

/// Each kind of fault, in the order of the model's list.
const KINDS: [FaultKind; 14] = [
    FaultKind::AuthExpired,
    FaultKind::AuthRevoked,
    FaultKind::ConsentExpired,
    FaultKind::UserActionRequired,
    FaultKind::ScopeMissing,
    FaultKind::RateLimited,
    FaultKind::ProviderDown,
    FaultKind::ProviderRejected,
    FaultKind::NotFoundOrGone,
    FaultKind::AccountRestricted,
    FaultKind::SchemaDrift,
    FaultKind::Unsupported,
    FaultKind::ConfigInvalid,
    FaultKind::Internal,
];

/// One word with what it means and what to do.
pub(super) struct JobFault {
    pub(super) word: &'static str,
    pub(super) meaning: &'static str,
    pub(super) advice: &'static str,
}

/// Every word that `ImportJob.fault` can hold, each once.
pub(super) fn all() -> Vec<JobFault> {
    let mut words: Vec<JobFault> = Vec::with_capacity(KINDS.len() + 1);
    for kind in KINDS {
        let (word, (meaning, advice)) = (kind.code(), told(kind));
        if words.iter().all(|known| known.word != word) {
            words.push(JobFault {
                word,
                meaning,
                advice,
            });
        }
    }
    words.push(JobFault {
        word: STOPPED,
        meaning: "The server was stopped while it worked.",
        advice: "Nothing: the work goes on with the next start.",
    });
    words
}

/// What a kind means for work in the background, and what to do about it.
fn told(kind: FaultKind) -> (&'static str, &'static str) {
    match kind {
        FaultKind::AuthExpired => (
            "The institution no longer takes the access token.",
            "Nothing: it is refreshed, and the work tried again.",
        ),
        FaultKind::AuthRevoked => (
            "The end user or the institution withdrew the consent.",
            "Start a link with `linkId`.",
        ),
        FaultKind::ConsentExpired => ("The consent's time is over.", "Start a link with `linkId`."),
        FaultKind::UserActionRequired => (
            "The institution wants the end user to authenticate again.",
            "Start a link with `linkId`.",
        ),
        FaultKind::ScopeMissing => (
            "The consent does not cover what was to be read.",
            "Start a link with `linkId` and the missing scope.",
        ),
        FaultKind::RateLimited => (
            "The institution's limit, or the day's number of unattended reads, is used up.",
            "Nothing: the work is tried again when it may be.",
        ),
        FaultKind::ProviderDown => (
            "The institution does not answer, or answers with a fault of its own.",
            "Nothing: the work is tried again.",
        ),
        FaultKind::ProviderRejected => (
            "The institution refused the request for a reason that repeating does not change.",
            "Check the registration; the server's log names the institution's code.",
        ),
        FaultKind::NotFoundOrGone => (
            "What was to be read is not there, or no longer.",
            "Upload the file again; for a link, see its accounts.",
        ),
        FaultKind::AccountRestricted => (
            "The institution restricted the account.",
            "The account's holder has to settle this with the institution.",
        ),
        FaultKind::SchemaDrift => (
            "The answer or file does not have the shape that its standard describes, for example \
             malformed XML. What was understood before is kept.",
            "Check the file; for an institution, report it.",
        ),
        FaultKind::Unsupported => (
            "The file's format, or what was asked of the institution, is not supported.",
            "Send a format that is; the institution's entry says what it can.",
        ),
        FaultKind::ConfigInvalid | FaultKind::Internal => (
            "A fault of this server or of its configuration.",
            "The operator finds the reason in the log, with the request id.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_fault_has_one_row() {
        for (index, kind) in KINDS.into_iter().enumerate() {
            assert_eq!(kind as usize, index, "{}", kind.code());
            assert!(all().iter().any(|row| row.word == kind.code()));
        }
        // Two kinds share a word, and stopping has one of its own.
        assert_eq!(all().len(), KINDS.len());
    }
}
