//! Layer 6: adds the credential, and refreshes an access token that has run out, once.

use std::sync::Arc;
use std::time::Duration;

use fondaco_model::exchange::Credential;
use fondaco_model::{Fault, FaultKind, Secret};
use futures_util::future::BoxFuture;
use http::HeaderValue;
use http::header::AUTHORIZATION;

use crate::{Answer, Call, Layer, Transport, guard};

mod client;

pub use client::{
    ClientAuthenticator, ClientKeys, ClientSecretBasic, ClientSecretPost, LentClient, with_form,
};

/// When to look again after a token that was refreshed just now is refused without a reason.
pub const SECOND_LOOK: Duration = Duration::from_mins(5);

/// Lends access tokens.
pub trait TokenSource: Send + Sync {
    /// The access token of the call's grant.
    ///
    /// # Errors
    /// Any fault; it ends the attempt before anything is sent.
    fn token<'a>(&'a self, call: &'a Call<'_>) -> BoxFuture<'a, Result<Secret, Fault>>;

    /// A token other than `stale`: refreshed by us, or meanwhile by another.
    ///
    /// The future may be dropped at the call's deadline. An implementation that must not be cut
    /// between the provider's answer and its own record runs that part in a task of its own.
    ///
    /// # Errors
    /// Any fault; it takes the place of the attempt's own.
    fn refresh<'a>(
        &'a self,
        call: &'a Call<'_>,
        stale: &'a Secret,
    ) -> BoxFuture<'a, Result<Secret, Fault>>;
}

/// Lends client credentials.
pub trait ClientSecrets: Send + Sync {
    /// The client of the registration that the call names, with the way in which its institution
    /// wants it to authenticate.
    ///
    /// # Errors
    /// Any fault; it ends the attempt before anything is sent.
    fn client<'a>(&'a self, call: &'a Call<'_>) -> BoxFuture<'a, Result<LentClient, Fault>>;
}

/// Fills the credential that a request names; who described the request never sees it.
///
/// Nothing is asked for or added when the address is not of an origin that the credential belongs
/// to. A token goes into the header only (RFC 6750 section 2.1).
#[derive(Clone)]
pub struct Authorize {
    tokens: Arc<dyn TokenSource>,
    clients: Arc<dyn ClientSecrets>,
}

impl Authorize {
    /// A layer over the two lenders.
    pub fn new(tokens: Arc<dyn TokenSource>, clients: Arc<dyn ClientSecrets>) -> Self {
        Self { tokens, clients }
    }
}

impl Layer for Authorize {
    fn name(&self) -> &'static str {
        "authorize"
    }

    fn wrap(&self, inner: Arc<dyn Transport>) -> Arc<dyn Transport> {
        Arc::new(Authorizing {
            inner,
            lenders: self.clone(),
        })
    }
}

struct Authorizing {
    inner: Arc<dyn Transport>,
    lenders: Authorize,
}

impl Authorizing {
    async fn with_grant(&self, call: Call<'_>) -> Result<Answer, Fault> {
        let stale = self.lenders.tokens.token(&call).await.map_err(unsent)?;
        let fault = match self.inner.send(bearer(call.clone(), &stale)?).await {
            Err(fault) if fault.kind == FaultKind::AuthExpired => fault,
            other => return other,
        };
        let fresh = self.lenders.tokens.refresh(&call, &stale).await?;
        if fresh == stale {
            return Err(fault
                .with("detail", "refresh_gave_the_same_token")
                .after(SECOND_LOOK));
        }
        let again = self.inner.send(bearer(call, &fresh)?).await;
        again.map_err(|fault| match fault.kind {
            FaultKind::AuthExpired => fault
                .with("detail", "refused_after_refresh")
                .after(SECOND_LOOK),
            _ => fault,
        })
    }

    async fn with_client(&self, call: Call<'_>) -> Result<Answer, Fault> {
        let client = self.lenders.clients.client(&call).await.map_err(unsent)?;
        let filled = client.authenticator.authenticate(&client.keys, call);
        let filled = filled.await.map_err(unsent)?;
        self.inner.send(filled).await
    }
}

impl Transport for Authorizing {
    fn send<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(async move {
            guard::check(&call)?;
            match call.request.credential {
                Credential::Anonymous => self.inner.send(call).await,
                Credential::Grant => self.with_grant(call).await,
                Credential::Client => self.with_client(call).await,
            }
        })
    }
}

/// A lender's fault: the breaker must not read it as a sign of life from the provider.
fn unsent(fault: Fault) -> Fault {
    fault.with("sent", "no")
}

fn bearer<'a>(call: Call<'a>, token: &Secret) -> Result<Call<'a>, Fault> {
    header(call, &format!("Bearer {}", token.expose()))
}

fn header<'a>(mut call: Call<'a>, text: &str) -> Result<Call<'a>, Fault> {
    // A token with a line break must not become a second header.
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| call.unsent(FaultKind::SchemaDrift, "credential_is_no_header_value"))?;
    value.set_sensitive(true);
    call.request.headers.insert(AUTHORIZATION, value);
    Ok(call)
}

#[cfg(test)]
mod tests;
