//! Proof `hostile`: what a stranger may send to the graph, in both postures.

use super::server::Server;
use super::{Bench, Report};
use crate::Outcome;

const INPUTS: &str = "20000";

pub(super) fn run(bench: &Bench, report: &mut Report) -> Outcome {
    let hostile = bench.shared("peers/security/gql_hostile.py")?;
    let checks = bench.shared("peers/security/gql_checks.py")?;
    let binary = bench.release_binary()?;

    let data = bench.fresh_folder("hostile")?;
    let server = Server::start(&binary, &data, &["--sandbox"])?;
    let key = server.api_key()?.to_owned();
    report.hide(&key);
    let id = server.process_id().to_string();
    let url = server.ready.graphql.clone();
    report.line(&format!(
        "With `--sandbox`: {INPUTS} hostile inputs, then the fixed checks."
    ));
    bench.python(
        report,
        &hostile,
        &[&url, "--n", INPUTS, "--token", &key, "--pid", &id],
    )?;
    bench.python(report, &checks, &[&url, "--token", &key])?;
    drop(server);

    let data = bench.fresh_folder("hostile-public")?;
    let server = Server::start(&binary, &data, &[])?;
    report.line("Without the sandbox, as a public endpoint:");
    bench.python(report, &checks, &[&server.ready.graphql, "--public"])
}
