//! `cargo xtask prove NAME`: long proofs, each with its result in docs/proofs/NAME.md.

mod hostile;
mod house;
mod kill;
mod memory;
mod numbers;
mod report;
mod sample;
mod secrets;
mod server;
mod tenants;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, process, tree};

use report::Report;

/// Runs a proof that takes longer than the suite may, and writes down what it showed.
///
/// The result goes to docs/proofs/NAME.md with the commit, the command, the date and the
/// machine, also when the proof fails, but not when it could not begin. Some proofs use tools
/// that stand outside of the project: `FONDACO_SHARED` names their folder, `../shared` is taken
/// when it is there.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The proof to run
    #[arg(required_unless_present = "list")]
    name: Option<String>,
    /// List the proofs
    #[arg(long)]
    list: bool,
    /// `numbers` also measures a build from nothing, in a target folder of its own
    #[arg(long)]
    cold_build: bool,
    /// Points at which `kill` kills each kind of work on each engine
    #[arg(long, default_value_t = 200)]
    points: u32,
    /// Inputs that `hostile` sends in each posture
    #[arg(long, default_value_t = 20_000)]
    inputs: u32,
    /// Use the development build: for a first look, not for a result
    #[arg(long)]
    dev: bool,
}

/// The client that the simulated bank knows.
const BANK_CLIENT: &str = "fondaco-demo";
const BANK_SECRET: &str = "fondaco-demo-secret";

/// What a proof may use.
struct Bench {
    root: PathBuf,
    cold_build: bool,
    points: u32,
    inputs: u32,
    dev: bool,
}

struct Proof {
    name: &'static str,
    about: &'static str,
    run: fn(&Bench, &mut Report) -> Outcome,
}

const PROOFS: [Proof; 5] = [
    Proof {
        name: "kill",
        about: "killed at random points: nothing lost or doubled",
        run: kill::run,
    },
    Proof {
        name: "hostile",
        about: "thousands of hostile GraphQL inputs",
        run: hostile::run,
    },
    Proof {
        name: "tenants",
        about: "nothing crosses between tenants",
        run: tenants::run,
    },
    Proof {
        name: "secrets",
        about: "no planted secret in logs or database",
        run: secrets::run,
    },
    Proof {
        name: "numbers",
        about: "size, start, memory, import rate",
        run: numbers::run,
    },
];

/// Runs one proof, or lists them.
///
/// # Errors
/// Says what is missing, or what the proof found.
pub(crate) fn run(args: &Args) -> Outcome {
    if args.list {
        for proof in PROOFS {
            println!("{:<10} {}", proof.name, proof.about);
        }
        return Ok(());
    }
    let name = args.name.as_deref().unwrap_or_default();
    let proof = PROOFS
        .iter()
        .find(|proof| proof.name == name)
        .ok_or_else(|| {
            let known: Vec<_> = PROOFS.iter().map(|proof| proof.name).collect();
            format!("there is no proof `{name}`; known: {}", known.join(", "))
        })?;
    let bench = Bench {
        root: tree::root(),
        cold_build: args.cold_build,
        points: args.points,
        inputs: args.inputs,
        dev: args.dev,
    };
    let mut report = Report::new(proof.name, proof.about);
    let outcome = (proof.run)(&bench, &mut report);
    // A proof that could not begin must not take the place of an earlier result.
    if report.has_begun() {
        report.write(&bench.root, &outcome)?;
    }
    outcome
}

impl Bench {
    /// The path of a tool outside of the project.
    ///
    /// # Errors
    /// Says which file was looked for and how to name its folder.
    fn shared(&self, path: &str) -> Outcome<PathBuf> {
        let folder = std::env::var_os("FONDACO_SHARED")
            .map_or_else(|| self.root.join("../shared"), PathBuf::from);
        let file = folder.join(path);
        if file.exists() {
            return Ok(file);
        }
        Err(format!(
            "this proof needs {path}: set FONDACO_SHARED to the folder that has it"
        ))
    }

    /// Runs a tool written in Python and records what it prints.
    fn python(&self, report: &mut Report, script: &Path, arguments: &[&str]) -> Outcome {
        let python = process::find("python3").ok_or("this proof needs python3")?;
        let mut command = Command::new(python);
        command.current_dir(&self.root).arg(script).args(arguments);
        report.run(&mut command)
    }

    /// Lets `walk.py` do one of its commands with a key; what it prints.
    fn walk(&self, key: &str, arguments: &[&str]) -> Outcome<String> {
        let python = process::find("python3").ok_or("this proof needs python3")?;
        let mut command = Command::new(python);
        command.arg(self.root.join("xtask/src/prove/walk.py"));
        process::read(command.args(arguments).env("PROOF_API_KEY", key))
    }

    /// Builds the program as a user gets it and returns its path.
    fn binary(&self) -> Outcome<PathBuf> {
        let mut build = process::cargo();
        build
            .current_dir(&self.root)
            .args(["build", "--locked", "-p", "fondaco"]);
        if self.dev {
            process::run(&mut build)?;
            return Ok(self.target().join("debug/fondaco"));
        }
        process::run(build.arg("--release"))?;
        Ok(self.target().join("release/fondaco"))
    }

    fn target(&self) -> PathBuf {
        let named = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        named.map_or_else(|| self.root.join("target"), |folder| self.root.join(folder))
    }

    /// An empty folder for one proof; an earlier run's files are removed.
    fn fresh_folder(&self, name: &str) -> Outcome<PathBuf> {
        let folder = self.target().join("xtask").join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .map_err(|error| format!("cannot empty {}: {error}", folder.display()))?;
        }
        std::fs::create_dir_all(&folder)
            .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        Ok(folder)
    }
}
