//! The closing verdict.

use fondaco_model::draft::{AccountDraft, BalanceDraft, StatementDraft, TransactionDraft};
use fondaco_model::v1::{AccountType, BalanceType, BookingStatus};
use fondaco_model::{Currency, Money};

use super::super::verdict::{StatementSums, verdict};

fn money(text: &str) -> Money {
    let (amount, code) = text.split_once(' ').unwrap();
    Money::parse(amount, Currency::from_code(code).unwrap()).unwrap()
}

fn statement(balances: &[(BalanceType, &str, &str)]) -> StatementDraft {
    let balance = |(balance_type, amount, day): &(BalanceType, &str, &str)| BalanceDraft {
        balance_type: balance_type.clone(),
        amount: money(amount),
        as_of_date: day.parse().ok(),
        as_of: None,
        credit_limit_included: None,
        last_transaction_ref: None,
    };
    StatementDraft {
        ordinal: 0,
        statement_id: None,
        sequence: None,
        page: None,
        account: AccountDraft {
            provider_account_id: "1".to_owned(),
            currency: None,
            account_type: AccountType::Current,
            subtype: None,
            name: None,
            product_name: None,
            holder_name: None,
            identifiers: Vec::new(),
            bic: None,
            source_status: None,
            business: None,
        },
        from: None,
        to: None,
        balances: balances.iter().map(balance).collect(),
    }
}

fn check(balances: &[(BalanceType, &str, &str)], entries: &[&str], closes: Option<bool>) {
    let mut sums = StatementSums::default();
    for entry in entries {
        sums.add(&TransactionDraft::booked(money(entry)));
    }
    let found = verdict(&statement(balances), &sums);
    assert_eq!(found.closes, closes, "{balances:?} {entries:?}");
}

use BalanceType::{ClosingBooked as Close, OpeningBooked as Open, PreviouslyClosed as Previous};

#[test]
fn a_statement_closes_when_its_entries_lead_from_opening_to_closing() {
    let day = "2026-01-31";
    let both = [(Open, "1.00 EUR", day), (Close, "3.00 EUR", day)];
    check(&both, &["2.50 EUR", "-0.50 EUR"], Some(true));
    check(&both, &["2.50 EUR"], Some(false));
    check(
        &[(Previous, "1.00 EUR", day), (Close, "1.00 EUR", day)],
        &[],
        Some(true),
    );
    check(
        &[(Open, "0 KWD", day), (Close, "0.0005 KWD", day)],
        &["0.0005 KWD"],
        Some(true),
    );
}

#[test]
fn without_both_balances_there_is_no_verdict() {
    let day = "2026-01-31";
    check(&[(Open, "1.00 EUR", day)], &[], None);
    check(&[(Close, "1.00 EUR", day)], &["1.00 EUR"], None);
}

#[test]
fn different_currencies_never_close() {
    let day = "2026-01-31";
    check(
        &[(Open, "1.00 EUR", day), (Close, "1.00 SEK", day)],
        &[],
        Some(false),
    );
    let both = [(Open, "1.00 EUR", day), (Close, "1.00 EUR", day)];
    check(&both, &["5.00 SEK"], Some(false));
}

#[test]
fn of_several_days_the_first_opening_and_the_last_closing_count() {
    check(
        &[
            (Open, "1.00 EUR", "2026-01-01"),
            (Close, "2.00 EUR", "2026-01-01"),
            (Open, "2.00 EUR", "2026-01-02"),
            (Close, "4.00 EUR", "2026-01-02"),
        ],
        &["1.00 EUR", "2.00 EUR"],
        Some(true),
    );
}

#[test]
fn pending_entries_are_counted_but_not_added() {
    let mut sums = StatementSums::default();
    let mut entry = TransactionDraft::booked(money("5.00 EUR"));
    sums.add(&entry);
    entry.status = BookingStatus::Pending;
    sums.add(&entry);
    let found = verdict(&statement(&[(Open, "0 EUR", "2026-01-01")]), &sums);
    assert_eq!(sums.entries, 2);
    assert_eq!(found.credits, Some(money("5.00 EUR")));
    assert_eq!(found.debits, Some(money("0 EUR")));
}

#[test]
fn a_sum_that_does_not_fit_never_closes() {
    let day = "2026-01-31";
    let both = [(Open, "0 EUR", day), (Close, "0 EUR", day)];
    let most = "92233720368547758.07 EUR";
    check(&both, &[most, most], Some(false));
}
