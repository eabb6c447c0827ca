//! The steps of the suite, each with its time, and the summary at the end.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::needs::{self, Tools};
use crate::{Outcome, generate, process, tidy};

struct Done {
    name: &'static str,
    took: Duration,
    problem: Option<String>,
}

/// A run of the suite: a step that fails is noted, and the others still run.
pub(super) struct Suite {
    root: PathBuf,
    done: Vec<Done>,
}

/// The names of the steps in their order, for the plan.
pub(super) fn names(fast: bool) -> Vec<&'static str> {
    let all = [
        ("format: cargo fmt --all --check", true),
        ("tidy: cargo xtask tidy", true),
        (
            "clippy: cargo clippy --workspace --all-targets -- -D warnings",
            true,
        ),
        ("build: cargo test --workspace --no-run", true),
        ("peers: node --test tests/oidc/smoke.mjs", false),
        ("start postgresql", false),
        ("tests: cargo test --workspace", true),
        ("stop postgresql", false),
        ("generated files: cargo xtask generate --check", true),
    ];
    all.into_iter()
        .filter(|(_, always)| *always || !fast)
        .map(|(name, _)| name)
        .collect()
}

impl Suite {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
            done: Vec::new(),
        }
    }

    /// Runs one step and notes how it went. True when it passed.
    pub(super) fn step(&mut self, name: &'static str, work: impl FnOnce() -> Outcome) -> bool {
        println!("\n==> {name}");
        let start = Instant::now();
        let problem = work().err();
        let took = start.elapsed();
        match &problem {
            None => println!("    {name}: passed in {:.1} s", took.as_secs_f64()),
            Some(problem) => {
                println!(
                    "    {name}: failed in {:.1} s: {problem}",
                    took.as_secs_f64()
                );
            }
        }
        let passed = problem.is_none();
        self.done.push(Done {
            name,
            took,
            problem,
        });
        passed
    }

    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = process::cargo();
        command.current_dir(&self.root).args(arguments);
        command
    }

    /// Format, laws, lints.
    pub(super) fn check_sources(&mut self) {
        let mut format = self.cargo(&["fmt", "--all", "--check"]);
        self.step("format", || process::run(&mut format));
        self.step("tidy", || tidy::run(&tidy::Args::default()));
        let lints = [
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ];
        let mut clippy = self.cargo(&lints);
        self.step("clippy", || process::run(&mut clippy));
    }

    /// Builds the binary and every test; nothing after it makes sense when it fails.
    pub(super) fn build(&mut self) -> bool {
        let mut build = self.cargo(&["test", "--workspace", "--locked", "--no-run"]);
        self.step("build", || process::run(&mut build))
    }

    /// The test servers keep their own promises.
    pub(super) fn check_peers(&mut self, tools: &Tools) {
        let mut node = Command::new(&tools.node);
        node.current_dir(needs::peers(&self.root)).args([
            "--test",
            "--test-reporter=spec",
            "smoke.mjs",
        ]);
        node.env("FONDACO_TEST_CHROMIUM", &tools.chromium);
        self.step("peers", || process::run(&mut node));
    }

    /// Every test of the workspace, with what was started for them.
    pub(super) fn run_tests(&mut self, variables: &[(&str, OsString)]) {
        let mut tests = self.cargo(&["test", "--workspace", "--locked", "--no-fail-fast"]);
        tests.envs(variables.iter().map(|(name, value)| (name, value)));
        self.step("tests", || process::run(&mut tests));
    }

    /// The generated files are what the program writes today.
    pub(super) fn check_generated(&mut self) {
        self.step("generated files", || {
            generate::run(&generate::Args { check: true })
        });
    }

    /// Prints the summary.
    ///
    /// # Errors
    /// Names the steps that failed.
    pub(super) fn finish(self) -> Outcome {
        println!("\nsummary");
        for Done {
            name,
            took,
            problem,
        } in &self.done
        {
            let verdict = if problem.is_none() {
                "passed"
            } else {
                "FAILED"
            };
            println!("  {verdict} {:>7.1} s  {name}", took.as_secs_f64());
        }
        let total: Duration = self.done.iter().map(|done| done.took).sum();
        println!(
            "  {} steps in {:.0} s",
            self.done.len(),
            total.as_secs_f64()
        );
        let failed: Vec<_> = self
            .done
            .iter()
            .filter(|done| done.problem.is_some())
            .collect();
        if failed.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = failed.iter().map(|done| done.name).collect();
        Err(format!("failed: {}", names.join(", ")))
    }
}
