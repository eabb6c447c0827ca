//! Results of sessions: fetched once by the tenant's server with the code from the return address.

use fondaco_model::ids::{EndUserId, LinkId, LinkSessionId, TenantId};
use fondaco_model::v1::TerminationReason;
use fondaco_store::in_tx;
use fondaco_store::repo::{end_user, ledger, link_session};
use serde_json::json;

use crate::Vault;
use crate::consents::entry;
use crate::error::VaultError;
use crate::ledger::Actor;
use crate::outcome::EndedAs;
use crate::seal::{RESULT_CODE, sha256};

/// Seconds after a session's end in which its result can be fetched: 10 minutes.
pub const RESULT_SECONDS: i64 = 600;

/// Longest code that is looked at, in bytes.
const CODE_BYTES_MAX: usize = 128;

/// The result of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redeemed {
    /// The session.
    pub session: LinkSessionId,
    /// How it ended.
    pub outcome: EndedAs,
    /// Why.
    pub reason: Option<TerminationReason>,
    /// The link; none when the session ended before there was one.
    pub link: Option<LinkId>,
    /// The person.
    pub end_user: EndUserId,
    /// The tenant's own reference to the person.
    pub end_user_ref: Option<String>,
}

impl Vault {
    /// The result that a code stands for, once; none for a code that is unknown, used, expired or
    /// another tenant's.
    pub async fn redeem(
        &self,
        tenant: TenantId,
        code: &str,
    ) -> Result<Option<Redeemed>, VaultError> {
        if code.len() > CODE_BYTES_MAX || !code.starts_with(RESULT_CODE) {
            return Ok(None);
        }
        let inner = &self.inner;
        let (hash, now) = (sha256(code), inner.now());
        in_tx!(inner.db, tenant, |tx| {
            let found = link_session::redeem(tx, &hash, now).await?;
            let Some(session) = found else {
                return Ok::<_, VaultError>(None);
            };
            let fresh = |at| now.seconds_since(at) <= RESULT_SECONDS;
            let in_time = session.ended_at.is_some_and(fresh);
            let outcome = EndedAs::of(session.state).filter(|_| in_time);
            // One that came too late is used up as well.
            let Some(outcome) = outcome else {
                return Ok(None);
            };
            let facts = json!({ "session": session.id });
            let mut event = entry(
                &inner.effects,
                "link_session.redeemed",
                Actor::Client,
                &facts,
            )?;
            event.end_user_id = Some(session.end_user_id);
            event.link_id = session.link_id;
            ledger::append(tx, &event).await?;
            let person = end_user::get(tx, session.end_user_id).await?;
            Ok(Some(Redeemed {
                session: session.id,
                outcome,
                reason: session.reason.as_deref().map(TerminationReason::from_word),
                link: session.link_id,
                end_user: session.end_user_id,
                end_user_ref: person.map(|person| person.external_ref),
            }))
        })
    }
}
