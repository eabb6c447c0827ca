//! `cargo xtask generate`: files that the program writes and the repository keeps.

use std::path::Path;

use crate::{Outcome, process, tree};

/// Writes the schema files under docs/schema from the program itself.
///
/// They are committed, so that a change of the contract shows in the review. `--check` writes
/// nothing and fails when a file differs; the suite uses it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Compare only
    #[arg(long)]
    pub(crate) check: bool,
}

/// Each generated file and the arguments of `fondaco` that print it.
const FILES: [(&str, &[&str]); 2] = [
    ("docs/schema/api.graphql", &["schema", "graphql"]),
    ("docs/schema/canonical-v1.json", &["schema", "canonical"]),
];

/// Writes or compares the files.
///
/// # Errors
/// Names the files that differ, or says why one could not be made.
pub(crate) fn run(args: &Args) -> Outcome {
    let root = tree::root();
    let mut different = Vec::new();
    for (path, arguments) in FILES {
        let made = make(&root, arguments)?;
        let file = root.join(path);
        if std::fs::read_to_string(&file).is_ok_and(|kept| kept == made) {
            continue;
        }
        different.push(path);
        if !args.check {
            write(&file, &made)?;
            println!("wrote {path}");
        }
    }
    if args.check && !different.is_empty() {
        let names = different.join(", ");
        return Err(format!(
            "out of date: {names}; run `cargo xtask generate` and commit"
        ));
    }
    Ok(())
}

fn make(root: &Path, arguments: &[&str]) -> Outcome<String> {
    let mut command = process::cargo();
    command
        .current_dir(root)
        .args(["run", "--quiet", "--locked", "--package", "fondaco", "--"]);
    Ok(process::read(command.args(arguments))? + "\n")
}

/// Writes a file and the folders above it.
///
/// # Errors
/// Names the file that could not be written.
pub(crate) fn write(file: &Path, text: &str) -> Outcome {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(file, text))
        .map_err(|error| format!("cannot write {}: {error}", file.display()))
}
