//! Pages of lists: arguments of Relay connections, checked once, and the connections made of rows.

use std::sync::Arc;

use async_graphql::OutputType;
use async_graphql::connection::{Connection, Edge};

use super::access::Access;
use super::cursor::{Cursors, Mark};
use crate::http::code::Code;

/// A page of nodes.
pub(crate) type Paged<T> = Connection<Mark, T>;

/// The four arguments of a connection that reads both ways.
#[derive(Clone, Debug, Default)]
pub(crate) struct PageArgs {
    pub(crate) first: Option<i32>,
    pub(crate) after: Option<String>,
    pub(crate) last: Option<i32>,
    pub(crate) before: Option<String>,
}

/// A page that was asked for properly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Rows of the page, from 1 to the maximum of the key's class.
    pub(crate) size: u32,
    /// True for `last` and `before`.
    pub(crate) backward: bool,
    /// The cursor that the page begins behind or ends before.
    pub(crate) cursor: Option<String>,
}

impl PageArgs {
    /// The arguments of a connection that reads forward only.
    pub(crate) fn forward(first: i32, after: Option<String>) -> Self {
        Self {
            first: Some(first),
            after,
            ..Self::default()
        }
    }

    /// Checks the arguments. The guard has refused most of it before; this holds without it.
    ///
    /// # Errors
    /// `QUERY_INVALID`.
    pub(crate) fn check(self, access: &Access) -> async_graphql::Result<Window> {
        let invalid = |message: String| Code::QueryInvalid.error(message);
        let (size, backward, cursor, other) = match (self.first, self.last) {
            (Some(size), None) => (size, false, self.after, self.before),
            (None, Some(size)) => (size, true, self.before, self.after),
            (None, None) | (Some(_), Some(_)) => {
                return Err(invalid("Give `first` or `last`, one of them.".to_owned()));
            }
        };
        if other.is_some() {
            let message = "`after` goes with `first`, `before` with `last`.";
            return Err(invalid(message.to_owned()));
        }
        let max = access.page_max();
        match u32::try_from(size) {
            Ok(size) if (1..=max).contains(&u64::from(size)) => Ok(Window {
                size,
                backward,
                cursor,
            }),
            Ok(_) | Err(_) => Err(invalid(format!("A page has from 1 to {max} rows."))),
        }
    }
}

impl Window {
    /// The place that the cursor names, read by the list's own rule.
    ///
    /// # Errors
    /// As [`Cursors::open`]; `CURSOR_INVALID` when the rule cannot read the place.
    pub(crate) fn place<P>(
        &self,
        cursors: &Cursors,
        read: impl Fn(&[u8]) -> Option<P>,
    ) -> async_graphql::Result<Option<P>> {
        let Some(cursor) = &self.cursor else {
            return Ok(None);
        };
        let place = cursors.open(cursor)?;
        let invalid = || Code::CursorInvalid.error("The cursor was not issued here.");
        read(&place).map(Some).ok_or_else(invalid)
    }

    /// Rows to ask a list for that says by one row more that another page follows.
    pub(crate) fn asked(&self) -> u32 {
        self.size + 1
    }

    /// Cuts the row that tells that another page follows.
    pub(crate) fn cut<T>(&self, mut rows: Vec<T>) -> (Vec<T>, bool) {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        let more = rows.len() > size;
        rows.truncate(size);
        (rows, more)
    }

    /// The connection of a page; `more` is about the direction of reading. Behind a cursor there
    /// is at least the row that it was made of.
    pub(crate) fn connection<R, T: OutputType>(
        &self,
        (rows, more): (Vec<R>, bool),
        cursors: &Arc<Cursors>,
        node: impl Fn(R) -> (Vec<u8>, T),
    ) -> Paged<T> {
        let behind = self.cursor.is_some();
        let (previous, next) = if self.backward {
            (more, behind)
        } else {
            (behind, more)
        };
        let mut connection = Connection::new(previous, next);
        connection.edges.extend(rows.into_iter().map(|row| {
            let (place, node) = node(row);
            Edge::new(Mark::new(cursors, place), node)
        }));
        connection
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::rate::KeyClass;
    use crate::http::engine::Caller;

    fn access(class: KeyClass) -> Access {
        let caller = Caller {
            tenant: [1; 16],
            key: [1; 16],
            class,
            scopes: Vec::new(),
            end_user: None,
            origins: Vec::new(),
            test: true,
        };
        Access { caller }
    }

    fn args(first: Option<i32>, last: Option<i32>) -> PageArgs {
        PageArgs {
            first,
            last,
            ..PageArgs::default()
        }
    }

    #[test]
    fn one_of_first_and_last_is_needed_within_the_maximum_of_the_class() {
        let server = access(KeyClass::Server);
        for (first, last) in [
            (None, None),
            (Some(1), Some(1)),
            (Some(0), None),
            (Some(-1), None),
            (Some(251), None),
            (None, Some(251)),
            (Some(i32::MAX), None),
        ] {
            assert!(
                args(first, last).check(&server).is_err(),
                "{first:?} {last:?}"
            );
        }
        for (first, last) in [(Some(1), None), (Some(250), None), (None, Some(250))] {
            assert!(
                args(first, last).check(&server).is_ok(),
                "{first:?} {last:?}"
            );
        }
        let job = access(KeyClass::Job);
        assert_eq!(args(Some(1_000), None).check(&job).unwrap().size, 1_000);
        assert!(args(Some(1_001), None).check(&job).is_err());
    }

    #[test]
    fn a_cursor_goes_with_its_own_direction() {
        let server = access(KeyClass::Server);
        let crossed = PageArgs {
            before: Some("x".to_owned()),
            ..args(Some(1), None)
        };
        assert!(crossed.check(&server).is_err());
        let right = PageArgs {
            before: Some("x".to_owned()),
            ..args(None, Some(1))
        };
        assert!(right.check(&server).unwrap().backward);
    }
}
