//! Proof `tenants`: two tenants, and two people of one tenant, with data of the same shape see
//! nothing of each other.

use std::path::Path;

use super::house::{House, INSTITUTION, RETURN_URL};
use super::sample::statement;
use super::{Bench, Report};
use crate::{Outcome, generate};

/// Stands in every text of the first one; the tool looks for it in the second one's answers.
const CANARY: &str = "kanarienvogel";
const OTHER: &str = "sperling";
const ENTRIES: usize = 5;
const ALL_SCOPES: &str = "accounts:read,transactions:read,identifiers:read,link:write,\
                          import:write,raw:read,schema:read";
const BROWSER_SCOPES: [&str; 4] = [
    "accounts:read",
    "transactions:read",
    "identifiers:read",
    "link:write",
];

pub(super) fn run(bench: &Bench, report: &mut Report) -> Outcome {
    let matrix = bench.shared("peers/security/tenant_matrix.py")?;
    let mut house = House::embedded(bench, &bench.binary()?, "tenants")?;
    house.lift_limits();
    let first = house.tenant(CANARY, ALL_SCOPES)?;
    let second = house.tenant(OTHER, ALL_SCOPES)?;
    let both = house.tenant("both", ALL_SCOPES)?;
    let _bank = house.open_bank()?;
    let server = house.serve(&[])?;
    let url = server.ready.graphql.as_str();
    for (tenant, person, key) in [
        (CANARY, CANARY, &first),
        (OTHER, OTHER, &second),
        ("both", CANARY, &both),
        ("both", OTHER, &both),
    ] {
        report.hide(key);
        import(&house, tenant, person)?;
        // The same person of the bank for all: what differs is whose it is here.
        bench.walk(key, &["link", url, person, "anna", INSTITUTION, RETURN_URL])?;
    }
    report.line(
        "Two tenants, each with an imported statement and a bank's link: every field, argument and \
         mutation, called by one with the other's ids.",
    );
    let schema = listed(bench, &house.data.join("schema"), &both, &["schema", url])?;
    // A list takes `first`, which the tool does not make up: the ids come from a view of their own.
    let own = listed(
        bench,
        &house.data.join("ids-own"),
        &first,
        &["ids", url, CANARY],
    )?;
    let more = ["--schema", &schema, "--extra-ids", &own, "--max-ids", "200"];
    search(bench, report, (&matrix, url, &more), (&first, &second))?;

    let token = |person| {
        let arguments = [&["frontend", url, person], &BROWSER_SCOPES[..]].concat();
        bench.walk(&both, &arguments)
    };
    let (one, other) = (token(CANARY)?, token(OTHER)?);
    report.hide(&one);
    report.hide(&other);
    // What a browser may ask at once is small: the ids come from the tenant's own view.
    let ids = listed(bench, &house.data.join("ids"), &both, &["ids", url, CANARY])?;
    report.line("Two people of one tenant with frontend tokens, in the same way:");
    let more = [
        "--schema",
        &schema,
        "--depth",
        "2",
        "--extra-ids",
        &ids,
        "--max-ids",
        "60",
    ];
    search(bench, report, (&matrix, url, &more), (&one, &other))
}

/// What a walk prints, in a file for the tool; its path.
fn listed(bench: &Bench, file: &Path, key: &str, arguments: &[&str]) -> Outcome<String> {
    generate::write(file, &bench.walk(key, arguments)?)?;
    Ok(file.display().to_string())
}

fn import(house: &House, tenant: &str, person: &str) -> Outcome {
    let file = house.data.join(format!("{tenant}-{person}.xml"));
    generate::write(&file, &statement(person, ENTRIES))?;
    let path = file.display().to_string();
    let arguments = [
        "import",
        &path,
        "--tenant",
        tenant,
        "--end-user",
        person,
        "--create",
    ];
    house.json(&arguments)?;
    Ok(())
}

fn search(
    bench: &Bench,
    report: &mut Report,
    (tool, url, more): (&Path, &str, &[&str]),
    (first, second): (&str, &str),
) -> Outcome {
    let tokens = ["--a", first, "--b", second];
    let canary = ["--canary-a", CANARY, "--mutations"];
    bench.python(report, tool, &[&[url], &tokens[..], &canary, more].concat())
}
