//! The states of the hosted pages and what each of them shows; no texts and no HTML.

use http::StatusCode;

use super::i18n::{Day, Locale};
use super::parts::{LinkAddress, LocalPath, Name, Support};

/// Most institutions that one page lists; more matches ask to refine the search.
pub const INSTITUTIONS_SHOWN_MAX: usize = 50;
/// Longest search text, in characters.
pub const QUERY_CHARS_MAX: usize = 100;
/// How long the address behind [`Working`] holds its answer while nothing changes, in
/// milliseconds: the page asks again as soon as it has been answered.
pub const WORKING_HOLD_MS: u64 = 4_000;

/// Who asks for the data: the tenant as people know it.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// The display name.
    pub name: Name,
    /// Where the tenant's privacy notice stands.
    pub privacy: LinkAddress,
    /// How to reach its support.
    pub support: Support,
    /// Whether it is a test tenant, or the institution a sandbox: shows the banner.
    pub test: bool,
}

/// What every page needs beside its own content.
#[derive(Debug, Clone)]
pub struct Shell {
    /// The language, as negotiated.
    pub locale: Locale,
    /// Whether to offer the other languages by `?locale=` on the same address: not where the
    /// address carries parameters that must not be repeated, such as the callback's.
    pub languages: bool,
    /// Value of the hidden field `form_token` of every POST form, if the caller wants one.
    pub form_token: Option<String>,
}

/// One page of the consent flow.
#[derive(Debug, Clone)]
pub enum Page {
    /// Choosing the institution.
    Choose(Choose),
    /// Checking what will be shared.
    Review(Review),
    /// On the way to the bank.
    Handoff(Handoff),
    /// Waiting while the exchange runs.
    Working(Working),
    /// How the flow ended.
    Ended(Ended),
    /// The callback was opened in another browser than the one that began.
    OtherBrowser,
    /// Something stands in the way.
    Problem(Problem),
}

/// The search for an institution: a GET form with the field `q`, and a POST form whose buttons
/// are named `institution`.
#[derive(Debug, Clone)]
pub struct Choose {
    /// Who asks.
    pub tenant: Tenant,
    /// The search text; empty shows all.
    pub query: String,
    /// The matches in their order; only the first [`INSTITUTIONS_SHOWN_MAX`] are shown.
    pub matches: Vec<InstitutionChoice>,
    /// Whether the caller knows of more matches than it passed.
    pub more: bool,
    /// What was wrong with the last input.
    pub problem: Option<ChooseProblem>,
    /// GET, with `q` and `locale`.
    pub search: LocalPath,
    /// POST, with `institution`, `locale` and `form_token`.
    pub choose: LocalPath,
    /// POST, with `locale` and `form_token`.
    pub cancel: LocalPath,
}

impl Choose {
    /// The institutions that the page lists.
    pub fn shown(&self) -> &[InstitutionChoice] {
        &self.matches[..self.matches.len().min(INSTITUTIONS_SHOWN_MAX)]
    }

    /// Whether the list is cut.
    pub fn is_cut(&self) -> bool {
        self.more || self.matches.len() > INSTITUTIONS_SHOWN_MAX
    }
}

/// One institution in the list.
#[derive(Debug, Clone)]
pub struct InstitutionChoice {
    /// The id that the form sends.
    pub id: String,
    /// The name.
    pub name: Name,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// The BIC, if it has one.
    pub bic: Option<String>,
    /// Why it cannot be connected, if so.
    pub obstacle: Option<Obstacle>,
}

/// Why an institution cannot be connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// It wants a client certificate that is not set up.
    Certificate,
    /// It is down or in maintenance.
    Maintenance,
    /// It lacks the access that is asked for.
    Unsupported,
}

/// What was wrong with the input on the page of choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChooseProblem {
    /// The search text exceeds [`QUERY_CHARS_MAX`].
    QueryTooLong,
    /// The chosen institution does not exist or cannot be connected.
    NotAvailable,
}

/// What the person agrees to before going to the bank.
#[derive(Debug, Clone)]
pub struct Review {
    /// Who asks.
    pub tenant: Tenant,
    /// The institution.
    pub institution: Name,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// What is shared, in the order of display.
    pub shared: Vec<Shared>,
    /// For how long.
    pub duration: Duration,
    /// POST, continues to the bank; with `locale` and `form_token`.
    pub go: LocalPath,
    /// POST, returns to the frontend; with `locale` and `form_token`.
    pub cancel: LocalPath,
    /// Back to the choice, unless the tenant has fixed the institution.
    pub other_bank: Option<LocalPath>,
}

/// One kind of data that is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shared {
    /// Names, numbers and currencies of the accounts.
    Accounts,
    /// Their balances.
    Balances,
    /// Their transactions since a day, or as far back as the bank provides them.
    Transactions {
        /// The first day.
        since: Option<Day>,
    },
}

/// How long the access lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duration {
    /// Through this day.
    Until(Day),
    /// A single read.
    Once,
    /// Until it is withdrawn.
    Open,
}

