//! What a proof did and saw, written as docs/proofs/NAME.md.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::{Outcome, generate, process};

/// A proof keeps the end of a long output: tools print their verdict last.
const OUTPUT_LINES_MAX: usize = 60;
/// Why writing into a string cannot fail.
const STRING: &str = "a String takes every write";

/// The record of one run.
pub(super) struct Report {
    name: &'static str,
    about: &'static str,
    body: String,
    secrets: Vec<String>,
}

impl Report {
    pub(super) fn new(name: &'static str, about: &'static str) -> Self {
        Self {
            name,
            about,
            body: String::new(),
            secrets: Vec::new(),
        }
    }

    /// Whether anything was run or measured.
    pub(super) fn has_begun(&self) -> bool {
        !self.body.is_empty()
    }

    /// A word that must not be written down, such as a key of the demo.
    pub(super) fn hide(&mut self, secret: &str) {
        self.secrets.push(secret.to_owned());
    }

    /// Adds a line of Markdown.
    pub(super) fn line(&mut self, text: &str) {
        println!("{text}");
        self.body.push_str(&self.shown(text));
        self.body.push('\n');
    }

    /// Runs a program, shows its output and keeps the end of it.
    ///
    /// # Errors
    /// Says with which status the program ended.
    pub(super) fn run(&mut self, command: &mut Command) -> Outcome {
        let shown = show(command);
        println!("$ {}", self.shown(&shown));
        let start = Instant::now();
        let output = command
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("cannot start `{shown}`: {error}"))?;
        let took = start.elapsed().as_secs();
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        print!("{text}");
        let lines: Vec<&str> = text.lines().collect();
        let kept = lines[lines.len().saturating_sub(OUTPUT_LINES_MAX)..].join("\n");
        let left_out = lines.len().saturating_sub(OUTPUT_LINES_MAX);
        let mut block = format!("\n```\n$ {shown}\n");
        if left_out > 0 {
            writeln!(block, "({left_out} lines before)").expect(STRING);
        }
        write!(block, "{kept}\n```\n\n{}, {took} s\n", output.status).expect(STRING);
        self.body.push_str(&self.shown(&block));
        if output.status.success() {
            Ok(())
        } else {
            Err(format!(
                "`{}` ended with {}",
                self.shown(&shown),
                output.status
            ))
        }
    }

    /// The text with secrets and this machine's folders taken out.
    fn shown(&self, text: &str) -> String {
        let mut shown = text.to_owned();
        for secret in self.secrets.iter().filter(|secret| !secret.is_empty()) {
            shown = shown.replace(secret, "(secret)");
        }
        shown
    }

    /// Writes the file.
    ///
    /// # Errors
    /// Fails when the file cannot be written.
    pub(super) fn write(&self, root: &Path, outcome: &Outcome) -> Outcome {
        let folder = root.display().to_string();
        let parent = root
            .parent()
            .map(|parent| parent.display().to_string())
            .unwrap_or_default();
        let mut text = format!("# {}: {}\n\n", self.name, self.about);
        let facts = [
            ("Command", format!("`cargo xtask prove {}`", self.name)),
            ("Commit", commit(root)),
            ("Date", ask("date", &["-u", "+%Y-%m-%d"])),
            ("Machine", machine()),
            ("Result", self.shown(&verdict(outcome))),
        ];
        for (fact, value) in facts {
            writeln!(text, "- {fact}: {value}").expect(STRING);
        }
        text.push('\n');
        text.push_str(self.body.trim_start());
        let text = text.replace(&folder, ".");
        // The folder above the repository is where outside tools stand.
        let text = if parent.len() > 1 {
            text.replace(&parent, "..")
        } else {
            text
        };
        let path = match self.name {
            // What a newcomer looks for stands where a newcomer looks.
            "numbers" => "docs/performance.md".to_owned(),
            name => format!("docs/proofs/{name}.md"),
        };
        generate::write(&root.join(&path), &text)?;
        println!("wrote {path}");
        Ok(())
    }
}

/// The command as a person would type it, wherever the program lies on this machine.
fn show(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let name = Path::new(command.get_program()).file_name();
    let name = name.map_or(program.clone(), |name| name.to_string_lossy());
    process::show(command).replacen(&*program, &name, 1)
}

fn verdict(outcome: &Outcome) -> String {
    match outcome {
        Ok(()) => "passed".to_owned(),
        Err(problem) => format!("**failed**: {problem}"),
    }
}

fn commit(root: &Path) -> String {
    let git =
        |arguments: &[&str]| process::read(Command::new("git").current_dir(root).args(arguments));
    let Ok(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return "none yet".to_owned();
    };
    match git(&["status", "--porcelain"]) {
        Ok(changes) if changes.is_empty() => commit,
        _ => format!("{commit}, with changes that are not committed"),
    }
}

fn machine() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let value = |text: &str, key: &str| {
        let line = text
            .lines()
            .find(|line| line.starts_with(key))
            .unwrap_or_default();
        line.split_once(':')
            .map_or_else(String::new, |(_, value)| value.trim().to_owned())
    };
    let processor = value(&read("/proc/cpuinfo"), "model name");
    let memory = value(&read("/proc/meminfo"), "MemTotal");
    // What a distribution or a host adds to its kernel's release says nothing about the numbers.
    let release = ask("uname", &["-r"]);
    let release = release.split('-').next().unwrap_or_default();
    format!(
        "{} {release} {}, {} × {processor}, {} of memory",
        ask("uname", &["-s"]),
        ask("uname", &["-m"]),
        ask("nproc", &[]),
        gib(&memory)
    )
}

/// Memory as the kernel writes it, in whole GiB.
fn gib(text: &str) -> String {
    let kib = text
        .split(' ')
        .next()
        .and_then(|digits| digits.parse::<u64>().ok());
    kib.map_or_else(
        || "unknown".to_owned(),
        |kib| format!("{} GiB", (kib >> 20) + 1),
    )
}

fn ask(program: &str, arguments: &[&str]) -> String {
    process::read(Command::new(program).args(arguments)).unwrap_or_else(|_| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_word_is_not_written_down() {
        let mut report = Report::new("name", "about");
        report.hide("s3cret");
        report.line("key s3cret");
        assert_eq!(report.body, "key (secret)\n");
    }

    #[test]
    fn the_end_of_a_long_output_is_kept() {
        let mut report = Report::new("name", "about");
        report.run(Command::new("seq").arg("70")).unwrap();
        assert!(
            report.body.contains("(10 lines before)\n11\n"),
            "{}",
            report.body
        );
        assert!(report.body.contains("\n70\n```"), "{}", report.body);
    }

    #[test]
    fn a_failing_program_fails_the_proof() {
        let mut report = Report::new("name", "about");
        assert!(report.run(&mut Command::new("false")).is_err());
        assert!(report.body.contains("exit status: 1"), "{}", report.body);
    }
}
