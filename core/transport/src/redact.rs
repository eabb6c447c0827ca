//! What a recorded exchange must not show, taken out.

use http::HeaderMap;
use serde_json::Value;
use url::{Url, form_urlencoded};

/// What stands in the place of a value that was taken out.
pub(crate) const REDACTED: &str = "[redacted]";

/// Headers whose values may be recorded; every other value is taken out.
const HEADERS: &[&str] = &[
    "accept",
    "accept-language",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "user-agent",
];

/// Words that make a field's value secret or personal when its name contains one of them; names
/// are compared in lower case without `_`, `-`, `.` and spaces.
const WORDS: &[&str] = &[
    "address",
    "assertion",
    "birth",
    "bban",
    "comment",
    "creditor",
    "debtor",
    "description",
    "iban",
    "information",
    "mail",
    "maskedpan",
    "merchant",
    "msisdn",
    "name",
    "number",
    "owner",
    "password",
    "phone",
    "proof",
    "psuid",
    "reference",
    "remittance",
    "secret",
    "sessionid",
    "signature",
    "street",
    "text",
    "token",
    "town",
    "verifier",
];

/// Names that do so only as a whole, because longer ones with them are harmless.
const NAMES: &[&str] = &["code", "pan", "state"];

/// True when a field's value has to be taken out.
pub(crate) fn is_sensitive(field: &str) -> bool {
    let plain: String = field
        .chars()
        .filter(|c| !matches!(c, '_' | '-' | '.' | ' '))
        .flat_map(char::to_lowercase)
        .collect();
    NAMES.contains(&plain.as_str()) || WORDS.iter().any(|word| plain.contains(word))
}

/// Headers as pairs, with the values of all but the listed ones taken out.
pub(crate) fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let shown = |name: &str, value: &http::HeaderValue| match value.to_str() {
        Ok(text) if HEADERS.contains(&name) => text.to_owned(),
        _ => REDACTED.to_owned(),
    };
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), shown(name.as_str(), value)))
        .collect()
}

/// The address without user information and fragment, with sensitive parameters taken out.
pub(crate) fn url(url: &Url) -> String {
    let mut plain = url.clone();
    plain.set_fragment(None);
    // Both fail only for addresses that cannot have user information.
    let _ = plain.set_username("");
    let _ = plain.set_password(None);
    if let Some(query) = url.query() {
        plain.set_query(Some(&form(query.as_bytes())));
    }
    plain.to_string()
}

/// A body as text: JSON and forms with sensitive fields taken out, other content by size only.
pub(crate) fn body(content_type: Option<&str>, body: &[u8]) -> String {
    if body.is_empty() {
        return String::new();
    }
    let media = content_type
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    let media = media.trim().to_ascii_lowercase();
    if media == "application/x-www-form-urlencoded" {
        return form(body);
    }
    let json = media == "application/json" || media.ends_with("+json");
    match serde_json::from_slice::<Value>(body) {
        Ok(mut value) if json => {
            value_without_secrets(&mut value, false);
            value.to_string()
        }
        _ => format!("[{} bytes]", body.len()),
    }
}

fn form(text: &[u8]) -> String {
    let mut out = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(text) {
        out.append_pair(
            &name,
            if is_sensitive(&name) {
                REDACTED
            } else {
                &value
            },
        );
    }
    out.finish()
}

/// Recursion ends where the parser's own depth limit (128) ended the document.
fn value_without_secrets(value: &mut Value, sensitive: bool) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                value_without_secrets(field, sensitive || is_sensitive(name));
            }
        }
        Value::Array(items) => {
            for item in items {
                value_without_secrets(item, sensitive);
            }
        }
        Value::String(_) | Value::Number(_) if sensitive => *value = REDACTED.into(),
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_name_a_secret_or_a_person_are_taken_out() {
        for field in [
            "access_token",
            "refreshToken",
            "id_token",
            "client_secret",
            "client_assertion",
            "code",
            "code_verifier",
            "state",
            "iban",
            "maskedPan",
            "ownerName",
            "creditor-name",
            "remittanceInformationUnstructured",
            "PSU-ID",
            "E-Mail",
            "accountNumber",
        ] {
            assert!(is_sensitive(field), "{field}");
        }
        for field in [
            "bookingDate",
            "bankTransactionCode",
            "statement",
            "amount",
            "currency",
            "resourceId",
            "scope",
            "grant_type",
        ] {
            assert!(!is_sensitive(field), "{field}");
        }
    }

    #[test]
    fn json_keeps_its_shape_and_loses_what_is_below_a_sensitive_name() {
        let text = br#"{"a":[{"iban":"DE02"}],"owner":{"given":"Ada","age":36},"amount":"1.00"}"#;
        let out = body(Some("application/hal+json; charset=utf-8"), text);
        let out: Value = serde_json::from_str(&out).unwrap();
        let expected = serde_json::json!({
            "a": [{ "iban": REDACTED }],
            "owner": { "given": REDACTED, "age": REDACTED },
            "amount": "1.00"
        });
        assert_eq!(out, expected);
    }

    #[test]
    fn forms_queries_headers_and_other_bodies_show_nothing_secret() {
        let kind = Some("application/x-www-form-urlencoded");
        let out = body(kind, b"grant_type=refresh_token&refresh_token=s3cret");
        assert_eq!(out, "grant_type=refresh_token&refresh_token=%5Bredacted%5D");
        let address = Url::parse("https://u:s3cret@b.example/a?code=s3cret&page=2#s3cret").unwrap();
        assert_eq!(
            url(&address),
            "https://b.example/a?code=%5Bredacted%5D&page=2"
        );
        assert_eq!(body(Some("text/html"), b"<p>s3cret"), "[9 bytes]");
        assert_eq!(body(Some("application/json"), b"{s3cret"), "[7 bytes]");
        let mut map = HeaderMap::new();
        map.insert("authorization", "Bearer s3cret".parse().unwrap());
        map.insert("x-anything", "s3cret".parse().unwrap());
        map.insert("content-type", "text/plain".parse().unwrap());
        let shown = headers(&map);
        assert!(
            shown
                .iter()
                .all(|(_, value)| value != "s3cret" && value != "Bearer s3cret")
        );
        assert!(shown.contains(&("content-type".to_owned(), "text/plain".to_owned())));
    }
}
