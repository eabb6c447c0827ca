//! How a client shows at a token endpoint who it is: the interface, and the two ways with a secret.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fondaco_model::{Fault, Secret};
use futures_util::future::BoxFuture;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use url::form_urlencoded;

use super::header;
use crate::Call;

/// A client's identification at a token endpoint.
#[derive(Debug, Clone)]
pub struct ClientKeys {
    /// Client id; it is public.
    pub id: String,
    /// What the client proves itself with: a shared secret, or the key of a way that signs; none
    /// for a public client (RFC 6749 section 2.1).
    pub secret: Option<Secret>,
}

/// A way of client authentication (RFC 6749 section 2.3, RFC 7523 section 2.2).
///
/// It is asked for every attempt anew, so that what it makes may be good for one request only; the
/// address of the token endpoint is the call's own.
pub trait ClientAuthenticator: Send + Sync {
    /// The call with the client's authentication attached; the rest of it stays as it is.
    ///
    /// # Errors
    /// Any fault; it ends the attempt before anything is sent.
    fn authenticate<'a>(
        &'a self,
        keys: &'a ClientKeys,
        call: Call<'a>,
    ) -> BoxFuture<'a, Result<Call<'a>, Fault>>;
}

/// A client as it is lent for one attempt.
#[derive(Clone)]
pub struct LentClient {
    /// Who it is.
    pub keys: ClientKeys,
    /// The way in which its institution wants to be shown that.
    pub authenticator: Arc<dyn ClientAuthenticator>,
}

impl fmt::Debug for LentClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LentClient({})", self.keys.id)
    }
}

/// Id and secret in the `Authorization` header (RFC 6749 section 2.3.1).
///
/// A public client has nothing to put there, and names itself in the form (section 3.2.1).
#[derive(Debug, Clone, Copy)]
pub struct ClientSecretBasic;

impl ClientAuthenticator for ClientSecretBasic {
    fn authenticate<'a>(
        &'a self,
        keys: &'a ClientKeys,
        call: Call<'a>,
    ) -> BoxFuture<'a, Result<Call<'a>, Fault>> {
        Box::pin(async move {
            match &keys.secret {
                Some(secret) => basic(call, &keys.id, secret),
                None => Ok(with_form(call, &[("client_id", &keys.id)])),
            }
        })
    }
}

/// Id and secret in the form (RFC 6749 section 2.3.1).
#[derive(Debug, Clone, Copy)]
pub struct ClientSecretPost;

impl ClientAuthenticator for ClientSecretPost {
    fn authenticate<'a>(
        &'a self,
        keys: &'a ClientKeys,
        call: Call<'a>,
    ) -> BoxFuture<'a, Result<Call<'a>, Fault>> {
        let secret = keys.secret.as_ref();
        let secret = secret.map(|secret| ("client_secret", secret.expose()));
        let fields: Vec<_> = [("client_id", keys.id.as_str())]
            .into_iter()
            .chain(secret)
            .collect();
        let filled = with_form(call, &fields);
        Box::pin(async move { Ok(filled) })
    }
}

/// Id and secret are form-encoded before they are joined (RFC 6749 section 2.3.1, appendix B).
fn basic<'a>(call: Call<'a>, id: &str, secret: &Secret) -> Result<Call<'a>, Fault> {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let joined = format!("{}:{}", encode(id), encode(secret.expose()));
    header(call, &format!("Basic {}", STANDARD.encode(joined)))
}

/// What a way of client authentication puts into the form; a request brings none of it.
const CLIENT_FIELDS: [&str; 4] = [
    "client_id",
    "client_secret",
    "client_assertion_type",
    "client_assertion",
];

/// The call with `fields` behind those of its form, and none of the client's that stood there.
#[must_use]
pub fn with_form<'a>(mut call: Call<'a>, fields: &[(&str, &str)]) -> Call<'a> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(&call.request.body) {
        if !CLIENT_FIELDS.contains(&name.as_ref()) {
            form.append_pair(&name, &value);
        }
    }
    form.extend_pairs(fields);
    call.request.body = form.finish().into_bytes();
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    call.request.headers.insert(CONTENT_TYPE, kind);
    call
}
