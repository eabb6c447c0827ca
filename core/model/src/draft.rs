//! Drafts and remarks: what a provider's mapping understood of one record.
//!
//! A mapping is total: for bad data it leaves a remark, and where a required fact is missing it
//! leaves no draft, so that the record is quarantined and the stream goes on.

use crate::money::{Currency, Direction, Money};
use crate::provider::Resource;
use crate::secret::Secret;
use crate::time::{Date, Instant};
use crate::v1::{
    AccountType, BalanceType, BankTransactionCode, BookingStatus, Category, Fx, IdentifierScheme,
    PartyType, ReferenceKind, Remittance, TransactionFlag,
};

/// Longest original value that a remark keeps, in characters.
pub const ORIGINAL_MAX: usize = 200;

/// What one record became.
#[derive(Debug, Clone, Default)]
pub struct Mapped {
    /// What was understood.
    pub drafts: Vec<Draft>,
    /// What was not, or only with a doubt.
    pub remarks: Vec<Remark>,
}

/// One thing that was noticed about a field.
#[derive(Clone, PartialEq, Eq)]
pub struct Remark {
    /// The provider's own path of the field, or its line.
    pub field: String,
    /// The rule that noticed it, as a stable word: `amount.not_decimal`.
    pub rule: &'static str,
    /// The value as it stood, cut to [`ORIGINAL_MAX`]; personal data, never logged.
    pub original: String,
    /// True when the record cannot be used without this field.
    pub fatal: bool,
}

impl Remark {
    /// A remark about a field that could be left out.
    pub fn new(field: impl Into<String>, rule: &'static str, original: &str) -> Self {
        let original = original.chars().take(ORIGINAL_MAX).collect();
        Self {
            field: field.into(),
            rule,
            original,
            fatal: false,
        }
    }

    /// A remark about a field without which the record is quarantined.
    pub fn fatal(field: impl Into<String>, rule: &'static str, original: &str) -> Self {
        Self {
            fatal: true,
            ..Self::new(field, rule, original)
        }
    }
}

impl std::fmt::Debug for Remark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Remark({} at {})", self.rule, self.field)
    }
}

/// One record as a provider's mapping understood it.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "drafts are short-lived and mostly transactions"
)]
pub enum Draft {
    /// An account.
    Account(AccountDraft),
    /// A balance.
    Balance(BalanceDraft),
    /// A transaction.
    Transaction(TransactionDraft),
    /// The head of a statement: account, balances and numbers of what follows.
    Statement(StatementDraft),
}

impl Draft {
    /// The resource that the draft belongs to.
    pub fn resource(&self) -> Resource {
        match self {
            Self::Account(_) => Resource::Accounts,
            Self::Balance(_) => Resource::Balances,
            Self::Transaction(_) => Resource::Transactions,
            Self::Statement(_) => Resource::Statement,
        }
    }
}

/// An identifier of an account or a party, in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identifier {
    /// What kind of identifier it is.
    pub scheme: IdentifierScheme,
    /// Normalised value: no spaces, upper case where the scheme ignores case.
    pub value: Secret,
}

/// An account as a provider states it.
#[derive(Debug, Clone)]
pub struct AccountDraft {
    /// The provider's id, which addresses the account in later requests.
    pub provider_account_id: String,
    /// The account's currency; none when the provider states `XXX` or nothing.
    pub currency: Option<Currency>,
    /// Kind of account.
    pub account_type: AccountType,
    /// The provider's own word for the kind.
    pub subtype: Option<String>,
    /// The name that the holder or the bank gave it.
    pub name: Option<String>,
    /// The bank's product.
    pub product_name: Option<String>,
    /// Holder's name as the bank states it.
    pub holder_name: Option<String>,
    /// Account numbers.
    pub identifiers: Vec<Identifier>,
    /// ISO 9362 code of the servicing institution.
    pub bic: Option<String>,
    /// The bank's status word when it is not plainly open.
    pub source_status: Option<String>,
    /// Usage as stated: true for business accounts.
    pub business: Option<bool>,
}

/// A balance as a provider states it.
#[derive(Debug, Clone)]
pub struct BalanceDraft {
    /// ISO 20022 type.
    pub balance_type: BalanceType,
    /// Signed amount from the account holder's view.
    pub amount: Money,
    /// The day of the balance.
    pub as_of_date: Option<Date>,
    /// The instant of the balance, when the provider states an offset.
    pub as_of: Option<Instant>,
    /// True when the credit line is part of the amount.
    pub credit_limit_included: Option<bool>,
    /// Reference of the last transaction that the balance includes.
    pub last_transaction_ref: Option<String>,
}

/// A reference that a provider gives to a transaction, with its declared stability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceDraft {
    /// What kind of reference it is.
    pub kind: ReferenceKind,
    /// The value as it stood.
    pub value: String,
    /// How far it can be trusted.
    pub stability: crate::v1::Stability,
}

