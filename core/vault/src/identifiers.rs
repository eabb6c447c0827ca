//! Account numbers and addresses: sealed, masked and hashed for those who store them, opened for
//! those who may see them.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use fondaco_model::draft::Identifier;
use fondaco_model::ids::{DataKeyId, EndUserId, TenantId};
use fondaco_model::v1::IdentifierScheme;
use fondaco_model::{Effects, Secret};
use fondaco_store::repo::transaction::SealedIdentifier;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::Vault;
use crate::error::VaultError;
use crate::keys::KeyError;
use crate::seal::{
    DataKey, HashKeyId, HashKeys, HashPurpose, KeyedHash, Place, Ring, SealError, Subject,
    key_of_text, open_bytes, open_text, purpose, seal_bytes, seal_text,
};

/// Values that one call opens at most.
pub const OPEN_MAX: usize = 10_000;

/// Where a sealed value of a person stands in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    /// The row's id.
    pub row: Uuid,
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// Ordinal among several values of one row and column; 0 for one.
    pub part: u32,
}

impl Spot {
    /// The one value of a row's column.
    pub fn new(row: Uuid, table: &'static str, column: &'static str) -> Self {
        Self {
            row,
            table,
            column,
            part: 0,
        }
    }

    fn place(self, tenant: TenantId) -> Place {
        Place {
            purpose: purpose::IDENTIFIER,
            tenant: Some(tenant),
            table: self.table,
            column: self.column,
            row: self.row,
            version: 1,
            part: self.part,
        }
    }
}

/// Seals a person's identifiers. Made once per person, then without waiting.
#[derive(Clone)]
pub struct IdentifierSealer {
    tenant: TenantId,
    effects: Effects,
    key: Arc<DataKey>,
    hashes: Arc<HashKeys>,
}

impl std::fmt::Debug for IdentifierSealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IdentifierSealer({})", self.tenant)
    }
}

impl IdentifierSealer {
    /// The key that seals; stands beside what it sealed.
    pub fn data_key_id(&self) -> DataKeyId {
        self.key.label().id
    }

    /// An account number for its row: masked, sealed, hashed.
    ///
    /// # Errors
    /// [`SealError::TooLarge`] and [`SealError::KeyUsedUp`].
    pub fn seal(&self, spot: Spot, identifier: &Identifier) -> Result<SealedIdentifier, SealError> {
        let hash = self.hash(identifier);
        Ok(SealedIdentifier {
            scheme: identifier.scheme.clone(),
            masked: mask(&identifier.scheme, identifier.value.expose()),
            sealed: self.seal_text(spot, identifier.value.expose())?,
            hash: hash.hash,
            hash_key_id: hash.key.0,
        })
    }

    /// Another text of the person for its row, such as a postal address or a remark's original.
    ///
    /// # Errors
    /// [`SealError::TooLarge`] and [`SealError::KeyUsedUp`].
    pub fn seal_text(&self, spot: Spot, text: &str) -> Result<String, SealError> {
        seal_text(&self.effects, &self.key, &spot.place(self.tenant), text)
    }

    /// Bytes of this person for their row.
    ///
    /// # Errors
    /// [`SealError::TooLarge`] and [`SealError::KeyUsedUp`].
    pub fn seal_bytes(&self, spot: Spot, bytes: &[u8]) -> Result<Vec<u8>, SealError> {
        seal_bytes(&self.effects, &self.key, &spot.place(self.tenant), bytes)
    }

    /// Opens what [`seal_bytes`](Self::seal_bytes) made with this person's present key.
    ///
    /// # Errors
    /// As [`open_text`](Self::open_text).
    pub fn open_bytes(&self, spot: Spot, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        open_bytes(&self.key, &spot.place(self.tenant), sealed)
    }

    /// Opens what this person's present key sealed, without waiting.
    ///
    /// # Errors
    /// [`SealError::UnknownKey`] for what an older key sealed, and as [`open_text`].
    pub fn open_text(&self, spot: Spot, sealed: &str) -> Result<Secret, SealError> {
        open_text(&self.key, &spot.place(self.tenant), sealed)
    }

    /// The hash by which an account number is found.
    pub fn hash(&self, identifier: &Identifier) -> KeyedHash {
        self.hashes.hash(&normal(identifier))
    }

