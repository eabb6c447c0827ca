//! Reading a row by the names of its columns, into the model's types.

use std::str::FromStr;

use fondaco_model::scope::{self, UnknownScope};
use fondaco_model::{Date, Instant};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Database, Decode, Postgres, Row, Sqlite, Type};

use crate::error::{Result, StoreError};

/// A type that a row can be read into. Implemented for both engines by `record!`.
pub(crate) trait FromRecord<R>: Sized {
    fn read(row: &R) -> Result<Self>;
}

/// Columns of a row by name.
pub(crate) trait Columns {
    /// The engine of the row.
    type Engine: Database;

    /// A value of a type that both drivers know; `Option` where the column may be null.
    fn col<'r, T>(&'r self, column: &'static str) -> Result<T>
    where
        T: Decode<'r, Self::Engine> + Type<Self::Engine>;

    /// Microseconds since the epoch.
    fn instant(&self, column: &'static str) -> Result<Instant>;

    /// Microseconds since the epoch, or null.
    fn instant_opt(&self, column: &'static str) -> Result<Option<Instant>>;

    /// A calendar day as ISO text, or null.
    fn date_opt(&self, column: &'static str) -> Result<Option<Date>> {
        self.code_opt(column)
    }

    /// A word of a closed list.
    fn code<T: FromStr>(&self, column: &'static str) -> Result<T>;

    /// A word of a closed list, or null.
    fn code_opt<T: FromStr>(&self, column: &'static str) -> Result<Option<T>>;

    /// A digest of 32 bytes.
    fn digest(&self, column: &'static str) -> Result<[u8; 32]>;

    /// A digest of 32 bytes, or null.
    fn digest_opt(&self, column: &'static str) -> Result<Option<[u8; 32]>>;

    /// Scopes, separated by spaces.
    fn scopes<T: FromStr<Err = UnknownScope>>(&self, column: &'static str) -> Result<Vec<T>>;
}

macro_rules! columns {
    ($($row:ty, $engine:ty;)*) => {$(
        impl Columns for $row {
            type Engine = $engine;

            fn col<'r, T>(&'r self, column: &'static str) -> Result<T>
            where
                T: Decode<'r, $engine> + Type<$engine>,
            {
                self.try_get(column).map_err(|_| StoreError::Inconsistent { column })
            }

            fn instant(&self, column: &'static str) -> Result<Instant> {
                self.col(column).map(Instant::from_micros)
            }

            fn instant_opt(&self, column: &'static str) -> Result<Option<Instant>> {
                Ok(self.col::<Option<i64>>(column)?.map(Instant::from_micros))
            }

            fn code<T: FromStr>(&self, column: &'static str) -> Result<T> {
                let word: &str = self.col(column)?;
                word.parse().map_err(|_| StoreError::Inconsistent { column })
            }

            fn code_opt<T: FromStr>(&self, column: &'static str) -> Result<Option<T>> {
                self.col::<Option<&str>>(column)?
                    .map(|word| word.parse().map_err(|_| StoreError::Inconsistent { column }))
                    .transpose()
            }

            fn digest(&self, column: &'static str) -> Result<[u8; 32]> {
                let bytes: &[u8] = self.col(column)?;
                bytes.try_into().map_err(|_| StoreError::Inconsistent { column })
            }

            fn digest_opt(&self, column: &'static str) -> Result<Option<[u8; 32]>> {
                self.col::<Option<&[u8]>>(column)?
                    .map(|bytes| {
                        bytes.try_into().map_err(|_| StoreError::Inconsistent { column })
                    })
                    .transpose()
            }

            fn scopes<T: FromStr<Err = UnknownScope>>(
                &self,
                column: &'static str,
            ) -> Result<Vec<T>> {
                scope::split(self.col(column)?).map_err(|_| StoreError::Inconsistent { column })
            }
        }

        impl FromRecord<$row> for (i64,) {
            fn read(row: &$row) -> Result<Self> {
                Ok((row.try_get(0)?,))
            }
        }

        impl FromRecord<$row> for (String,) {
            fn read(row: &$row) -> Result<Self> {
                Ok((row.try_get(0)?,))
            }
        }
    )*};
}

columns! {
    SqliteRow, Sqlite;
    PgRow, Postgres;
}

/// Says how a type is read from a row, once for both engines: `record!(Type, |row| Type { … })`.
macro_rules! record {
    ($type:ty, |$row:ident| $body:expr) => {
        record!(@one ::sqlx::sqlite::SqliteRow, $type, $row, $body);
        record!(@one ::sqlx::postgres::PgRow, $type, $row, $body);
    };
    (@one $engine_row:ty, $type:ty, $row:ident, $body:expr) => {
        impl $crate::engine::row::FromRecord<$engine_row> for $type {
            fn read($row: &$engine_row) -> $crate::error::Result<Self> {
                use $crate::engine::row::Columns as _;
                Ok($body)
            }
        }
    };
}
