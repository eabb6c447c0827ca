//! What an import takes of memory, read from the process while it works.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::house::House;
use super::sample::{Amounts, statement_of_bytes};
use super::{Bench, Report};
use crate::{Outcome, generate};

/// Sizes of the statements, in MB.
const SIZES_MB: [usize; 2] = [10, 200];
/// Between two looks at the process.
const LOOK: Duration = Duration::from_millis(20);

/// Most that a process has taken, in KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Taken {
    /// Everything resident, files that are mapped included.
    peak: u64,
    /// What belongs to no file.
    anonymous: u64,
}

/// Imports statements of two sizes, with distinct and with equal amounts, on both engines; the
/// PostgreSQL house is shared, its tenants are not.
pub(super) fn imports(bench: &Bench, report: &mut Report, postgres: &House) -> Outcome {
    report.line("\n| memory of an import | peak | anonymous |\n| --- | --- | --- |");
    let binary = bench.binary()?;
    let folder = bench.fresh_folder("numbers-memory")?;
    for (spread, amounts) in [("distinct", Amounts::Distinct), ("equal", Amounts::Equal)] {
        for megabytes in SIZES_MB {
            let file = folder.join(format!("{spread}-{megabytes}.xml"));
            let word = format!("{spread}{megabytes}");
            let text = statement_of_bytes(&word, megabytes * 1_000_000, amounts);
            generate::write(&file, &text)?;
            drop(text);
            let name = format!("numbers-memory-{word}");
            let embedded = House::embedded(bench, &binary, &name)?;
            let houses = [("SQLite", &embedded), ("PostgreSQL", postgres)];
            for (engine, house) in houses {
                house.tenant(&word, "accounts:read")?;
                let path = file.display().to_string();
                let import = [
                    "import",
                    &path,
                    "--create",
                    "--tenant",
                    &word,
                    "--end-user",
                    &word,
                ];
                let taken = watch(house.command(&import).arg("--json"))?;
                let (peak, anonymous) = (taken.peak / 1024, taken.anonymous / 1024);
                report.line(&format!(
                    "| {megabytes} MB, {spread} amounts, {engine} | {peak} MiB | {anonymous} MiB |"
                ));
            }
            std::fs::remove_file(&file).map_err(|error| format!("cannot tidy up: {error}"))?;
        }
    }
    Ok(())
}

/// Runs a program to its end and looks at what it takes.
fn watch(command: &mut Command) -> Outcome<Taken> {
    let started = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    let mut child = started.map_err(|error| format!("cannot start an import: {error}"))?;
    let mut taken = Taken::default();
    let ended = loop {
        // A process that has just ended has no lines; then the last look counts.
        if let Some(now) = look(&child) {
            taken.peak = taken.peak.max(now.peak);
            taken.anonymous = taken.anonymous.max(now.anonymous);
        }
        let status = child.try_wait();
        match status.map_err(|error| format!("cannot wait for an import: {error}"))? {
            Some(status) => break status,
            None => std::thread::sleep(LOOK),
        }
    };
    match (ended.success(), taken.peak) {
        (true, 1..) => Ok(taken),
        (true, 0) => Err("the import ended before it could be looked at".to_owned()),
        (false, _) => Err(format!("an import ended with {ended}")),
    }
}

fn look(child: &Child) -> Option<Taken> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    taken(&status)
}

fn taken(status: &str) -> Option<Taken> {
    let kib = |key: &str| {
        let mut lines = status.lines();
        let rest = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        rest.split_whitespace().next()?.parse().ok()
    };
    Some(Taken {
        peak: kib("VmHWM")?,
        anonymous: kib("RssAnon")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peak_and_anonymous_memory_are_read_from_what_the_kernel_says() {
        let status = "Name:\tfondaco\nVmHWM:\t   84020 kB\nVmRSS:\t 1 kB\nRssAnon:\t  60 kB\n";
        let expected = Taken {
            peak: 84_020,
            anonymous: 60,
        };
        assert_eq!(taken(status), Some(expected));
        assert_eq!(taken("Name:\tfondaco\nState:\tZ (zombie)\n"), None);
    }

    #[test]
    fn an_import_that_fails_or_does_not_start_is_no_result() {
        assert!(watch(&mut Command::new("false")).is_err());
        assert!(watch(&mut Command::new("/none")).is_err());
    }
}
