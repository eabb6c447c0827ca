//! Layer 6: adds the credential, and refreshes an access token that has run out, once.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fondaco_model::exchange::Credential;
use fondaco_model::{Fault, FaultKind, Secret};
use futures_util::future::BoxFuture;
use http::HeaderValue;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use url::form_urlencoded;

use crate::{Answer, Call, Layer, Transport, guard};

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

/// A client's identification at a token endpoint.
#[derive(Debug, Clone)]
pub struct ClientKeys {
    /// Client id; it is public.
    pub id: String,
    /// Client secret; none for a public client (RFC 6749 section 2.1).
    pub secret: Option<Secret>,
}

/// Lends client credentials.
pub trait ClientSecrets: Send + Sync {
    /// Id and secret of the registration that the call names.
    ///
    /// # Errors
    /// Any fault; it ends the attempt before anything is sent.
    fn client<'a>(&'a self, call: &'a Call<'_>) -> BoxFuture<'a, Result<ClientKeys, Fault>>;
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
        let keys = self.lenders.clients.client(&call).await.map_err(unsent)?;
        let filled = match (call.request.credential, &keys.secret) {
            (Credential::ClientBasic, Some(secret)) => basic(call, &keys.id, secret)?,
            (_, secret) => post(call, &keys.id, secret.as_ref()),
        };
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
                Credential::ClientBasic | Credential::ClientPost => self.with_client(call).await,
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

/// Id and secret are form-encoded before they are joined (RFC 6749 section 2.3.1, appendix B).
fn basic<'a>(call: Call<'a>, id: &str, secret: &Secret) -> Result<Call<'a>, Fault> {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let joined = format!("{}:{}", encode(id), encode(secret.expose()));
    header(call, &format!("Basic {}", STANDARD.encode(joined)))
}

fn header<'a>(mut call: Call<'a>, text: &str) -> Result<Call<'a>, Fault> {
    // A token with a line break must not become a second header.
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| call.unsent(FaultKind::SchemaDrift, "credential_is_no_header_value"))?;
    value.set_sensitive(true);
    call.request.headers.insert(AUTHORIZATION, value);
    Ok(call)
}

fn post<'a>(mut call: Call<'a>, id: &str, secret: Option<&Secret>) -> Call<'a> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(&call.request.body) {
        if name != "client_id" && name != "client_secret" {
            form.append_pair(&name, &value);
        }
    }
    form.append_pair("client_id", id);
    if let Some(secret) = secret {
        form.append_pair("client_secret", secret.expose());
    }
    call.request.body = form.finish().into_bytes();
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    call.request.headers.insert(CONTENT_TYPE, kind);
    call
}

#[cfg(test)]
mod tests;
