//! Turns the tables into the movements of one day.

use crate::data::entry::{AccountRef, Entry, Party, References};
use crate::data::habits::{HABITS, Habit};
use crate::data::ledger::Ledger;
use crate::data::people::ACCOUNTS;
use crate::data::tables::{Instrument, MONTHLY, Monthly};
use crate::date::Day;
use crate::iban;
use crate::rng::{self, Rng};

/// Nobody spends the last of it: this many major units stay.
const RESERVE_MAJOR: i64 = 20;
const LABEL_MONTHLY: u64 = 11;
const LABEL_HABIT: u64 = 12;

impl Ledger {
    /// Appends everything that happens on a day, always in the same order.
    pub(crate) fn make_day(&mut self, day: Day) {
        for (at, row) in MONTHLY.iter().enumerate() {
            if is_due(row.day, row.months, day) {
                self.pay(row, number(at), day);
            }
        }
        self.make_own_transfers(day);
        self.make_exchanges(day);
        self.make_interest(day);
        for (at, habit) in HABITS.iter().enumerate() {
            self.purchase(habit, number(at), day);
        }
        self.make_twins(day);
        self.make_corrections(day);
        self.make_foreign_purchase(day);
    }

    /// Whether the account can pay this and keep a small reserve.
    pub(crate) fn affords(&self, account: usize, minor: i64) -> bool {
        let reserve = RESERVE_MAJOR * 10_i64.pow(ACCOUNTS[account].decimals);
        self.disposable(account) + minor >= reserve
    }

    /// An entry that is booked on the day it is entered; the caller fills in the rest.
    pub(crate) fn draft(&self, account: usize, day: Day, minor: i64, code: &'static str) -> Entry {
        Entry {
            account,
            entered: day,
            ordinal: self.next_ordinal(account, day),
            booked: day,
            value: day,
            minor,
            party: None,
            remittance: Vec::new(),
            references: References::default(),
            code,
            purpose: None,
            exchange: None,
            info: None,
        }
    }

    fn pay(&mut self, row: &Monthly, label: u64, day: Day) {
        let mut rng = self.rng(&[LABEL_MONTHLY, label], day);
        let extra = i64::from(rng.below(row.spread + 1));
        let minor = row.minor + extra * row.minor.signum();
        if minor < 0 && !self.affords(row.account, minor) {
            return;
        }
        let mut entry = self.draft(row.account, day, minor, code_of(row.instrument));
        entry.purpose = row.purpose;
        entry.remittance = row.text.iter().map(|line| (*line).to_owned()).collect();
        if row.instrument != Instrument::Fee {
            let account = iban::of_counterparty(row.country, row.party).map(AccountRef::Iban);
            entry.party = Some(Party {
                name: row.party.to_owned(),
                account,
            });
        }
        entry.references = scheme_references(row, day, &mut rng);
        self.append(entry);
    }

    fn purchase(&mut self, habit: &Habit, label: u64, day: Day) {
        let mut rng = self.rng(&[LABEL_HABIT, label], day);
        let today = 1_u8.rotate_left(day.weekday().unsigned_abs());
        if habit.weekdays & today == 0 || rng.below(1_000) >= habit.chance {
            return;
        }
        let steps = (habit.max_minor - habit.min_minor) / habit.step;
        let minor = -i64::from(habit.min_minor + habit.step * rng.below(steps + 1));
        let merchant = *rng.pick(habit.merchants);
        if self.affords(habit.account, minor) {
            let code = if habit.cash {
                "PMNT-CCRD-CWDL"
            } else {
                "PMNT-CCRD-POSD"
            };
            let mut entry = self.card_entry(habit.account, day, minor, merchant);
            entry.code = code;
            if rng.below(4) == 0 {
                entry.booked = day.plus_business_days(2);
                entry.value = entry.booked;
            }
            self.append(entry);
        }
    }

    /// A card payment: pending until the next business day.
    pub(crate) fn card_entry(&self, account: usize, day: Day, minor: i64, who: &str) -> Entry {
        let mut entry = self.draft(account, day, minor, "PMNT-CCRD-POSD");
        entry.booked = day.plus_business_days(1);
        entry.value = entry.booked;
        entry.party = Some(Party {
            name: who.to_owned(),
            account: None,
        });
        entry.remittance = vec![format!("{who} {day}"), "Card 4921".to_owned()];
        entry
    }

    /// A generator for one subject on one day.
    pub(crate) fn rng(&self, labels: &[u64], day: Day) -> Rng {
        let day = u64::from(day.0.unsigned_abs());
        Rng::keyed(&[&[self.seed, day], labels].concat())
    }
}

/// Whether a payment with this nominal day falls due on `day`: on the day itself when it is a
/// business day, else on the first business day after it.
pub(crate) fn is_due(nominal: i32, months: u16, day: Day) -> bool {
    if !day.is_business_day() {
        return false;
    }
    let mut candidate = day;
    loop {
        let civil = candidate.civil();
        let month_bit = 1_u16.rotate_left((civil.month - 1).unsigned_abs());
        if civil.day == nominal && months & month_bit != 0 {
            return true;
        }
        candidate = candidate.plus(-1);
        if candidate.is_business_day() {
            return false;
        }
    }
}

pub(crate) fn number(at: usize) -> u64 {
    u64::try_from(at).unwrap_or(0)
}

fn code_of(instrument: Instrument) -> &'static str {
    match instrument {
        Instrument::CreditIn => "PMNT-RCDT-ESCT",
        Instrument::Salary => "PMNT-RCDT-SALA",
        Instrument::StandingOrder => "PMNT-ICDT-STDO",
        Instrument::DirectDebit => "PMNT-RDDT-ESDD",
        Instrument::Fee => "ACMT-MDOP-CHRG",
    }
}

fn scheme_references(row: &Monthly, day: Day, rng: &mut Rng) -> References {
    let key = rng::text_key(row.party);
    match row.instrument {
        Instrument::Fee => References::default(),
        Instrument::DirectDebit => References {
            end_to_end: Some(format!("{}-{:06}", day.compact(), rng.below(1_000_000))),
            mandate: Some(format!("M{:010}", key % 10_000_000_000)),
            creditor_id: Some(creditor_id(row.country, key)),
        },
        // Some payers leave the reference empty, which the scheme writes as this word.
        Instrument::StandingOrder => References {
            end_to_end: Some("NOTPROVIDED".to_owned()),
            ..References::default()
        },
        Instrument::CreditIn | Instrument::Salary => References {
            end_to_end: Some(format!(
                "E2E-{}-{:08}",
                day.compact(),
                rng.below(100_000_000)
            )),
            ..References::default()
        },
    }
}

/// A SEPA creditor identifier: check digits as in an IBAN over the national part.
fn creditor_id(country: &str, key: u64) -> String {
    let national = format!("{:011}", key % 100_000_000_000);
    let checked = iban::with_check_digits(country, &national);
    format!("{}ZZZ{national}", &checked[..4])
}
