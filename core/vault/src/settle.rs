//! What is written when an exchange went well, failed, or is not decided.

use std::time::Duration;

use fondaco_connectors::core::Grant;
use fondaco_model::Secret;
use fondaco_model::ids::{GrantId, LinkSessionId};
use fondaco_store::Tx;
use fondaco_store::repo::attempt::Attempt;
use fondaco_store::repo::consent::StoredConsent;
use fondaco_store::repo::grant::{Document, NewGrant};
use fondaco_store::repo::{consent, grant, job, link, link_session};

use crate::Inner;
use crate::consents::{Step, apply};
use crate::error::VaultError;
use crate::grants::{self, GrantPlace, KIND};
use crate::jobs::{self, PollPayload};
use crate::ledger::Actor;
use crate::machine::{ConsentEvent, ExchangeFailure};
use crate::outcome::{self, EndedAs, Finish};
use crate::seal::{Ring, Subject};

/// A grant on its way into the store.
pub(crate) struct Fresh {
    pub(crate) id: GrantId,
    pub(crate) grant: Grant,
}

/// Stores a new grant of a consent, in the place of an older one where there is one.
pub(crate) async fn keep_grant(
    inner: &Inner,
    tx: &mut Tx,
    (of, id): (&Attempt, GrantId),
    (stored, document): (&mut StoredConsent, &NewDocument),
) -> Result<(), VaultError> {
    if let Some(sealed) = &document.bank_consent {
        stored.bank_consent_sealed = Some(sealed.clone());
        stored.data_key_id = document.document.data_key_id;
    }
    let new = NewGrant {
        id,
        consent_id: of.consent_id,
        kind: KIND.to_owned(),
        at: inner.now(),
    };
    Ok(grant::insert(tx, &new, &document.document).await?)
}

/// A grant sealed for its row, and what the bank calls the consent.
pub(crate) struct NewDocument {
    document: Document,
    bank_consent: Option<String>,
}

impl Inner {
    pub(crate) async fn document(
        &self,
        of: &Attempt,
        fresh: &Fresh,
    ) -> Result<NewDocument, VaultError> {
        let mut read = self.db.read(of.tenant_id).await?;
        let stored = consent::get(&mut read, of.consent_id)
            .await?
            .ok_or(VaultError::NotFound)?;
        drop(read);
        let subject = Subject::EndUser(stored.consent.end_user_id);
        let key = self
            .keys
            .of_subject(of.tenant_id, Ring::Token, subject)
            .await?;
        let place = GrantPlace {
            tenant: of.tenant_id,
            id: fresh.id,
            generation: 1,
        };
        let document = grants::seal(self, &key, place, (&fresh.grant, self.now()))?;
        let reference = fresh.grant.bank_consent_ref.as_deref();
        let at = (of.tenant_id, of.consent_id);
        let seal = |text| grants::seal_bank_consent(self, &key, at, text);
        Ok(NewDocument {
            document,
            bank_consent: reference.map(seal).transpose()?,
        })
    }
}

pub(crate) async fn in_force(
    inner: &Inner,
    tx: &mut Tx,
    of: &Attempt,
    (stored, code): (&mut StoredConsent, &Secret),
) -> Result<(), VaultError> {
    let seq = tx.reserve_seq(1).await?;
    let session = link_session::get(tx, of.link_session_id)
        .await?
        .ok_or(VaultError::NotFound)?;
    let event = ConsentEvent::ExchangeSucceeded;
    let mut step = Step::new(&inner.effects, event, Actor::Bank);
    step.request_id = session.request_id.as_deref();
    apply(tx, stored, &step).await?;
    link::set_consent(tx, stored.consent.link_id, Some(stored.consent.id), seq).await?;
    let finish = Finish {
        ended: EndedAs::Succeeded,
        reason: None,
        code,
        actor: Actor::Bank,
        now: inner.now(),
    };
    outcome::finish(inner, tx, &session, &finish).await?;
    Ok(())
}

pub(crate) async fn ask_later(
    inner: &Inner,
    tx: &mut Tx,
    of: &Attempt,
    (wait, polls): (Duration, u16),
) -> Result<(), VaultError> {
    let millis = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
    let payload = PollPayload {
        attempt: of.id,
        polls,
    };
    let due = inner.now().plus_millis(millis);
    let mut poll = jobs::new(&inner.effects, jobs::POLL_CONSENT, &payload, due);
    poll.deduplication_key = Some(format!("{}:{}", jobs::POLL_CONSENT, of.id));
    poll.priority = jobs::PRIORITY_PRESENT;
    job::enqueue(tx, &poll).await?;
    Ok(())
}

pub(crate) async fn failed(
    inner: &Inner,
    tx: &mut Tx,
    session: LinkSessionId,
    (stored, failure, code): (&mut StoredConsent, ExchangeFailure, &Secret),
) -> Result<(), VaultError> {
    let session = link_session::get(tx, session)
        .await?
        .ok_or(VaultError::NotFound)?;
    let event = ConsentEvent::ExchangeFailed(failure);
    apply(tx, stored, &Step::new(&inner.effects, event, Actor::System)).await?;
    let finish = Finish {
        ended: EndedAs::Failed,
        reason: Some(failure.reason()),
        code,
        actor: Actor::System,
        now: inner.now(),
    };
    outcome::finish(inner, tx, &session, &finish).await?;
    Ok(())
}
