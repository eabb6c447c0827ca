//! When work is due: the next reading, the refresh before it, and the sweeps.
//!
//! Everything is enqueued under a deduplication key, so that asking twice changes nothing.

use fondaco_model::ids::{GrantId, LinkId, RawAnswerId, TenantId};
use fondaco_model::v1::Link;
use fondaco_model::{Effects, Instant};
use fondaco_store::repo::grant::Grant;
use fondaco_store::repo::job::{self, NewJob};
use fondaco_store::repo::link::StoredLink;
use fondaco_store::repo::{consent, frontend_token, grant, idempotency, link, raw, tenant, upload};
use fondaco_store::{Db, OPERATOR, StoreError, Tx, in_tx};
use fondaco_vault::jobs::{self, GrantPayload};
use serde::{Deserialize, Serialize};

use crate::import::end_abandoned;

/// Sweeps over all tenants; no payload. The operator's.
pub const SWEEP: &str = "SWEEP";
/// Sweeps over one tenant: what is due, what expires, what is left over; no payload.
pub const SWEEP_TENANT: &str = "SWEEP_TENANT";

/// Seconds between two readings of a link that nobody asked for: six hours.
pub const SYNC_SECONDS: i64 = 6 * 3_600;

/// Seconds between two sweeps.
pub const SWEEP_SECONDS: i64 = 60;

/// Every so many sweeps each tenant is swept, spread over the time until the next.
const TENANT_ROUNDS: u32 = 5;

/// Every so many sweeps each tenant's consents are looked at: their last day is a day.
const CONSENT_ROUNDS: u32 = 60;

/// Seconds that a link may be overdue before a sweep asks for its reading; its own job is
/// usually there.
const OVERDUE_SECONDS: i64 = 120;

/// Seconds before a reading at which a grant that will have run out by then is refreshed; drawn
/// from this range, so that links that are due together do not refresh together.
const REFRESH_AHEAD_SECONDS: std::ops::Range<i64> = 60..240;

/// Seconds for which an ended job is kept: a week.
const JOB_KEPT_SECONDS: i64 = 7 * 86_400;

/// Seconds after which an answer that never became complete is deleted: a day.
const INCOMPLETE_SECONDS: i64 = 86_400;

/// Rows that one sweep takes of a kind.
const SWEEP_ROWS_MAX: u32 = 500;

/// Rounds that one sweep takes to delete what is left over.
const SWEEP_ROUNDS_MAX: u32 = 20;

const MINUTE: i64 = 60;

/// First wait after a failure, in seconds; it doubles with each further one.
pub const BACKOFF_SECONDS: i64 = 30;

/// Longest wait after a failure, in seconds.
pub const BACKOFF_SECONDS_MAX: i64 = 3_600;

/// The payload of [`SWEEP`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepPayload {
    /// How many sweeps there were since a worker started.
    pub round: u32,
}

/// No payload, as JSON.
#[derive(Debug, Clone, Copy, Serialize)]
struct Nothing {}

/// The instant of a link's next reading: after `every` seconds, or later where the institution
/// allows fewer readings a day, and up to a tenth later than that.
pub fn next_read(effects: &Effects, every: i64, reads_per_day: u32) -> Instant {
    let share = 86_400 / i64::from(reads_per_day.max(1));
    let every = every.max(share).max(MINUTE);
    effects
        .now()
        .plus_seconds(every + below(effects, every / 10))
}

/// The instant of another try: full back-off for `attempt`, which counts from 1, half of it drawn.
pub fn retry_at(effects: &Effects, attempt: i64) -> Instant {
    let doublings = u32::try_from(attempt.clamp(1, 20) - 1).unwrap_or(0);
    let bound = BACKOFF_SECONDS
        .saturating_mul(1_i64 << doublings)
        .min(BACKOFF_SECONDS_MAX);
    effects
        .now()
        .plus_seconds(bound / 2 + below(effects, bound / 2 + 1))
}

