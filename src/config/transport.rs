//! `[transport]`: how long institutions may take.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Problem, within};

/// Settings of calls to institutions.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transport {
    /// Seconds to connect.
    pub(crate) connect_seconds: u64,
    /// Seconds of an attempt.
    pub(crate) attempt_seconds: u64,
    /// Seconds of an attempt whose answer is spooled.
    pub(crate) spooled_seconds: u64,
    /// Where exchanges are recorded.
    pub(crate) record_folder: Option<PathBuf>,
}

impl Transport {
    pub(super) fn check(&self) -> Result<(), Problem> {
        within("transport.connect_seconds", self.connect_seconds, 1, 60)?;
        within("transport.attempt_seconds", self.attempt_seconds, 1, 300)?;
        within("transport.spooled_seconds", self.spooled_seconds, 1, 3_600)?;
        match &self.record_folder {
            Some(folder) if !folder.is_dir() => {
                Err(Problem::new("transport.record_folder", "is no folder"))
            }
            _ => Ok(()),
        }
    }
}
