//! Hash keys: made at first use, replaced one day, searched as long as their hashes stand.

use std::sync::Arc;
use std::time::Duration;

use fondaco_model::Instant;
use fondaco_model::ids::TenantId;
use fondaco_store::repo::hash_key::{self, HashKey as Row};
use fondaco_store::repo::ledger;
use fondaco_store::{StoreError, Tx, in_tx};
use serde_json::json;
use uuid::Uuid;

use super::{KEPT_FOR, KeyError, Keys};
use crate::ledger::Actor;
use crate::seal::{
    HASH_KEYS_MAX, HashKey, HashKeyId, HashKeyLabel, HashKeys, HashPurpose, SealError,
};

/// How long a new hash key is searched before it makes hashes: twice the time that a process keeps
/// the keys it knows. A process that did not know the key would look in vain for what it made.
pub const HASH_KEY_SETTLES: Duration = KEPT_FOR.saturating_mul(2);

/// The purposes whose keys are replaced together: what account numbers and names given by
/// providers are found by. The key of content stays, because a change of it would make every
/// stored record look changed; the others are compared for minutes only.
const REPLACED: [HashPurpose; 2] = [HashPurpose::Identifier, HashPurpose::ProviderRef];

/// A hash key that took over from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replaced {
    /// What the keys hash.
    pub purpose: HashPurpose,
    /// The key that is searched from now on, and makes hashes after [`HASH_KEY_SETTLES`].
    pub key: Uuid,
    /// The key that is only searched after that.
    pub retired: Uuid,
}

impl Keys {
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
        let mut rows = of_purpose(stored, purpose);
        if rows.is_empty() {
            rows.push(Box::pin(self.make_hash_key(tenant, purpose)).await?);
        }
        let writing = writing(&rows, self.inner.effects.now());
        let (mut current, mut older) = (None, Vec::new());
        for (at, row) in rows.iter().enumerate().rev() {
            let label = label(tenant, purpose, row.id);
            let key = HashKey::unwrap(label, &row.wrapped, &self.inner.data)?;
            if at == writing {
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

    /// Replaces the keys that a tenant's account numbers and provider references are hashed with.
    /// What they hashed is found as before, by each of the keys. A purpose that was never used has
    /// nothing to replace.
    ///
    /// # Errors
    /// [`KeyError::TooManyHashKeys`] when [`HASH_KEYS_MAX`] keys of a purpose stand beside hashes,
    /// [`KeyError::ChangedJustNow`] within [`HASH_KEY_SETTLES`] of the last change; nothing is
    /// written then.
    pub async fn replace_hash_keys(&self, tenant: TenantId) -> Result<Vec<Replaced>, KeyError> {
        let replaced = in_tx!(self.inner.db, tenant, |tx| {
            tx.lock_tenant().await?;
            let stored = hash_key::list(tx).await?;
            let mut replaced = Vec::new();
            for purpose in REPLACED {
                let rows = of_purpose(stored.clone(), purpose);
                let next = self.replace(tx, purpose, &rows).await?;
                replaced.extend(next);
            }
            Ok::<_, KeyError>(replaced)
        })?;
        for purpose in REPLACED {
            self.inner.hashes.invalidate(&(tenant, purpose));
        }
        Ok(replaced)
    }

    async fn replace(
        &self,
        tx: &mut Tx,
        purpose: HashPurpose,
        rows: &[Row],
    ) -> Result<Option<Replaced>, KeyError> {
        let Some(last) = rows.last() else {
            return Ok(None);
        };
        if rows.len() >= HASH_KEYS_MAX {
            return Err(KeyError::TooManyHashKeys);
        }
        if rows.len() > 1 && !has_settled(last, self.inner.effects.now()) {
            return Err(KeyError::ChangedJustNow);
        }
        let fresh = self.fresh_hash_key(tx.tenant(), purpose);
        hash_key::replace(tx, last.id, &fresh).await?;
        for (kind, key) in [
            ("hash_key.retired", last.id),
            ("hash_key.created", fresh.id),
        ] {
            let facts = json!({ "key": key, "purpose": purpose.as_str() });
            ledger::append(tx, &self.event(kind, Actor::Operator, &facts)).await?;
        }
        Ok(Some(Replaced {
            purpose,
            key: fresh.id,
            retired: last.id,
        }))
    }

    /// The purpose's first key; another process may have made it meanwhile.
    async fn make_hash_key(
        &self,
        tenant: TenantId,
        purpose: HashPurpose,
    ) -> Result<Row, StoreError> {
        let fresh = self.fresh_hash_key(tenant, purpose);
        let facts = json!({ "key": fresh.id, "purpose": purpose.as_str() });
        let event = self.event("hash_key.created", Actor::System, &facts);
        in_tx!(self.inner.db, tenant, |tx| {
            tx.lock_tenant().await?;
            let kept = hash_key::insert_or_get(tx, &fresh).await?;
            if kept.id == fresh.id {
                ledger::append(tx, &event).await?;
            }
            Ok::<_, StoreError>(kept)
        })
    }

    fn fresh_hash_key(&self, tenant: TenantId, purpose: HashPurpose) -> Row {
        let effects = &self.inner.effects;
        let id = effects.uuid();
        let key = HashKey::generate(effects, label(tenant, purpose, id));
        Row {
            id,
            purpose: purpose.as_str().to_owned(),
            wrapped: key.wrap(effects, &self.inner.data),
            created_at: effects.now(),
            retired_at: None,
        }
    }
}

fn label(tenant: TenantId, purpose: HashPurpose, id: Uuid) -> HashKeyLabel {
    HashKeyLabel {
        id: HashKeyId(id),
        tenant,
        purpose,
    }
}

/// The keys of a purpose, the oldest first.
fn of_purpose(mut rows: Vec<Row>, purpose: HashPurpose) -> Vec<Row> {
    rows.retain(|row| row.purpose == purpose.as_str());
    // The present key is the last, whatever the clock said when it was made.
    rows.sort_by_key(|row| (row.retired_at.is_none(), row.created_at));
    rows
}

fn has_settled(row: &Row, now: Instant) -> bool {
    let seconds = i64::try_from(HASH_KEY_SETTLES.as_secs()).unwrap_or(i64::MAX);
    now.seconds_since(row.created_at) >= seconds
}

/// Which of the keys makes hashes: the newest that every process knows, else the oldest.
fn writing(rows: &[Row], now: Instant) -> usize {
    let known = rows.iter().rposition(|row| has_settled(row, now));
    known.unwrap_or(0)
}
