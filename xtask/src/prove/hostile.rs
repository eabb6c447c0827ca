//! Proof `hostile`: what a stranger may send to the graph, in both postures.

use std::path::Path;

use super::house::{House, INSTITUTION, RETURN_URL};
use super::sample::statement;
use super::server::Server;
use super::{Bench, Report};
use crate::{Outcome, generate};

/// A document that the inputs are made of, and variables with which it has an answer.
struct Base {
    query: &'static str,
    variables: &'static str,
}

/// What reaches every kind of resolver. Each is answered without an error before the attack.
const BASES: [Base; 6] = [
    Base {
        query: "{__typename}",
        variables: "{}",
    },
    Base {
        query: "{viewer{tenantId keyClass scopes}institutions(first:3){nodes{id name}}}",
        variables: "{}",
    },
    Base {
        query: "{accounts(first:2){nodes{id name balances{type amount{amount currency}}\
                transactions(first:2){edges{cursor node{id description \
                amount{amount currency}}}}}}}",
        variables: "{}",
    },
    Base {
        query: "query Q($id:ID!){node(id:$id){id}nodes(ids:[$id]){id}}",
        variables: r#"{"id":"acc_01890a5d-ac96-774b-bcce-b302099a8057"}"#,
    },
    Base {
        query: "{links(first:2){nodes{id progress health accounts(first:2){nodes{id}}\
                consents{id state}}}}",
        variables: "{}",
    },
    Base {
        query: "mutation M($i:StartLinkInput!){startLink(input:$i){url userErrors{code message}}}",
        variables: r#"{"i":{"endUserReference":"base","returnUrl":"https://budget.example/banks",
                       "idempotencyKey":"base"}}"#,
    },
];
/// The person of the house and whose bank it is.
const PERSON: &str = "user-1";
const BANK_USER: &str = "anna";

pub(super) fn run(bench: &Bench, report: &mut Report) -> Outcome {
    let hostile = bench.shared("peers/security/gql_hostile.py")?;
    let checks = bench.shared("peers/security/gql_checks.py")?;
    let binary = bench.binary()?;
    let inputs = bench.inputs;

    let mut house = House::embedded(bench, &binary, "hostile")?;
    house.lift_limits();
    let server = house.serve(&["--sandbox", "--listen", "127.0.0.1:0"])?;
    let key = server.api_key()?.to_owned();
    house.json(&["tenants", "return-url", "add", RETURN_URL])?;
    fill(bench, (&house, &server), &key)?;
    report.line(&format!(
        "With `--sandbox`, a link at the bank, an imported statement and no limit on cost: \
         {inputs} hostile inputs, then the fixed checks."
    ));
    attack(bench, report, (&hostile, &server, &house), &key)?;
    bench.python(report, &checks, &[&server.ready.graphql, "--token", &key])?;
    drop(server);

    let mut house = House::embedded(bench, &binary, "hostile-public")?;
    let scopes = "accounts:read,transactions:read,link:write";
    let key = house.tenant("public", scopes)?;
    let bank = house.open_bank()?;
    // What fills the house is no stranger.
    house.lift_limits();
    let server = house.serve(&[])?;
    fill(bench, (&house, &server), &key)?;
    drop(server);
    house.keep_limits();
    let server = house.serve(&[])?;
    report.line("As a public endpoint, with the limits that it has by itself:");
    attack(bench, report, (&hostile, &server, &house), &key)?;
    let url = &server.ready.graphql;
    let outcome = bench.python(report, &checks, &[url, "--public", "--token", &key]);
    drop(bank);
    outcome
}

/// A statement and a link with its history.
fn fill(bench: &Bench, (house, server): (&House, &Server), key: &str) -> Outcome {
    let file = house.data.join("statement.xml");
    generate::write(&file, &statement("hostile", 200))?;
    let file = file.display().to_string();
    house.json(&["import", &file, "--create", "--end-user", PERSON])?;
    let url = server.ready.graphql.as_str();
    let link = ["link", url, PERSON, BANK_USER, INSTITUTION, RETURN_URL];
    bench.walk(key, &link).map(drop)
}

/// Sends every base document once: what never had an answer would be no base.
fn greet(server: &Server, key: &str) -> Outcome {
    for Base { query, variables } in BASES {
        let body = format!(r#"{{"query":{},"variables":{variables}}}"#, quoted(query));
        let answer = server.post(key, &body)?;
        let (_, answer) = answer.split_once("\r\n\r\n").unwrap_or_default();
        if !is_good(answer) {
            return Err(format!(
                "the base document {query} is answered with {answer}"
            ));
        }
    }
    Ok(())
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// An answer with data, and with errors of neither the document nor the input.
fn is_good(answer: &str) -> bool {
    let Ok(answer) = serde_json::from_str::<serde_json::Value>(answer) else {
        return false;
    };
    let fields = answer["data"].as_object();
    let has_user_errors = fields.into_iter().flatten().any(|(_, field)| {
        let errors = field["userErrors"].as_array();
        errors.is_some_and(|errors| !errors.is_empty())
    });
    fields.is_some() && answer.get("errors").is_none() && !has_user_errors
}

fn attack(
    bench: &Bench,
    report: &mut Report,
    (tool, server, house): (&Path, &Server, &House),
    key: &str,
) -> Outcome {
    report.hide(key);
    greet(server, key)?;
    report.line(&format!(
        "Each of the {} base documents was answered without an error before.",
        BASES.len()
    ));
    let inputs = bench.inputs.to_string();
    let (id, log) = (
        server.process_id().to_string(),
        house.data.join("server.log"),
    );
    let (url, log) = (&server.ready.graphql, log.display().to_string());
    let mut arguments = vec![url.as_str(), "--n", &inputs, "--token", key, "--pid", &id];
    arguments.extend(["--log", &log]);
    for Base { query, .. } in BASES {
        arguments.extend(["--query", query]);
    }
    bench.python(report, tool, &arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_document_is_good_when_its_answer_has_data_and_no_error_of_any_kind() {
        assert!(is_good(r#"{"data":{"node":null,"nodes":[null]}}"#));
        assert!(is_good(
            r#"{"data":{"startLink":{"url":"x","userErrors":[]}}}"#
        ));
        let refused = r#"{"data":{"startLink":{"url":null,"userErrors":[{"code":"X"}]}}}"#;
        let unknown = r#"{"errors":[{"message":"Unknown field"}]}"#;
        let partial = r#"{"data":{"viewer":{}},"errors":[{"message":"x"}]}"#;
        for answer in [refused, unknown, partial, "", "<html>"] {
            assert!(!is_good(answer), "{answer}");
        }
    }

    #[test]
    fn variables_of_the_base_documents_are_json() {
        for Base { query, variables } in BASES {
            let variables: serde_json::Value = serde_json::from_str(variables).unwrap();
            assert!(variables.is_object(), "{query}");
        }
    }
}
