//! Keys of the store, unwrapped once and kept for a while: data keys by subject, hash keys by
//! purpose.

use std::sync::Arc;
use std::time::Duration;

use fondaco_model::Effects;
use fondaco_model::ids::{DataKeyId, TenantId};
use fondaco_store::repo::{data_key, hash_key};
use fondaco_store::{Db, OPERATOR, StoreError, in_tx};
use moka::sync::Cache;

use crate::seal::{
    DataKey, DataKeyLabel, HashKey, HashKeyId, HashKeyLabel, HashKeys, HashPurpose, KeyRing, Ring,
    SealError, Subject,
};

/// Most data keys that are kept unwrapped.
pub const DATA_KEYS_MAX: u64 = 10_000;

/// Most sets of hash keys that are kept unwrapped.
pub const HASH_KEYS_KEPT_MAX: u64 = 1_000;

/// How long a key is kept unwrapped; a key that another process destroys is gone here by then.
pub const KEPT_FOR: Duration = Duration::from_mins(5);

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key does not open with the master keys of this process.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The key was destroyed: what it sealed is gone.
    #[error("key was destroyed")]
    Destroyed,
    /// This process does not hold the ring.
    #[error("this process does not hold the {} ring", .0.as_str())]
    RingNotHeld(Ring),
}

