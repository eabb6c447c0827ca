//! Tests over every page state: structure, escaping, strictness.

use url::Url;

use super::gallery::gallery;
use super::i18n::{Day, Locale};
use super::pages::*;
use super::parts::{LinkAddress, LocalPath, Name, Support};
use super::view::render;

const HOSTILE: &str = "\"><script>alert(1)</script><b onmouseover='x'>&";

fn count(html: &str, needle: &str) -> usize {
    html.matches(needle).count()
}

/// The opening tags of a document, each from `<` to `>`.
fn tags(html: &str) -> Vec<&str> {
    html.split('<')
        .skip(1)
        .filter_map(|rest| rest.split('>').next())
        .collect()
}

/// The value of an attribute in a tag.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.split_once(&format!(" {name}=\""))?.1.split('"').next()
}

fn shell(locale: Locale) -> Shell {
    Shell {
        locale,
        languages: true,
        form_token: Some("tok".into()),
    }
}

fn path(text: &str) -> LocalPath {
    LocalPath::new(text).unwrap()
}

fn link(text: &str) -> LinkAddress {
    LinkAddress::new(Url::parse(text).unwrap()).unwrap()
}

fn tenant(name: &str) -> Tenant {
    Tenant {
        name: Name::new(name),
        privacy: link("https://acme.example/privacy?a=1&b=\"2\""),
        support: Support::parse(HOSTILE),
        test: false,
    }
}

fn choose(query: &str, rows: usize) -> Choose {
    let row = InstitutionChoice {
        id: HOSTILE.into(),
        name: Name::new(HOSTILE),
        country: HOSTILE.into(),
        bic: Some(HOSTILE.into()),
        obstacle: None,
    };
    Choose {
        tenant: tenant(HOSTILE),
        query: query.into(),
        matches: vec![row; rows],
        more: false,
        problem: None,
        search: path("/s"),
        choose: path("/c"),
        cancel: path("/x"),
    }
}

fn html(page: &Page) -> String {
    render(&shell(Locale::En), page).html
}

#[test]
fn the_gallery_shows_each_state_once_in_each_language() {
    let mut names: Vec<&str> = gallery().into_iter().map(|(name, _)| name).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
    assert_eq!(
        names.iter().filter(|name| name.ends_with("-de")).count() * 2,
        all
    );
}

#[test]
fn every_page_has_one_heading_title_language_and_main_landmark() {
    for (name, html) in gallery() {
        for element in [
            "<h1>",
            "<title>",
            "<main ",
            "<header ",
            "<footer ",
            "<html lang=\"",
        ] {
            assert_eq!(count(&html, element), 1, "{name}: {element}");
        }
        let lang = if name.ends_with("-de") { "de" } else { "en" };
        assert!(html.contains(&format!("<html lang=\"{lang}\">")), "{name}");
        assert!(html.starts_with("<!doctype html>"), "{name}");
        assert!(
            !html.contains("<h3") && !html.contains("<title></title>"),
            "{name}"
        );
    }
}

#[test]
fn states_differ_in_title_or_text_and_no_message_is_missing() {
    let shots = gallery();
    for (name, html) in &shots {
        assert!(!html.contains('⟦'), "{name} lacks a message");
        let same = shots.iter().filter(|(_, other)| other == html).count();
        assert_eq!(same, 1, "{name} looks like another state");
    }
}

#[test]
fn nothing_is_inline_and_nothing_is_fetched_from_elsewhere() {
    for (name, html) in gallery() {
        for tag in tags(&html) {
            assert!(!tag.contains(" style="), "{name}: {tag}");
            assert!(
                !tag.split(' ').any(|word| word.starts_with("on")),
                "{name}: {tag}"
            );
            if tag.starts_with("script") {
                let src = attribute(tag, "src").unwrap();
                assert!(src.starts_with("/connect/assets/"), "{name}: {tag}");
            }
            if tag.starts_with("link") {
                let href = attribute(tag, "href").unwrap();
                assert!(href.starts_with("/connect/assets/"), "{name}: {tag}");
            }
            let loads = !tag.starts_with("a ") && !tag.starts_with("meta ");
            assert!(!(loads && tag.contains("://")), "{name}: {tag}");
            for banned in ["style", "iframe", "img", "base", "object", "embed", "video"] {
                assert_ne!(tag.split(' ').next().unwrap(), banned, "{name}");
            }
        }
        assert!(!html.contains("<script>"), "{name}");
    }
}

