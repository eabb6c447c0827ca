//! The repository as a set of text files, and where it stands on this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, process};

/// The folder of the workspace.
///
/// Taken from Cargo at run time: a path of the build machine must not be baked in.
pub(crate) fn root() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    manifest
        .as_deref()
        .and_then(Path::parent)
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// One text file of the repository.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// The path from the root, with `/` between its parts.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn is_rust(&self) -> bool {
        has_extension(&self.path, "rs")
    }
}

/// Whether a path ends in `.extension`.
pub(crate) fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|found| found == extension)
}

/// Every text file that Git tracks or would track; binary files are left out.
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) files: Vec<File>,
}

impl Tree {
    /// Reads the repository at `root`.
    ///
    /// # Errors
    /// Fails when Git cannot list the files.
    pub(crate) fn read(root: &Path) -> Outcome<Self> {
        let listing = process::read(Command::new("git").current_dir(root).args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ]))?;
        let mut paths: Vec<&str> = listing
            .split('\0')
            .filter(|path| !path.is_empty())
            .collect();
        paths.sort_unstable();
        paths.dedup();
        // A file that was deleted but is still in the index is no file any more.
        let files = paths
            .into_iter()
            .filter_map(|path| {
                let text = std::fs::read_to_string(root.join(path)).ok()?;
                Some(File {
                    path: path.to_owned(),
                    text,
                })
            })
            .collect();
        Ok(Self { files })
    }

    /// The text of one file.
    ///
    /// # Errors
    /// Names the file that is missing.
    pub(crate) fn text(&self, path: &str) -> Outcome<&str> {
        self.files
            .iter()
            .find(|file| file.path == path)
            .map(|file| file.text.as_str())
            .ok_or_else(|| format!("{path} is missing"))
    }

    /// The files whose path starts with `prefix`.
    pub(crate) fn under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a File> {
        self.files
            .iter()
            .filter(move |file| file.path.starts_with(prefix))
    }

    /// The names of the folders directly under `prefix`, which ends in `/`.
    pub(crate) fn folders(&self, prefix: &str) -> std::collections::BTreeSet<&str> {
        self.files
            .iter()
            .filter_map(|file| file.path.strip_prefix(prefix)?.split_once('/'))
            .map(|(folder, _)| folder)
            .collect()
    }

    /// A tree of given files, for the tests of the laws.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files = files
            .iter()
            .map(|&(path, text)| File {
                path: path.to_owned(),
                text: text.to_owned(),
            })
            .collect();
        Self { files }
    }
}
