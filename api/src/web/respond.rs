//! Answers of the hosted pages: security headers, status codes and redirects.

use std::fmt::Write as _;

use axum::response::{IntoResponse, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use url::Url;

use super::view::Rendered;

/// Most foreign places that one page's forms may lead to; further ones are left out.
pub const FORM_TARGETS_MAX: usize = 4;

/// Features that no page needs, switched off for it and for whatever it might embed.
const PERMISSIONS: &str = "accelerometer=(), autoplay=(), camera=(), display-capture=(), \
    encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), magnetometer=(), \
    microphone=(), midi=(), payment=(), publickey-credentials-get=(), usb=(), \
    xr-spatial-tracking=()";

/// A place outside our origin to which a form's answer may redirect, as a CSP source.
///
/// Chromium (156, tried) holds `form-action` against every hop of the redirects that follow a
/// submission, so that a page whose form ends at the bank or at the tenant's frontend must name
/// them, and each further origin to which the bank redirects; where those are not known,
/// [`Handoff`](super::pages::Handoff) leads there without a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormTarget(String);

impl FormTarget {
    /// The origin of a web address, or the scheme of an app's own address such as
    /// `com.example.app:/done` (RFC 8252 section 7.1: a private scheme contains a dot).
    ///
    /// `None` for every other scheme (`javascript:`, `data:`, `file:` …).
    pub fn of(url: &Url) -> Option<Self> {
        match url.scheme() {
            "http" | "https" => Some(Self(url.origin().ascii_serialization())),
            scheme if scheme.contains('.') => Some(Self(format!("{scheme}:"))),
            _ => None,
        }
    }
}

/// The answer with a rendered page, whose forms may lead to us and to `form_targets`.
pub fn page(rendered: Rendered, form_targets: &[FormTarget]) -> Response {
    let mut response = (rendered.status, rendered.html).into_response();
    let headers = response.headers_mut();
    protect(headers);
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(CONTENT_SECURITY_POLICY, policy(form_targets));
    if let Some(seconds) = rendered.retry_after_s {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A redirect after a form (`303 See Other`), to the bank, to the frontend or to our next page.
///
/// The address is one that the flow itself has built or checked; it is never shown or logged here.
pub fn see_other(location: HeaderValue) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    protect(response.headers_mut());
    response.headers_mut().insert(LOCATION, location);
    response
}

/// Whether a POST comes from a page of our own origin (`own_origin` such as `https://link.bank`).
///
/// `Sec-Fetch-Site` decides where the browser sends it. Otherwise `Origin` must be ours or, since
/// our pages ask for no referrer, `null` (Fetch standard, "append a request Origin header"): then
/// only the form's token and the flow's cookie tell, which the caller checks in every case.
pub fn from_own_page(headers: &HeaderMap, own_origin: &str) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    headers
        .get(http::header::ORIGIN)
        .is_none_or(|origin| origin == own_origin || origin == "null")
}

/// Headers of every answer, page or redirect.
fn protect(headers: &mut HeaderMap) {
    let fixed: [(HeaderName, &'static str); 7] = [
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

fn policy(form_targets: &[FormTarget]) -> HeaderValue {
    let mut policy = String::from(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
         base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
    );
    for FormTarget(source) in form_targets.iter().take(FORM_TARGETS_MAX) {
        write!(policy, " {source}").expect("writing to a string cannot fail");
    }
    HeaderValue::from_str(&policy).expect("origins and schemes of parsed addresses are ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(retry_after_s: Option<u32>) -> Rendered {
        Rendered {
            status: StatusCode::OK,
            html: "<p>".into(),
            retry_after_s,
        }
    }

    fn target(url: &str) -> Option<FormTarget> {
        FormTarget::of(&Url::parse(url).unwrap())
    }

    fn csp(targets: &[FormTarget]) -> String {
        let response = page(rendered(None), targets);
        response.headers()[CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn a_page_carries_every_protecting_header() {
        let response = page(rendered(None), &[]);
        for (name, value) in [
            ("cache-control", "no-store"),
            ("content-type", "text/html; charset=utf-8"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(response.headers()[name], value, "{name}");
        }
        assert!(
            response.headers()["permissions-policy"]
                .to_str()
                .unwrap()
                .contains("payment=()")
        );
        assert!(!response.headers().contains_key(RETRY_AFTER));
        assert_eq!(
            csp(&[]),
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
             base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
        );
    }

    #[test]
    fn forms_may_lead_to_the_named_places_only() {
        let bank = target("https://login.example:8443/authorize?state=s").unwrap();
        let app = target("com.example.app:/done").unwrap();
        assert!(
            csp(&[bank, app])
                .ends_with("form-action 'self' https://login.example:8443 com.example.app:")
        );
        let many: Vec<_> = (0..=FORM_TARGETS_MAX)
            .map(|n| target(&format!("https://b{n}.example/")).unwrap())
            .collect();
        let policy = csp(&many);
        assert!(policy.contains("https://b3.example") && !policy.contains("https://b4.example"));
    }

    #[test]
    fn a_target_brings_no_path_and_no_dangerous_scheme_into_the_policy() {
        assert_eq!(
            target("https://ä.example/;%20x").unwrap().0,
            "https://xn--4ca.example"
        );
        for url in [
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/x",
            "app:/done",
        ] {
            assert_eq!(target(url), None, "{url}");
        }
    }

    #[test]
    fn waiting_pages_say_how_long() {
        assert_eq!(page(rendered(Some(30)), &[]).headers()[RETRY_AFTER], "30");
    }

    #[test]
    fn a_redirect_is_protected_too() {
        let response = see_other(HeaderValue::from_static("https://bank.example/authorize"));
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        assert_eq!(
            response.headers()[LOCATION],
            "https://bank.example/authorize"
        );
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()[REFERRER_POLICY], "no-referrer");
    }

    #[test]
    fn a_post_from_another_site_is_recognised() {
        let check = |pairs: &[(&'static str, &'static str)], expected: bool| {
            let headers: HeaderMap = pairs
                .iter()
                .map(|&(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
                .collect();
            assert_eq!(
                from_own_page(&headers, "https://link.example"),
                expected,
                "{pairs:?}"
            );
        };
        check(
            &[("sec-fetch-site", "same-origin"), ("origin", "null")],
            true,
        );
        check(&[("sec-fetch-site", "same-site")], false);
        check(&[("sec-fetch-site", "cross-site")], false);
        check(&[("sec-fetch-site", "none")], false);
        check(&[("origin", "https://link.example")], true);
        check(&[("origin", "null")], true);
        check(&[("origin", "https://evil.example")], false);
        check(&[], true);
    }
}
