//! Laws 3, 4 and 5: each outside thing has one home, and the pure parts stay pure.

use serde_json::Value;

use super::source::{self, Keep};
use super::{Finding, Subject};
use crate::tree::File;

/// Words and the only places where product code may say them.
struct Home {
    words: &'static [&'static str],
    homes: &'static [&'static str],
    why: &'static str,
}

const HOMES: [Home; 6] = [
    Home {
        words: &["sqlx"],
        homes: &["core/store/"],
        why: "SQL lives in the store",
    },
    Home {
        words: &["reqwest"],
        homes: &["core/transport/"],
        why: "outbound HTTP lives in transport",
    },
    Home {
        words: &["aws_lc_rs", "aes_gcm", "chacha20poly1305"],
        homes: &["core/vault/src/seal"],
        why: "encryption and key material live in vault::seal",
    },
    Home {
        words: &["hmac", "Hmac"],
        homes: &["core/vault/src/seal", "connectors/src/core"],
        why: "keyed digests live in vault::seal and, for webhooks, in connectors::core",
    },
    Home {
        words: &["std::env"],
        homes: &["src/config"],
        why: "settings are read in src/config",
    },
    Home {
        words: &[
            "SystemTime::now",
            "Timestamp::now",
            "Zoned::now",
            "Utc::now",
        ],
        homes: &["core/model/src/time"],
        why: "the wall clock is model::time::SystemClock",
    },
];

/// Crates whose names Cargo.toml may list for one package only.
const LINKED_BY: [(&str, &str); 2] = [("sqlx", "fondaco-store"), ("reqwest", "fondaco-transport")];

const PURE: [&str; 2] = ["connectors/", "normalize/"];
const IMPURE: [&str; 11] = [
    "async",
    ".await",
    "Instant::now",
    "SystemTime",
    "SystemClock",
    "Timestamp::now",
    "Zoned::now",
    "new_v4",
    "now_v7",
    "rand",
    "getrandom",
];

const EXACT: [&str; 4] = [
    "core/model/",
    "normalize/",
    "connectors/",
    "core/reconcile/",
];

/// Law 3.
pub(super) fn check_homes(subject: &Subject) -> Vec<Finding> {
    let mut findings = check_links(&subject.metadata);
    for file in product_files(subject) {
        let code = source::without_tests(&source::strip(&file.text, Keep::Code));
        for home in &HOMES {
            if !home.homes.iter().any(|place| file.path.starts_with(place)) {
                findings.extend(find(file, &code, home.words, home.why));
            }
        }
    }
    findings
}

/// Law 4.
pub(super) fn check_purity(subject: &Subject) -> Vec<Finding> {
    product_files(subject)
        .filter(|file| PURE.iter().any(|place| file.path.starts_with(place)))
        .flat_map(|file| {
            let code = source::without_tests(&source::strip(&file.text, Keep::Code));
            find(
                file,
                &code,
                &IMPURE,
                "connectors and normalize neither wait nor look around",
            )
        })
        .collect()
}

/// Law 5. Tests are not excepted: a float in an expectation hides a rounding.
pub(super) fn check_floats(subject: &Subject) -> Vec<Finding> {
    subject
        .tree
        .files
        .iter()
        .filter(|file| file.is_rust() && EXACT.iter().any(|place| file.path.starts_with(place)))
        .flat_map(|file| {
            let code = source::strip(&file.text, Keep::Code);
            let mut found = find(file, &code, &["f32", "f64"], "no floating point near money");
            let literals = code
                .lines()
                .enumerate()
                .filter(|(_, line)| has_float_literal(line));
            found.extend(literals.map(|(at, _)| {
                Finding::at(&file.path, at + 1, "a literal with a fraction is a float")
            }));
            found
        })
        .collect()
}

fn product_files(subject: &Subject) -> impl Iterator<Item = &File> {
    let files = subject.tree.files.iter();
    files.filter(|file| file.is_rust() && !source::is_excepted(&file.path))
}

fn find(file: &File, code: &str, words: &[&str], why: &str) -> Vec<Finding> {
    words
        .iter()
        .flat_map(|word| {
            source::lines_with(code, word)
                .into_iter()
                .map(move |line| (line, word))
        })
        .map(|(line, word)| Finding::at(&file.path, line, format!("`{word}`: {why}")))
        .collect()
}

