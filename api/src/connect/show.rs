//! What the vault says, as pages: pure.

use fondaco_model::Date;
use fondaco_model::scope::ConsentScope;
use fondaco_model::v1::{Institution, TerminationReason};
use fondaco_store::repo::tenant::Details;
use fondaco_vault::{Choice, Ended as VaultEnded, EndedAs, SessionView};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::token::PageToken;
use crate::web::i18n::{Day, Locale};
use crate::web::pages::{
    Choose, ChooseProblem, Denial, Duration, Ended, Failure, INSTITUTIONS_SHOWN_MAX,
    InstitutionChoice, Outcome, Page, QUERY_CHARS_MAX, Review, Shared, Shell, Tenant, Working,
    WorkingStep,
};
use crate::web::parts::{LinkAddress, LocalPath, Name, Support};
use crate::web::view;

/// Who asks; none when the privacy address is no web address, which no tenant is made with.
pub(super) fn tenant(details: &Details, test: bool) -> Option<Tenant> {
    let privacy = Url::parse(&details.privacy_url)
        .ok()
        .and_then(LinkAddress::new)?;
    Some(Tenant {
        name: Name::new(&details.display_name),
        privacy,
        support: Support::parse(&details.support_contact),
        test,
    })
}

fn day(date: Date) -> Option<Day> {
    let (year, month, number) = date.parts();
    Day::new(
        u16::try_from(year).ok()?,
        u8::try_from(month).ok()?,
        u8::try_from(number).ok()?,
    )
}

/// The choice of an institution.
pub(super) fn choose(
    page: &PageToken,
    tenant: Tenant,
    found: Vec<Choice>,
    (query, problem): (String, Option<ChooseProblem>),
) -> Page {
    let more = found.len() >= INSTITUTIONS_SHOWN_MAX;
    // One without a registration cannot be connected by this tenant: to the person it is not there.
    let connectable = found.into_iter().filter(|choice| choice.connectable);
    Page::Choose(Choose {
        tenant,
        query,
        matches: connectable
            .map(|choice| offered(choice.institution))
            .collect(),
        more,
        problem,
        search: page.choose(),
        choose: page.choose(),
        cancel: page.cancel(),
    })
}

/// Whether a search text is too long.
pub(super) fn query_problem(query: &str) -> Option<ChooseProblem> {
    (query.trim().chars().count() > QUERY_CHARS_MAX).then_some(ChooseProblem::QueryTooLong)
}

fn offered(institution: Institution) -> InstitutionChoice {
    InstitutionChoice {
        name: Name::new(&institution.name),
        country: institution.countries.into_iter().next().unwrap_or_default(),
        id: institution.id,
        bic: institution.bic,
        obstacle: None,
    }
}

/// What the person is asked to agree to.
pub(super) fn review(
    page: &PageToken,
    tenant: Tenant,
    (view, institution): (&SessionView, &Institution),
    other_bank: bool,
) -> Review {
    let shared = |scope: &ConsentScope| match scope {
        ConsentScope::Accounts => Shared::Accounts,
        ConsentScope::Balances => Shared::Balances,
        ConsentScope::Transactions => Shared::Transactions {
            since: view.history_from.and_then(day),
        },
    };
    Review {
        tenant,
        institution: Name::new(&institution.name),
        country: institution.countries.first().cloned().unwrap_or_default(),
        shared: view.scopes.iter().map(shared).collect(),
        duration: view
            .until
            .and_then(day)
            .map_or(Duration::Open, Duration::Until),
        go: page.go_on(),
        cancel: page.cancel(),
        other_bank: other_bank.then(|| page.choose()),
    }
}

/// SHA-256 of the page that asks for consent, without what differs between two showings of the
/// same text: its addresses, its form token and the links to other languages.
pub(super) fn text_shown(locale: Locale, review: &Review) -> [u8; 32] {
    let nowhere = LocalPath::new("/").expect("a slash is a path");
    let shell = Shell {
        locale,
        languages: false,
        form_token: None,
    };
    let neutral = Page::Review(Review {
        go: nowhere.clone(),
        cancel: nowhere,
        other_bank: None,
        ..review.clone()
    });
    Sha256::digest(view::render(&shell, &neutral).html).into()
}

/// Waiting for the exchange.
pub(super) fn working(page: &PageToken, tenant: Tenant, institution: &str) -> Page {
    Page::Working(Working {
        tenant,
        institution: Name::new(institution),
        step: WorkingStep::Exchanging,
        status: page.status(),
    })
}

/// How a session ended, for the browser that walked through it.
pub(super) fn ended(tenant: Tenant, ended: &VaultEnded) -> Page {
    Page::Ended(Ended {
        tenant,
        outcome: outcome(ended),
        back: LinkAddress::new(ended.return_url.clone()),
        retry: None,
    })
}

/// A session that ended, for everybody else who opens it again.
pub(super) fn already_used(tenant: Tenant, ended: &VaultEnded) -> Page {
    Page::Ended(Ended {
        tenant,
        outcome: Outcome::AlreadyUsed,
        back: LinkAddress::new(ended.return_url.clone()),
        retry: None,
    })
}

/// The bank could not be spoken to, and the person may try again.
pub(super) fn bank_failed(
    page: &PageToken,
    tenant: Tenant,
    (institution, reference): (&str, &str),
) -> Page {
    Page::Ended(Ended {
        tenant,
        outcome: Outcome::Failed {
            institution: Name::new(institution),
            failure: Failure::Bank,
            reference: Name::new(reference),
        },
        back: None,
        retry: Some(page.start()),
    })
}

fn outcome(ended: &VaultEnded) -> Outcome {
    let institution = Name::new(ended.institution.as_deref().unwrap_or_default());
    match ended.ended {
        EndedAs::Succeeded => Outcome::Success {
            institution,
            accounts: None,
        },
        EndedAs::Denied => Outcome::Denied {
            institution,
            denial: denial(ended.reason.as_ref()),
        },
        EndedAs::Cancelled => Outcome::Cancelled,
        EndedAs::Failed => Outcome::Failed {
            institution,
            failure: failure(ended.reason.as_ref()),
            reference: Name::new(&ended.reference),
        },
        EndedAs::Expired => Outcome::Expired,
    }
}

fn denial(reason: Option<&TerminationReason>) -> Denial {
    match reason {
        Some(TerminationReason::ScaFailed) => Denial::Authentication,
        Some(TerminationReason::NotEligible) => Denial::NotEligible,
        // Whatever else it was: the bank did not say more.
        Some(_) | None => Denial::Declined,
    }
}

fn failure(reason: Option<&TerminationReason>) -> Failure {
    match reason {
        Some(TerminationReason::NoAccounts) => Failure::NoAccounts,
        Some(
            TerminationReason::BankError
            | TerminationReason::CodeInvalid
            | TerminationReason::IssuerMismatch
            | TerminationReason::TimedOut,
        ) => Failure::Bank,
        // What is not known to be the bank's is ours.
        Some(_) | None => Failure::Here,
    }
}
