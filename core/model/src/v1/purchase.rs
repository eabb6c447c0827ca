//! What a transaction may say beyond the payment: categories, flags, how a rate was fixed, and how
//! sure its identity is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::codes::open;

/// Most counterparty identifiers, categories or flags that one transaction keeps.
pub const LIST_MAX: usize = 20;

open! {
    /// How sure it is that a row is the one that it was taken for.
    IdentityConfidence {
        /// Found by a reference that can be trusted, or seen for the first time with one.
        Exact = "EXACT",
        /// Found by day, amount and texts.
        Matched = "MATCHED",
        /// Seen for the first time, without a reference that can be trusted.
        New = "NEW",
    }
}

open! {
    /// How an exchange rate was fixed. Source: ISO 20022 exchange rate type codes.
    FxRateType {
        /// The rate of the market at the time.
        Spot = "SPOT",
        /// The bank's selling rate.
        Sale = "SALE",
        /// A rate that was agreed before.
        Agreed = "AGRD",
    }
}

open! {
    /// What a source marks an entry as.
    TransactionFlag {
        /// Several payments that were booked as one entry.
        Batch = "BATCH",
        /// Payment of a bill.
        BillPay = "BILL_PAY",
        /// Wages paid straight to the account.
        DirectDeposit = "DIRECT_DEPOSIT",
        /// A charge of the institution.
        Fee = "FEE",
        /// It crossed a border.
        International = "INTERNATIONAL",
        /// It overdrew the account, or is a charge for that.
        Overdraft = "OVERDRAFT",
        /// Wages paid ahead of their day.
        PayrollAdvance = "PAYROLL_ADVANCE",
        /// It repeats by contract.
        Subscription = "SUBSCRIPTION",
    }
}

/// A category out of a named list, as a source assigned it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Category {
    /// The list of categories, as its owner names it.
    pub taxonomy: String,
    /// The list's version, when stated.
    pub version: Option<String>,
    /// The category's code in the list.
    pub code: String,
    /// How sure the source is, from 0 to 100 percent, when stated.
    pub confidence: Option<u8>,
    /// Who assigned it.
    pub source: String,
}