#[test]
fn forms_that_change_something_post_with_the_token_to_our_own_paths() {
    for (name, html) in gallery() {
        for form in html.split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap();
            let action = attribute(form, "action").unwrap();
            assert!(
                action.starts_with('/') && !action.starts_with("//"),
                "{name}: {action}"
            );
            assert_eq!(count(form, "name=\"locale\""), 1, "{name}");
            match attribute(form, "method").unwrap() {
                "get" => assert!(form.contains("role=\"search\""), "{name}"),
                "post" => assert_eq!(count(form, "name=\"form_token\""), 1, "{name}"),
                other => panic!("{name}: {other}"),
            }
        }
        assert_eq!(count(&html, "<form"), count(&html, "</form>"), "{name}");
    }
}

#[test]
fn every_reference_between_elements_has_its_element() {
    for (name, html) in gallery() {
        let ids: Vec<&str> = tags(&html)
            .iter()
            .filter_map(|tag| attribute(tag, "id"))
            .collect();
        for id in &ids {
            assert_eq!(
                ids.iter().filter(|other| *other == id).count(),
                1,
                "{name}: {id} twice"
            );
        }
        for tag in tags(&html) {
            let names = ["for", "aria-labelledby", "aria-describedby"];
            let pointed = names.iter().filter_map(|name| attribute(tag, name));
            for id in pointed.flat_map(str::split_whitespace) {
                assert!(ids.contains(&id), "{name}: {id}");
            }
            if let Some(id) = attribute(tag, "href").and_then(|href| href.strip_prefix('#')) {
                assert!(ids.contains(&id), "{name}: {id}");
            }
        }
    }
}

#[test]
fn hostile_names_and_searches_stay_text() {
    let back = Some(link("https://app.example/?a='%22><script>"));
    let hostile = || Name::new(HOSTILE);
    let failed = Outcome::Failed {
        institution: hostile(),
        failure: Failure::Bank,
        reference: hostile(),
    };
    let review = Review {
        tenant: tenant(HOSTILE),
        institution: hostile(),
        country: HOSTILE.into(),
        shared: vec![Shared::Accounts],
        duration: Duration::Open,
        go: path("/g"),
        cancel: path("/x"),
        other_bank: None,
    };
    let ended = Ended {
        tenant: tenant(HOSTILE),
        outcome: failed,
        back,
        retry: None,
    };
    for page in [
        Page::Choose(choose(HOSTILE, 2)),
        Page::Choose(choose(HOSTILE, 0)),
        Page::Review(review),
        Page::Ended(ended),
    ] {
        let html = render(
            &Shell {
                form_token: Some(HOSTILE.into()),
                ..shell(Locale::De)
            },
            &page,
        )
        .html;
        assert!(
            !html.contains("<script>") && !html.contains("<b "),
            "{html}"
        );
        assert!(html.contains("&#60;script&#62;") || html.contains("&lt;script&gt;"));
    }
}

#[test]
fn the_list_ends_at_its_limit_and_says_so() {
    let list = |rows, more| {
        html(&Page::Choose(Choose {
            more,
            ..choose("b", rows)
        }))
    };
    let rows = |html: &str| count(html, "name=\"institution\"");
    let full = list(INSTITUTIONS_SHOWN_MAX, false);
    assert_eq!(rows(&full), INSTITUTIONS_SHOWN_MAX);
    assert!(full.contains("50 banks") && full.contains("data-complete"));
    let cut = list(INSTITUTIONS_SHOWN_MAX + 1, false);
    assert_eq!(rows(&cut), INSTITUTIONS_SHOWN_MAX);
    assert!(cut.contains("refine your search") && !cut.contains("data-complete"));
    assert!(list(1, true).contains("refine your search"));
}

