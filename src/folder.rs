//! The data folder.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use crate::failure::{Failure, Outcome};

/// Makes the data folder, for its owner alone, when it is missing.
///
/// # Errors
/// When the system refuses.
pub(crate) fn make(data: &Path) -> Outcome<()> {
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data);
    made.map_err(|error| {
        Failure::failed(format!(
            "the data folder {}: {}",
            data.display(),
            error.kind()
        ))
        .hint("choose another with --data, or make it writable")
    })
}
