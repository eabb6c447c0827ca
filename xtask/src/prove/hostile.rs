//! Proof `hostile`: what a stranger may send to the graph, in both postures.

use std::path::Path;

use super::house::House;
use super::sample::statement;
use super::server::Server;
use super::{Bench, Report};
use crate::{Outcome, generate};

const INPUTS: &str = "20000";
/// What the inputs are made of: documents that reach every kind of resolver.
const QUERIES: [&str; 6] = [
    "{__typename}",
    "{viewer{id} institutions(first:3){nodes{id name}}}",
    "{accounts(first:2){nodes{id name balances{type amount{amount currency}}\
     transactions(first:2){edges{cursor node{id description amount{amount currency}}}}}}}",
    "query Q($id:ID!){node(id:$id){id} nodes(ids:[$id]){id}}",
    "{links(first:2){nodes{id progress health accounts{id} consents{id state}}}}",
    "mutation M($i:StartLinkInput!){startLink(input:$i){url userErrors{code message}}}",
];

pub(super) fn run(bench: &Bench, report: &mut Report) -> Outcome {
    let hostile = bench.shared("peers/security/gql_hostile.py")?;
    let checks = bench.shared("peers/security/gql_checks.py")?;
    let binary = bench.binary()?;

    let mut house = House::embedded(bench, &binary, "hostile")?;
    house.lift_limits();
    let server = house.serve(&["--sandbox", "--listen", "127.0.0.1:0"])?;
    fill(&house, &["--end-user", "demo"])?;
    let key = server.api_key()?.to_owned();
    report.line(&format!(
        "With `--sandbox`, an imported statement and no limit on cost: {INPUTS} hostile inputs, \
         then the fixed checks."
    ));
    attack(bench, report, (&hostile, &server, &house), &key)?;
    bench.python(report, &checks, &[&server.ready.graphql, "--token", &key])?;
    drop(server);

    let house = House::embedded(bench, &binary, "hostile-public")?;
    let scopes = "accounts:read,transactions:read,link:write";
    let key = house.tenant("public", scopes)?;
    fill(&house, &["--end-user", "user-1"])?;
    let server = house.serve(&["--listen", "127.0.0.1:0"])?;
    report.line("As a public endpoint, with the limits that it has by itself:");
    attack(bench, report, (&hostile, &server, &house), &key)?;
    let url = &server.ready.graphql;
    bench.python(report, &checks, &[url, "--public", "--token", &key])
}

fn fill(house: &House, whose: &[&str]) -> Outcome {
    let file = house.data.join("statement.xml");
    generate::write(&file, &statement("hostile", 200))?;
    let file = file.display().to_string();
    house.json(&[&["import", file.as_str(), "--create"], whose].concat())?;
    Ok(())
}

fn attack(
    bench: &Bench,
    report: &mut Report,
    (tool, server, house): (&Path, &Server, &House),
    key: &str,
) -> Outcome {
    report.hide(key);
    let (id, log) = (
        server.process_id().to_string(),
        house.data.join("server.log"),
    );
    let (url, log) = (&server.ready.graphql, log.display().to_string());
    let mut arguments = vec![url.as_str(), "--n", INPUTS, "--token", key, "--pid", &id];
    arguments.extend(["--log", &log]);
    for query in QUERIES {
        arguments.extend(["--query", query]);
    }
    bench.python(report, tool, &arguments)
}
