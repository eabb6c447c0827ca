//! `cargo xtask test`: the whole suite, and the only thing CI runs.

mod needs;
mod postgres;
mod steps;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use crate::{Outcome, process, tree};

use needs::Needs;
use steps::Suite;

pub(crate) use postgres::Cluster;

/// Runs the whole suite: what passes here passes in CI, which runs nothing else.
///
/// Steps: format, laws of the tree (tidy), clippy without warnings, build, self-test of the
/// npm authorization server, all tests on SQLite and PostgreSQL with a browser, generated files.
///
/// It starts what the tests need and stops it again: a PostgreSQL cluster of its own (free port,
/// unprivileged user, temporary folder), Chromium, and an authorization server from npm. Missing
/// packages are installed with apt-get on Debian and its relatives, elsewhere named. On a
/// terminal it asks first; with CI=true or --yes it does not.
///
/// Set `FONDACO_SAMPLES` to a folder of bank statements to check them as well. Where the schemas of
/// ISO 20022 stand in `xsd` beside it, and xmllint is installed, our own fixtures are validated.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// Install what is missing without asking
    #[arg(long)]
    yes: bool,
    /// List what would be installed, started and run, and stop
    #[arg(long)]
    plan: bool,
    /// Leave out everything that needs a server, a browser or Node: the everyday loop
    #[arg(long)]
    fast: bool,
}

/// Runs the suite.
///
/// # Errors
/// Names the steps that failed, or what could not be installed or started.
pub(crate) fn run(args: &Args) -> Outcome {
    let root = tree::root();
    let needs = (!args.fast).then(|| Needs::look(&root));
    if args.plan {
        for line in plan(args.fast, needs.as_ref(), &postgres::who()) {
            println!("{line}");
        }
        say_samples();
        return Ok(());
    }
    if let Some(missing) = needs.as_ref().filter(|needs| !needs.is_met()) {
        agree(args, missing)?;
        missing.install(&root)?;
    }
    let tools = if args.fast {
        None
    } else {
        Some(needs::Tools::find(&root)?)
    };
    say_samples();

    let mut suite = Suite::new(&root);
    suite.check_sources();
    if suite.build() {
        run_tests(&mut suite, tools.as_ref(), &root);
        suite.check_generated();
    }
    suite.finish()
}

fn run_tests(suite: &mut Suite, tools: Option<&needs::Tools>, root: &Path) {
    let Some(tools) = tools else {
        suite.run_tests(&[]);
        return;
    };
    suite.check_peers(tools);
    let mut cluster = None;
    suite.step("start postgresql", || {
        cluster = Some(Cluster::start(&tools.postgres, root)?);
        Ok(())
    });
    // Without its database the tests would only repeat one failure a hundred times.
    if let Some(cluster) = cluster {
        suite.run_tests(&[
            ("FONDACO_TEST_POSTGRES", cluster.url().into()),
            ("FONDACO_TEST_CHROMIUM", tools.chromium.clone().into()),
            ("FONDACO_TEST_NODE", tools.node.clone().into()),
            ("FONDACO_TEST_OIDC", needs::peers(root).into()),
        ]);
        suite.step("stop postgresql", || cluster.stop());
    }
}

fn say_samples() {
    let Some(folder) = samples() else {
        println!("samples: FONDACO_SAMPLES is not set; the outside samples are skipped");
        println!("schemas: FONDACO_SAMPLES is not set; the fixtures are not validated");
        return;
    };
    println!("samples: {}", folder.display());
    let schemas = folder.join("../xsd");
    match (schemas.is_dir(), program(&["xmllint"])) {
        (false, _) => println!("schemas: no xsd beside them; the fixtures are not validated"),
        (true, None) => println!("schemas: xmllint is missing; the fixtures are not validated"),
        (true, Some(_)) => println!("schemas: {}", schemas.display()),
    }
}

fn samples() -> Option<PathBuf> {
    std::env::var_os("FONDACO_SAMPLES")
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from)
}

/// What would be installed, started and run, a line each. The server would run as `who`.
fn plan(fast: bool, needs: Option<&Needs>, who: &str) -> Vec<String> {
    let mut lines = vec!["install:".to_owned()];
    match needs {
        Some(needs) if !needs.is_met() => {
            lines.extend(needs.commands().iter().map(|line| format!("  {line}")));
        }
        _ => lines.push("  nothing".to_owned()),
    }
    lines.push("start:".to_owned());
    if fast {
        lines.push("  nothing".to_owned());
    } else {
        lines.push(format!(
            "  PostgreSQL, a new cluster on a free port of 127.0.0.1, as {who}"
        ));
        lines.push(
            "  Chromium and the npm authorization server, by the tests that use them".to_owned(),
        );
    }
    lines.push("run:".to_owned());
    lines.extend(steps::names(fast).iter().map(|name| format!("  {name}")));
    lines
}

/// Installing changes the machine, so a person is asked; CI and `--yes` have agreed before.
fn agree(args: &Args, missing: &Needs) -> Outcome {
    let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    if args.yes || is_ci {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        let lines = missing.commands().join("; ");
        return Err(format!(
            "would run: {lines}; pass --yes or set CI=true to allow it"
        ));
    }
    println!("The suite needs more than is here. To be run:");
    missing
        .commands()
        .iter()
        .for_each(|line| println!("  {line}"));
    print!("Go on? [y/N] ");
    let mut answer = String::new();
    std::io::stdout()
        .flush()
        .and_then(|()| std::io::stdin().read_line(&mut answer))
        .map_err(|error| format!("cannot ask: {error}"))?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        Ok(())
    } else {
        Err("nothing was installed; `cargo xtask test --fast` needs none of it".to_owned())
    }
}

/// The folder where this command keeps its own files.
fn scratch(root: &Path) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target
        .map_or_else(|| root.join("target"), |folder| root.join(folder))
        .join("xtask")
}

/// The file behind a name: a program with its full path, so that tests need no `PATH`.
fn program(names: &[&str]) -> Option<PathBuf> {
    names.iter().find_map(|name| process::find(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_lists_what_is_installed_started_and_run() {
        let needs = needs::tests::debian_without_postgresql();
        let lines = plan(false, Some(&needs), "someone");
        let at = |word: &str| {
            let found = lines.iter().position(|line| line.contains(word));
            found.unwrap_or_else(|| panic!("no {word}: {lines:?}"))
        };
        assert_eq!(at("install:"), 0);
        assert!(at("--no-install-recommends postgresql") < at("npm ci"));
        assert!(at("npm ci") < at("start:"));
        assert!(at("a new cluster on a free port of 127.0.0.1, as someone") < at("run:"));
        for step in ["format", "tidy", "clippy", "tests", "generated files"] {
            assert!(at(&format!("  {step}: ")) > at("run:"));
        }
    }

    #[test]
    fn the_fast_plan_installs_and_starts_nothing() {
        let lines = plan(true, None, "someone");
        assert_eq!(lines[..4], ["install:", "  nothing", "start:", "  nothing"]);
        assert!(!lines.iter().any(|line| line.contains("postgresql")));
    }
}
