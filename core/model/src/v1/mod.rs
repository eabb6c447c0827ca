//! Version 1 of the canonical schema: what is stored, exported and shown.
//!
//! Additive fields keep the version's minor number growing; an incompatible shape becomes `v2`.

mod account;
mod balance;
mod codes;
mod consent;
mod link;
mod parties;
mod purchase;
mod raw;
mod revision;
mod transaction;

pub use account::{
    Account, AccountIdentifier, AccountSource, AccountStatus, AccountType, IdentifierScheme,
};
pub use balance::{Balance, BalanceType};
pub use codes::UnknownCode;
pub use consent::{
    Consent, ConsentRevocation, ConsentState, RefusalReason, RevokedBy, TerminationReason,
};
pub use link::{Link, LinkHealth, LinkProgress};
pub use parties::{EndUser, Institution, Owner, Registration};
pub use purchase::{Category, FxRateType, IdentityConfidence, LIST_MAX, TransactionFlag};
pub use raw::{NullReason, RawAnswer, RemarkRecord};
pub use revision::{Revision, RevisionCause};
pub use transaction::{
    BankTransaction, BankTransactionCode, BookingStatus, DateRule, Fx, Lifecycle, Method, Party,
    PartyType, ReferenceKind, Remittance, Stability, Transaction, TransactionDetail,
    TransactionRef, TransactionStatus,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Every canonical type under one roof, for the JSON Schema document.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "record", rename_all = "camelCase")]
#[expect(clippy::large_enum_variant, reason = "only its schema is used")]
pub enum Canonical {
    /// An institution.
    Institution(Institution),
    /// An end user.
    EndUser(EndUser),
    /// A registration.
    Registration(Registration),
    /// A link.
    Link(Link),
    /// A consent.
    Consent(Consent),
    /// An account.
    Account(Account),
    /// An account source.
    AccountSource(AccountSource),
    /// A balance.
    Balance(Balance),
    /// A transaction.
    Transaction(Transaction),
    /// A raw answer.
    RawAnswer(RawAnswer),
    /// A revision.
    Revision(Revision),
    /// A remark.
    Remark(RemarkRecord),
}

/// The JSON Schema (2020-12) of the canonical types.
pub fn json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Canonical);
    schema.insert("$id".to_owned(), "urn:fondaco:canonical:v1".into());
    schema.insert(
        "title".to_owned(),
        "Fondaco canonical schema, version 1".into(),
    );
    schema.to_value()
}