fn below(effects: &Effects, bound: i64) -> i64 {
    let bound = u64::try_from(bound).unwrap_or(0);
    i64::try_from(effects.below(bound)).unwrap_or(0)
}

/// Enqueues the reading of a link at an instant, unless it is disconnected, and a refresh before it
/// where the grant will have
/// run out by then.
///
/// # Errors
/// The store's own.
pub async fn read_later(
    tx: &mut Tx,
    effects: &Effects,
    link: LinkId,
    at: Instant,
) -> Result<(), StoreError> {
    let Some(stored) = link::get(tx, link).await? else {
        return Ok(());
    };
    let mut next = jobs::sync(effects, jobs::SYNC_LINK, link, at);
    next.institution_id = Some(stored.link.institution_id.clone());
    job::enqueue(tx, &next).await?;
    refresh_before(tx, effects, (&stored.link, at), Ahead::OfUse).await
}

/// Enqueues the refresh of a link's grant before its next reading, whose instant stands on the
/// link.
///
/// # Errors
/// The store's own.
pub(crate) async fn refresh_later(
    tx: &mut Tx,
    effects: &Effects,
    id: GrantId,
) -> Result<(), StoreError> {
    let Some(grant) = grant::get(tx, id).await? else {
        return Ok(());
    };
    let Some(consent) = consent::get(tx, grant.consent_id).await? else {
        return Ok(());
    };
    match link::get(tx, consent.consent.link_id).await? {
        Some(StoredLink { link, .. }) => match link.next_due_at {
            Some(at) => refresh_before(tx, effects, (&link, at), Ahead::OfEnd).await,
            None => Ok(()),
        },
        None => Ok(()),
    }
}

/// What a refresh is ahead of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ahead {
    /// The next reading, or the end of the refresh token if that is sooner.
    OfUse,
    /// The end of the refresh token alone: it was refreshed a moment ago.
    OfEnd,
}

async fn refresh_before(
    tx: &mut Tx,
    effects: &Effects,
    (link, at): (&Link, Instant),
    ahead: Ahead,
) -> Result<(), StoreError> {
    let Some(consent) = link.current_consent_id else {
        return Ok(());
    };
    let Some(grant) = grant::by_consent(tx, consent).await? else {
        return Ok(());
    };
    if let Some(due) = refresh_due(effects, &grant, (at, ahead)) {
        let payload = GrantPayload { grant: grant.id };
        let mut refresh = jobs::new(effects, jobs::REFRESH_GRANT, &payload, due);
        refresh.institution_id = Some(link.institution_id.clone());
        refresh.deduplication_key = Some(format!("{}:{}", jobs::REFRESH_GRANT, grant.id));
        job::enqueue(tx, &refresh).await?;
    }
    Ok(())
}

/// When a grant is refreshed before its next use; none when it need not be.
///
/// An access token lives for minutes and is renewed ahead of the reading that needs it, not ahead
/// of its own end, which would wake a bank all day for nothing (docs/adr/0012). A refresh token
/// that would end before that reading is exchanged before its own end.
fn refresh_due(effects: &Effects, grant: &Grant, (at, of): (Instant, Ahead)) -> Option<Instant> {
    let now = effects.now();
    let span = REFRESH_AHEAD_SECONDS.end - REFRESH_AHEAD_SECONDS.start;
    let ahead = REFRESH_AHEAD_SECONDS.start + below(effects, span);
    let runs_out = grant.access_expires_at.is_some_and(|expires| expires <= at);
    let is_needed = runs_out && of == Ahead::OfUse;
    let for_use = is_needed.then(|| at.plus_seconds(-ahead));
    // A reading may come a little late.
    let late = at.plus_seconds(REFRESH_AHEAD_SECONDS.end);
    let ends = grant.refresh_expires_at.filter(|ends| *ends <= late);
    // Of a short life the half is left.
    let to_live = ends.map(|ends| ends.plus_seconds(-ahead.min(ends.seconds_since(now) / 2)));
    let due = match (for_use, to_live) {
        (Some(use_at), Some(live_at)) => Some(use_at.min(live_at)),
        (one, other) => one.or(other),
    };
    due.filter(|due| grant.refreshable && *due > now)
}

