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
        "Killed with SIGKILL at {} random points of an import, of a job that imports an upload, of \
         a first sync, and of one that renews its token before each call, on each engine, and \
         started again: the books equal those of an undisturbed run and the bank's own counts. A \
         kill while the bank's new token was on the way may have one other end: the person \
         authenticates again, and the bank was asked once more and never after that.",
        bench.points
    ));
    let outcome = report.run(&mut test);
    cluster.stop()?;
    outcome
}
