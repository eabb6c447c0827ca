//! The books: every account's movements from the first day on, made day by day when asked for.

use crate::data::entry::Entry;
use crate::data::people::ACCOUNTS;
use crate::date::Day;

/// 2020-01-01, the first day of the books. Rows and balances of a day depend on the seed and
/// on this day only, never on when a sandbox was started.
pub(crate) const GENESIS: Day = Day(18_262);

/// A reversal and its re-booking that are still to come.
#[derive(Clone, Debug)]
pub(crate) struct Correction {
    pub(crate) due: Day,
    pub(crate) wrong: Entry,
    pub(crate) right_minor: i64,
}

/// Append-only books of all accounts.
pub(crate) struct Ledger {
    pub(crate) seed: u64,
    /// The next day to make.
    next: Day,
    entries: Vec<Vec<Entry>>,
    /// Opening balance plus every movement, pending ones included.
    disposable: Vec<i64>,
    pub(crate) corrections: Vec<Correction>,
}

impl Ledger {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            next: GENESIS,
            entries: ACCOUNTS.iter().map(|_| Vec::new()).collect(),
            disposable: ACCOUNTS
                .iter()
                .map(|account| account.opening_minor)
                .collect(),
            corrections: Vec::new(),
        }
    }

    /// Makes the days up to and including `today` that are not made yet.
    pub(crate) fn extend(&mut self, today: Day) {
        while self.next <= today {
            let day = self.next;
            self.make_day(day);
            self.next = day.plus(1);
        }
    }

    /// What the account holds when everything pending is counted.
    pub(crate) fn disposable(&self, account: usize) -> i64 {
        self.disposable[account]
    }

    /// The position that the next movement of this day gets.
    pub(crate) fn next_ordinal(&self, account: usize, day: Day) -> u32 {
        match self.entries[account].last() {
            Some(last) if last.entered == day => last.ordinal + 1,
            _ => 0,
        }
    }

    pub(crate) fn append(&mut self, entry: Entry) {
        self.disposable[entry.account] += entry.minor;
        self.entries[entry.account].push(entry);
    }

    /// Booked movements with a booking date in the range, newest first.
    pub(crate) fn booked(&self, account: usize, from: Day, to: Day) -> Vec<&Entry> {
        let mut found: Vec<&Entry> = self.entries[account]
            .iter()
            .filter(|entry| entry.booked >= from && entry.booked <= to)
            .collect();
        found.sort_by_key(|entry| std::cmp::Reverse((entry.booked, entry.entered, entry.ordinal)));
        found
    }

    /// Movements that were entered by `today` and are not booked by then, newest first.
    pub(crate) fn pending(&self, account: usize, today: Day) -> Vec<&Entry> {
        let mut found: Vec<&Entry> = self.entries[account]
            .iter()
            .filter(|entry| entry.entered <= today && entry.booked > today)
            .collect();
        found.reverse();
        found
    }

    /// The booked balance at the end of the day.
    pub(crate) fn closing(&self, account: usize, day: Day) -> i64 {
        let booked = self.entries[account]
            .iter()
            .filter(|entry| entry.booked <= day);
        ACCOUNTS[account].opening_minor + booked.map(|entry| entry.minor).sum::<i64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: &str = "2025-11-20";

    fn made(until: &str) -> Ledger {
        let mut ledger = Ledger::new(1);
        ledger.extend(Day::parse(until).unwrap());
        ledger
    }

    #[test]
    fn later_days_append_and_never_change_earlier_ones() {
        let early = made("2025-06-30");
        let late = made(TODAY);
        for (before, after) in early.entries.iter().zip(&late.entries) {
            assert_eq!(*before, after[..before.len()]);
            assert!(after.len() > before.len());
        }
    }

    #[test]
    fn every_account_lives_and_stays_in_credit() {
        let ledger = made(TODAY);
        let from = Day::parse("2023-11-01").unwrap();
        let to = Day::parse(TODAY).unwrap();
        for (at, account) in ACCOUNTS.iter().enumerate() {
            let rows = ledger.booked(at, from, to).len();
            assert!(rows >= 25, "{} has {rows} rows", account.key);
            let mut balance = account.opening_minor;
            for entry in &ledger.entries[at] {
                balance += entry.minor;
                assert!(
                    balance >= 0,
                    "{} overdrawn on {}",
                    account.key,
                    entry.entered
                );
            }
            let rich_major = if account.currency == "JPY" {
                10_000_000
            } else {
                150_000
            };
            let rich = rich_major * 10_i64.pow(account.decimals);
            assert!(balance < rich, "{} piles up", account.key);
        }
    }

    #[test]
    fn ids_are_unique_and_a_settled_row_has_a_new_one() {
        let ledger = made(TODAY);
        let mut seen = std::collections::HashSet::new();
        for entry in ledger.entries.iter().flatten() {
            assert!(seen.insert(entry.pending_id(1)));
            assert!(seen.insert(entry.booked_id(1)));
            assert!(seen.insert(entry.entry_reference(1)));
        }
    }

    #[test]
    fn some_row_is_pending_on_every_day() {
        let ledger = made(TODAY);
        for back in 0..60 {
            let day = Day::parse(TODAY).unwrap().plus(-back);
            assert!(!ledger.pending(0, day).is_empty(), "{day}");
        }
    }

    #[test]
    fn equal_purchases_and_corrections_occur_every_quarter() {
        let ledger = made(TODAY);
        let from = Day::parse("2025-08-01").unwrap();
        let rows = ledger.booked(0, from, Day::parse("2025-10-31").unwrap());
        let twins = rows.iter().any(|one| {
            let same = rows.iter().filter(|other| {
                other.booked == one.booked
                    && other.minor == one.minor
                    && other.party == one.party
                    && other.remittance == one.remittance
            });
            same.count() == 2
        });
        assert!(twins);
        assert!(rows.iter().any(|row| row.code == "PMNT-MCOP-ADJT"));
    }

    #[test]
    fn another_seed_makes_other_books() {
        let mut other = Ledger::new(2);
        other.extend(Day::parse("2020-12-31").unwrap());
        let one = made("2020-12-31");
        assert_ne!(one.entries[0], other.entries[0]);
    }
}
