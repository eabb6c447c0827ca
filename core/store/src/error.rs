//! What can go wrong in the store: a small list, without SQL texts and without values.

use fondaco_model::{Fault, FaultKind};

/// Why the store could not do what was asked.
///
/// Neither `Display` nor `Debug` shows a statement, a bound value or the driver's own message,
/// because drivers quote values in theirs. What stays are codes and names of constraints.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The driver or the database failed.
    #[error("database failed: {class}, code {code}")]
    Driver {
        /// The kind of failure, as a fixed word.
        class: &'static str,
        /// SQLSTATE on PostgreSQL, the extended result code on SQLite, `-` without one.
        code: String,
    },
    /// The database was busy or had to break a tie; the same transaction may be tried again.
    #[error("database is busy")]
    Busy,
    /// A unique rule, a check or a reference refused the write.
    #[error("write refused by {constraint}")]
    Conflict {
        /// The constraint's name, or the columns that it covers.
        constraint: String,
    },
    /// A stored value does not have the form that its column promises.
    #[error("stored row contradicts its type in column {column}")]
    Inconsistent {
        /// The column.
        column: &'static str,
    },
    /// Another writer changed the row first: the expected state or generation is gone.
    #[error("row was changed by another writer")]
    LostUpdate,
    /// The row is not there, or belongs to another tenant.
    #[error("no such row")]
    NotFound,
    /// The schema is not the one that this build needs.
    #[error("schema: {0}")]
    Schema(String),
}

/// The result of a store function.
pub type Result<T> = std::result::Result<T, StoreError>;

impl StoreError {
    /// True when the same transaction may succeed if it is tried again.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Busy)
    }

    /// True when a unique rule, a check or a reference refused the write.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }

    fn driver(class: &'static str) -> Self {
        Self::Driver {
            class,
            code: "-".to_owned(),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => from_database(error.as_ref()),
            sqlx::Error::RowNotFound => Self::NotFound,
            sqlx::Error::PoolTimedOut => Self::driver("no connection became free in time"),
            sqlx::Error::PoolClosed => Self::driver("store is closed"),
            sqlx::Error::Io(_) => Self::driver("connection failed"),
            sqlx::Error::Tls(_) => Self::driver("TLS failed"),
            sqlx::Error::Configuration(_) => Self::driver("configuration is wrong"),
            sqlx::Error::ColumnNotFound(_) | sqlx::Error::ColumnDecode { .. } => {
                Self::driver("column is missing or has another type")
            }
            _ => Self::driver("driver error"),
        }
    }
}

/// Codes after which the same transaction may be tried again: serialization failure and deadlock
/// (PostgreSQL, appendix A), and every form of `SQLITE_BUSY` and `SQLITE_LOCKED`.
fn is_busy(code: &str) -> bool {
    match code {
        "40001" | "40P01" => true,
        other if other.len() < 5 => {
            matches!(other.parse::<u32>().map(|code| code & 0xff), Ok(5 | 6))
        }
        _ => false,
    }
}

fn from_database(error: &dyn sqlx::error::DatabaseError) -> StoreError {
    use sqlx::error::ErrorKind;
    let code = error.code().unwrap_or_default().into_owned();
    if is_busy(&code) {
        return StoreError::Busy;
    }
    match error.kind() {
        ErrorKind::UniqueViolation
        | ErrorKind::ForeignKeyViolation
        | ErrorKind::NotNullViolation
        | ErrorKind::CheckViolation => StoreError::Conflict {
            constraint: constraint_of(error),
        },
        _ => StoreError::Driver {
            class: "statement refused",
            code,
        },
    }
}

/// PostgreSQL names the constraint; SQLite names the columns after a fixed sentence.
fn constraint_of(error: &dyn sqlx::error::DatabaseError) -> String {
    if let Some(name) = error.constraint() {
        return name.to_owned();
    }
    let message = error.message();
    message
        .split_once("constraint failed: ")
        .map_or_else(|| "a constraint".to_owned(), |(_, names)| names.to_owned())
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::new(FaultKind::Internal, "store").with("cause", error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ties_and_locks_are_worth_another_try() {
        for code in ["40001", "40P01", "5", "517", "261", "6"] {
            assert!(is_busy(code), "{code}");
        }
        for code in ["23505", "2067", "42601", "", "1", "00005"] {
            assert!(!is_busy(code), "{code}");
        }
    }
}
