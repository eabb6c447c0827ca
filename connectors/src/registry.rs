//! The one list of provider families and of the institutions that come with them.

use fondaco_model::provider::{Manifest, ManifestError};

use crate::core::{Connector, manifests};
use crate::providers::berlin_group::BerlinGroup;
use crate::providers::statement_file::StatementFile;

pub use crate::providers::statement_file::verdict;

/// The family that reads statement files; nobody has to authorise it.
pub const STATEMENT_FILES: &str = "statement_file";

/// All families.
pub fn families() -> &'static [&'static dyn Connector] {
    &[&BerlinGroup, &StatementFile]
}

/// The family of a name.
pub fn find(family: &str) -> Option<&'static dyn Connector> {
    families()
        .iter()
        .copied()
        .find(|connector| connector.family() == family)
}

/// The institutions whose entries are embedded.
///
/// # Errors
/// [`ManifestError`] when an entry does not load; the tests keep that from a release.
pub fn institutions() -> Result<Vec<Manifest>, ManifestError> {
    institutions_with(std::iter::empty())
}

/// The embedded institutions and further entries, given as file name and text.
///
/// # Errors
/// [`ManifestError`] naming the entry that does not load or whose id is there already.
pub fn institutions_with<'a>(
    extra: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Vec<Manifest>, ManifestError> {
    let embedded = families().iter().flat_map(|family| family.entries());
    manifests::load(families(), embedded.copied().chain(extra))
}

#[cfg(test)]
mod tests;
