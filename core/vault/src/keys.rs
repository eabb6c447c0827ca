//! Keys of the store, unwrapped once and kept for a while: data keys by subject, hash keys by
//! purpose. What is done to a key is an entry of its tenant's ledger, in the same transaction.

mod hashes;

pub use hashes::{HASH_KEY_SETTLES, Replaced};

use std::sync::Arc;
use std::time::Duration;

use fondaco_model::Effects;
use fondaco_model::ids::{DataKeyId, LedgerEventId, TenantId};
use fondaco_store::repo::ledger::NewEvent;
use fondaco_store::repo::{data_key, ledger};
use fondaco_store::{Db, OPERATOR, Retryable, StoreError, in_tx};
use moka::sync::Cache;
use serde_json::{Value, json};

use crate::ledger::{Actor, Facts};
use crate::seal::{
    DataKey, DataKeyLabel, HASH_KEYS_MAX, HashKeys, HashPurpose, KeyRing, Ring, SealError, Subject,
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
    /// As many hash keys stand beside hashes as a look-up tries.
    #[error("no more than {HASH_KEYS_MAX} hash keys of one purpose can be searched")]
    TooManyHashKeys,
    /// The last change of the hash key has not reached every process yet.
    #[error(
        "hash keys were changed a moment ago; wait {} minutes",
        HASH_KEY_SETTLES.as_secs() / 60
    )]
    ChangedJustNow,
}

impl Retryable for KeyError {
    fn is_busy(&self) -> bool {
        match self {
            Self::Store(error) => error.is_busy(),
            Self::Seal(_)
            | Self::Destroyed
            | Self::RingNotHeld(_)
            | Self::TooManyHashKeys
            | Self::ChangedJustNow => false,
        }
    }
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
            Box::pin(self.keep(tenant, subject, &row)).await?
        };
        let key = self.open(tenant, &row)?;
        self.inner.by_subject.insert(place, Arc::clone(&key));
        Ok(key)
    }

    /// Keeps a fresh key unless another process was first; answers the one that is in use.
    async fn keep(
        &self,
        tenant: TenantId,
        subject: Subject,
        fresh: &data_key::DataKey,
    ) -> Result<data_key::DataKey, StoreError> {
        let (key, ring) = (fresh.id, fresh.ring.as_str());
        let facts = json!({ "key": key, "ring": ring, "subject": subject.as_str() });
        let event = about(
            self.event("data_key.created", Actor::System, &facts),
            subject,
        );
        in_tx!(self.inner.db, tenant, |tx| {
            tx.lock_tenant().await?;
            let kept = data_key::insert_or_get(tx, fresh).await?;
            if kept.id == fresh.id {
                ledger::append(tx, &event).await?;
            }
            Ok::<_, StoreError>(kept)
        })
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

    /// Destroys the keys of a subject in both rings, and with them what they sealed; answers how
    /// many there were. Another process may open with what it keeps for [`KEPT_FOR`].
    ///
    /// # Errors
    /// [`KeyError::Store`].
    pub async fn destroy(&self, tenant: TenantId, subject: Subject) -> Result<u64, KeyError> {
        let at = self.inner.effects.now();
        let stored = stored_subject(subject);
        let destroyed = in_tx!(self.inner.db, tenant, |tx| {
            tx.lock_tenant().await?;
            let destroyed = data_key::destroy(tx, stored, at).await?;
            if destroyed > 0 {
                let facts = json!({ "keys": destroyed, "subject": subject.as_str() });
                let event = self.event("data_key.destroyed", Actor::System, &facts);
                ledger::append(tx, &about(event, subject)).await?;
            }
            Ok::<_, StoreError>(destroyed)
        })?;
        for ring in Ring::ALL {
            let place = (tenant, *ring, subject.as_str(), subject.id());
            if let Some(key) = self.inner.by_subject.remove(&place) {
                self.inner.by_id.invalidate(&(tenant, key.label().id));
            }
        }
        Ok(destroyed)
    }

    /// A ledger entry about a key. It holds ids and words, never a key or what one sealed.
    fn event(&self, kind: &str, actor: Actor, facts: &Value) -> NewEvent {
        let facts = Facts::new(facts).expect("ids and words are canonical and short");
        NewEvent {
            id: LedgerEventId::new(&self.inner.effects),
            at: self.inner.effects.now(),
            kind: kind.to_owned(),
            actor: actor.as_str().to_owned(),
            end_user_id: None,
            link_id: None,
            consent_id: None,
            facts: facts.as_str().to_owned(),
            personal: None,
        }
    }
}

/// The entry with the person whom it concerns.
fn about(mut event: NewEvent, subject: Subject) -> NewEvent {
    event.end_user_id = match subject {
        Subject::EndUser(id) => Some(id),
        Subject::Tenant(_) | Subject::Operator => None,
    };
    event
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
mod tests;
