//! The schema with the store and the vault behind it, as the HTTP layer wants it.

use std::sync::Arc;

use async_graphql::{EmptySubscription, Request, Response, Schema};
use fondaco_store::OPERATOR;
use fondaco_store::repo::tenant::{self, Mode};
use fondaco_vault::Vault;
use fondaco_vault::access::{Authenticated, CallerClass};
use futures_util::future::BoxFuture;
use sha2::{Digest, Sha256};

use super::access::Access;
use super::inputs::InputTable;
use super::mutation::Mutation;
use super::order::Order;
use super::query::Query;
use super::reads::{Deps, Reads};
use super::types::import_job::{PROBLEMS_MAX, STATEMENTS_MAX};
use crate::guard::rate::{KeyClass, KeyId};
use crate::guard::table::{CostTable, TableError};
use crate::http::engine::{AuthError, Caller, Engine, Presented};

/// Cost of the content of one raw answer: it is read by itself.
const RAW_CONTENT_COST: u64 = 10;

type Graph = Schema<Query, Mutation, EmptySubscription>;

/// The schema, the store and the vault: what answers requests. Cheap to clone.
#[derive(Clone)]
pub struct GraphQl {
    schema: Graph,
    inputs: Arc<InputTable>,
    deps: Deps,
}

/// The schema as SDL (GraphQL of September 2025, section 3).
pub fn sdl() -> String {
    graph().sdl()
}

fn graph() -> Graph {
    // Limits stand in the guard, before the parser; what follows would only repeat them.
    Schema::build(Query, Mutation, EmptySubscription)
        .disable_suggestions()
        .finish()
}

impl GraphQl {
    /// The schema over a vault and its store.
    pub fn new(vault: Vault) -> Self {
        let schema = graph();
        let inputs = InputTable::from_sdl(&schema.sdl());
        Self {
            inputs: Arc::new(inputs.expect("a test reads the SDL of this very schema")),
            schema,
            deps: Deps::new(vault),
        }
    }

    /// What the schema's fields cost.
    ///
    /// # Errors
    /// Only when the schema's own SDL cannot be read; a defect of this build.
    pub fn costs() -> Result<CostTable, TableError> {
        let statements = u64::try_from(STATEMENTS_MAX).unwrap_or(u64::MAX);
        CostTable::from_sdl(&sdl())?
            .size("ImportJob.statements", statements)?
            .size("ImportJob.problems", PROBLEMS_MAX.into())?
            .price("RawAnswer.text", RAW_CONTENT_COST)?
            .price("RawAnswer.base64", RAW_CONTENT_COST)
    }

    async fn caller(&self, presented: Presented<'_>) -> Result<Caller, AuthError> {
        let bearer = presented.bearer.ok_or(AuthError::Rejected)?;
        // Looked up each time: a key that was revoked is worthless with the next request.
        match self.deps.vault.authenticate(bearer).await {
            Ok(Some(found)) => Ok(caller(found)),
            Ok(None) => Err(AuthError::Rejected),
            Err(error) => {
                tracing::error!(%error, "keys cannot be looked up");
                Err(AuthError::Unavailable)
            }
        }
    }

    async fn knows_origin(&self, origin: &str) -> bool {
        let Ok(mut session) = self.deps.db().read(OPERATOR).await else {
            return false;
        };
        tenant::origin_registered(&mut session, origin)
            .await
            .unwrap_or(false)
    }

    async fn can_read(&self) -> bool {
        let Ok(mut session) = self.deps.db().read(OPERATOR).await else {
            return false;
        };
        tenant::list(&mut session, None, 1).await.is_ok()
    }
}

fn caller(found: Authenticated) -> Caller {
    let class = match found.class {
        CallerClass::Server => KeyClass::Server,
        CallerClass::Job => KeyClass::Job,
        CallerClass::Frontend => KeyClass::Browser,
    };
    Caller {
        tenant: found.tenant.0.into_bytes(),
        key: bucket(&found),
        class,
        scopes: found.scopes.iter().map(ToString::to_string).collect(),
        end_user: found.end_user.map(|id| id.0.into_bytes()),
        origins: found.origins,
        test: found.mode == Mode::Test,
    }
}

/// Whose bucket is charged: a key's own, and for frontend tokens one for each person, so that one
/// person's page cannot slow down another's.
fn bucket(found: &Authenticated) -> KeyId {
    let key = found.key.0.into_bytes();
    let Some(end_user) = found.end_user else {
        return key;
    };
    let digest = Sha256::new()
        .chain_update(key)
        .chain_update(end_user.0.as_bytes())
        .finalize();
    let mut bucket = KeyId::default();
    bucket.copy_from_slice(&digest[..size_of::<KeyId>()]);
    bucket
}

impl Engine for GraphQl {
    fn authenticate<'a>(
        &'a self,
        presented: Presented<'a>,
    ) -> BoxFuture<'a, Result<Caller, AuthError>> {
        Box::pin(self.caller(presented))
    }

    fn execute(&self, mut request: Request) -> BoxFuture<'_, Response> {
        let caller = request.data.get(&std::any::TypeId::of::<Caller>());
        let caller = caller
            .and_then(|caller| caller.downcast_ref::<Caller>())
            .cloned();
        let caller = caller.expect("the pipeline puts the caller into every request");
        let reads = Reads::new(Access { caller }, &self.deps);
        let operation = request.operation_name.clone();
        let variables = request.variables.clone();
        let document = request.parsed_query().ok();
        let checked = document.map_or(Ok(()), |document| {
            self.inputs
                .check(document, operation.as_deref(), &variables)
        });
        if let Err(error) = checked {
            // Without a path it is an error of the whole request.
            return Box::pin(async { Response::from_errors(vec![error]) });
        }
        let order = document.and_then(|document| Order::of(document, operation.as_deref()));
        Box::pin(async move {
            let mut response = self.schema.execute(request.data(reads)).await;
            if let Some(order) = order {
                response.data = order.apply(std::mem::take(&mut response.data));
            }
            response
        })
    }

    fn origin_known<'a>(&'a self, origin: &'a str) -> BoxFuture<'a, bool> {
        Box::pin(self.knows_origin(origin))
    }

    fn ready(&self) -> BoxFuture<'_, bool> {
        Box::pin(self.can_read())
    }
}
