//! Balances with the types of ISO 20022.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::codes::open;
use crate::ids::{AccountId, AccountSourceId, BalanceId};
use crate::money::Money;
use crate::provenance::Provenance;
use crate::time::{Date, Instant};

open! {
    /// Kind of balance. Source: ISO 20022 external balance type codes.
    BalanceType {
        /// Closing booked.
        ClosingBooked = "CLBD",
        /// Closing available.
        ClosingAvailable = "CLAV",
        /// Opening booked.
        OpeningBooked = "OPBD",
        /// Opening available.
        OpeningAvailable = "OPAV",
        /// Interim booked.
        InterimBooked = "ITBD",
        /// Interim available.
        InterimAvailable = "ITAV",
        /// Previously closed booked.
        PreviouslyClosed = "PRCD",
        /// Forward available.
        ForwardAvailable = "FWAV",
        /// Expected.
        Expected = "XPCD",
        /// By value date.
        ValueDate = "VALU",
        /// Information only.
        Information = "INFO",
        /// Not invoiced yet, on cards.
        NonInvoiced = "NON_INVOICED",
        /// Unused credit line.
        Credit = "CREDIT",
    }
}

/// One balance of one account source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Balance {
    /// Our id.
    pub id: BalanceId,
    /// The account.
    pub account_id: AccountId,
    /// The source that stated it.
    pub account_source_id: AccountSourceId,
    /// Kind of balance.
    #[serde(rename = "type")]
    pub balance_type: BalanceType,
    /// Signed amount; negative when the holder owes.
    pub amount: Money,
    /// The day of the balance, when stated.
    pub as_of_date: Option<Date>,
    /// The instant of the balance, when stated with an offset.
    pub as_of: Option<Instant>,
    /// When we read it.
    pub fetched_at: Instant,
    /// True when the credit line is part of the amount.
    pub credit_limit_included: Option<bool>,
    /// Reference of the last transaction that the balance includes, when stated.
    pub last_transaction_ref: Option<String>,
    /// Where it comes from.
    pub provenance: Option<Provenance>,
}