/// The keys of an installation. Cheap to clone.
#[derive(Clone)]
pub struct Keys {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    effects: Effects,
    data: Arc<KeyRing>,
    token: Option<Arc<KeyRing>>,
    by_id: Cache<(TenantId, DataKeyId), Arc<DataKey>>,
    by_subject: Cache<(TenantId, Ring, &'static str, uuid::Uuid), Arc<DataKey>>,
    hashes: Cache<(TenantId, HashPurpose), Arc<HashKeys>>,
}

impl Keys {
    /// Keys that open with the master keys of the rings; a process that only reads data has no
    /// token ring.
    pub fn new(db: Db, effects: Effects, data: Arc<KeyRing>, token: Option<Arc<KeyRing>>) -> Self {
        let inner = Inner {
            db,
            effects,
            data,
            token,
            by_id: Cache::builder()
                .max_capacity(DATA_KEYS_MAX)
                .time_to_live(KEPT_FOR)
                .build(),
            by_subject: Cache::builder()
                .max_capacity(DATA_KEYS_MAX)
                .time_to_live(KEPT_FOR)
                .build(),
            hashes: Cache::builder()
                .max_capacity(HASH_KEYS_KEPT_MAX)
                .time_to_live(KEPT_FOR)
                .build(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    fn masters(&self, ring: Ring) -> Result<&Arc<KeyRing>, KeyError> {
        match ring {
            Ring::Data => Ok(&self.inner.data),
            Ring::Token => self.inner.token.as_ref().ok_or(KeyError::RingNotHeld(ring)),
        }
    }

    /// The key that seals a subject's data now; made at first use.
    ///
    /// It opens its own transaction: call it before the write transaction of a unit of work,
    /// because SQLite has one writer.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn of_subject(
        &self,
        tenant: TenantId,
        ring: Ring,
        subject: Subject,
    ) -> Result<Arc<DataKey>, KeyError> {
        let place = (tenant, ring, subject.as_str(), subject.id());
        if let Some(key) = self.inner.by_subject.get(&place) {
            return Ok(key);
        }
        let masters = Arc::clone(self.masters(ring)?);
        let stored_subject = stored_subject(subject);
        let stored_ring = stored_ring(ring);
        let mut session = self.inner.db.read(tenant).await?;
        let found = data_key::living(&mut session, stored_ring, stored_subject).await?;
        drop(session);
        let row = if let Some(row) = found {
            row
        } else {
            let id = DataKeyId::new(&self.inner.effects);
            let label = label(tenant, id, ring, subject);
            let fresh = DataKey::generate(&self.inner.effects, label);
            let row = data_key::DataKey {
                id,
                ring: stored_ring,
                subject: stored_subject,
                wrapped: Some(fresh.wrap(&self.inner.effects, &masters)),
                created_at: self.inner.effects.now(),
                destroyed_at: None,
            };
            in_tx!(self.inner.db, tenant, |tx| data_key::insert_or_get(
                tx, &row
            )
            .await)?
        };
        let key = self.open(tenant, &row)?;
        self.inner.by_subject.insert(place, Arc::clone(&key));
        Ok(key)
    }

    /// A data key by the id that stands in what it sealed.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn by_id(&self, tenant: TenantId, id: DataKeyId) -> Result<Arc<DataKey>, KeyError> {
        if let Some(key) = self.inner.by_id.get(&(tenant, id)) {
            return Ok(key);
        }
        let mut session = self.inner.db.read(tenant).await?;
        let row = data_key::get(&mut session, id)
            .await?
            .ok_or(StoreError::NotFound)?;
        drop(session);
        self.open(tenant, &row)
    }

    fn open(&self, tenant: TenantId, row: &data_key::DataKey) -> Result<Arc<DataKey>, KeyError> {
        let wrapped = row.wrapped.as_deref().ok_or(KeyError::Destroyed)?;
        let ring = match row.ring {
            data_key::Ring::Data => Ring::Data,
            data_key::Ring::Token => Ring::Token,
        };
        let kind = row.subject.kind.as_str();
        let subject = Subject::from_stored(kind, row.subject.id).ok_or(SealError::UnknownKey)?;
        let label = label(tenant, row.id, ring, subject);
        let key = Arc::new(DataKey::unwrap(label, wrapped, self.masters(ring)?)?);
        self.inner.by_id.insert((tenant, row.id), Arc::clone(&key));
        Ok(key)
    }

    /// The hash keys of a tenant and purpose; the first is made at first use.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn hashes(
        &self,
        tenant: TenantId,
        purpose: HashPurpose,
    ) -> Result<Arc<HashKeys>, KeyError> {
        if let Some(keys) = self.inner.hashes.get(&(tenant, purpose)) {
            return Ok(keys);
        }
        let mut session = self.inner.db.read(tenant).await?;
        let stored = hash_key::list(&mut session).await?;
        drop(session);
        let mut rows: Vec<_> = stored
            .into_iter()
            .filter(|row| row.purpose == purpose.as_str())
            .collect();
        if !rows.iter().any(|row| row.retired_at.is_none()) {
            rows.push(self.make_hash_key(tenant, purpose).await?);
        }
        let (mut current, mut older) = (None, Vec::new());
        for row in rows.iter().rev() {
            let label = HashKeyLabel {
                id: HashKeyId(row.id),
                tenant,
                purpose,
            };
            let key = HashKey::unwrap(label, &row.wrapped, &self.inner.data)?;
            if row.retired_at.is_none() && current.is_none() {
                current = Some(key);
            } else {
                older.push(key);
            }
        }
        let current = current.ok_or(SealError::UnknownKey)?;
        let keys = Arc::new(HashKeys::new(current, older)?);
        self.inner
            .hashes
            .insert((tenant, purpose), Arc::clone(&keys));
        Ok(keys)
    }

    async fn make_hash_key(
        &self,
        tenant: TenantId,
        purpose: HashPurpose,
    ) -> Result<hash_key::HashKey, KeyError> {
        let id = HashKeyId(self.inner.effects.uuid());
        let fresh = HashKey::generate(
            &self.inner.effects,
            HashKeyLabel {
                id,
                tenant,
                purpose,
            },
        );
        let row = hash_key::HashKey {
            id: id.0,
            purpose: purpose.as_str().to_owned(),
            wrapped: fresh.wrap(&self.inner.effects, &self.inner.data),
            created_at: self.inner.effects.now(),
            retired_at: None,
        };
        Ok(in_tx!(self.inner.db, tenant, |tx| {
            hash_key::insert_or_get(tx, &row).await
        })?)
    }

