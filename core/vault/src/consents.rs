//! Transitions in the store: the machine's answer, the compare-and-swap, what has to follow and
//! the ledger's entry, in one transaction.

use fondaco_model::ids::{ConsentId, DataKeyId, LedgerEventId};
use fondaco_model::v1::{ConsentRevocation, ConsentState};
use fondaco_model::{Effects, Instant};
use fondaco_store::Tx;
use fondaco_store::repo::consent::StoredConsent;
use fondaco_store::repo::ledger::{NewEvent, Personal};
use fondaco_store::repo::link::StoredLink;
use fondaco_store::repo::{consent, grant, job, ledger, link};
use serde_json::{Value, json};

use crate::error::VaultError;
use crate::jobs::{self, ConsentPayload};
use crate::ledger::{Actor, Facts};
use crate::machine::{self, ConsentEvent, EVIDENCE_SECONDS_MIN, Effect, Transition};

/// Seconds between two looks whether a consent works again by itself: one day.
const PROBE_SECONDS: i64 = 86_400;

/// An event with what is recorded of it.
pub(crate) struct Step<'a> {
    pub(crate) effects: &'a Effects,
    pub(crate) event: ConsentEvent,
    pub(crate) actor: Actor,
    /// The moment that the machine judges by.
    pub(crate) now: Instant,
    pub(crate) request_id: Option<&'a str>,
    /// The id of the ledger's entry and its personal part, sealed for that id.
    pub(crate) personal: Option<(LedgerEventId, Personal)>,
}

impl<'a> Step<'a> {
    pub(crate) fn new(effects: &'a Effects, event: ConsentEvent, actor: Actor) -> Self {
        Self {
            now: effects.now(),
            effects,
            event,
            actor,
            request_id: None,
            personal: None,
        }
    }
}

/// Takes the event: the consent is written as it stands afterwards, what the machine asks for
/// follows, and the ledger says so. What only the caller can do (attempt, code, grant, granted
/// dates) it does in the same transaction; its changes of `stored` before the call are written too.
///
/// # Errors
/// [`VaultError::Refused`] when the consent does not take the event; nothing was written then.
pub(crate) async fn apply(
    tx: &mut Tx,
    stored: &mut StoredConsent,
    step: &Step<'_>,
) -> Result<Transition, VaultError> {
    let from = stored.consent.state;
    let transition = machine::transition(from, &step.event, step.now)?;
    // The one order of locks: tenant, then rows.
    tx.lock_tenant().await?;
    let of_link = link::get(tx, stored.consent.link_id)
        .await?
        .ok_or(VaultError::NotFound)?;
    settle_state(stored, &transition, step.now);
    for effect in &transition.effects {
        follow(tx, stored, &of_link, (*effect, step)).await?;
    }
    consent::transition(tx, from, stored).await?;
    stored.version += 1;
    record(tx, stored, step, from).await?;
    Ok(transition)
}

fn settle_state(stored: &mut StoredConsent, transition: &Transition, now: Instant) {
    let consent = &mut stored.consent;
    if consent.state != transition.to {
        consent.reason.clone_from(&transition.reason);
    }
    consent.state = transition.to;
    if transition.to == ConsentState::Active && consent.activated_at.is_none() {
        consent.activated_at = Some(now);
    }
    if transition.to.is_terminal() {
        consent.ended_at = Some(now);
    }
}

