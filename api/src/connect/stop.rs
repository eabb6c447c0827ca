//! Why a request does not get what it asked for, and the page that says so.

use std::time::Duration;

use axum::response::Response;
use fondaco_vault::{PageError, VaultError};

use super::ConnectState;
use super::token::PageToken;
use super::visit::Visit;
use crate::web::i18n::Locale;
use crate::web::pages::{Page, Problem, Shell};
use crate::web::parts::Name;
use crate::web::{respond, view};

/// Why a request ends early.
pub(super) enum Stop {
    /// Something stands in the way.
    Problem(Problem),
    /// The flow belongs to another browser.
    OtherBrowser,
    /// The session does not take the step: its page shows how it stands.
    ToStart,
    /// A fault of ours.
    Failed(VaultError),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<VaultError> for Stop {
    fn from(error: VaultError) -> Self {
        Self::Failed(error)
    }
}

impl From<PageError> for Stop {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Unknown => Self::Problem(Problem::NotFound),
            PageError::OtherBrowser => Self::OtherBrowser,
            PageError::NotNow | PageError::NotConnectable | PageError::NoAttemptLeft => {
                Self::ToStart
            }
            PageError::Vault(error) => Self::Failed(error),
        }
    }
}

/// A page that is shown in one language, with or without links to the other languages.
pub(super) fn shown(locale: Locale, languages: bool, page: &Page) -> Response {
    let shell = Shell {
        locale,
        languages,
        form_token: None,
    };
    respond::page(view::render(&shell, page), &[])
}

/// The answer to a request that ended early; `page` is where it belongs.
pub(super) fn answer(visit: &Visit, page: Option<&PageToken>, stop: Stop) -> Response {
    let locale = visit.locale(None);
    let problem = match (stop, page) {
        (Stop::Problem(problem), _) => problem,
        (Stop::OtherBrowser, _) => return shown(locale, false, &Page::OtherBrowser),
        (Stop::ToStart, Some(page)) => return to(&page.start().in_locale(&locale)),
        (Stop::ToStart, None) => Problem::NotFound,
        (Stop::Failed(error), _) => {
            tracing::error!(request_id = visit.request_id, %error, "consent page failed");
            Problem::Internal {
                reference: Name::new(&visit.request_id),
            }
        }
    };
    shown(locale, false, &Page::Problem(problem))
}

/// A redirect to one of our own pages.
pub(super) fn to(path_and_query: &str) -> Response {
    respond::see_other(
        path_and_query
            .parse()
            .expect("our own paths are visible ASCII"),
    )
}

impl ConnectState {
    /// Counts a request of a peer, and checks the shape of the page token.
    pub(super) fn admit(&self, visit: &Visit, token: Option<&str>) -> Result<PageToken, Stop> {
        self.admit_peer(visit)?;
        let page = token.and_then(PageToken::new);
        page.ok_or(Stop::Problem(Problem::NotFound))
    }

    /// Counts a request of a peer.
    pub(super) fn admit_peer(&self, visit: &Visit) -> Result<(), Stop> {
        self.0.visits.admit(visit.peer).map_err(|wait| {
            Stop::Problem(Problem::TooManyRequests {
                retry_after_s: whole_seconds(wait),
            })
        })
    }
}

/// How long a peer that is over its limit waits, for answers that are no pages.
pub(super) fn limited(stop: &Stop) -> Duration {
    let seconds = match stop {
        Stop::Problem(Problem::TooManyRequests { retry_after_s }) => *retry_after_s,
        Stop::Problem(_) | Stop::OtherBrowser | Stop::ToStart | Stop::Failed(_) => 1,
    };
    Duration::from_secs(seconds.into())
}

/// Seconds, rounded up, at least one.
fn whole_seconds(wait: Duration) -> u32 {
    let seconds = u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX);
    seconds.max(1)
}
