//! Every page state in every language, for the tests that look at all of them.

use url::Url;

use super::i18n::{Day, Locale};
use super::pages::{
    Choose, ChooseProblem, Denial, Duration, Ended, Failure, Handoff, INSTITUTIONS_SHOWN_MAX,
    InstitutionChoice, Obstacle, Outcome, Page, Problem, QUERY_CHARS_MAX, Review, Shared, Shell,
    Tenant, Working, WorkingStep,
};
use super::parts::{LinkAddress, LocalPath, Name, Support};
use super::view;

/// The name of a state in English and in German, and the state.
type State = ([&'static str; 2], Page);

macro_rules! state {
    ($name:literal, $page:expr) => {
        ([concat!($name, "-en"), concat!($name, "-de")], $page)
    };
}

/// Renders all states in all languages: name (`state-locale`) and document.
pub fn gallery() -> Vec<(&'static str, String)> {
    let states: Vec<State> = [choices(), reviews(), ways(), endings(), problems()]
        .into_iter()
        .flatten()
        .collect();
    let mut shots = Vec::with_capacity(states.len() * Locale::ALL.len());
    for (names, page) in &states {
        for (name, locale) in names.iter().zip(Locale::ALL) {
            let shell = Shell {
                locale,
                languages: true,
                form_token: Some("form-token".into()),
            };
            shots.push((*name, view::render(&shell, page).html));
        }
    }
    shots
}

fn choices() -> Vec<State> {
    let all = choose("", banks(), None);
    let plain = InstitutionChoice {
        obstacle: None,
        ..banks().remove(0)
    };
    let many = vec![plain; INSTITUTIONS_SHOWN_MAX + 1];
    let long = "x".repeat(QUERY_CHARS_MAX + 1);
    vec![
        state!("choose", all),
        state!("choose-search", choose("spar", banks(), None)),
        state!("choose-many", choose("bank", many, None)),
        state!(
            "choose-no-match",
            choose("Neverbank & <Co>", Vec::new(), None)
        ),
        state!("choose-empty", choose("", Vec::new(), None)),
        state!(
            "choose-query-too-long",
            choose(&long, banks(), Some(ChooseProblem::QueryTooLong))
        ),
        state!(
            "choose-not-available",
            choose("", banks(), Some(ChooseProblem::NotAvailable))
        ),
    ]
}

fn choose(query: &str, matches: Vec<InstitutionChoice>, problem: Option<ChooseProblem>) -> Page {
    Page::Choose(Choose {
        tenant: tenant(),
        query: query.into(),
        matches,
        more: false,
        problem,
        search: path("/connect/session"),
        choose: path("/connect/session/institution"),
        cancel: path("/connect/session/cancel"),
    })
}

fn reviews() -> Vec<State> {
    let since = Day::new(2025, 3, 9);
    let until = Day::new(2027, 5, 24).expect("a day of the calendar");
    let all = vec![
        Shared::Accounts,
        Shared::Balances,
        Shared::Transactions { since },
    ];
    let review = |tenant, shared, duration, other_bank| {
        Page::Review(Review {
            tenant,
            institution: institution(),
            country: "DE".into(),
            shared,
            duration,
            go: path("/connect/session/go"),
            cancel: path("/connect/session/cancel"),
            other_bank,
        })
    };
    let live = |support: &str| Tenant {
        test: false,
        support: Support::parse(support),
        ..tenant()
    };
    let other = Some(path("/connect/session"));
    let open = vec![Shared::Accounts, Shared::Transactions { since: None }];
    vec![
        state!(
            "review",
            review(tenant(), all.clone(), Duration::Until(until), other)
        ),
        state!(
            "review-live",
            review(live("+49 30 1234567"), open, Duration::Open, None)
        ),
        state!(
            "review-once",
            review(live("https://acme.example/help"), all, Duration::Once, None)
        ),
        state!(
            "review-once-open",
            review(
                tenant(),
                vec![Shared::Transactions { since: None }],
                Duration::Once,
                None
            )
        ),
    ]
}

fn ways() -> Vec<State> {
    let working = |step| {
        let (tenant, institution) = (tenant(), institution());
        Page::Working(Working {
            tenant,
            institution,
            step,
            status: path("/connect/session/status"),
        })
    };
    let bank = link("https://bank.example/authorize?client_id=fondaco&state=s");
    let handoff = Handoff {
        tenant: tenant(),
        institution: institution(),
        bank,
    };
    vec![
        state!("handoff", Page::Handoff(handoff)),
        state!("working-exchanging", working(WorkingStep::Exchanging)),
        state!("working-reading", working(WorkingStep::Reading)),
        state!("other-browser", Page::OtherBrowser),
    ]
}

fn endings() -> Vec<State> {
    let success = |accounts| {
        ended(
            Outcome::Success {
                institution: institution(),
                accounts,
            },
            false,
        )
    };
    let denied = |denial| {
        ended(
            Outcome::Denied {
                institution: institution(),
                denial,
            },
            true,
        )
    };
    let failed = |failure| {
        let reference = Name::new("0197f1a2-6d1e-7c3a-9b40-5a1f7c0f2e11");
        ended(
            Outcome::Failed {
                institution: institution(),
                failure,
                reference,
            },
            true,
        )
    };
    let signatory = Outcome::Signatory {
        institution: institution(),
    };
    let closed = Ended {
        tenant: tenant(),
        outcome: Outcome::Cancelled,
        back: None,
        retry: None,
    };
    vec![
        state!("success", success(None)),
        state!("success-one", success(Some(1))),
        state!("success-count", success(Some(3))),
        state!("signatory", ended(signatory, false)),
        state!("denied", denied(Denial::Declined)),
        state!("denied-authentication", denied(Denial::Authentication)),
        state!("denied-eligible", denied(Denial::NotEligible)),
        state!("failed-bank", failed(Failure::Bank)),
        state!("failed-accounts", failed(Failure::NoAccounts)),
        state!("failed-here", failed(Failure::Here)),
        state!("expired", ended(Outcome::Expired, false)),
        state!("already-used", ended(Outcome::AlreadyUsed, false)),
        state!("cancelled", ended(Outcome::Cancelled, true)),
        state!("cancelled-closed", Page::Ended(closed)),
    ]
}

fn ended(outcome: Outcome, retry: bool) -> Page {
    Page::Ended(Ended {
        tenant: tenant(),
        outcome,
        back: Some(link(
            "https://app.acme.example/banks/done?result=one-time-code",
        )),
        retry: retry.then(|| path("/connect/session")),
    })
}

fn problems() -> Vec<State> {
    let problem = Page::Problem;
    let again = || path("/connect/session");
    let reference = Name::new("0197f1a2-6d1e-7c3a-9b40-5a1f7c0f2e11");
    vec![
        state!("not-found", problem(Problem::NotFound)),
        state!("link-expired", problem(Problem::LinkExpired)),
        state!(
            "too-many",
            problem(Problem::TooManyRequests { retry_after_s: 30 })
        ),
        state!(
            "cookies-blocked",
            problem(Problem::CookiesBlocked { again: again() })
        ),
        state!(
            "form-expired",
            problem(Problem::FormExpired { again: again() })
        ),
        state!(
            "maintenance",
            problem(Problem::Maintenance { retry_after_s: 300 })
        ),
        state!("internal", problem(Problem::Internal { reference })),
    ]
}

fn tenant() -> Tenant {
    Tenant {
        name: Name::new("Acme Books"),
        privacy: link("https://acme.example/privacy"),
        support: Support::parse("help@acme.example"),
        test: true,
    }
}

fn institution() -> Name {
    Name::new("Riverside Savings Bank")
}

fn banks() -> Vec<InstitutionChoice> {
    let bank = |id: &str, name, country: &str, bic: Option<&str>, obstacle| InstitutionChoice {
        id: id.into(),
        name: Name::new(name),
        country: country.into(),
        bic: bic.map(Into::into),
        obstacle,
    };
    vec![
        bank(
            "riverside",
            "Riverside Savings Bank",
            "DE",
            Some("RIVSDEFFXXX"),
            None,
        ),
        bank(
            "alpine",
            "Bank der Alpenländer",
            "AT",
            Some("ALPBATWWXXX"),
            None,
        ),
        bank("northern", "Northern & Sons", "GB", None, None),
        bank("tokyo", "Kanda Shinkin", "JP", None, None),
        bank(
            "cert",
            "Old Harbour Bank",
            "NL",
            None,
            Some(Obstacle::Certificate),
        ),
        bank(
            "down",
            "Banque du Lac",
            "CH",
            None,
            Some(Obstacle::Maintenance),
        ),
        bank(
            "lean",
            "Lean Card",
            "LT",
            Some("LEANLT21XXX"),
            Some(Obstacle::Unsupported),
        ),
    ]
}

fn path(text: &str) -> LocalPath {
    LocalPath::new(text).expect("the gallery's paths are local")
}

fn link(text: &str) -> LinkAddress {
    let url = Url::parse(text).expect("the gallery's addresses are well formed");
    LinkAddress::new(url).expect("the gallery's addresses have a web scheme")
}
