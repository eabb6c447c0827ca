//! The root of reads.

use async_graphql::{Context, ID, Object};
use fondaco_model::scope::KeyScope;

use super::access::{Access, Field, found, id_of};
use super::filter::{TransactionFilter, TransactionOrder};
use super::lists;
use super::mutation::{ImportJob, import_job};
use super::page::{PageArgs, Paged};
use super::reads::Reads;
use super::scalars::CountryCode;
use super::transactions::{self, Asked};
use super::types::account::{self, Account};
use super::types::consent::Consent;
use super::types::institution::Institution;
use super::types::link::{self, Link};
use super::types::link_session::LinkSession;
use super::types::node::{self, Node};
use super::types::people::EndUser;
use super::types::transaction::Transaction;
use super::types::viewer::Viewer;
use crate::http::code::Code;

/// Most ids of one `nodes`.
const NODES_MAX: usize = 250;

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
    async fn node(&self, cx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Field<Node> {
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
    #[expect(
        clippy::too_many_arguments,
        reason = "a connection's arguments are a fixed list"
    )]
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
        Some(lists::institutions(cx, page, search.unwrap_or_default(), country).await)
    }

    /// An institution by its id; null when there is none.
    async fn institution(
        &self,
        cx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
    ) -> Field<Institution> {
        let row = Reads::of(cx).institutions.load(id.0).await;
        found(row, Institution)
    }

    /// The tenant's end users, in the order of their making.
    async fn end_users(
        &self,
        cx: &Context<'_>,
        #[graphql(desc = "People of the page.")] first: i32,
        #[graphql(desc = "Only behind this cursor.")] after: Option<String>,
    ) -> Field<Paged<EndUser>> {
        Some(lists::end_users(cx, PageArgs::forward(first, after)).await)
    }

    /// Links, in the order of their making.
    async fn links(
        &self,
        cx: &Context<'_>,
        #[graphql(desc = "Links of the page.")] first: i32,
        #[graphql(desc = "Only behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only those of this person.")] end_user: Option<ID>,
    ) -> Field<Paged<Link>> {
        Some(lists::links(cx, PageArgs::forward(first, after), end_user).await)
    }

    /// A link by its id; null when the caller cannot see it.
    async fn link(&self, cx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Field<Link> {
        match Access::of(cx).need(KeyScope::AccountsRead) {
            Ok(()) => link::by_id(cx, id_of(&id)).await,
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
        Some(lists::consents(cx, PageArgs::forward(first, after), end_user).await)
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
        let row = Reads::of(cx).sessions.load(id_of(&id)?).await;
        found(row, LinkSession)
    }

    /// An import by its id; null when the caller cannot see it. Scope `import:write`.
    async fn import_job(
        &self,
        cx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
    ) -> Field<ImportJob> {
        import_job(cx, &id).await
    }

    /// Accounts, in the order of their making.
    #[expect(
        clippy::too_many_arguments,
        reason = "a connection's arguments are a fixed list"
    )]
    async fn accounts(
        &self,
        cx: &Context<'_>,
        #[graphql(desc = "Accounts of the page.")] first: i32,
        #[graphql(desc = "Only behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only those of this person.")] end_user: Option<ID>,
        #[graphql(desc = "Only those that this link reads.")] link: Option<ID>,
    ) -> Field<Paged<Account>> {
        Some(lists::accounts(cx, PageArgs::forward(first, after), end_user, link).await)
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
    #[expect(
        clippy::too_many_arguments,
        reason = "a connection's arguments are a fixed list"
    )]
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
            page: PageArgs {
                first,
                after,
                last,
                before,
            },
            filter: filter.unwrap_or_default(),
            order: order_by.unwrap_or_default(),
        };
        Some(transactions::of_caller(cx, asked).await)
    }
}
