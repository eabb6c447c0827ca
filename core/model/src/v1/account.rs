//! Accounts, their identifiers and their sources.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::codes::{closed, open};
use crate::ids::{AccountId, AccountSourceId, EndUserId, LinkId};
use crate::money::Currency;
use crate::provenance::Provenance;
use crate::time::Instant;

open! {
    /// Kind of account. Source: ISO 20022 external cash account type codes, a subset, with the
    /// kinds that aggregators add.
    AccountType {
        /// Current account (CACC).
        Current = "CURRENT",
        /// Savings account (SVGS).
        Savings = "SAVINGS",
        /// Card account (CARD).
        Card = "CARD",
        /// Loan (LOAN).
        Loan = "LOAN",
        /// Mortgage.
        Mortgage = "MORTGAGE",
        /// Cash account (CASH).
        Cash = "CASH",
        /// Money market account.
        MoneyMarket = "MONEY_MARKET",
        /// Term deposit.
        TermDeposit = "TERM_DEPOSIT",
        /// Investment account.
        Investment = "INVESTMENT",
        /// Pension.
        Pension = "PENSION",
        /// Prepaid account.
        Prepaid = "PREPAID",
        /// Wallet.
        Wallet = "WALLET",
    }
}

closed! {
    /// Where an account stands in its life.
    AccountStatus {
        /// In use.
        Open = "OPEN",
        /// Closed at the institution.
        Closed = "CLOSED",
        /// Blocked at the institution.
        Blocked = "BLOCKED",
        /// Deleted at the institution.
        Deleted = "DELETED",
        /// Not stated.
        Unknown = "UNKNOWN",
    }
}

open! {
    /// Kind of account number.
    IdentifierScheme {
        /// International bank account number (ISO 13616).
        Iban = "IBAN",
        /// National account number.
        Bban = "BBAN",
        /// Sort code and account number (UK).
        UkSortCodeAccount = "UK_SORT_CODE_ACCOUNT",
        /// Routing number (US).
        AbaRouting = "ABA_ROUTING",
        /// Card number of which only some digits are known.
        MaskedPan = "MASKED_PAN",
        /// Telephone number.
        Msisdn = "MSISDN",
        /// Anything that only its issuer knows.
        Proprietary = "PROPRIETARY",
    }
}

/// An account number as clients see it: masked, in clear only with `identifiers:read`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountIdentifier {
    /// What kind of number it is.
    pub scheme: IdentifierScheme,
    /// The number with all but its last four characters hidden.
    pub masked: String,
}

/// A logical account of one end user at one institution in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Our id.
    pub id: AccountId,
    /// Whose account it is.
    pub end_user_id: EndUserId,
    /// The link that reads it, when one does.
    pub link_id: Option<LinkId>,
    /// The institution's entry, when known.
    pub institution_id: Option<String>,
    /// Currency, when known.
    pub currency: Option<Currency>,
    /// Kind of account.
    #[serde(rename = "type")]
    pub account_type: AccountType,
    /// The source's own word for the kind.
    pub subtype: Option<String>,
    /// Where it stands.
    pub status: AccountStatus,
    /// The name that the holder or the bank gave it.
    pub name: Option<String>,
    /// The bank's product.
    pub product_name: Option<String>,
    /// Holder's name as the bank states it.
    pub holder_name: Option<String>,
    /// ISO 9362 code of the servicing institution.
    pub bic: Option<String>,
    /// Account numbers.
    pub identifiers: Vec<AccountIdentifier>,
    /// Position in the tenant's sequence when it was made.
    pub created_seq: i64,
    /// Position in the tenant's sequence when it last changed.
    pub changed_seq: i64,
    /// Where it comes from.
    pub provenance: Option<Provenance>,
}

/// Where an account's data comes from; the hinge when a provider changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountSource {
    /// Our id.
    pub id: AccountSourceId,
    /// The logical account.
    pub account_id: AccountId,
    /// The provider family.
    pub family: String,
    /// The link, unless the source is a file.
    pub link_id: Option<LinkId>,
    /// When the source first stated the account.
    pub first_seen_at: Instant,
    /// When the source last stated the account.
    pub last_seen_at: Instant,
}
