//! Transactions: the shared row, a bank's row beside it, details and references.

mod candidates;
mod page;
mod read;
mod removal;
#[cfg(test)]
mod tests;
mod write;

use fondaco_model::ids::{
    AccountId, AccountSourceId, DataKeyId, EndUserId, TransactionDetailId, TransactionId,
};
use fondaco_model::money::{Direction, Money};
use fondaco_model::provenance::Provenance;
use fondaco_model::time::{Date, Instant};
use fondaco_model::v1::{
    AccountIdentifier, BankTransaction, BankTransactionCode, BookingStatus, Category, DateRule, Fx,
    IdentifierScheme, IdentityConfidence, Lifecycle, Method, Party, PartyType, ReferenceKind,
    Remittance, Stability, Transaction, TransactionDetail, TransactionFlag, TransactionRef,
    TransactionStatus,
};
use uuid::Uuid;

pub use candidates::{Candidate, CandidateQuery, CandidateRef, Narrow, candidates};
pub use page::{
    AmountBound, Filter, Keyset, Order, Page, PageQuery, Position, page, pages_by_account,
};
pub use read::{by_ids, details, references};
#[cfg(test)]
pub(crate) use tests::row as test_row;
pub use removal::{PENDING_MAX, PendingRow, pending, remove};
pub use write::{add_references, mark_reused, upsert};

pub(crate) use write::STATEMENTS;

/// The other side of a transaction as it is stored: the name readable, the number sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct PartyRow {
    /// Name.
    pub name: Option<String>,
    /// Person, organisation or institution.
    pub party_type: PartyType,
    /// Account numbers and other identifiers, in the order of the source. The first is found by
    /// its hash.
    pub identifiers: Vec<SealedIdentifier>,
    /// ISO 9362 code of the party's institution.
    pub agent_bic: Option<String>,
    /// The clearing system that knows the party's institution.
    pub agent_clearing_system: Option<String>,
    /// The institution's id in its clearing system.
    pub agent_member_id: Option<String>,
    /// Name of the party's institution.
    pub agent_name: Option<String>,
    /// Name of the ultimate creditor or debtor.
    pub ultimate_name: Option<String>,
    /// Postal address, sealed.
    pub address_sealed: Option<String>,
}

/// An account number as it is stored: masked, sealed, and as a keyed hash to be found by.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SealedIdentifier {
    /// What kind of number it is.
    pub scheme: IdentifierScheme,
    /// The number with all but its last four characters hidden.
    pub masked: String,
    /// The number, sealed.
    pub sealed: String,
    /// Keyed hash of the normalised number.
    pub hash: [u8; 32],
    /// The hash's key.
    pub hash_key_id: Uuid,
}

/// A bank's fields of a transaction as they are stored.
#[derive(Clone, PartialEq, Eq)]
pub struct BankRow {
    /// The bank's status.
    pub booking_status: BookingStatus,
    /// True when the bank marks it as a reversal.
    pub reversal: bool,
    /// How sure the row's identity is: `EXACT`, `MATCHED` or `NEW`.
    pub identity_confidence: String,
    /// Day of booking.
    pub booking_date: Option<Date>,
    /// Day from which interest counts.
    pub value_date: Option<Date>,
    /// Day of the purchase or order.
    pub transaction_date: Option<Date>,
    /// Instant of the booking.
    pub booked_at: Option<Instant>,
    /// Instant of the authorisation.
    pub authorised_at: Option<Instant>,
    /// Amount in the original currency.
    pub original_amount: Option<Money>,
    /// Exchange of currencies.
    pub fx: Option<Fx>,
    /// Amount before charges.
    pub gross_amount: Option<Money>,
    /// Charges.
    pub fees: Vec<Money>,
    /// Balance after this entry.
    pub running_balance: Option<Money>,
    /// Remittance information.
    pub remittance: Remittance,
    /// The bank's own additional text.
    pub additional_information: Option<String>,
    /// End-to-end id.
    pub end_to_end_id: Option<String>,
    /// Direct debit mandate.
    pub mandate_id: Option<String>,
    /// Direct debit creditor.
    pub creditor_id: Option<String>,
    /// Unique end-to-end transaction reference.
    pub uetr: Option<String>,
    /// Cheque number.
    pub check_number: Option<String>,
    /// Purpose code.
    pub purpose_code: Option<String>,
    /// Category purpose code.
    pub category_purpose_code: Option<String>,
    /// Bank transaction code.
    pub code: BankTransactionCode,
    /// How the money moved.
    pub method: Method,
    /// The other side.
    pub counterparty: PartyRow,
    /// Merchant name.
    pub merchant_name: Option<String>,
    /// The merchant's id at its acquirer.
    pub merchant_id: Option<String>,
    /// Merchant category code.
    pub merchant_category_code: Option<String>,
    /// Where the merchant is.
    pub merchant_location: Option<String>,
    /// The merchant's terminal.
    pub merchant_terminal: Option<String>,
    /// Last four digits of the card.
    pub card_last4: Option<String>,
    /// Categories that the source assigned; at most [`LIST_MAX`](fondaco_model::v1::LIST_MAX).
    pub categories: Vec<Category>,
    /// What the source marks the entry as; at most [`LIST_MAX`](fondaco_model::v1::LIST_MAX).
    pub flags: Vec<TransactionFlag>,
}

/// One allocation of a batch entry as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct DetailRow {
    /// Our id.
    pub id: TransactionDetailId,
    /// The transaction.
    pub transaction_id: TransactionId,
    /// Position within the entry, from 0.
    pub ordinal: i32,
    /// Signed amount, when stated.
    pub amount: Option<Money>,
    /// End-to-end id.
    pub end_to_end_id: Option<String>,
    /// Direct debit mandate.
    pub mandate_id: Option<String>,
    /// The source's own reference of the allocation.
    pub reference: Option<String>,
    /// The other side.
    pub counterparty: PartyRow,
    /// Remittance information.
    pub remittance: Remittance,
}

