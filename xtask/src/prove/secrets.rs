//! Proof `secrets`: what was planted is in no log, database page or write-ahead log.

use std::path::Path;

use super::sample::statement;
use super::server::Server;
use super::tenants::fondaco;
use super::{Bench, Report};
use crate::{Outcome, generate};

/// Long enough to be found in pieces; stands as name, reference and text of a statement.
const CANARY: &str = "planted-canary-7f3b9c52e8d14a06";

pub(super) fn run(bench: &Bench, report: &mut Report) -> Outcome {
    let grep = bench.shared("peers/security/secrets_grep.py")?;
    let binary = bench.release_binary()?;
    let data = bench.fresh_folder("secrets")?;
    let inputs = bench.fresh_folder("secrets-input")?;

    let server = Server::start(&binary, &data, &["--sandbox"])?;
    let key = server.api_key()?.to_owned();
    report.hide(&key);
    let file = inputs.join("statement.xml");
    generate::write(&file, &statement(CANARY, 20))?;
    fondaco(
        &binary,
        &data,
        &["import", &file.display().to_string(), "--create"],
    )?;
    drop(server);

    let logs = data.join("server.log").display().to_string();
    report.line("Personal texts of an imported statement and the API key, in the log:");
    let in_logs = [format!("api key={key}"), format!("canary={CANARY}")];
    search(bench, report, &grep, &in_logs, &[&logs])?;
    report.line("The API key and the master key, in every file of the data folder but its own:");
    let mut in_files = vec![format!("api key={key}")];
    let mut places = Vec::new();
    for file in files(&data)? {
        let is_key = Path::new(&file)
            .extension()
            .is_some_and(|extension| extension == "key");
        if is_key {
            let text = std::fs::read_to_string(&file)
                .unwrap_or_default()
                .trim()
                .to_owned();
            report.hide(&text);
            in_files.push(format!("master key={text}"));
        } else {
            places.push(file);
        }
    }
    if in_files.len() == 1 {
        return Err("the data folder has no `*.key` file: where is the master key?".to_owned());
    }
    let places: Vec<&str> = places.iter().map(String::as_str).collect();
    search(bench, report, &grep, &in_files, &places)
}

fn search(
    bench: &Bench,
    report: &mut Report,
    grep: &Path,
    secrets: &[String],
    places: &[&str],
) -> Outcome {
    let mut arguments = Vec::new();
    for secret in secrets {
        arguments.extend(["--secret", secret.as_str()]);
    }
    arguments.extend(places);
    bench.python(report, grep, &arguments)
}

fn files(folder: &Path) -> Outcome<Vec<String>> {
    let entries = std::fs::read_dir(folder)
        .map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path.display().to_string());
        }
    }
    Ok(found)
}
