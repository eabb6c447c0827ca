//! Links: started, redeemed, disconnected.

use async_graphql::{Context, ID, InputObject, Result, SimpleObject};
use fondaco_model::ids::{ApiKeyId, LinkId, LinkSessionId};
use fondaco_model::scope::KeyScope;
use fondaco_model::v1::RevokedBy;
use fondaco_model::{Instant, Secret};
use fondaco_store::repo::Scope;
use fondaco_vault::{Disconnected, StartError, StartLink, Started, VaultError};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::once::{Done, Once};
use super::user_error::{UserError, vault_error};
use crate::http::code::Code;
use crate::http::engine::RequestId;
use crate::schema::access::{Access, id_of, store_error};
use crate::schema::reads::Reads;
use crate::schema::scalars::{DateScalar, DateTime, TerminationReason};
use crate::schema::types::link::Link;
use crate::schema::types::link_session::{LinkOutcome, LinkSession};
use crate::schema::types::people::EndUser;
use crate::schema::words::ConsentScope;

/// An attempt to link that is asked for.
#[derive(InputObject)]
pub(crate) struct StartLinkInput {
    /// The tenant's own reference to the person, 1 to 255 characters; made at first use. With a
    /// frontend token it is the token's person and may be left out.
    end_user_reference: Option<String>,
    /// The institution; without it the person chooses on the page.
    institution_id: Option<ID>,
    /// Where the person returns to; registered for the tenant exactly like this.
    return_url: String,
    /// Language of the page, BCP 47; without it the browser's.
    locale: Option<String>,
    /// What is to be shared; everything unless given.
    scopes: Option<Vec<ConsentScope>>,
    /// The first day of history that is wanted; as much as there is unless given.
    history_from: Option<DateScalar>,
    /// The link that is to be renewed; a new one unless given.
    link_id: Option<ID>,
    /// Makes a repeated call answer the same.
    idempotency_key: String,
}

/// An attempt to link that was started.
#[derive(Default, SimpleObject)]
pub(crate) struct StartLinkPayload {
    /// The session; `linkSession(id:)` tells how it goes.
    link_session: Option<LinkSession>,
    /// The hosted page. Whoever opens it first goes on: show it to the person alone.
    url: Option<String>,
    /// From when on the page is closed.
    expires_at: Option<DateTime>,
    /// What has to be corrected.
    user_errors: Vec<UserError>,
}

/// What is kept of an attempt that was started.
#[derive(Serialize, Deserialize)]
struct KeptStart {
    session: LinkSessionId,
    url: String,
    expires_at: Instant,
}

pub(crate) async fn start(cx: &Context<'_>, input: StartLinkInput) -> Result<StartLinkPayload> {
    let (access, reads) = (Access::of(cx), Reads::of(cx));
    access.need(KeyScope::LinkWrite)?;
    let once = Once::new(cx, "startLink", &input.idempotency_key, &input)?;
    let reference = match person(cx, &input).await? {
        Ok(reference) => reference,
        Err(error) => return Ok(StartLinkPayload::refused(error)),
    };
    let link_id = link_of(&input);
    let scopes: Vec<_> = input
        .scopes
        .iter()
        .flatten()
        .map(|scope| (*scope).into())
        .collect();
    let request_id = cx.data_opt::<RequestId>();
    let start = StartLink {
        end_user_ref: &reference,
        institution_id: input.institution_id.as_ref().map(|id| id.as_str()),
        return_url: &input.return_url,
        locale: input.locale.as_deref(),
        scopes: &scopes,
        history_from: input.history_from.map(|day| day.0),
        link_id,
        request_id: request_id.map(|id| id.0.as_str()),
        api_key: access.need_server().is_ok().then(|| key_of(access)),
    };
    let act = async {
        match reads.deps.vault.start_link(access.tenant(), &start).await {
            Ok(started) => Ok(Done::Answer(KeptStart::from(started))),
            Err(error) => refusal(&error).map(|error| Done::Refused(vec![error])),
        }
    };
    match Box::pin(once.run(cx, act)).await? {
        Done::Refused(user_errors) => Ok(StartLinkPayload {
            user_errors,
            ..Default::default()
        }),
        Done::Answer(kept) => {
            let found = reads.sessions.load(kept.session).await;
            Ok(StartLinkPayload {
                link_session: found.map_err(|error| store_error(&error))?.map(LinkSession),
                url: Some(kept.url),
                expires_at: Some(DateTime(kept.expires_at)),
                user_errors: Vec::new(),
            })
        }
    }
}