/// A reference as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefRow {
    /// The transaction.
    pub transaction_id: TransactionId,
    /// The source that gave it.
    pub account_source_id: AccountSourceId,
    /// What kind of reference it is.
    pub kind: ReferenceKind,
    /// Its value.
    pub value: String,
    /// How far it can be trusted.
    pub stability: Stability,
    /// When it was first seen.
    pub first_seen_at: Instant,
}

/// A transaction as it is stored, without details and references.
#[derive(Clone, PartialEq, Eq)]
pub struct TransactionRow {
    /// Our id.
    pub id: TransactionId,
    /// The account.
    pub account_id: AccountId,
    /// The source whose statement of the transaction is stored.
    pub account_source_id: AccountSourceId,
    /// Whose transaction it is.
    pub end_user_id: EndUserId,
    /// Signed amount.
    pub amount: Money,
    /// Direction.
    pub direction: Direction,
    /// The day that orders it.
    pub sort_date: Date,
    /// Which date that is.
    pub sort_date_rule: DateRule,
    /// Shared status.
    pub status: TransactionStatus,
    /// One line for people.
    pub description: Option<String>,
    /// Folded text for search.
    pub search_text: String,
    /// Whether it still counts.
    pub lifecycle: Lifecycle,
    /// The key that seals its parts.
    pub data_key_id: DataKeyId,
    /// Position in the tenant's sequence when it was made.
    pub created_seq: i64,
    /// Position in the tenant's sequence when it last changed.
    pub changed_seq: i64,
    /// Where it comes from.
    pub provenance: Provenance,
    /// Digest of what the source states.
    pub content_sha256: [u8; 32],
    /// A bank's fields.
    pub bank: BankRow,
}

macro_rules! hidden_debug {
    ($($name:ident)*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )*};
}

hidden_debug!(PartyRow SealedIdentifier BankRow DetailRow TransactionRow);

impl From<PartyRow> for Party {
    fn from(row: PartyRow) -> Self {
        Self {
            name: row.name,
            party_type: row.party_type,
            identifiers: row.identifiers.into_iter().map(masked).collect(),
            agent_bic: row.agent_bic,
            agent_clearing_system: row.agent_clearing_system,
            agent_member_id: row.agent_member_id,
            agent_name: row.agent_name,
            ultimate_name: row.ultimate_name,
            // Sealed: opening it takes the vault and the scope `identifiers:read`.
            address: None,
        }
    }
}

fn masked(identifier: SealedIdentifier) -> AccountIdentifier {
    AccountIdentifier {
        scheme: identifier.scheme,
        masked: identifier.masked,
    }
}

impl From<DetailRow> for TransactionDetail {
    fn from(row: DetailRow) -> Self {
        Self {
            id: row.id,
            ordinal: row.ordinal,
            amount: row.amount,
            end_to_end_id: row.end_to_end_id,
            mandate_id: row.mandate_id,
            counterparty: row.counterparty.into(),
            remittance: row.remittance,
        }
    }
}

impl From<RefRow> for TransactionRef {
    fn from(row: RefRow) -> Self {
        Self {
            kind: row.kind,
            value: row.value,
            stability: row.stability,
            account_source_id: row.account_source_id,
            first_seen_at: row.first_seen_at,
        }
    }
}

impl TransactionRow {
    /// The canonical record of the row with its details and references.
    pub fn into_canonical(self, details: Vec<DetailRow>, refs: Vec<RefRow>) -> Transaction {
        let bank = self.bank;
        Transaction {
            id: self.id,
            account_id: self.account_id,
            amount: self.amount,
            direction: self.direction,
            sort_date: self.sort_date,
            sort_date_rule: self.sort_date_rule,
            status: self.status,
            description: self.description,
            lifecycle: self.lifecycle,
            created_seq: self.created_seq,
            changed_seq: self.changed_seq,
            provenance: Some(self.provenance),
            bank: BankTransaction {
                booking_status: bank.booking_status,
                reversal: bank.reversal,
                identity_confidence: IdentityConfidence::from_word(&bank.identity_confidence),
                booking_date: bank.booking_date,
                value_date: bank.value_date,
                transaction_date: bank.transaction_date,
                booked_at: bank.booked_at,
                authorised_at: bank.authorised_at,
                original_amount: bank.original_amount,
                fx: bank.fx,
                gross_amount: bank.gross_amount,
                fees: bank.fees,
                running_balance: bank.running_balance,
                remittance: bank.remittance,
                additional_information: bank.additional_information,
                end_to_end_id: bank.end_to_end_id,
                mandate_id: bank.mandate_id,
                creditor_id: bank.creditor_id,
                uetr: bank.uetr,
                check_number: bank.check_number,
                purpose_code: bank.purpose_code,
                category_purpose_code: bank.category_purpose_code,
                bank_transaction_code: bank.code,
                method: bank.method,
                counterparty: bank.counterparty.into(),
                merchant_name: bank.merchant_name,
                merchant_id: bank.merchant_id,
                merchant_category_code: bank.merchant_category_code,
                merchant_location: bank.merchant_location,
                merchant_terminal: bank.merchant_terminal,
                card_last4: bank.card_last4,
                categories: bank.categories,
                flags: bank.flags,
                details: details.into_iter().map(Into::into).collect(),
                references: refs.into_iter().map(Into::into).collect(),
            },
        }
    }
}
