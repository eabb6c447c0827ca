//! Rust text without what is not code: comments, strings and test modules are blanked.
//!
//! The result keeps its line breaks, so that a line number in it is one in the file. This is a
//! scanner for laws about words, not a parser: it knows comments, the literals and braces.

/// What a law wants to see of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Code only.
    Code,
    /// Code and the text of its string literals.
    CodeAndStrings,
}

/// Blanks comments and, when asked, the inside of literals.
pub(super) fn strip(text: &str, keep: Keep) -> String {
    let mut scanner = Scanner {
        rest: text,
        out: String::with_capacity(text.len()),
    };
    while let Some(next) = scanner.rest.chars().next() {
        scanner.step(next, keep);
    }
    scanner.out
}

struct Scanner<'a> {
    rest: &'a str,
    out: String,
}

impl Scanner<'_> {
    fn step(&mut self, next: char, keep: Keep) {
        if self.rest.starts_with("//") {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.blank(end);
        } else if self.rest.starts_with("/*") {
            self.blank(block_comment_end(self.rest));
        } else if let Some(end) = literal_end(self.rest, self.out.chars().next_back()) {
            match keep {
                Keep::Code => self.blank(end),
                Keep::CodeAndStrings => self.copy(end),
            }
        } else {
            self.copy(next.len_utf8());
        }
    }

    fn copy(&mut self, end: usize) {
        let (taken, rest) = self.rest.split_at(end);
        self.out.push_str(taken);
        self.rest = rest;
    }

    fn blank(&mut self, end: usize) {
        let (taken, rest) = self.rest.split_at(end);
        self.out.extend(
            taken
                .chars()
                .map(|sign| if sign == '\n' { '\n' } else { ' ' }),
        );
        self.rest = rest;
    }
}

fn block_comment_end(text: &str) -> usize {
    let mut depth = 0_u32;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of the string or character literal that starts here, if one does.
fn literal_end(text: &str, before: Option<char>) -> Option<usize> {
    let inside_word = before.is_some_and(is_word);
    let prefix = ["br", "cr", "r", "b", "c", ""].into_iter().find(|prefix| {
        (prefix.is_empty() || !inside_word)
            && text.strip_prefix(prefix).is_some_and(|rest| {
                let raw = prefix.ends_with('r');
                rest.starts_with('"')
                    || (raw && rest.trim_start_matches('#').starts_with('"'))
                    || (!raw && !prefix.starts_with('c') && char_end(rest).is_some())
            })
    })?;
    let rest = &text[prefix.len()..];
    let length = if prefix.ends_with('r') {
        raw_string_end(rest)
    } else {
        char_end(rest).unwrap_or_else(|| quoted_end(rest, '"'))
    };
    Some(prefix.len() + length)
}

fn raw_string_end(text: &str) -> usize {
    let fences = text.len() - text.trim_start_matches('#').len();
    let close = format!("\"{}", "#".repeat(fences));
    let body = fences + 1;
    text[body..]
        .find(&close)
        .map_or(text.len(), |at| body + at + close.len())
}

/// The length of a character literal; none for a lifetime, which has no closing quote.
fn char_end(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('\'')?;
    let first = inner.chars().next()?;
    if first == '\\' {
        return Some(quoted_end(text, '\''));
    }
    inner[first.len_utf8()..]
        .starts_with('\'')
        .then(|| first.len_utf8() + 2)
}

fn quoted_end(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, sign) in text.char_indices().skip(1) {
        match sign {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if sign == quote => return at + sign.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// Blanks every item under `#[cfg(test)]` in text that was stripped before.
pub(super) fn without_tests(stripped: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::with_capacity(stripped.len());
    let mut rest = stripped;
    while let Some(at) = rest.find(MARK) {
        let (before, marked) = rest.split_at(at);
        out.push_str(before);
        let (item, after) = marked.split_at(item_end(marked));
        out.extend(
            item.chars()
                .map(|sign| if sign == '\n' { '\n' } else { ' ' }),
        );
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The end of an item: its closing brace, or a semicolon that comes before any brace.
fn item_end(text: &str) -> usize {
    let mut depth = 0_u32;
    for (at, sign) in text.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Whether a sign belongs to an identifier.
pub(super) fn is_word(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_'
}

/// The lines, counted from 1, in which `phrase` stands and is not part of a longer word.
pub(super) fn lines_with(text: &str, phrase: &str) -> Vec<usize> {
    let whole = |line: &str| {
        line.match_indices(phrase).any(|(at, found)| {
            let before = line[..at].chars().next_back();
            let after = line[at + found.len()..].chars().next();
            let open_start = phrase.starts_with(is_word) && before.is_some_and(is_word);
            let open_end = phrase.ends_with(is_word) && after.is_some_and(is_word);
            !open_start && !open_end
        })
    };
    text.lines()
        .enumerate()
        .filter(|(_, line)| whole(line))
        .map(|(at, _)| at + 1)
        .collect()
}

/// Whether a path belongs to tests, where most laws do not hold.
pub(super) fn is_test_path(path: &str) -> bool {
    path.ends_with("tests.rs")
        || path.ends_with("/testing.rs")
        || path
            .split('/')
            .any(|part| matches!(part, "tests" | "testing" | "benches" | "fuzz"))
}

/// Whether the code at a path may do what product code may not: tests, tools, the sandbox.
pub(super) fn is_excepted(path: &str) -> bool {
    is_test_path(path)
        || path.starts_with("xtask/")
        || path.starts_with("sandbox/")
        || path.ends_with("build.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        strip(text, Keep::Code)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn comments_are_blanked_and_nest() {
        assert_eq!(code("a // b\nc /* d /* e */ f */ g"), "a c g");
    }

    #[test]
    fn strings_of_every_kind_are_blanked() {
        assert_eq!(code(r#"f("a // \" b") + x"#), "f( ) + x");
        assert_eq!(
            code("f(r#\"a \" b\"#) + br\"x\" + b'x' + c\"y\""),
            "f( ) + + +"
        );
    }

    #[test]
    fn a_quote_character_does_not_open_a_string() {
        assert_eq!(code(r#"if c == '"' { f64 } "x""#), "if c == { f64 }");
        assert_eq!(code(r"if c == '\'' { f64 }"), "if c == { f64 }");
    }

    #[test]
    fn a_lifetime_is_no_character() {
        assert_eq!(
            code("fn f<'a>(x: &'a str) -> &'a str"),
            "fn f<'a>(x: &'a str) -> &'a str"
        );
    }

    #[test]
    fn strings_can_be_kept() {
        assert_eq!(
            strip("f(\"bank\") // bank", Keep::CodeAndStrings),
            "f(\"bank\")        "
        );
    }

    #[test]
    fn line_numbers_survive() {
        let text = "/* a\nb */\nlet x = \"c\nd\";\nsqlx";
        assert_eq!(lines_with(&strip(text, Keep::Code), "sqlx"), [5]);
    }

    #[test]
    fn a_test_module_is_blanked_with_its_inner_braces() {
        let text = "use a;\n#[cfg(test)]\nmod tests { fn f() { x } }\nuse b;";
        assert_eq!(
            without_tests(text).split_whitespace().collect::<String>(),
            "usea;useb;"
        );
        let text = "#[cfg(test)]\nmod tests;\nuse b;";
        assert_eq!(without_tests(text).trim(), "use b;");
    }

    #[test]
    fn a_phrase_inside_a_longer_word_does_not_count() {
        assert_eq!(lines_with("asqlx\nsqlxb\nsqlx::query", "sqlx"), [3]);
        assert_eq!(lines_with("x.await;\nx.awaited", ".await"), [1]);
    }
}
