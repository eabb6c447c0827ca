//! Links: the lineage of consents of one end user, institution and login.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};
use fondaco_model::ids::{AccountId, LinkId};
use fondaco_store::repo::link::StoredLink;

use super::account::{self, Account};
use super::consent::Consent;
use super::institution::Institution;
use super::people::EndUser;
use crate::schema::access::{Access, Field, found, store_error};
use crate::schema::cursor::{Binding, FilterDigest, List};
use crate::schema::page::{PageArgs, Paged};
use crate::schema::reads::Reads;
use crate::schema::scalars::DateTime;
use crate::schema::words::{LinkHealth, LinkProgress};

/// One link.
#[derive(Clone)]
pub(crate) struct Link(pub(crate) Arc<StoredLink>);

/// A link by id, or null when the caller cannot see it.
pub(crate) async fn by_id(cx: &Context<'_>, id: Option<LinkId>) -> Field<Link> {
    let row = Reads::of(cx).links.load_opt(id).await;
    found(row, Link)
}

/// A connection to one institution of one end user. Its consent, its health and the age of its
/// data are three separate facts.
#[Object]
impl Link {
    /// Our id.
    pub(crate) async fn id(&self) -> ID {
        self.0.link.id.into()
    }

    /// The institution.
    async fn institution(&self, cx: &Context<'_>) -> Field<Institution> {
        let row = Reads::of(cx)
            .institutions
            .load(self.0.link.institution_id.clone())
            .await;
        found(row, Institution)
    }

    /// The person who owns it.
    async fn end_user(&self, cx: &Context<'_>) -> Field<EndUser> {
        let row = Reads::of(cx).end_users.load(self.0.link.end_user_id).await;
        found(row, EndUser)
    }

    /// The consent in force; null before the first and after the last.
    async fn consent(&self, cx: &Context<'_>) -> Field<Consent> {
        self.current(cx).await.transpose()
    }

    /// All its consents, the oldest first.
    async fn consents(&self, cx: &Context<'_>) -> Field<Vec<Consent>> {
        let row = Reads::of(cx).consents_by_link.load(self.0.link.id).await;
        let list = |rows: Arc<Vec<_>>| rows.iter().cloned().map(Consent).collect();
        found(row, list)
    }

    /// The accounts that it reads, in the order of their making.
    async fn accounts(
        &self,
        cx: &Context<'_>,
        #[graphql(desc = "Accounts of the page.")] first: i32,
        #[graphql(desc = "Only accounts behind this cursor.")] after: Option<String>,
    ) -> Field<Paged<Account>> {
        Some(self.account_page(cx, PageArgs::forward(first, after)).await)
    }

    /// How far the first reading has come.
    async fn progress(&self) -> LinkProgress {
        self.0.link.progress.into()
    }

    /// How well it works.
    async fn health(&self) -> LinkHealth {
        self.0.link.health.into()
    }

    /// Until when we were asked to wait.
    async fn health_until(&self) -> Option<DateTime> {
        self.0.link.health_until.map(DateTime)
    }

    /// When a read was last tried.
    async fn last_attempt_at(&self) -> Option<DateTime> {
        self.0.link.last_attempt_at.map(DateTime)
    }

    /// When a read last went well.
    async fn last_success_at(&self) -> Option<DateTime> {
        self.0.link.last_success_at.map(DateTime)
    }

    /// When the next read is due.
    async fn next_due_at(&self) -> Option<DateTime> {
        self.0.link.next_due_at.map(DateTime)
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.link.created_at)
    }

    /// When the person or the tenant ended it.
    async fn disconnected_at(&self) -> Option<DateTime> {
        self.0.link.disconnected_at.map(DateTime)
    }
}

impl Link {
    /// The consent that the link points to, unless it ended. It is taken from the list of all, so
    /// that both fields are one statement; a list that was cut does not hold the newest.
    async fn current(&self, cx: &Context<'_>) -> Result<Option<Consent>> {
        let (reads, id) = (Reads::of(cx), self.0.link.current_consent_id);
        let all = reads.consents_by_link.load_opt(id.map(|_| self.0.link.id));
        let all = all.await.map_err(|error| store_error(&error))?;
        let listed = all.and_then(|all| all.iter().find(|row| Some(row.id) == id).cloned());
        let found = match listed {
            None if id.is_some() => reads.consents.load_opt(id).await,
            listed => Ok(listed),
        };
        let found = found.map_err(|error| store_error(&error))?;
        Ok(found.filter(|row| !row.state.is_terminal()).map(Consent))
    }

    async fn account_page(&self, cx: &Context<'_>, args: PageArgs) -> Result<Paged<Account>> {
        let (reads, access) = (Reads::of(cx), Access::of(cx));
        let window = args.check(access)?;
        let link = self.0.link.id;
        let cursors = reads
            .cursors(account_binding(access, None, Some(link)))
            .await?;
        let after = window.place(&cursors, account::place)?;
        let found = reads.accounts_by_link.load(link).await;
        let rows = found
            .map_err(|error| store_error(&error))?
            .unwrap_or_default();
        let behind = |row: &&Arc<_>| after.is_none_or(|after| account::id(row) > after);
        let asked = usize::try_from(window.asked()).unwrap_or(usize::MAX);
        let rows: Vec<_> = rows.iter().filter(behind).take(asked).cloned().collect();
        Ok(window.connection(window.cut(rows), &cursors, account::edge))
    }
}

/// What cursors of a list of accounts are good for: the same list asked for elsewhere.
pub(crate) fn account_binding(
    access: &Access,
    end_user: Option<fondaco_model::ids::EndUserId>,
    link: Option<LinkId>,
) -> Binding {
    let end_user = end_user.map(|id| id.0.into_bytes());
    let link = link.map(|id| id.0.into_bytes());
    let filter = FilterDigest::new()
        .with("endUser", end_user.as_ref().map(<[u8; 16]>::as_slice))
        .with("link", link.as_ref().map(<[u8; 16]>::as_slice))
        .finish();
    Binding {
        tenant: access.tenant(),
        scope: access.scope(),
        list: List::Accounts,
        descending: false,
        filter,
    }
}

/// Reads the place of a list that is ordered by id.
pub(crate) fn id_place<T>(bytes: &[u8], make: impl Fn(uuid::Uuid) -> T) -> Option<T> {
    uuid::Uuid::from_slice(bytes).ok().map(make)
}

/// An account's id from a cursor's place.
pub(crate) fn account_place(bytes: &[u8]) -> Option<AccountId> {
    id_place(bytes, AccountId)
}
