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

/// A type that may stand, the rule's name, and its class: of one class the newest day counts.
type Preference = (BalanceType, &'static str, u8);

/// Booked money; only without it what is expected, or what was closed before.
const LEDGER: [Preference; 4] = [
    (BalanceType::InterimBooked, "LEDGER_ITBD", 0),
    (BalanceType::ClosingBooked, "LEDGER_CLBD", 0),
    (BalanceType::Expected, "LEDGER_XPCD", 1),
    (BalanceType::PreviouslyClosed, "LEDGER_PRCD", 2),
];

/// Money that can be spent; only without it what can be spent later.
const AVAILABLE: [Preference; 3] = [
    (BalanceType::InterimAvailable, "AVAILABLE_ITAV", 0),
    (BalanceType::ClosingAvailable, "AVAILABLE_CLAV", 0),
    (BalanceType::ForwardAvailable, "AVAILABLE_FWAV", 1),
];

/// The ledger balance of one account out of its latest balances: the newer of interim booked and
/// closing booked, else expected, else previously closed.
///
/// The day counts before the type, so that the old interim balance of a source that is no longer
/// read does not hide the closing balance of yesterday's statement. On one day interim comes first.
pub fn choose_ledger(balances: &[BalanceRow]) -> Option<Chosen<'_>> {
    choose(balances, &LEDGER)
}

/// The available balance of one account out of its latest balances: the newer of interim available
/// and closing available, else forward available. On one day interim comes first.
pub fn choose_available(balances: &[BalanceRow]) -> Option<Chosen<'_>> {
    choose(balances, &AVAILABLE)
}

fn choose<'a>(balances: &'a [BalanceRow], preference: &[Preference]) -> Option<Chosen<'a>> {
    let ranked = balances.iter().filter_map(|balance| {
        let rank = preference.iter().position(|one| one.0 == balance.balance_type)?;
        let (_, rule, class) = preference[rank];
        let order = (class, std::cmp::Reverse(balance.sort_date), rank);
        Some((order, Chosen { balance, rule }))
    });
    ranked.min_by_key(|(order, _)| *order).map(|(_, chosen)| chosen)
}
