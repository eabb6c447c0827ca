//! The institutions of this installation: built-in entries and those of a folder.

use fondaco_connectors::registry;
use fondaco_model::provider::Manifest;

use crate::config::Config;
use crate::failure::{Failure, Outcome};

/// All entries, sorted by id.
///
/// # Errors
/// Names the file that does not load and why.
pub(crate) fn load(config: &Config) -> Outcome<Vec<Manifest>> {
    let refused = |problem: String| {
        Failure::usage(format!("institutions: {problem}"))
            .hint("`fondaco institutions show ID` shows what an entry has")
    };
    let extra = config.institutions.entries().map_err(refused)?;
    let extra = extra
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()));
    let loaded = registry::institutions_with(extra);
    let mut manifests = loaded.map_err(|error| refused(error.to_string()))?;
    manifests.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(manifests)
}

/// There is no such institution.
pub(crate) fn unknown(id: &str) -> Failure {
    Failure::not_found(format!("there is no institution {id}"))
        .hint("`fondaco institutions list` shows all")
}
