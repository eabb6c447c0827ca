//! Links that are to be read again now.

use async_graphql::{Context, ID, InputObject, Result, SimpleObject};
use fondaco_model::Effects;
use fondaco_model::ids::LinkId;
use fondaco_model::scope::KeyScope;
use fondaco_model::v1::ConsentState;
use fondaco_store::repo::job::{self, NewJob, Presence};
use fondaco_store::repo::{Scope, consent, link};
use fondaco_store::{StoreError, Tx};
use fondaco_vault::jobs::{self, PRIORITY_PRESENT, SYNC_LINK};
use futures_util::future::BoxFuture;

use super::link::{KeptLink, link_unknown};
use super::once::{Done, Once, Write};
use super::user_error::UserError;
use crate::http::engine::RequestId;
use crate::http::user_code::UserErrorCode;
use crate::schema::access::{Access, id_of, store_error};
use crate::schema::reads::Reads;
use crate::schema::types::link::Link;

/// A reading that is asked for.
#[derive(InputObject)]
pub(crate) struct RefreshLinkInput {
    /// The link.
    link_id: ID,
    /// Makes a repeated call answer the same.
    idempotency_key: String,
}

/// A reading that was asked for.
#[derive(Default, SimpleObject)]
pub(crate) struct RefreshLinkPayload {
    /// The link.
    link: Option<Link>,
    /// What has to be corrected.
    user_errors: Vec<UserError>,
}

/// A reading that is to be enqueued.
struct Reading<'a> {
    effects: &'a Effects,
    scope: Scope,
    link: LinkId,
    request_id: Option<String>,
}

pub(crate) async fn refresh(
    cx: &Context<'_>,
    input: RefreshLinkInput,
) -> Result<RefreshLinkPayload> {
    let (access, reads) = (Access::of(cx), Reads::of(cx));
    access.need(KeyScope::LinkWrite)?;
    let once = Once::new(cx, "refreshLink", &input.idempotency_key, &input)?;
    let refused = |user_errors| RefreshLinkPayload {
        user_errors,
        ..Default::default()
    };
    let Some(link) = id_of::<LinkId>(&input.link_id) else {
        return Ok(refused(vec![link_unknown()]));
    };
    let reading = Reading {
        effects: reads.deps.vault.effects(),
        scope: access.scope(),
        link,
        request_id: cx.data_opt::<RequestId>().map(|id| id.0.clone()),
    };
    match once.run_in_tx(cx, &reading).await? {
        Done::Refused(user_errors) => Ok(refused(user_errors)),
        Done::Answer(kept) => {
            let found = reads.links.load(kept.link).await;
            Ok(RefreshLinkPayload {
                link: found.map_err(|error| store_error(&error))?.map(Link),
                user_errors: Vec::new(),
            })
        }
    }
}

impl Write for Reading<'_> {
    type Answer = KeptLink;

    fn run<'a>(
        &'a self,
        tx: &'a mut Tx,
    ) -> BoxFuture<'a, std::result::Result<Done<KeptLink>, StoreError>> {
        Box::pin(self.enqueue(tx))
    }
}

impl Reading<'_> {
    async fn enqueue(&self, tx: &mut Tx) -> std::result::Result<Done<KeptLink>, StoreError> {
        let found = link::by_ids(tx, self.scope, &[self.link]).await?.pop();
        let Some(stored) = found.filter(|found| found.link.disconnected_at.is_none()) else {
            return Ok(Done::Refused(vec![link_unknown()]));
        };
        let consent = match stored.link.current_consent_id {
            Some(id) => consent::get(tx, id).await?,
            None => None,
        };
        if let Some(error) = refusal(consent.map(|stored| stored.consent.state)) {
            return Ok(Done::Refused(vec![error]));
        }
        let job = NewJob {
            priority: PRIORITY_PRESENT,
            presence: self.presence(),
            institution_id: Some(stored.link.institution_id),
            request_id: self.request_id.clone(),
            ..jobs::sync(self.effects, SYNC_LINK, self.link, self.effects.now())
        };
        job::enqueue(tx, &job).await?;
        Ok(Done::Answer(KeptLink { link: self.link }))
    }

    /// A frontend token speaks for a person who is there; unattended reads have a day budget.
    fn presence(&self) -> Presence {
        match self.scope {
            Scope::EndUser(_) => Presence::Present,
            Scope::Tenant => Presence::Unattended,
        }
    }
}

/// Why a consent in this state, or none, gives no reading that somebody asks for; the regular
/// reads find out by themselves when a lapsed authentication works again.
fn refusal(state: Option<ConsentState>) -> Option<UserError> {
    let message = if state == Some(ConsentState::ReauthRequired) {
        "The institution wants the person to authenticate again; start a link with `linkId`."
    } else if state.is_some_and(ConsentState::may_be_read) {
        return None;
    } else {
        "No consent of the link is in force; start a link with `linkId` to renew it."
    };
    Some(UserError::new(
        UserErrorCode::ConsentNotActive,
        "linkId",
        message,
    ))
}
