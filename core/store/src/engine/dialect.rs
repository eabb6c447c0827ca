//! The complete list of what differs between the two engines in a statement or in the schema.
//!
//! | Difference | SQLite | PostgreSQL | Where |
//! |---|---|---|---|
//! | taking a free row | nothing: one writer | `for update skip locked` | `skip_locked!` |
//! | writing many rows | multi-row values | `unnest` of arrays | [`super::bulk`] |
//! | one of a list of ids | `in (…)` | `= any(array)` | [`super::bulk`] |
//! | types of columns | `blob`, `integer`, strict | `uuid`, `bytea`, `bigint` … | [`ddl`] |
//! | the writer | `begin immediate`, one connection | the pool | `engine::sqlite` |
//! | the second wall of tenants | none | row-level security | `migrate::security` |
//! | the migration lock | the writer's lock | a locked row | `migrate` |
//!
//! Another line needs a decision record.

use super::Kind;
use super::statement::Statement;

/// Ends the inner select of a claim: skips rows that another worker holds.
macro_rules! skip_locked {
    (lite) => {
        ""
    };
    (pg) => {
        " for update skip locked"
    };
}

/// What a query body may ask of its engine.
pub(crate) trait Dialect: sqlx::Database {
    /// The statement's text for this engine.
    fn text(statement: &Statement) -> &'static str;
}

impl Dialect for sqlx::Sqlite {
    fn text(statement: &Statement) -> &'static str {
        statement.lite
    }
}

impl Dialect for sqlx::Postgres {
    fn text(statement: &Statement) -> &'static str {
        statement.pg
    }
}

/// Type tokens of the portable schema: token, SQLite, PostgreSQL.
const TOKENS: [(&str, &str, &str); 6] = [
    ("{id}", "blob", "uuid"),
    ("{bytes}", "blob", "bytea"),
    ("{bigint}", "integer", "bigint"),
    ("{smallint}", "integer", "smallint"),
    ("{bool}", "integer", "boolean"),
    ("{strict}", "strict", ""),
];

/// A portable schema text in the words of one engine.
pub(crate) fn ddl(text: &str, kind: Kind) -> String {
    TOKENS
        .iter()
        .fold(text.to_owned(), |text, (token, lite, pg)| match kind {
            Kind::Sqlite => text.replace(token, lite),
            Kind::Postgres => text.replace(token, pg),
        })
}
