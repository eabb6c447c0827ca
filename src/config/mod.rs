//! Configuration: a file, then variables, then options; validated, with the place of each value.
//!
//! `default.toml` is the manual: the list of keys, their texts and their defaults. This folder is
//! the only place that reads the environment.

pub(crate) mod api;
pub(crate) mod environment;
pub(crate) mod keys;
mod layer;
mod manual;
mod print;
pub(crate) mod secret;
pub(crate) mod sections;
mod server;
mod store;
mod sync;
#[cfg(test)]
mod tests;
mod transport;

use std::path::{Path, PathBuf};

use figment::Figment;
use serde::{Deserialize, Serialize};

pub(crate) use layer::{ConfigError, Layer, Origin};
pub(crate) use print::{settings, to_text};

/// The configuration file that is read when none is named, if it is there.
const FILE: &str = "fondaco.toml";

/// All settings of a process.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The data folder.
    pub(crate) data: PathBuf,
    /// The server.
    pub(crate) server: server::Server,
    /// The store.
    pub(crate) store: store::Store,
    /// The master keys.
    pub(crate) keys: keys::Keys,
    /// The API.
    pub(crate) api: api::Api,
    /// Background work.
    pub(crate) sync: sync::Sync,
    /// Imports.
    pub(crate) import: sections::Import,
    /// Calls to institutions.
    pub(crate) transport: transport::Transport,
    /// Institutions.
    pub(crate) institutions: sections::Institutions,
    /// Logs.
    pub(crate) log: sections::Log,
    /// The simulated bank.
    pub(crate) sandbox: sections::Sandbox,
}

/// A value that is of the right kind and still cannot be used.
#[derive(Debug)]
pub(crate) struct Problem {
    key: String,
    why: String,
}

impl Problem {
    fn new(key: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            why: why.into(),
        }
    }
}

fn within(key: &str, value: u64, min: u64, max: u64) -> Result<(), Problem> {
    if (min..=max).contains(&value) {
        Ok(())
    } else {
        Err(Problem::new(key, format!("must be from {min} to {max}")))
    }
}

/// The configuration with the layers that it comes from.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The settings.
    pub(crate) config: Config,
    layers: Vec<Layer>,
}

impl Loaded {
    /// Where a key was set.
    pub(crate) fn origin(&self, path: &str) -> Origin {
        origin(&self.layers, path)
    }
}

/// Reads the configuration of this process: the named file, or the variable's, or `fondaco.toml`
/// where there is one; then variables; then `options`.
///
/// # Errors
/// The first setting that cannot be used.
pub(crate) fn load(file: Option<&Path>, options: Layer) -> Result<Loaded, ConfigError> {
    let found = || Some(PathBuf::from(FILE)).filter(|path| path.is_file());
    let file = file
        .map(Path::to_owned)
        .or_else(environment::file)
        .or_else(found);
    let variables = environment::settings().map_err(|name| ConfigError {
        key: None,
        origin: Origin::Variable { name },
        problem: "is no Unicode text".to_owned(),
    })?;
    load_from(file.as_deref(), &variables, options)
}

fn load_from(
    file: Option<&Path>,
    variables: &[(String, String)],
    options: Layer,
) -> Result<Loaded, ConfigError> {
    let mut layers = vec![Layer::defaults()];
    if let Some(file) = file {
        layers.push(Layer::file(file)?);
    }
    layers.push(Layer::variables(variables)?);
    layers.push(options);
    let merged = layers
        .iter()
        .fold(Figment::new(), |merged, layer| merged.merge(layer));
    let config: Config = merged.extract().map_err(|error| refused(&layers, &error))?;
    check(&config).map_err(|problem| ConfigError {
        origin: origin(&layers, &problem.key),
        key: Some(problem.key),
        problem: problem.why,
    })?;
    Ok(Loaded { config, layers })
}

fn origin(layers: &[Layer], path: &str) -> Origin {
    let last = layers.iter().rev().find_map(|layer| layer.origin(path));
    last.cloned().unwrap_or(Origin::Default)
}

fn refused(layers: &[Layer], error: &figment::Error) -> ConfigError {
    let key = error.path.join(".");
    let secret = manual::find(&key).is_none_or(|entry| entry.secret);
    let problem = if secret {
        "cannot be used".to_owned()
    } else {
        error.kind.to_string()
    };
    ConfigError {
        origin: origin(layers, &key),
        key: Some(key),
        problem,
    }
}

fn check(config: &Config) -> Result<(), Problem> {
    config.server.check()?;
    config.store.check()?;
    config.keys.check()?;
    config.api.check()?;
    config.sync.check()?;
    config.import.check()?;
    config.transport.check()?;
    config.institutions.check()
}
