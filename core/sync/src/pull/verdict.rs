//! What faults mean: how far one reaches, how the link stands afterwards, and when to try again.

use std::time::Duration;

use fondaco_connectors::core::RETRY_AFTER_MAX;
use fondaco_model::provider::Resource;
use fondaco_model::v1::LinkHealth;
use fondaco_model::{Fault, FaultKind, Instant, Retry};
use fondaco_store::repo::run::RunOutcome;

/// The wait after a limit that states none.
const LIMIT_WAIT: Duration = Duration::from_mins(1);

/// A stated wait after a failure that counts instead of our own back-off.
const LONG_WAIT: Duration = Duration::from_mins(1);

/// How far a fault reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Nothing else of the link is worth a call now.
    Link,
    /// The account; the others are read.
    Account,
}

/// How far a fault of a resource reaches.
pub(super) fn reach(fault: &Fault, resource: Resource) -> Reach {
    if resource == Resource::Accounts {
        // Without the list there is nothing else to read.
        return Reach::Link;
    }
    match fault.kind {
        FaultKind::AuthExpired
        | FaultKind::AuthRevoked
        | FaultKind::ConsentExpired
        | FaultKind::UserActionRequired
        | FaultKind::RateLimited
        | FaultKind::ConfigInvalid
        | FaultKind::Internal => Reach::Link,
        // An answer that came but breaks off is about that answer alone.
        FaultKind::ProviderDown => {
            if is_cut(fault) {
                Reach::Account
            } else {
                Reach::Link
            }
        }
        FaultKind::ScopeMissing
        | FaultKind::ProviderRejected
        | FaultKind::NotFoundOrGone
        | FaultKind::AccountRestricted
        | FaultKind::SchemaDrift
        | FaultKind::Unsupported => Reach::Account,
    }
}

/// True when trying the account again cannot help, so that the link is as complete as it gets.
pub(super) fn is_final(fault: &Fault) -> bool {
    matches!(
        fault.kind,
        FaultKind::ScopeMissing
            | FaultKind::ProviderRejected
            | FaultKind::NotFoundOrGone
            | FaultKind::AccountRestricted
            | FaultKind::Unsupported
    )
}

fn is_cut(fault: &Fault) -> bool {
    fault.get("rule") == Some("answer.cut")
}

/// How a run ended that a fault ended.
pub(super) fn outcome(fault: &Fault, pages: i64) -> RunOutcome {
    if pages > 0 {
        return RunOutcome::Partial;
    }
    match fault.kind {
        FaultKind::RateLimited => RunOutcome::RateLimited,
        FaultKind::AuthExpired
        | FaultKind::AuthRevoked
        | FaultKind::ConsentExpired
        | FaultKind::UserActionRequired
        | FaultKind::ScopeMissing => RunOutcome::Consent,
        FaultKind::ProviderDown => RunOutcome::InstitutionDown,
        FaultKind::ConfigInvalid | FaultKind::Internal => RunOutcome::Internal,
        FaultKind::ProviderRejected
        | FaultKind::NotFoundOrGone
        | FaultKind::AccountRestricted
        | FaultKind::SchemaDrift
        | FaultKind::Unsupported => RunOutcome::Partial,
    }
}

/// When the link is to be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// At the regular time.
    Regular,
    /// Not before an instant that the provider or a rule names.
    At(Instant),
    /// Soon, and later with each failure.
    BackOff,
    /// When the consent machine says so.
    Consent,
}

/// What a reading amounts to for the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    /// How the link stands; none leaves it as it was.
    pub(super) health: Option<LinkHealth>,
    /// Until when we were asked to wait.
    pub(super) until: Option<Instant>,
    /// When to read again.
    pub(super) again: Again,
}

/// The verdict of a reading that everything went well in.
pub(super) fn good() -> Verdict {
    plain(Some(LinkHealth::Healthy), Again::Regular)
}

/// What is known besides the fault.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// The present instant.
    pub(super) now: Instant,
    /// True when the consent still allows reading.
    pub(super) readable: bool,
    /// True when the list of accounts was read.
    pub(super) listed: bool,
}

