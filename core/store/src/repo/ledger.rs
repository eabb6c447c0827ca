//! The ledger: everything that touched consents, tokens, keys and tenants, as a chain of hashes.
//!
//! The hash of an event covers the hash before it, every fact, and the digest of its personal part.
//! The personal part itself stands sealed beside the chain: when its key is destroyed the chain
//! still verifies. Positions count from 1 without gaps. What a chain alone cannot show is that its
//! end was cut off: compare [`Verified::last_hash`] with a copy kept elsewhere.

use fondaco_model::Instant;
use fondaco_model::ids::{ConsentId, DataKeyId, EndUserId, LedgerEventId, LinkId};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Digest, ROWS_MAX, page};
use crate::engine::{Session, Tx};
use crate::error::{Result, StoreError};

/// What the first event of a chain names as the hash before it.
pub const GENESIS: Digest = [0; 32];

/// The version of the hashed form; part of what is hashed.
const FORM: &[u8] = b"fondaco ledger 1";

/// An event that is to be appended.
#[derive(Clone)]
pub struct NewEvent {
    /// Our id.
    pub id: LedgerEventId,
    /// When it happened.
    pub at: Instant,
    /// What happened, as a word with dots: `consent.activated`.
    pub kind: String,
    /// Who did it: `tenant`, `end_user`, `bank`, `operator`, `system`, with an id where one is.
    pub actor: String,
    /// Whom it concerns.
    pub end_user_id: Option<EndUserId>,
    /// The link that it concerns.
    pub link_id: Option<LinkId>,
    /// The consent that it concerns.
    pub consent_id: Option<ConsentId>,
    /// Facts without personal data, as JSON text; hashed as it stands.
    pub facts: String,
    /// The personal part.
    pub personal: Option<Personal>,
}

/// The personal part of an event.
#[derive(Clone, PartialEq, Eq)]
pub struct Personal {
    /// Sealed; unreadable once its key is destroyed.
    pub sealed: String,
    /// A keyed digest of what is sealed, so that it cannot be guessed from the chain.
    pub digest: Digest,
    /// The key that seals it.
    pub data_key_id: DataKeyId,
}

/// An event in its chain.
#[derive(Clone)]
pub struct LedgerEvent {
    /// Its position, from 1.
    pub seq: i64,
    /// What was appended.
    pub event: NewEvent,
    /// The hash of the event before.
    pub prev_hash: Digest,
    /// The hash of this event.
    pub hash: Digest,
}

impl std::fmt::Debug for NewEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewEvent({}, {})", self.id, self.kind)
    }
}

impl std::fmt::Debug for LedgerEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LedgerEvent({}, {:?})", self.seq, self.event)
    }
}

fn personal(
    sealed: Option<String>,
    digest: Option<Digest>,
    key: Option<Uuid>,
) -> Result<Option<Personal>> {
    match (sealed, digest, key) {
        (None, None, None) => Ok(None),
        (Some(sealed), Some(digest), Some(key)) => Ok(Some(Personal {
            sealed,
            digest,
            data_key_id: DataKeyId(key),
        })),
        _ => Err(StoreError::Inconsistent {
            column: "personal_digest",
        }),
    }
}

record!(LedgerEvent, |row| LedgerEvent {
    seq: row.col("seq")?,
    event: NewEvent {
        id: LedgerEventId(row.col("id")?),
        at: row.instant("at")?,
        kind: row.col("kind")?,
        actor: row.col("actor")?,
        end_user_id: row.col::<Option<Uuid>>("end_user_id")?.map(EndUserId),
        link_id: row.col::<Option<Uuid>>("link_id")?.map(LinkId),
        consent_id: row.col::<Option<Uuid>>("consent_id")?.map(ConsentId),
        facts: row.col("facts")?,
        personal: personal(
            row.col("personal_sealed")?,
            row.digest_opt("personal_digest")?,
            row.col("data_key_id")?
        )?,
    },
    prev_hash: row.digest("prev_hash")?,
    hash: row.digest("hash")?,
});

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select seq, id, at, kind, actor, end_user_id, link_id, consent_id, facts, \
             personal_sealed, personal_digest, data_key_id, prev_hash, hash from ledger_event \
             where tenant_id = $1 and ",
            $rest
        )
    };
}

statements! {
    LAST = select!("seq > 0 order by seq desc limit 1");
    PAGE = select!("seq > $2 order by seq limit $3");
    BY_CONSENT = select!("consent_id = $2 order by seq limit $3");
    INSERT = "insert into ledger_event (tenant_id, seq, id, at, kind, actor, end_user_id, \
        link_id, consent_id, facts, personal_sealed, personal_digest, data_key_id, prev_hash, \
        hash) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
}

