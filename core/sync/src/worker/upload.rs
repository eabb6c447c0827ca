//! The job that imports an upload.

use std::sync::Arc;

use fondaco_model::ids::{AccountId, EndUserId, UploadId};
use fondaco_model::{Effects, Fault, FaultKind};
use fondaco_store::repo::job::{Job, NewJob, Presence};
use fondaco_store::repo::{Scope, upload};
use fondaco_vault::jobs::{self, IMPORT_UPLOAD, PRIORITY_PRESENT};
use serde::{Deserialize, Serialize};

use super::Inner;
use super::settle::Done;
use crate::import::{ImportError, ImportRequest};

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
        match self
            .importer
            .raw(&request, stored.raw_answer_id, listener)
            .await
        {
            Ok(report) => {
                let count = report.statements.len();
                let outcome = if report.is_complete() {
                    "OK"
                } else {
                    "PARTIAL"
                };
                tracing::info!(count, outcome, "An upload was imported.");
                Ok(Done::Finished)
            }
            Err(ImportError::Malformed(fault)) => Ok(Done::GiveUp(fault)),
            Err(error @ (ImportError::TooLarge { .. } | ImportError::Unreadable { .. })) => {
                Ok(Done::GiveUp(internal(&error)))
            }
            Err(ImportError::Store(error)) => Err(error.into()),
            Err(ImportError::Vault(error)) => Err(error.into()),
            Err(error) => Err(internal(&error)),
        }
    }
}

fn gone(what: &str) -> Fault {
    Fault::new(FaultKind::NotFoundOrGone, "import.upload").with("reason", what)
}

fn internal(error: &ImportError) -> Fault {
    Fault::new(FaultKind::Internal, "import.upload").with("cause", error.to_string())
}
