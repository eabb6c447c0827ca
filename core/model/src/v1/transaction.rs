//! Transactions: what every kind shares, and what a bank's entry has besides.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::account::AccountIdentifier;
use super::codes::{closed, open};
use super::purchase::{Category, FxRateType, IdentityConfidence, TransactionFlag};
use crate::ids::{AccountId, AccountSourceId, TransactionDetailId, TransactionId};
use crate::money::{Currency, Direction, Money};
use crate::provenance::Provenance;
use crate::time::{Date, Instant};

closed! {
    /// The status that every kind of transaction shares.
    TransactionStatus {
        /// Not final.
        Pending = "PENDING",
        /// Final: booked or settled.
        Posted = "POSTED",
        /// Neither: scheduled, cancelled, rejected or for information.
        Other = "OTHER",
    }
}

closed! {
    /// Whether a stored record still counts.
    Lifecycle {
        /// It counts.
        Live = "LIVE",
        /// Another record took its place.
        Superseded = "SUPERSEDED",
        /// The source no longer states it.
        Removed = "REMOVED",
    }
}

open! {
    /// The status of a bank's entry.
    BookingStatus {
        /// On the books.
        Booked = "BOOKED",
        /// Expected to be booked.
        Pending = "PENDING",
        /// Money is held.
        Hold = "HOLD",
        /// Ordered for a later day.
        Scheduled = "SCHEDULED",
        /// Withdrawn before booking.
        Cancelled = "CANCELLED",
        /// Refused.
        Rejected = "REJECTED",
    }
}

impl BookingStatus {
    /// The shared status that this one stands for.
    pub fn shared(&self) -> TransactionStatus {
        match self {
            Self::Booked => TransactionStatus::Posted,
            Self::Pending | Self::Hold => TransactionStatus::Pending,
            Self::Scheduled | Self::Cancelled | Self::Rejected | Self::Other(_) => {
                TransactionStatus::Other
            }
        }
    }
}

closed! {
    /// Which date orders the transaction.
    DateRule {
        /// The booking date.
        BookingDate = "BOOKING_DATE",
        /// The value date, because no booking date is stated.
        ValueDate = "VALUE_DATE",
        /// The transaction date, because neither of them is stated.
        TransactionDate = "TRANSACTION_DATE",
        /// The day it was first read, because no date is stated; pending rows only.
        FirstSeen = "FIRST_SEEN",
    }
}

open! {
    /// How the money moved, derived from the bank transaction code.
    Method {
        /// Card payment or withdrawal.
        Card = "CARD",
        /// Credit transfer.
        Transfer = "TRANSFER",
        /// Direct debit.
        DirectDebit = "DIRECT_DEBIT",
        /// Standing order.
        StandingOrder = "STANDING_ORDER",
        /// Cash.
        Cash = "CASH",
        /// Cheque.
        Cheque = "CHEQUE",
        /// Fee.
        Fee = "FEE",
        /// Interest.
        Interest = "INTEREST",
        /// Foreign exchange.
        ForeignExchange = "FX",
        /// Refund.
        Refund = "REFUND",
        /// Chargeback.
        Chargeback = "CHARGEBACK",
        /// Payout.
        Payout = "PAYOUT",
    }
}

closed! {
    /// Who the other side is.
    PartyType {
        /// A person.
        Person = "PERSON",
        /// An organisation.
        Organisation = "ORGANISATION",
        /// A financial institution.
        Institution = "INSTITUTION",
        /// Not stated.
        Unknown = "UNKNOWN",
    }
}

#[expect(clippy::derivable_impls, reason = "the list macro makes the type")]
impl Default for PartyType {
    fn default() -> Self {
        Self::Unknown
    }
}

