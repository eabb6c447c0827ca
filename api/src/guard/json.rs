//! The JSON envelope of a GraphQL request: what is taken and what is refused.

use async_graphql::Variables;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::limits::{Limits, Refusal};
use crate::http::code::Code;

/// A GraphQL request as it came, before its document is looked at.
#[derive(Clone, PartialEq, Eq)]
pub struct Operation {
    /// The document.
    pub query: String,
    /// Name of the operation to run, when the document has several.
    pub name: Option<String>,
    /// Values of the variables; they may be personal data.
    pub variables: Variables,
}

impl std::fmt::Debug for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operation")
            .field("bytes", &self.query.len())
            .finish_non_exhaustive()
    }
}

/// Unknown members are ignored, as GraphQL-over-HTTP section 5.3 asks; a member twice is refused.
#[derive(Deserialize)]
struct Envelope {
    query: String,
    #[serde(default, rename = "operationName")]
    operation_name: Option<String>,
    #[serde(default)]
    variables: Option<Map<String, Value>>,
    #[serde(default)]
    extensions: Option<Map<String, Value>>,
}

/// Reads the body of a POST request.
///
/// # Errors
/// `BAD_REQUEST` for anything but one object with a string `query`, an object or null in
/// `variables` and `extensions`, and a string or null in `operationName`; `QUERY_TOO_LARGE` for
/// a body above its limit.
pub fn parse_body(body: &[u8], limits: &Limits) -> Result<Operation, Refusal> {
    if body.len() > limits.body_bytes {
        return Err(Refusal::too_many("bytes in its body", limits.body_bytes));
    }
    // The envelope itself is one bracket more.
    check_nesting(body, limits.variables_nesting + 1)?;
    if first_byte(body) == Some(b'[') {
        return Err(bad(
            "Send one operation in an object: batches are not taken.",
        ));
    }
    let envelope: Envelope = serde_json::from_slice(body).map_err(|_| bad(ENVELOPE))?;
    // Taken, so that its type is checked; nothing here understands any extension.
    drop(envelope.extensions);
    let variables = envelope.variables.map(Value::Object);
    Ok(Operation {
        query: envelope.query,
        name: envelope.operation_name,
        variables: variables.map(Variables::from_json).unwrap_or_default(),
    })
}

/// Reads the query string of a GET request.
///
/// # Errors
/// `BAD_REQUEST` as for a body, and for a parameter that stands twice.
pub fn parse_query_string(query: &str, limits: &Limits) -> Result<Operation, Refusal> {
    let mut envelope = Map::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let value = match name.as_ref() {
            "query" | "operationName" => Value::String(value.into_owned()),
            "variables" | "extensions" => {
                check_nesting(value.as_bytes(), limits.variables_nesting)?;
                serde_json::from_str(&value).map_err(|_| bad(ENVELOPE))?
            }
            _ => continue,
        };
        if envelope.insert(name.into_owned(), value).is_some() {
            return Err(bad("A parameter stands twice in the address."));
        }
    }
    let body = Value::Object(envelope).to_string();
    parse_body(body.as_bytes(), limits)
}

const ENVELOPE: &str = "The body must be a JSON object with a string `query`; `variables` and \
                        `extensions` are objects or null, `operationName` a string or null.";

fn bad(message: &str) -> Refusal {
    Refusal::new(Code::BadRequest, message)
}

fn first_byte(body: &[u8]) -> Option<u8> {
    body.iter().copied().find(|b| !b.is_ascii_whitespace())
}

/// Refuses JSON with more brackets inside each other than `max`, before a parser recurses.
fn check_nesting(text: &[u8], max: usize) -> Result<(), Refusal> {
    let (mut depth, mut quoted, mut at) = (0_usize, false, 0);
    while let Some(byte) = text.get(at) {
        match (quoted, byte) {
            (true, b'\\') => at += 1,
            (_, b'"') => quoted = !quoted,
            (false, b'{' | b'[') => {
                depth += 1;
                if depth > max {
                    return Err(bad("The JSON has too many brackets inside each other."));
                }
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Result<Operation, Code> {
        parse_body(text.as_bytes(), &Limits::default()).map_err(|refusal| refusal.code)
    }

    #[test]
    fn a_plain_request_is_read() {
        let read =
            body(r#"{"query":"{a}","variables":{"x":1},"operationName":"Q","extensions":{}}"#)
                .unwrap();
        assert_eq!(
            (read.query.as_str(), read.name.as_deref()),
            ("{a}", Some("Q"))
        );
        assert_eq!(read.variables.len(), 1);
        assert!(body(r#"{"query":"{a}","variables":null,"operationName":null,"more":1}"#).is_ok());
    }

    #[test]
    fn what_is_no_request_is_a_bad_request() {
        let cases = [
            "",
            "null",
            "1",
            "\"x\"",
            "[]",
            "{}",
            "{",
            r#"{"query":1}"#,
            r#"{"query":null}"#,
            r#"[{"query":"{a}"}]"#,
            r#"{"query":"{a}"}trailing"#,
            r#"{"query":"\ud800"}"#,
            r#"{"query":"{a}","query":"{b}"}"#,
            r#"{"query":"{a}","variables":[1]}"#,
            r#"{"query":"{a}","variables":"x"}"#,
            r#"{"query":"{a}","operationName":1}"#,
            r#"{"query":"{a}","extensions":[]}"#,
            "\u{feff}{\"query\":\"{a}\"}",
        ];
        for case in cases {
            assert_eq!(body(case).err(), Some(Code::BadRequest), "{case}");
        }
        assert!(parse_body(b"{\"query\":\"\xff\"}", &Limits::default()).is_err());
    }

    #[test]
    fn variables_may_nest_thirty_two_deep_and_no_deeper() {
        let nested = |n: usize| {
            // The object of the variables is the first bracket.
            let (open, close) = ("[".repeat(n - 1), "]".repeat(n - 1));
            format!(r#"{{"query":"{{a}}","variables":{{"x":{open}1{close}}}}}"#)
        };
        assert!(body(&nested(32)).is_ok());
        assert_eq!(body(&nested(33)).err(), Some(Code::BadRequest));
        assert_eq!(body(&nested(100_000)).err(), Some(Code::BadRequest));
    }

    #[test]
    fn brackets_inside_strings_do_not_nest() {
        let text = format!(r#"{{"query":"{{a}} #\"{}"}}"#, "[".repeat(1_000));
        assert!(body(&text).is_ok());
    }

    #[test]
    fn a_body_may_have_its_limit_and_not_one_byte_more() {
        let filled = |n: usize| {
            let shell = r#"{"query":"{a}","x":""}"#.len();
            format!(r#"{{"query":"{{a}}","x":"{}"}}"#, "x".repeat(n - shell))
        };
        let max = Limits::default().body_bytes;
        assert!(body(&filled(max)).is_ok());
        assert_eq!(body(&filled(max + 1)).err(), Some(Code::QueryTooLarge));
    }

    #[test]
    fn a_query_string_is_read_like_a_body() {
        let read = |text| parse_query_string(text, &Limits::default());
        assert_eq!(
            read("query=%7Ba%7D&variables=%7B%22x%22:1%7D")
                .unwrap()
                .variables
                .len(),
            1
        );
        for text in [
            "",
            "query=a&query=b",
            "query=a&variables=%7B",
            "query=a&variables=[1]",
        ] {
            assert_eq!(read(text).unwrap_err().code, Code::BadRequest, "{text}");
        }
    }
}