#[test]
fn a_long_search_comes_back_cut_and_named_in_the_summary() {
    let query = "q".repeat(QUERY_CHARS_MAX + 1);
    let problem = Some(ChooseProblem::QueryTooLong);
    let page = Page::Choose(Choose {
        problem,
        ..choose(&query, 1)
    });
    let html = html(&page);
    assert!(!html.contains(&query) && html.contains(&query[1..]));
    assert!(html.contains("href=\"#q\"") && html.contains("aria-invalid=\"true\""));
    assert!(html.contains("<title>Error: "));
    assert_eq!(page.status(), 422);
}

#[test]
fn an_institution_that_cannot_be_connected_has_no_button() {
    let mut page = choose("", 1);
    page.matches[0].obstacle = Some(Obstacle::Maintenance);
    let html = html(&Page::Choose(page));
    assert_eq!(count(&html, "name=\"institution\""), 0);
    assert!(html.contains("not reachable at the moment"));
}

#[test]
fn the_review_names_dates_in_the_readers_language() {
    let review = Page::Review(Review {
        tenant: tenant("Acme"),
        institution: Name::new("Bank"),
        country: "DE".into(),
        shared: vec![Shared::Transactions {
            since: Day::new(2025, 3, 9),
        }],
        duration: Duration::Until(Day::new(2027, 5, 24).unwrap()),
        go: path("/g"),
        cancel: path("/x"),
        other_bank: Some(path("/o")),
    });
    let german = render(&shell(Locale::De), &review).html;
    assert!(german.contains("seit dem 9. März 2025") && german.contains("Bis zum 24. Mai 2027"));
    assert!(german.contains("href=\"/o?locale=de\"") && german.contains("Deutschland"));
    let english = html(&review);
    assert!(english.contains("since 9 March 2025") && english.contains("Until 24 May 2027"));
}

#[test]
fn the_page_in_another_browser_names_nobody_and_holds_no_form() {
    let rendered = render(&shell(Locale::En), &Page::OtherBrowser);
    assert_eq!(rendered.status, 403);
    assert_eq!(count(&rendered.html, "<form"), 0);
    assert!(!rendered.html.contains("tok"));
}

#[test]
fn languages_are_offered_only_where_the_address_may_be_repeated() {
    let page = Page::OtherBrowser;
    assert!(html(&page).contains("href=\"?locale=de\""));
    let hidden = render(
        &Shell {
            languages: false,
            ..shell(Locale::En)
        },
        &page,
    )
    .html;
    assert!(!hidden.contains("?locale="));
}

#[test]
fn pages_that_ask_to_wait_say_how_long() {
    let seconds = |problem| render(&shell(Locale::En), &Page::Problem(problem)).retry_after_s;
    assert_eq!(
        seconds(Problem::TooManyRequests { retry_after_s: 7 }),
        Some(7)
    );
    assert_eq!(seconds(Problem::Maintenance { retry_after_s: 9 }), Some(9));
    assert_eq!(seconds(Problem::NotFound), None);
}

#[test]
fn automatic_steps_have_no_delay_and_a_link_beside_them() {
    for (name, html) in gallery() {
        let refresh: Vec<&str> = tags(&html)
            .into_iter()
            .filter(|tag| tag.contains("http-equiv=\"refresh\""))
            .collect();
        let expected = usize::from(name.starts_with("working") || name.starts_with("handoff"));
        assert_eq!(refresh.len(), expected, "{name}");
        for tag in refresh {
            let url = attribute(tag, "content")
                .unwrap()
                .strip_prefix("0; url=")
                .unwrap();
            assert!(html.contains(&format!("href=\"{url}\"")), "{name}");
        }
    }
}
