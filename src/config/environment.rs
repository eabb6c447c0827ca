//! The process's environment: the only place that reads it.

use std::path::PathBuf;

/// What begins every variable of ours.
pub(crate) const PREFIX: &str = "FONDACO_";

/// The variable that names the configuration file.
pub(crate) const FILE_VARIABLE: &str = "FONDACO_CONFIG";

/// Variables of the suite and of proofs, which are no settings.
const FOREIGN: [&str; 4] = [
    "FONDACO_SHARED",
    "FONDACO_SAMPLES",
    "FONDACO_TEST_",
    "FONDACO_KILL_",
];

/// Variables that may be settings, sorted by name; an empty one counts as not set.
///
/// # Errors
/// The name of a variable whose value is no Unicode text.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
pub(crate) fn settings() -> Result<Vec<(String, String)>, String> {
    let mut found = Vec::new();
    for (name, value) in std::env::vars_os() {
        let Ok(name) = name.into_string() else {
            continue;
        };
        let foreign = name == FILE_VARIABLE || FOREIGN.iter().any(|word| name.starts_with(word));
        if name.starts_with(PREFIX) && !foreign {
            let value = value.into_string().map_err(|_| name.clone())?;
            if !value.is_empty() {
                found.push((name, value));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// One variable by its name.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The configuration file that a variable names.
pub(crate) fn file() -> Option<PathBuf> {
    variable(FILE_VARIABLE).map(PathBuf::from)
}

/// True when text without colours was asked for (<https://no-color.org>).
pub(crate) fn no_color() -> bool {
    variable("NO_COLOR").is_some()
}
