//! Answers as an institution's own family reads them, for the transport's layer that judges them.

use std::sync::Arc;

use fondaco_connectors::core::Cx;
use fondaco_model::exchange::Response;
use fondaco_model::{Effects, Fault};
use fondaco_transport::Call;
use fondaco_transport::layers::classify::Classifier;

use crate::Catalogue;

/// A family's own reading of an answer, before the shared table.
pub struct Families {
    catalogue: Arc<Catalogue>,
    effects: Effects,
}

impl Families {
    /// The families of a catalogue.
    pub fn new(catalogue: Arc<Catalogue>, effects: Effects) -> Self {
        Self { catalogue, effects }
    }
}

impl Classifier for Families {
    fn classify(&self, call: &Call<'_>, response: &Response) -> Option<Fault> {
        let manifest = self.catalogue.manifest(&call.target.institution)?;
        let connector = self.catalogue.connector(&manifest.family)?;
        connector.fault(&Cx::new(&manifest, self.effects.now()), response)
    }
}
