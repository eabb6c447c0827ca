//! What the schema is given: the store, the effects, and what only the vault can do.

use std::sync::Arc;
use std::time::Duration;

use fondaco_model::ids::{DataKeyId, TenantId};
use fondaco_model::v1::Institution;
use fondaco_model::{Effects, Secret};
use fondaco_store::Db;
use fondaco_vault::seal::HashKeys;
use futures_util::future::BoxFuture;
use moka::sync::Cache;
use uuid::Uuid;

/// Most institutions that are kept.
pub const INSTITUTIONS_KEPT_MAX: u64 = 10_000;

/// How long an institution's entry is kept; entries change with a release or a manifest.
pub const INSTITUTIONS_KEPT_FOR: Duration = Duration::from_secs(60);

/// An account number as it is stored, with where it stands.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SealedValue {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// Id of the row.
    pub row: Uuid,
    /// Position among the values of the row.
    pub part: u32,
    /// The key that seals it.
    pub data_key: DataKeyId,
    /// The value.
    pub sealed: String,
}

impl std::fmt::Debug for SealedValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedValue({}.{})", self.table, self.column)
    }
}

/// A key that cannot be had now; the cause stands in the log of whoever failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key cannot be had")]
pub struct KeyUnavailable;

/// Opens what the vault sealed, and lends the keys of cursors.
pub trait Opener: Send + Sync + 'static {
    /// Opens account numbers of one tenant, each at its place in the list; none for one whose key
    /// was destroyed with its person, or that does not open.
    ///
    /// # Errors
    /// [`KeyUnavailable`] when keys cannot be read.
    fn open_identifiers<'a>(
        &'a self,
        tenant: TenantId,
        values: &'a [SealedValue],
    ) -> BoxFuture<'a, Result<Vec<Option<Secret>>, KeyUnavailable>>;

    /// The keys that authenticate the cursors of one tenant.
    ///
    /// # Errors
    /// [`KeyUnavailable`] when keys cannot be read.
    fn cursor_keys(&self, tenant: TenantId)
    -> BoxFuture<'_, Result<Arc<HashKeys>, KeyUnavailable>>;
}

/// What the schema's resolvers work with. Cheap to clone.
#[derive(Clone)]
pub struct Deps {
    /// The store.
    pub db: Db,
    /// Clock and randomness.
    pub effects: Effects,
    /// What only the vault can do for reads.
    pub opener: Arc<dyn Opener>,
    /// Reference data.
    pub(crate) institutions: Cache<String, Arc<Institution>>,
}

impl Deps {
    /// Puts the parts together.
    pub fn new(db: Db, effects: Effects, opener: Arc<dyn Opener>) -> Self {
        let institutions = Cache::builder()
            .max_capacity(INSTITUTIONS_KEPT_MAX)
            .time_to_live(INSTITUTIONS_KEPT_FOR)
            .build();
        Self { db, effects, opener, institutions }
    }
}
