//! Filters and orders of transaction lists, from input to the store's question.

use async_graphql::{Enum, ID, InputObject, Result};
use fondaco_model::ids::AccountId;
use fondaco_model::text::search_words;
use fondaco_store::repo::transaction::{AmountBound, Filter, Order};

use super::access::id_of;
use super::cursor::{FilterDigest, List};
use super::scalars::{CurrencyCode, DateScalar, Decimal};
use super::words::TransactionStatus;
use crate::http::code::Code;

/// Most accounts that a filter names.
pub(crate) const ACCOUNTS_MAX: usize = 250;

/// Longest search text, in bytes.
pub(crate) const TEXT_MAX: usize = 512;

/// Which transactions a list holds; all conditions must hold.
#[derive(Clone, Debug, Default, InputObject)]
pub(crate) struct TransactionFilter {
    /// Only these accounts, at most 250; not below an account.
    pub(crate) accounts: Option<Vec<ID>>,
    /// Sort date not before.
    pub(crate) from: Option<DateScalar>,
    /// Sort date not after.
    pub(crate) to: Option<DateScalar>,
    /// Amount within a range.
    pub(crate) amount: Option<AmountRange>,
    /// Only these statuses.
    pub(crate) status: Option<Vec<TransactionStatus>>,
    /// Every word occurs in the description, the parties, the remittance information or the
    /// references; case and width of letters do not matter. At most 16 words are looked at.
    pub(crate) text: Option<String>,
}

/// A range of signed amounts, compared as numbers whatever the currency, both ends included.
#[derive(Clone, Debug, Default, InputObject)]
pub(crate) struct AmountRange {
    /// Amount not below.
    pub(crate) min: Option<Decimal>,
    /// Amount not above.
    pub(crate) max: Option<Decimal>,
    /// Only this currency.
    pub(crate) currency: Option<CurrencyCode>,
}

/// What orders a list of transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub(crate) enum TransactionOrderField {
    /// The sort date, then the id.
    #[default]
    Posted,
    /// When the record was made. A walk in this order sees every record once.
    Created,
    /// When the record last changed. A walk in this order brings what changed since its last
    /// cursor, of the records that still count.
    Changed,
}

/// Which end of an order comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub(crate) enum SortDirection {
    /// Oldest first.
    Asc,
    /// Newest first.
    #[default]
    Desc,
}

/// In which order a list of transactions comes.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub(crate) struct TransactionOrder {
    /// What orders it.
    #[graphql(default)]
    pub(crate) field: TransactionOrderField,
    /// Which end comes first.
    #[graphql(default)]
    pub(crate) direction: SortDirection,
}

impl TransactionOrder {
    pub(crate) fn order(self) -> Order {
        match self.field {
            TransactionOrderField::Posted => Order::Posted,
            TransactionOrderField::Created => Order::Created,
            TransactionOrderField::Changed => Order::Changed,
        }
    }

    pub(crate) fn list(self) -> List {
        match self.field {
            TransactionOrderField::Posted => List::TransactionsPosted,
            TransactionOrderField::Created => List::TransactionsCreated,
            TransactionOrderField::Changed => List::TransactionsChanged,
        }
    }

    pub(crate) fn descending(self) -> bool {
        self.direction == SortDirection::Desc
    }
}

impl TransactionFilter {
    /// The store's filter in its normal form: equal questions become equal filters.
    ///
    /// # Errors
    /// `QUERY_INVALID` for too many accounts, an amount that is no plain decimal, a search text
    /// that is too long.
    pub(crate) fn check(&self) -> Result<Filter> {
        let amount = self.amount.clone().unwrap_or_default();
        let text = self.text.as_deref().unwrap_or_default();
        if text.len() > TEXT_MAX {
            return Err(invalid(&format!(
                "A search text has at most {TEXT_MAX} bytes."
            )));
        }
        let mut statuses: Vec<_> = self
            .status
            .iter()
            .flatten()
            .map(|status| (*status).into())
            .collect();
        statuses.sort_unstable();
        statuses.dedup();
        Ok(Filter {
            accounts: self.account_ids()?,
            from: self.from.map(|day| day.0),
            to: self.to.map(|day| day.0),
            amount_min: bound(amount.min.as_ref())?,
            amount_max: bound(amount.max.as_ref())?,
            currency: amount.currency.map(|code| code.0),
            statuses,
            words: search_words(text),
        })
    }

