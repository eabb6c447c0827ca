//! Writes that must not act twice: an answer is kept, sealed, under the caller's key.

use std::future::Future;

use async_graphql::{Context, InputType, Result};
use fondaco_model::Instant;
use fondaco_model::ids::TenantId;
use fondaco_store::repo::idempotency::{self, Begun, KeptAnswer, Key, Span};
use fondaco_store::{StoreError, Tx, in_tx};
use fondaco_vault::seal::{
    DataKey, Place, Ring, Subject, key_of_text, open_text, seal_text, sha256,
};
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::user_error::{UserError, vault_error};
use crate::http::code::Code;
use crate::schema::access::{Access, store_error};
use crate::schema::reads::Reads;

/// Longest idempotency key, in characters.
pub(crate) const KEY_CHARS_MAX: usize = 255;

/// How long an answer is kept.
const KEPT_SECONDS: i64 = 24 * 3_600;

/// How long a write may run; afterwards whoever cut it off may try again. Longer than any request.
const RUNNING_SECONDS: i64 = 60;

/// What came of a write.
pub(crate) enum Done<A> {
    /// It was done; this is kept.
    Answer(A),
    /// The input has to be corrected; nothing was done and nothing is kept.
    Refused(Vec<UserError>),
}

/// A write that is one transaction. It may run again when the database had to break a tie, so it
/// does nothing outside the transaction.
pub(crate) trait Write: Sync {
    /// What is kept of it.
    type Answer: Serialize + DeserializeOwned + Send;

    /// Writes, or says what has to be corrected before anything is written.
    fn run<'a>(
        &'a self,
        tx: &'a mut Tx,
    ) -> BoxFuture<'a, std::result::Result<Done<Self::Answer>, StoreError>>;
}

/// A write under an idempotency key.
pub(crate) struct Once {
    tenant: TenantId,
    operation: &'static str,
    key_hash: [u8; 32],
    input_hash: [u8; 32],
}

impl Once {
    /// A write whose key belongs to the caller: a tenant's server, or one person.
    ///
    /// # Errors
    /// `QUERY_INVALID` when the key is empty or too long.
    pub(crate) fn new(
        cx: &Context<'_>,
        operation: &'static str,
        key: &str,
        input: &impl InputType,
    ) -> Result<Self> {
        let access = Access::of(cx);
        if !(1..=KEY_CHARS_MAX).contains(&key.chars().count()) {
            let message = format!("`idempotencyKey` has 1 to {KEY_CHARS_MAX} characters.");
            return Err(Code::QueryInvalid.error(message));
        }
        let owner = access
            .scope()
            .end_user()
            .map_or_else(String::new, |id| id.to_string());
        Ok(Self {
            tenant: access.tenant(),
            operation,
            key_hash: sha256(&format!("{owner}\n{key}")),
            input_hash: sha256(&input.to_value().to_string()),
        })
    }

