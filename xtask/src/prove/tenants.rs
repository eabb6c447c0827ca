//! Proof `tenants`: two tenants with data of the same shape see nothing of each other.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::sample::statement;
use super::server::Server;
use super::{Bench, Report};
use crate::{Outcome, process};

/// Stands in every text of the first tenant; the tool looks for it in the second one's answers.
const CANARY: &str = "kanarienvogel";

pub(super) fn run(bench: &Bench, report: &mut Report) -> Outcome {
    let matrix = bench.shared("peers/security/tenant_matrix.py")?;
    let binary = bench.release_binary()?;
    let data = bench.fresh_folder("tenants")?;
    let first = tenant(&binary, &data, CANARY)?;
    let second = tenant(&binary, &data, "sperling")?;
    report.hide(&first);
    report.hide(&second);
    let server = Server::start(&binary, &data, &[])?;
    report.line("Every field and argument, called by one tenant with the other tenant's ids.");
    let url = &server.ready.graphql;
    let arguments = [
        url,
        "--a",
        &first,
        "--b",
        &second,
        "--canary-a",
        CANARY,
        "--mutations",
    ];
    bench.python(report, &matrix, &arguments)
}

/// Makes a tenant with one imported statement whose texts carry `word`; returns its key.
fn tenant(binary: &Path, data: &Path, word: &str) -> Outcome<String> {
    let file = data.join(format!("{word}.xml"));
    crate::generate::write(&file, &statement(word, 5))?;
    let privacy = format!("https://{word}.example/privacy");
    let support = format!("support@{word}.example");
    fondaco(
        binary,
        data,
        &[
            "tenants",
            "create",
            word,
            "--mode",
            "test",
            "--privacy-url",
            &privacy,
            "--support",
            &support,
        ],
    )?;
    let scopes = "accounts:read,transactions:read,identifiers:read,import:write,link:write,\
                  schema:read";
    let key = fondaco(
        binary,
        data,
        &["keys", "create", "--tenant", word, "--scopes", scopes],
    )?;
    let path = file.display().to_string();
    fondaco(
        binary,
        data,
        &[
            "import",
            &path,
            "--tenant",
            word,
            "--end-user",
            word,
            "--create",
        ],
    )?;
    let key = key["apiKey"]
        .as_str()
        .ok_or("`keys create --json` printed no apiKey")?;
    Ok(key.to_owned())
}

/// Runs a command of the program and reads the first line of its JSON.
pub(super) fn fondaco(binary: &Path, data: &Path, arguments: &[&str]) -> Outcome<Value> {
    let mut command = Command::new(binary);
    command
        .args(arguments)
        .arg("--json")
        .arg("--data")
        .arg(data);
    let text = process::read(&mut command)?;
    let first = text.lines().next().unwrap_or("null");
    serde_json::from_str(first).map_err(|error| format!("`{first}` is no JSON: {error}"))
}
