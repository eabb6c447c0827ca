//! Accounts: the shared row, a bank's row beside it, and the numbers that name them.

pub(crate) mod origin;
mod read;
#[cfg(test)]
mod tests;
mod write;

use fondaco_model::ids::{AccountId, DataKeyId, EndUserId, LinkId};
use fondaco_model::money::Currency;
use fondaco_model::provenance::Provenance;
use fondaco_model::time::Date;
use fondaco_model::v1::{
    Account, AccountIdentifier, AccountStatus, AccountType, DateRule, IdentifierScheme, Lifecycle,
};

use super::Digest;
use super::composed::hidden_debug;
use super::transaction::SealedIdentifier;

pub use read::{
    AccountQuery, BY_LINKS_MAX, HASHES_MAX, IDS_MAX, by_ids, by_link, by_links,
    find_by_identifiers, list,
};
pub use write::{relink, upsert};

pub(crate) use write::STATEMENTS;

/// Most account numbers of one account.
pub const IDENTIFIERS_MAX: usize = 16;

/// A bank's fields of an account as they are stored.
#[derive(Clone, PartialEq, Eq)]
pub struct BankAccountRow {
    /// Kind of account.
    pub account_type: AccountType,
    /// The source's own word for the kind.
    pub subtype: Option<String>,
    /// The bank's product.
    pub product_name: Option<String>,
    /// Holder's name as the bank states it.
    pub holder_name: Option<String>,
    /// ISO 9362 code of the servicing institution.
    pub bic: Option<String>,
    /// True for a business account, when stated.
    pub business: Option<bool>,
    /// The bank's status word when it is not plainly open.
    pub source_status: Option<String>,
}

/// An account as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountRow {
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
    /// The name that the holder or the bank gave it.
    pub name: Option<String>,
    /// Where it stands.
    pub status: AccountStatus,
    /// Whether it still counts.
    pub lifecycle: Lifecycle,
    /// The day that orders it.
    pub sort_date: Date,
    /// Which date that is.
    pub sort_date_rule: DateRule,
    /// The key that seals its parts and its numbers.
    pub data_key_id: DataKeyId,
    /// Position in the tenant's sequence when it was made.
    pub created_seq: i64,
    /// Position in the tenant's sequence when it last changed.
    pub changed_seq: i64,
    /// Where it comes from; none for an account that a caller made by hand.
    pub provenance: Option<Provenance>,
    /// Digest of what the source states, account numbers included.
    pub content_sha256: Digest,
    /// A bank's fields.
    pub bank: BankAccountRow,
    /// Account numbers in their order, at most [`IDENTIFIERS_MAX`].
    pub identifiers: Vec<SealedIdentifier>,
}

/// Accounts of a page in their order, and whether more follow in the direction of reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountPage {
    /// The accounts.
    pub rows: Vec<AccountRow>,
    /// True when more accounts follow in the direction of reading.
    pub more: bool,
}

/// A stored account that bears a number which was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentifierHit {
    /// The account.
    pub account_id: AccountId,
    /// Its currency, when known.
    pub currency: Option<Currency>,
    /// The link that reads it, when one does.
    pub link_id: Option<LinkId>,
    /// What kind of number was found.
    pub scheme: IdentifierScheme,
    /// Keyed hash of the number.
    pub hash: Digest,
}

hidden_debug!(BankAccountRow AccountRow);

impl AccountRow {
    /// The canonical record of the row.
    pub fn into_canonical(self) -> Account {
        let bank = self.bank;
        Account {
            id: self.id,
            end_user_id: self.end_user_id,
            link_id: self.link_id,
            institution_id: self.institution_id,
            currency: self.currency,
            account_type: bank.account_type,
            subtype: bank.subtype,
            status: self.status,
            name: self.name,
            product_name: bank.product_name,
            holder_name: bank.holder_name,
            bic: bank.bic,
            identifiers: self.identifiers.into_iter().map(masked).collect(),
            created_seq: self.created_seq,
            changed_seq: self.changed_seq,
            provenance: self.provenance,
        }
    }
}

fn masked(identifier: SealedIdentifier) -> AccountIdentifier {
    AccountIdentifier {
        scheme: identifier.scheme,
        masked: identifier.masked,
    }
}
