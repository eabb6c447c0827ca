//! A simulated bank with its own authorization server.
//!
//! It speaks real HTTP: OAuth 2.0 with PKCE and the Berlin Group's `NextGenPSD2` 1.3.x account
//! information service, over made-up people and seeded books that grow with a virtual clock.
//! Everything lives in memory. README.md says what it imitates and how its control port works.

mod clock;
mod config;
mod consent;
mod control;
mod data;
mod date;
mod faults;
mod grants;
mod iban;
mod line;
mod money;
mod oauth;
mod rng;
mod secret;
mod state;
mod stats;
mod web;
mod xs2a;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use config::Config;

use line::{Doorway, Peer};
use state::{Bank, Shared};

/// A request's body may have this many bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Answers under way get this long when the bank closes.
const STOP_GRACE: Duration = Duration::from_secs(3);

/// A running bank; it closes when this is dropped, or gracefully by [`Sandbox::stop`].
pub struct Sandbox {
    /// Where the bank is reached, without a trailing slash; also its issuer identifier (RFC 8414).
    pub base_url: String,
    /// The one registered client.
    pub client_id: String,
    /// Its secret, for `client_secret_basic` and `client_secret_post`.
    pub client_secret: String,
    /// Base of the Berlin Group API whose consents are approved by OAuth (`scaOAuth`).
    pub xs2a_url: String,
    /// Base of the same API whose consents are approved by plain redirect (`scaRedirect`).
    pub redirect_xs2a_url: String,
    /// Base of the control port; it answers loopback peers only.
    pub control_url: String,
    closing: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Sandbox")
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

/// Opens the bank: binds the listener, makes the books up to today and serves.
///
/// # Errors
/// `InvalidInput` when the configuration contradicts itself (the text says where); else what
/// binding the listener gave.
pub async fn start(config: Config) -> io::Result<Sandbox> {
    let today = config
        .checked_today()
        .map_err(|text| io::Error::new(io::ErrorKind::InvalidInput, text))?;
    let listener = TcpListener::bind(config.listen).await?;
    let address = listener.local_addr()?;
    let base_url = match &config.public_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("http://{}", line::reachable(address)),
    };
    let (client_id, client_secret) = (config.client_id.clone(), config.client_secret.clone());
    let bank = Arc::new(Bank::open(config, base_url.clone(), today));
    let (closing, closed) = oneshot::channel::<()>();
    let service = routes(bank).into_make_service_with_connect_info::<Peer>();
    let serving = tokio::spawn(async move {
        let until_closed = async move {
            // A dropped sender closes the bank as well.
            let _ = closed.await;
        };
        let served = axum::serve(Doorway::new(listener), service);
        // The future of the server cannot fail: accept errors are handled by the listener.
        let _ = served.with_graceful_shutdown(until_closed).await;
    });
    Ok(Sandbox {
        xs2a_url: format!("{base_url}{}", xs2a::OAUTH_BASE),
        redirect_xs2a_url: format!("{base_url}{}", xs2a::REDIRECT_BASE),
        control_url: format!("{base_url}/control"),
        base_url,
        client_id,
        client_secret,
        closing: Some(closing),
        serving,
    })
}

impl Sandbox {
    /// Closes the listener, lets answers under way finish for at most three seconds, then ends.
    pub async fn stop(mut self) {
        drop(self.closing.take());
        if tokio::time::timeout(STOP_GRACE, &mut self.serving)
            .await
            .is_err()
        {
            self.serving.abort();
        }
    }
}

fn routes(bank: Shared) -> Router {
    let public = Router::new()
        .merge(oauth::routes())
        .merge(xs2a::routes())
        .merge(web::routes())
        .layer(middleware::from_fn_with_state(
            Arc::clone(&bank),
            faults::disturb,
        ));
    public
        .merge(control::routes())
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(bank)
}
