//! The closed list of deviations that an entry may state.

use fondaco_model::provider::Manifest;
use fondaco_model::v1::Stability;

/// How a bank deviates from the common reading of the guidelines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Quirks {
    /// `booking_status = "both" | "booked"`: whether pending rows are asked for. Only `booked`
    /// has to be supported by a bank (parameter `bookingStatus` of the standard).
    pub(super) pending: bool,
    /// `consent_access = "account_lists" | "all_psd2"`: empty lists, so that the bank offers a
    /// choice, or the global consent `allPsd2`.
    pub(super) all_psd2: bool,
    /// `oauth_metadata = true`: the authorization endpoint comes from the `scaOAuth` link.
    pub(super) oauth_metadata: bool,
    /// `transaction_id = "immutable" | "observed" | "volatile"`.
    pub(super) transaction_id: Stability,
    /// `entry_reference = "immutable" | "observed" | "volatile"`.
    pub(super) entry_reference: Stability,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            pending: true,
            all_psd2: false,
            oauth_metadata: false,
            transaction_id: Stability::ObservedStable,
            entry_reference: Stability::ObservedStable,
        }
    }
}

impl Quirks {
    /// Reads an entry's quirks; an unknown one is refused by its name.
    pub(super) fn read(manifest: &Manifest) -> Result<Self, String> {
        let mut quirks = Self::default();
        for (name, value) in &manifest.quirks {
            match (name.as_str(), value.as_str(), value.as_bool()) {
                ("booking_status", Some("both"), _) => quirks.pending = true,
                ("booking_status", Some("booked"), _) => quirks.pending = false,
                ("consent_access", Some("account_lists"), _) => quirks.all_psd2 = false,
                ("consent_access", Some("all_psd2"), _) => quirks.all_psd2 = true,
                ("oauth_metadata", _, Some(on)) => quirks.oauth_metadata = on,
                ("transaction_id", Some(word), _) => {
                    quirks.transaction_id = stability(name, word)?;
                }
                ("entry_reference", Some(word), _) => {
                    quirks.entry_reference = stability(name, word)?;
                }
                _ => return Err(format!("quirks.{name}: unknown quirk or value {value}")),
            }
        }
        Ok(quirks)
    }
}

fn stability(name: &str, word: &str) -> Result<Stability, String> {
    match word {
        "immutable" => Ok(Stability::DeclaredImmutable),
        "observed" => Ok(Stability::ObservedStable),
        "volatile" => Ok(Stability::Volatile),
        _ => Err(format!("quirks.{name}: unknown value {word}")),
    }
}
