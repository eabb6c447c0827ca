//! What a draft amounts to once every rule has spoken.

use fondaco_model::draft::{Remark, TransactionDraft};
use fondaco_model::time::Date;
use fondaco_model::v1::{DateRule, Method, TransactionStatus};

use crate::rules::{dates, method, texts};

/// The facts that rules derive from a transaction draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The day that orders the transaction.
    pub sort_date: Date,
    /// Which date that is.
    pub sort_date_rule: DateRule,
    /// The status that every kind shares.
    pub status: TransactionStatus,
    /// How the money moved.
    pub method: Method,
    /// One line for people.
    pub description: Option<String>,
    /// Folded text for search.
    pub search_text: String,
}

/// Applies every rule to a transaction draft.
///
/// # Errors
/// A fatal [`Remark`] when the draft cannot become a record: a booked row without any date, or a
/// direction that contradicts the sign.
pub fn settle(draft: &TransactionDraft, first_seen: Date) -> Result<Settled, Remark> {
    if !draft.amount.is_zero() && draft.amount.direction() != draft.direction {
        let original = draft.direction.as_str();
        return Err(Remark::fatal(
            "direction",
            "sign.contradicts_direction",
            original,
        ));
    }
    let Some((sort_date, sort_date_rule)) = dates::sort_date(draft, first_seen) else {
        return Err(Remark::fatal(
            "bookingDate",
            "dates.booked_without_date",
            "",
        ));
    };
    let by_code = method::method(&draft.bank_transaction_code);
    let method = by_code.unwrap_or_else(|| Method::Other("OTHER".to_owned()));
    Ok(Settled {
        sort_date,
        sort_date_rule,
        status: draft.status.shared(),
        method,
        description: texts::description(draft),
        search_text: texts::search_text(draft),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use fondaco_model::{Currency, Direction, Money};

    fn draft(amount: &str) -> TransactionDraft {
        let euro = Currency::from_code("EUR").unwrap();
        TransactionDraft::booked(Money::parse(amount, euro).unwrap())
    }

    #[test]
    fn a_direction_that_contradicts_the_sign_is_refused_and_zero_goes_with_either() {
        let today: Date = "2026-01-01".parse().unwrap();
        let mut row = draft("5");
        row.booking_date = Some(today);
        row.direction = Direction::Debit;
        assert_eq!(
            settle(&row, today).unwrap_err().rule,
            "sign.contradicts_direction"
        );
        let mut nothing = draft("0");
        nothing.booking_date = Some(today);
        nothing.direction = Direction::Debit;
        assert!(settle(&nothing, today).is_ok());
    }

    #[test]
    fn a_booked_row_without_a_date_is_refused() {
        let today: Date = "2026-01-01".parse().unwrap();
        assert_eq!(
            settle(&draft("5"), today).unwrap_err().rule,
            "dates.booked_without_date"
        );
    }
}
