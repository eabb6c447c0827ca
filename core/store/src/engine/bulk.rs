//! The bulk writer: many rows by one statement.
//!
//! PostgreSQL takes one array per column (`unnest`), so that the text is the same for any number
//! of rows. SQLite takes many rows of plain `?`: row by row, or with numbered parameters, it is
//! ten times slower there.

/// Most values that SQLite binds in one statement (its default build limit).
pub(crate) const LITE_VALUES_MAX: usize = 32_766;

/// Most rows of one statement on SQLite.
pub(crate) const LITE_ROWS_MAX: usize = 500;

/// Most rows of one statement on PostgreSQL.
pub(crate) const PG_ROWS_MAX: usize = 5_000;

/// Writes rows of a slice into a table; `tail` says what a conflict does.
///
/// `bulk!(tx, rows, "balance", [tenant_id "uuid" = |row| row.tenant.0, …], "on conflict …")`
macro_rules! bulk {
    ($session:expr, $rows:expr, $table:literal,
     [$($column:ident $pg:literal = |$row:ident| $value:expr),+ $(,)?], $tail:expr) => {{
        const HEAD: &str = bulk!(@head $table, $($column),+);
        const COLUMNS: usize = count!($($column),+);
        const CHUNK: usize = {
            let most = $crate::engine::bulk::LITE_VALUES_MAX / COLUMNS;
            if most < $crate::engine::bulk::LITE_ROWS_MAX { most }
            else { $crate::engine::bulk::LITE_ROWS_MAX }
        };
        match $crate::engine::Session::connection($session) {
            $crate::engine::Connection::Lite(conn) => {
                for chunk in $rows.chunks(CHUNK) {
                    let mut query = ::sqlx::QueryBuilder::<::sqlx::Sqlite>::new(HEAD);
                    query.push_values(chunk, |mut one, row| {
                        $( { let $row = row; one.push_bind($value); } )+
                    });
                    query.push(" ");
                    query.push($tail);
                    query.build().execute(&mut *conn).await?;
                }
            }
            $crate::engine::Connection::Pg(conn) => {
                for chunk in $rows.chunks($crate::engine::bulk::PG_ROWS_MAX) {
                    let mut query = ::sqlx::QueryBuilder::<::sqlx::Postgres>::new(HEAD);
                    query.push("select * from unnest(");
                    let mut first = true;
                    $(
                        if !first { query.push(", "); }
                        first = false;
                        query.push_bind(chunk.iter().map(|$row| $value).collect::<Vec<_>>());
                        query.push(concat!("::", $pg, "[]"));
                    )+
                    let _: bool = first;
                    query.push(") ");
                    query.push($tail);
                    query.build().execute(&mut *conn).await?;
                }
            }
        }
    }};
    (@head $table:literal, $first:ident $(, $column:ident)*) => {
        concat!(
            "insert into ", $table, " (", stringify!($first)
            $(, ", ", stringify!($column))*, ") "
        )
    };
}

/// Adds `in (…)` over a list to a query: one array on PostgreSQL, many values on SQLite.
///
/// The list is at most [`LITE_ROWS_MAX`] × 2 long; callers work in batches.
pub(crate) trait InList: sqlx::Database + Sized {
    /// Adds a condition that the column is one of the ids.
    fn in_ids(query: &mut sqlx::QueryBuilder<Self>, column: &str, ids: &[uuid::Uuid]);
    /// Adds a condition that the column is one of the numbers.
    fn in_numbers(query: &mut sqlx::QueryBuilder<Self>, column: &str, numbers: &[i64]);
    /// Adds a condition that the column is one of the texts.
    fn in_texts(query: &mut sqlx::QueryBuilder<Self>, column: &str, texts: &[&str]);
}

macro_rules! in_list {
    ($($name:ident $item:ty;)*) => {
        impl InList for sqlx::Postgres {
            $(fn $name(query: &mut sqlx::QueryBuilder<Self>, column: &str, list: &[$item]) {
                query.push(column).push(" = any(").push_bind(
                    list.iter().map(|item| item.to_owned()).collect::<Vec<_>>()
                ).push(")");
            })*
        }
        impl InList for sqlx::Sqlite {
            $(fn $name(query: &mut sqlx::QueryBuilder<Self>, column: &str, list: &[$item]) {
                query.push(column).push(" in (");
                let mut values = query.separated(", ");
                for item in list {
                    values.push_bind(item.to_owned());
                }
                query.push(")");
            })*
        }
    };
}

in_list! {
    in_ids uuid::Uuid;
    in_numbers i64;
    in_texts &str;
}
