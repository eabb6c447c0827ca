//! Manifests: reading entries, checking them with their family, moving them to another origin.

use std::collections::HashSet;

use fondaco_model::provider::{Manifest, ManifestError};
use url::Url;

use super::connector::Connector;

/// Most entries that are loaded.
pub const ENTRIES_MAX: usize = 20_000;

/// Reads entries given as file name and text, and checks each with its family. Ids are unique.
///
/// # Errors
/// [`ManifestError`] for an unknown key, family or quirk, a missing key, a doubled id, or more
/// than [`ENTRIES_MAX`] entries; it names the entry's file.
pub fn load<'a>(
    families: &[&dyn Connector],
    entries: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Vec<Manifest>, ManifestError> {
    let mut loaded: Vec<Manifest> = Vec::new();
    let mut ids = HashSet::new();
    for (entry, text) in entries {
        let fail = |problem: String| ManifestError {
            entry: entry.to_owned(),
            problem,
        };
        if loaded.len() >= ENTRIES_MAX {
            return Err(fail(format!("more than {ENTRIES_MAX} entries")));
        }
        let manifest = Manifest::parse(entry, text)?;
        check(families, &manifest).map_err(fail)?;
        if !ids.insert(manifest.id.clone()) {
            return Err(fail(format!("id: {} is there already", manifest.id)));
        }
        loaded.push(manifest);
    }
    Ok(loaded)
}

fn check(families: &[&dyn Connector], manifest: &Manifest) -> Result<(), String> {
    let family = families
        .iter()
        .find(|family| family.family() == manifest.family)
        .ok_or_else(|| format!("family: {} is not known", manifest.family))?;
    let revoke = manifest.auth.revoke_url.as_ref();
    if revoke.is_some_and(|url| url.scheme() != "https" && !manifest.sandbox) {
        return Err("auth.revoke_url: only sandboxes may be spoken to without TLS".to_owned());
    }
    family.check(manifest)
}

/// The same sandbox entry on another origin, for a sandbox that listens on another port: base
/// address, endpoints and issuer move, paths stay.
///
/// # Errors
/// [`ManifestError`] for an entry that is no sandbox, or an origin that is no http address.
pub fn with_origin(manifest: &Manifest, origin: &Url) -> Result<Manifest, ManifestError> {
    let fail = |problem: &str| ManifestError {
        entry: manifest.id.clone(),
        problem: problem.to_owned(),
    };
    if !manifest.sandbox {
        return Err(fail("only a sandbox may be moved to another origin"));
    }
    if !matches!(origin.scheme(), "http" | "https") || origin.host().is_none() {
        return Err(fail("an origin is an http or https address"));
    }
    let mut moved = manifest.clone();
    let auth = &mut moved.auth;
    let urls = [
        &mut moved.base_url,
        &mut auth.authorize_url,
        &mut auth.token_url,
        &mut auth.revoke_url,
    ];
    for url in urls.into_iter().flatten() {
        *url = on_origin(url, origin);
    }
    auth.issuer = auth.issuer.take().map(|issuer| match Url::parse(&issuer) {
        // An issuer is compared as text (RFC 9207): a bare origin has no slash at its end.
        Ok(url) => {
            let text = on_origin(&url, origin).to_string();
            let bare = !issuer.ends_with('/');
            let trimmed = text.strip_suffix('/').filter(|_| bare);
            trimmed.map_or(text.clone(), str::to_owned)
        }
        Err(_) => issuer,
    });
    Ok(moved)
}

fn on_origin(url: &Url, origin: &Url) -> Url {
    let mut moved = origin.clone();
    moved.set_path(url.path());
    moved.set_query(url.query());
    moved.set_fragment(None);
    moved
}
