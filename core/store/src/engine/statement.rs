//! Statements as constants: a name, one text for each engine, the number of parameters; and the
//! macros that run them.
//!
//! `statements! { GET = "select …"; CLAIM = claim!(lite), claim!(pg); }` makes constants and the
//! file's `STATEMENTS`, which `repo::STATEMENTS` collects: a test prepares all of them on both
//! engines. The running macros compare the number of values with the number of parameters when
//! they are compiled, because the SQLite driver binds a missing value as NULL without a word.

/// One SQL text.
#[derive(Debug, Clone, Copy)]
pub struct Statement {
    /// `module::NAME`, for tests and plans.
    pub name: &'static str,
    /// The text for SQLite.
    pub lite: &'static str,
    /// The text for PostgreSQL.
    pub pg: &'static str,
    /// The highest `$n`.
    pub parameters: usize,
}

impl Statement {
    pub(crate) const fn new(name: &'static str, lite: &'static str, pg: &'static str) -> Self {
        let parameters = highest_parameter(lite);
        assert!(
            parameters == highest_parameter(pg),
            "both texts of a statement take the same parameters"
        );
        Self {
            name,
            lite,
            pg,
            parameters,
        }
    }
}

const fn highest_parameter(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut highest) = (0, 0);
    while at < bytes.len() {
        let dollar = bytes[at] == b'$';
        at += 1;
        let mut number = 0;
        while dollar && at < bytes.len() && bytes[at].is_ascii_digit() {
            number = number * 10 + (bytes[at] - b'0') as usize;
            at += 1;
        }
        if number > highest {
            highest = number;
        }
    }
    highest
}

macro_rules! statements {
    ($($name:ident = $text:expr $(, $pg:expr)?;)+) => {
        $(
            const $name: $crate::engine::statement::Statement = statements!(
                @one concat!(module_path!(), "::", stringify!($name)), $text $(, $pg)?
            );
        )+
        /// Every statement of this file.
        pub(crate) const STATEMENTS: &[$crate::engine::statement::Statement] = &[$($name),+];
    };
    (@one $name:expr, $text:expr) => {
        $crate::engine::statement::Statement::new($name, $text, $text)
    };
    (@one $name:expr, $lite:expr, $pg:expr) => {
        $crate::engine::statement::Statement::new($name, $lite, $pg)
    };
}

/// Compiles a body once for each engine, with concrete types.
///
/// `on!(session, |conn, D| body)`: in the body `conn` is `&mut SqliteConnection` or
/// `&mut PgConnection`, and `D` is `sqlx::Sqlite` or `sqlx::Postgres`, which implements
/// [`super::dialect::Dialect`]. Repositories rarely need it: `execute!`, `fetch_optional!` and
/// `fetch_all!` are built on it. The bulk writer and pages use it with `QueryBuilder::<D>`. An
/// error of a body has to leave the transaction, or has to go through `Session::note`.
macro_rules! on {
    ($session:expr, |$conn:ident, $D:ident| $body:expr) => {
        match $crate::engine::Session::connection($session) {
            $crate::engine::Connection::Lite($conn) => {
                type $D = ::sqlx::Sqlite;
                $body
            }
            $crate::engine::Connection::Pg($conn) => {
                type $D = ::sqlx::Postgres;
                $body
            }
        }
    };
}

/// The number of expressions, as a constant.
macro_rules! count {
    ($($value:expr),*) => { 0usize $(+ { let _ = stringify!($value); 1 })* };
}

/// A query of engine `D` with its values bound.
macro_rules! query {
    ($D:ty, $sql:ident $(, $value:expr)*) => {{
        const {
            assert!(
                $sql.parameters == count!($($value),*),
                "a statement needs as many values as it has parameters"
            );
        }
        ::sqlx::query::<$D>(<$D as $crate::engine::dialect::Dialect>::text(&$sql))
            $(.bind($value))*
    }};
}

/// Runs a statement; answers the number of rows that it changed.
macro_rules! execute {
    ($session:expr, $sql:ident $(, $value:expr)* $(,)?) => {{
        let done = on!($session, |conn, D| query!(D, $sql $(, $value)*)
            .execute(&mut *conn)
            .await
            .map(|done| done.rows_affected())
            .map_err($crate::error::StoreError::from));
        $crate::engine::Session::note($session, done)
    }};
}

/// Runs a statement; answers its row, if there is one, as a type with `record!`.
macro_rules! fetch_optional {
    ($session:expr, $sql:ident => $T:ty $(, $value:expr)* $(,)?) => {{
        let done = on!($session, |conn, D| match query!(D, $sql $(, $value)*)
            .fetch_optional(&mut *conn)
            .await
        {
            Ok(Some(row)) => <$T as $crate::engine::row::FromRecord<_>>::read(&row).map(Some),
            Ok(None) => Ok(None),
            Err(error) => Err($crate::error::StoreError::from(error)),
        });
        $crate::engine::Session::note($session, done)
    }};
}

/// Runs a statement; answers all its rows as a type with `record!`.
macro_rules! fetch_all {
    ($session:expr, $sql:ident => $T:ty $(, $value:expr)* $(,)?) => {{
        let done = on!($session, |conn, D| match query!(D, $sql $(, $value)*)
            .fetch_all(&mut *conn)
            .await
        {
            Ok(rows) => rows
                .iter()
                .map(<$T as $crate::engine::row::FromRecord<_>>::read)
                .collect::<$crate::error::Result<Vec<$T>>>(),
            Err(error) => Err($crate::error::StoreError::from(error)),
        });
        $crate::engine::Session::note($session, done)
    }};
}

#[cfg(test)]
mod tests {
    use super::highest_parameter;

    #[test]
    fn parameters_are_counted_by_their_highest_number() {
        for (text, expected) in [
            ("select 1", 0),
            ("select $1", 1),
            ("select $2, $1, $2", 2),
            ("select $9, $10", 10),
            ("select '$', $1", 1),
        ] {
            assert_eq!(highest_parameter(text), expected, "{text}");
        }
    }
}
