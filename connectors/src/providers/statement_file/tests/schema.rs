//! Our own fixtures against the schemas of ISO 20022, where those and a validator are at hand.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::folder::{files, fixtures};
use crate::core::testing::folder_of;

/// The versions that the family declares, as their schemas are called.
const DECLARED: [&str; 3] = ["camt.053.001.02", "camt.053.001.04", "camt.053.001.08"];

/// Fixtures that depart from their schema on purpose.
const INVALID: [&str; 1] = ["v08_quarantine.xml"];

/// Fixtures that no declared schema speaks of: without a namespace, or of another version.
const WITHOUT_SCHEMA: [&str; 2] = ["no_namespace.xml", "v10_lenient.xml"];

/// What xmllint says of a file that does not fit its schema (`xmllint(1)`, error codes 3 and 4).
const REFUSED: [i32; 2] = [3, 4];

/// The folder of the schemas: `xsd` beside the samples.
fn schemas() -> Option<PathBuf> {
    let folder = folder_of("FONDACO_SAMPLES")?.join("../xsd");
    let schema = |version: &&str| folder.join(format!("{version}.xsd")).is_file();
    DECLARED.iter().all(schema).then_some(folder)
}

/// The declared version that a file's namespace names; UTF-16 is read past its zero bytes.
fn version(path: &Path) -> Option<&'static str> {
    let mut bytes = std::fs::read(path).unwrap();
    bytes.retain(|byte| *byte != 0);
    let text = String::from_utf8_lossy(&bytes);
    let names = |version: &&&str| text.contains(&format!("tech:xsd:{version}\""));
    DECLARED.iter().find(names).copied()
}

/// Whether a file fits a schema, with what is wrong; none when there is no validator.
fn validate(schema: &Path, file: &Path) -> Option<Result<(), String>> {
    let mut xmllint = Command::new("xmllint");
    xmllint.args(["--nonet", "--noout", "--schema"]);
    let output = match xmllint.arg(schema).arg(file).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        output => output.unwrap(),
    };
    if output.status.success() {
        return Some(Ok(()));
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let code = output.status.code().unwrap();
    assert!(
        REFUSED.contains(&code),
        "xmllint failed with {code}: {said}"
    );
    Some(Err(said))
}

#[test]
fn every_fixture_of_a_declared_version_fits_its_schema_or_says_that_it_does_not() {
    let mut seen = Vec::new();
    for path in files(&fixtures(), "") {
        let name = path.file_name().unwrap().to_str().unwrap();
        let found = version(&path);
        assert_eq!(found.is_none(), WITHOUT_SCHEMA.contains(&name), "{name}");
        seen.extend(found.filter(|_| !INVALID.contains(&name)));
    }
    assert!(DECLARED.iter().all(|version| seen.contains(version)));

    let Some(folder) = schemas() else {
        eprintln!("no schemas beside FONDACO_SAMPLES: the fixtures are not validated");
        return;
    };
    for path in files(&fixtures(), "") {
        let Some(version) = version(&path) else {
            continue;
        };
        let name = path.file_name().unwrap().to_str().unwrap();
        match validate(&folder.join(format!("{version}.xsd")), &path) {
            None => {
                eprintln!("xmllint is not installed: the fixtures are not validated");
                return;
            }
            Some(Ok(())) => assert!(!INVALID.contains(&name), "{name} fits {version}"),
            Some(Err(said)) => assert!(INVALID.contains(&name), "{said}"),
        }
    }
}
