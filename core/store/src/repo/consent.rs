//! Consents: kept with what the bank calls them (sealed), changed by compare-and-swap only.

use fondaco_model::ids::{ConsentId, DataKeyId, EndUserId, LinkId, RegistrationId};
use fondaco_model::scope;
use fondaco_model::v1::{Consent, ConsentRevocation, ConsentState, TerminationReason};
use fondaco_model::{Date, Instant};
use uuid::Uuid;

use super::composed::fetch_composed;
use super::{Digest, Scope, page};
use crate::engine::bulk::InList;
use crate::engine::{Session, Tx};
use crate::error::{Result, StoreError};

/// Most consents that one call answers for many links.
pub const BY_LINKS_MAX: i64 = 10_000;

/// A consent with what only the vault needs.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredConsent {
    /// What clients may see.
    pub consent: Consent,
    /// The registration that it is made with.
    pub registration_id: RegistrationId,
    /// The bank's id of it, sealed.
    pub bank_consent_sealed: Option<String>,
    /// The key that seals it.
    pub data_key_id: DataKeyId,
    /// SHA-256 of the text that the person saw.
    pub text_shown_sha256: Option<Digest>,
    /// The language of that text, BCP47.
    pub locale: Option<String>,
    /// When the bank first said that the authentication is no longer good.
    pub reauth_evidence_at: Option<Instant>,
    /// Counts the changes of the row; what a change compares and swaps.
    pub version: i64,
}

impl StoredConsent {
    /// True while the bank has still to be told that it is over.
    pub fn revocation_pending(&self) -> bool {
        self.consent.revocation == ConsentRevocation::Pending
    }
}

impl std::fmt::Debug for StoredConsent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            consent, version, ..
        } = self;
        write!(
            f,
            "StoredConsent({}, {}, version {version})",
            consent.id, consent.state
        )
    }
}

record!(StoredConsent, |row| StoredConsent {
    consent: Consent {
        id: ConsentId(row.col("id")?),
        link_id: LinkId(row.col("link_id")?),
        end_user_id: EndUserId(row.col("end_user_id")?),
        state: row.code("state")?,
        reason: row
            .col::<Option<&str>>("reason")?
            .map(TerminationReason::from_word),
        scopes: row.scopes("scopes")?,
        requested_at: row.instant("requested_at")?,
        requested_until: row.date_opt("requested_until")?,
        granted_until: row.date_opt("granted_until")?,
        history_from: row.date_opt("history_from")?,
        activated_at: row.instant_opt("activated_at")?,
        ended_at: row.instant_opt("ended_at")?,
        superseded_by: row.col::<Option<Uuid>>("superseded_by")?.map(ConsentId),
        revocation: row.code("revocation")?,
    },
    registration_id: RegistrationId(row.col("registration_id")?),
    bank_consent_sealed: row.col("bank_consent_sealed")?,
    data_key_id: DataKeyId(row.col("data_key_id")?),
    text_shown_sha256: row.digest_opt("text_shown_sha256")?,
    locale: row.col("locale")?,
    reauth_evidence_at: row.instant_opt("reauth_evidence_at")?,
    version: row.col("version")?,
});

macro_rules! fields {
    () => {
        "id, link_id, end_user_id, registration_id, state, reason, scopes, requested_at, \
         requested_until, granted_until, history_from, bank_consent_sealed, data_key_id, \
         text_shown_sha256, locale, activated_at, ended_at, superseded_by, reauth_evidence_at, \
         revocation, version"
    };
}

const HEAD: &str = concat!("select ", fields!(), " from consent where tenant_id = ");

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select ",
            fields!(),
            " from consent where tenant_id = $1 and ",
            $rest
        )
    };
}

statements! {
    INSERT = "insert into consent (tenant_id, id, link_id, end_user_id, registration_id, state, \
        reason, scopes, requested_at, requested_until, granted_until, history_from, \
        bank_consent_sealed, data_key_id, text_shown_sha256, locale, activated_at, ended_at, \
        superseded_by, reauth_evidence_at, revocation, version) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, \
        $18, $19, $20, $21, 1)";
    GET = select!("id = $2");
    LIST_BY_LINK = select!("link_id = $2 order by requested_at, id");
    LAPSED = select!("granted_until < $2 and ended_at is null order by granted_until, id \
        limit $3");
    BY_REVOCATION = select!("revocation = $2 order by id limit $3");
    TRANSITION = "update consent set state = $5, reason = $6, scopes = $7, granted_until = $8, \
        history_from = $9, bank_consent_sealed = $10, data_key_id = $11, activated_at = $12, \
        ended_at = $13, superseded_by = $14, reauth_evidence_at = $15, \
        revocation = $16, text_shown_sha256 = $17, locale = $18, version = version + 1 \
        where tenant_id = $1 and id = $2 and state = $3 and version = $4";
}

