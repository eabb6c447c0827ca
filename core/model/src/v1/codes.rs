//! Coded words: closed lists, and open ones that keep a word they do not know.

/// A word that a closed list does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown code")]
pub struct UnknownCode;

/// A closed list of words with its text form in columns, JSON and GraphQL.
macro_rules! closed {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$item])* $variant,)+ }

        impl $name {
            /// All values, in their order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word that is stored and shown.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::v1::UnknownCode;
            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::v1::UnknownCode),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let word = <String as serde::Deserialize>::deserialize(d)?;
                word.parse().map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> { stringify!($name).into() }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "enum": [$($word),+] })
            }
        }
    };
}

/// A list of words from a standard that may grow: what it does not know it keeps as it stood.
macro_rules! open {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$item])* $variant,)+
            /// A word that this version does not know, kept as it stood.
            Other(String),
        }

        impl $name {
            /// The known words, in their order.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word that is stored and shown.
            pub fn as_str(&self) -> &str {
                match self { $(Self::$variant => $word,)+ Self::Other(word) => word }
            }

            /// Reads a word; total, because an unknown one is kept.
            pub fn from_word(word: &str) -> Self {
                match word { $($word => Self::$variant,)+ other => Self::Other(other.to_owned()) }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let word = <String as serde::Deserialize>::deserialize(d)?;
                Ok(Self::from_word(&word))
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> { stringify!($name).into() }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "description": "open list; known words are examples",
                    "examples": [$($word),+]
                })
            }
        }
    };
}

pub(crate) use {closed, open};

#[cfg(test)]
mod tests {
    use crate::v1::{BalanceType, BookingStatus, ConsentState};

    #[test]
    fn a_closed_list_reads_its_own_words_only() {
        for state in ConsentState::ALL {
            assert_eq!(state.as_str().parse(), Ok(*state));
        }
        assert!("active".parse::<ConsentState>().is_err());
    }

    #[test]
    fn an_open_list_keeps_what_it_does_not_know() {
        for word in BalanceType::WORDS {
            assert_eq!(BalanceType::from_word(word).as_str(), *word);
            assert!(!matches!(
                BalanceType::from_word(word),
                BalanceType::Other(_)
            ));
        }
        let odd = BookingStatus::from_word("authorised");
        assert_eq!(odd, BookingStatus::Other("authorised".to_owned()));
        assert_eq!(serde_json::to_string(&odd).unwrap(), "\"authorised\"");
    }
}
