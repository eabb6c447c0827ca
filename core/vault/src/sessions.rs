//! Link sessions: asked for by a tenant, found again by their id.

use fondaco_model::ids::{ApiKeyId, EndUserId, LinkId, LinkSessionId, TenantId};
use fondaco_model::scope::ConsentScope;
use fondaco_model::{Date, Instant, Secret};
use fondaco_store::in_tx;
use fondaco_store::repo::link_session::{self, LinkSession, SessionState};
use fondaco_store::repo::tenant::{Mode, Tenant};
use fondaco_store::repo::{end_user, ledger, link, registration, tenant};
use serde_json::json;

use crate::access::check_end_user_ref;
use crate::consents::entry;
use crate::error::VaultError;
use crate::ledger::Actor;
use crate::seal::{secret_token, sha256};
use crate::{Inner, Vault};

/// Seconds that a session's page is open: 30 minutes.
pub const SESSION_SECONDS: i64 = 1_800;

/// Longest language tag, in bytes (RFC 5646 section 4.4.1).
const LOCALE_BYTES_MAX: usize = 35;

/// A session that is asked for.
#[derive(Debug, Clone)]
pub struct StartLink<'a> {
    /// The tenant's own reference to the person; made at first use.
    pub end_user_ref: &'a str,
    /// The institution; none lets the person choose.
    pub institution_id: Option<&'a str>,
    /// Where the person returns to; registered exactly like this.
    pub return_url: &'a str,
    /// The pages' language, BCP47.
    pub locale: Option<&'a str>,
    /// What is to be shared; empty for everything.
    pub scopes: &'a [ConsentScope],
    /// The first day of history that is wanted.
    pub history_from: Option<Date>,
    /// The link that is to be renewed; none for a new one.
    pub link_id: Option<LinkId>,
    /// The request that asks.
    pub request_id: Option<&'a str>,
    /// The key that asks.
    pub api_key: Option<ApiKeyId>,
}

/// A session that can be walked through now.
#[derive(Debug, Clone)]
pub struct Started {
    /// Our id, for polling.
    pub session: LinkSessionId,
    /// The hosted page; a secret, because whoever opens it first goes on.
    pub url: Secret,
    /// From when on the page is closed.
    pub expires_at: Instant,
    /// The person.
    pub end_user: EndUserId,
}

/// Why a session is not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The tenant did not register the return address.
    #[error("the return URL is not registered")]
    ReturnUrlNotRegistered,
    /// No entry describes the institution.
    #[error("the institution is unknown")]
    InstitutionUnknown,
    /// There is no registration for it, the tenant's mode does not reach it, or nobody has to
    /// authorise anything there.
    #[error("the institution cannot be connected")]
    InstitutionNotConnectable,
    /// The consent pages cannot say who asks.
    #[error("the tenant has no display name, privacy address or support contact")]
    TenantProfileIncomplete,
    /// The reference is empty or too long.
    #[error("the end user's reference is invalid")]
    EndUserRefInvalid,
    /// The person has no such link, or it was disconnected.
    #[error("the link is unknown")]
    LinkUnknown,
    /// The language is no BCP47 tag.
    #[error("the locale is invalid")]
    LocaleInvalid,
    /// The first day of history lies in the future.
    #[error("the first day of history is invalid")]
    HistoryInvalid,
    /// Anything else.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl StartError {
    /// The code for the caller; none for what is not the caller's.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::ReturnUrlNotRegistered => Some("RETURN_URL_NOT_REGISTERED"),
            Self::InstitutionUnknown => Some("INSTITUTION_UNKNOWN"),
            Self::InstitutionNotConnectable => Some("INSTITUTION_NOT_CONNECTABLE"),
            Self::TenantProfileIncomplete => Some("TENANT_PROFILE_INCOMPLETE"),
            Self::EndUserRefInvalid => Some("END_USER_REF_INVALID"),
            Self::LinkUnknown => Some("LINK_UNKNOWN"),
            Self::LocaleInvalid => Some("LOCALE_INVALID"),
            Self::HistoryInvalid => Some("HISTORY_INVALID"),
            Self::Vault(_) => None,
        }
    }
}

impl From<fondaco_store::StoreError> for StartError {
    fn from(error: fondaco_store::StoreError) -> Self {
        Self::Vault(error.into())
    }
}

impl fondaco_store::Retryable for StartError {
    fn is_busy(&self) -> bool {
        matches!(self, Self::Vault(error) if error.is_busy())
    }
}

/// True when a tenant of the mode reaches an institution.
pub(crate) fn reaches(mode: Mode, sandbox: bool) -> bool {
    match mode {
        Mode::Test => sandbox,
        Mode::Live => !sandbox,
    }
}

impl Inner {
    pub(crate) async fn tenant_row(&self, id: TenantId) -> Result<Tenant, VaultError> {
        let mut session = self.db.read(id).await?;
        tenant::get(&mut session).await?.ok_or(VaultError::NotFound)
    }

