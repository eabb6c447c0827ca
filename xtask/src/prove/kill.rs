//! Proof `kill`: the project's own kill test at many points, on both engines.

use super::{Bench, Report};
use crate::test::Cluster;
use crate::{Outcome, process};

const POINTS: &str = "200";

pub(super) fn run(bench: &Bench, report: &mut Report) -> Outcome {
    let cluster = Cluster::start_found(&bench.root)?;
    let mut test = process::cargo();
    test.current_dir(&bench.root)
        .args([
            "test",
            "--locked",
            "-p",
            "fondaco",
            "--test",
            "kill",
            "--",
            "--nocapture",
        ])
        .env("FONDACO_KILL_POINTS", POINTS)
        .env("FONDACO_TEST_POSTGRES", cluster.url());
    report.line(&format!(
        "Killed with SIGKILL at {POINTS} points of each kind of work."
    ));
    let outcome = report.run(&mut test);
    cluster.stop()?;
    outcome
}
