//! Write transactions: commit, the tenant's sequence, bounded retries.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::{Conn, Db, Session};
use crate::error::{Result, StoreError};
use fondaco_model::ids::TenantId;

/// How often a transaction is run before a tie is reported.
const TRIES_MAX: u32 = 6;
/// The wait before the second try; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(5);

statements! {
    RESERVE_SEQ = "update tenant set seq = seq + $2 where id = $1 returning seq";
    LOCK_TENANT = "update tenant set seq = seq where id = $1 returning seq";
}

/// An error that may say "try the same transaction again".
pub trait Retryable {
    /// True when another try may succeed.
    fn is_busy(&self) -> bool;
}

impl Retryable for StoreError {
    fn is_busy(&self) -> bool {
        self.is_busy()
    }
}

/// A transaction that writes for one tenant; undone unless it is committed.
#[derive(Debug)]
pub struct Tx {
    session: Session,
    bell: Arc<Notify>,
    rings: bool,
}

impl Tx {
    pub(super) fn new(session: Session, bell: Arc<Notify>) -> Self {
        Self {
            session,
            bell,
            rings: false,
        }
    }

    /// Makes everything durable that was written.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when the database had to break a tie, and [`StoreError::Driver`] when a
    /// statement of the transaction had failed, even if the caller went on: nothing was written
    /// then.
    pub async fn commit(self) -> Result<()> {
        if self.session.failed {
            self.rollback().await?;
            return Err(StoreError::Driver {
                class: "a statement of the transaction had failed",
                code: "25P02".to_owned(),
            });
        }
        match self.session.conn {
            Conn::LiteWrite(tx) => tx.commit().await?,
            Conn::PgWrite(tx) => tx.commit().await?,
            Conn::LiteRead(_) | Conn::PgRead(_) => {
                unreachable!("a transaction is made of a write connection only")
            }
        }
        if self.rings {
            self.bell.notify_one();
        }
        Ok(())
    }

    /// Undoes everything now, instead of when the value is dropped.
    pub async fn rollback(self) -> Result<()> {
        match self.session.conn {
            Conn::LiteWrite(tx) => Ok(tx.rollback().await?),
            Conn::PgWrite(tx) => Ok(tx.rollback().await?),
            Conn::LiteRead(_) | Conn::PgRead(_) => {
                unreachable!("a transaction is made of a write connection only")
            }
        }
    }

    /// Takes `count` numbers of the tenant's sequence and answers the first.
    ///
    /// Call it once, just before the writes that need the numbers: the tenant's row stays locked
    /// until commit, so that the order of numbers is the order of commits and a reader that
    /// remembers the last number it saw misses nothing.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such tenant.
    pub async fn reserve_seq(&mut self, count: u32) -> Result<i64> {
        let tenant = self.tenant().0;
        let count = i64::from(count);
        let last: i64 = fetch_optional!(self, RESERVE_SEQ => (i64,), tenant, count)?
            .ok_or(StoreError::NotFound)?
            .0;
        Ok(last - count + 1)
    }

    /// Locks the tenant's row until commit, for writers that keep an order without a number.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such tenant.
    pub async fn lock_tenant(&mut self) -> Result<()> {
        let tenant = self.tenant().0;
        fetch_optional!(self, LOCK_TENANT => (i64,), tenant)?.ok_or(StoreError::NotFound)?;
        Ok(())
    }

    /// Wakes the workers of this process once the transaction has committed.
    pub(crate) fn ring(&mut self) {
        self.rings = true;
    }
}

impl Deref for Tx {
    type Target = Session;
    fn deref(&self) -> &Session {
        &self.session
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.session
    }
}

/// Counts the tries of one transaction; see [`crate::in_tx!`].
#[doc(hidden)]
#[derive(Debug)]
pub struct Tries {
    left: u32,
    wait: Duration,
}

impl Default for Tries {
    fn default() -> Self {
        Self {
            left: TRIES_MAX - 1,
            wait: FIRST_WAIT,
        }
    }
}

impl Tries {
    /// True, after a wait, when the transaction shall be run again.
    pub async fn again<E: Retryable>(&mut self, error: &E) -> bool {
        if self.left == 0 || !error.is_busy() {
            return false;
        }
        tokio::time::sleep(self.wait).await;
        tracing::debug!(left = self.left, "transaction is tried again");
        self.left -= 1;
        self.wait *= 2;
        true
    }
}

/// Runs a body in a transaction of one tenant and commits it; runs it again, from its start, when
/// the database had to break a tie (at most six times). The body must therefore do nothing outside
/// the transaction. An error of the body undoes everything.
///
/// `in_tx!(db, tenant, |tx| consent::insert(tx, &consent).await)?`
///
/// In the body `tx` is `&mut Tx`, and `?` leaves the transaction. The error type needs
/// `From<StoreError>` and [`Retryable`](crate::Retryable). This is a macro and no function, because
/// the future of a function that takes an async closure is not `Send` once the closure borrows.
#[macro_export]
macro_rules! in_tx {
    ($db:expr, $tenant:expr, |$tx:ident| $body:expr) => {{
        let mut tries = $crate::Tries::default();
        loop {
            let done = match $db.begin($tenant).await {
                Err(error) => ::std::result::Result::Err(error.into()),
                Ok(mut owned) => {
                    let done = async {
                        let $tx = &mut owned;
                        $body
                    }
                    .await;
                    match done {
                        Err(error) => ::std::result::Result::Err(error),
                        Ok(answer) => match owned.commit().await {
                            Ok(()) => ::std::result::Result::Ok(answer),
                            Err(error) => ::std::result::Result::Err(error.into()),
                        },
                    }
                }
            };
            match done {
                Err(error) if tries.again(&error).await => {}
                done => break done,
            }
        }
    }};
}

impl Db {
    /// Runs a body in a transaction and commits it; runs it again, from its start, when the
    /// database had to break a tie. The body must therefore do nothing outside the transaction.
    ///
    /// `db.write(tenant, async |tx| repo::consent::insert(tx, &consent).await).await`
    ///
    /// # Errors
    /// The body's own error, after which nothing is written; [`StoreError::Busy`] when six tries
    /// were not enough.
    #[deprecated(
        note = "callers that borrow get futures that are not Send: in_tx!(db, tenant, |tx| body)"
    )]
    pub async fn write<T, E, F>(&self, tenant: TenantId, mut body: F) -> std::result::Result<T, E>
    where
        F: AsyncFnMut(&mut Tx) -> std::result::Result<T, E>,
        E: From<StoreError> + Retryable,
    {
        let mut wait = FIRST_WAIT;
        for _ in 1..TRIES_MAX {
            match self.write_once(tenant, &mut body).await {
                Err(error) if error.is_busy() => {
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                }
                done => return done,
            }
        }
        self.write_once(tenant, &mut body).await
    }

    async fn write_once<T, E, F>(&self, tenant: TenantId, body: &mut F) -> std::result::Result<T, E>
    where
        F: AsyncFnMut(&mut Tx) -> std::result::Result<T, E>,
        E: From<StoreError>,
    {
        let mut tx = self.begin(tenant).await?;
        let answer = body(&mut tx).await?;
        tx.commit().await?;
        Ok(answer)
    }
}
