//! Law 9: nothing in the tree depends on one machine or is left for later.

use super::{Finding, Subject, source};
use crate::tree::File;

/// This file must spell what it looks for; the lock file of Cargo names its index.
const EXCEPTED: [&str; 2] = ["xtask/src/tidy/hygiene.rs", "Cargo.lock"];

/// Folders that exist on one person's machine only.
const MACHINE_PATHS: [&str; 4] = ["/home/", "/root/", "/Users/", "/work/"];
const REGISTRY_HOSTS: [&str; 3] = [
    "registry.npmjs.org",
    "registry.yarnpkg.com",
    "index.crates.io",
];
const OPEN_ENDS: [&str; 3] = ["TODO", "FIXME", "HACK"];

pub(super) fn check(subject: &Subject) -> Vec<Finding> {
    let files = subject.tree.files.iter();
    files
        .filter(|file| !EXCEPTED.contains(&file.path.as_str()))
        .flat_map(check_file)
        .collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, line) in file.text.lines().enumerate() {
        let mut report = |text: String| findings.push(Finding::at(&file.path, at + 1, text));
        if let Some(path) = MACHINE_PATHS.iter().find(|path| names_folder(line, path)) {
            report(format!("names a folder of one machine under `{path}`"));
        }
        if let Some(host) = REGISTRY_HOSTS.iter().find(|host| line.contains(**host)) {
            report(format!(
                "names the registry `{host}`; a user's own settings choose it"
            ));
        }
    }
    for word in OPEN_ENDS {
        let lines = source::lines_with(&file.text, word).into_iter();
        let text = format!("`{word}`: finish it, or open an issue");
        findings.extend(lines.map(|line| Finding::at(&file.path, line, text.clone())));
    }
    findings
}

/// Whether the path starts a word, as opposed to being the middle of a URL's or another path.
fn names_folder(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|sign| !source::is_word(sign) && !"./-}".contains(sign))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::subject;

    fn findings(text: &str) -> usize {
        check(&subject(&[("docs/a.md", text)])).len()
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        assert_eq!(findings("see /home/kim/fondaco"), 1);
        assert_eq!(findings("\"/root/x\""), 1);
        assert_eq!(findings("GET https://example.com/work/items"), 0);
        assert_eq!(findings("src/work/mod.rs and ./work/x"), 0);
    }

    #[test]
    fn open_ends_and_registry_hosts_are_found() {
        assert_eq!(findings("// TODO: later"), 1);
        assert_eq!(findings("TODOS and BRUTODO"), 0);
        assert_eq!(
            findings("\"resolved\": \"https://registry.npmjs.org/x\""),
            1
        );
    }
}
