//! The hosted pages as HTML: which template shows which page, and with which texts.

use askama::Template;
use http::StatusCode;

use super::assets;
use super::i18n::{Locale, Texts};
use super::outcome::{Ending, Trouble, ending, trouble};
use super::pages::{
    Choose, ChooseProblem, Duration, Ended, Handoff, INSTITUTIONS_SHOWN_MAX, Obstacle, Page,
    QUERY_CHARS_MAX, Review, Shared, Shell, Tenant, Working, WorkingStep,
};
use super::parts::{LocalPath, Name, Support};

/// A page ready to be sent.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// The HTTP status.
    pub status: StatusCode,
    /// The whole document.
    pub html: String,
    /// Seconds for `Retry-After`, where waiting helps.
    pub retry_after_s: Option<u32>,
}

/// Renders one page.
pub fn render(shell: &Shell, page: &Page) -> Rendered {
    let t = Texts::new(shell.locale);
    let frame = |heading: String| Frame::new(shell, page, heading);
    let html = match page {
        Page::Choose(page) => {
            let frame = frame(t.text("choose-heading"));
            html(&ChooseView { t, frame, page })
        }
        Page::Review(page) => {
            let frame = frame(t.with("review-heading", "tenant", &page.tenant.name));
            html(&ReviewView { t, frame, page })
        }
        Page::Handoff(page) => {
            let frame = frame(t.with("handoff-heading", "institution", &page.institution));
            html(&HandoffView { t, frame, page })
        }
        Page::Working(page) => {
            let frame = frame(t.text("working-heading"));
            html(&WorkingView { t, frame, page })
        }
        Page::Ended(page) => {
            let Ending {
                heading,
                text,
                next,
                sign,
                reference,
            } = ending(t, page);
            let frame = frame(heading);
            html(&EndedView {
                t,
                frame,
                page,
                text,
                next,
                sign,
                reference,
            })
        }
        Page::OtherBrowser => {
            let frame = frame(t.text("other-heading"));
            html(&OtherBrowserView { t, frame })
        }
        Page::Problem(problem) => {
            let Trouble {
                heading,
                text,
                steps,
                again,
                reference,
            } = trouble(t, problem);
            let frame = frame(heading);
            html(&ProblemView {
                t,
                frame,
                text,
                steps,
                again,
                reference,
            })
        }
    };
    Rendered {
        status: page.status(),
        html,
        retry_after_s: page.retry_after_s(),
    }
}

fn html(template: &impl Template) -> String {
    template
        .render()
        .expect("writing a template to a string cannot fail")
}

/// What stands around every page.
struct Frame<'a> {
    shell: &'a Shell,
    tenant: Option<&'a Tenant>,
    heading: String,
    title: String,
    style: String,
    script: String,
    icon: String,
}

impl<'a> Frame<'a> {
    fn new(shell: &'a Shell, page: &'a Page, heading: String) -> Self {
        let t = Texts::new(shell.locale);
        let tenant = page.tenant();
        let mut title = match tenant {
            Some(tenant) => t.with_all(
                "title-with-tenant",
                &[("heading", &heading), ("tenant", tenant.name.as_str())],
            ),
            None => heading.clone(),
        };
        if matches!(page, Page::Choose(page) if page.problem.is_some()) {
            title = t.with("title-error", "heading", title);
        }
        Self {
            shell,
            tenant,
            heading,
            title,
            style: assets::style().href(),
            script: assets::script().href(),
            icon: assets::icon().href(),
        }
    }

    fn is_test(&self) -> bool {
        self.tenant.is_some_and(|tenant| tenant.test)
    }

    #[expect(clippy::unused_self, reason = "templates call methods only")]
    fn locales(&self) -> [Locale; 2] {
        Locale::ALL
    }

    fn is_current(&self, locale: Locale) -> bool {
        self.shell.locale == locale
    }
}

#[derive(Template)]
#[template(path = "choose.html", config = "web/askama.toml")]
struct ChooseView<'a> {
    t: Texts,
    frame: Frame<'a>,
    page: &'a Choose,
}

