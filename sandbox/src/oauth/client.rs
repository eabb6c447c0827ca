//! Who calls the token endpoint: client authentication by basic header or form (RFC 6749, 2.3.1).

use std::collections::BTreeMap;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::config::Config;
use crate::oauth::authorize::parameters;
use crate::secret;

/// The form of an authenticated client.
pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    pub(super) fn value(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

/// An error of the token endpoint (RFC 6749, section 5.2).
pub(super) fn refused(error: &str, text: &str) -> Response {
    let status = if error == "invalid_client" {
        StatusCode::UNAUTHORIZED
    } else {
        StatusCode::BAD_REQUEST
    };
    let body = axum::Json(json!({"error": error, "error_description": text}));
    let mut response = (status, [(header::CACHE_CONTROL, "no-store")], body).into_response();
    if status == StatusCode::UNAUTHORIZED {
        let challenge = header::HeaderValue::from_static("Basic realm=\"sandbox\"");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// Reads the form and checks who sent it.
pub(super) fn authenticate(
    config: &Config,
    headers: &HeaderMap,
    body: &str,
) -> Result<Form, Box<Response>> {
    let is_form = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if !is_form {
        return Err(Box::new(refused(
            "invalid_request",
            "the body must be a form",
        )));
    }
    let fields = parameters(body)
        .ok_or_else(|| Box::new(refused("invalid_request", "a parameter was sent twice")))?;
    let basic = headers.get(header::AUTHORIZATION);
    if basic.is_some() && fields.contains_key("client_secret") {
        return Err(Box::new(refused(
            "invalid_request",
            "two ways of authentication at once",
        )));
    }
    let stated = match basic {
        Some(value) => value.to_str().ok().and_then(basic_pair),
        None => fields
            .get("client_id")
            .cloned()
            .zip(fields.get("client_secret").cloned()),
    };
    let is_known = stated.is_some_and(|(id, given)| {
        // Both are compared, so that the duration does not tell which one is wrong.
        secret::equal(&id, &config.client_id) & secret::equal(&given, &config.client_secret)
    });
    if is_known {
        Ok(Form(fields))
    } else {
        Err(Box::new(refused(
            "invalid_client",
            "client authentication failed",
        )))
    }
}

/// Id and secret of a basic header; both are form-encoded inside the base64.
fn basic_pair(value: &str) -> Option<(String, String)> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((form_decoded(id), form_decoded(secret)))
}

fn form_decoded(text: &str) -> String {
    // As the value of one pair: `&` cannot occur unescaped in an encoded text.
    let pair = format!("v={text}");
    let mut pairs = url::form_urlencoded::parse(pair.as_bytes());
    pairs
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_basic_header_is_decoded_twice() {
        let header = format!("Basic {}", STANDARD.encode("a%3Ab+c:p%2Bq"));
        assert_eq!(
            basic_pair(&header),
            Some(("a:b c".to_owned(), "p+q".to_owned()))
        );
        assert_eq!(basic_pair("Bearer x"), None);
        assert_eq!(basic_pair("Basic ???"), None);
    }
}
