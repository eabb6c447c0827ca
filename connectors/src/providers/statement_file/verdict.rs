//! The closing verdict: whether a statement's entries lead from its opening to its closing balance.

use std::collections::BTreeMap;

use fondaco_model::draft::{BalanceDraft, StatementDraft, TransactionDraft};
use fondaco_model::v1::{BalanceType, BookingStatus};
use fondaco_model::{Currency, Money};

/// The sums of a statement's booked entries; order does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatementSums {
    /// Entries of any status that were understood.
    pub entries: u64,
    /// Money that came in, by currency; positive.
    pub credits: BTreeMap<Currency, Money>,
    /// Money that went out, by currency; positive.
    pub debits: BTreeMap<Currency, Money>,
    /// True when a sum does not fit into 64 bits; the verdict is then false.
    pub overflow: bool,
}

impl StatementSums {
    /// Counts an entry, and adds it when it is booked.
    pub fn add(&mut self, entry: &TransactionDraft) {
        self.entries += 1;
        if entry.status == BookingStatus::Booked {
            self.add_booked(entry.amount);
        }
    }

    /// Adds the signed amount of a booked entry without counting it.
    pub fn add_booked(&mut self, amount: Money) {
        let side = if amount.is_negative() {
            &mut self.debits
        } else {
            &mut self.credits
        };
        let currency = amount.currency();
        let sum = side
            .entry(currency)
            .or_insert_with(|| Money::zero(currency));
        let magnitude = if amount.is_negative() {
            amount.negated()
        } else {
            Ok(amount)
        };
        match magnitude.and_then(|magnitude| sum.checked_add(magnitude)) {
            Ok(total) => *sum = total,
            Err(_) => self.overflow = true,
        }
    }
}

/// What a statement says and whether it adds up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The statement's currency: the account's, else the opening, else the closing balance's.
    pub currency: Option<Currency>,
    /// Opening booked balance, else the previously closed one; the earliest of several.
    pub opening: Option<Money>,
    /// Closing booked balance; the latest of several.
    pub closing: Option<Money>,
    /// Sum of booked credits in the currency, positive.
    pub credits: Option<Money>,
    /// Sum of booked debits in the currency, positive.
    pub debits: Option<Money>,
    /// True when opening + credits - debits = closing; false also when balances or entries are of
    /// different currencies; none when a balance is missing.
    pub closes: Option<bool>,
}

/// Judges a statement by its head and the sums of its entries.
pub fn verdict(statement: &StatementDraft, sums: &StatementSums) -> Verdict {
    let of = |wanted: BalanceType| {
        let balances = statement.balances.iter();
        balances.filter(move |balance| balance.balance_type == wanted)
    };
    let day = |balance: &&BalanceDraft| balance.as_of_date;
    // Of equals, the first opening and the last closing: statements may list every day.
    let opening = of(BalanceType::OpeningBooked).min_by_key(day);
    let opening = opening.or_else(|| of(BalanceType::PreviouslyClosed).min_by_key(day));
    let closing = of(BalanceType::ClosingBooked).max_by_key(day);
    let (opening, closing) = (opening.map(|b| b.amount), closing.map(|b| b.amount));
    let stated = [opening, closing].into_iter().flatten().next();
    let currency = statement.account.currency.or(stated.map(Money::currency));
    let sum = |side: &BTreeMap<Currency, Money>| {
        let currency = currency?;
        Some(
            side.get(&currency)
                .copied()
                .unwrap_or_else(|| Money::zero(currency)),
        )
    };
    Verdict {
        currency,
        opening,
        closing,
        credits: sum(&sums.credits),
        debits: sum(&sums.debits),
        closes: opening
            .zip(closing)
            .map(|(from, to)| closes(from, to, sums)),
    }
}

fn closes(opening: Money, closing: Money, sums: &StatementSums) -> bool {
    let currency = opening.currency();
    let foreign = |side: &BTreeMap<Currency, Money>| side.keys().any(|key| *key != currency);
    if sums.overflow || foreign(&sums.credits) || foreign(&sums.debits) {
        return false;
    }
    let mut total = Ok(opening);
    if let Some(credits) = sums.credits.get(&currency) {
        total = total.and_then(|total| total.checked_add(*credits));
    }
    if let Some(debits) = sums.debits.get(&currency) {
        total = total.and_then(|total| total.checked_add(debits.negated()?));
    }
    total.is_ok_and(|total| total == closing)
}
