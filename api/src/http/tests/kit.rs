//! A small schema and a client for the tests of the routes.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_graphql::{
    Context, EmptySubscription, ID, Object, Response as GqlResponse, Schema, SimpleObject,
};
use axum::Router;
use axum::body::{Body, to_bytes};
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use crate::guard::limits::Limits;
use crate::guard::rate::{BucketSize, BucketSizes, KeyClass, MemoryBuckets};
use crate::guard::table::CostTable;
use crate::http::code::Code;
use crate::http::engine::{AuthError, Caller, Engine, Presented, SCHEMA_SCOPE};
use crate::http::explorer::Example;
use crate::http::router;
use crate::http::state::{ApiConfig, ApiState, Introspection};

pub(super) const ORIGIN: &str = "https://app.example";
pub(super) const OTHER_TENANTS_ORIGIN: &str = "https://other.example";
pub(super) const INTERNAL: &str = "relation \"api_key\" does not exist at /src/store.rs";

pub(super) struct Query;

#[derive(SimpleObject)]
pub(super) struct Account {
    id: ID,
    name: Option<String>,
}

#[derive(SimpleObject)]
pub(super) struct AccountConnection {
    nodes: Vec<Account>,
}

#[expect(
    clippy::unused_async,
    reason = "the macro wants async where a context is taken"
)]
#[Object]
impl Query {
    async fn version(&self) -> &str {
        "1"
    }

    async fn accounts(&self, first: Option<i32>) -> AccountConnection {
        let rows = first.unwrap_or(0).clamp(0, 3);
        let nodes = (0..rows)
            .map(|n| Account {
                id: n.into(),
                name: None,
            })
            .collect();
        AccountConnection { nodes }
    }

    async fn account(&self, id: ID) -> Option<Account> {
        (id.as_str() == "1").then_some(Account { id, name: None })
    }

    async fn tenant(&self, cx: &Context<'_>) -> async_graphql::Result<u8> {
        Ok(cx.data::<Caller>()?.tenant[0])
    }

    async fn boom(&self) -> u8 {
        u8::try_from(300_u16).expect("a bug in a resolver")
    }

    async fn slow(&self) -> u8 {
        std::future::pending().await
    }

    async fn leaky(&self) -> async_graphql::Result<Option<u8>> {
        Err(INTERNAL.into())
    }

    async fn stale(&self) -> async_graphql::Result<Option<u8>> {
        Err(Code::CursorInvalid.error("The cursor is not ours."))
    }
}

pub(super) struct Mutation;

#[Object]
impl Mutation {
    async fn touch(&self) -> bool {
        true
    }
}

type TestSchema = Schema<Query, Mutation, EmptySubscription>;

struct TestEngine(TestSchema);

fn caller(tenant: u8, class: KeyClass, scopes: &[&str], origin: &str) -> Caller {
    Caller {
        tenant: [tenant; 16],
        key: [tenant; 16],
        class,
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        end_user: None,
        origins: vec![origin.to_owned()],
        test: true,
    }
}

impl Engine for TestEngine {
    fn authenticate<'a>(
        &'a self,
        presented: Presented<'a>,
    ) -> BoxFuture<'a, Result<Caller, AuthError>> {
        let found = match presented.bearer {
            Some("server") => Ok(caller(1, KeyClass::Server, &[], ORIGIN)),
            Some("schema") => Ok(caller(2, KeyClass::Server, &[SCHEMA_SCOPE], ORIGIN)),
            Some("browser") => Ok(caller(3, KeyClass::Browser, &[], ORIGIN)),
            Some("other") => Ok(caller(4, KeyClass::Browser, &[], OTHER_TENANTS_ORIGIN)),
            Some("down") => Err(AuthError::Unavailable),
            Some(_) | None => Err(AuthError::Rejected),
        };
        Box::pin(std::future::ready(found))
    }

    fn execute(&self, request: async_graphql::Request) -> BoxFuture<'_, GqlResponse> {
        Box::pin(self.0.execute(request))
    }

    fn origin_known<'a>(&'a self, origin: &'a str) -> BoxFuture<'a, bool> {
        Box::pin(std::future::ready(
            [ORIGIN, OTHER_TENANTS_ORIGIN].contains(&origin),
        ))
    }

    fn ready(&self) -> BoxFuture<'_, bool> {
        Box::pin(std::future::ready(true))
    }
}

