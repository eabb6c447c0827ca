//! What the HTTP layer needs from the schema and the store behind it.

use std::net::IpAddr;

use async_graphql::{Request, Response};
use futures_util::future::BoxFuture;

use crate::guard::rate::{KeyClass, KeyId, Level};

/// Scope that opens introspection to a key when the server does not open it to all.
pub const SCHEMA_SCOPE: &str = "schema:read";

/// What a request presents about its sender.
#[derive(Clone, Copy)]
pub struct Presented<'a> {
    /// Text after `Bearer ` in the `Authorization` header.
    pub bearer: Option<&'a str>,
    /// Address of the socket's other end; forwarded headers are never read.
    pub peer: Option<IpAddr>,
    /// Web origin, as a browser says it.
    pub origin: Option<&'a str>,
}

impl std::fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Presented")
            .field("bearer", &self.bearer.map(|_| "…"))
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// Sender of a request, known by its key. Resolvers find it in the request's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Id of the tenant.
    pub tenant: [u8; 16],
    /// Id of the key.
    pub key: KeyId,
    /// Class of the key.
    pub class: KeyClass,
    /// Scopes of the key.
    pub scopes: Vec<String>,
    /// Id of the end user to whom a frontend token is bound.
    pub end_user: Option<[u8; 16]>,
    /// Origins that the tenant registered, as browsers spell them.
    pub origins: Vec<String>,
    /// True for a test tenant, which reaches sandboxes only.
    pub test: bool,
}

impl Caller {
    /// Whether the key has a scope.
    pub fn may(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }
}

/// Why a sender is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthError {
    /// No key, or one that is unknown, revoked or expired; clients are not told which.
    Rejected,
    /// The keys cannot be looked up now.
    Unavailable,
}

/// Id of a request, in the request's data for resolvers and jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(pub String);

/// What a request was charged, and the sender's bucket after it, in the request's data for
/// resolvers. What an answer does not use is given back only when it is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charged {
    /// Requested cost.
    pub cost: u32,
    /// The bucket.
    pub level: Level,
}

/// The schema with the store behind it.
///
/// A future that is dropped must stop its work: that is how a time limit reaches the database.
pub trait Engine: Send + Sync + 'static {
    /// Finds the sender of a request.
    fn authenticate<'a>(
        &'a self,
        presented: Presented<'a>,
    ) -> BoxFuture<'a, Result<Caller, AuthError>>;

    /// Validates and runs one operation. The request's data holds [`Caller`] and [`RequestId`].
    fn execute(&self, request: Request) -> BoxFuture<'_, Response>;

    /// Whether any tenant registered this origin; a preflight carries no key.
    fn origin_known<'a>(&'a self, origin: &'a str) -> BoxFuture<'a, bool>;

    /// Whether the server can answer now.
    fn ready(&self) -> BoxFuture<'_, bool>;
}
