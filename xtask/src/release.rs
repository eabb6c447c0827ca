//! `cargo xtask release`: what has to be true and written before a version is tagged.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, generate, process, tree};

/// Folds the change fragments of docs/changes into CHANGELOG.md under a new version.
///
/// Runs cargo-deny first when it is installed (bans, licences, sources). A fragment is one file
/// `docs/changes/NAME.KIND.md`; KIND is added, changed, fixed, removed, security or breaking.
/// A breaking one has the headings `## Summary` and `## Migration`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The version to write, for example 0.2.0
    version: String,
    /// Print the new section and change nothing
    #[arg(long)]
    dry_run: bool,
}

const FRAGMENTS: &str = "docs/changes";
const CHANGELOG: &str = "CHANGELOG.md";
/// Why writing into a string cannot fail.
const STRING: &str = "a String takes every write";
const UNRELEASED: &str = "## Unreleased\n";

/// The kinds in the order of their sections.
const KINDS: [(&str, &str); 6] = [
    ("breaking", "Breaking"),
    ("security", "Security"),
    ("added", "Added"),
    ("changed", "Changed"),
    ("fixed", "Fixed"),
    ("removed", "Removed"),
];

#[derive(Debug, PartialEq, Eq)]
struct Fragment {
    kind: &'static str,
    text: String,
}

/// Checks the dependencies and folds the fragments.
///
/// # Errors
/// Says which check failed or which fragment is not in form.
pub(crate) fn run(args: &Args) -> Outcome {
    let root = tree::root();
    check_dependencies(&root)?;
    let mut files = Vec::new();
    let mut fragments = Vec::new();
    for file in fragment_files(&root)? {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = std::fs::read_to_string(&file)
            .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        fragments.push(parse(&name, &text)?);
        files.push(file);
    }
    let date = process::read(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
    let section = section(&args.version, &date, &fragments);
    if args.dry_run {
        print!("{section}");
        return Ok(());
    }
    let path = root.join(CHANGELOG);
    let text = std::fs::read_to_string(&path)
        .map_err(|error| format!("cannot read {CHANGELOG}: {error}"))?;
    generate::write(&path, &fold(&text, &section)?)?;
    for file in files {
        std::fs::remove_file(&file)
            .map_err(|error| format!("cannot remove {}: {error}", file.display()))?;
    }
    println!("{CHANGELOG} has a section for {}", args.version);
    Ok(())
}

fn check_dependencies(root: &Path) -> Outcome {
    if process::find("cargo-deny").is_none() {
        eprintln!("warning: cargo-deny is not installed; bans, licences and sources unchecked");
        return Ok(());
    }
    let mut deny = process::cargo();
    process::run(
        deny.current_dir(root)
            .args(["deny", "check", "bans", "licenses", "sources"]),
    )
}

fn fragment_files(root: &Path) -> Outcome<Vec<PathBuf>> {
    let folder = root.join(FRAGMENTS);
    let entries =
        std::fs::read_dir(&folder).map_err(|error| format!("cannot list {FRAGMENTS}: {error}"))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().is_some_and(|name| name != "README.md"))
        .collect();
    files.sort();
    Ok(files)
}

fn parse(name: &str, text: &str) -> Outcome<Fragment> {
    let form = "its name must be NAME.KIND.md";
    let stem = name
        .strip_suffix(".md")
        .ok_or_else(|| format!("{name}: {form}"))?;
    let (_, word) = stem
        .rsplit_once('.')
        .ok_or_else(|| format!("{name}: {form}"))?;
    let kind = KINDS
        .iter()
        .map(|(kind, _)| *kind)
        .find(|kind| *kind == word);
    let kind = kind.ok_or_else(|| format!("{name}: there is no kind `{word}`"))?;
    let text = text.trim().to_owned();
    if text.is_empty() {
        return Err(format!("{name} is empty"));
    }
    for heading in ["## Summary", "## Migration"] {
        if kind == "breaking" && !text.lines().any(|line| line.trim_end() == heading) {
            return Err(format!("{name}: a breaking change needs `{heading}`"));
        }
    }
    Ok(Fragment { kind, text })
}

fn section(version: &str, date: &str, fragments: &[Fragment]) -> String {
    let mut text = format!("## {version} ({date})\n");
    for (kind, title) in KINDS {
        let mut own = fragments
            .iter()
            .filter(|fragment| fragment.kind == kind)
            .peekable();
        if own.peek().is_none() {
            continue;
        }
        writeln!(text, "\n### {title}\n").expect(STRING);
        for fragment in own {
            // A fragment's own headings go below the section's.
            let body = fragment
                .text
                .replace("\n## ", "\n#### ")
                .replace('\n', "\n  ");
            let body = body
                .strip_prefix("## ")
                .map_or(body.clone(), |rest| format!("#### {rest}"));
            let body: Vec<&str> = body.lines().map(str::trim_end).collect();
            writeln!(text, "- {}", body.join("\n")).expect(STRING);
        }
    }
    text
}

fn fold(changelog: &str, section: &str) -> Outcome<String> {
    let (before, after) = changelog
        .split_once(UNRELEASED)
        .ok_or_else(|| format!("{CHANGELOG} has no line `{}`", UNRELEASED.trim()))?;
    Ok(format!("{before}{UNRELEASED}\n{section}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_tells_its_kind_by_its_name() {
        let fragment = Fragment {
            kind: "added",
            text: "Text.".to_owned(),
        };
        assert_eq!(parse("camt.added.md", "Text.\n"), Ok(fragment));
        for (name, text) in [("camt.md", "x"), ("camt.new.md", "x"), ("a.added.md", " ")] {
            assert!(parse(name, text).is_err(), "{name}");
        }
    }

    #[test]
    fn a_breaking_change_says_how_to_migrate() {
        assert!(parse("a.breaking.md", "## Summary\nx").is_err());
        assert!(parse("a.breaking.md", "## Summary\nx\n## Migration\ny").is_ok());
    }

    #[test]
    fn fragments_are_folded_under_the_new_version() {
        let fragments = [
            Fragment {
                kind: "fixed",
                text: "Later.".to_owned(),
            },
            Fragment {
                kind: "added",
                text: "First,\nin two lines.".to_owned(),
            },
        ];
        let text = section("0.2.0", "2026-11-25", &fragments);
        let folded = fold("# Changes\n\n## Unreleased\n\n## 0.1.0\n", &text).unwrap();
        assert_eq!(
            folded,
            "# Changes\n\n## Unreleased\n\n## 0.2.0 (2026-11-25)\n\n### Added\n\n- First,\n  in \
             two lines.\n\n### Fixed\n\n- Later.\n\n## 0.1.0\n"
        );
    }
}
