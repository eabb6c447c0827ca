//! Law 7: a file and a line stay small enough to be read at once, a room to be known.

use super::source::{self, Keep};
use super::{Finding, Subject, budget};
use crate::tree::File;

/// Lines that are neither blank nor comment.
const CODE_LINES_MAX: usize = 500;
const COLUMNS_MAX: usize = 100;

pub(super) fn check(subject: &Subject) -> Vec<Finding> {
    let mut findings = check_files(subject);
    findings.extend(budget::check(subject));
    findings
}

fn check_files(subject: &Subject) -> Vec<Finding> {
    subject
        .tree
        .files
        .iter()
        .filter(|file| file.is_rust())
        .flat_map(check_file)
        .collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let code = source::strip(&file.text, Keep::CodeAndStrings);
    let lines = code.lines().filter(|line| !line.trim().is_empty()).count();
    if lines > CODE_LINES_MAX {
        let text = format!("{lines} code lines; at most {CODE_LINES_MAX}");
        findings.push(Finding::of(&file.path, text));
    }
    for (at, line) in file.text.lines().enumerate() {
        let columns = line.chars().count();
        if columns > COLUMNS_MAX {
            let text = format!("{columns} columns; at most {COLUMNS_MAX}");
            findings.push(Finding::at(&file.path, at + 1, text));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::subject;

    fn findings(text: &str) -> usize {
        check_files(&subject(&[("src/a.rs", text)])).len()
    }

    #[test]
    fn the_limit_of_lines_counts_code_only() {
        let comments = "// why\n\n".repeat(100);
        assert_eq!(findings(&format!("{comments}{}", "f();\n".repeat(500))), 0);
        assert_eq!(findings(&"f();\n".repeat(501)), 1);
    }

    #[test]
    fn the_limit_of_columns_counts_signs() {
        assert_eq!(findings(&"ü".repeat(100)), 0);
        assert_eq!(findings(&"ü".repeat(101)), 1);
    }
}