fn check_links(metadata: &Value) -> Vec<Finding> {
    let packages = metadata["packages"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut findings = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let excepted = matches!(name, "fondaco-sandbox" | "fondaco-kit" | "xtask");
        let listed = package["dependencies"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        for dependency in listed
            .iter()
            .filter(|dependency| dependency["kind"].is_null())
        {
            let owner = LINKED_BY
                .iter()
                .find(|(linked, _)| dependency["name"] == *linked);
            if let Some((linked, owner)) = owner.filter(|(_, owner)| *owner != name && !excepted) {
                let text = format!("`{name}` links `{linked}`, which belongs to `{owner}`");
                findings.push(Finding::of("Cargo.toml", text));
            }
        }
    }
    findings
}

/// A digit, a point and a digit that are neither a range nor a field of a tuple.
fn has_float_literal(line: &str) -> bool {
    let bytes = line.as_bytes();
    line.match_indices('.').any(|(at, _)| {
        let digit_after = bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        let number = line[..at]
            .rsplit(|sign: char| !source::is_word(sign))
            .next();
        let number = number.unwrap_or_default();
        let starts = at - number.len();
        let of_a_field = starts > 0 && bytes[starts - 1] == b'.';
        digit_after && number.starts_with(|sign: char| sign.is_ascii_digit()) && !of_a_field
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tidy::subject;

    fn homes(path: &str, text: &str) -> usize {
        check_homes(&subject(&[(path, text)])).len()
    }

    #[test]
    fn each_outside_thing_has_one_home() {
        for (word, home) in [
            ("use sqlx::query;", "core/store/src/a.rs"),
            ("reqwest::get(u)", "core/transport/src/a.rs"),
            ("use aws_lc_rs::aead;", "core/vault/src/seal/a.rs"),
            ("use hmac::Mac;", "connectors/src/core/a.rs"),
            ("let x = std::env::current_dir();", "src/config/mod.rs"),
            ("SystemTime::now()", "core/model/src/time.rs"),
        ] {
            assert_eq!(homes(home, word), 0, "{word} at home");
            assert_eq!(
                homes("core/sync/src/a.rs", word),
                1,
                "{word} away from home"
            );
            assert_eq!(homes("sandbox/src/a.rs", word), 0, "{word} in the sandbox");
        }
    }

    #[test]
    fn comments_strings_and_tests_are_free() {
        assert_eq!(homes("core/sync/src/a.rs", "// sqlx\nlet x = \"sqlx\";"), 0);
        assert_eq!(
            homes(
                "core/sync/src/a.rs",
                "#[cfg(test)]\nmod tests { use sqlx; }"
            ),
            0
        );
        assert_eq!(homes("core/sync/tests/a.rs", "use sqlx;"), 0);
        assert_eq!(homes("core/sync/src/a/tests.rs", "use sqlx;"), 0);
    }

    #[test]
    fn a_link_in_the_manifest_is_found_too() {
        let metadata = json!({ "packages": [
            { "name": "fondaco-api", "dependencies": [{ "name": "sqlx", "kind": null }] },
            { "name": "fondaco-store", "dependencies": [{ "name": "sqlx", "kind": null }] },
            { "name": "fondaco", "dependencies": [{ "name": "reqwest", "kind": "dev" }] },
        ]});
        assert_eq!(check_links(&metadata).len(), 1);
    }

    #[test]
    fn waiting_and_guessing_in_the_pure_parts_are_found() {
        for text in [
            "async fn f() {}",
            "x.await",
            "Uuid::now_v7()",
            "rand::random()",
        ] {
            assert_eq!(
                check_purity(&subject(&[("normalize/src/a.rs", text)])).len(),
                1,
                "{text}"
            );
            assert_eq!(
                check_purity(&subject(&[("core/sync/src/a.rs", text)])).len(),
                0,
                "{text}"
            );
        }
    }

    #[test]
    fn floats_near_money_are_found_in_every_spelling() {
        for text in ["let x: f64 = y;", "x as f32", "let x = 1.5;", "[0.25]"] {
            assert_eq!(
                check_floats(&subject(&[("core/model/src/a.rs", text)])).len(),
                1,
                "{text}"
            );
        }
        for text in [
            "x.0.1",
            "0..5",
            "1.max(2)",
            "\"1.5\"",
            "// 1.5",
            "to_f64x()",
        ] {
            assert_eq!(
                check_floats(&subject(&[("core/model/src/a.rs", text)])).len(),
                0,
                "{text}"
            );
        }
    }
}
