//! The routes that people, banks and files come through: hosted consent pages, the banks'
//! callbacks, the public keys of registrations and uploads of statements.
//!
//! What may be done is the vault's to say; here a request becomes a step of it and its answer a
//! page of [`web`](crate::web). A GET of a page changes nothing in the store: prefetching, opening
//! twice and reloading are harmless. Every POST needs three things at once: a page of ours as its
//! origin, the flow's cookie, and the form token that belongs to that cookie.

mod body;
mod callback;
mod form;
mod gate;
mod keys;
mod method;
mod pages;
mod places;
mod show;
mod steps;
mod stop;
mod token;
mod uploads;
mod visit;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request};
use axum::routing::{MethodRouter, get, post};
use fondaco_vault::Vault;
use futures_util::future::BoxFuture;
use url::Url;

use crate::guard::rate::FailureLimiter;
use crate::web::assets;
use crate::web::cookie::Scheme;

pub use body::RECEIVE_MAX;
pub use gate::PeerRates;
pub use places::{UPLOADS_AT_ONCE, UPLOADS_OF_KEY};
pub use uploads::{UPLOAD_SECONDS, WAITING_MAX};

use gate::PeerLimiter;
use places::Places;

/// Waits for a time; [`real_time`] outside tests.
pub type Pause = Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>;

/// Waits on the runtime's timer.
pub fn real_time() -> Pause {
    Arc::new(|wait| Box::pin(tokio::time::sleep(wait)))
}

/// Settings and parts of these routes.
#[derive(Clone)]
pub struct ConnectConfig {
    /// What leads people through consents and keeps what is uploaded.
    pub vault: Vault,
    /// Where browsers reach this installation: scheme, host and port; a path is not used.
    /// `https` unless it is a machine's own loopback address.
    pub public_url: Url,
    /// Largest statement in bytes that is taken: `import.max_bytes`.
    pub import_bytes_max: u64,
    /// The provider family that reads statements.
    pub statement_family: &'static str,
    /// Requests that one peer address may make.
    pub rates: PeerRates,
    /// What holds an answer while an exchange runs, and ends an upload that takes too long.
    pub pause: Pause,
}

/// Shared state of these routes; cheap to clone.
#[derive(Clone)]
pub(crate) struct ConnectState(Arc<Shared>);

struct Shared {
    vault: Vault,
    own_origin: String,
    scheme: Scheme,
    import_bytes_max: u64,
    statement_family: &'static str,
    pause: Pause,
    visits: PeerLimiter,
    failures: FailureLimiter,
    uploads: Places,
}

impl ConnectState {
    fn new(config: ConnectConfig) -> Self {
        let scheme = match config.public_url.scheme() {
            "http" => Scheme::Http,
            _ => Scheme::Https,
        };
        Self(Arc::new(Shared {
            own_origin: config.public_url.origin().ascii_serialization(),
            vault: config.vault,
            scheme,
            import_bytes_max: config.import_bytes_max,
            statement_family: config.statement_family,
            pause: config.pause,
            visits: PeerLimiter::new(config.rates),
            failures: FailureLimiter::default(),
            uploads: Places::default(),
        }))
    }

    fn vault(&self) -> &Vault {
        &self.0.vault
    }

    fn scheme(&self) -> Scheme {
        self.0.scheme
    }
}

/// The routes, to be merged with [`router_with`](crate::http::router_with), which gives them their
/// request id.
///
/// `GET /connect/{page_token}` and what hangs on it, `GET /callback/{registration}`,
/// `GET /keys/{registration}`, `GET /connect/assets/{name}`, `POST /v1/statements`,
/// which answers preflights of pages too.
pub fn router(config: ConnectConfig) -> Router {
    let asset = async |Path(name): Path<String>| assets::respond(&name);
    Router::new()
        .route("/connect/assets/{name}", read(get(asset)))
        .route("/connect/{page_token}", read(get(pages::start)))
        .route("/connect/{page_token}/review", read(get(pages::review)))
        .route("/connect/{page_token}/status", read(get(pages::status)))
        .route(
            "/connect/{page_token}/choose",
            get(pages::choose)
                .post(steps::choose)
                .fallback(not_taken(method::READ_AND_POST)),
        )
        .route("/connect/{page_token}/continue", write(post(steps::go_on)))
        .route("/connect/{page_token}/cancel", write(post(steps::cancel)))
        .route(
            "/callback/{registration}",
            get(callback::callback).fallback(not_taken(method::GET_ONLY)),
        )
        .route(
            "/keys/{registration}",
            get(keys::keys).fallback(keys::wrong_method),
        )
        .route(
            "/v1/statements",
            post(uploads::receive)
                .options(uploads::preflight)
                .fallback(uploads::wrong_method),
        )
        .with_state(ConnectState::new(config))
}

fn read(route: MethodRouter<ConnectState>) -> MethodRouter<ConnectState> {
    route.fallback(not_taken(method::READ))
}

fn write(route: MethodRouter<ConnectState>) -> MethodRouter<ConnectState> {
    route.fallback(not_taken(method::POST_ONLY))
}

fn not_taken(
    allow: &'static str,
) -> impl Fn(Request) -> std::future::Ready<axum::response::Response> + Clone {
    move |_| std::future::ready(method::not_allowed(allow))
}

#[cfg(test)]
mod tests;
