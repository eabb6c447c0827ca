//! Proof `kill`: the project's own kill test at many points, on both engines.

use super::{Bench, Report};
use crate::test::Cluster;
use crate::{Outcome, process};

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
        .env("FONDACO_KILL_POINTS", bench.points.to_string())
        .env("FONDACO_TEST_POSTGRES", cluster.url());
    report.line(&format!(
        "Killed with SIGKILL at {} random points of an import and of a first sync, on each engine, \
         and started again: the books equal those of an undisturbed run and the bank's own counts.",
        bench.points
    ));
    let outcome = report.run(&mut test);
    cluster.stop()?;
    outcome
}
