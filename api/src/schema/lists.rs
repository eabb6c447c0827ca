//! The lists of the root: arguments checked, one statement, a page.

use std::result::Result as StdResult;
use std::sync::Arc;

use async_graphql::{Context, ID, Result};
use fondaco_model::ids::{ConsentId, EndUserId, LinkId};
use fondaco_model::scope::KeyScope;
use fondaco_store::repo::account::{self as account_rows, AccountQuery};
use fondaco_store::repo::link::{self as link_rows, LinkQuery};
use fondaco_store::repo::{consent, end_user, institution};

use super::access::{Access, id_of, store_error};
use super::cursor::{Binding, FilterDigest, List};
use super::page::{PageArgs, Paged};
use super::reads::Reads;
use super::scalars::CountryCode;
use super::types::account::{self, Account};
use super::types::consent::Consent;
use super::types::institution::Institution;
use super::types::link::{Link, account_binding, id_place};
use super::types::people::EndUser;
use crate::http::code::Code;

/// Longest search text, in bytes.
const SEARCH_MAX: usize = 256;

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
fn person(id: Option<&ID>) -> StdResult<Option<EndUserId>, ()> {
    id.map(|id| id_of(id).ok_or(())).transpose()
}

pub(crate) async fn institutions(
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

pub(crate) async fn end_users(cx: &Context<'_>, page: PageArgs) -> Result<Paged<EndUser>> {
    let (reads, access) = (Reads::of(cx), Access::of(cx));
    access.need(KeyScope::AccountsRead)?;
    access.need_server()?;
    let window = page.check(access)?;
    let cursors = reads
        .cursors(id_binding(access, List::EndUsers, None))
        .await?;
    let after = window.place(&cursors, |bytes| id_place(bytes, EndUserId))?;
    let rows = end_user::list(&mut reads.session().await?, after, window.asked()).await;
    let rows = window.cut(rows.map_err(|error| store_error(&error))?);
    Ok(window.connection(rows, &cursors, |row| {
        (row.id.0.as_bytes().to_vec(), EndUser(Arc::new(row)))
    }))
}

pub(crate) async fn links(
    cx: &Context<'_>,
    page: PageArgs,
    end_user: Option<ID>,
) -> Result<Paged<Link>> {
    let (reads, access) = (Reads::of(cx), Access::of(cx));
    access.need(KeyScope::AccountsRead)?;
    let window = page.check(access)?;
    let end_user = person(end_user.as_ref());
    let binding = id_binding(access, List::Links, end_user.unwrap_or(None));
    let cursors = reads.cursors(binding).await?;
    let after = window.place(&cursors, |bytes| id_place(bytes, LinkId))?;
    let scope = end_user.ok().and_then(|end_user| access.narrowed(end_user));
    let Some(scope) = scope else {
        return Ok(window.connection((Vec::new(), false), &cursors, link_edge));
    };
    let asked = LinkQuery {
        after,
        limit: window.size,
        ..LinkQuery::default()
    };
    let page = link_rows::list(&mut reads.session().await?, scope, &asked).await;
    let page = page.map_err(|error| store_error(&error))?;
    Ok(window.connection((page.rows, page.more), &cursors, link_edge))
}

fn link_edge(row: link_rows::StoredLink) -> (Vec<u8>, Link) {
    (row.link.id.0.as_bytes().to_vec(), Link(Arc::new(row)))
}

pub(crate) async fn consents(
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

pub(crate) async fn accounts(
    cx: &Context<'_>,
    page: PageArgs,
    end_user: Option<ID>,
    link: Option<ID>,
) -> Result<Paged<Account>> {
    let (reads, access) = (Reads::of(cx), Access::of(cx));
    access.need(KeyScope::AccountsRead)?;
    let window = page.check(access)?;
    let end_user = person(end_user.as_ref());
    let link: StdResult<Option<LinkId>, ()> =
        link.as_ref().map(|id| id_of(id).ok_or(())).transpose();
    let binding = account_binding(access, end_user.unwrap_or(None), link.unwrap_or(None));
    let cursors = reads.cursors(binding).await?;
    let after = window.place(&cursors, account::place)?;
    let scope = end_user.ok().and_then(|end_user| access.narrowed(end_user));
    let (Some(scope), Ok(link)) = (scope, link) else {
        return Ok(window.connection((Vec::new(), false), &cursors, account::edge));
    };
    let asked = AccountQuery {
        link,
        after,
        limit: window.size,
        ..AccountQuery::default()
    };
    let page = account_rows::list(&mut reads.session().await?, scope, &asked).await;
    let page = page.map_err(|error| store_error(&error))?;
    let rows = page.rows.into_iter().map(Arc::new).collect();
    Ok(window.connection((rows, page.more), &cursors, account::edge))
}
