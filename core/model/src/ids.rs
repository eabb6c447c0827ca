//! Opaque ids, one type per entity, prefixed where a client sees them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// A text that is not an id of the expected type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this type")]
pub struct IdError;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The letters that a client sees before the id.
            pub const PREFIX: &'static str = $prefix;

            /// A new id, sortable by its time.
            pub fn new(effects: &crate::Effects) -> Self {
                Self(effects.uuid())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $prefix, self.0.simple())
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                parse($prefix, text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "pattern": concat!("^", $prefix, "_[0-9a-f]{32}$")
                })
            }
        }
    )*};
}

fn parse(prefix: &str, text: &str) -> Result<Uuid, IdError> {
    let hex = text
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .ok_or(IdError)?;
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if hex.len() != 32 || !hex.bytes().all(lower) {
        return Err(IdError);
    }
    Uuid::try_parse(hex).map_err(|_| IdError)
}

ids! {
    /// A customer of this installation: one frontend with its end users.
    TenantId "ten";
    /// A key of a tenant's server.
    ApiKeyId "key";
    /// A person who owns accounts, known by the tenant's own reference.
    EndUserId "usr";
    /// What a provider gave an operator or a tenant: client id, secret, environment.
    RegistrationId "reg";
    /// A connection: the lineage of consents of one end user, institution and login.
    LinkId "lnk";
    /// One attempt to establish or renew a link.
    LinkSessionId "lse";
    /// One consent at one institution.
    ConsentId "cns";
    /// One step of a consent's ledger.
    ConsentEventId "cev";
    /// One authorisation attempt of a consent.
    AttemptId "att";
    /// What a consent gave us: tokens, sealed.
    GrantId "grt";
    /// A logical account.
    AccountId "acc";
    /// Where an account's data comes from: one provider account under one link, or a file.
    AccountSourceId "src";
    /// A balance of an account source.
    BalanceId "bal";
    /// A transaction.
    TransactionId "txn";
    /// A detail of a transaction (one allocation of a batch entry).
    TransactionDetailId "tdt";
    /// A raw answer: one HTTP answer or one file as it was received.
    RawAnswerId "raw";
    /// One run of a stream's reading.
    SyncRunId "run";
    /// A record that could not be understood.
    QuarantineId "qua";
    /// Why two records are one.
    MatchEvidenceId "mev";
    /// A state that a record had.
    RevisionId "rev";
    /// A change of a tenant's data.
    ChangeEventId "chg";
    /// A unit of background work.
    JobId "job";
    /// A key that seals one subject's data.
    DataKeyId "dky";
    /// An uploaded file that waits for its import.
    UploadId "upl";
    /// One entry of a tenant's ledger of actions.
    LedgerEventId "led";
    /// A span of an account's history with a statement of completeness.
    CoverageId "cov";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_what_it_shows_and_nothing_else() {
        let id = TransactionId(Uuid::from_u128(7));
        let text = id.to_string();
        assert_eq!(text, "txn_00000000000000000000000000000007");
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(text.parse::<AccountId>(), Err(IdError));
        for wrong in ["", "txn_", "txn_7", "TXN_00000000000000000000000000000007"] {
            assert_eq!(wrong.parse::<TransactionId>(), Err(IdError), "{wrong}");
        }
        let upper = "txn_0000000000000000000000000000000A";
        assert_eq!(upper.parse::<TransactionId>(), Err(IdError));
    }
}
