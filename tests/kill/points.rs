//! Where a process is killed: seeded random delays, and a few workers that go through them.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::program::Home;

/// Points of each kind of work on each engine unless `FONDACO_KILL_POINTS` says otherwise.
const POINTS: usize = 20;
/// The earliest kill: the process has hardly read its configuration.
const EARLIEST: Duration = Duration::from_millis(8);
/// The signal that nobody can handle.
const SIGKILL: i32 = 9;

#[expect(
    clippy::disallowed_methods,
    reason = "a test has no configuration file"
)]
fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.trim().parse().ok()
}

/// How many points, and the seed that they are drawn from.
pub(crate) fn asked() -> (usize, u64) {
    let points = number("FONDACO_KILL_POINTS").and_then(|count| usize::try_from(count).ok());
    let drawn = || RandomState::new().build_hasher().finish() >> 32;
    let seed = number("FONDACO_KILL_SEED").unwrap_or_else(drawn);
    (points.unwrap_or(POINTS), seed)
}

/// The generator `SplitMix64`: small, and the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to 1.
    fn share(&mut self) -> f64 {
        let bits = u32::try_from(self.next() >> 32).expect("32 bits are left");
        f64::from(bits) / f64::from(u32::MAX)
    }
}

/// Delays from the start of a process that ends undisturbed after `whole`.
///
/// Drawn log-uniformly, so that what happens before the first commit is hit as often as the long
/// middle; every third one evenly, so that the middle is hit often enough.
pub(crate) fn delays(count: usize, seed: u64, whole: Duration) -> Vec<Duration> {
    let mut random = Random(seed);
    let (from, to) = (EARLIEST.as_secs_f64(), whole.as_secs_f64());
    let one = |number: usize| {
        let share = random.share();
        let seconds = if number % 3 == 2 {
            from + (to - from) * share
        } else {
            from * (to / from).powf(share)
        };
        Duration::from_secs_f64(seconds)
    };
    (0..count).map(one).collect()
}

/// Runs the program and kills it after a delay. False when it ended by itself before.
pub(crate) fn kill_after(mut command: Command, delay: Duration) -> bool {
    let start = Instant::now();
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the program starts");
    let (ended, ends) = channel();
    let mut out = child.stdout.take().expect("standard output is piped");
    let reader = std::thread::spawn(move || {
        // Its output ends with the process, however it ends.
        let _ = out.read_to_end(&mut Vec::new());
        let _ = ended.send(());
    });
    let left = delay.saturating_sub(start.elapsed());
    // Either its end or the delay: whichever comes first.
    let _ = ends.recv_timeout(left);
    let killed = kill(&mut child);
    reader.join().expect("the reader does not panic");
    killed
}

fn kill(child: &mut Child) -> bool {
    // It may have ended in this very moment.
    let _ = child.kill();
    let status = child.wait().expect("the program ends");
    status.signal() == Some(SIGKILL)
}

/// A copy of an installation at rest, with whatever its database holds.
pub(crate) fn copy(home: &Home) -> Home {
    let mut copy = Home::embedded();
    copy_folder(&home.folder, &copy.folder);
    copy.keys.clone_from(&home.keys);
    if let Some(postgres) = &home.postgres {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a test may start a runtime");
        copy.postgres = Some(runtime.block_on(postgres.copy()));
    }
    copy
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).expect("the folder is there") {
        let entry = entry.expect("the folder can be read");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir_all(&target).expect("the temporary folder takes a folder");
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("the temporary folder takes a file");
        }
    }
}

/// Goes through the points with some workers; what any of them found wrong, with its point.
pub(crate) fn each(
    delays: &[Duration],
    workers: usize,
    check: impl Fn(Duration) -> Result<bool, String> + Sync,
) -> Outcome {
    let (next, outcome) = (AtomicUsize::new(0), Mutex::new(Outcome::default()));
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(delay) = delays.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut delay = *delay;
                    let mut checked = check(delay);
                    // The machine may have been slower when the undisturbed run was timed.
                    while matches!(checked, Ok(false)) && delay > EARLIEST {
                        delay /= 2;
                        checked = check(delay);
                    }
                    let mut outcome = outcome.lock().expect("no check panics under the lock");
                    match checked {
                        Ok(true) => outcome.killed += 1,
                        Ok(false) => outcome.ended += 1,
                        Err(problem) => {
                            outcome
                                .problems
                                .push(format!("killed at {delay:?}: {problem}"));
                        }
                    }
                }
            });
        }
    });
    outcome
        .into_inner()
        .expect("no check panics under the lock")
}

/// What a series of kills showed.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Points at which the process was killed.
    pub(crate) killed: usize,
    /// Points at which it had ended by itself.
    pub(crate) ended: usize,
    /// What was lost or doubled.
    pub(crate) problems: Vec<String>,
}

impl Outcome {
    /// Says how it went; fails with everything that went wrong.
    pub(crate) fn tell(&self, work: &str, engine: &str, (seed, whole): (u64, Duration)) {
        println!(
            "{work} on {engine}: killed at {} points, {} too late, {} wrong; seed {seed}, \
             undisturbed {} ms",
            self.killed,
            self.ended,
            self.problems.len(),
            whole.as_millis()
        );
        let problems = self.problems.join("\n");
        assert!(
            self.problems.is_empty(),
            "seed {seed}, {work} on {engine}:\n{problems}"
        );
    }
}
