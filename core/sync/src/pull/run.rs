//! Runs: each stream or window that is read is one, page by page.

use fondaco_connectors::core::DateWindow;
use fondaco_model::Fault;
use fondaco_model::ids::{AccountSourceId, RawAnswerId, SyncRunId};
use fondaco_model::provider::Resource;
use fondaco_store::repo::run::{self, NewRun, RunCounts, RunOutcome, RunPage};
use fondaco_store::repo::stream::StreamKey;
use fondaco_store::{StoreError, Tx};

use super::{Halt, Pull, PullError, fenced, verdict};
use crate::ingest::Reading;

/// One run under way.
pub(super) struct Run {
    pub(super) id: SyncRunId,
    /// The number of the next page that is recorded.
    pub(super) number: i64,
}

/// What a run reads.
#[derive(Clone, Copy)]
pub(super) struct Of {
    pub(super) resource: Resource,
    pub(super) source: Option<AccountSourceId>,
    pub(super) window: Option<DateWindow>,
}

impl Of {
    pub(super) fn link(resource: Resource) -> Self {
        Self {
            resource,
            source: None,
            window: None,
        }
    }

    pub(super) fn account(resource: Resource, source: AccountSourceId) -> Self {
        Self {
            resource,
            source: Some(source),
            window: None,
        }
    }
}

impl Pull<'_> {
    pub(super) fn key(&self, of: Of) -> StreamKey {
        StreamKey {
            link_id: self.access.link.id,
            resource: of.resource.as_str().to_owned(),
            parent: of
                .source
                .map(|source| source.to_string())
                .unwrap_or_default(),
        }
    }

    /// What everything that is read in a run shares, for one answer.
    pub(super) fn shared(&self, run: &Run, raw: RawAnswerId) -> Reading<'_> {
        Reading {
            effects: self.vault.effects(),
            now: self.now(),
            sealer: &self.sealer,
            end_user_id: self.access.link.end_user_id,
            run_id: run.id,
            raw_answer_id: raw,
            mapping_version: i32::try_from(self.access.connector.mapping_version())
                .unwrap_or(i32::MAX),
        }
    }

    pub(super) async fn begin_run(&self, of: Of) -> Result<Run, PullError> {
        let now = self.now();
        let new = NewRun {
            id: SyncRunId::new(self.vault.effects()),
            end_user_id: self.access.link.end_user_id,
            link_id: Some(self.access.link.id),
            account_source_id: of.source,
            resource: of.resource.as_str().to_owned(),
            cause: self.request.cause,
            window_from: of.window.map(|window| window.from),
            window_to: of.window.and_then(|window| window.to),
            request_id: self.request.request_id.clone(),
            started_at: now,
        };
        let done: Result<(), PullError> = fenced!(self, |tx| Ok(run::insert(tx, &new).await?));
        done?;
        Ok(Run {
            id: new.id,
            number: 0,
        })
    }

    /// Ends a run that a fault ended; hands the fault on. What cannot be recorded is left for
    /// whoever reads the link next.
    pub(super) async fn failed<T>(&self, run: &Run, halt: Halt) -> Result<T, Halt> {
        let Halt::Fault(fault) = halt else {
            return Err(halt);
        };
        self.end_run(run, &fault).await?;
        Err(fault.into())
    }

    async fn end_run(&self, run: &Run, fault: &Fault) -> Result<(), PullError> {
        let at = self.now();
        let outcome = verdict::outcome(fault, run.number);
        let code = Some(fault.kind.code());
        fenced!(self, |tx| Ok(
            run::finish(tx, run.id, outcome, code, at).await?
        ))
    }
}

/// Records a page that states no transactions, with what became of its records.
pub(super) async fn record_page(
    tx: &mut Tx,
    reading: &Reading<'_>,
    number: i64,
    counts: RunCounts,
) -> Result<(), StoreError> {
    let page = RunPage {
        run_id: reading.run_id,
        number,
        raw_answer_id: reading.raw_answer_id,
        claimed: Vec::new(),
        created_at: reading.now,
    };
    run::insert_page(tx, &page).await?;
    run::add_counts(tx, reading.run_id, &counts).await
}

/// How a run ended whose last page was read.
pub(super) fn read_to_the_end(quarantined: i64) -> RunOutcome {
    if quarantined == 0 {
        RunOutcome::Ok
    } else {
        RunOutcome::Partial
    }
}
