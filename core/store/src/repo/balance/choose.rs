//! Which balance stands for an account: a fixed preference of types, by name.

use fondaco_model::v1::BalanceType;

use super::BalanceRow;

/// The balance that was chosen, and the rule that chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chosen<'a> {
    /// The balance.
    pub balance: &'a BalanceRow,
    /// The rule's name: what is chosen, and the ISO 20022 code of the type that was there.
    pub rule: &'static str,
}

/// Booked money, the present state before the last closing.
const LEDGER: [(BalanceType, &str); 4] = [
    (BalanceType::InterimBooked, "LEDGER_ITBD"),
    (BalanceType::ClosingBooked, "LEDGER_CLBD"),
    (BalanceType::Expected, "LEDGER_XPCD"),
    (BalanceType::PreviouslyClosed, "LEDGER_PRCD"),
];

/// Money that can be spent, the present state before the last closing.
const AVAILABLE: [(BalanceType, &str); 3] = [
    (BalanceType::InterimAvailable, "AVAILABLE_ITAV"),
    (BalanceType::ClosingAvailable, "AVAILABLE_CLAV"),
    (BalanceType::ForwardAvailable, "AVAILABLE_FWAV"),
];

/// The ledger balance of one account out of its latest balances: interim booked, else closing
/// booked, else expected, else previously closed. Of several the newest counts, then the first.
pub fn choose_ledger(balances: &[BalanceRow]) -> Option<Chosen<'_>> {
    choose(balances, &LEDGER)
}

/// The available balance of one account out of its latest balances: interim available, else
/// closing available, else forward available. Of several the newest counts, then the first.
pub fn choose_available(balances: &[BalanceRow]) -> Option<Chosen<'_>> {
    choose(balances, &AVAILABLE)
}

fn choose<'a>(
    balances: &'a [BalanceRow],
    preference: &[(BalanceType, &'static str)],
) -> Option<Chosen<'a>> {
    preference.iter().find_map(|(kind, rule)| {
        let mut newest: Option<&BalanceRow> = None;
        for row in balances.iter().filter(|row| row.balance_type == *kind) {
            if newest.is_none_or(|known| row.sort_date > known.sort_date) {
                newest = Some(row);
            }
        }
        newest.map(|balance| Chosen { balance, rule })
    })
}
