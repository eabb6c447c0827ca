//! Builds concrete things from one another; takes no decision.
//!
//! The order is fixed: master keys before the store (a fresh store gets fresh keys), the store
//! before the keys that stand in it, the transport's stack before the vault that it borrows from.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use fondaco_api::connect::{self, ConnectConfig, PeerRates};
use fondaco_api::guard::limits::Limits;
use fondaco_api::guard::rate::MemoryBuckets;
use fondaco_api::http::router_with;
use fondaco_api::http::state::{ApiConfig, ApiState};
use fondaco_api::schema::{GraphQl, examples};
use fondaco_connectors::core::manifests;
use fondaco_model::provider::Manifest;
use fondaco_model::{Effects, Fault, Instant};
use fondaco_store::repo::institution;
use fondaco_store::{Db, OPERATOR, StoreConfig, in_tx, migrate};
use fondaco_sync::budget::StoredBudgets;
use fondaco_sync::import::Importer;
use fondaco_sync::worker::Worker;
use fondaco_transport::guard::{Names, SystemNames};
use fondaco_transport::layers::client::{Client, Settings};
use fondaco_transport::{Stack, TokioSleeper, Transport, layers};
use fondaco_vault::{Catalogue, Families, Keys, Lender, Vault, VaultParts};
use url::Url;

use crate::cli::Cx;
use crate::config::Config;
use crate::failure::{Exit, Failure, Outcome};
use crate::{catalogue, folder, rings};

/// An installation that is open: the store, its keys, and the institutions.
pub(crate) struct House {
    db: Db,
    keys: Keys,
    manifests: Vec<Manifest>,
}

/// What drives consents and calls of an installation.
pub(crate) struct Engine {
    /// The vault.
    pub(crate) vault: Vault,
    transport: Arc<dyn Transport>,
    /// Where browsers reach the installation.
    pub(crate) public_url: Url,
}

impl Engine {
    /// What imports statement files.
    pub(crate) fn importer(&self, config: &Config) -> Importer {
        Importer::new(self.vault.clone(), config.import.max_bytes)
    }

    /// What does background work.
    pub(crate) fn worker(&self, config: &Config) -> Worker {
        let settings = config.sync.worker(config.server.stop_time());
        let (vault, transport) = (self.vault.clone(), self.transport.clone());
        Worker::new(vault, transport, self.importer(config), settings)
    }

    /// All routes: the API, the explorer, consent pages, callbacks and uploads.
    ///
    /// # Errors
    /// When the schema's costs cannot be read; a defect of this build.
    pub(crate) fn routes(&self, cx: &Cx, sandbox: bool) -> Outcome<Router> {
        let (config, effects) = (cx.config(), cx.effects.clone());
        let costs = GraphQl::costs().map_err(|error| Failure::failed(error.to_string()))?;
        let state = ApiState::new(ApiConfig {
            engine: Arc::new(GraphQl::new(self.vault.clone())),
            costs,
            buckets: Arc::new(MemoryBuckets::new(&config.api.buckets())),
            limits: Limits::default(),
            introspection: config.api.introspection(sandbox),
            explorer: config.api.explorer.is_on().then(examples),
            new_id: Arc::new(move || effects.uuid()),
            execution_max: config.api.execution_time(),
        });
        let pages = connect::router(ConnectConfig {
            vault: self.vault.clone(),
            public_url: self.public_url.clone(),
            import_bytes_max: config.import.max_bytes,
            statement_family: fondaco_sync::import::FAMILY,
            rates: PeerRates::default(),
            pause: connect::real_time(),
        });
        Ok(router_with(state, pages))
    }
}

impl House {
    /// Opens the installation that the configuration names. The embedded store is made and
    /// migrated when it has to be; PostgreSQL must have been migrated.
    ///
    /// # Errors
    /// A missing key, a store that does not answer, a schema of another build.
    pub(crate) async fn open(cx: &Cx) -> Outcome<Self> {
        let config = cx.config();
        let manifests = catalogue::load(config)?;
        let store = config.store.config(&config.data);
        if config.store.is_embedded() {
            folder::make(&config.data)?;
        }
        let rings = rings::load(config, &store, &cx.effects)?;
        let db = open_store(&store, cx.effects.now()).await?;
        let (data, token) = (Arc::new(rings.data), Arc::new(rings.token));
        let keys = Keys::new(db.clone(), cx.effects.clone(), data, Some(token));
        Ok(Self {
            db,
            keys,
            manifests,
        })
    }

    /// The store.
    pub(crate) fn db(&self) -> &Db {
        &self.db
    }

