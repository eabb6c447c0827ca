//! `[keys]`: where the master keys come from.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fondaco_model::Secret;
use serde::{Deserialize, Serialize};

use super::{Problem, environment};

/// Bytes of a command's output at most.
const OUTPUT_BYTES_MAX: usize = 1024;

/// Settings of the master keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keys {
    data_file: Option<PathBuf>,
    data_variable: Option<String>,
    data_command: Option<Vec<String>>,
    data_older_files: Vec<PathBuf>,
    token_file: Option<PathBuf>,
    token_variable: Option<String>,
    token_command: Option<Vec<String>>,
    token_older_files: Vec<PathBuf>,
}

/// One of the two rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RingName {
    /// Data of people.
    Data,
    /// Tokens and client secrets.
    Token,
}

impl RingName {
    /// The word in keys and file names.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Token => "token",
        }
    }
}

/// Where a master key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A file that must be there.
    File(PathBuf),
    /// A file that is made when it is missing: the embedded store's own.
    OwnFile(PathBuf),
    /// A variable of the environment, by its name.
    Variable(String),
    /// A program that prints it.
    Command(Vec<String>),
}

impl Keys {
    pub(super) fn check(&self) -> Result<(), Problem> {
        for ring in [RingName::Data, RingName::Token] {
            let (file, variable, command, _) = self.of(ring);
            let named = [file.is_some(), variable.is_some(), command.is_some()];
            let word = ring.word();
            if named.iter().filter(|named| **named).count() > 1 {
                let why = "name one of file, variable and command, not several";
                return Err(Problem::new(format!("keys.{word}_file"), why));
            }
            if command.is_some_and(Vec::is_empty) {
                return Err(Problem::new(
                    format!("keys.{word}_command"),
                    "names no program",
                ));
            }
        }
        Ok(())
    }

    #[expect(
        clippy::type_complexity,
        reason = "four settings of a ring, used in this file only"
    )]
    fn of(
        &self,
        ring: RingName,
    ) -> (
        Option<&PathBuf>,
        Option<&String>,
        Option<&Vec<String>>,
        &[PathBuf],
    ) {
        match ring {
            RingName::Data => (
                self.data_file.as_ref(),
                self.data_variable.as_ref(),
                self.data_command.as_ref(),
                &self.data_older_files,
            ),
            RingName::Token => (
                self.token_file.as_ref(),
                self.token_variable.as_ref(),
                self.token_command.as_ref(),
                &self.token_older_files,
            ),
        }
    }

    /// Where a ring's current key comes from; none when nothing is named and the store is not the
    /// embedded one, which is no start.
    pub(crate) fn source(&self, ring: RingName, data: &Path, embedded: bool) -> Option<Source> {
        let (file, variable, command, _) = self.of(ring);
        let own = || embedded.then(|| Source::OwnFile(data.join(format!("{}.key", ring.word()))));
        file.cloned()
            .map(Source::File)
            .or_else(|| variable.cloned().map(Source::Variable))
            .or_else(|| command.cloned().map(Source::Command))
            .or_else(own)
    }

    /// Files of a ring's earlier keys.
    pub(crate) fn older(&self, ring: RingName) -> &[PathBuf] {
        self.of(ring).3
    }
}

/// The text that a variable holds.
///
/// # Errors
/// A sentence for the operator, without the value.
pub(crate) fn from_variable(name: &str) -> Result<Secret, String> {
    let text = environment::variable(name);
    text.map(Secret::new)
        .ok_or_else(|| format!("the variable {name} is not set"))
}

/// The text that a command prints.
///
/// # Errors
/// A sentence for the operator, without what was printed.
pub(crate) fn from_command(words: &[String]) -> Result<Secret, String> {
    let (program, arguments) = words.split_first().ok_or("the command names no program")?;
    let run = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    let output = run.map_err(|error| format!("{program} could not be run: {}", error.kind()))?;
    if !output.status.success() {
        return Err(format!("{program} ended with {}", output.status));
    }
    if output.stdout.len() > OUTPUT_BYTES_MAX {
        return Err(format!(
            "{program} printed more than {OUTPUT_BYTES_MAX} bytes"
        ));
    }
    let text = String::from_utf8(output.stdout);
    text.map(Secret::new)
        .map_err(|_| format!("{program} printed no text"))
}
