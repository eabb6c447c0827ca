//! The small sections: `[import]`, `[institutions]`, `[log]` and `[sandbox]`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Problem, within};

/// `[import]`: how large a statement file may be.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Import {
    /// Bytes of one file.
    pub(crate) max_bytes: u64,
}

impl Import {
    pub(super) fn check(&self) -> Result<(), Problem> {
        within("import.max_bytes", self.max_bytes, 1 << 10, 1 << 40)
    }
}

/// `[institutions]`: entries beside those that are built in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Institutions {
    /// Their folder.
    pub(crate) folder: Option<PathBuf>,
}

/// Bytes of an institution's entry at most.
const ENTRY_BYTES_MAX: u64 = 64 << 10;

impl Institutions {
    pub(super) fn check(&self) -> Result<(), Problem> {
        match &self.folder {
            Some(folder) if !folder.is_dir() => {
                Err(Problem::new("institutions.folder", "is no folder"))
            }
            _ => Ok(()),
        }
    }

    /// File name and text of each entry of the folder, sorted by name.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub(crate) fn entries(&self) -> Result<Vec<(String, String)>, String> {
        let Some(folder) = &self.folder else {
            return Ok(Vec::new());
        };
        let fail =
            |path: &Path, error: &std::io::Error| format!("{}: {}", path.display(), error.kind());
        let listed = std::fs::read_dir(folder).map_err(|error| fail(folder, &error))?;
        let mut entries = Vec::new();
        for file in listed {
            let path = file.map_err(|error| fail(folder, &error))?.path();
            if path.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let facts = std::fs::metadata(&path).map_err(|error| fail(&path, &error))?;
            if facts.len() > ENTRY_BYTES_MAX {
                let path = path.display();
                return Err(format!("{path}: larger than {ENTRY_BYTES_MAX} bytes"));
            }
            let text = std::fs::read_to_string(&path).map_err(|error| fail(&path, &error))?;
            entries.push((path.display().to_string(), text));
        }
        entries.sort();
        Ok(entries)
    }
}

/// `[log]`: how logs look and how much they say.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    /// How a line looks.
    pub(crate) format: LogFormat,
    /// What is left out.
    pub(crate) level: LogLevel,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// The least important line that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogLevel {
    /// What needs an operator.
    Error,
    /// What may come to need one.
    Warn,
    /// What happened.
    Info,
    /// How it happened.
    Debug,
    /// Everything.
    Trace,
}

/// `[sandbox]`: the simulated bank.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sandbox {
    /// What `fondaco sandbox` listens on.
    pub(crate) listen: SocketAddr,
    /// What the books grow from.
    pub(crate) seed: u64,
}