open! {
    /// What kind of reference a value is.
    ReferenceKind {
        /// The account servicer's reference of the entry (camt `AcctSvcrRef`).
        ServicerReference = "SERVICER_REFERENCE",
        /// The entry's reference (camt `NtryRef`, Berlin Group `entryReference`).
        EntryReference = "ENTRY_REFERENCE",
        /// The provider's id of the transaction.
        TransactionId = "TRANSACTION_ID",
        /// The provider's internal id.
        InternalId = "INTERNAL_ID",
        /// The id of the pending row that this one settles.
        PendingId = "PENDING_ID",
        /// End-to-end id given by the payer.
        EndToEndId = "END_TO_END_ID",
        /// Our own fingerprint, for sources without ids.
        Fingerprint = "FINGERPRINT",
    }
}

closed! {
    /// How far a reference can be trusted to name the same transaction again.
    Stability {
        /// The source declares that it never changes and is never used again.
        DeclaredImmutable = "DECLARED_IMMUTABLE",
        /// It was seen to stay the same.
        ObservedStable = "OBSERVED_STABLE",
        /// It may change from one answer to the next.
        Volatile = "VOLATILE",
        /// It was seen on different transactions.
        Reused = "REUSED",
    }
}

/// Remittance information: what the payer wrote for the payee.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Remittance {
    /// Lines of free text, in their order.
    pub unstructured: Vec<String>,
    /// Structured creditor references or documents, in their order.
    pub structured: Vec<String>,
    /// The creditor reference, when one is stated.
    pub reference: Option<String>,
    /// Its scheme: `SCOR` (ISO 11649) or the source's word.
    pub reference_scheme: Option<String>,
}

/// An exchange of currencies as the source states it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fx {
    /// The rate as a plain decimal text.
    pub rate: String,
    /// The currency of one unit.
    pub unit_currency: Option<Currency>,
    /// The currency in which the unit is quoted.
    pub quoted_currency: Option<Currency>,
    /// How the rate was fixed, when stated.
    #[serde(default)]
    pub rate_type: Option<FxRateType>,
    /// Contract reference.
    pub contract_id: Option<String>,
    /// Day of the quotation.
    pub quoted_on: Option<Date>,
}

/// Bank transaction code: ISO 20022 domain, family and sub-family, and the bank's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BankTransactionCode {
    /// Domain, such as `PMNT`.
    pub domain: Option<String>,
    /// Family, such as `RCDT`.
    pub family: Option<String>,
    /// Sub-family, such as `ESCT`.
    pub sub_family: Option<String>,
    /// The bank's own code.
    pub proprietary_code: Option<String>,
    /// Who issued the bank's own code.
    pub proprietary_issuer: Option<String>,
}

/// The other side of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Party {
    /// Name.
    pub name: Option<String>,
    /// Person, organisation or institution.
    #[serde(rename = "type")]
    pub party_type: PartyType,
    /// Account numbers and other identifiers, masked, in the order of the source.
    pub identifiers: Vec<AccountIdentifier>,
    /// ISO 9362 code of the party's institution.
    pub agent_bic: Option<String>,
    /// The clearing system that knows the party's institution, such as `DEBLZ`.
    pub agent_clearing_system: Option<String>,
    /// The institution's id in its clearing system.
    pub agent_member_id: Option<String>,
    /// Name of the party's institution.
    pub agent_name: Option<String>,
    /// Name of the ultimate creditor or debtor.
    pub ultimate_name: Option<String>,
    /// Postal address in one line, in clear only with `identifiers:read`; null otherwise, and when
    /// not stated.
    pub address: Option<String>,
}

/// A reference that a source gave to a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransactionRef {
    /// What kind of reference it is.
    pub kind: ReferenceKind,
    /// The value as it stood.
    pub value: String,
    /// How far it can be trusted.
    pub stability: Stability,
    /// The source that gave it.
    pub account_source_id: AccountSourceId,
    /// When it was first seen.
    pub first_seen_at: Instant,
}

/// One allocation of a batch entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransactionDetail {
    /// Our id.
    pub id: TransactionDetailId,
    /// Position within the entry, from 0.
    pub ordinal: i32,
    /// Signed amount, when stated.
    pub amount: Option<Money>,
    /// End-to-end id given by the payer.
    pub end_to_end_id: Option<String>,
    /// Direct debit mandate.
    pub mandate_id: Option<String>,
    /// The other side.
    pub counterparty: Party,
    /// Remittance information.
    pub remittance: Remittance,
}

