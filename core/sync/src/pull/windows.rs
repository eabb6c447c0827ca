//! Which days are asked for: the recent ones first, then history in few pieces.

use fondaco_connectors::core::DateWindow;
use fondaco_model::Date;

/// Days that a first reading shows before it goes on to history.
pub const RECENT_DAYS: i32 = 30;

/// Days that a later reading states again: banks book late, correct and renumber.
pub const OVERLAP_DAYS: i32 = 10;

/// Days of history that are asked for when the entry states none: what PSD2 lets be read without
/// a new authentication (Delegated Regulation (EU) 2018/389, article 10).
pub const HISTORY_DAYS: u32 = 90;

/// Shortest piece of history that is worth a request of its own, in days.
const PIECE_DAYS_MIN: i32 = 90;

/// Most pieces that history is read in.
const PIECES_MAX: u32 = 8;

/// What was read of an account before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Read {
    /// The last day up to which everything was read.
    pub(super) through: Option<Date>,
    /// The first day that was read.
    pub(super) from: Option<Date>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    /// The present day.
    pub(super) today: Date,
    /// The first day that consent and institution allow.
    pub(super) earliest: Date,
    /// Reads a day that the institution allows without the person.
    pub(super) reads_per_day: u32,
}

/// The windows of one reading of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Windows {
    /// What is new, open to the present so that pending rows and later days come along.
    pub(super) recent: DateWindow,
    /// History that was not read yet, the newest piece first. No two windows share a day.
    pub(super) history: Vec<DateWindow>,
}

/// Plans the windows of one reading.
///
/// Each window is a read of the day's allowance, its pages are not; of the allowance one read is
/// left for the recent days and one for later that day.
pub(super) fn plan(ask: Ask, read: Read) -> Windows {
    let from = match read.through {
        None => ask.today.plus_days(1 - RECENT_DAYS),
        Some(through) => through.min(ask.today).plus_days(-OVERLAP_DAYS),
    };
    let from = from.max(ask.earliest).min(ask.today);
    let known_from = match (read.through, read.from) {
        (Some(_), Some(known)) => known.min(from),
        _ => from,
    };
    Windows {
        recent: DateWindow { from, to: None },
        history: pieces(ask, known_from),
    }
}

fn pieces(ask: Ask, known_from: Date) -> Vec<DateWindow> {
    let missing = known_from.days_since(ask.earliest);
    if missing <= 0 {
        return Vec::new();
    }
    let count = ask.reads_per_day.saturating_sub(2).clamp(1, PIECES_MAX);
    let count = i32::try_from(count).unwrap_or(1);
    let days = (missing + count - 1) / count;
    let days = days.max(PIECE_DAYS_MIN);
    let mut windows = Vec::new();
    let mut before = known_from;
    while before > ask.earliest {
        let from = before.plus_days(-days).max(ask.earliest);
        windows.push(DateWindow {
            from,
            to: Some(before.plus_days(-1)),
        });
        before = from;
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn ask(earliest: &str, reads_per_day: u32) -> Ask {
        Ask {
            today: day("2026-03-31"),
            earliest: day(earliest),
            reads_per_day,
        }
    }

    fn show(windows: &Windows) -> String {
        let one = |window: &DateWindow| {
            let to = window.to.map_or_else(String::new, |to| to.to_string());
            format!("{}..{to}", window.from)
        };
        let mut parts = vec![one(&windows.recent)];
        parts.extend(windows.history.iter().map(one));
        parts.join(" ")
    }

    fn check(ask: Ask, read: Read, expected: &str) {
        assert_eq!(show(&plan(ask, read)), expected);
    }

    #[test]
    fn a_first_reading_takes_thirty_days_and_then_history_in_few_pieces() {
        let first = Read::default();
        check(
            ask("2025-03-31", 4),
            first,
            "2026-03-02.. 2025-09-15..2026-03-01 2025-03-31..2025-09-14",
        );
        check(
            ask("2025-03-31", 1),
            first,
            "2026-03-02.. 2025-03-31..2026-03-01",
        );
        check(
            ask("2026-03-01", 4),
            first,
            "2026-03-02.. 2026-03-01..2026-03-01",
        );
        check(ask("2026-03-02", 4), first, "2026-03-02..");
        check(ask("2026-03-20", 4), first, "2026-03-20..");
        check(ask("2026-04-02", 4), first, "2026-03-31..");
    }

    #[test]
    fn a_later_reading_overlaps_by_ten_days_and_reads_only_the_history_that_is_missing() {
        let read = |through: &str, from: &str| Read {
            through: Some(day(through)),
            from: Some(day(from)),
        };
        check(
            ask("2025-03-31", 4),
            read("2026-03-30", "2025-03-31"),
            "2026-03-20..",
        );
        check(
            ask("2025-03-31", 4),
            read("2026-03-30", "2025-01-01"),
            "2026-03-20..",
        );
        check(
            ask("2025-03-31", 4),
            read("2026-03-30", "2025-04-10"),
            "2026-03-20.. 2025-03-31..2025-04-09",
        );
        check(
            ask("2025-03-31", 4),
            read("2026-04-30", "2025-03-31"),
            "2026-03-21..",
        );
        check(
            ask("2026-03-25", 4),
            read("2026-03-30", "2026-03-25"),
            "2026-03-25..",
        );
    }

    #[test]
    fn windows_cover_every_day_once() {
        for reads in 0..12 {
            for span in [0, 1, 29, 30, 31, 90, 119, 120, 121, 365, 730, 3_650] {
                let today = day("2026-03-31");
                let ask = Ask {
                    today,
                    earliest: today.plus_days(-span),
                    reads_per_day: reads,
                };
                let windows = plan(ask, Read::default());
                let mut next = windows.recent.from;
                for window in &windows.history {
                    assert_eq!(window.to, Some(next.plus_days(-1)), "{reads} {span}");
                    assert!(window.from < next, "{reads} {span}");
                    next = window.from;
                }
                assert_eq!(
                    next,
                    ask.earliest.max(next.min(ask.earliest)),
                    "{reads} {span}"
                );
                assert!(windows.history.len() <= 8, "{reads} {span}");
            }
        }
    }
}
