//! `cargo xtask tidy`: the laws of the tree, each in a file of its own.

mod arrows;
mod budget;
mod columns;
mod hygiene;
mod map;
mod names;
mod reach;
mod size;
mod source;

use std::fmt;
use std::time::Instant;

use crate::tree::{self, Tree};
use crate::{Outcome, process};

/// Checks the laws that keep the parts of the house apart (ARCHITECTURE.md, "Laws").
///
/// Each finding names the file, the line and the law. Laws:
///   1 arrows    crates depend on lower levels only
///   2 names     provider and bank names stay in the connectors
///   3 reach     sqlx, reqwest, encryption, environment and wall clock have one home each
///   4 purity    no async, clock or randomness in connectors and normalize
///   5 floats    no f32 or f64 near money
///   6 map       ARCHITECTURE.md agrees with the workspace, the layers and the registry
///   7 size      500 code lines a file, 100 columns a line (70 lines a function: clippy),
///               a ceiling of code lines for each crate and each connector family
///   8 columns   every table column is classified in docs/specs/columns.toml
///   9 hygiene   no machine paths, no registry hosts, no open ends in the text
#[derive(clap::Args, Default)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// Check these laws only, for example `--law arrows --law size`
    #[arg(long = "law", value_name = "NAME")]
    laws: Vec<String>,
}

/// A place where a law is broken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    path: String,
    /// Counted from 1; 0 when the finding is about the whole file.
    line: usize,
    text: String,
}

impl Finding {
    fn at(path: &str, line: usize, text: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            text: text.into(),
        }
    }

    fn of(path: &str, text: impl Into<String>) -> Self {
        Self::at(path, 0, text)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(out, "{}: {}", self.path, self.text),
            line => write!(out, "{}:{line}: {}", self.path, self.text),
        }
    }
}

/// What every law looks at.
struct Subject {
    tree: Tree,
    /// The answer of `cargo metadata --no-deps`.
    metadata: serde_json::Value,
}

type Law = fn(&Subject) -> Vec<Finding>;

const LAWS: [(&str, Law); 9] = [
    ("arrows", arrows::check),
    ("names", names::check),
    ("reach", reach::check_homes),
    ("purity", reach::check_purity),
    ("floats", reach::check_floats),
    ("map", map::check),
    ("size", size::check),
    ("columns", columns::check),
    ("hygiene", hygiene::check),
];

/// Runs the laws and prints what they find.
///
/// # Errors
/// Says how many findings there are, or why the tree could not be read.
pub(crate) fn run(args: &Args) -> Outcome {
    if let Some(unknown) = args
        .laws
        .iter()
        .find(|name| LAWS.iter().all(|(law, _)| law != name))
    {
        let known: Vec<_> = LAWS.iter().map(|(name, _)| *name).collect();
        return Err(format!(
            "there is no law `{unknown}`; known: {}",
            known.join(", ")
        ));
    }
    let root = tree::root();
    let metadata = process::read(process::cargo().current_dir(&root).args([
        "metadata",
        "--no-deps",
        "--format-version",
        "1",
    ]))?;
    let metadata = serde_json::from_str(&metadata)
        .map_err(|error| format!("cannot read the answer of cargo metadata: {error}"))?;
    let subject = Subject {
        tree: Tree::read(&root)?,
        metadata,
    };

    let mut total = 0;
    for (name, law) in LAWS {
        if !args.laws.is_empty() && !args.laws.iter().any(|asked| asked == name) {
            continue;
        }
        let start = Instant::now();
        let findings = law(&subject);
        println!(
            "tidy {name}: {} findings ({:.1?})",
            findings.len(),
            start.elapsed()
        );
        for finding in &findings {
            println!("  {finding}");
        }
        total += findings.len();
    }
    if total == 0 {
        Ok(())
    } else {
        Err(format!("{total} findings"))
    }
}

/// Turns "the thing I need is missing" into a finding.
fn or_finding<T>(found: Outcome<T>, path: &str) -> Result<T, Vec<Finding>> {
    found.map_err(|problem| vec![Finding::of(path, problem)])
}

#[cfg(test)]
fn subject(files: &[(&str, &str)]) -> Subject {
    Subject {
        tree: Tree::of(files),
        metadata: serde_json::Value::Null,
    }
}
