//! The root of reads.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};
use fondaco_model::ids::{ConsentId, EndUserId, LinkId};
use fondaco_model::scope::KeyScope;
use fondaco_store::repo::account::{self as account_rows, AccountQuery};
use fondaco_store::repo::{consent, end_user, institution, link as link_rows};

use super::access::{Access, Field, id_of, store_error};
use super::cursor::{Binding, FilterDigest, List};
use super::filter::{TransactionFilter, TransactionOrder};
use super::page::{PageArgs, Paged};
use super::reads::Reads;
use super::scalars::CountryCode;
use super::transactions::{self, Asked};
use super::types::account::{self, Account};
use super::types::consent::Consent;
use super::types::institution::Institution;
use super::types::link::{self, Link, account_binding, id_place};
use super::types::link_session::LinkSession;
use super::types::node::{self, Node};
use super::types::people::EndUser;
use super::types::transaction::Transaction;
use super::types::viewer::Viewer;
use crate::http::code::Code;

/// Most ids of one `nodes`.
const NODES_MAX: usize = 250;

/// Longest search text, in bytes.
const SEARCH_MAX: usize = 256;

/// The root of reads.
pub(crate) struct Query;

/// Reads. Lists are pages: `first` (or `last`) is mandatory, at most 250, for job keys 1,000.
#[Object]
impl Query {
    /// The key that was presented, and what it may do.
    async fn viewer(&self) -> Viewer {
        Viewer
    }

    /// Anything by its id; null when the caller cannot see it.
    async fn node(
        &self,
        cx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
    ) -> Field<Node> {
        node::by_id(cx, &id).await
    }

    /// Things by their ids, each at its place; null for what the caller cannot see.
    async fn nodes(
        &self,
        cx: &Context<'_>,
        #[graphql(desc = "At most 250 ids.")] ids: Vec<ID>,
    ) -> Field<Vec<Field<Node>>> {
        if ids.len() > NODES_MAX {
            let message = format!("`ids` has at most {NODES_MAX} ids.");
            return Some(Err(Code::QueryInvalid.error(message)));
        }
        let found = ids.iter().map(|id| node::by_id(cx, id));
        Some(Ok(futures_util::future::join_all(found).await))
    }

    /// Institutions that can be linked, by name.
    async fn institutions(
        &self,
        cx: &Context<'_>,
        #[graphql(desc = "Institutions of the page.")] first: i32,
        #[graphql(desc = "Only behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Each word occurs in the name, the id or the BIC; four words count.")]
        search: Option<String>,
        #[graphql(desc = "Only those that serve people there.")] country: Option<CountryCode>,
    ) -> Field<Paged<Institution>> {
        let page = PageArgs::forward(first, after);
        Some(institutions(cx, page, search.unwrap_or_default(), country).await)
    }

    /// An institution by its id; null when there is none.
    async fn institution(
        &self,
        cx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
    ) -> Field<Institution> {
        let found = Reads::of(cx).institutions.load(id.0).await;
        found.map(|row| row.map(Institution)).map_err(|error| store_error(&error)).transpose()
    }

    /// The tenant's end users, in the order of their making.
    async fn end_users(
        &self,
        cx: &Context<'_>,
        #[graphql(desc = "People of the page.")] first: i32,
        #[graphql(desc = "Only behind this cursor.")] after: Option<String>,
    ) -> Field<Paged<EndUser>> {
        Some(end_users(cx, PageArgs::forward(first, after)).await)
    }

    /// Links, in the order of their making.
    async fn links(
        &self,
        cx: &Context<'_>,
        #[graphql(desc = "Links of the page.")] first: i32,
        #[graphql(desc = "Only behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only those of this person.")] end_user: Option<ID>,
    ) -> Field<Paged<Link>> {
        Some(links(cx, PageArgs::forward(first, after), end_user).await)
    }

    /// A link by its id; null when the caller cannot see it.
    async fn link(
        &self,
        cx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
    ) -> Field<Link> {
        match Access::of(cx).need(KeyScope::AccountsRead) {
            Ok(()) => link::by_id(cx, id_of(&id)?).await,
            Err(error) => Some(Err(error)),
        }
    }

    /// Consents, in the order of their making.
    async fn consents(
        &self,
        cx: &Context<'_>,
        #[graphql(desc = "Consents of the page.")] first: i32,
        #[graphql(desc = "Only behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only those of this person.")] end_user: Option<ID>,
    ) -> Field<Paged<Consent>> {
        Some(consents(cx, PageArgs::forward(first, after), end_user).await)
    }