/// The other side of a transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartyDraft {
    /// Name.
    pub name: Option<String>,
    /// Person, organisation or institution.
    pub party_type: PartyType,
    /// Account numbers and other identifiers.
    pub identifiers: Vec<Identifier>,
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
    /// Postal address in one line; personal, sealed when stored.
    pub address: Option<Secret>,
}

/// A transaction as a provider states it.
#[derive(Debug, Clone)]
pub struct TransactionDraft {
    /// Booking status.
    pub status: BookingStatus,
    /// Signed amount from the account holder's view.
    pub amount: Money,
    /// Direction as stated; agrees with the sign.
    pub direction: Direction,
    /// True when the provider marks it as a reversal of an earlier entry.
    pub reversal: bool,
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
    /// Amount in the original currency, signed like [`amount`](Self::amount).
    pub original_amount: Option<Money>,
    /// Exchange between the original currency and the account's.
    pub fx: Option<Fx>,
    /// Amount before charges in the account's currency, signed like [`amount`](Self::amount); as
    /// stated, never computed.
    pub gross_amount: Option<Money>,
    /// Charges, positive when they cost the holder something.
    pub fees: Vec<Money>,
    /// Balance after this entry, when the provider states it.
    pub running_balance: Option<Money>,
    /// Remittance information.
    pub remittance: Remittance,
    /// The bank's own additional text.
    pub additional_information: Option<String>,
    /// End-to-end id given by the payer; never `NOTPROVIDED`.
    pub end_to_end_id: Option<String>,
    /// Direct debit mandate.
    pub mandate_id: Option<String>,
    /// Direct debit creditor.
    pub creditor_id: Option<String>,
    /// Unique end-to-end transaction reference (ISO 20022, UUIDv4).
    pub uetr: Option<String>,
    /// Cheque number.
    pub check_number: Option<String>,
    /// ISO 20022 external purpose code.
    pub purpose_code: Option<String>,
    /// ISO 20022 category purpose code.
    pub category_purpose_code: Option<String>,
    /// Bank transaction code.
    pub bank_transaction_code: BankTransactionCode,
    /// The other side.
    pub counterparty: PartyDraft,
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
    /// Categories that the provider assigned.
    pub categories: Vec<Category>,
    /// What the provider marks the entry as.
    pub flags: Vec<TransactionFlag>,
    /// References, the provider's and the parties'.
    pub references: Vec<ReferenceDraft>,
    /// Allocations of a batch entry, in their order.
    pub details: Vec<DetailDraft>,
}

impl TransactionDraft {
    /// A booked transaction of an amount, with everything else unknown.
    pub fn booked(amount: Money) -> Self {
        Self {
            status: BookingStatus::Booked,
            direction: amount.direction(),
            amount,
            reversal: false,
            booking_date: None,
            value_date: None,
            transaction_date: None,
            booked_at: None,
            authorised_at: None,
            original_amount: None,
            fx: None,
            gross_amount: None,
            fees: Vec::new(),
            running_balance: None,
            remittance: Remittance::default(),
            additional_information: None,
            end_to_end_id: None,
            mandate_id: None,
            creditor_id: None,
            uetr: None,
            check_number: None,
            purpose_code: None,
            category_purpose_code: None,
            bank_transaction_code: BankTransactionCode::default(),
            counterparty: PartyDraft::default(),
            merchant_name: None,
            merchant_id: None,
            merchant_category_code: None,
            merchant_location: None,
            merchant_terminal: None,
            card_last4: None,
            categories: Vec::new(),
            flags: Vec::new(),
            references: Vec::new(),
            details: Vec::new(),
        }
    }
}

/// One allocation of a batch entry.
#[derive(Debug, Clone)]
pub struct DetailDraft {
    /// Position within the entry, from 0.
    pub ordinal: i32,
    /// Signed amount, when stated.
    pub amount: Option<Money>,
    /// End-to-end id given by the payer.
    pub end_to_end_id: Option<String>,
    /// Direct debit mandate.
    pub mandate_id: Option<String>,
    /// References.
    pub references: Vec<ReferenceDraft>,
    /// The other side.
    pub counterparty: PartyDraft,
    /// Remittance information.
    pub remittance: Remittance,
}

/// The head of a statement.
#[derive(Debug, Clone)]
pub struct StatementDraft {
    /// Position of the statement in its file, from 0.
    pub ordinal: i32,
    /// The statement's own id.
    pub statement_id: Option<String>,
    /// Electronic sequence number.
    pub sequence: Option<String>,
    /// Number of the page, when the statement is stated in several.
    pub page: Option<u32>,
    /// The account that the statement is about.
    pub account: AccountDraft,
    /// First day that the statement covers.
    pub from: Option<Date>,
    /// Last day that the statement covers.
    pub to: Option<Date>,
    /// Balances of the statement.
    pub balances: Vec<BalanceDraft>,
}