    /// Ids that cannot be are ids that are not there; a filter of such alone finds nothing.
    fn account_ids(&self) -> Result<Option<Vec<AccountId>>> {
        let Some(ids) = &self.accounts else {
            return Ok(None);
        };
        if ids.len() > ACCOUNTS_MAX {
            return Err(invalid(&format!(
                "A filter names at most {ACCOUNTS_MAX} accounts."
            )));
        }
        let mut ids: Vec<AccountId> = ids.iter().filter_map(id_of).collect();
        ids.sort_unstable();
        ids.dedup();
        Ok(Some(ids))
    }
}

fn bound(text: Option<&Decimal>) -> Result<Option<AmountBound>> {
    let Some(Decimal(text)) = text else {
        return Ok(None);
    };
    let bound = AmountBound::parse(text);
    bound
        .map(Some)
        .ok_or_else(|| invalid("An amount is a plain decimal number, such as \"-12.50\"."))
}

fn invalid(message: &str) -> async_graphql::Error {
    Code::QueryInvalid.error(message)
}

/// The digest of a filter that cursors are bound to.
pub(crate) fn digest(filter: &Filter, input: &TransactionFilter) -> [u8; 16] {
    let ids = filter.accounts.as_ref().map(|ids| {
        ids.iter()
            .flat_map(|id| id.0.into_bytes())
            .collect::<Vec<u8>>()
    });
    let words: Vec<&str> = filter
        .statuses
        .iter()
        .map(|status| status.as_str())
        .collect();
    let statuses = (!words.is_empty()).then(|| words.join(" "));
    let searched = (!filter.words.is_empty()).then(|| filter.words.join(" "));
    let text = |value: Option<String>| value.map(String::into_bytes);
    let amount = input.amount.clone().unwrap_or_default();
    FilterDigest::new()
        .with("accounts", ids.as_deref())
        .with(
            "from",
            text(filter.from.map(|day| day.to_string())).as_deref(),
        )
        .with("to", text(filter.to.map(|day| day.to_string())).as_deref())
        .with("min", text(amount.min.map(|bound| bound.0)).as_deref())
        .with("max", text(amount.max.map(|bound| bound.0)).as_deref())
        .with(
            "currency",
            filter.currency.map(|code| code.code().as_bytes()),
        )
        .with("status", statuses.as_deref().map(str::as_bytes))
        .with("text", searched.as_deref().map(str::as_bytes))
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &TransactionFilter) -> [u8; 16] {
        digest(&input.check().unwrap(), input)
    }

    #[test]
    fn equal_questions_have_equal_digests_and_others_differ() {
        let ids = [
            "acc_00000000000000000000000000000001",
            "acc_00000000000000000000000000000002",
        ];
        let accounts = |order: [usize; 2]| TransactionFilter {
            accounts: Some(order.iter().map(|at| ID(ids[*at].to_owned())).collect()),
            ..TransactionFilter::default()
        };
        assert_eq!(check(&accounts([0, 1])), check(&accounts([1, 0])));
        assert_ne!(check(&accounts([0, 1])), check(&accounts([0, 0])));
        let text = |text: &str| TransactionFilter {
            text: Some(text.to_owned()),
            ..TransactionFilter::default()
        };
        assert_eq!(check(&text("Rent  MAY")), check(&text("rent may")));
        assert_ne!(check(&text("rent")), check(&TransactionFilter::default()));
    }

    #[test]
    fn an_empty_list_of_accounts_is_not_every_account() {
        let none = TransactionFilter {
            accounts: Some(Vec::new()),
            ..Default::default()
        };
        assert_eq!(none.check().unwrap().accounts, Some(Vec::new()));
        let unknown = TransactionFilter {
            accounts: Some(vec!["nonsense".into()]),
            ..none
        };
        assert_eq!(unknown.check().unwrap().accounts, Some(Vec::new()));
    }

    #[test]
    fn limits_of_a_filter_hold_on_both_sides() {
        let accounts = |n: usize| TransactionFilter {
            accounts: Some(vec![ID::from("acc_1"); n]),
            ..Default::default()
        };
        assert!(accounts(ACCOUNTS_MAX).check().is_ok());
        assert!(accounts(ACCOUNTS_MAX + 1).check().is_err());
        let text = |n: usize| TransactionFilter {
            text: Some("x".repeat(n)),
            ..Default::default()
        };
        assert!(text(TEXT_MAX).check().is_ok() && text(TEXT_MAX + 1).check().is_err());
        for wrong in ["1,5", "", "1e3", "NaN"] {
            let range = AmountRange {
                min: Some(Decimal(wrong.to_owned())),
                ..Default::default()
            };
            let filter = TransactionFilter {
                amount: Some(range),
                ..Default::default()
            };
            assert!(filter.check().is_err(), "{wrong}");
        }
    }
}
