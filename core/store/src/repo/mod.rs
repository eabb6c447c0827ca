//! One file per aggregate: its statements as constants, and functions over model types.
//!
//! A function takes its tenant from the session, never as an argument. Look-ups that find the
//! tenant (a key, a token, a page, a callback's state, a job) are called with a session of
//! [`crate::OPERATOR`] and say so.

mod composed;
mod scope;
#[cfg(test)]
mod testing_ids;
#[cfg(test)]
mod testing_seed;

use fondaco_model::money::{Currency, Money};

use crate::engine::statement::Statement;
use crate::error::{Result, StoreError};

pub use scope::Scope;

/// Rows that one call of a list answers at most.
pub const ROWS_MAX: u32 = 1_000;

/// A SHA-256 digest, or a keyed hash of that length.
pub type Digest = [u8; 32];

/// A closed list of words as columns hold them.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$item])* $variant,)+ }

        impl $name {
            /// The word that is stored.
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
            type Err = fondaco_model::v1::UnknownCode;
            fn from_str(word: &str) -> std::result::Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(fondaco_model::v1::UnknownCode),
                }
            }
        }
    };
}

/// Declares the files and collects their statements, so that none can be forgotten.
macro_rules! repositories {
    ($($name:ident),+ $(,)?) => {
        $(pub mod $name;)+

        /// The statements of every repository, by file.
        pub(crate) const STATEMENTS: &[&[Statement]] = &[$($name::STATEMENTS),+];
    };
}

repositories! {
    access_budget,
    account,
    account_source,
    api_key,
    attempt,
    balance,
    change,
    consent,
    coverage,
    data_key,
    end_user,
    frontend_token,
    grant,
    hash_key,
    idempotency,
    institution,
    job,
    ledger,
    link,
    link_session,
    quarantine,
    raw,
    registration,
    run,
    staged,
    stream,
    tenant,
    transaction,
    upload,
}

/// A limit within what a list may answer, as the number that a statement takes. One row more than
/// the largest page is allowed: it tells whether another page follows.
fn page(limit: u32) -> i64 {
    i64::from(limit.clamp(1, ROWS_MAX + 1))
}

/// Money as three columns hold it.
pub(crate) fn money(minor: i64, scale: i16, code: &str, column: &'static str) -> Result<Money> {
    let broken = || StoreError::Inconsistent { column };
    let currency = Currency::from_code(code).map_err(|_| broken())?;
    let scale = u8::try_from(scale).map_err(|_| broken())?;
    Money::new(minor, scale, currency).map_err(|_| broken())
}

#[cfg(test)]
mod tests;
