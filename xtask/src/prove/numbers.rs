//! Proof `numbers`: what the program costs on this machine.

use std::time::{Duration, Instant};

use super::house::House;
use super::sample::statement;
use super::{Bench, Report, memory};
use crate::test::Cluster;
use crate::{Outcome, generate, process};

const IMPORT_ROWS: usize = 100_000;
const STARTS: usize = 5;
const QUERY: &str = "{ accounts(first: 5) { nodes { id } } }";

pub(super) fn run(bench: &Bench, report: &mut Report) -> Outcome {
    report.line("| what | how much |\n| --- | --- |");
    if bench.cold_build {
        let took = cold_build(bench)?.as_secs();
        row(
            report,
            "release build from nothing, dependencies included",
            &format!("{took} s"),
        );
    }
    let binary = bench.binary()?;
    let bytes = std::fs::metadata(&binary)
        .map_err(|error| format!("cannot measure the binary: {error}"))?
        .len();
    row(report, "binary", &format!("{} KiB", bytes / 1024));
    starts(bench, report)?;
    let cluster = Cluster::start_found(&bench.root)?;
    let url = cluster.url();
    let outcome = House::at_scale(bench, &binary, "numbers-postgres", &url).and_then(|postgres| {
        import(bench, report, &postgres)?;
        memory::imports(bench, report, &postgres)?;
        statements(bench, report, &url)
    });
    cluster.stop()?;
    outcome
}

fn row(report: &mut Report, what: &str, how_much: &str) {
    report.line(&format!("| {what} | {how_much} |"));
}

fn cold_build(bench: &Bench) -> Outcome<Duration> {
    let target = bench.fresh_folder("cold-target")?;
    let mut build = process::cargo();
    build
        .current_dir(&bench.root)
        .args(["build", "--release", "--locked", "-p", "fondaco"]);
    let start = Instant::now();
    process::run(build.env("CARGO_TARGET_DIR", target))?;
    Ok(start.elapsed())
}

fn starts(bench: &Bench, report: &mut Report) -> Outcome {
    let binary = bench.binary()?;
    let (mut ready, mut answered, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let house = House::embedded(bench, &binary, "numbers")?;
        let start = Instant::now();
        let server = house.serve(&["--sandbox", "--listen", "127.0.0.1:0"])?;
        server.answer(server.api_key()?, QUERY)?;
        answered.push(start.elapsed().as_millis());
        ready.push(server.started_in.as_millis());
        memory.push(u128::from(server.resident_kib()?));
    }
    let empty = "`serve --sandbox` in an empty folder";
    let ms = |times| format!("{} ms (median of {STARTS})", middle(times));
    row(report, &format!("{empty}: start until ready"), &ms(ready));
    row(
        report,
        &format!("{empty}: start until the first answer"),
        &ms(answered),
    );
    let kib = format!("{} KiB (median of {STARTS})", middle(memory));
    row(
        report,
        "idle memory after that answer, the simulated bank included",
        &kib,
    );
    Ok(())
}

fn middle(mut values: Vec<u128>) -> u128 {
    values.sort_unstable();
    values[values.len() / 2]
}

fn import(bench: &Bench, report: &mut Report, postgres: &House) -> Outcome {
    let binary = bench.binary()?;
    let file = bench
        .fresh_folder("numbers-statement")?
        .join("statement.xml");
    generate::write(&file, &statement("rate", IMPORT_ROWS))?;
    let path = file.display().to_string();
    let embedded = House::embedded(bench, &binary, "numbers-sqlite")?;
    let houses = [("SQLite", &embedded), ("PostgreSQL", postgres)];
    for (engine, house) in houses {
        house.tenant("rate", "accounts:read")?;
        let start = Instant::now();
        let import = [
            "import",
            &path,
            "--create",
            "--tenant",
            "rate",
            "--end-user",
            "rate",
        ];
        let summary = house.json(&import)?;
        let milliseconds = start.elapsed().as_millis().max(1);
        let new = summary["new"].as_u64().unwrap_or_default();
        if new != IMPORT_ROWS as u64 {
            return Err(format!("{engine} imported {new} of {IMPORT_ROWS} rows"));
        }
        let rate = u128::from(new) * 1000 / milliseconds;
        let what = format!("import of {new} entries on {engine}, process start included");
        row(report, &what, &format!("{rate} rows per second"));
    }
    Ok(())
}

/// The test counts statements of queries over more and more accounts, and fails when they grow.
fn statements(bench: &Bench, report: &mut Report, url: &str) -> Outcome {
    report.line("\nSQL statements of one query, counted by the test that holds them constant:");
    let mut test = process::cargo();
    test.current_dir(&bench.root).args([
        "test",
        "--locked",
        "--quiet",
        "-p",
        "fondaco-api",
        "--test",
        "it",
        "--",
        "statements",
        "--nocapture",
    ]);
    report.run(test.env("FONDACO_TEST_POSTGRES", url))
}