/// Appends an event to the tenant's chain, or to the operator's. The tenant's row stays locked
/// until commit: two events cannot take one position.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such tenant.
pub async fn append(tx: &mut Tx, event: &NewEvent) -> Result<LedgerEvent> {
    tx.lock_tenant().await?;
    let tenant = tx.tenant().0;
    let last = fetch_optional!(tx, LAST => LedgerEvent, tenant)?;
    let (seq, prev_hash) = last.map_or((1, GENESIS), |last| (last.seq + 1, last.hash));
    let hash = hash_of(tenant, seq, &prev_hash, event);
    let personal = event.personal.as_ref();
    execute!(
        tx,
        INSERT,
        tenant,
        seq,
        event.id.0,
        event.at.micros(),
        event.kind.as_str(),
        event.actor.as_str(),
        event.end_user_id.map(|id| id.0),
        event.link_id.map(|id| id.0),
        event.consent_id.map(|id| id.0),
        event.facts.as_str(),
        personal.map(|part| part.sealed.as_str()),
        personal.map(|part| part.digest.as_slice()),
        personal.map(|part| part.data_key_id.0),
        prev_hash.as_slice(),
        hash.as_slice()
    )?;
    Ok(LedgerEvent {
        seq,
        event: event.clone(),
        prev_hash,
        hash,
    })
}

/// SHA-256 over every field with its length before it, so that no two events have one form.
fn hash_of(tenant: Uuid, seq: i64, prev_hash: &Digest, event: &NewEvent) -> Digest {
    let mut hasher = Sha256::new();
    let mut field = |bytes: Option<&[u8]>| match bytes {
        None => hasher.update(u64::MAX.to_be_bytes()),
        Some(bytes) => {
            let length = u64::try_from(bytes.len()).expect("a field is shorter than 2^64 bytes");
            hasher.update(length.to_be_bytes());
            hasher.update(bytes);
        }
    };
    field(Some(FORM));
    field(Some(tenant.as_bytes()));
    field(Some(&seq.to_be_bytes()));
    field(Some(prev_hash));
    field(Some(event.id.0.as_bytes()));
    field(Some(&event.at.micros().to_be_bytes()));
    field(Some(event.kind.as_bytes()));
    field(Some(event.actor.as_bytes()));
    field(
        event
            .end_user_id
            .as_ref()
            .map(|id| id.0.as_bytes().as_slice()),
    );
    field(event.link_id.as_ref().map(|id| id.0.as_bytes().as_slice()));
    field(
        event
            .consent_id
            .as_ref()
            .map(|id| id.0.as_bytes().as_slice()),
    );
    field(Some(event.facts.as_bytes()));
    let personal = event.personal.as_ref();
    field(personal.map(|part| part.digest.as_slice()));
    hasher.finalize().into()
}

/// Events of the tenant after a position, in order.
pub async fn list(session: &mut Session, after: i64, limit: u32) -> Result<Vec<LedgerEvent>> {
    let tenant = session.tenant().0;
    fetch_all!(session, PAGE => LedgerEvent, tenant, after, page(limit))
}

/// Events of a consent, in order; the first `limit`.
pub async fn by_consent(
    session: &mut Session,
    consent: ConsentId,
    limit: u32,
) -> Result<Vec<LedgerEvent>> {
    let tenant = session.tenant().0;
    fetch_all!(session, BY_CONSENT => LedgerEvent, tenant, consent.0, page(limit))
}

/// What a walk along a chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many events were good, from the first on.
    pub events: i64,
    /// The position of the first event that is missing, moved or changed; none when all are good.
    pub first_bad: Option<i64>,
    /// The hash of the last good event.
    pub last_hash: Digest,
}

/// Walks along the tenant's chain and stops at the first event that does not fit.
pub async fn verify(session: &mut Session) -> Result<Verified> {
    let tenant = session.tenant().0;
    let mut good = Verified {
        events: 0,
        first_bad: None,
        last_hash: GENESIS,
    };
    loop {
        let events = list(session, good.events, ROWS_MAX).await?;
        if events.is_empty() {
            return Ok(good);
        }
        for event in events {
            let expected = hash_of(tenant, event.seq, &event.prev_hash, &event.event);
            let fits = event.seq == good.events + 1
                && event.prev_hash == good.last_hash
                && event.hash == expected;
            if !fits {
                good.first_bad = Some(good.events + 1);
                return Ok(good);
            }
            good.events = event.seq;
            good.last_hash = event.hash;
        }
    }
}
