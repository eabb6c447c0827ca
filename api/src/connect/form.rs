//! Forms that our own pages send, and how a foreign one is told.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use url::form_urlencoded;

use super::ConnectState;
use super::stop::Stop;
use super::token::{PageToken, form_token_fits};
use super::visit::Visit;
use crate::web::cookie::FlowCookie;
use crate::web::pages::Problem;
use crate::web::respond::from_own_page;

/// Bytes of a form; ours have a few hundred.
const FORM_BYTES_MAX: usize = 4 * 1024;
/// Fields of a form that are looked at.
const FIELDS_MAX: usize = 16;
/// Time in which a form must have arrived.
const FORM_WAIT_MAX: Duration = Duration::from_secs(10);

/// A form of one of our pages, sent by the browser that was shown it.
pub(super) struct Form {
    /// The flow's cookie.
    pub(super) cookie: FlowCookie,
    /// The form's token.
    pub(super) token: String,
    /// The language in which the page was shown.
    pub(super) locale: Option<String>,
    /// The chosen institution.
    pub(super) institution: Option<String>,
}

/// Reads a form and checks that a page of ours sent it, with the flow's cookie and the token that
/// belongs to the cookie.
///
/// # Errors
/// [`Problem::FormExpired`] for a foreign or malformed form, [`Problem::CookiesBlocked`] without
/// the cookie.
pub(super) async fn read(
    state: &ConnectState,
    visit: &Visit,
    page: &PageToken,
    body: Body,
) -> Result<Form, Stop> {
    let refused = || {
        Stop::Problem(Problem::FormExpired {
            again: page.start(),
        })
    };
    let own = from_own_page(&visit.headers, &state.0.own_origin);
    let is_form = visit.headers.get(CONTENT_TYPE).is_some_and(is_urlencoded);
    if !own || !is_form {
        return Err(refused());
    }
    let bytes = tokio::time::timeout(FORM_WAIT_MAX, to_bytes(body, FORM_BYTES_MAX)).await;
    let Ok(Ok(bytes)) = bytes else {
        return Err(refused());
    };
    let [token, locale, institution] = fields(&bytes).ok_or_else(refused)?;
    let Some(cookie) = visit.cookie(state, page) else {
        return Err(Problem::CookiesBlocked {
            again: page.start(),
        }
        .into());
    };
    let token = token.filter(|token| form_token_fits(token, &cookie.secret));
    Ok(Form {
        cookie,
        token: token.ok_or_else(refused)?,
        locale,
        institution,
    })
}

fn is_urlencoded(value: &HeaderValue) -> bool {
    let text = value.to_str().unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// Our fields; none when one stands there twice, or there are too many.
fn fields(bytes: &[u8]) -> Option<[Option<String>; 3]> {
    const NAMES: [&str; 3] = ["form_token", "locale", "institution"];
    let mut values = [const { None }; NAMES.len()];
    for (count, (name, value)) in form_urlencoded::parse(bytes).enumerate() {
        let at = NAMES.iter().position(|known| *known == name);
        let twice = at.is_some_and(|at| values[at].replace(value.into_owned()).is_some());
        if twice || count >= FIELDS_MAX {
            return None;
        }
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_stands_there_twice_spoils_the_form() {
        let [token, locale, institution] = fields(b"form_token=a%2Db&locale=de&x=1&x=2").unwrap();
        assert_eq!(
            (token.as_deref(), locale.as_deref()),
            (Some("a-b"), Some("de"))
        );
        assert_eq!(institution, None);
        assert!(fields(b"form_token=a&form_token=b").is_none());
        let many = |count: usize| "x=1&".repeat(count);
        assert!(fields(many(FIELDS_MAX).as_bytes()).is_some());
        assert!(fields(many(FIELDS_MAX + 1).as_bytes()).is_none());
    }

    #[test]
    fn only_urlencoded_forms_are_read() {
        for (text, fits) in [
            ("application/x-www-form-urlencoded", true),
            ("Application/X-WWW-Form-Urlencoded; charset=utf-8", true),
            ("text/plain", false),
            ("multipart/form-data; boundary=x", false),
        ] {
            assert_eq!(
                is_urlencoded(&HeaderValue::from_static(text)),
                fits,
                "{text}"
            );
        }
    }
}