/// The verdict of one fault.
pub(super) fn judge(fault: &Fault, known: Known) -> Verdict {
    let now = known.now;
    match fault.kind {
        _ if !known.readable => plain(Some(LinkHealth::NeedsUser), Again::Consent),
        FaultKind::ScopeMissing if !known.listed => {
            plain(Some(LinkHealth::NeedsUser), Again::Regular)
        }
        _ if !known.listed && is_final(fault) => plain(Some(LinkHealth::Degraded), Again::Regular),
        // One refusal is no evidence yet; the consent machine asks for a second look.
        FaultKind::AuthExpired
        | FaultKind::AuthRevoked
        | FaultKind::ConsentExpired
        | FaultKind::UserActionRequired => plain(Some(LinkHealth::Degraded), Again::Consent),
        FaultKind::RateLimited => {
            let until = now.plus_seconds(seconds(stated(fault).unwrap_or(LIMIT_WAIT)));
            Verdict {
                health: Some(LinkHealth::RateLimited),
                until: Some(until),
                again: Again::At(until),
            }
        }
        FaultKind::ProviderDown if is_cut(fault) => {
            plain(Some(LinkHealth::Degraded), Again::BackOff)
        }
        FaultKind::ProviderDown => {
            let long = stated(fault).filter(|wait| *wait >= LONG_WAIT);
            let until = long.map(|wait| now.plus_seconds(seconds(wait)));
            let again = until.map_or(Again::BackOff, Again::At);
            plain(Some(LinkHealth::InstitutionDown), again)
        }
        FaultKind::SchemaDrift => plain(Some(LinkHealth::Degraded), Again::BackOff),
        FaultKind::AccountRestricted => plain(Some(LinkHealth::Restricted), Again::Regular),
        FaultKind::ConfigInvalid | FaultKind::Internal => plain(None, Again::BackOff),
        FaultKind::ScopeMissing
        | FaultKind::ProviderRejected
        | FaultKind::NotFoundOrGone
        | FaultKind::Unsupported => plain(Some(LinkHealth::Healthy), Again::Regular),
    }
}

fn plain(health: Option<LinkHealth>, again: Again) -> Verdict {
    Verdict {
        health,
        until: None,
        again,
    }
}

/// The fault of several that says most about the link.
pub(super) fn worst<'a>(faults: impl IntoIterator<Item = &'a Fault>) -> Option<&'a Fault> {
    faults.into_iter().min_by_key(|fault| rank(fault.kind))
}

fn rank(kind: FaultKind) -> u8 {
    match kind {
        FaultKind::ConsentExpired => 0,
        FaultKind::UserActionRequired => 1,
        FaultKind::AuthRevoked => 2,
        FaultKind::AuthExpired => 3,
        FaultKind::RateLimited => 4,
        FaultKind::ProviderDown => 5,
        FaultKind::Internal => 6,
        FaultKind::ConfigInvalid => 7,
        FaultKind::SchemaDrift => 8,
        FaultKind::AccountRestricted => 9,
        FaultKind::ScopeMissing => 10,
        FaultKind::ProviderRejected => 11,
        FaultKind::NotFoundOrGone => 12,
        FaultKind::Unsupported => 13,
    }
}

/// The wait that a fault states, held at a day.
fn stated(fault: &Fault) -> Option<Duration> {
    let wait = match fault.retry {
        Retry::After(wait) => Some(wait),
        Retry::Never | Retry::Exhausted => fault
            .get("retry_after_s")?
            .parse()
            .ok()
            .map(Duration::from_secs),
    };
    wait.filter(|wait| !wait.is_zero())
        .map(|wait| wait.min(RETRY_AFTER_MAX))
}