impl StartLinkPayload {
    fn refused(error: UserError) -> Self {
        Self {
            user_errors: vec![error],
            ..Self::default()
        }
    }
}

impl From<Started> for KeptStart {
    fn from(started: Started) -> Self {
        Self {
            session: started.session,
            url: started.url.expose().to_owned(),
            expires_at: started.expires_at,
        }
    }
}

/// Of a server's key the bucket is the key's own.
fn key_of(access: &Access) -> ApiKeyId {
    ApiKeyId(Uuid::from_bytes(access.caller.key))
}

/// The reference of the person: what a server names, or the person of a frontend token.
async fn person(
    cx: &Context<'_>,
    input: &StartLinkInput,
) -> Result<std::result::Result<String, UserError>> {
    let Some(own) = Access::of(cx).scope().end_user() else {
        let missing = || {
            let message = "Name the person by your own reference.";
            UserError::new("END_USER_REF_INVALID", "endUserReference", message)
        };
        return Ok(input.end_user_reference.clone().ok_or_else(missing));
    };
    let found = Reads::of(cx)
        .end_users
        .load(own)
        .await
        .map_err(|error| store_error(&error))?;
    let Some(found) = found else {
        return Err(Code::Forbidden.error("The token's person is not there any more."));
    };
    Ok(match &input.end_user_reference {
        Some(named) if *named != found.external_ref => {
            let message = "A frontend token starts links of its own person only.";
            Err(UserError::new(
                "END_USER_FIXED",
                "endUserReference",
                message,
            ))
        }
        Some(_) | None => Ok(found.external_ref.clone()),
    })
}

/// The link that is to be renewed. Text of another form is an id that nobody has: it meets the same
/// checks in the same order, so that an answer does not tell the two apart.
fn link_of(input: &StartLinkInput) -> Option<LinkId> {
    let named = input.link_id.as_ref()?;
    Some(id_of(named).unwrap_or(LinkId(Uuid::nil())))
}

pub(super) fn link_unknown() -> UserError {
    UserError::new("LINK_UNKNOWN", "linkId", "There is no such link.")
}

/// What the caller can correct, or the failure of the whole.
fn refusal(error: &StartError) -> Result<UserError> {
    let field = match error {
        StartError::ReturnUrlNotRegistered => "returnUrl",
        StartError::InstitutionUnknown | StartError::InstitutionNotConnectable => "institutionId",
        StartError::TenantProfileIncomplete => {
            let message = "The tenant has no display name, privacy address or support contact; \
                           the operator sets them.";
            return Ok(UserError::new(
                "TENANT_PROFILE_INCOMPLETE",
                "returnUrl",
                message,
            ));
        }
        StartError::EndUserRefInvalid => "endUserReference",
        StartError::LinkUnknown => "linkId",
        StartError::LocaleInvalid => "locale",
        StartError::HistoryInvalid => "historyFrom",
        StartError::Vault(error) => return Err(vault_error(error)),
    };
    let code = error.code().unwrap_or("INVALID");
    Ok(UserError::new(code, field, &sentence(&error.to_string())))
}

/// A message as a sentence.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    first
        .into_iter()
        .flatten()
        .chain(letters)
        .chain(['.'])
        .collect()
}

/// A result that is asked for.
#[derive(InputObject)]
pub(crate) struct RedeemLinkResultInput {
    /// The code that the person brought back to the return URL.
    code: String,
}

