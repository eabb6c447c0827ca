//! Rules of the repositories, on both engines.

mod access;
mod attempts;
mod composed;
mod consents;
mod grants;
mod jobs;
mod keys;
mod ledgers;
mod plans;
mod sample;
mod statements;

use std::sync::Arc;

use fondaco_model::effects::SystemEntropy;
use fondaco_model::ids::{
    ConsentId, DataKeyId, EndUserId, LinkId, LinkSessionId, RegistrationId, TenantId,
};
use fondaco_model::scope::ConsentScope;
use fondaco_model::time::ManualClock;
use fondaco_model::v1::{
    Consent, ConsentRevocation, ConsentState, Link, LinkHealth, LinkProgress, Owner, Registration,
};
use fondaco_model::{Effects, Instant};

use super::consent::StoredConsent;
use super::link_session::{LinkSession, SessionState};
use super::registration::StoredRegistration;
use super::tenant::{Details, Mode};
use super::{Digest, consent, end_user, link, link_session, registration, tenant};
use crate::in_tx;
use crate::testing::TestDb;

const NOW: Instant = Instant::from_micros(1_800_000_000_000_000);

/// A clock that stands and the system's randomness.
fn effects() -> Effects {
    Effects::new(Arc::new(ManualClock::at(NOW)), Arc::new(SystemEntropy))
}

fn digest(byte: u8) -> Digest {
    [byte; 32]
}

fn details() -> Details {
    Details {
        display_name: "Example Books".to_owned(),
        privacy_url: "https://books.example/privacy".to_owned(),
        support_contact: "help@books.example".to_owned(),
    }
}

async fn new_tenant(db: &TestDb) -> TenantId {
    let id = TenantId::new(&effects());
    in_tx!(db, id, |tx| {
        tenant::create(tx, &details(), Mode::Test, NOW).await
    })
    .unwrap();
    id
}

async fn new_end_user(db: &TestDb, tenant: TenantId) -> EndUserId {
    let id = EndUserId::new(&effects());
    let reference = id.to_string();
    in_tx!(db, tenant, |tx| {
        end_user::get_or_create(tx, &reference, id, NOW).await
    })
    .unwrap()
    .id
}

fn registration_of(owner: Owner, institution: &str) -> StoredRegistration {
    StoredRegistration {
        registration: Registration {
            id: RegistrationId::new(&effects()),
            owner,
            institution_id: institution.to_owned(),
            client_id: "client".to_owned(),
            redirect_uri: "https://fondaco.example/callback".to_owned(),
            created_at: NOW,
        },
        environment: "sandbox".to_owned(),
        client_secret_sealed: Some("sealed".to_owned()),
        data_key_id: DataKeyId::new(&effects()),
        rotated_at: None,
        disabled_at: None,
    }
}

/// A tenant with a person, a registration of its own, a link and a consent.
struct House {
    tenant: TenantId,
    end_user: EndUserId,
    registration: RegistrationId,
    link: LinkId,
    consent: StoredConsent,
}

async fn house(db: &TestDb) -> House {
    let tenant = new_tenant(db).await;
    let end_user = new_end_user(db, tenant).await;
    let registration = registration_of(Owner::Tenant(tenant), "bank");
    let link = Link {
        id: LinkId::new(&effects()),
        end_user_id: end_user,
        institution_id: "bank".to_owned(),
        current_consent_id: None,
        health: LinkHealth::Unknown,
        health_until: None,
        progress: LinkProgress::None,
        last_attempt_at: None,
        last_success_at: None,
        next_due_at: None,
        created_at: NOW,
        disconnected_at: None,
    };
    let registration_id = registration.registration.id;
    let consent = consent_of(end_user, link.id, registration_id);
    in_tx!(db, tenant, |tx| {
        registration::insert(tx, &registration).await?;
        let seq = tx.reserve_seq(1).await?;
        link::insert(tx, &link, registration_id, seq).await?;
        consent::insert(tx, &consent).await
    })
    .unwrap();
    House {
        tenant,
        end_user,
        registration: registration_id,
        link: link.id,
        consent,
    }
}

fn consent_of(end_user: EndUserId, link: LinkId, registration: RegistrationId) -> StoredConsent {
    StoredConsent {
        consent: Consent {
            id: ConsentId::new(&effects()),
            link_id: link,
            end_user_id: end_user,
            state: ConsentState::Created,
            reason: None,
            scopes: vec![ConsentScope::Accounts, ConsentScope::Transactions],
            requested_at: NOW,
            requested_until: Some("2027-03-01".parse().unwrap()),
            granted_until: None,
            history_from: Some("2026-01-01".parse().unwrap()),
            activated_at: None,
            ended_at: None,
            superseded_by: None,
            revocation: ConsentRevocation::NotNeeded,
        },
        registration_id: registration,
        bank_consent_sealed: None,
        data_key_id: DataKeyId::new(&effects()),
        text_shown_sha256: Some(digest(3)),
        locale: Some("de".to_owned()),
        reauth_evidence_at: None,
        version: 1,
    }
}

async fn new_session(db: &TestDb, house: &House, page_token: &Digest) -> LinkSession {
    let session = LinkSession {
        id: LinkSessionId::new(&effects()),
        tenant_id: house.tenant,
        end_user_id: house.end_user,
        browser_hash: None,
        institution_id: None,
        link_id: None,
        consent_id: None,
        scopes: vec![ConsentScope::Accounts],
        history_from: None,
        return_url: "https://books.example/back".to_owned(),
        locale: None,
        state: SessionState::Created,
        reason: None,
        request_id: None,
        result_redeemed_at: None,
        created_at: NOW,
        expires_at: NOW.plus_seconds(900),
        ended_at: None,
    };
    in_tx!(db, house.tenant, |tx| {
        link_session::insert(tx, &session, page_token).await
    })
    .unwrap();
    session
}