impl ChooseView<'_> {
    /// The search text as it is shown again, cut to what the field accepts.
    fn query(&self) -> String {
        self.page
            .query
            .trim()
            .chars()
            .take(QUERY_CHARS_MAX)
            .collect()
    }

    fn query_is_wrong(&self) -> bool {
        self.page.problem == Some(ChooseProblem::QueryTooLong)
    }

    fn query_problem(&self) -> String {
        self.problem_text(ChooseProblem::QueryTooLong)
    }

    fn query_chars_max(&self) -> usize {
        debug_assert!(self.query().chars().count() <= QUERY_CHARS_MAX);
        QUERY_CHARS_MAX
    }

    fn shown_count(&self) -> u32 {
        let count = self.page.shown().len().min(INSTITUTIONS_SHOWN_MAX);
        u32::try_from(count).expect("the list is limited to a few dozen rows")
    }

    fn problem_text(&self, problem: ChooseProblem) -> String {
        match problem {
            ChooseProblem::QueryTooLong => {
                let limit = u32::try_from(QUERY_CHARS_MAX).expect("the limit is a small constant");
                self.t.count("problem-query-too-long", limit, &[])
            }
            ChooseProblem::NotAvailable => self.t.text("problem-not-available"),
        }
    }

    fn problem_field(&self, problem: ChooseProblem) -> &'static str {
        debug_assert!(self.page.problem.is_some());
        match problem {
            ChooseProblem::QueryTooLong => "q",
            ChooseProblem::NotAvailable => "banks-title",
        }
    }

    fn obstacle_text(&self, obstacle: Obstacle) -> String {
        self.t.text(match obstacle {
            Obstacle::Certificate => "obstacle-certificate",
            Obstacle::Maintenance => "obstacle-maintenance",
            Obstacle::Unsupported => "obstacle-unsupported",
        })
    }
}

#[derive(Template)]
#[template(path = "review.html", config = "web/askama.toml")]
struct ReviewView<'a> {
    t: Texts,
    frame: Frame<'a>,
    page: &'a Review,
}

impl ReviewView<'_> {
    fn shared_name(&self, shared: Shared) -> String {
        self.t.text(match shared {
            Shared::Accounts => "share-accounts",
            Shared::Balances => "share-balances",
            Shared::Transactions { .. } => "share-transactions",
        })
    }

    fn shared_text(&self, shared: Shared) -> String {
        let once = self.page.duration == Duration::Once;
        match shared {
            Shared::Accounts => self.t.text("share-accounts-text"),
            Shared::Balances => self.t.text("share-balances-text"),
            Shared::Transactions { since: Some(day) } => {
                let key = if once {
                    "share-transactions-once"
                } else {
                    "share-transactions-since"
                };
                self.t.with(key, "date", self.t.date(day))
            }
            Shared::Transactions { since: None } if once => {
                self.t.text("share-transactions-once-all")
            }
            Shared::Transactions { since: None } => self.t.text("share-transactions-all"),
        }
    }

    fn duration(&self) -> String {
        match self.page.duration {
            Duration::Until(day) => self.t.with("duration-until", "date", self.t.date(day)),
            Duration::Once => self.t.text("duration-once"),
            Duration::Open => self.t.text("duration-open"),
        }
    }
}

#[derive(Template)]
#[template(path = "handoff.html", config = "web/askama.toml")]
struct HandoffView<'a> {
    t: Texts,
    frame: Frame<'a>,
    page: &'a Handoff,
}

#[derive(Template)]
#[template(path = "working.html", config = "web/askama.toml")]
struct WorkingView<'a> {
    t: Texts,
    frame: Frame<'a>,
    page: &'a Working,
}

impl WorkingView<'_> {
    fn step(&self) -> String {
        match self.page.step {
            WorkingStep::Exchanging => {
                self.t
                    .with("working-exchanging", "institution", &self.page.institution)
            }
            WorkingStep::Reading => self.t.text("working-reading"),
        }
    }
}

#[derive(Template)]
#[template(path = "result.html", config = "web/askama.toml")]
struct EndedView<'a> {
    t: Texts,
    frame: Frame<'a>,
    page: &'a Ended,
    text: String,
    next: String,
    sign: &'static str,
    reference: Option<&'a Name>,
}

#[derive(Template)]
#[template(path = "other_browser.html", config = "web/askama.toml")]
struct OtherBrowserView<'a> {
    t: Texts,
    frame: Frame<'a>,
}

#[derive(Template)]
#[template(path = "problem.html", config = "web/askama.toml")]
struct ProblemView<'a> {
    t: Texts,
    frame: Frame<'a>,
    text: String,
    steps: Vec<String>,
    again: Option<&'a LocalPath>,
    reference: Option<&'a Name>,
}
