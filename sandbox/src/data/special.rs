//! Movements that make a reader of bank data work: own transfers, conversions, interest, equal
//! purchases, corrections, purchases abroad.

use crate::data::entry::{Entry, Exchange, Party};
use crate::data::generate::{is_due, number};
use crate::data::ledger::{Correction, Ledger};
use crate::data::people::{ACCOUNTS, PEOPLE, account_ref};
use crate::data::tables::{EVERY_MONTH, OWN_EXCHANGES, OWN_TRANSFERS, OwnExchange};
use crate::date::{Civil, Day};
use crate::money;

const LABEL_TRANSFER: u64 = 21;
const LABEL_EXCHANGE: u64 = 22;
const LABEL_FOREIGN: u64 = 23;
/// Equal purchases: (account, day of the month, minor units, merchant).
const TWINS: &[(usize, i32, i64, &str)] = &[
    (0, 12, -290, "Bäckerei Morgenrot"),
    (3, 12, -340, "Borough Coffee"),
    (6, 12, -1_750, "Harbour Taxi"),
    (7, 12, -180, "Jidohanbaiki 自販機"),
];
/// Bookings that the bank gets wrong: (account, wrong, right, merchant).
const MISTAKES: &[(usize, i64, i64, &str)] = &[
    (0, -8_450, -4_850, "Frischmarkt Ottensen"),
    (6, -21_500, -12_500, "Sultan Market"),
];
const MISTAKE_DAY: i32 = 17;
/// February, May, August, November.
const MISTAKE_MONTHS: u16 = 0b0100_1001_0010;
const CORRECTED_AFTER: i32 = 3;
const QUARTERS: i64 = 4;
const BASIS_POINTS: i64 = 10_000;

impl Ledger {
    pub(crate) fn make_own_transfers(&mut self, day: Day) {
        for (at, row) in OWN_TRANSFERS.iter().enumerate() {
            if !is_due(row.day, EVERY_MONTH, day) {
                continue;
            }
            let held = self.disposable(row.from);
            let minor = if held > row.ceiling_minor {
                (held - row.ceiling_minor / 2) / 10_000 * 10_000
            } else {
                row.minor
            };
            if !self.affords(row.from, -minor) {
                continue;
            }
            let mut rng = self.rng(&[LABEL_TRANSFER, number(at)], day);
            let end_to_end = format!("OWN-{}-{:06}", day.compact(), rng.below(1_000_000));
            let codes = [(row.from, row.to, -minor), (row.to, row.from, minor)];
            for (account, other, signed) in codes {
                let code = if signed < 0 {
                    "PMNT-ICDT-BOOK"
                } else {
                    "PMNT-RCDT-BOOK"
                };
                let mut entry = self.draft(account, day, signed, code);
                entry.party = Some(own_party(other));
                entry.remittance = vec![row.text.to_owned()];
                entry.references.end_to_end = Some(end_to_end.clone());
                self.append(entry);
            }
        }
    }

    pub(crate) fn make_exchanges(&mut self, day: Day) {
        for (at, row) in OWN_EXCHANGES.iter().enumerate() {
            if is_due(row.day, row.months, day) && self.affords(row.from, -row.minor) {
                self.exchange(row, number(at), day);
            }
        }
    }

    fn exchange(&mut self, row: &OwnExchange, label: u64, day: Day) {
        let (from, to) = (&ACCOUNTS[row.from], &ACCOUNTS[row.to]);
        let mut rng = self.rng(&[LABEL_EXCHANGE, label], day);
        let rate_e4 = row.rate_e4 + i64::from(rng.below(row.spread_e4));
        let bought = money::convert(row.minor, from.decimals, rate_e4, to.decimals);
        let rate = money::rate_text(rate_e4);
        let sides = [(row.from, row.to, -row.minor), (row.to, row.from, bought)];
        for (account, other, minor) in sides {
            let mut entry = self.draft(account, day, minor, "FORX-SPOT-OTHR");
            entry.value = day.plus_business_days(2);
            entry.party = Some(own_party(other));
            entry.remittance = vec![
                row.text.to_owned(),
                format!("1 {} = {rate} {}", from.currency, to.currency),
            ];
            entry.exchange = Some(Exchange {
                source: from.currency,
                target: to.currency,
                rate_e4,
            });
            self.append(entry);
        }
    }

