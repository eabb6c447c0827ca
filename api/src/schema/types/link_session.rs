//! Link sessions: one attempt of a person to establish or renew a link on the hosted pages.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object};
use fondaco_model::v1;
use fondaco_store::repo::link_session::LinkSession as Row;
use fondaco_vault::EndedAs;

use super::institution::Institution;
use super::link::{self, Link};
use super::people::EndUser;
use crate::schema::access::{Field, found};
use crate::schema::reads::Reads;
use crate::schema::scalars::{DateScalar, DateTime, TerminationReason};
use crate::schema::words::{ConsentScope, LinkSessionState};

/// One link session.
#[derive(Clone)]
pub(crate) struct LinkSession(pub(crate) Arc<Row>);

/// How a link session ended. May grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "fondaco_vault::EndedAs")]
pub(crate) enum LinkOutcome {
    /// The link works.
    Succeeded,
    /// The person or the bank refused.
    Denied,
    /// The person cancelled on our page.
    Cancelled,
    /// It failed technically.
    Failed,
    /// Its time was over.
    Expired,
}

/// One attempt of a person to establish or renew a link on the hosted pages.
#[Object]
impl LinkSession {
    /// Our id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// Where it stands.
    async fn state(&self) -> LinkSessionState {
        self.0.state.into()
    }

    /// How it ended; null while it lives.
    async fn outcome(&self) -> Option<LinkOutcome> {
        EndedAs::of(self.0.state).map(Into::into)
    }

    /// Why it ended as it did.
    async fn reason(&self) -> Option<TerminationReason> {
        let word = self.0.reason.as_deref()?;
        Some(v1::TerminationReason::from_word(word).into())
    }

    /// The person whose link it will be.
    async fn end_user(&self, cx: &Context<'_>) -> Field<EndUser> {
        let row = Reads::of(cx).end_users.load(self.0.end_user_id).await;
        found(row, EndUser)
    }

    /// The institution, once it is chosen.
    async fn institution(&self, cx: &Context<'_>) -> Field<Institution> {
        let row = Reads::of(cx)
            .institutions
            .load_opt(self.0.institution_id.clone())
            .await;
        found(row, Institution)
    }

    /// The link, once there is one.
    async fn link(&self, cx: &Context<'_>) -> Field<Link> {
        link::by_id(cx, self.0.link_id).await
    }

    /// What is asked for.
    async fn scopes(&self) -> Vec<ConsentScope> {
        self.0.scopes.iter().map(|scope| (*scope).into()).collect()
    }

    /// The first day of history that is asked for.
    async fn history_from(&self) -> Option<DateScalar> {
        self.0.history_from.map(DateScalar)
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// From when on its page is closed.
    async fn expires_at(&self) -> DateTime {
        DateTime(self.0.expires_at)
    }

    /// When it ended.
    async fn ended_at(&self) -> Option<DateTime> {
        self.0.ended_at.map(DateTime)
    }
}
