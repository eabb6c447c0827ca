//! The institutions of an installation: their manifests by id, with the family that speaks to each.

use std::collections::BTreeMap;
use std::sync::Arc;

use fondaco_connectors::core::{Connector, ConsentFlow};
use fondaco_connectors::registry;
use fondaco_model::provider::Manifest;
use fondaco_model::v1::Institution;

/// Manifests by id. Built once at start; sandboxes are moved to their origin before.
#[derive(Debug, Default)]
pub struct Catalogue {
    manifests: BTreeMap<String, Arc<Manifest>>,
}

impl Catalogue {
    /// A catalogue of loaded entries; of two with one id the later counts.
    pub fn new(manifests: impl IntoIterator<Item = Manifest>) -> Self {
        let by_id = |manifest: Manifest| (manifest.id.clone(), Arc::new(manifest));
        Self {
            manifests: manifests.into_iter().map(by_id).collect(),
        }
    }

    /// The entry of an institution.
    pub fn manifest(&self, id: &str) -> Option<Arc<Manifest>> {
        self.manifests.get(id).cloned()
    }

    /// The family of a name.
    pub fn connector(&self, family: &str) -> Option<&'static dyn Connector> {
        registry::find(family)
    }

    /// All entries, by id.
    pub fn manifests(&self) -> impl Iterator<Item = &Arc<Manifest>> {
        self.manifests.values()
    }

    /// The flow of an institution's family; none where nobody has to authorise anything.
    pub fn flow(&self, manifest: &Manifest) -> Option<&'static dyn ConsentFlow> {
        self.connector(&manifest.family)?.consent()
    }

    /// The rows of the store's table of institutions, each with whether it can be connected.
    pub fn institutions(&self) -> Vec<(Institution, bool)> {
        let row = |manifest: &Arc<Manifest>| {
            let history = manifest.resources.transactions.as_ref();
            let days = |days: u32| i32::try_from(days).unwrap_or(i32::MAX);
            let institution = Institution {
                id: manifest.id.clone(),
                name: manifest.name.clone(),
                countries: manifest.countries.clone(),
                bic: manifest.bic.clone(),
                family: manifest.family.clone(),
                sandbox: manifest.sandbox,
                consent_days_max: days(manifest.limits.consent_days_max),
                history_days: history.and_then(|entry| entry.history_days).map(days),
            };
            (institution, self.flow(manifest).is_some())
        };
        self.manifests.values().map(row).collect()
    }
}
