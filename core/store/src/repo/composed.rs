//! Running a statement that is composed of fixed fragments, for lists with a scope or of ids.

/// Composes a statement with a `QueryBuilder` and answers its rows as a type with `record!`.
///
/// `fetch_composed!(session, Row, "select …", |query, D| { … })`; in the block `D` is the engine.
/// Fragments are constants of the file; what varies is bound, never written into the text.
macro_rules! fetch_composed {
    ($session:expr, $T:ty, $head:expr, |$query:ident, $D:ident| $body:block) => {
        on!($session, |conn, $D| {
            let mut $query = ::sqlx::QueryBuilder::<$D>::new($head);
            $body
            match $query.build().fetch_all(&mut *conn).await {
                Ok(rows) => rows
                    .iter()
                    .map(<$T as $crate::engine::row::FromRecord<_>>::read)
                    .collect::<$crate::error::Result<Vec<$T>>>(),
                Err(error) => Err($crate::error::StoreError::from(error)),
            }
        })
    };
}
pub(crate) use fetch_composed;

/// Writes `Debug` by hand as the type's name and nothing else, for rows with personal data.
macro_rules! hidden_debug {
    ($($name:ident)*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )*};
}
pub(crate) use hidden_debug;