    /// Interest of a quarter, credited on its last day and rounded down to the minor unit.
    pub(crate) fn make_interest(&mut self, day: Day) {
        let Civil { month, .. } = day.civil();
        if month % 3 != 0 || day.plus(1).civil().month == month {
            return;
        }
        for (at, account) in ACCOUNTS.iter().enumerate() {
            let minor = self.disposable(at) * account.interest_bp / (BASIS_POINTS * QUARTERS);
            if minor > 0 {
                let mut entry = self.draft(at, day, minor, "ACMT-MCOP-INTR");
                entry.remittance = vec!["Interest of the quarter".to_owned()];
                self.append(entry);
            }
        }
    }

    /// Two purchases that nothing but their ids tells apart.
    pub(crate) fn make_twins(&mut self, day: Day) {
        for (account, twin_day, minor, merchant) in TWINS {
            if day.civil().day == *twin_day && self.affords(*account, minor * 2) {
                for _ in 0..2 {
                    let entry = self.card_entry(*account, day, *minor, merchant);
                    self.append(entry);
                }
            }
        }
    }

    /// A booking with a wrong amount, and three business days later its reversal and the right one.
    pub(crate) fn make_corrections(&mut self, day: Day) {
        if is_due(MISTAKE_DAY, MISTAKE_MONTHS, day) {
            for (account, wrong_minor, right_minor, merchant) in MISTAKES {
                if self.affords(*account, *wrong_minor) {
                    let mut wrong = self.card_entry(*account, day, *wrong_minor, merchant);
                    wrong.booked = day;
                    wrong.value = day;
                    let due = day.plus_business_days(CORRECTED_AFTER);
                    self.append(wrong.clone());
                    self.corrections.push(Correction {
                        due,
                        wrong,
                        right_minor: *right_minor,
                    });
                }
            }
        }
        let (due, later) = std::mem::take(&mut self.corrections)
            .into_iter()
            .partition(|correction: &Correction| correction.due <= day);
        self.corrections = later;
        for correction in due {
            self.correct(correction, day);
        }
    }

    fn correct(&mut self, correction: Correction, day: Day) {
        let Correction {
            wrong, right_minor, ..
        } = correction;
        let reference = wrong.entry_reference(self.seed);
        let mut reversal = self.draft(wrong.account, day, -wrong.minor, "PMNT-MCOP-ADJT");
        reversal.value = wrong.value;
        reversal.party.clone_from(&wrong.party);
        reversal.remittance = vec![format!("Reversal of {reference}")];
        self.append(reversal);
        let right = Entry {
            entered: day,
            ordinal: self.next_ordinal(wrong.account, day),
            booked: day,
            minor: right_minor,
            info: Some(format!("Replaces {reference}")),
            ..wrong
        };
        self.append(right);
    }

    /// Bruno's card in a euro country: the account is debited in pounds.
    pub(crate) fn make_foreign_purchase(&mut self, day: Day) {
        const ACCOUNT: usize = 3;
        const DAY: i32 = 23;
        if day.civil().day != DAY {
            return;
        }
        let mut rng = self.rng(&[LABEL_FOREIGN], day);
        let euro_minor = 1_200 + 10 * i64::from(rng.below(480));
        let rate_e4 = 8_560 + i64::from(rng.below(200));
        let minor = -money::convert(euro_minor, 2, rate_e4, 2);
        if self.affords(ACCOUNT, minor) {
            let mut entry = self.card_entry(ACCOUNT, day, minor, "Brasserie du Nord Lille");
            entry.exchange = Some(Exchange {
                source: "EUR",
                target: "GBP",
                rate_e4,
            });
            entry.info = Some(format!("{} EUR", money::text(euro_minor, 2)));
            self.append(entry);
        }
    }
}

fn own_party(account: usize) -> Party {
    let account = &ACCOUNTS[account];
    Party {
        name: PEOPLE[account.owner].name.to_owned(),
        account: Some(account_ref(account)),
    }
}