fn seconds(wait: Duration) -> i64 {
    i64::try_from(wait.as_secs()).unwrap_or(i64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_micros(0);

    const GOOD: Known = Known {
        now: NOW,
        readable: true,
        listed: true,
    };

    fn check(fault: &Fault, expected: (Reach, Option<LinkHealth>, Again)) {
        let verdict = judge(fault, GOOD);
        let found = (
            reach(fault, Resource::Transactions),
            verdict.health,
            verdict.again,
        );
        assert_eq!(found, expected, "{fault}");
    }

    fn fault(kind: FaultKind) -> Fault {
        Fault::new(kind, "test")
    }

    #[test]
    fn every_kind_has_one_outcome() {
        use FaultKind as K;
        use LinkHealth as H;
        for kind in [
            K::AuthExpired,
            K::AuthRevoked,
            K::ConsentExpired,
            K::UserActionRequired,
        ] {
            check(
                &fault(kind),
                (Reach::Link, Some(H::Degraded), Again::Consent),
            );
        }
        let minute = NOW.plus_seconds(60);
        let limited = (Reach::Link, Some(H::RateLimited), Again::At(minute));
        check(&fault(K::RateLimited), limited);
        let down = (Reach::Link, Some(H::InstitutionDown), Again::BackOff);
        check(&fault(K::ProviderDown), down);
        let stated = |seconds| fault(K::ProviderDown).after(Duration::from_secs(seconds));
        check(&stated(59), down);
        let waits = (Reach::Link, Some(H::InstitutionDown), Again::At(minute));
        check(&stated(60), waits);
        let cut = fault(K::ProviderDown).with("rule", "answer.cut");
        check(&cut, (Reach::Account, Some(H::Degraded), Again::BackOff));
        let drift = (Reach::Account, Some(H::Degraded), Again::BackOff);
        check(&fault(K::SchemaDrift), drift);
        let restricted = (Reach::Account, Some(H::Restricted), Again::Regular);
        check(&fault(K::AccountRestricted), restricted);
        for kind in [K::ConfigInvalid, K::Internal] {
            check(&fault(kind), (Reach::Link, None, Again::BackOff));
        }
        for kind in [
            K::ScopeMissing,
            K::ProviderRejected,
            K::NotFoundOrGone,
            K::Unsupported,
        ] {
            check(
                &fault(kind),
                (Reach::Account, Some(H::Healthy), Again::Regular),
            );
        }
    }

    #[test]
    fn without_the_list_of_accounts_nothing_else_is_read() {
        for kind in [
            FaultKind::NotFoundOrGone,
            FaultKind::SchemaDrift,
            FaultKind::ScopeMissing,
        ] {
            assert_eq!(reach(&fault(kind), Resource::Accounts), Reach::Link);
            let known = Known {
                listed: false,
                ..GOOD
            };
            let health = judge(&fault(kind), known).health;
            assert!(matches!(
                health,
                Some(LinkHealth::Degraded | LinkHealth::NeedsUser)
            ));
        }
    }

    #[test]
    fn a_consent_that_ended_needs_the_person_whatever_the_fault() {
        let verdict = judge(
            &fault(FaultKind::AuthExpired),
            Known {
                readable: false,
                ..GOOD
            },
        );
        assert_eq!(verdict.health, Some(LinkHealth::NeedsUser));
        assert_eq!(verdict.again, Again::Consent);
    }

    #[test]
    fn a_limit_is_waited_for_exactly_and_no_longer_than_a_day() {
        let until = |fault: &Fault| judge(fault, GOOD).until.map(|at| at.seconds_since(NOW));
        let limit = || fault(FaultKind::RateLimited);
        assert_eq!(until(&limit().after(Duration::from_secs(7))), Some(7));
        assert_eq!(
            until(&limit().after(Duration::from_secs(86_401))),
            Some(86_400)
        );
        assert_eq!(until(&limit().after(Duration::ZERO)), Some(60));
        let mut last = limit().with("retry_after_s", "90");
        last.retry = Retry::Exhausted;
        assert_eq!(until(&last), Some(90));
    }

    #[test]
    fn the_fault_that_says_most_about_the_link_decides() {
        let faults = [
            fault(FaultKind::NotFoundOrGone),
            fault(FaultKind::RateLimited),
            fault(FaultKind::SchemaDrift),
        ];
        assert_eq!(worst(&faults).unwrap().kind, FaultKind::RateLimited);
        assert!(worst(&[]).is_none());
    }

    #[test]
    fn a_run_that_stored_a_page_is_partial() {
        let down = fault(FaultKind::ProviderDown);
        assert_eq!(outcome(&down, 0), RunOutcome::InstitutionDown);
        assert_eq!(outcome(&down, 1), RunOutcome::Partial);
        assert_eq!(
            outcome(&fault(FaultKind::RateLimited), 0),
            RunOutcome::RateLimited
        );
        assert_eq!(
            outcome(&fault(FaultKind::ConsentExpired), 0),
            RunOutcome::Consent
        );
    }
}