    fn key(&self) -> Key<'_> {
        Key {
            operation: self.operation,
            key_hash: &self.key_hash,
        }
    }

    /// Runs a write in steps of its own. The key is taken first and the answer kept afterwards; a
    /// write that is cut off gives its key back by time.
    ///
    /// # Errors
    /// `IDEMPOTENCY_MISMATCH`, `IDEMPOTENCY_IN_PROGRESS`, and those of the write.
    pub(crate) async fn run<A, F>(&self, cx: &Context<'_>, act: F) -> Result<Done<A>>
    where
        A: Serialize + DeserializeOwned,
        F: Future<Output = Result<Done<A>>>,
    {
        let vault = &Reads::of(cx).deps.vault;
        let db = vault.db();
        let now = vault.effects().now();
        let span = Span {
            now,
            expires_at: now.plus_seconds(RUNNING_SECONDS),
        };
        let begun: std::result::Result<_, StoreError> = in_tx!(db, self.tenant, |tx| {
            idempotency::begin(tx, self.key(), &self.input_hash, span).await
        });
        let begun = begun.map_err(|error| store_error(&error))?;
        if let Some(kept) = known(begun)? {
            return Ok(Done::Answer(self.open(cx, &kept).await?));
        }
        let done = act.await;
        if let Ok(Done::Answer(answer)) = &done {
            let key = self.data_key(cx).await?;
            let kept = self.seal(cx, &key, answer)?;
            let written: std::result::Result<_, StoreError> =
                in_tx!(db, self.tenant, |tx| self.keep(tx, now, &kept).await);
            written.map_err(|error| store_error(&error))?;
        } else {
            let written: std::result::Result<_, StoreError> =
                in_tx!(db, self.tenant, |tx| idempotency::abandon(tx, self.key())
                    .await);
            written.map_err(|error| store_error(&error))?;
        }
        done
    }

    /// Runs a write within one transaction, together with its key and its answer.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub(crate) async fn run_in_tx<W: Write>(
        &self,
        cx: &Context<'_>,
        write: &W,
    ) -> Result<Done<W::Answer>> {
        let vault = &Reads::of(cx).deps.vault;
        let now = vault.effects().now();
        let key = self.data_key(cx).await?;
        let span = Span {
            now,
            expires_at: now.plus_seconds(KEPT_SECONDS),
        };
        let written: std::result::Result<_, StoreError> = in_tx!(vault.db(), self.tenant, |tx| {
            let begun = idempotency::begin(tx, self.key(), &self.input_hash, span).await?;
            if !matches!(begun, Begun::New) {
                return Ok((begun, None));
            }
            let done = write.run(tx).await?;
            if let Done::Answer(answer) = &done {
                let broken = |_| StoreError::Inconsistent {
                    column: "answer_sealed",
                };
                let kept = self.seal(cx, &key, answer).map_err(broken)?;
                idempotency::complete(tx, self.key(), &kept).await?;
            } else {
                idempotency::abandon(tx, self.key()).await?;
            }
            Ok((begun, Some(done)))
        });
        let (begun, done) = written.map_err(|error| store_error(&error))?;
        match (known(begun)?, done) {
            (Some(kept), _) => Ok(Done::Answer(self.open(cx, &kept).await?)),
            (None, Some(done)) => Ok(done),
            (None, None) => Err(Code::Internal.error("")),
        }
    }

    /// The key is taken anew for as long as the answer is kept.
    async fn keep(
        &self,
        tx: &mut Tx,
        now: Instant,
        kept: &KeptAnswer,
    ) -> std::result::Result<(), StoreError> {
        idempotency::abandon(tx, self.key()).await?;
        let span = Span {
            now,
            expires_at: now.plus_seconds(KEPT_SECONDS),
        };
        match idempotency::begin(tx, self.key(), &self.input_hash, span).await? {
            Begun::New => idempotency::complete(tx, self.key(), kept).await,
            // Another request took the key after ours ran out of time; its answer stands.
            Begun::InProgress | Begun::Mismatch | Begun::Done(_) => Ok(()),
        }
    }

    /// The tenant's own key: an answer is the tenant's, not one person's.
    async fn data_key(&self, cx: &Context<'_>) -> Result<std::sync::Arc<DataKey>> {
        let keys = Reads::of(cx).deps.vault.keys();
        let key = keys
            .of_subject(self.tenant, Ring::Data, Subject::Tenant(self.tenant))
            .await;
        key.map_err(|error| vault_error(&error.into()))
    }

    fn seal(&self, cx: &Context<'_>, key: &DataKey, answer: &impl Serialize) -> Result<KeptAnswer> {
        let effects = Reads::of(cx).deps.vault.effects();
        let text = serde_json::to_string(answer).map_err(|_| Code::Internal.error(""))?;
        let sealed = seal_text(effects, key, &self.place(), &text);
        let sealed = sealed.map_err(|error| vault_error(&error.into()))?;
        Ok(KeptAnswer {
            sealed,
            data_key_id: key.label().id,
        })
    }

    async fn open<A: DeserializeOwned>(&self, cx: &Context<'_>, kept: &KeptAnswer) -> Result<A> {
        let id = key_of_text(&kept.sealed).map_err(|error| vault_error(&error.into()))?;
        let key = Reads::of(cx).deps.vault.keys().by_id(self.tenant, id).await;
        let key = key.map_err(|error| vault_error(&error.into()))?;
        let text = open_text(&key, &self.place(), &kept.sealed);
        let text = text.map_err(|error| vault_error(&error.into()))?;
        serde_json::from_str(text.expose()).map_err(|_| Code::Internal.error(""))
    }

    fn place(&self) -> Place {
        let mut row = [0; 16];
        row.copy_from_slice(&self.key_hash[..16]);
        Place {
            purpose: "idempotency-answer",
            tenant: Some(self.tenant),
            table: "idempotency",
            column: "answer_sealed",
            row: Uuid::from_bytes(row),
            version: 1,
            part: 0,
        }
    }
}

/// The kept answer of a key, none when the key is new.
fn known(begun: Begun) -> Result<Option<KeptAnswer>> {
    match begun {
        Begun::New => Ok(None),
        Begun::Done(kept) => Ok(Some(kept)),
        Begun::InProgress => Err(Code::IdempotencyInProgress
            .error("The first request with this idempotency key is still running.")),
        Begun::Mismatch => Err(Code::IdempotencyMismatch
            .error("The idempotency key was already used with another input.")),
    }
}
