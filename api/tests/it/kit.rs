//! An installation in memory: both engines, a vault, two tenants and a client.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use fondaco_api::guard::limits::Limits;
use fondaco_api::guard::rate::{BucketSize, BucketSizes, MemoryBuckets};
use fondaco_api::http::router;
use fondaco_api::http::state::{ApiConfig, ApiState, EXECUTION_MAX, Introspection};
use fondaco_api::schema::GraphQl;
use fondaco_model::ids::{ApiKeyId, EndUserId, TenantId};
use fondaco_model::scope::KeyScope;
use fondaco_model::{Effects, Fault, FaultKind, Secret};
use fondaco_store::Db;
use fondaco_store::repo::api_key::KeyClass;
use fondaco_store::repo::tenant::{Details, Mode};
use fondaco_store::testing::{TestDb, engines};
use fondaco_transport::{Answer, Call, TokioSleeper, Transport};
use fondaco_vault::access::NewFrontendToken;
use fondaco_vault::seal::{KeyRing, MasterKey};
use fondaco_vault::tenants::NewTenant;
use fondaco_vault::{Catalogue, Keys, Lender, Vault, VaultParts};
use futures_util::future::BoxFuture;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

/// The address that the tenants' frontends return to.
pub(crate) const RETURN_URL: &str = "https://app.example/done";

/// No test here speaks to an institution.
struct Unreachable;

impl Transport for Unreachable {
    fn send<'a>(&'a self, _: Call<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(async { Err(Fault::new(FaultKind::ProviderDown, "test")) })
    }
}

/// One installation on one engine.
pub(crate) struct House {
    pub(crate) db: TestDb,
    pub(crate) vault: Vault,
    pub(crate) tenant: TenantId,
    pub(crate) stranger: TenantId,
    router: Router,
}

/// A key with what its tests need to know of it.
pub(crate) struct Key {
    pub(crate) id: ApiKeyId,
    secret: Secret,
}

impl Key {
    /// A bearer token from an answer.
    pub(crate) fn of(secret: &str) -> Self {
        Self {
            id: ApiKeyId(uuid::Uuid::nil()),
            secret: Secret::new(secret),
        }
    }
}

pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Got {
    pub(crate) fn data(&self) -> &Value {
        assert!(self.json.get("errors").is_none(), "{}", self.text);
        &self.json["data"]
    }

    /// The text without the level of the bucket, which time moves.
    pub(crate) fn steady(&self) -> String {
        let Some((before, rest)) = self.text.split_once("\"available\":") else {
            return self.text.clone();
        };
        format!(
            "{before}{}",
            rest.trim_start_matches(|c: char| c.is_ascii_digit())
        )
    }

    pub(crate) fn code(&self) -> &str {
        self.json["errors"][0]["extensions"]["code"]
            .as_str()
            .unwrap_or_default()
    }
}

/// A house on each engine.
pub(crate) async fn houses() -> Vec<House> {
    let mut houses = Vec::new();
    for db in engines().await {
        houses.push(House::new(db).await);
    }
    houses
}

fn vault(db: &Db) -> Vault {
    let effects = Effects::system();
    let ring = |hex: &str| {
        let master = MasterKey::from_text(&hex.repeat(8)).unwrap();
        Arc::new(KeyRing::new(master, Vec::new()).unwrap())
    };
    let keys = Keys::new(
        db.clone(),
        effects.clone(),
        ring("0a1b2c3d"),
        Some(ring("4e5f6071")),
    );
    Vault::new(VaultParts {
        db: db.clone(),
        effects,
        keys,
        transport: Arc::new(Unreachable),
        sleeper: Arc::new(TokioSleeper),
        catalogue: Arc::new(Catalogue::default()),
        public_url: "https://fondaco.example".parse().unwrap(),
        lender: Lender::default(),
    })
}

async fn tenant(vault: &Vault, mode: Mode) -> TenantId {
    let new = NewTenant {
        details: Details {
            display_name: "Example".to_owned(),
            privacy_url: "https://app.example/privacy".to_owned(),
            support_contact: "help@app.example".to_owned(),
        },
        mode,
        return_urls: vec![RETURN_URL.to_owned()],
        origins: vec!["https://app.example".to_owned()],
    };
    vault.create_tenant(&new).await.unwrap().id
}

impl House {
    async fn new(db: TestDb) -> Self {
        let vault = vault(&db);
        let (one, other) = (
            tenant(&vault, Mode::Test).await,
            tenant(&vault, Mode::Live).await,
        );
        let engine = GraphQl::new(vault.clone());
        let large = BucketSize {
            capacity: NonZeroU32::MAX,
            per_second: NonZeroU32::MAX,
        };
        let sizes = BucketSizes {
            browser: large,
            server: large,
            job: large,
        };
        let config = ApiConfig {
            engine: Arc::new(engine),
            costs: GraphQl::costs().unwrap(),
            buckets: Arc::new(MemoryBuckets::new(&sizes)),
            limits: Limits::default(),
            introspection: Introspection::Scoped,
            explorer: None,
            new_id: Arc::new(|| Effects::system().uuid()),
            execution_max: EXECUTION_MAX,
        };
        let router = router(ApiState::new(config));
        Self {
            db,
            vault,
            tenant: one,
            stranger: other,
            router,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.db.name()
    }

    /// A key of the first tenant that may do everything.
    pub(crate) async fn key(&self) -> Key {
        self.key_with(self.tenant, KeyClass::Server, KeyScope::ALL)
            .await
    }

    pub(crate) async fn key_with(
        &self,
        tenant: TenantId,
        class: KeyClass,
        scopes: &[KeyScope],
    ) -> Key {
        let made = self
            .vault
            .create_api_key(tenant, "test", (class, scopes))
            .await;
        let (key, secret) = made.unwrap();
        Key { id: key.id, secret }
    }

    /// A frontend token of the person with this reference.
    pub(crate) async fn token(&self, reference: &str, scopes: &[KeyScope]) -> (Key, EndUserId) {
        let key = self.key().await;
        let new = NewFrontendToken {
            api_key: key.id,
            held: KeyScope::ALL,
            end_user_ref: reference,
            scopes,
            ttl_seconds: 600,
        };
        let made = self.vault.create_frontend_token(self.tenant, &new).await;
        let (secret, _, end_user) = made.unwrap();
        (Key { id: key.id, secret }, end_user)
    }

    pub(crate) async fn query(&self, key: &Key, query: &str) -> Got {
        self.query_with(key, query, json!({})).await
    }

    pub(crate) async fn query_with(&self, key: &Key, query: &str, variables: Value) -> Got {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let request = Request::post("/graphql")
            .header("content-type", "application/json")
            .header("accept", "application/graphql-response+json")
            .header("authorization", format!("Bearer {}", key.secret.expose()))
            .header("x-request-id", "test")
            .body(Body::from(body))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.into()).unwrap();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Got { status, text, json }
    }
}
