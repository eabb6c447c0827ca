//! Proof `secrets`: what was planted is in no log, database page or write-ahead log, on either
//! engine.

use std::path::{Path, PathBuf};

use super::house::{House, INSTITUTION, RETURN_URL};
use super::sample::{PAYER, statement};
use super::{Bench, Report};
use crate::test::Cluster;
use crate::{Outcome, generate};

/// Long enough to be found in pieces; stands as name, reference and text of a statement.
const CANARY: &str = "planted-canary-7f3b9c52e8d14a06";
const SCOPES: &str = "accounts:read,transactions:read,identifiers:read,link:write,import:write";

pub(super) fn run(bench: &Bench, report: &mut Report) -> Outcome {
    let grep = bench.shared("peers/security/secrets_grep.py")?;
    let binary = bench.binary()?;

    let house = House::embedded(bench, &binary, "secrets")?;
    report.line("SQLite: a link at the bank, its history, an imported statement, a restart.");
    search(bench, report, (&grep, house), &[])?;

    let cluster = Cluster::start_found(&bench.root)?;
    let url = cluster.url();
    let house = House::at_scale(bench, &binary, "secrets-postgres", &url)?;
    report.line("PostgreSQL: the same, with a dump and the server's own files.");
    let files = cluster.folder().display().to_string();
    let outcome = search(bench, report, (&grep, house), &["--pg", &url, &files]);
    cluster.stop()?;
    outcome
}

/// Works in a house, then looks for everything that was planted in it.
fn search(
    bench: &Bench,
    report: &mut Report,
    (grep, mut house): (&Path, House),
    more: &[&str],
) -> Outcome {
    let (planted, personal) = work(bench, &mut house)?;
    let apart = bench.fresh_folder("secrets-planted")?;
    let (secrets, texts) = (apart.join("secrets"), apart.join("texts"));
    generate::write(&secrets, &(planted.join("\n") + "\n"))?;
    generate::write(&texts, &(personal.join("\n") + "\n"))?;
    report.line(&format!(
        "{} secrets and account numbers (API and frontend keys, codes and tokens of the bank, \
         client secret, master keys, account numbers), in every file but the keys' own:",
        planted.len()
    ));
    let secrets = secrets.display().to_string();
    let places: Vec<String> = places(&house.data)?
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let mut arguments = vec!["--secret-file", secrets.as_str()];
    arguments.extend(more);
    arguments.extend(places.iter().map(String::as_str));
    bench.python(report, grep, &arguments)?;
    report.line("Personal texts of the statement and of the bank's person, in the logs:");
    let logs = [house.data.join("server.log"), house.data.join("bank.log")];
    let [server, bank] = logs.map(|log| log.display().to_string());
    let texts = texts.display().to_string();
    bench.python(report, grep, &["--secret-file", &texts, &server, &bank])
}

/// Links, reads, imports; the secrets that were planted, and the personal texts.
fn work(bench: &Bench, house: &mut House) -> Outcome<(Vec<String>, Vec<String>)> {
    house.set("FONDACO_LOG_LEVEL", "trace");
    let key = house.tenant("planted", SCOPES)?;
    let bank = house.open_bank()?;
    let server = house.serve(&[])?;
    let url = server.ready.graphql.clone();
    bench.walk(
        &key,
        &["link", &url, "user-1", "anna", INSTITUTION, RETURN_URL],
    )?;
    let token = bench.walk(&key, &["frontend", &url, "user-1", "accounts:read"])?;
    let file = house.data.join("statement.xml");
    generate::write(&file, &statement(CANARY, 20))?;
    let path = file.display().to_string();
    house.json(&["import", &path, "--end-user", "user-1", "--create"])?;
    // The file is the person's own; what is searched is what was made of it.
    std::fs::remove_file(&file).map_err(|error| format!("cannot tidy up: {error}"))?;
    let known = bench.walk(&key, &["secrets", &bank.ready.url])?;
    let mut planted: Vec<String> = known.lines().map(str::to_owned).collect();
    planted.extend([key, token, PAYER.to_owned()]);
    planted.extend(house.master_keys.clone());
    for path in files(&house.data)? {
        if is_key(&path) {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            planted.push(text.trim().to_owned());
        }
    }
    let personal = [CANARY, "Anna Lindqvist", "Tagesgeld Rücklage"];
    Ok((planted, personal.map(str::to_owned).to_vec()))
}

fn is_key(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "key")
}

fn places(data: &Path) -> Outcome<Vec<PathBuf>> {
    let mut places = files(data)?;
    places.retain(|path| !is_key(path));
    Ok(places)
}

fn files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)
        .map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}
