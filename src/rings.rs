//! Master keys: read from where the configuration says, made for the embedded store.

use std::path::Path;

use fondaco_model::Effects;
use fondaco_store::StoreConfig;
use fondaco_vault::seal::{KeyRing, MasterKey, MasterKeyError, create_file};

use crate::config::Config;
use crate::config::keys::{RingName, Source, from_command, from_variable};
use crate::failure::{Exit, Failure, Outcome};

/// The two rings.
pub(crate) struct Rings {
    /// Data of people.
    pub(crate) data: KeyRing,
    /// Tokens and client secrets.
    pub(crate) token: KeyRing,
}

/// Reads the master keys. The embedded store's own are made together with its database file and
/// never later: a new key could not open what an old one sealed.
///
/// # Errors
/// Says which key is missing or malformed and how to name one; never what was read.
pub(crate) fn load(config: &Config, store: &StoreConfig, effects: &Effects) -> Outcome<Rings> {
    let fresh = match store {
        StoreConfig::Sqlite(file) => !file.path.exists(),
        StoreConfig::Postgres(_) => false,
    };
    let mut made = Vec::new();
    let mut ring = |name| load_ring(config, name, fresh.then_some(effects), &mut made);
    let rings = Rings {
        data: ring(RingName::Data)?,
        token: ring(RingName::Token)?,
    };
    if rings.data.current_kid() == rings.token.current_kid() {
        return Err(
            Failure::usage("the data ring and the token ring have the same master key")
                .hint("make another with `openssl rand -hex 32`"),
        );
    }
    if !made.is_empty() {
        tracing::warn!(
            file = made.join(", "),
            "New master keys were made; keep a copy apart from the database, because without them \
             nothing that they seal can be read again."
        );
    }
    Ok(rings)
}

fn load_ring(
    config: &Config,
    name: RingName,
    fresh: Option<&Effects>,
    made: &mut Vec<String>,
) -> Outcome<KeyRing> {
    let word = name.word();
    let source = config
        .keys
        .source(name, &config.data, config.store.is_embedded());
    let Some(source) = source else {
        return Err(
            Failure::usage(format!("no master key is named for the {word} ring")).hint(format!(
                "set keys.{word}_file, keys.{word}_variable or keys.{word}_command"
            )),
        );
    };
    let refused = |error: &MasterKeyError| Failure::usage(format!("the {word} ring: {error}"));
    let current = match source {
        Source::File(path) => MasterKey::from_file(&path).map_err(|error| refused(&error))?,
        Source::OwnFile(path) => {
            own(&path, fresh, made).map_err(|error| lost(&error, refused(&error)))?
        }
        Source::Variable(name) => from_text(from_variable(&name), word)?,
        Source::Command(words) => from_text(from_command(&words), word)?,
    };
    let older = config
        .keys
        .older(name)
        .iter()
        .map(|path| MasterKey::from_file(path));
    let older: Result<Vec<_>, _> = older.collect();
    let ring = older.and_then(|older| KeyRing::new(current, older));
    ring.map_err(|error| refused(&error))
}

fn from_text(text: Result<fondaco_model::Secret, String>, word: &str) -> Outcome<MasterKey> {
    let refused = |why: String| Failure::usage(format!("the {word} ring: {why}"));
    let text = text.map_err(refused)?;
    MasterKey::from_text(text.expose()).map_err(|error| refused(error.to_string()))
}

fn own(
    path: &Path,
    fresh: Option<&Effects>,
    made: &mut Vec<String>,
) -> Result<MasterKey, MasterKeyError> {
    match (MasterKey::from_file(path), fresh) {
        (Err(MasterKeyError::Missing(_)), Some(effects)) => {
            let key = match create_file(effects, path) {
                // Another process was first.
                Err(MasterKeyError::Exists(_)) => return MasterKey::from_file(path),
                made => made?,
            };
            made.push(path.display().to_string());
            Ok(key)
        }
        (read, _) => read,
    }
}

fn lost(error: &MasterKeyError, failure: Failure) -> Failure {
    match error {
        MasterKeyError::Missing(_) => Failure::new(
            Exit::Failed,
            "the database is here, but its master key is not",
        )
        .hint(format!(
            "{error}; put your copy of it back: a new one could not open the old data"
        )),
        _ => failure,
    }
}
