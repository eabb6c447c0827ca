//! Settings that are never shown.

use fondaco_model::Secret;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What stands in the place of a secret that is set.
pub(crate) const HIDDEN: &str = "(set, not shown)";

/// A text that neither `Debug` nor the printed configuration shows.
#[derive(Debug, Clone)]
pub(crate) struct SecretText(pub(crate) Secret);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::new(text)))
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(HIDDEN)
    }
}
