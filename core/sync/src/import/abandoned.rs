//! Imports whose process is gone: their runs are ended, and what they staged is deleted.

use fondaco_model::Instant;
use fondaco_model::ids::{EndUserId, SyncRunId, TenantId};
use fondaco_store::repo::run::{self, RunOutcome};
use fondaco_store::repo::staged::{self, PART_MAX};
use fondaco_store::{Db, StoreError, in_tx};

/// Seconds after which an import that has not ended is taken for gone: a day.
pub const ABANDONED_SECONDS: i64 = 86_400;

/// Transactions that delete staged records in one call, each at most [`PART_MAX`]: 500,000 records.
/// What is left waits for the next call.
const ROUNDS_MAX: u32 = 100;

/// Ends the tenant's imports that began more than [`ABANDONED_SECONDS`] ago.
///
/// # Errors
/// The store's own; the next call goes on.
pub(crate) async fn end_abandoned(
    db: &Db,
    now: Instant,
    tenant: TenantId,
) -> Result<(), StoreError> {
    let before = now.plus_seconds(-ABANDONED_SECONDS);
    let mut session = db.read(tenant).await?;
    let runs = run::overdue_imports(&mut session, before).await?;
    drop(session);
    end(db, now, tenant, &runs).await
}

/// Ends the imports of a person that the same request began. Only a job names a request, and of
/// a person one runs at a time: it has taken over from a worker that lost the job.
///
/// # Errors
/// The store's own.
pub(super) async fn end_earlier_tries(
    db: &Db,
    now: Instant,
    tenant: TenantId,
    (end_user, request_id): (EndUserId, &str),
) -> Result<(), StoreError> {
    let mut session = db.read(tenant).await?;
    let runs = run::imports_of_request(&mut session, end_user, request_id).await?;
    drop(session);
    end(db, now, tenant, &runs).await
}

async fn end(
    db: &Db,
    now: Instant,
    tenant: TenantId,
    runs: &[SyncRunId],
) -> Result<(), StoreError> {
    let mut rounds = 0..ROUNDS_MAX;
    for run in runs {
        loop {
            if rounds.next().is_none() {
                return Ok(());
            }
            let deleted: Result<u64, StoreError> =
                in_tx!(db, tenant, |tx| staged::delete_part(tx, *run).await);
            if deleted? < u64::from(PART_MAX) {
                break;
            }
        }
        let ended = in_tx!(db, tenant, |tx| {
            // In this order: nobody stages for a run that has ended.
            run::finish(tx, *run, RunOutcome::Internal, None, now).await?;
            staged::delete_run(tx, *run).await
        });
        match ended {
            // Somebody else ended it in the meantime.
            Ok(_) | Err(StoreError::LostUpdate) => {}
            Err(error) => return Err(error),
        }
        tracing::info!(run = %run, "An import whose process is gone was ended.");
    }
    Ok(())
}