    /// Moves the sandboxes' entries to the origin of the bank that runs.
    ///
    /// # Errors
    /// When the origin is no http address.
    pub(crate) fn move_sandboxes(&mut self, origin: &Url) -> Outcome<()> {
        for manifest in self
            .manifests
            .iter_mut()
            .filter(|manifest| manifest.sandbox)
        {
            let moved = manifests::with_origin(manifest, origin);
            *manifest = moved.map_err(|error| Failure::failed(error.to_string()))?;
        }
        Ok(())
    }

    /// A vault at the address that the configuration states.
    ///
    /// # Errors
    /// As [`engine`](Self::engine).
    pub(crate) fn vault(&self, cx: &Cx) -> Outcome<Vault> {
        Ok(self.engine(cx, cx.config().server.listen)?.vault)
    }

    /// A vault and its transport, whose pages are reached where `listening` says unless the
    /// configuration states another address.
    ///
    /// # Errors
    /// When the system has no usable root certificates.
    pub(crate) fn engine(&self, cx: &Cx, listening: SocketAddr) -> Outcome<Engine> {
        let origin = cx.config().server.origin(listening);
        let public_url =
            Url::parse(&origin).map_err(|_| Failure::usage(format!("{origin} is no address")))?;
        let catalogue = Arc::new(Catalogue::new(self.manifests.iter().cloned()));
        let lender = Lender::new();
        let transport = transport(cx.config(), &cx.effects, &self.db, (&catalogue, &lender))?;
        let vault = Vault::new(VaultParts {
            db: self.db.clone(),
            effects: cx.effects.clone(),
            keys: self.keys.clone(),
            transport: transport.clone(),
            sleeper: Arc::new(TokioSleeper),
            catalogue,
            public_url: public_url.clone(),
            lender,
        });
        Ok(Engine {
            vault,
            transport,
            public_url,
        })
    }

    /// Brings the store's table of institutions to what the entries say.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn publish_institutions(&self, vault: &Vault, now: Instant) -> Outcome<()> {
        let rows = vault.catalogue().institutions();
        in_tx!(self.db, OPERATOR, |tx| institution::sync(tx, &rows, now)
            .await)?;
        Ok(())
    }
}

/// Opens the store, migrated.
async fn open_store(store: &StoreConfig, now: Instant) -> Outcome<Db> {
    match store {
        StoreConfig::Sqlite(_) => {
            migrate::migrate(store, now).await?;
            Ok(Db::open(store).await?)
        }
        StoreConfig::Postgres(_) => {
            let db = Db::open(store).await?;
            let pending = migrate::pending(&db).await?;
            if pending.is_empty() {
                return Ok(db);
            }
            let text = format!("{} migrations are missing", pending.len());
            Err(Failure::new(Exit::Unavailable, text).hint("run `fondaco migrate`"))
        }
    }
}

/// The stack of outbound calls. The order is ARCHITECTURE.md's, and `Stack` refuses another.
fn transport(
    config: &Config,
    effects: &Effects,
    db: &Db,
    (catalogue, lender): (&Arc<Catalogue>, &Lender),
) -> Outcome<Arc<dyn Transport>> {
    let settings = &config.transport;
    let seconds = Duration::from_secs;
    let collected = seconds(settings.attempt_seconds);
    let spooled = seconds(settings.spooled_seconds);
    let connect = Settings {
        connect: seconds(settings.connect_seconds),
        ..Settings::default()
    };
    let (fx, sleeper) = (|| effects.clone(), Arc::new(TokioSleeper));
    let budgets = Arc::new(StoredBudgets::new(db.clone(), effects.clone()));
    let families = Arc::new(Families::new(catalogue.clone(), effects.clone()));
    let lend = Arc::new(lender.clone());
    let names: Arc<dyn Names> = Arc::new(SystemNames);
    let record = settings.record_folder.clone();
    let stack = Stack::new()
        // layers
        .layer(layers::trace::Trace)
        .layer(layers::deadline::Deadline::new(fx()))
        .layer(layers::retry::Retry::new(fx(), sleeper.clone()))
        .layer(layers::breaker::Breaker::new(fx()))
        .layer(layers::limit::Limit::new(fx(), sleeper, budgets))
        .layer(layers::authorize::Authorize::new(lend.clone(), lend))
        .layer(layers::sign::Sign::new(fx(), None))
        .layer(layers::timeout::Timeout { collected, spooled })
        .layer(layers::classify::Classify::new(fx(), families))
        .layer(layers::record::Record::new(record))
        .over(client(layers::client::Client::new(connect, &names))?);
    // /layers
    stack.map_err(|error| Failure::failed(error.to_string()))
}

fn client(built: Result<Client, Fault>) -> Outcome<Arc<dyn Transport>> {
    let client = built.map_err(|fault| {
        Failure::from(fault).hint("are root certificates installed (package ca-certificates)?")
    })?;
    Ok(Arc::new(client))
}
