//! Which media type a client wants, and which it sent.
//!
//! Source: GraphQL over HTTP, sections "Media Types" and "Accept" (draft of June 2025).

use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::problem::Problem;

/// Media type of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/graphql-response+json`: the status tells what happened.
    GraphQl,
    /// `application/json`: 200 for every well-formed GraphQL request.
    Json,
}

impl Media {
    /// Value of the `Content-Type` header.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::GraphQl => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }
}

/// Ranges of an `Accept` header that are looked at.
const RANGES_MAX: usize = 32;

/// Chooses the media type of the answer.
///
/// # Errors
/// 406 when the client takes neither of the two.
pub(super) fn negotiate(headers: &HeaderMap) -> Result<Media, Problem> {
    let values = headers.get_all(header::ACCEPT);
    let ranges: Vec<&str> = values
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|range| !range.is_empty())
        .take(RANGES_MAX)
        .collect();
    if ranges.is_empty() {
        return Ok(Media::GraphQl);
    }
    let quality = |media: &str| {
        let fitting = ranges.iter().filter_map(|range| weigh(range, media));
        // The most exact range decides; its own quality may be zero.
        fitting
            .max_by_key(|(exactness, _)| *exactness)
            .map_or(0, |(_, quality)| quality)
    };
    let graphql = quality("application/graphql-response+json");
    let json = quality("application/json");
    match (graphql, json) {
        (0, 0) => Err(Problem::http(
            StatusCode::NOT_ACCEPTABLE,
            "Accept application/graphql-response+json or application/json.",
        )),
        (graphql, json) if graphql >= json => Ok(Media::GraphQl),
        _ => Ok(Media::Json),
    }
}

/// Exactness and quality in thousandths of a range for a media type, if it covers it.
fn weigh(range: &str, media: &str) -> Option<(u8, u16)> {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next()?.to_ascii_lowercase();
    let exactness = match name.as_str() {
        "*/*" => 0,
        "application/*" => 1,
        name if name == media => 2,
        _ => return None,
    };
    let quality = parts
        .find_map(|part| part.strip_prefix("q="))
        .map_or(1_000, thousandths);
    Some((exactness, quality))
}

/// A quality as thousandths; what cannot be read counts as one (RFC 9110, 12.4.2).
fn thousandths(text: &str) -> u16 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    match (whole, digits.parse::<u16>()) {
        ("0", Ok(thousandths)) => thousandths,
        _ => 1_000,
    }
}

/// Refuses a body that is not plain JSON in UTF-8.
///
/// # Errors
/// 415 for another media type, another charset or any content encoding.
pub(super) fn check_content(headers: &HeaderMap) -> Result<(), Problem> {
    let refuse = |message| Err(Problem::http(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    let encoding = headers
        .get(header::CONTENT_ENCODING)
        .map(HeaderValue::as_bytes);
    if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity")) {
        return refuse("Send the body without a content encoding.");
    }
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let mut parts = value.unwrap_or_default().split(';').map(str::trim);
    let json = parts
        .next()
        .is_some_and(|name| name.eq_ignore_ascii_case("application/json"));
    let utf8 = parts.filter(|part| !part.is_empty()).all(|part| {
        part.eq_ignore_ascii_case("charset=utf-8") || part.eq_ignore_ascii_case("charset=\"utf-8\"")
    });
    if json && utf8 {
        Ok(())
    } else {
        refuse("Send the body as application/json in UTF-8.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn the_client_chooses_between_two_media_types() {
        let cases = [
            ("", Some(Media::GraphQl)),
            ("*/*", Some(Media::GraphQl)),
            ("*/*;q=x,;;;", Some(Media::GraphQl)),
            ("application/json", Some(Media::Json)),
            (
                "application/graphql-response+json, application/json",
                Some(Media::GraphQl),
            ),
            (
                "application/graphql-response+json;q=0.5, application/json",
                Some(Media::Json),
            ),
            ("text/html, application/json;q=0.9", Some(Media::Json)),
            ("text/html,*/*;q=0.8", Some(Media::GraphQl)),
            (
                "application/*, application/graphql-response+json;q=0",
                Some(Media::Json),
            ),
            ("text/html", None),
            ("*/*;q=0", None),
        ];
        for (accept, expected) in cases {
            let chosen = negotiate(&with(header::ACCEPT, accept)).ok();
            assert_eq!(chosen, expected, "{accept}");
        }
        assert_eq!(negotiate(&HeaderMap::new()).unwrap(), Media::GraphQl);
    }

    #[test]
    fn only_plain_json_is_taken() {
        let good = [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/json;",
        ];
        for value in good {
            assert!(
                check_content(&with(header::CONTENT_TYPE, value)).is_ok(),
                "{value}"
            );
        }
        let bad = [
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/graphql",
            "multipart/form-data; boundary=x",
            "application/json; charset=utf-16",
            "application/json; charset=\"",
            "application/cbor",
        ];
        for value in bad {
            let problem = check_content(&with(header::CONTENT_TYPE, value)).unwrap_err();
            assert_eq!(
                problem.status,
                Some(StatusCode::UNSUPPORTED_MEDIA_TYPE),
                "{value}"
            );
        }
        let mut headers = with(header::CONTENT_TYPE, "application/json");
        headers.insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
        assert!(check_content(&headers).is_err());
    }
}
