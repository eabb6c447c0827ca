//! What is recorded when a person goes to the bank for the first time: link, consent, and where
//! they agreed from.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use fondaco_model::Instant;
use fondaco_model::ids::{ConsentId, LedgerEventId, LinkId};
use fondaco_model::v1::{Consent, ConsentRevocation, ConsentState, Link, LinkHealth, LinkProgress};
use fondaco_store::Tx;
use fondaco_store::repo::consent::StoredConsent;
use fondaco_store::repo::ledger::Personal;
use fondaco_store::repo::link_session::{self, LinkSession, SessionState};
use fondaco_store::repo::registration::StoredRegistration;
use fondaco_store::repo::{consent, ledger, link};
use serde_json::json;
use zeroize::Zeroizing;

use crate::Inner;
use crate::consents::{entry, sealed_personal};
use crate::departure::Visitor;
use crate::error::VaultError;
use crate::ledger::{Actor, PersonalPart};
use crate::pages::PageError;
use crate::seal::{DataKey, Place, Ring, Subject, purpose, seal_text};

/// Writes link and consent of a session that goes to the bank for the first time.
pub(crate) async fn record(
    inner: &Inner,
    tx: &mut Tx,
    (session, registration, key): (&LinkSession, &StoredRegistration, &Arc<DataKey>),
    (fresh_link, consent_id): (LinkId, ConsentId),
) -> Result<StoredConsent, PageError> {
    let now = inner.now();
    let institution = &registration.registration.institution_id;
    let link_id = session.link_id.unwrap_or(fresh_link);
    if session.link_id.is_none() {
        let seq = tx.reserve_seq(1).await?;
        let new = new_link(session, (link_id, institution), now);
        link::insert(tx, &new, registration.registration.id, seq).await?;
    }
    let manifest = inner
        .catalogue
        .manifest(institution)
        .ok_or(PageError::NotConnectable)?;
    let days = i32::try_from(manifest.limits.consent_days_max).unwrap_or(i32::MAX);
    let stored = StoredConsent {
        consent: Consent {
            id: consent_id,
            link_id,
            end_user_id: session.end_user_id,
            state: ConsentState::Created,
            reason: None,
            scopes: session.scopes.clone(),
            requested_at: now,
            requested_until: Some(now.utc_date().plus_days(days)),
            granted_until: None,
            history_from: session.history_from,
            activated_at: None,
            ended_at: None,
            superseded_by: None,
            revocation: ConsentRevocation::NotNeeded,
        },
        registration_id: registration.registration.id,
        bank_consent_sealed: None,
        data_key_id: key.label().id,
        text_shown_sha256: None,
        locale: None,
        reauth_evidence_at: None,
        version: 1,
    };
    consent::insert(tx, &stored).await?;
    let words: Vec<_> = session.scopes.iter().map(|scope| scope.as_str()).collect();
    let facts = json!({ "institution": institution, "scopes": words, "session": session.id });
    let mut event = entry(&inner.effects, "consent.created", Actor::EndUser, &facts)?;
    event.end_user_id = Some(session.end_user_id);
    event.link_id = Some(link_id);
    event.consent_id = Some(consent_id);
    ledger::append(tx, &event).await?;
    let step = link_session::Step {
        from: session.state_after_binding(),
        to: SessionState::Opened,
        institution_id: session.institution_id.clone(),
        link_id: Some(link_id),
        consent_id: Some(consent_id),
    };
    link_session::proceed(tx, session.id, &step).await?;
    Ok(stored)
}

/// Where a session stands once its browser is bound.
trait AfterBinding {
    fn state_after_binding(&self) -> SessionState;
}

impl AfterBinding for LinkSession {
    fn state_after_binding(&self) -> SessionState {
        match self.state {
            SessionState::Created => SessionState::Opened,
            other => other,
        }
    }
}

fn new_link(session: &LinkSession, (id, institution): (LinkId, &str), now: Instant) -> Link {
    Link {
        id,
        end_user_id: session.end_user_id,
        institution_id: institution.to_owned(),
        current_consent_id: None,
        health: LinkHealth::Unknown,
        health_until: None,
        progress: LinkProgress::None,
        last_attempt_at: None,
        last_success_at: None,
        next_due_at: None,
        created_at: now,
        disconnected_at: None,
    }
}

/// Where the person agreed from, sealed beside the ledger's entry.
pub(crate) async fn personal_part(
    inner: &Inner,
    session: &LinkSession,
    visitor: &Visitor,
) -> Result<(LedgerEventId, Personal), VaultError> {
    let subject = Subject::EndUser(session.end_user_id);
    let key = inner
        .keys
        .of_subject(session.tenant_id, Ring::Data, subject)
        .await?;
    let id = LedgerEventId::new(&inner.effects);
    let agent = visitor.user_agent.as_deref().unwrap_or_default();
    let content = json!({ "ip": visitor.ip.to_string(), "userAgent": agent }).to_string();
    let part = PersonalPart::new(&inner.effects, content.as_bytes());
    let place = Place {
        purpose: purpose::LEDGER_PERSONAL,
        tenant: Some(session.tenant_id),
        table: "ledger_event",
        column: "personal_sealed",
        row: id.0,
        version: 1,
        part: 0,
    };
    let plain = Zeroizing::new(BASE64URL.encode(&part.plain));
    let sealed = seal_text(&inner.effects, &key, &place, &plain)?;
    Ok((id, sealed_personal(sealed, part.digest, key.label().id)))
}
