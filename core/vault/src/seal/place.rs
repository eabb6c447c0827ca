//! Where a sealed value stands: the associated data that binds it there.

use fondaco_model::ids::TenantId;
use uuid::Uuid;

use super::bytes::Canonical;

/// What sealed values are for, as words of the associated data. They never change once used.
pub mod purpose {
    /// A grant: access and refresh tokens as one versioned document.
    pub const GRANT: &str = "grant";
    /// A client secret or key of a registration.
    pub const CLIENT_SECRET: &str = "client-secret";
    /// PKCE verifier and nonce of an authorisation attempt.
    pub const ATTEMPT: &str = "attempt";
    /// What the bank calls a consent.
    pub const BANK_CONSENT: &str = "bank-consent";
    /// An authorization code between its arrival and its exchange.
    pub const CODE: &str = "code";
    /// An account number or another identifier of a person or account.
    pub const IDENTIFIER: &str = "identifier";
    /// The personal part of a ledger entry.
    pub const LEDGER_PERSONAL: &str = "ledger-personal";
    /// A chunk of a raw answer or an uploaded file.
    pub const RAW_CHUNK: &str = "raw-chunk";
}

/// Where a sealed value stands. A value that is moved elsewhere does not open.
///
/// It names no link: rows change their link when a consent supersedes another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// What the value is for; see [`purpose`].
    pub purpose: &'static str,
    /// Whose it is; none for what belongs to the operator of the installation.
    pub tenant: Option<TenantId>,
    /// Table.
    pub table: &'static str,
    /// Column.
    pub column: &'static str,
    /// Id of the row.
    pub row: Uuid,
    /// The value's version, so that an older value of the same row does not pass for the present
    /// one. A grant uses its generation.
    pub version: u64,
    /// Ordinal of a chunk, so that chunks cannot be reordered; 0 for a value in one piece.
    pub part: u32,
}

impl Place {
    /// The canonical bytes that a value is sealed together with.
    pub(super) fn associated_data(&self) -> Vec<u8> {
        Canonical::of("fondaco.place.v1")
            .field(self.purpose.as_bytes())
            .optional(self.tenant.as_ref().map(|tenant| &tenant.0.as_bytes()[..]))
            .field(self.table.as_bytes())
            .field(self.column.as_bytes())
            .field(self.row.as_bytes())
            .number(self.version)
            .number(self.part.into())
            .finish()
    }
}