async fn follow(
    tx: &mut Tx,
    stored: &mut StoredConsent,
    of_link: &StoredLink,
    (effect, step): (Effect, &Step<'_>),
) -> Result<(), VaultError> {
    let (effects, now) = (step.effects, step.now);
    let link_id = stored.consent.link_id;
    let current = of_link.link.current_consent_id == Some(stored.consent.id);
    match effect {
        Effect::RecordEvidence => {
            stored.reauth_evidence_at.get_or_insert(now);
        }
        Effect::ClearEvidence => stored.reauth_evidence_at = None,
        Effect::DestroyGrant => {
            if let Some(grant) = grant::by_consent(tx, stored.consent.id).await? {
                grant::destroy(tx, grant.id, now).await?;
            }
        }
        Effect::RevokeAtBank | Effect::DeleteAtBank => {
            let grant = grant::by_consent(tx, stored.consent.id).await?;
            if grant.is_some() || stored.bank_consent_sealed.is_some() {
                stored.consent.revocation = ConsentRevocation::Pending;
                ask_to_revoke(tx, stored, of_link, effects).await?;
            }
        }
        Effect::StopSchedules if current => {
            link::set_due(tx, link_id, None).await?;
            job::cancel(tx, &link_id.to_string(), now).await?;
        }
        Effect::ResumeSchedules if current => {
            link::set_due(tx, link_id, Some(now)).await?;
        }
        Effect::ScheduleProbes if current => {
            link::set_due(tx, link_id, Some(now.plus_seconds(PROBE_SECONDS))).await?;
        }
        Effect::EnqueueFirstSync => read_at(tx, of_link, (step, jobs::FIRST_SYNC, now)).await?,
        Effect::EnqueueSync => read_at(tx, of_link, (step, jobs::SYNC_LINK, now)).await?,
        Effect::ScheduleConfirmingCall => {
            let due = now.plus_seconds(EVIDENCE_SECONDS_MIN);
            read_at(tx, of_link, (step, jobs::SYNC_LINK, due)).await?;
        }
        // The caller's own part of the transaction, or found by a sweep over dates.
        Effect::CreateAttempt
        | Effect::ScheduleDeadline
        | Effect::CloseAttempt
        | Effect::ConsumeState
        | Effect::ExchangeCode
        | Effect::StoreGrant
        | Effect::RecordGranted
        | Effect::PollBankStatus
        | Effect::SupersedeAfterFirstRead
        | Effect::ScheduleExpiry
        | Effect::RecordReconfirmation
        // A terminal state is what takes a grant from its readers.
        | Effect::RetireGrant
        // Schedules hang on the link, whose consent the newer one is by now.
        | Effect::RepointSchedules
        | Effect::StopSchedules
        | Effect::ResumeSchedules
        | Effect::ScheduleProbes
        // The ledger's entry is the notice.
        | Effect::Notify(_) => {}
    }
    Ok(())
}

async fn read_at(
    tx: &mut Tx,
    of_link: &StoredLink,
    (step, kind, due): (&Step<'_>, &str, Instant),
) -> Result<(), VaultError> {
    let mut job = jobs::sync(step.effects, kind, of_link.link.id, due);
    job.institution_id = Some(of_link.link.institution_id.clone());
    job.request_id = step.request_id.map(str::to_owned);
    job::enqueue(tx, &job).await?;
    Ok(())
}

/// Of the jobs that tell the bank of a consent's end one waits at a time, and one runs.
pub(crate) fn revocation_key(consent: ConsentId) -> String {
    format!("{}:{consent}", jobs::REVOKE_AT_BANK)
}

pub(crate) async fn ask_to_revoke(
    tx: &mut Tx,
    stored: &StoredConsent,
    of_link: &StoredLink,
    effects: &Effects,
) -> Result<(), VaultError> {
    let consent = stored.consent.id;
    let payload = ConsentPayload { consent };
    let mut job = jobs::new(effects, jobs::REVOKE_AT_BANK, &payload, effects.now());
    job.institution_id = Some(of_link.link.institution_id.clone());
    job.exclusion_key = Some(revocation_key(consent));
    job.deduplication_key = Some(revocation_key(consent));
    job::enqueue(tx, &job).await?;
    Ok(())
}

async fn record(
    tx: &mut Tx,
    stored: &StoredConsent,
    step: &Step<'_>,
    from: ConsentState,
) -> Result<(), VaultError> {
    let consent = &stored.consent;
    let mut facts = json!({ "from": from.as_str(), "to": consent.state.as_str() });
    if let Some(reason) = &consent.reason {
        facts["reason"] = json!(reason.as_str());
    }
    if let Some(id) = step.request_id {
        facts["requestId"] = json!(id);
    }
    let kind = format!("consent.{}", step.event.as_str().to_ascii_lowercase());
    let mut event = entry(step.effects, &kind, step.actor, &facts)?;
    event.end_user_id = Some(consent.end_user_id);
    event.link_id = Some(consent.link_id);
    event.consent_id = Some(consent.id);
    if let Some((id, personal)) = &step.personal {
        event.id = *id;
        event.personal = Some(personal.clone());
    }
    ledger::append(tx, &event).await?;
    Ok(())
}

/// A ledger entry about nobody in particular.
pub(crate) fn entry(
    effects: &Effects,
    kind: &str,
    actor: Actor,
    facts: &Value,
) -> Result<NewEvent, VaultError> {
    Ok(NewEvent {
        id: LedgerEventId::new(effects),
        at: effects.now(),
        kind: kind.to_owned(),
        actor: actor.as_str().to_owned(),
        end_user_id: None,
        link_id: None,
        consent_id: None,
        facts: Facts::new(facts)?.as_str().to_owned(),
        personal: None,
    })
}

/// A personal part sealed beside its entry.
pub(crate) fn sealed_personal(sealed: String, digest: [u8; 32], key: DataKeyId) -> Personal {
    Personal {
        sealed,
        digest,
        data_key_id: key,
    }
}
