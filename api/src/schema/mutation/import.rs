//! Import of an uploaded statement file: the upload is used up and the work handed to a job.

use async_graphql::{Context, ID, InputObject, Result, SimpleObject};
use fondaco_model::Effects;
use fondaco_model::ids::{AccountId, EndUserId, JobId, UploadId};
use fondaco_model::scope::KeyScope;
use fondaco_store::repo::job::{self, NewJob, Presence};
use fondaco_store::repo::{Scope, account, end_user, upload};
use fondaco_store::{StoreError, Tx};
use fondaco_vault::jobs::{self, IMPORT_UPLOAD, PRIORITY_PRESENT};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::once::{Done, Once, Write};
use super::user_error::UserError;
use crate::http::engine::RequestId;
use crate::schema::access::{Access, Field, id_of, store_error};
use crate::schema::reads::Reads;
pub(crate) use crate::schema::types::import_job::ImportJob;

/// A statement file that is to be imported.
#[derive(InputObject)]
pub(crate) struct ImportStatementInput {
    /// Id of the upload.
    upload_id: ID,
    /// The tenant's own reference to the person whose statement it is: the one for whom it was
    /// uploaded, and refused when it is another. May be left out.
    end_user_reference: Option<String>,
    /// The account that the statement belongs to; without it the account is found by its number.
    account_id: Option<ID>,
    /// Whether an account that is not known yet may be made.
    #[graphql(default)]
    create_account: bool,
    /// Makes a repeated call answer the same.
    idempotency_key: String,
}

/// An import that was asked for.
#[derive(Default, SimpleObject)]
pub(crate) struct ImportStatementPayload {
    /// The import; `importJob(id:)` tells how it goes.
    import_job: Option<ImportJob>,
    /// What has to be corrected.
    user_errors: Vec<UserError>,
}

/// What the worker needs to know, in the form in which it reads it; also whose job it is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ImportPayload {
    upload: UploadId,
    end_user: EndUserId,
    account: Option<AccountId>,
    create: bool,
}

/// An import by its id; null when the caller cannot see it.
pub(crate) async fn by_id(cx: &Context<'_>, id: &ID) -> Field<ImportJob> {
    if let Err(error) = Access::of(cx).need(KeyScope::ImportWrite) {
        return Some(Err(error));
    }
    find(cx, id_of(id)?).await.transpose()
}

async fn find(cx: &Context<'_>, id: JobId) -> Result<Option<ImportJob>> {
    let mut session = Reads::of(cx).session().await?;
    let found = job::get(&mut session, id)
        .await
        .map_err(|error| store_error(&error))?;
    let Some(job) = found.filter(|job| job.kind == IMPORT_UPLOAD) else {
        return Ok(None);
    };
    let Some(payload) = jobs::read::<ImportPayload>(&job.payload) else {
        return Ok(None);
    };
    let mine = match Access::of(cx).scope() {
        Scope::Tenant => true,
        Scope::EndUser(end_user) => payload.end_user == end_user,
    };
    Ok(mine.then(|| ImportJob::new(job, payload.upload)))
}

/// What is kept of an import that was asked for.
#[derive(Serialize, Deserialize)]
struct Kept {
    job: JobId,
}

/// An import that was asked for properly.
struct Asked<'a> {
    effects: &'a Effects,
    scope: Scope,
    upload: UploadId,
    reference: Option<String>,
    account: Option<AccountId>,
    create: bool,
    request_id: Option<String>,
}

pub(crate) async fn import(
    cx: &Context<'_>,
    input: ImportStatementInput,
) -> Result<ImportStatementPayload> {
    let access = Access::of(cx);
    access.need(KeyScope::ImportWrite)?;
    let once = Once::new(cx, "importStatement", &input.idempotency_key, &input)?;
    let asked = match check(cx, &input) {
        Ok(asked) => asked,
        Err(error) => return Ok(refused(vec![error])),
    };
    let done = once.run_in_tx(cx, &asked).await?;
    match done {
        Done::Refused(user_errors) => Ok(refused(user_errors)),
        Done::Answer(Kept { job }) => Ok(ImportStatementPayload {
            import_job: find(cx, job).await?,
            user_errors: Vec::new(),
        }),
    }
}

fn refused(user_errors: Vec<UserError>) -> ImportStatementPayload {
    ImportStatementPayload {
        user_errors,
        ..Default::default()
    }
}

fn check<'a>(
    cx: &Context<'a>,
    input: &ImportStatementInput,
) -> std::result::Result<Asked<'a>, UserError> {
    let upload = id_of(&input.upload_id).ok_or_else(upload_unknown)?;
    let account = match &input.account_id {
        None => None,
        Some(id) => Some(id_of(id).ok_or_else(account_unknown)?),
    };
    let scope = Access::of(cx).scope();
    let effects = Reads::of(cx).deps.vault.effects();
    let request_id = cx.data_opt::<RequestId>().map(|id| id.0.clone());
    let create = input.create_account;
    Ok(Asked {
        effects,
        scope,
        upload,
        reference: input.end_user_reference.clone(),
        account,
        create,
        request_id,
    })
}

impl Write for Asked<'_> {
    type Answer = Kept;

    fn run<'a>(
        &'a self,
        tx: &'a mut Tx,
    ) -> BoxFuture<'a, std::result::Result<Done<Kept>, StoreError>> {
        Box::pin(self.enqueue(tx))
    }
}

impl Asked<'_> {
    async fn enqueue(&self, tx: &mut Tx) -> std::result::Result<Done<Kept>, StoreError> {
        let now = self.effects.now();
        // Nothing is written before nothing can be refused any more.
        let stored = upload::get(tx, self.scope, self.upload).await?;
        let Some(owner) = stored.and_then(|stored| stored.end_user_id) else {
            return Ok(Done::Refused(vec![upload_unknown()]));
        };
        if let Some(reference) = &self.reference {
            let named = end_user::by_ref(tx, reference).await?;
            if named.is_none_or(|named| named.id != owner) {
                return Ok(Done::Refused(vec![person_differs()]));
            }
        }
        if let Some(id) = self.account
            && account::by_ids(tx, Scope::EndUser(owner), &[id])
                .await?
                .is_empty()
        {
            return Ok(Done::Refused(vec![account_unknown()]));
        }
        if upload::consume(tx, self.scope, self.upload, now)
            .await?
            .is_none()
        {
            return Ok(Done::Refused(vec![upload_unknown()]));
        }
        let payload = ImportPayload {
            upload: self.upload,
            end_user: owner,
            account: self.account,
            create: self.create,
        };
        let new = NewJob {
            priority: PRIORITY_PRESENT,
            exclusion_key: Some(format!("import:{owner}")),
            deduplication_key: Some(format!("{IMPORT_UPLOAD}:{}", self.upload)),
            presence: Presence::Present,
            request_id: self.request_id.clone(),
            ..jobs::new(self.effects, IMPORT_UPLOAD, &payload, now)
        };
        job::enqueue(tx, &new).await?;
        Ok(Done::Answer(Kept { job: new.id }))
    }
}

fn upload_unknown() -> UserError {
    let message = "The upload is unknown, expired or was imported already.";
    UserError::new("UPLOAD_UNKNOWN", "uploadId", message)
}

fn person_differs() -> UserError {
    let message = "The statement was uploaded for another person.";
    UserError::new("END_USER_DIFFERS", "endUserReference", message)
}

fn account_unknown() -> UserError {
    UserError::new(
        "ACCOUNT_UNKNOWN",
        "accountId",
        "The person has no such account.",
    )
}