/// A result, told once.
#[derive(Default, SimpleObject)]
pub(crate) struct RedeemLinkResultPayload {
    /// How the session ended; null when the code was no good.
    outcome: Option<LinkOutcome>,
    /// Why it ended as it did.
    reason: Option<TerminationReason>,
    /// The link, when there is one.
    link: Option<Link>,
    /// The person.
    end_user: Option<EndUser>,
    /// The session.
    link_session: Option<LinkSession>,
    /// What has to be corrected.
    user_errors: Vec<UserError>,
}

pub(crate) async fn redeem(
    cx: &Context<'_>,
    input: RedeemLinkResultInput,
) -> Result<RedeemLinkResultPayload> {
    let (access, reads) = (Access::of(cx), Reads::of(cx));
    access.need(KeyScope::LinkWrite)?;
    access.need_server()?;
    let code = Secret::new(input.code);
    let redeemed = reads
        .deps
        .vault
        .redeem(access.tenant(), code.expose())
        .await;
    let Some(redeemed) = redeemed.map_err(|error| vault_error(&error))? else {
        let message = "The code is unknown, expired or was used already.";
        let user_errors = vec![UserError::new("CODE_INVALID", "code", message)];
        return Ok(RedeemLinkResultPayload {
            user_errors,
            ..Default::default()
        });
    };
    let link = match redeemed.link {
        Some(id) => reads
            .links
            .load(id)
            .await
            .map_err(|error| store_error(&error))?,
        None => None,
    };
    let end_user = reads.end_users.load(redeemed.end_user).await;
    let session = reads.sessions.load(redeemed.session).await;
    Ok(RedeemLinkResultPayload {
        outcome: Some(redeemed.outcome.into()),
        reason: redeemed.reason.map(Into::into),
        link: link.map(Link),
        end_user: end_user.map_err(|error| store_error(&error))?.map(EndUser),
        link_session: session
            .map_err(|error| store_error(&error))?
            .map(LinkSession),
        user_errors: Vec::new(),
    })
}

/// What is kept of a write about a link.
#[derive(Serialize, Deserialize)]
pub(super) struct KeptLink {
    pub(super) link: LinkId,
}

/// A link that is to be ended.
#[derive(InputObject)]
pub(crate) struct DisconnectLinkInput {
    /// The link.
    link_id: ID,
    /// Makes a repeated call answer the same.
    idempotency_key: String,
}

/// A link that was ended.
#[derive(Default, SimpleObject)]
pub(crate) struct DisconnectLinkPayload {
    /// The link as it stands now.
    link: Option<Link>,
    /// What has to be corrected.
    user_errors: Vec<UserError>,
}

pub(crate) async fn disconnect(
    cx: &Context<'_>,
    input: DisconnectLinkInput,
) -> Result<DisconnectLinkPayload> {
    let (access, reads) = (Access::of(cx), Reads::of(cx));
    access.need(KeyScope::LinkWrite)?;
    let once = Once::new(cx, "disconnectLink", &input.idempotency_key, &input)?;
    let Some(id) = id_of::<LinkId>(&input.link_id) else {
        return Ok(DisconnectLinkPayload {
            user_errors: vec![link_unknown()],
            link: None,
        });
    };
    let scope = access.scope();
    let by = match scope {
        Scope::Tenant => RevokedBy::Client,
        Scope::EndUser(_) => RevokedBy::EndUserHere,
    };
    let act = async {
        match reads
            .deps
            .vault
            .disconnect(access.tenant(), (scope, id), by)
            .await
        {
            // A link that was ended before is ended: what was asked for holds.
            Ok(Disconnected::Now | Disconnected::Before) => Ok(Done::Answer(KeptLink { link: id })),
            Err(VaultError::NotFound) => Ok(Done::Refused(vec![link_unknown()])),
            Err(error) => Err(vault_error(&error)),
        }
    };
    match once.run(cx, act).await? {
        Done::Refused(user_errors) => Ok(DisconnectLinkPayload {
            user_errors,
            link: None,
        }),
        Done::Answer(kept) => {
            let found = reads.links.load(kept.link).await;
            let link = found.map_err(|error| store_error(&error))?.map(Link);
            Ok(DisconnectLinkPayload {
                link,
                user_errors: Vec::new(),
            })
        }
    }
}
