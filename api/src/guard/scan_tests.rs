//! Tests of the scanner: both sides of each limit, and every way to mislead it.

use super::*;
use crate::http::code::Code;

fn count(document: &str) -> Result<Outline, Code> {
    scan(document.as_bytes(), &Limits::default()).map_err(|refusal| refusal.code)
}

fn too_large(document: &str) -> bool {
    count(document) == Err(Code::QueryTooLarge)
}

#[test]
fn an_ordinary_document_is_counted() {
    let text = r#"
        # comment { [ (
        query Q($a: [Int!]! = [1], $b: In = {x: "}"}) @dir {
          one: field(x: $a, y: {z: """ block " } """}) {
            ...F ... on T { id } ... @include(if: true) { on }
          }
          two(on: on) : x
        }
        fragment F on T { alias: on }
    "#;
    let seen = count(text).unwrap();
    assert_eq!(
        (seen.operations, seen.fragments, seen.directives),
        (1, 1, 2)
    );
    // field, F, T, id, the bare fragment, on, two and x, and on again.
    assert_eq!((seen.aliases, seen.selections), (2, 9));
}

/// A document passes with `max` of something and is refused with one more.
fn check(what: &str, max: usize, document: impl Fn(usize) -> String) {
    assert!(count(&document(max)).is_ok(), "{what} at {max}");
    assert!(too_large(&document(max + 1)), "{what} above {max}");
}

#[test]
fn each_size_lets_its_number_through_and_refuses_one_more() {
    let limits = Limits::default();
    check("bytes", limits.document_bytes, |n| {
        format!("{{a}}#{}", "x".repeat(n - 4))
    });
    check("tokens", limits.tokens, |n| {
        format!("{{a(x:[{}])}}", "1 ".repeat(n - 9))
    });
    check("directives", limits.directives, |n| {
        format!("{{a{}}}", "@x".repeat(n))
    });
    check("roots", limits.root_fields, |n| {
        format!("{{{}}}", "a ".repeat(n))
    });
    check("selections", limits.selections, |n| {
        format!("{{a{{{}}}}}", "b ".repeat(n - 1))
    });
    check("operations", limits.operations, |n| "query q{a}".repeat(n));
    check("fragments", limits.fragments, |n| {
        format!("{{a}}{}", "fragment f on T{a}".repeat(n))
    });
    check("aliases", limits.aliases, |n| {
        let fields: Vec<String> = (0..n).map(|i| format!("a{i}:b ")).collect();
        format!("{{x{{{}}}}}", fields.concat())
    });
}

#[test]
fn brackets_of_every_kind_may_be_sixty_four_deep() {
    let max = Limits::default().nesting;
    let both = |open: &str, close: &str, n: usize| (open.repeat(n), close.repeat(n));
    check("lists", max, |n| {
        let (open, close) = both("[", "]", n - 2);
        format!("{{a(x:{open}1{close})}}")
    });
    check("types", max, |n| {
        let (open, close) = both("[", "]", n - 1);
        format!("query($a:{open}Int{close}){{a}}")
    });
    check("sets", max, |n| {
        let (open, close) = both("{a", "}", n);
        format!("{open}{close}")
    });
    check("objects", max, |n| {
        let (open, close) = both("{a:", "}", n - 2);
        format!("{{a(x:{open}1{close})}}")
    });
}

#[test]
fn the_anonymous_operation_counts_as_one() {
    assert_eq!(count("{a}").unwrap().operations, 1);
    assert_eq!(
        count("query query{a} fragment fragment on on{a}")
            .unwrap()
            .fragments,
        1
    );
}

#[test]
fn what_stands_in_strings_and_comments_is_not_counted() {
    let text = "{a(x:\"{[(@\\\"{\", y:\"\"\"{ \\\"\"\" [[ \"\" (( \"\"\") #{{{{\r b}";
    let seen = count(text).unwrap();
    assert_eq!((seen.nesting, seen.directives, seen.selections), (2, 0, 2));
}

#[test]
fn byte_order_marks_and_unicode_are_taken_where_graphql_takes_them() {
    assert!(count("\u{feff}{a(x:\"\u{1f600}\u{202e}\")} # ü").is_ok());
    assert_eq!(count("{ü}"), Err(Code::QueryInvalid));
}

#[test]
fn what_cannot_be_a_document_is_refused_with_its_place() {
    let cases = [
        "{",
        "}",
        "{a",
        "{a(}",
        "{[}]",
        "\"",
        "{a(x:\"\n\")}",
        "\"\"\"",
        "{a..b}",
        "{a;}",
        "\0",
    ];
    for text in cases {
        assert_eq!(count(text), Err(Code::QueryInvalid), "{text:?}");
    }
    let refusal = scan("{\n  ä".as_bytes(), &Limits::default()).unwrap_err();
    assert_eq!(refusal.at, Some(Pos { line: 2, column: 3 }));
}

#[test]
fn any_bytes_end_in_an_answer() {
    // A small generator of its own: the same bytes in each run.
    let mut state = 0x9e37_79b9_u32;
    let alphabet = b"{}()[]:@.\"\\#\n \xef\xbb\xbf\xff\x00a1-$!on fragment";
    for length in 0..2_000_usize {
        let mut bytes = Vec::with_capacity(length);
        for _ in 0..length % 97 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            bytes.push(alphabet[(state >> 16) as usize % alphabet.len()]);
        }
        let _ = scan(&bytes, &Limits::default());
    }
}

#[test]
fn a_hundred_thousand_brackets_are_refused_at_the_sixty_fifth() {
    let limits = Limits {
        document_bytes: usize::MAX,
        ..Limits::default()
    };
    let refusal = scan("{a".repeat(100_000).as_bytes(), &limits).unwrap_err();
    assert_eq!(refusal.code, Code::QueryTooLarge);
    assert_eq!(
        refusal.at,
        Some(Pos {
            line: 1,
            column: 129
        })
    );
}
