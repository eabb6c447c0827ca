//! Which date orders a transaction.

use fondaco_model::draft::TransactionDraft;
use fondaco_model::time::Date;
use fondaco_model::v1::{DateRule, TransactionStatus};

/// The sort date and the rule that chose it: booking, value, transaction date, then, for what is
/// not posted, the day it was first read. None for a posted row without any date.
pub fn sort_date(draft: &TransactionDraft, first_seen: Date) -> Option<(Date, DateRule)> {
    let stated = [
        (draft.booking_date, DateRule::BookingDate),
        (draft.value_date, DateRule::ValueDate),
        (draft.transaction_date, DateRule::TransactionDate),
    ];
    let found = stated
        .into_iter()
        .find_map(|(date, rule)| date.map(|date| (date, rule)));
    found.or_else(|| match draft.status.shared() {
        TransactionStatus::Posted => None,
        TransactionStatus::Pending | TransactionStatus::Other => {
            Some((first_seen, DateRule::FirstSeen))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use fondaco_model::v1::BookingStatus;
    use fondaco_model::{Currency, Money};

    fn draft() -> TransactionDraft {
        let euro = Currency::from_code("EUR").unwrap();
        TransactionDraft::booked(Money::parse("1", euro).unwrap())
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn the_booking_date_wins_over_value_and_transaction_date() {
        let mut draft = draft();
        draft.transaction_date = Some(day("2026-01-01"));
        assert_eq!(
            sort_date(&draft, day("2026-05-05")),
            Some((day("2026-01-01"), DateRule::TransactionDate))
        );
        draft.value_date = Some(day("2026-01-03"));
        assert_eq!(
            sort_date(&draft, day("2026-05-05")).unwrap().1,
            DateRule::ValueDate
        );
        draft.booking_date = Some(day("2026-01-02"));
        assert_eq!(
            sort_date(&draft, day("2026-05-05")),
            Some((day("2026-01-02"), DateRule::BookingDate))
        );
    }

    #[test]
    fn a_booked_row_without_a_date_has_none_and_a_pending_one_takes_the_day_it_was_first_read() {
        let mut draft = draft();
        assert_eq!(sort_date(&draft, day("2026-05-05")), None);
        draft.status = BookingStatus::Pending;
        assert_eq!(
            sort_date(&draft, day("2026-05-05")),
            Some((day("2026-05-05"), DateRule::FirstSeen))
        );
    }
}
