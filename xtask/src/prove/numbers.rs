//! Proof `numbers`: what the program costs on this machine.

use std::path::Path;
use std::time::{Duration, Instant};

use super::sample::statement;
use super::server::Server;
use super::tenants::fondaco;
use super::{Bench, Report};
use crate::test::Cluster;
use crate::{Outcome, generate, process};

const IMPORT_ROWS: usize = 100_000;
const STARTS: usize = 5;

pub(super) fn run(bench: &Bench, report: &mut Report) -> Outcome {
    if bench.cold_build {
        let took = cold_build(bench)?;
        report.line(&format!(
            "- release build from nothing: {:.0} s",
            took.as_secs_f64()
        ));
    }
    let binary = bench.release_binary()?;
    let bytes = std::fs::metadata(&binary)
        .map_err(|error| format!("cannot measure the binary: {error}"))?
        .len();
    report.line(&format!("- binary: {} KiB", bytes / 1024));
    starts(bench, &binary, report)?;
    import(bench, &binary, report)
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

fn starts(bench: &Bench, binary: &Path, report: &mut Report) -> Outcome {
    let mut times = Vec::new();
    let mut memory = Vec::new();
    for _ in 0..STARTS {
        let data = bench.fresh_folder("numbers")?;
        let server = Server::start(binary, &data, &["--sandbox"])?;
        times.push(server.started_in.as_millis());
        memory.push(server.resident_kib()?);
    }
    times.sort_unstable();
    memory.sort_unstable();
    let middle = STARTS / 2;
    report.line(&format!(
        "- start with an empty folder and the sandbox until ready: {} ms (median of {STARTS})",
        times[middle]
    ));
    report.line(&format!(
        "- memory when ready: {} KiB (median of {STARTS})",
        memory[middle]
    ));
    Ok(())
}

fn import(bench: &Bench, binary: &Path, report: &mut Report) -> Outcome {
    let data = bench.fresh_folder("numbers-import")?;
    let file = data.join("statement.xml");
    generate::write(&file, &statement("rate", IMPORT_ROWS))?;
    let path = file.display().to_string();
    let cluster = Cluster::start_found(&bench.root)?;
    let url = cluster.url();
    let engines: [(&str, &[&str]); 2] = [
        ("SQLite", &[]),
        ("PostgreSQL", &["--database", url.as_str()]),
    ];
    for (engine, more) in engines {
        let mut tenant = vec!["tenants", "create", "rate", "--mode", "test"];
        tenant.extend(more);
        fondaco(binary, &data, &tenant)?;
        let mut arguments = vec!["import", path.as_str(), "--create", "--end-user", "rate"];
        arguments.extend(more);
        let start = Instant::now();
        let summary = fondaco(binary, &data, &arguments)?;
        let milliseconds = start.elapsed().as_millis().max(1);
        let new = summary["new"].as_u64().unwrap_or_default();
        if new != IMPORT_ROWS as u64 {
            return Err(format!("{engine} imported {new} of {IMPORT_ROWS} rows"));
        }
        let rate = u128::from(new) * 1000 / milliseconds;
        report.line(&format!(
            "- import on {engine}: {rate} rows per second ({new} rows)"
        ));
    }
    cluster.stop()
}
