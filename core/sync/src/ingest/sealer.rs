//! Seals and hashes what belongs to one end user; made once for a run, then used without waiting.

use std::sync::Arc;

use fondaco_model::draft::Identifier;
use fondaco_model::ids::{DataKeyId, EndUserId, SyncRunId, TenantId};
use fondaco_store::repo::transaction::SealedIdentifier;
use fondaco_vault::identifiers::{ContentKey, IdentifierSealer, Spot};
use fondaco_vault::seal::{HashKeys, HashPurpose, KeyedHash, SealError};
use fondaco_vault::{Vault, VaultError};
use uuid::Uuid;

/// What the key of content digests is derived from.
const CONTENT: [u8; 32] = *b"fondaco content of a record, 1  ";

/// Seals and hashes for one end user.
#[derive(Clone)]
pub struct Sealer {
    identifiers: IdentifierSealer,
    provider_refs: Arc<HashKeys>,
    content: ContentKey,
    content_key: [u8; 32],
}

impl Sealer {
    /// A sealer for one end user.
    ///
    /// # Errors
    /// [`VaultError::Key`].
    pub async fn new(
        vault: &Vault,
        tenant: TenantId,
        end_user: EndUserId,
    ) -> Result<Self, VaultError> {
        let content = vault.content_key(tenant).await?;
        Ok(Self {
            identifiers: vault.identifier_sealer(tenant, end_user).await?,
            provider_refs: vault
                .keys()
                .hashes(tenant, HashPurpose::ProviderRef)
                .await?,
            content_key: content.apply(&CONTENT),
            content,
        })
    }

    /// The key that seals; stands beside what it sealed.
    pub fn data_key_id(&self) -> DataKeyId {
        self.identifiers.data_key_id()
    }

    /// Key of the digests that recognise an unchanged record.
    pub fn content_key(&self) -> &[u8] {
        &self.content_key
    }

    /// An account number as it is stored.
    ///
    /// # Errors
    /// [`SealError::TooLarge`] and [`SealError::KeyUsedUp`].
    pub fn identifier(
        &self,
        spot: Spot,
        identifier: &Identifier,
    ) -> Result<SealedIdentifier, SealError> {
        self.identifiers.seal(spot, identifier)
    }

    /// The keyed hash of an account number as it is written now.
    pub fn hash(&self, identifier: &Identifier) -> [u8; 32] {
        self.identifiers.hash(identifier).hash
    }

    /// The key of the hashes that are written now; one of another key can be compared with none.
    pub fn hash_key(&self) -> Uuid {
        self.identifiers.hash_key().0
    }

    /// The keyed hashes that an account number is found by: one of each key that made some.
    pub fn hashes(&self, identifier: &Identifier) -> Vec<KeyedHash> {
        self.identifiers.candidates(identifier)
    }

    /// The digest of an account number for names of rows, which stay when a hash key is replaced.
    pub fn lasting(&self, identifier: &Identifier) -> [u8; 32] {
        self.content.of_identifier(identifier)
    }

    /// The keyed hash of a provider's own name of a thing as it is written now.
    pub fn provider_ref(&self, value: &str) -> KeyedHash {
        self.provider_refs.hash(value)
    }

    /// The keyed hashes that a provider's own name of a thing is found by.
    pub fn provider_refs(&self, value: &str) -> Vec<KeyedHash> {
        self.provider_refs.candidates(value)
    }

    /// A personal text, sealed.
    ///
    /// # Errors
    /// [`SealError::TooLarge`] and [`SealError::KeyUsedUp`].
    pub fn text(&self, spot: Spot, value: &str) -> Result<String, SealError> {
        self.identifiers.seal_text(spot, value)
    }

    /// A staged record of a run, sealed.
    ///
    /// # Errors
    /// [`SealError::TooLarge`] and [`SealError::KeyUsedUp`].
    pub fn staged(
        &self,
        run: SyncRunId,
        ordinal: i64,
        record: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        self.identifiers
            .seal_bytes(staged_spot(run, ordinal), record)
    }

    /// Opens what [`staged`](Self::staged) made.
    ///
    /// # Errors
    /// [`SealError`] when it is of another run or place.
    pub fn open_staged(
        &self,
        run: SyncRunId,
        ordinal: i64,
        sealed: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let opened = self
            .identifiers
            .open_bytes(staged_spot(run, ordinal), sealed)?;
        Ok(opened.to_vec())
    }
}

/// Ordinals above 32 bits do not occur: a file of 1 GiB holds fewer records than that.
fn staged_spot(run: SyncRunId, ordinal: i64) -> Spot {
    let part = u32::try_from(ordinal).unwrap_or(u32::MAX);
    Spot {
        part,
        ..spot(run.0, "staged_record", "sealed")
    }
}

/// Where a single value of a row stands.
pub(crate) fn spot(row: Uuid, table: &'static str, column: &'static str) -> Spot {
    Spot::new(row, table, column)
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}
