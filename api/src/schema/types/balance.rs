//! Balances with the types of ISO 20022.

use std::sync::Arc;

use async_graphql::{ID, Object};
use fondaco_store::repo::balance::BalanceRow;

use super::common::{Money, Provenance};
use crate::schema::scalars::{BalanceType, DateScalar, DateTime};

/// One balance out of the balances of an account.
#[derive(Clone)]
pub(crate) struct Balance {
    rows: Arc<Vec<BalanceRow>>,
    at: usize,
    rule: Option<&'static str>,
}

impl Balance {
    /// All balances of an account.
    pub(crate) fn all(rows: &Arc<Vec<BalanceRow>>) -> Vec<Self> {
        (0..rows.len())
            .map(|at| Self {
                rows: Arc::clone(rows),
                at,
                rule: None,
            })
            .collect()
    }

    /// The balance that a rule chose.
    pub(crate) fn chosen(
        rows: &Arc<Vec<BalanceRow>>,
        choose: fn(&[BalanceRow]) -> Option<fondaco_store::repo::balance::Chosen<'_>>,
    ) -> Option<Self> {
        let chosen = choose(rows)?;
        let at = rows.iter().position(|row| row.id == chosen.balance.id)?;
        Some(Self {
            rows: Arc::clone(rows),
            at,
            rule: Some(chosen.rule),
        })
    }

    fn row(&self) -> &BalanceRow {
        &self.rows[self.at]
    }
}

/// One balance of an account as one source states it.
#[Object]
impl Balance {
    /// Our id.
    async fn id(&self) -> ID {
        self.row().id.into()
    }

    /// Kind of balance.
    #[graphql(name = "type")]
    async fn balance_type(&self) -> BalanceType {
        self.row().balance_type.clone().into()
    }

    /// Signed amount; negative when the holder owes.
    async fn amount(&self) -> Money {
        self.row().amount.into()
    }

    /// The day of the balance, when stated.
    async fn as_of_date(&self) -> Option<DateScalar> {
        self.row().as_of_date.map(DateScalar)
    }

    /// The instant of the balance, when stated with an offset.
    async fn as_of(&self) -> Option<DateTime> {
        self.row().as_of.map(DateTime)
    }

    /// When we read it.
    async fn fetched_at(&self) -> DateTime {
        DateTime(self.row().fetched_at)
    }

    /// True when the credit line is part of the amount; null when not stated.
    async fn credit_limit_included(&self) -> Option<bool> {
        self.row().credit_limit_included
    }

    /// Reference of the last transaction that the balance includes; null when not stated.
    async fn last_transaction_ref(&self) -> Option<&str> {
        self.row().last_transaction_ref.as_deref()
    }

    /// For a chosen balance the rule that chose it, such as `LEDGER_CLBD`; null in lists.
    async fn rule(&self) -> Option<&'static str> {
        self.rule
    }

    /// Where it comes from.
    async fn provenance(&self) -> Option<Provenance> {
        self.row().provenance.map(Into::into)
    }
}
