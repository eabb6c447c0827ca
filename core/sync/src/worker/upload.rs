//! The job that imports an upload.

use std::sync::Arc;

use fondaco_model::ids::{AccountId, EndUserId, UploadId};
use fondaco_model::{Effects, Fault, FaultKind};
use fondaco_store::repo::Scope;
use fondaco_store::repo::job::{Job, NewJob, Presence};
use fondaco_store::repo::upload::{
    self, LINES_MAX, ReportLines, StatementLine, UploadOutcome, UploadReport,
};
use fondaco_store::{StoreError, in_tx};
use fondaco_vault::identifiers::Spot;
use fondaco_vault::jobs::{self, IMPORT_UPLOAD, PRIORITY_PRESENT};
use serde::{Deserialize, Serialize};

use super::Inner;
use super::settle::Done;
use crate::import::{ImportError, ImportReport, ImportRequest, StatementReport};
use crate::ingest::Sealer;

/// Characters of a statement's own id that its line keeps; the standard allows 35.
const STATEMENT_CHARS_MAX: usize = 140;

/// What the import of an upload needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UploadPayload {
    /// The upload; its bytes are a raw answer already.
    pub upload: UploadId,
    /// Whose statements they are.
    pub end_user: EndUserId,
    /// The account, when the caller chose one.
    #[serde(default)]
    pub account: Option<AccountId>,
    /// True when an unknown account may be made.
    #[serde(default)]
    pub create: bool,
}

/// The job that imports an upload: one at a time for a person, once for an upload.
pub fn upload_job(effects: &Effects, payload: &UploadPayload) -> NewJob {
    NewJob {
        exclusion_key: Some(format!("import:{}", payload.end_user)),
        deduplication_key: Some(format!("{IMPORT_UPLOAD}:{}", payload.upload)),
        presence: Presence::Present,
        priority: PRIORITY_PRESENT,
        ..jobs::new(effects, IMPORT_UPLOAD, payload, effects.now())
    }
}

impl Inner {
    pub(super) async fn import(&self, job: &Job, payload: UploadPayload) -> Result<Done, Fault> {
        let mut session = self.db().read(job.tenant_id).await?;
        let stored = upload::get(&mut session, Scope::Tenant, payload.upload).await?;
        drop(session);
        let Some(stored) = stored else {
            return Ok(Done::GiveUp(gone("upload")));
        };
        if stored
            .end_user_id
            .is_some_and(|owner| owner != payload.end_user)
        {
            return Ok(Done::GiveUp(gone("end_user")));
        }
        let request = ImportRequest {
            tenant: job.tenant_id,
            end_user: payload.end_user,
            account: payload.account,
            create: payload.create,
            file: payload.upload.to_string(),
            request_id: job.request_id.clone(),
        };
        // Progress of an upload stands in its run.
        let listener = Arc::new(|_| {});
        let imported = self
            .importer
            .raw(&request, stored.raw_answer_id, listener)
            .await;
        let done = match imported {
            Ok(report) => {
                let (count, outcome) = (report.statements.len(), report.outcome());
                self.keep(job, &payload, Kept::of(&report)).await?;
                tracing::info!(count, outcome = outcome.as_str(), "An upload was imported.");
                return Ok(Done::Finished);
            }
            Err(ImportError::Malformed(fault)) => fault,
            Err(error @ (ImportError::TooLarge { .. } | ImportError::Unreadable { .. })) => {
                internal(&error)
            }
            Err(ImportError::Store(error)) => return Err(error.into()),
            Err(ImportError::Vault(error)) => return Err(error.into()),
            Err(error) => return Err(internal(&error)),
        };
        self.keep(job, &payload, Kept::failed(&done)).await?;
        Ok(Done::GiveUp(done))
    }

    /// Keeps what the import did beside its upload, for who asked for it.
    async fn keep(&self, job: &Job, payload: &UploadPayload, kept: Kept) -> Result<(), Fault> {
        let sealer = Sealer::new(&self.vault, job.tenant_id, payload.end_user).await?;
        let text = serde_json::to_string(&kept.lines).map_err(|_| defect("report"))?;
        let place = Spot::new(payload.upload.0, "upload", upload::REPORT_COLUMN);
        let sealed = sealer.text(place, &text).map_err(|_| defect("seal"))?;
        let report = UploadReport {
            outcome: kept.outcome,
            fault_code: kept
                .fault
                .as_ref()
                .map(|fault| fault.kind.code().to_owned()),
            fault_line: kept.said("line").and_then(|line| line.parse().ok()),
            fault_rule: kept.said("rule").map(str::to_owned),
            statement_count: kept.statement_count,
            report_sealed: sealed,
            data_key_id: sealer.data_key_id(),
        };
        in_tx!(self.db(), job.tenant_id, |tx| {
            upload::keep_report(tx, payload.upload, &report).await?;
            Ok::<_, StoreError>(())
        })?;
        Ok(())
    }
}

/// What is kept of an import.
struct Kept {
    outcome: UploadOutcome,
    fault: Option<Fault>,
    statement_count: i64,
    lines: ReportLines,
}

impl Kept {
    fn of(report: &ImportReport) -> Self {
        let first = report.statements.iter().take(LINES_MAX);
        Self {
            outcome: report.outcome(),
            fault: report.cause(),
            statement_count: i64::try_from(report.statements.len()).unwrap_or(i64::MAX),
            lines: ReportLines {
                statements: first.map(line).collect(),
            },
        }
    }

    fn failed(fault: &Fault) -> Self {
        Self {
            outcome: UploadOutcome::Failed,
            fault: Some(fault.clone()),
            statement_count: 0,
            lines: ReportLines::default(),
        }
    }

    fn said(&self, key: &str) -> Option<&str> {
        self.fault.as_ref()?.get(key)
    }
}

fn line(one: &StatementReport) -> StatementLine {
    let (ordinal, last) = one.records;
    StatementLine {
        ordinal,
        last,
        statement: one.statement.chars().take(STATEMENT_CHARS_MAX).collect(),
        account: one.account.clone(),
        currency: one.currency.clone(),
        opening: one.opening.clone(),
        closing: one.closing.clone(),
        credits: one.credits.clone(),
        debits: one.debits.clone(),
        entries: one.entries,
        new: one.new,
        known: one.known,
        quarantined: one.quarantined,
        closes: one.closes,
        problem: one.problem.clone(),
    }
}

fn defect(reason: &'static str) -> Fault {
    Fault::new(FaultKind::Internal, "import.report").with("reason", reason)
}

fn gone(what: &str) -> Fault {
    Fault::new(FaultKind::NotFoundOrGone, "import.upload").with("reason", what)
}

fn internal(error: &ImportError) -> Fault {
    Fault::new(FaultKind::Internal, "import.upload").with("cause", error.to_string())
}