/// Keeps a new consent; its version is 1 whatever the value says.
pub async fn insert(tx: &mut Tx, stored: &StoredConsent) -> Result<()> {
    let tenant = tx.tenant().0;
    let consent = &stored.consent;
    let scopes = scope::join(&consent.scopes);
    execute!(
        tx,
        INSERT,
        tenant,
        consent.id.0,
        consent.link_id.0,
        consent.end_user_id.0,
        stored.registration_id.0,
        consent.state.as_str(),
        consent.reason.as_ref().map(TerminationReason::as_str),
        scopes.as_str(),
        consent.requested_at.micros(),
        consent.requested_until.map(|day| day.to_string()),
        consent.granted_until.map(|day| day.to_string()),
        consent.history_from.map(|day| day.to_string()),
        stored.bank_consent_sealed.as_deref(),
        stored.data_key_id.0,
        stored.text_shown_sha256.as_ref().map(<[u8; 32]>::as_slice),
        stored.locale.as_deref(),
        consent.activated_at.map(Instant::micros),
        consent.ended_at.map(Instant::micros),
        consent.superseded_by.map(|id| id.0),
        stored.reauth_evidence_at.map(Instant::micros),
        consent.revocation.as_str()
    )?;
    Ok(())
}

/// One consent of the tenant.
pub async fn get(session: &mut Session, id: ConsentId) -> Result<Option<StoredConsent>> {
    let tenant = session.tenant().0;
    fetch_optional!(session, GET => StoredConsent, tenant, id.0)
}

/// Consents by id, as far as the scope sees them, in no order; at most 1,000 ids.
pub async fn by_ids(
    session: &mut Session,
    scope: Scope,
    ids: &[ConsentId],
) -> Result<Vec<StoredConsent>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    by_column(session, scope, "id", &ids).await
}

/// Consents of links, as far as the scope sees them, the oldest first; at most 1,000 links and
/// [`BY_LINKS_MAX`] consents.
pub async fn by_links(
    session: &mut Session,
    scope: Scope,
    links: &[LinkId],
) -> Result<Vec<StoredConsent>> {
    let ids: Vec<Uuid> = links.iter().map(|id| id.0).collect();
    by_column(session, scope, "link_id", &ids).await
}

async fn by_column(
    session: &mut Session,
    scope: Scope,
    column: &'static str,
    ids: &[Uuid],
) -> Result<Vec<StoredConsent>> {
    let tenant = session.tenant().0;
    fetch_composed!(session, StoredConsent, HEAD, |query, D| {
        query.push_bind(tenant);
        scope.push::<D>(&mut query, "end_user_id");
        query.push(" and ");
        D::in_ids(&mut query, column, ids);
        query
            .push(" order by requested_at, id limit ")
            .push_bind(BY_LINKS_MAX);
    })
}

/// Consents in the order of their ids, after a given one, as far as the scope sees them.
pub async fn list(
    session: &mut Session,
    scope: Scope,
    after: Option<ConsentId>,
    limit: u32,
) -> Result<Vec<StoredConsent>> {
    let tenant = session.tenant().0;
    let after = after.map_or(Uuid::nil(), |id| id.0);
    fetch_composed!(session, StoredConsent, HEAD, |query, D| {
        query.push_bind(tenant);
        scope.push::<D>(&mut query, "end_user_id");
        query.push(" and id > ").push_bind(after);
        query.push(" order by id limit ").push_bind(page(limit));
    })
}

/// The consents of a link, the oldest first.
pub async fn list_by_link(session: &mut Session, link: LinkId) -> Result<Vec<StoredConsent>> {
    let tenant = session.tenant().0;
    fetch_all!(session, LIST_BY_LINK => StoredConsent, tenant, link.0)
}

/// Consents that have not ended although their last day is before `today`.
pub async fn lapsed(session: &mut Session, today: Date, limit: u32) -> Result<Vec<StoredConsent>> {
    let tenant = session.tenant().0;
    fetch_all!(session, LAPSED => StoredConsent, tenant, today.to_string(), page(limit))
}

/// Consents of which the institution knows so far that they are over, in the order of their ids.
pub async fn by_revocation(
    session: &mut Session,
    revocation: ConsentRevocation,
    limit: u32,
) -> Result<Vec<StoredConsent>> {
    let tenant = session.tenant().0;
    let word = revocation.as_str();
    fetch_all!(session, BY_REVOCATION => StoredConsent, tenant, word, page(limit))
}

/// Writes a consent as it stands after a transition. `expected` is the state that the caller saw,
/// `stored.version` the version; both are compared, so that of two callers one wins. The link, the
/// end user, the registration and what was asked for never change.
///
/// # Errors
/// [`StoreError::LostUpdate`] when another writer was first, or when the transition would leave a
/// terminal state.
pub async fn transition(tx: &mut Tx, expected: ConsentState, stored: &StoredConsent) -> Result<()> {
    let tenant = tx.tenant().0;
    let consent = &stored.consent;
    if expected.is_terminal() && consent.state != expected {
        return Err(StoreError::LostUpdate);
    }
    let scopes = scope::join(&consent.scopes);
    let changed = execute!(
        tx,
        TRANSITION,
        tenant,
        consent.id.0,
        expected.as_str(),
        stored.version,
        consent.state.as_str(),
        consent.reason.as_ref().map(TerminationReason::as_str),
        scopes.as_str(),
        consent.granted_until.map(|day| day.to_string()),
        consent.history_from.map(|day| day.to_string()),
        stored.bank_consent_sealed.as_deref(),
        stored.data_key_id.0,
        consent.activated_at.map(Instant::micros),
        consent.ended_at.map(Instant::micros),
        consent.superseded_by.map(|id| id.0),
        stored.reauth_evidence_at.map(Instant::micros),
        consent.revocation.as_str(),
        stored.text_shown_sha256.as_ref().map(<[u8; 32]>::as_slice),
        stored.locale.as_deref()
    )?;
    if changed == 1 {
        Ok(())
    } else {
        Err(StoreError::LostUpdate)
    }
}
