//! The viewer: what the presented key is and may do.

use async_graphql::{Context, ID, Object};

use super::people::EndUser;
use crate::schema::access::{Access, Field, found};
use crate::schema::reads::Reads;
use crate::schema::words::KeyClass;

/// The key that was presented.
pub(crate) struct Viewer;

/// The key that was presented, and what it may do.
#[Object]
impl Viewer {
    /// Id of the tenant that owns the key.
    async fn tenant_id(&self, cx: &Context<'_>) -> ID {
        Access::of(cx).tenant().into()
    }

    /// True for keys of a test tenant, which reach sandboxes only.
    async fn test(&self, cx: &Context<'_>) -> bool {
        Access::of(cx).caller.test
    }

    /// Class of the key.
    async fn key_class(&self, cx: &Context<'_>) -> KeyClass {
        Access::of(cx).caller.class.into()
    }

    /// Scopes of the key, such as `accounts:read`; an open list.
    async fn scopes<'a>(&self, cx: &Context<'a>) -> Vec<&'a str> {
        Access::of(cx)
            .caller
            .scopes
            .iter()
            .map(String::as_str)
            .collect()
    }

    /// The person to whom a frontend token is bound; null for a server's key.
    async fn end_user(&self, cx: &Context<'_>) -> Field<EndUser> {
        let id = Access::of(cx).scope().end_user()?;
        let row = Reads::of(cx).end_users.load(id).await;
        found(row, EndUser)
    }

    /// Largest `first` or `last` that the key may ask for.
    async fn page_max(&self, cx: &Context<'_>) -> i32 {
        i32::try_from(Access::of(cx).page_max()).unwrap_or(i32::MAX)
    }

    /// Most cost units that one request of the key may ask for. The level of its bucket stands in
    /// the `RateLimit` headers and in `extensions.cost` of every answer.
    async fn request_cost_max(&self, cx: &Context<'_>) -> i32 {
        i32::try_from(Access::of(cx).caller.class.request_cost_max()).unwrap_or(i32::MAX)
    }
}