    /// The key of the hashes that [`hash`](Self::hash) makes.
    pub fn hash_key(&self) -> HashKeyId {
        self.hashes.writing()
    }

    /// The hashes under which an account number may stand; first the one that is written.
    pub fn candidates(&self, identifier: &Identifier) -> Vec<KeyedHash> {
        self.hashes.candidates(&normal(identifier))
    }
}

/// Equal values of two schemes are two identifiers.
fn normal(identifier: &Identifier) -> String {
    let value = identifier.value.expose();
    format!("{}:{value}", identifier.scheme.as_str())
}

/// What may be shown of an account number: the last four characters, an IBAN's country before
/// them; of a number of less than eight characters only the last two. Its length is not shown.
pub fn mask(scheme: &IdentifierScheme, value: &str) -> String {
    let count = value.chars().count();
    let shown = match count {
        0..=3 => 0,
        4..=7 => 2,
        _ => 4,
    };
    let tail: String = value.chars().skip(count - shown).collect();
    let country = match scheme {
        IdentifierScheme::Iban if count >= 8 => value.chars().take(2).collect(),
        _ => String::new(),
    };
    format!("{country}••••{tail}")
}

/// Turns digests of content into keyed ones, so that a stolen table does not confirm guesses.
#[derive(Debug, Clone)]
pub struct ContentKey(Arc<HashKeys>);

impl ContentKey {
    /// The keyed digest that is stored.
    pub fn apply(&self, digest: &[u8; 32]) -> [u8; 32] {
        self.0.hash(&BASE64URL.encode(digest)).hash
    }

    /// The keyed digest of an account number. Unlike the hash by which it is found it stays when
    /// that hash's key is replaced.
    pub fn of_identifier(&self, identifier: &Identifier) -> [u8; 32] {
        self.0.hash(&normal(identifier)).hash
    }
}

impl Vault {
    /// What seals the identifiers of one person.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn identifier_sealer(
        &self,
        tenant: TenantId,
        end_user: EndUserId,
    ) -> Result<IdentifierSealer, KeyError> {
        let keys = &self.inner.keys;
        let subject = Subject::EndUser(end_user);
        Ok(IdentifierSealer {
            tenant,
            effects: self.inner.effects.clone(),
            key: keys.of_subject(tenant, Ring::Data, subject).await?,
            hashes: keys.hashes(tenant, HashPurpose::Identifier).await?,
        })
    }

    /// Opens sealed values for who may see them, in the order in which they came; none for one
    /// whose person was erased.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] for more than [`OPEN_MAX`] values; any other failure is one of the
    /// key or of the value.
    pub async fn open_identifiers(
        &self,
        tenant: TenantId,
        values: &[(Spot, &str)],
    ) -> Result<Vec<Option<Secret>>, VaultError> {
        if values.len() > OPEN_MAX {
            return Err(VaultError::Invalid(
                "too many values are to be opened at once",
            ));
        }
        let mut opened = Vec::with_capacity(values.len());
        for (spot, sealed) in values {
            let key = match self.inner.keys.by_id(tenant, key_of_text(sealed)?).await {
                Err(KeyError::Destroyed) => {
                    opened.push(None);
                    continue;
                }
                found => found?,
            };
            opened.push(Some(open_text(&key, &spot.place(tenant), sealed)?));
        }
        Ok(opened)
    }

    /// What keys a tenant's digests of content.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn content_key(&self, tenant: TenantId) -> Result<ContentKey, KeyError> {
        Ok(ContentKey(
            self.inner.keys.hashes(tenant, HashPurpose::Content).await?,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_shows_country_and_last_four_and_never_the_length() {
        let iban = &IdentifierScheme::Iban;
        let bban = &IdentifierScheme::Bban;
        for (scheme, value, masked) in [
            (iban, "DE89370400440532013000", "DE••••3000"),
            (iban, "NO9386011117947", "NO••••7947"),
            (bban, "12345678", "••••5678"),
            (bban, "1234567", "••••67"),
            (bban, "1234", "••••34"),
            (bban, "123", "••••"),
            (bban, "", "••••"),
        ] {
            assert_eq!(mask(scheme, value), masked, "{value}");
        }
    }
}
