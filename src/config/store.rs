//! `[store]`: the embedded database file, or a PostgreSQL server.

use std::path::{Path, PathBuf};

use fondaco_store::{PostgresConfig, SqliteConfig, StoreConfig};
use serde::{Deserialize, Serialize};

use super::secret::SecretText;
use super::{Problem, within};

/// Settings of the store.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Store {
    /// The embedded store's file.
    pub(crate) file: PathBuf,
    /// Its readers.
    pub(crate) readers: u32,
    /// A PostgreSQL server instead.
    pub(crate) postgres_url: Option<SecretText>,
    /// Who migrates it.
    pub(crate) postgres_owner_url: Option<SecretText>,
    /// Connections to it.
    pub(crate) connections: u32,
}

impl Store {
    pub(super) fn check(&self) -> Result<(), Problem> {
        within("store.readers", self.readers.into(), 1, 64)?;
        within("store.connections", self.connections.into(), 2, 1_000)?;
        let urls = [
            ("store.postgres_url", &self.postgres_url),
            ("store.postgres_owner_url", &self.postgres_owner_url),
        ];
        for (key, url) in urls {
            let plain = url.as_ref().map_or("postgres://", |url| url.0.expose());
            if !plain.starts_with("postgres://") && !plain.starts_with("postgresql://") {
                return Err(Problem::new(
                    key,
                    "must begin with postgres:// or postgresql://",
                ));
            }
        }
        Ok(())
    }

    /// True when the store is a file of this installation.
    pub(crate) fn is_embedded(&self) -> bool {
        self.postgres_url.is_none()
    }

    /// What the store opens.
    pub(crate) fn config(&self, data: &Path) -> StoreConfig {
        match &self.postgres_url {
            Some(url) => StoreConfig::Postgres(PostgresConfig {
                url: url.0.clone(),
                owner_url: self.postgres_owner_url.as_ref().map(|url| url.0.clone()),
                connections: self.connections,
            }),
            None => StoreConfig::Sqlite(SqliteConfig {
                path: data.join(&self.file),
                readers: self.readers,
            }),
        }
    }
}
