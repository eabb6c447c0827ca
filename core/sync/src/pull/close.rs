//! The beginning and the end of a reading on the link: progress, health, times, and what the
//! consent has to hear.

use fondaco_model::v1::{ConsentState, LinkProgress};
use fondaco_model::{Fault, Instant};
use fondaco_store::repo::change::{self, ChangeEventRow, ChangeOp, Entity};
use fondaco_store::repo::link::{self, StoredLink};
use fondaco_store::repo::run::{self, RunOutcome};
use fondaco_store::{StoreError, Tx};
use fondaco_vault::machine::EVIDENCE_SECONDS_MIN;

use super::verdict::{self, Again, Known, Verdict};
use super::{NextRead, Pull, PullError, ReadOutcome, Reading, fenced};
use crate::schedule::next_read;

/// Seconds between two looks whether a consent works again without the person: one day.
const PROBE_SECONDS: i64 = 86_400;

/// Why a link changed, as events say it.
const CAUSE_PROGRESS: &str = "SYNC_PROGRESS";
/// Why a link changed, as events say it.
const CAUSE_READ: &str = "SYNC_READ";

impl Pull<'_> {
    /// Ends what a dead worker left, and takes the link out of the sweep's sight.
    pub(super) async fn begin(&self) -> Result<(), PullError> {
        let now = self.now();
        let mut session = self.vault.db().read(self.request.tenant).await?;
        let left = run::running(&mut session, self.access.link.id).await?;
        drop(session);
        let overdue = self.access.link.next_due_at.is_some_and(|due| due <= now);
        if left.is_empty() && !overdue {
            return Ok(());
        }
        fenced!(self, |tx| {
            for left in &left {
                let code = Some(fondaco_model::FaultKind::Internal.code());
                run::finish(tx, left.id, RunOutcome::Internal, code, now).await?;
            }
            if overdue {
                link::set_due(tx, self.access.link.id, None).await?;
            }
            Ok(())
        })
    }

    /// Notes how far the reading has come, unless an account is behind that may still follow; it
    /// never goes back.
    pub(super) async fn progress(
        &self,
        reading: &Reading,
        progress: LinkProgress,
    ) -> Result<(), PullError> {
        let behind = |fault: &Fault| !verdict::is_final(fault);
        let faults = reading
            .accounts
            .iter()
            .filter_map(|account| account.fault.as_ref());
        if rank(progress) <= rank(self.access.link.progress) || faults.into_iter().any(behind) {
            return Ok(());
        }
        let now = self.now();
        fenced!(self, |tx| {
            let stored = link::get(tx, self.access.link.id)
                .await?
                .ok_or(StoreError::NotFound)?;
            if rank(stored.link.progress) < rank(progress) {
                let seq = tx.reserve_seq(1).await?;
                link::set_progress(tx, self.access.link.id, progress, seq).await?;
                event(tx, &stored, (seq, CAUSE_PROGRESS), now).await?;
            }
            Ok(())
        })
    }

    /// Says how the reading went: to the consent first, then on the link.
    pub(super) async fn close(&self, reading: &Reading) -> Result<ReadOutcome, PullError> {
        let state = self.tell_consent(reading).await?;
        let readable = matches!(state, ConsentState::Active | ConsentState::ReconfirmDue);
        let of_accounts = reading
            .accounts
            .iter()
            .filter_map(|account| account.fault.as_ref());
        let fault = verdict::worst(reading.stop.iter().chain(of_accounts));
        let now = self.now();
        let known = Known {
            now,
            readable,
            listed: reading.listed,
        };
        let verdict = fault.map_or_else(verdict::good, |fault| verdict::judge(fault, known));
        let next = self.next(verdict);
        self.write_outcome(verdict, (next, state), fault.is_none())
            .await?;
        if let Some(fault) = fault {
            let link = self.access.link.id;
            tracing::warn!(%link, %fault, "The link was not read to its end.");
        }
        Ok(ReadOutcome {
            accounts: reading.accounts.len(),
            counts: reading.counts,
            fault: fault.cloned(),
            next,
        })
    }

    fn next(&self, verdict: Verdict) -> NextRead {
        match verdict.again {
            Again::Regular => {
                let per_day = self.access.manifest.limits.unattended_per_day;
                NextRead::Regular(next_read(self.vault.effects(), self.sync_seconds, per_day))
            }
            Again::At(at) => NextRead::NotBefore(at),
            Again::BackOff => NextRead::BackOff,
            Again::Consent => NextRead::None,
        }
    }

    async fn write_outcome(
        &self,
        verdict: Verdict,
        (next, state): (NextRead, ConsentState),
        good: bool,
    ) -> Result<(), PullError> {
        let now = self.now();
        let probe = probe(state, now);
        fenced!(self, |tx| {
            let stored = link::get(tx, self.access.link.id)
                .await?
                .ok_or(StoreError::NotFound)?;
            let health = verdict.health.unwrap_or(stored.link.health);
            let outcome = link::ReadOutcome {
                health,
                health_until: verdict.until,
                attempt_at: Some(now),
                success_at: good.then_some(now),
                next_due_at: due(&stored, next, probe),
            };
            let seq = tx.reserve_seq(1).await?;
            link::set_read(tx, self.access.link.id, &outcome, seq).await?;
            event(tx, &stored, (seq, CAUSE_READ), now).await?;
            Ok(())
        })
    }
}

/// When a link is due whose reading the consent decides about: a second look after a refusal that
/// is no evidence yet, a probe a day while the person has to act, nothing when it is over.
fn probe(state: ConsentState, now: Instant) -> Option<Instant> {
    match state {
        ConsentState::Active | ConsentState::ReconfirmDue => {
            Some(now.plus_seconds(EVIDENCE_SECONDS_MIN))
        }
        ConsentState::ReauthRequired => Some(now.plus_seconds(PROBE_SECONDS)),
        ConsentState::Created
        | ConsentState::AwaitingAuthorisation
        | ConsentState::PartiallyAuthorised
        | ConsentState::Exchanging
        | ConsentState::Suspended
        | ConsentState::Rejected
        | ConsentState::Abandoned
        | ConsentState::Failed
        | ConsentState::Expired
        | ConsentState::Revoked
        | ConsentState::Superseded => None,
    }
}

/// When the link is due on its row; its sweep asks for the reading that has no job by then.
fn due(stored: &StoredLink, next: NextRead, probe: Option<Instant>) -> Option<Instant> {
    if stored.link.disconnected_at.is_some() {
        return None;
    }
    match next {
        NextRead::Regular(at) | NextRead::NotBefore(at) => Some(at),
        // Whoever runs the job says when it is tried again.
        NextRead::BackOff => stored.link.next_due_at,
        NextRead::None => probe,
    }
}

async fn event(
    tx: &mut Tx,
    of: &StoredLink,
    (seq, cause): (i64, &str),
    at: Instant,
) -> Result<(), StoreError> {
    let row = ChangeEventRow {
        seq,
        end_user_id: Some(of.link.end_user_id),
        entity: Entity::Link,
        entity_id: of.link.id.0,
        op: ChangeOp::Updated,
        cause: cause.to_owned(),
        at,
    };
    change::insert_events(tx, std::slice::from_ref(&row)).await
}

fn rank(progress: LinkProgress) -> u8 {
    match progress {
        LinkProgress::None => 0,
        LinkProgress::Accounts => 1,
        LinkProgress::Balances => 2,
        LinkProgress::Recent => 3,
        LinkProgress::History => 4,
    }
}