    /// # Errors
    /// [`StartError::InstitutionUnknown`] and [`StartError::InstitutionNotConnectable`].
    pub(crate) async fn check_institution(
        &self,
        tenant: TenantId,
        mode: Mode,
        id: &str,
    ) -> Result<(), StartError> {
        let manifest = self
            .catalogue
            .manifest(id)
            .ok_or(StartError::InstitutionUnknown)?;
        let flow = self.catalogue.flow(&manifest);
        let mut session = self.db.read(tenant).await?;
        let registered = registration::for_institution(&mut session, id).await?;
        if flow.is_none() || registered.is_none() || !reaches(mode, manifest.sandbox) {
            return Err(StartError::InstitutionNotConnectable);
        }
        Ok(())
    }
}

impl Vault {
    /// Starts a session for a person of a tenant.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start_link(
        &self,
        tenant_id: TenantId,
        start: &StartLink<'_>,
    ) -> Result<Started, StartError> {
        let inner = &self.inner;
        let owner = inner.tenant_row(tenant_id).await?;
        check_start(&owner, start, inner.now())?;
        let mut read = inner.db.read(tenant_id).await?;
        if !tenant::return_url_registered(&mut read, start.return_url).await? {
            return Err(StartError::ReturnUrlNotRegistered);
        }
        let renewed = match start.link_id {
            None => None,
            Some(id) => {
                let found = link::get(&mut read, id).await?.map(|stored| stored.link);
                let living = found.filter(|link| link.disconnected_at.is_none());
                Some(living.ok_or(StartError::LinkUnknown)?)
            }
        };
        drop(read);
        let of_link = renewed.as_ref().map(|link| link.institution_id.as_str());
        if of_link.is_some() && start.institution_id.is_some_and(|id| Some(id) != of_link) {
            return Err(StartError::LinkUnknown);
        }
        let institution = of_link.or(start.institution_id);
        if let Some(id) = institution {
            inner.check_institution(tenant_id, owner.mode, id).await?;
        }
        let page_token = secret_token(&inner.effects, "");
        let (now, fresh_person) = (inner.now(), EndUserId::new(&inner.effects));
        let mut session = new_session(inner, tenant_id, start, institution);
        let facts = json!({
            "session": session.id,
            "institution": institution,
            "key": start.api_key,
            "requestId": start.request_id,
        });
        let mut event = entry(
            &inner.effects,
            "link_session.started",
            Actor::Client,
            &facts,
        )?;
        let person = in_tx!(inner.db, tenant_id, |tx| {
            let person = end_user::get_or_create(tx, start.end_user_ref, fresh_person, now).await?;
            if renewed
                .as_ref()
                .is_some_and(|link| link.end_user_id != person.id)
            {
                return Err(StartError::LinkUnknown);
            }
            session.end_user_id = person.id;
            event.end_user_id = Some(person.id);
            link_session::insert(tx, &session, &sha256(page_token.expose())).await?;
            ledger::append(tx, &event).await?;
            Ok(person.id)
        })?;
        let base = inner.public_url.as_str().trim_end_matches('/');
        Ok(Started {
            session: session.id,
            url: Secret::new(format!("{base}/connect/{}", page_token.expose())),
            expires_at: session.expires_at,
            end_user: person,
        })
    }

    /// One session of a tenant, for polling.
    pub async fn link_session(
        &self,
        tenant: TenantId,
        id: LinkSessionId,
    ) -> Result<Option<LinkSession>, VaultError> {
        let mut session = self.inner.db.read(tenant).await?;
        Ok(link_session::get(&mut session, id).await?)
    }
}

fn check_start(owner: &Tenant, start: &StartLink<'_>, now: Instant) -> Result<(), StartError> {
    let details = &owner.details;
    let texts = [
        &details.display_name,
        &details.privacy_url,
        &details.support_contact,
    ];
    if texts.into_iter().any(|text| text.trim().is_empty()) {
        return Err(StartError::TenantProfileIncomplete);
    }
    check_end_user_ref(start.end_user_ref).map_err(|_| StartError::EndUserRefInvalid)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let tag = |tag: &str| (2..=LOCALE_BYTES_MAX).contains(&tag.len()) && tag.bytes().all(plain);
    if !start.locale.is_none_or(tag) {
        return Err(StartError::LocaleInvalid);
    }
    if start.history_from.is_some_and(|day| day > now.utc_date()) {
        return Err(StartError::HistoryInvalid);
    }
    Ok(())
}

fn new_session(
    inner: &Inner,
    tenant_id: TenantId,
    start: &StartLink<'_>,
    institution: Option<&str>,
) -> LinkSession {
    let now = inner.now();
    let scopes = if start.scopes.is_empty() {
        ConsentScope::ALL
    } else {
        start.scopes
    };
    LinkSession {
        id: LinkSessionId::new(&inner.effects),
        tenant_id,
        // Set in the transaction that finds or makes the person.
        end_user_id: EndUserId(uuid::Uuid::nil()),
        browser_hash: None,
        institution_id: institution.map(str::to_owned),
        link_id: start.link_id,
        consent_id: None,
        scopes: scopes.to_vec(),
        history_from: start.history_from,
        return_url: start.return_url.to_owned(),
        locale: start.locale.map(str::to_owned),
        state: SessionState::Created,
        reason: None,
        request_id: start.request_id.map(str::to_owned),
        result_redeemed_at: None,
        created_at: now,
        expires_at: now.plus_seconds(SESSION_SECONDS),
        ended_at: None,
    }
}
