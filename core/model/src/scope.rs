//! What a key, a frontend token and a consent may cover.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$item])* $variant,)* }

        impl $name {
            /// All values, in their order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word that is stored and shown.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownScope;
            fn from_str(word: &str) -> Result<Self, UnknownScope> {
                match word { $($word => Ok(Self::$variant),)* _ => Err(UnknownScope) }
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> { stringify!($name).into() }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "enum": [$($word),*] })
            }
        }
    };
}

/// A word that names no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown scope")]
pub struct UnknownScope;

words! {
    /// What an API key or a frontend token may do.
    KeyScope {
        /// Read links, consents, accounts and balances.
        AccountsRead = "accounts:read",
        /// Read transactions.
        TransactionsRead = "transactions:read",
        /// See account identifiers in clear.
        IdentifiersRead = "identifiers:read",
        /// Start, renew, refresh and disconnect links.
        LinkWrite = "link:write",
        /// Upload and import statements.
        ImportWrite = "import:write",
        /// See raw answers.
        RawRead = "raw:read",
        /// Introspect the schema and open the explorer.
        SchemaRead = "schema:read",
    }
}

words! {
    /// What a person agrees to share. Source: banking model, consent scopes.
    ConsentScope {
        /// The list of accounts with their names and identifiers.
        Accounts = "ACCOUNTS",
        /// Balances of the accounts.
        Balances = "BALANCES",
        /// Transactions of the accounts.
        Transactions = "TRANSACTIONS",
    }
}

/// Writes scopes as one space-separated text, the form that columns hold.
pub fn join<T: fmt::Display>(scopes: &[T]) -> String {
    scopes
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Reads scopes from the space-separated text of a column.
///
/// # Errors
/// [`UnknownScope`] when a word names none.
pub fn split<T: FromStr<Err = UnknownScope>>(text: &str) -> Result<Vec<T>, UnknownScope> {
    text.split_ascii_whitespace().map(str::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_survive_their_column_and_unknown_words_are_refused() {
        let text = join(KeyScope::ALL);
        assert_eq!(split::<KeyScope>(&text).unwrap(), KeyScope::ALL);
        assert_eq!(split::<KeyScope>("accounts:read admin"), Err(UnknownScope));
        assert_eq!(split::<ConsentScope>(""), Ok(Vec::new()));
    }
}
