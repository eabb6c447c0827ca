//! Consents: what a person agreed to, until when, and how it ended.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use fondaco_model::v1::{Consent as Row, ConsentState as State};

use super::link::{self, Link};
use crate::schema::access::Field;
use crate::schema::scalars::{DateScalar, DateTime, TerminationReason};
use crate::schema::words::{ConsentAction, ConsentRevocation, ConsentScope, ConsentState};

/// One consent.
#[derive(Clone)]
pub(crate) struct Consent(pub(crate) Arc<Row>);

/// One consent at one institution.
#[Object]
impl Consent {
    /// Our id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The link that it belongs to.
    async fn link(&self, cx: &Context<'_>) -> Field<Link> {
        link::by_id(cx, Some(self.0.link_id)).await
    }

    /// Where it stands.
    async fn state(&self) -> ConsentState {
        self.0.state.into()
    }

    /// Why it ended or does not work.
    async fn reason(&self) -> Option<TerminationReason> {
        self.0.reason.clone().map(Into::into)
    }

    /// What the end user has to do; null when nothing.
    async fn action_required(&self) -> Option<ConsentAction> {
        action(self.0.state)
    }

    /// What was asked for, then what was granted.
    async fn scopes(&self) -> Vec<ConsentScope> {
        self.0.scopes.iter().map(|scope| (*scope).into()).collect()
    }

    /// When it was recorded.
    async fn requested_at(&self) -> DateTime {
        DateTime(self.0.requested_at)
    }

    /// The last day that was asked for.
    async fn requested_until(&self) -> Option<DateScalar> {
        self.0.requested_until.map(DateScalar)
    }

    /// The last day that was granted.
    async fn granted_until(&self) -> Option<DateScalar> {
        self.0.granted_until.map(DateScalar)
    }

    /// The first day of history that may be read.
    async fn history_from(&self) -> Option<DateScalar> {
        self.0.history_from.map(DateScalar)
    }

    /// When it became usable.
    async fn activated_at(&self) -> Option<DateTime> {
        self.0.activated_at.map(DateTime)
    }

    /// When it ended.
    async fn ended_at(&self) -> Option<DateTime> {
        self.0.ended_at.map(DateTime)
    }

    /// How far the institution knows that it is over.
    async fn revocation(&self) -> ConsentRevocation {
        self.0.revocation.into()
    }

    /// Id of the consent that took over.
    async fn superseded_by_id(&self) -> Option<ID> {
        self.0.superseded_by.map(Into::into)
    }
}

fn action(state: State) -> Option<ConsentAction> {
    match state {
        State::Created => Some(ConsentAction::Start),
        State::AwaitingAuthorisation | State::PartiallyAuthorised => Some(ConsentAction::Authorise),
        State::ReconfirmDue => Some(ConsentAction::Reconfirm),
        State::ReauthRequired => Some(ConsentAction::Reauthenticate),
        State::Expired => Some(ConsentAction::Renew),
        State::Exchanging
        | State::Active
        | State::Suspended
        | State::Rejected
        | State::Abandoned
        | State::Failed
        | State::Revoked
        | State::Superseded => None,
    }
}