/// A page that goes to the bank on its own (a redirect with no delay, and a link).
///
/// For banks whose authorization address redirects to further origins: `form-action` would have
/// to name them all, a plain navigation needs none.
#[derive(Debug, Clone)]
pub struct Handoff {
    /// Who asks.
    pub tenant: Tenant,
    /// The institution.
    pub institution: Name,
    /// The bank's authorization address, with its parameters.
    pub bank: LinkAddress,
}

/// Waiting while the exchange runs.
///
/// The page asks `status` again at once; that address holds its answer up to
/// [`WORKING_HOLD_MS`] while nothing changes. A delayed refresh would be shorter to build, but
/// takes the page away from under a reader (WCAG 2.2.1, failure F41).
#[derive(Debug, Clone)]
pub struct Working {
    /// Who asks.
    pub tenant: Tenant,
    /// The institution.
    pub institution: Name,
    /// How far it is.
    pub step: WorkingStep,
    /// GET, answers with this page again or redirects to the result.
    pub status: LocalPath,
}

/// How far the exchange is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkingStep {
    /// The code is being exchanged.
    Exchanging,
    /// The accounts are being read.
    Reading,
}

/// How the flow ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Who asked.
    pub tenant: Tenant,
    /// The outcome.
    pub outcome: Outcome,
    /// The frontend's return address with the one-time result code; without it the page says
    /// that it can be closed.
    pub back: Option<LinkAddress>,
    /// GET, where a new attempt begins, if one is allowed.
    pub retry: Option<LocalPath>,
}

/// The outcome of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The consent is active and data is on its way.
    Success {
        /// The institution.
        institution: Name,
        /// How many accounts, when known.
        accounts: Option<u32>,
    },
    /// The bank waits for a further authorised person.
    Signatory {
        /// The institution.
        institution: Name,
    },
    /// The person or the bank refused.
    Denied {
        /// The institution.
        institution: Name,
        /// Why.
        denial: Denial,
    },
    /// A technical failure.
    Failed {
        /// The institution.
        institution: Name,
        /// Whose.
        failure: Failure,
        /// What support can look up; never a secret.
        reference: Name,
    },
    /// The deadline passed.
    Expired,
    /// The session is finished and was opened again.
    AlreadyUsed,
    /// The person cancelled before going to the bank.
    Cancelled,
}

/// Why access was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// The person declined, or the bank did without saying why.
    Declined,
    /// Strong customer authentication failed.
    Authentication,
    /// The bank does not allow it for these accounts.
    NotEligible,
}

/// Whose failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The bank's.
    Bank,
    /// The consent covers no account.
    NoAccounts,
    /// Ours.
    Here,
}

/// What stands in the way of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// No such page or session, or none that this browser may see.
    NotFound,
    /// The link's time is over.
    LinkExpired,
    /// Too many requests; wait this many seconds.
    TooManyRequests {
        /// Seconds to wait.
        retry_after_s: u32,
    },
    /// The browser sent no cookie although one was set.
    CookiesBlocked {
        /// GET, where to begin again.
        again: LocalPath,
    },
    /// The form's token does not belong to this browser's session.
    FormExpired {
        /// GET, the page to repeat.
        again: LocalPath,
    },
    /// The service is down for maintenance.
    Maintenance {
        /// Seconds to wait.
        retry_after_s: u32,
    },
    /// An internal error.
    Internal {
        /// What support can look up; never a secret.
        reference: Name,
    },
}

impl Page {
    /// The tenant that the page names, if any.
    pub fn tenant(&self) -> Option<&Tenant> {
        match self {
            Self::Choose(page) => Some(&page.tenant),
            Self::Review(page) => Some(&page.tenant),
            Self::Handoff(page) => Some(&page.tenant),
            Self::Working(page) => Some(&page.tenant),
            Self::Ended(page) => Some(&page.tenant),
            Self::OtherBrowser | Self::Problem(_) => None,
        }
    }

    /// The HTTP status of the page.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Choose(page) if page.problem.is_some() => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Choose(_) | Self::Review(_) | Self::Handoff(_) | Self::Working(_) => {
                StatusCode::OK
            }
            Self::Ended(page) => match page.outcome {
                Outcome::Expired => StatusCode::GONE,
                Outcome::Success { .. }
                | Outcome::Signatory { .. }
                | Outcome::Denied { .. }
                | Outcome::Failed { .. }
                | Outcome::AlreadyUsed
                | Outcome::Cancelled => StatusCode::OK,
            },
            Self::OtherBrowser => StatusCode::FORBIDDEN,
            Self::Problem(problem) => match problem {
                Problem::NotFound => StatusCode::NOT_FOUND,
                Problem::LinkExpired => StatusCode::GONE,
                Problem::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
                Problem::CookiesBlocked { .. } | Problem::FormExpired { .. } => {
                    StatusCode::FORBIDDEN
                }
                Problem::Maintenance { .. } => StatusCode::SERVICE_UNAVAILABLE,
                Problem::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            },
        }
    }

    /// Seconds for `Retry-After`, where waiting helps.
    pub fn retry_after_s(&self) -> Option<u32> {
        if let Self::Problem(
            Problem::TooManyRequests { retry_after_s } | Problem::Maintenance { retry_after_s },
        ) = self
        {
            Some(*retry_after_s)
        } else {
            None
        }
    }
}