/// A sweep that is to be enqueued; one of its kind waits at a time, and one runs.
fn sweep(effects: &Effects, kind: &str, payload: &impl Serialize, at: Instant) -> NewJob {
    NewJob {
        deduplication_key: Some(kind.to_owned()),
        exclusion_key: Some(kind.to_owned()),
        priority: jobs::PRIORITY_SCHEDULED,
        ..jobs::new(effects, kind, payload, at)
    }
}

/// Sees that the operator's next sweep waits; called when a worker starts, with round 0, and when
/// a sweep has ended.
///
/// # Errors
/// The store's own.
pub async fn sweep_at(
    tx: &mut Tx,
    effects: &Effects,
    round: u32,
    at: Instant,
) -> Result<(), StoreError> {
    let next = sweep(effects, SWEEP, &SweepPayload { round }, at);
    job::enqueue(tx, &next).await.map(|_| ())
}

/// The operator's sweep: deletes what ended in shared tables, and asks for the sweeps whose round
/// it is.
///
/// # Errors
/// The store's own; the next sweep goes on.
pub(crate) async fn sweep_all(db: &Db, effects: &Effects, round: u32) -> Result<(), StoreError> {
    let now = effects.now();
    let old = now.plus_seconds(-JOB_KEPT_SECONDS);
    let sessions = sweep(effects, jobs::EXPIRE_SESSIONS, &Nothing {}, now);
    let done: Result<(), StoreError> = in_tx!(db, OPERATOR, |tx| {
        job::prune(tx, old, SWEEP_ROWS_MAX).await?;
        frontend_token::expire(tx, now, SWEEP_ROWS_MAX).await?;
        job::enqueue(tx, &sessions).await?;
        Ok(())
    });
    done?;
    let mut kinds = Vec::new();
    if round.is_multiple_of(TENANT_ROUNDS) {
        kinds.push(SWEEP_TENANT);
    }
    if round.is_multiple_of(CONSENT_ROUNDS) {
        kinds.push(jobs::EXPIRE_CONSENTS);
    }
    if kinds.is_empty() {
        return Ok(());
    }
    let mut after = None;
    loop {
        let mut session = db.read(OPERATOR).await?;
        let tenants = tenant::list(&mut session, after, SWEEP_ROWS_MAX).await?;
        drop(session);
        let Some(last) = tenants.last() else {
            return Ok(());
        };
        after = Some(last.id);
        for tenant in tenants.iter().filter(|tenant| tenant.disabled_at.is_none()) {
            ask(db, effects, tenant.id, &kinds).await?;
        }
    }
}

async fn ask(
    db: &Db,
    effects: &Effects,
    tenant: TenantId,
    kinds: &[&str],
) -> Result<(), StoreError> {
    let spread = SWEEP_SECONDS * i64::from(TENANT_ROUNDS - 1);
    let at = effects.now().plus_seconds(below(effects, spread));
    in_tx!(db, tenant, |tx| {
        for kind in kinds {
            job::enqueue(tx, &sweep(effects, kind, &Nothing {}, at)).await?;
        }
        Ok::<_, StoreError>(())
    })
}

