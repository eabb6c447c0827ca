//! Tests of the messages, dates and the choice of a locale.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// Each key of a message file with the variables that its text names.
fn keys(locale: Locale) -> BTreeMap<String, BTreeSet<String>> {
    let mut keys = BTreeMap::<String, BTreeSet<String>>::new();
    let mut current = String::new();
    for line in source(locale).lines().filter(|line| !line.starts_with('#')) {
        if let Some((key, _)) = line.split_once(" =")
            && !line.starts_with(' ')
        {
            key.clone_into(&mut current);
            assert!(
                keys.insert(current.clone(), BTreeSet::new()).is_none(),
                "{key} twice"
            );
        }
        for piece in line.split('$').skip(1) {
            let name = piece
                .chars()
                .take_while(char::is_ascii_alphanumeric)
                .collect();
            keys.get_mut(&current).unwrap().insert(name);
        }
    }
    keys
}

/// Everything that may name a key: the templates and the sources that build texts.
fn users() -> String {
    [
        include_str!("../i18n.rs"),
        include_str!("../view.rs"),
        include_str!("../outcome.rs"),
        include_str!("../../../web/templates/base.html"),
        include_str!("../../../web/templates/choose.html"),
        include_str!("../../../web/templates/handoff.html"),
        include_str!("../../../web/templates/other_browser.html"),
        include_str!("../../../web/templates/problem.html"),
        include_str!("../../../web/templates/result.html"),
        include_str!("../../../web/templates/review.html"),
        include_str!("../../../web/templates/working.html"),
        include_str!("../../../web/templates/macros.html"),
    ]
    .concat()
}

fn accepting(value: &str) -> HeaderMap {
    HeaderMap::from_iter([(ACCEPT_LANGUAGE, value.parse().unwrap())])
}

#[test]
fn both_message_files_hold_the_same_keys_with_the_same_variables() {
    assert_eq!(keys(Locale::En), keys(Locale::De));
    assert!(keys(Locale::En).len() > 100);
}

#[test]
fn every_message_is_used_and_every_used_message_exists() {
    let (users, keys) = (users(), keys(Locale::En));
    for key in keys.keys() {
        let listed = key.starts_with("month-")
            || key
                .strip_prefix("country-")
                .is_some_and(|code| COUNTRIES.contains(&code));
        assert!(
            listed || users.contains(&format!("\"{key}\"")),
            "{key} is not used"
        );
    }
    for call in [".text(\"", ".with(\"", ".between(\"", ".count(\""] {
        // The pieces of this test itself are not calls.
        for piece in users
            .split(call)
            .skip(1)
            .filter(|piece| !piece.starts_with('"'))
        {
            let key = piece.split('"').next().unwrap();
            assert!(
                key.contains('\\') || keys.contains_key(key),
                "{key} does not exist"
            );
        }
    }
}

#[test]
fn every_country_and_month_has_a_name_in_every_language() {
    for locale in Locale::ALL {
        for code in COUNTRIES {
            assert!(!Texts::new(locale).country(code).contains('⟦'), "{code}");
        }
        for month in 1..=12 {
            let date = Texts::new(locale).date(Day::new(2027, month, 1).unwrap());
            assert!(!date.contains('⟦'), "{date}");
        }
    }
    assert_eq!(Texts::new(Locale::De).country("JP"), "JP");
}

#[test]
fn dates_follow_the_language() {
    let day = Day::new(2027, 3, 9).unwrap();
    assert_eq!(Texts::new(Locale::En).date(day), "9 March 2027");
    assert_eq!(Texts::new(Locale::De).date(day), "9. März 2027");
}

#[test]
fn only_days_of_the_calendar_exist() {
    for (year, month, day, exists) in [
        (2028, 2, 29, true),
        (2027, 2, 29, false),
        (2000, 2, 29, true),
        (1900, 2, 29, false),
        (2027, 4, 30, true),
        (2027, 4, 31, false),
        (2027, 12, 31, true),
        (2027, 12, 32, false),
        (2027, 1, 0, false),
        (2027, 0, 1, false),
        (2027, 13, 1, false),
        (0, 1, 1, false),
        (1, 1, 1, true),
        (9999, 1, 1, true),
        (10_000, 1, 1, false),
    ] {
        assert_eq!(
            Day::new(year, month, day).is_some(),
            exists,
            "{year}-{month}-{day}"
        );
    }
}

#[test]
fn numbers_choose_the_plural() {
    for (locale, count, expected) in [
        (Locale::En, 0, "0 banks"),
        (Locale::En, 1, "1 bank"),
        (Locale::En, 2, "2 banks"),
        (Locale::De, 1, "1 Bank"),
        (Locale::De, 50, "50 Banken"),
    ] {
        assert_eq!(
            Texts::new(locale).count("choose-count", count, &[]),
            expected
        );
    }
}

#[test]
fn the_query_wins_over_the_session_and_the_session_over_the_browser() {
    let check = |query, session, accept, expected| {
        assert_eq!(
            Locale::negotiate(query, session, &accepting(accept)),
            expected
        );
    };
    check(Some("de"), Some("en"), "en", Locale::De);
    check(Some("fr"), Some("de"), "en", Locale::De);
    check(None, Some("de-CH"), "en", Locale::De);
    check(None, Some("fr"), "de", Locale::De);
    check(None, None, "fr", Locale::En);
    assert_eq!(Locale::negotiate(None, None, &HeaderMap::new()), Locale::En);
}

#[test]
fn the_browsers_quality_values_are_honoured() {
    for (accept, expected) in [
        ("de", Locale::De),
        ("de-AT,en;q=0.9", Locale::De),
        ("en;q=0.8, de;q=0.9", Locale::De),
        ("en, de", Locale::En),
        ("de;q=0, en;q=0.1", Locale::En),
        ("de;q=0", Locale::En),
        ("de;q=0.001", Locale::De),
        ("fr, *;q=0.5, de;q=0.4", Locale::En),
        ("DE_de", Locale::De),
        ("de;q=1.001, en;q=0.1", Locale::En),
        ("de;q=0.1234, en;q=0.1", Locale::En),
        ("de;q=x, en;q=0.1", Locale::En),
        (";;,,=,", Locale::En),
    ] {
        assert_eq!(
            accepted(&accepting(accept)).unwrap_or_default(),
            expected,
            "{accept}"
        );
    }
}

#[test]
fn oversized_language_input_is_ignored() {
    let fits = format!("{}de", "x,".repeat((ACCEPT_LANGUAGE_BYTES_MAX - 2) / 2));
    assert_eq!(fits.len(), ACCEPT_LANGUAGE_BYTES_MAX);
    assert_eq!(accepted(&accepting(&fits)), None, "too many ranges");
    let fits = format!("de,{}", "x".repeat(ACCEPT_LANGUAGE_BYTES_MAX - 3));
    assert_eq!(accepted(&accepting(&fits)), Some(Locale::De));
    assert_eq!(accepted(&accepting(&format!("{fits}x"))), None);
    let last = format!("{}de", "fr,".repeat(LANGUAGE_RANGES_MAX - 1));
    assert_eq!(accepted(&accepting(&last)), Some(Locale::De));
    assert_eq!(accepted(&accepting(&format!("fr,{last}"))), None);
    let tag = format!("de-{}", "x".repeat(LANGUAGE_TAG_BYTES_MAX - 3));
    assert_eq!(Locale::from_tag(&tag), Some(Locale::De));
    assert_eq!(Locale::from_tag(&format!("{tag}x")), None);
}