/// What a bank's entry has besides the shared fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BankTransaction {
    /// The bank's status.
    pub booking_status: BookingStatus,
    /// True when the bank marks it as a reversal of an earlier entry.
    pub reversal: bool,
    /// How sure the row's identity is.
    pub identity_confidence: IdentityConfidence,
    /// Day of booking.
    pub booking_date: Option<Date>,
    /// Day from which interest counts.
    pub value_date: Option<Date>,
    /// Day of the purchase or order.
    pub transaction_date: Option<Date>,
    /// Instant of the booking, when stated with an offset.
    pub booked_at: Option<Instant>,
    /// Instant of the authorisation, when stated with an offset.
    pub authorised_at: Option<Instant>,
    /// Amount in the original currency, signed like the amount.
    pub original_amount: Option<Money>,
    /// Exchange between the original currency and the account's.
    pub fx: Option<Fx>,
    /// Amount before charges in the account's currency, signed like the amount; stated, never
    /// computed.
    pub gross_amount: Option<Money>,
    /// Charges, positive when they cost the holder something.
    pub fees: Vec<Money>,
    /// Balance after this entry, when stated.
    pub running_balance: Option<Money>,
    /// Remittance information.
    pub remittance: Remittance,
    /// The bank's own additional text.
    pub additional_information: Option<String>,
    /// End-to-end id given by the payer.
    pub end_to_end_id: Option<String>,
    /// Direct debit mandate.
    pub mandate_id: Option<String>,
    /// Direct debit creditor.
    pub creditor_id: Option<String>,
    /// Unique end-to-end transaction reference.
    pub uetr: Option<String>,
    /// Cheque number.
    pub check_number: Option<String>,
    /// ISO 20022 external purpose code.
    pub purpose_code: Option<String>,
    /// ISO 20022 category purpose code.
    pub category_purpose_code: Option<String>,
    /// Bank transaction code.
    pub bank_transaction_code: BankTransactionCode,
    /// How the money moved.
    pub method: Method,
    /// The other side.
    pub counterparty: Party,
    /// Merchant name, for cards.
    pub merchant_name: Option<String>,
    /// The merchant's id at its acquirer.
    pub merchant_id: Option<String>,
    /// Merchant category code (ISO 18245).
    pub merchant_category_code: Option<String>,
    /// Where the merchant is, in one line.
    pub merchant_location: Option<String>,
    /// The merchant's terminal.
    pub merchant_terminal: Option<String>,
    /// Last four digits of the card.
    pub card_last4: Option<String>,
    /// Categories that the source assigned; empty when it assigns none.
    pub categories: Vec<Category>,
    /// What the source marks the entry as; empty when it marks nothing.
    pub flags: Vec<TransactionFlag>,
    /// Allocations of a batch entry, in their order.
    pub details: Vec<TransactionDetail>,
    /// References.
    pub references: Vec<TransactionRef>,
}

/// A transaction: the shared fields, and those of its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transaction {
    /// Our id.
    pub id: TransactionId,
    /// The account.
    pub account_id: AccountId,
    /// Signed amount from the account holder's view: in is positive.
    pub amount: Money,
    /// Direction; agrees with the sign.
    pub direction: Direction,
    /// The day that orders it.
    pub sort_date: Date,
    /// Which date that is.
    pub sort_date_rule: DateRule,
    /// The status that every kind shares.
    pub status: TransactionStatus,
    /// One line for people.
    pub description: Option<String>,
    /// Whether it still counts.
    pub lifecycle: Lifecycle,
    /// Position in the tenant's sequence when it was made.
    pub created_seq: i64,
    /// Position in the tenant's sequence when it last changed.
    pub changed_seq: i64,
    /// Where it comes from.
    pub provenance: Option<Provenance>,
    /// The fields of a bank's entry.
    pub bank: BankTransaction,
}
