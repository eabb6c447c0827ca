//! Repositories over SQLite and PostgreSQL.
//!
//! One SQL text serves both engines. [`Db`] is an enum of pools; a [`Session`] reads and a [`Tx`]
//! writes for one tenant; the functions of [`repo`] speak in the model's types. Errors carry no
//! statement and no value. The portable subset is written down in `docs/specs/sql.md`.

#[macro_use]
mod engine;
mod error;
pub mod fold;
pub mod migrate;
pub mod repo;
#[doc(hidden)]
pub mod testing;

pub use engine::{
    Db, Kind, OPERATOR, PostgresConfig, Retryable, Session, SqliteConfig, StoreConfig, Tries, Tx,
};
pub use error::{Result, StoreError};

pub use engine::statement::Statement;

/// Every SQL text that is a constant: what a test prepares on both engines, and what a proof may
/// ask plans of. Pages are composed by a closed grammar besides; see `repo::transaction`.
pub fn statements() -> impl Iterator<Item = &'static Statement> {
    let own = [
        engine::STATEMENTS,
        engine::TX_STATEMENTS,
        migrate::STATEMENTS,
    ];
    own.into_iter()
        .chain(repo::STATEMENTS.iter().copied())
        .flatten()
}