/// A tenant's sweep: readings that are overdue, keys and uploads whose time is over, answers that
/// never became complete or that nothing names any more, imports whose process is gone.
///
/// # Errors
/// The store's own; the next sweep goes on.
pub(crate) async fn sweep_tenant(
    db: &Db,
    effects: &Effects,
    tenant: TenantId,
) -> Result<(), StoreError> {
    let now = effects.now();
    let mut session = db.read(tenant).await?;
    let overdue = now.plus_seconds(-OVERDUE_SECONDS);
    let due = link::due(&mut session, overdue, SWEEP_ROWS_MAX).await?;
    drop(session);
    for stored in due {
        let asked: Result<(), StoreError> = in_tx!(db, tenant, |tx| {
            read_later(tx, effects, stored.link.id, now).await
        });
        asked?;
    }
    let expired: Result<(), StoreError> = in_tx!(db, tenant, |tx| {
        idempotency::expire(tx, now, SWEEP_ROWS_MAX).await?;
        let unused = upload::expire(tx, now, SWEEP_ROWS_MAX).await?;
        // Noted in the same transaction: a sweep that ends here forgets none.
        raw::retire(tx, &unused, now.plus_seconds(raw::UNNAMED_SECONDS)).await?;
        Ok(())
    });
    expired?;
    let old = now.plus_seconds(-INCOMPLETE_SECONDS);
    for _ in 0..SWEEP_ROUNDS_MAX {
        let deleted: Result<u64, StoreError> =
            in_tx!(db, tenant, |tx| raw::delete_incomplete(tx, old).await);
        if deleted? == 0 {
            break;
        }
    }
    delete_unnamed(db, tenant, now).await?;
    end_abandoned(db, now, tenant).await
}

/// Deletes answers whose day has come and that nothing names; what something names stays.
///
/// The look is no part of the transactions: nobody finds one of these answers by its content
/// without taking its day away, which the deletion sees.
async fn delete_unnamed(db: &Db, tenant: TenantId, now: Instant) -> Result<(), StoreError> {
    let mut session = db.read(tenant).await?;
    let due = raw::due(&mut session, now, SWEEP_ROWS_MAX).await?;
    let named = raw::named(&mut session, &due).await?;
    drop(session);
    let kept: Result<u64, StoreError> = in_tx!(db, tenant, |tx| raw::keep(tx, &named).await);
    kept?;
    let unnamed: Vec<RawAnswerId> = due.into_iter().filter(|id| !named.contains(id)).collect();
    for some in unnamed.chunks(usize::try_from(raw::DELETE_MAX).unwrap_or(1)) {
        let deleted: Result<u64, StoreError> =
            in_tx!(db, tenant, |tx| raw::delete_due(tx, some, now).await);
        deleted?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fondaco_model::effects::SystemEntropy;
    use fondaco_model::time::ManualClock;

    use super::*;

    fn effects() -> Effects {
        let clock = ManualClock::at(Instant::from_micros(0));
        Effects::new(Arc::new(clock), Arc::new(SystemEntropy))
    }

    fn seconds(at: Instant) -> i64 {
        at.seconds_since(Instant::from_micros(0))
    }

    #[test]
    fn readings_are_spread_and_never_more_often_than_the_institution_allows() {
        let effects = effects();
        for _ in 0..200 {
            assert!((21_600..23_760).contains(&seconds(next_read(&effects, 21_600, 4))));
            assert!((43_200..47_520).contains(&seconds(next_read(&effects, 21_600, 2))));
            assert!((86_400..95_040).contains(&seconds(next_read(&effects, 21_600, 0))));
            assert!((60..66).contains(&seconds(next_read(&effects, 0, u32::MAX))));
        }
    }

    #[test]
    fn tries_wait_longer_each_time_up_to_an_hour() {
        let effects = effects();
        for _ in 0..200 {
            assert!((15..=30).contains(&seconds(retry_at(&effects, 0))));
            assert!((15..=30).contains(&seconds(retry_at(&effects, 1))));
            assert!((30..=60).contains(&seconds(retry_at(&effects, 2))));
            assert!((1_800..=3_600).contains(&seconds(retry_at(&effects, 8))));
            assert!((1_800..=3_600).contains(&seconds(retry_at(&effects, i64::MAX))));
        }
    }
}