    /// Forgets what is kept of a tenant's subject, after its keys were destroyed or replaced.
    pub fn forget(&self, tenant: TenantId, subject: Subject) {
        for ring in Ring::ALL {
            let place = (tenant, *ring, subject.as_str(), subject.id());
            if let Some(key) = self.inner.by_subject.remove(&place) {
                self.inner.by_id.invalidate(&(tenant, key.label().id));
            }
        }
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

fn label(tenant: TenantId, id: DataKeyId, ring: Ring, subject: Subject) -> DataKeyLabel {
    let tenant = (tenant != OPERATOR).then_some(tenant);
    DataKeyLabel {
        id,
        tenant,
        ring,
        subject,
    }
}

fn stored_ring(ring: Ring) -> data_key::Ring {
    match ring {
        Ring::Data => data_key::Ring::Data,
        Ring::Token => data_key::Ring::Token,
    }
}

fn stored_subject(subject: Subject) -> data_key::Subject {
    let kind = match subject {
        Subject::EndUser(_) => data_key::SubjectKind::EndUser,
        Subject::Tenant(_) => data_key::SubjectKind::Tenant,
        Subject::Operator => data_key::SubjectKind::Operator,
    };
    data_key::Subject {
        kind,
        id: subject.id(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::{MasterKey, Place, open_text, seal_text};
    use fondaco_model::ids::EndUserId;

    fn keys(db: &Db, token: bool) -> Keys {
        let ring = |letter: &str| {
            let master = MasterKey::from_text(&format!("{}0", letter.repeat(63))).unwrap();
            Arc::new(KeyRing::new(master, Vec::new()).unwrap())
        };
        Keys::new(
            db.clone(),
            Effects::system(),
            ring("a"),
            token.then(|| ring("b")),
        )
    }

    #[tokio::test]
    async fn a_key_made_by_one_process_opens_in_another_and_not_without_its_ring() {
        for db in fondaco_store::testing::engines().await {
            let tenant = TenantId(uuid::Uuid::from_u128(1));
            let subject = Subject::EndUser(EndUserId(uuid::Uuid::from_u128(2)));
            let first = keys(&db, true);
            let key = first
                .of_subject(tenant, Ring::Token, subject)
                .await
                .unwrap();
            let place = Place {
                purpose: "test",
                tenant: Some(tenant),
                table: "t",
                column: "c",
                row: uuid::Uuid::nil(),
                version: 1,
                part: 0,
            };
            let sealed = seal_text(&Effects::system(), &key, &place, "token");
            let sealed = sealed.unwrap();
            let second = keys(&db, true);
            let again = second.by_id(tenant, key.label().id).await.unwrap();
            assert_eq!(
                open_text(&again, &place, &sealed).unwrap().expose(),
                "token"
            );
            let reader = keys(&db, false);
            let refused = reader.by_id(tenant, key.label().id).await.unwrap_err();
            assert!(
                matches!(refused, KeyError::RingNotHeld(Ring::Token)),
                "{}",
                db.name()
            );
        }
    }

    #[tokio::test]
    async fn equal_values_of_two_tenants_have_different_hashes_and_one_tenant_always_the_same() {
        for db in fondaco_store::testing::engines().await {
            let one = TenantId(uuid::Uuid::from_u128(1));
            let other = TenantId(uuid::Uuid::from_u128(2));
            let (first, second) = (keys(&db, false), keys(&db, false));
            let purpose = HashPurpose::Identifier;
            let hash = first.hashes(one, purpose).await.unwrap().hash("X");
            assert_eq!(second.hashes(one, purpose).await.unwrap().hash("X"), hash);
            assert_ne!(
                first.hashes(other, purpose).await.unwrap().hash("X").hash,
                hash.hash
            );
        }
    }
}
