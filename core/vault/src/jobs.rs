//! Kinds of jobs and what each needs to know, shared by those who ask for them and those who run
//! them.

use fondaco_model::ids::{AttemptId, ConsentId, GrantId, JobId, LinkId};
use fondaco_model::{Effects, Instant};
use fondaco_store::repo::job::{NewJob, Presence};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The first reading of a link: everything, at once. Payload: [`LinkPayload`].
pub const FIRST_SYNC: &str = "FIRST_SYNC";
/// A later reading of a link: what is new. Payload: [`LinkPayload`].
pub const SYNC_LINK: &str = "SYNC_LINK";
/// A refresh of a grant ahead of its expiry. Payload: [`GrantPayload`].
pub const REFRESH_GRANT: &str = "REFRESH_GRANT";
/// The withdrawal of a consent at the bank. Payload: [`ConsentPayload`].
pub const REVOKE_AT_BANK: &str = "REVOKE_AT_BANK";
/// The question how a consent stands at the bank. Payload: [`PollPayload`].
pub const POLL_CONSENT: &str = "POLL_CONSENT";
/// The end of an exchange that did not finish in time. Payload: [`AttemptPayload`].
pub const SETTLE_INTERRUPTED: &str = "SETTLE_INTERRUPTED";
/// The import of an upload; its payload belongs to who imports.
pub const IMPORT_UPLOAD: &str = "IMPORT_UPLOAD";
/// The end of sessions whose time is over; no payload.
pub const EXPIRE_SESSIONS: &str = "EXPIRE_SESSIONS";
/// The end of a tenant's consents whose last day is over; no payload.
pub const EXPIRE_CONSENTS: &str = "EXPIRE_CONSENTS";

/// The version of every payload here.
pub const PAYLOAD_VERSION: i16 = 1;

/// Priority of work that a person waits for.
pub const PRIORITY_PRESENT: i16 = 10;
/// Priority of a first reading.
pub const PRIORITY_FIRST: i16 = 20;
/// Priority of what has to be done soon.
pub const PRIORITY_SOON: i16 = 30;
/// Priority of scheduled work.
pub const PRIORITY_SCHEDULED: i16 = 50;

macro_rules! payloads {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$field_doc])* pub $field: $kind,)+ }
    )+};
}

payloads! {
    /// A link.
    LinkPayload {
        /// The link.
        link: LinkId,
    }
    /// A grant.
    GrantPayload {
        /// The grant.
        grant: GrantId,
    }
    /// A consent.
    ConsentPayload {
        /// The consent.
        consent: ConsentId,
    }
    /// An attempt.
    AttemptPayload {
        /// The attempt.
        attempt: AttemptId,
    }
    /// An attempt whose consent is asked about.
    PollPayload {
        /// The attempt.
        attempt: AttemptId,
        /// How often the bank was asked already.
        polls: u16,
    }
}

/// Reads a payload; none when it has another form.
pub fn read<T: DeserializeOwned>(payload: &str) -> Option<T> {
    serde_json::from_str(payload).ok()
}

/// A job that is to be written; changed with its public fields before it is enqueued.
pub fn new(effects: &Effects, kind: &str, payload: &impl Serialize, due_at: Instant) -> NewJob {
    NewJob {
        id: JobId::new(effects),
        kind: kind.to_owned(),
        priority: PRIORITY_SOON,
        due_at,
        institution_id: None,
        exclusion_key: None,
        deduplication_key: None,
        presence: Presence::Unattended,
        request_id: None,
        payload: serde_json::to_string(payload).expect("ids and numbers are always JSON"),
        payload_version: PAYLOAD_VERSION,
        created_at: effects.now(),
    }
}

/// A reading of a link: one at a time per link, one waiting per link and kind.
pub fn sync(effects: &Effects, kind: &str, link: LinkId, due_at: Instant) -> NewJob {
    NewJob {
        exclusion_key: Some(link.to_string()),
        deduplication_key: Some(format!("{kind}:{link}")),
        priority: if kind == FIRST_SYNC {
            PRIORITY_FIRST
        } else {
            PRIORITY_SCHEDULED
        },
        ..new(effects, kind, &LinkPayload { link }, due_at)
    }
}
