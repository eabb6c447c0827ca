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
/// Earlier points that are tried when a process ended before it was killed; each time half as
/// late, so that the last one is within the start of the process.
const REDRAWS_MAX: u32 = 10;
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

/// What a point showed when nothing was wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The process had ended by itself.
    Late,
    /// It was killed, and the work went on to its whole end.
    Whole,
    /// It was killed while the bank had rotated and its answer was on the way: the person is asked.
    Reauth,
}

impl Seen {
    /// Work that always goes on to its end.
    pub(crate) fn whole(killed: bool) -> Self {
        if killed { Self::Whole } else { Self::Late }
    }
}

/// Goes through the points with some workers; what any of them found wrong, with its point.
pub(crate) fn each(
    delays: &[Duration],
    workers: usize,
    check: impl Fn(Duration) -> Result<Seen, String> + Sync,
) -> Outcome {
    let outcome = Outcome {
        asked: delays.len(),
        ..Outcome::default()
    };
    let (next, outcome) = (AtomicUsize::new(0), Mutex::new(outcome));
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(delay) = delays.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let checked = drawn(*delay, &check);
                    let mut outcome = outcome.lock().expect("no check panics under the lock");
                    match checked {
                        Ok(Seen::Whole) => outcome.killed += 1,
                        Ok(Seen::Reauth) => {
                            outcome.killed += 1;
                            outcome.reauth += 1;
                        }
                        Ok(Seen::Late) => outcome.ended += 1,
                        Err(problem) => outcome.problems.push(problem),
                    }
                }
            });
        }
    });
    outcome
        .into_inner()
        .expect("no check panics under the lock")
}

/// One point; drawn again, earlier, as long as the process ends before it. The machine may have
/// been slower when the undisturbed run was timed.
fn drawn(
    mut delay: Duration,
    check: impl Fn(Duration) -> Result<Seen, String>,
) -> Result<Seen, String> {
    for _ in 0..REDRAWS_MAX {
        match check(delay) {
            Ok(Seen::Late) => delay /= 2,
            Ok(seen) => return Ok(seen),
            Err(problem) => return Err(format!("killed at {delay:?}: {problem}")),
        }
    }
    Ok(Seen::Late)
}

/// What a series of kills showed.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Points that were asked for.
    asked: usize,
    /// Points at which the process was killed.
    killed: usize,
    /// Of these, the ones after which the person has to authenticate again.
    reauth: usize,
    /// Points at which it had ended by itself, however early they were drawn.
    ended: usize,
    /// What was lost or doubled.
    problems: Vec<String>,
}

impl Outcome {
    /// Says how it went; fails with everything that went wrong, and when a point did not kill.
    pub(crate) fn tell(&self, work: &str, engine: &str, (seed, whole): (u64, Duration)) {
        println!(
            "{work} on {engine}: killed at {} of {} points, {} too late, {} wrong, {} to \
             authenticate again; seed {seed}, undisturbed {} ms",
            self.killed,
            self.asked,
            self.ended,
            self.problems.len(),
            self.reauth,
            whole.as_millis()
        );
        let problems = self.problems.join("\n");
        assert!(
            self.problems.is_empty(),
            "seed {seed}, {work} on {engine}:\n{problems}"
        );
        assert!(self.asked > 0, "{work} on {engine}: no point was asked for");
        assert_eq!(
            self.killed, self.asked,
            "seed {seed}, {work} on {engine}: some points did not kill"
        );
    }
}

#[test]
#[should_panic(expected = "some points did not kill")]
fn a_series_in_which_a_point_did_not_kill_has_failed() {
    let delays = [EARLIEST, EARLIEST * 2];
    let outcome = each(&delays, 1, |delay| Ok(Seen::whole(delay == EARLIEST * 2)));
    outcome.tell("nothing", "no engine", (0, EARLIEST));
}

#[test]
fn a_point_that_comes_too_late_is_drawn_again_earlier_up_to_the_limit() {
    let calls = AtomicUsize::new(0);
    let count = |late_until: u32| {
        calls.store(0, Ordering::Relaxed);
        let delay = Duration::from_secs(4);
        let seen = drawn(delay, |at| {
            let call = u32::try_from(calls.fetch_add(1, Ordering::Relaxed)).expect("few calls");
            assert_eq!(at, delay / 2_u32.pow(call));
            Ok(Seen::whole(call >= late_until))
        });
        seen.expect("nothing is wrong") == Seen::Whole
    };
    assert!(count(0) && count(REDRAWS_MAX - 1));
    assert!(!count(REDRAWS_MAX));
    assert_eq!(calls.load(Ordering::Relaxed), REDRAWS_MAX as usize);
}
