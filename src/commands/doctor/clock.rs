//! The clock: consents, certificates, leases and signatures depend on it.

use std::process::Command as Process;

use fondaco_model::{Effects, Instant};
use fondaco_store::Db;

use super::Verdict;

/// The clock must not stand before this program was made: 2026-01-01T00:00:00Z.
const BUILT_AFTER: Instant = Instant::from_micros(1_767_225_600_000_000);

/// How far this machine's clock may lie apart from the database server's, in milliseconds: leases
/// of jobs and one-time codes are counted in seconds, by several processes.
const APART_MS_MAX: i64 = 2_000;

/// What is known of the clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    now: Instant,
    /// Milliseconds by which the database server's clock is ahead; none where it is this machine's.
    server_ahead_ms: Option<i64>,
    /// Whether the system keeps the clock by a time server; none where it cannot be asked.
    synchronised: Option<bool>,
}

/// Asks the system and the database server.
pub(super) async fn read(effects: &Effects, db: Option<&Db>) -> Clock {
    let before = effects.now();
    // A server that does not answer is told about by its own check.
    let server = match db {
        Some(db) => db.server_time().await.ok().flatten(),
        None => None,
    };
    let now = effects.now();
    let middle = before.micros() + (now.micros() - before.micros()) / 2;
    Clock {
        now,
        server_ahead_ms: server.map(|server| (server.micros() - middle) / 1_000),
        synchronised: synchronised(),
    }
}

/// What keeps the clock right differs from system to system; where systemd is asked, it answers.
fn synchronised() -> Option<bool> {
    let asked = Process::new("timedatectl")
        .args(["show", "-p", "NTPSynchronized"])
        .output();
    match asked.ok()?.stdout.trim_ascii_end() {
        b"NTPSynchronized=yes" => Some(true),
        b"NTPSynchronized=no" => Some(false),
        _ => None,
    }
}

pub(super) fn judge(clock: &Clock) -> Verdict {
    let mut text = format!("the time is {}", clock.now);
    if clock.now < BUILT_AFTER {
        let hint = "set the clock: consents and certificates depend on it";
        return Verdict::Fail(text, hint.to_owned());
    }
    if let Some(ahead) = clock.server_ahead_ms {
        let side = if ahead < 0 { "behind" } else { "ahead" };
        let apart = format!("; the database server's is {} ms {side}", ahead.abs());
        text.push_str(&apart);
        if ahead.abs() > APART_MS_MAX {
            let hint = "let both machines keep their clocks by a time server";
            return Verdict::Fail(text, hint.to_owned());
        }
    }
    match clock.synchronised {
        Some(false) => {
            text.push_str("; the system says that no time server keeps it");
            let hint = "turn one on: `timedatectl set-ntp true`, or chrony, or the host's own";
            Verdict::Warn(text, hint.to_owned())
        }
        Some(true) | None => Verdict::Fine(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(
        now: Instant,
        server_ahead_ms: Option<i64>,
        synchronised: Option<bool>,
    ) -> &'static str {
        let clock = Clock {
            now,
            server_ahead_ms,
            synchronised,
        };
        match judge(&clock) {
            Verdict::Fine(_) => "ok",
            Verdict::Warn(_, hint) if !hint.is_empty() => "warn",
            Verdict::Fail(_, hint) if !hint.is_empty() => "fail",
            Verdict::Warn(..) | Verdict::Fail(..) => "a hint is missing",
        }
    }

    #[test]
    fn a_clock_is_judged_by_the_build_the_server_and_the_system() {
        let good = BUILT_AFTER;
        let early = Instant::from_micros(BUILT_AFTER.micros() - 1);
        for (now, ahead, synchronised, expected) in [
            (good, None, None, "ok"),
            (good, None, Some(true), "ok"),
            (good, None, Some(false), "warn"),
            (early, None, Some(true), "fail"),
            (good, Some(APART_MS_MAX), Some(true), "ok"),
            (good, Some(-APART_MS_MAX), None, "ok"),
            (good, Some(APART_MS_MAX + 1), Some(true), "fail"),
            (good, Some(-APART_MS_MAX - 1), Some(false), "fail"),
            (good, Some(0), Some(false), "warn"),
        ] {
            let found = level(now, ahead, synchronised);
            assert_eq!(found, expected, "{ahead:?} {synchronised:?}");
        }
    }

    #[test]
    fn the_text_tells_how_far_the_clocks_lie_apart() {
        let clock = Clock {
            now: BUILT_AFTER,
            server_ahead_ms: Some(-1_500),
            synchronised: Some(false),
        };
        let Verdict::Warn(text, _) = judge(&clock) else {
            panic!("a clock that nobody keeps is warned about");
        };
        assert!(text.contains("1500 ms behind"), "{text}");
        assert!(text.contains("no time server"), "{text}");
    }
}