/// What a test may choose.
pub(super) struct Setup {
    pub(super) introspection: Introspection,
    pub(super) explorer: bool,
    pub(super) server_units: u32,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            introspection: Introspection::Scoped,
            explorer: false,
            server_units: 20_000,
        }
    }
}

pub(super) struct Api(Router);

pub(super) struct Got {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
    pub(super) json: Value,
}

impl Got {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Whether any field of the answer has a value.
    pub(super) fn has_data(&self) -> bool {
        let data = self.json["data"].as_object();
        data.is_some_and(|data| data.values().any(|value| !value.is_null()))
    }

    pub(super) fn code(&self) -> &str {
        self.json["errors"][0]["extensions"]["code"]
            .as_str()
            .unwrap_or_default()
    }
}

impl Api {
    pub(super) fn new() -> Self {
        Self::with(&Setup::default())
    }

    pub(super) fn with(setup: &Setup) -> Self {
        let schema = Schema::new(Query, Mutation, EmptySubscription);
        let costs = CostTable::from_sdl(&schema.sdl()).unwrap();
        let some = |n| NonZeroU32::new(n).unwrap();
        let server = BucketSize {
            capacity: some(setup.server_units),
            per_second: some(1),
        };
        let sizes = BucketSizes {
            server,
            ..BucketSizes::default()
        };
        let next = AtomicU64::new(1);
        let example = Example {
            title: "Accounts".to_owned(),
            query: "{accounts(first: 10){nodes{id}}}".to_owned(),
            variables: String::new(),
        };
        let config = ApiConfig {
            engine: Arc::new(TestEngine(schema)),
            costs,
            buckets: Arc::new(MemoryBuckets::new(&sizes)),
            limits: Limits::default(),
            introspection: setup.introspection,
            explorer: setup.explorer.then(|| vec![example]),
            new_id: Arc::new(move || {
                Uuid::from_u128(u128::from(next.fetch_add(1, Ordering::Relaxed)))
            }),
            execution_max: Duration::from_millis(20),
        };
        Self(router(ApiState::new(config)))
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Got {
        let response = self.0.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().into()).unwrap();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Got {
            status: parts.status,
            headers: parts.headers,
            text,
            json,
        }
    }

    /// POST of any bytes with the server key; each header given replaces the usual one.
    pub(super) async fn post(&self, body: impl Into<Body>, headers: &[(&str, &str)]) -> Got {
        self.send(request(Method::POST, "/graphql", headers, body.into()))
            .await
    }

    pub(super) async fn query(&self, query: &str) -> Got {
        self.post(json!({ "query": query }).to_string(), &[]).await
    }

    pub(super) async fn query_as(&self, key: &str, query: &str) -> Got {
        let authorization = format!("Bearer {key}");
        let headers = [("authorization", authorization.as_str())];
        self.post(json!({ "query": query }).to_string(), &headers)
            .await
    }

    pub(super) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Got {
        self.send(request(Method::GET, path, headers, Body::empty()))
            .await
    }

    pub(super) async fn lives(&self) -> bool {
        self.query("{__typename}").await.status == StatusCode::OK
    }
}

pub(super) fn request(
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Body,
) -> Request<Body> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .body(body)
        .unwrap();
    let usual = [
        ("host", "api.example"),
        ("content-type", "application/json"),
        (
            "accept",
            "application/graphql-response+json, application/json",
        ),
        ("authorization", "Bearer server"),
    ];
    for (name, value) in usual.iter().chain(headers) {
        let name: http::HeaderName = name.parse().unwrap();
        if value.is_empty() {
            request.headers_mut().remove(name);
        } else {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
    }
    request
}

/// Texts made from 0 to `n`, one after the other.
pub(super) fn joined(n: usize, text: impl Fn(usize) -> String) -> String {
    (0..n).map(text).collect::<Vec<_>>().concat()
}