    /// Where an attempt to link stands; null when the caller cannot see it.
    async fn link_session(
        &self,
        cx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
    ) -> Field<LinkSession> {
        if let Err(error) = Access::of(cx).need(KeyScope::LinkWrite) {
            return Some(Err(error));
        }
        let found = Reads::of(cx).sessions.load(id_of(&id)?).await;
        found.map(|row| row.map(LinkSession)).map_err(|error| store_error(&error)).transpose()
    }

    /// Accounts, in the order of their making.
    async fn accounts(
        &self,
        cx: &Context<'_>,
        #[graphql(desc = "Accounts of the page.")] first: i32,
        #[graphql(desc = "Only behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only those of this person.")] end_user: Option<ID>,
        #[graphql(desc = "Only those that this link reads.")] link: Option<ID>,
    ) -> Field<Paged<Account>> {
        Some(accounts(cx, PageArgs::forward(first, after), end_user, link).await)
    }

    /// An account by its id; null when the caller cannot see it.
    async fn account(
        &self,
        cx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
    ) -> Field<Account> {
        match Access::of(cx).need(KeyScope::AccountsRead) {
            Ok(()) => account::by_id(cx, id_of(&id)?).await,
            Err(error) => Some(Err(error)),
        }
    }

    /// Transactions of all accounts that the caller sees. Give `first` or `last`.
    #[expect(clippy::too_many_arguments, reason = "a connection's arguments are a fixed list")]
    async fn transactions(
        &self,
        cx: &Context<'_>,
        #[graphql(desc = "Transactions from the beginning.")] first: Option<i32>,
        #[graphql(desc = "Only behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Transactions from the end.")] last: Option<i32>,
        #[graphql(desc = "Only before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which transactions.")] filter: Option<TransactionFilter>,
        #[graphql(desc = "In which order; newest sort date first unless given.")] order_by: Option<
            TransactionOrder,
        >,
    ) -> Field<Paged<Transaction>> {
        let asked = Asked {
            page: PageArgs { first, after, last, before },
            filter: filter.unwrap_or_default(),
            order: order_by.unwrap_or_default(),
        };
        Some(transactions::of_caller(cx, asked).await)
    }
}

/// What cursors of a list in the order of ids are good for.
fn id_binding(access: &Access, list: List, end_user: Option<EndUserId>) -> Binding {
    let end_user = end_user.map(|id| id.0.into_bytes());
    let filter = FilterDigest::new().with("endUser", end_user.as_ref().map(<[u8; 16]>::as_slice));
    Binding {
        tenant: access.tenant(),
        scope: access.scope(),
        list,
        descending: false,
        filter: filter.finish(),
    }
}

/// The person that an argument names; `Err` when it names nobody who can be.
fn person(id: Option<&ID>) -> std::result::Result<Option<EndUserId>, ()> {
    id.map(|id| id_of(id).ok_or(())).transpose()
}

async fn institutions(
    cx: &Context<'_>,
    page: PageArgs,
    search: String,
    country: Option<CountryCode>,
) -> Result<Paged<Institution>> {
    let (reads, access) = (Reads::of(cx), Access::of(cx));
    if search.len() > SEARCH_MAX {
        let message = format!("A search text has at most {SEARCH_MAX} bytes.");
        return Err(Code::QueryInvalid.error(message));
    }
    let window = page.check(access)?;
    let country = country.map(|code| code.0);
    let binding = Binding {
        filter: FilterDigest::new()
            .with("search", Some(search.as_bytes()))
            .with("country", country.as_deref().map(str::as_bytes))
            .finish(),
        ..id_binding(access, List::Institutions, None)
    };
    let cursors = reads.cursors(binding).await?;
    let after = window.place(&cursors, |bytes| {
        let (name, id) = std::str::from_utf8(bytes).ok()?.split_once('\n')?;
        Some((name.to_owned(), id.to_owned()))
    })?;
    let asked = institution::Search {
        text: search,
        country,
        sandbox: access.caller.test,
        after,
        limit: window.asked(),
    };
    let rows = institution::search(&mut reads.session().await?, &asked).await;
    let rows = window.cut(rows.map_err(|error| store_error(&error))?);
    Ok(window.connection(rows, &cursors, |row| {
        let place = format!("{}\n{}", institution::search_text(&row), row.id);
        (place.into_bytes(), Institution(Arc::new(row)))
    }))
}

async fn end_users(cx: &Context<'_>, page: PageArgs) -> Result<Paged<EndUser>> {
    let (reads, access) = (Reads::of(cx), Access::of(cx));
    access.need(KeyScope::AccountsRead)?;
    access.need_server()?;
    let window = page.check(access)?;
    let cursors = reads.cursors(id_binding(access, List::EndUsers, None)).await?;
    let after = window.place(&cursors, |bytes| id_place(bytes, EndUserId))?;
    let rows = end_user::list(&mut reads.session().await?, after, window.asked()).await;
    let rows = window.cut(rows.map_err(|error| store_error(&error))?);
    Ok(window.connection(rows, &cursors, |row| {
        (row.id.0.as_bytes().to_vec(), EndUser(Arc::new(row)))
    }))
}

async fn links(cx: &Context<'_>, page: PageArgs, end_user: Option<ID>) -> Result<Paged<Link>> {
    let (reads, access) = (Reads::of(cx), Access::of(cx));
    access.need(KeyScope::AccountsRead)?;
    let window = page.check(access)?;
    let (end_user, known) = (person(end_user.as_ref()), end_user.is_some());
    let binding = id_binding(access, List::Links, end_user.unwrap_or(None));
    let cursors = reads.cursors(binding).await?;
    let after = window.place(&cursors, |bytes| id_place(bytes, LinkId))?;
    let scope = end_user.ok().and_then(|end_user| access.narrowed(end_user));
    let Some(scope) = scope else {
        debug_assert!(known, "only a named person is out of reach");
        return Ok(window.connection((Vec::new(), false), &cursors, link_edge));
    };
    let mut session = reads.session().await?;
    let rows = link_rows::list(&mut session, scope.end_user(), after, window.asked()).await;
    let rows = window.cut(rows.map_err(|error| store_error(&error))?);
    Ok(window.connection(rows, &cursors, link_edge))
}

fn link_edge(row: link_rows::StoredLink) -> (Vec<u8>, Link) {
    (row.link.id.0.as_bytes().to_vec(), Link(Arc::new(row)))
}

async fn consents(
    cx: &Context<'_>,
    page: PageArgs,
    end_user: Option<ID>,
) -> Result<Paged<Consent>> {
    let (reads, access) = (Reads::of(cx), Access::of(cx));
    access.need(KeyScope::AccountsRead)?;
    let window = page.check(access)?;
    let end_user = person(end_user.as_ref());
    let binding = id_binding(access, List::Consents, end_user.unwrap_or(None));
    let cursors = reads.cursors(binding).await?;
    let after = window.place(&cursors, |bytes| id_place(bytes, ConsentId))?;
    let scope = end_user.ok().and_then(|end_user| access.narrowed(end_user));
    let rows = match scope {
        None => Vec::new(),
        Some(scope) => {
            let mut session = reads.session().await?;
            let rows = consent::list(&mut session, scope, after, window.asked()).await;
            rows.map_err(|error| store_error(&error))?
        }
    };
    Ok(window.connection(window.cut(rows), &cursors, |row| {
        let consent = row.consent;
        (consent.id.0.as_bytes().to_vec(), Consent(Arc::new(consent)))
    }))
}

async fn accounts(
    cx: &Context<'_>,
    page: PageArgs,
    end_user: Option<ID>,
    link: Option<ID>,
) -> Result<Paged<Account>> {
    let (reads, access) = (Reads::of(cx), Access::of(cx));
    access.need(KeyScope::AccountsRead)?;
    let window = page.check(access)?;
    let end_user = person(end_user.as_ref());
    let link: std::result::Result<Option<LinkId>, ()> =
        link.as_ref().map(|id| id_of(id).ok_or(())).transpose();
    let binding = account_binding(access, end_user.unwrap_or(None), link.unwrap_or(None));
    let cursors = reads.cursors(binding).await?;
    let after = window.place(&cursors, account::place)?;
    let scope = end_user.ok().and_then(|end_user| access.narrowed(end_user));
    let (Some(scope), Ok(link)) = (scope, link) else {
        return Ok(window.connection((Vec::new(), false), &cursors, account::edge));
    };
    let asked = AccountQuery { link, after, limit: window.size, ..AccountQuery::default() };
    let page = account_rows::list(&mut reads.session().await?, scope, &asked).await;
    let page = page.map_err(|error| store_error(&error))?;
    let rows = page.rows.into_iter().map(Arc::new).collect();
    Ok(window.connection((rows, page.more), &cursors, account::edge))
}
