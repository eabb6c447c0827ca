//! A browser without JavaScript: cookies, forms, redirects that it is told to follow.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use http::header::{COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderMap, Method, Request, StatusCode};
use tower::ServiceExt;
use url::Url;
use url::form_urlencoded::Serializer;

/// Pages of one redirect chain at most.
const HOPS_MAX: usize = 5;

/// An answer that was read to its end.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Got {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The `h1` of the page.
    pub(super) fn heading(&self) -> &str {
        let rest = self.text.split_once("<h1>").map_or("", |(_, rest)| rest);
        rest.split("</h1>").next().unwrap()
    }

    /// The value of the form token.
    pub(super) fn form_token(&self) -> String {
        attribute(&self.text, "name=\"form_token\" value=\"")
    }

    /// Where the page goes by itself.
    pub(super) fn refresh(&self) -> Url {
        Url::parse(&attribute(&self.text, "content=\"0; url=")).unwrap()
    }

    /// The link of the button that leads back to the frontend.
    pub(super) fn back(&self) -> Url {
        Url::parse(&attribute(&self.text, "<a class=\"button\" href=\"")).unwrap()
    }

    /// The result code of the button that leads back.
    pub(super) fn code(&self) -> Option<String> {
        let back = self.back();
        let mut pairs = back.query_pairs();
        let found = pairs.find(|(name, _)| name == fondaco_vault::RESULT_PARAM);
        found.map(|(_, value)| value.into_owned())
    }
}

fn attribute(text: &str, before: &str) -> String {
    let rest = text.split_once(before).map_or("", |(_, rest)| rest);
    let value = rest.split('"').next().unwrap();
    value.replace("&#38;", "&").replace("&amp;", "&")
}

/// One browser; a clone is a browser of its own with the same cookies.
#[derive(Clone)]
pub(super) struct Browser {
    app: Router,
    pub(super) jar: BTreeMap<String, String>,
    pub(super) peer: SocketAddr,
}

impl Browser {
    pub(super) fn new(app: &Router) -> Self {
        Self {
            app: app.clone(),
            jar: BTreeMap::new(),
            peer: "192.0.2.7:4711".parse().unwrap(),
        }
    }

    pub(super) async fn send(&mut self, mut request: Request<Body>) -> Got {
        let jar: Vec<String> = self
            .jar
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !jar.is_empty() {
            request
                .headers_mut()
                .insert(COOKIE, jar.join("; ").parse().unwrap());
        }
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        for value in parts.headers.get_all(SET_COOKIE) {
            self.keep(value.to_str().unwrap());
        }
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Got {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.into()).unwrap(),
        }
    }

    fn keep(&mut self, cookie: &str) {
        let (pair, attributes) = cookie.split_once(';').unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        assert!(
            attributes.contains("HttpOnly") && attributes.contains("SameSite=Lax"),
            "{cookie}"
        );
        if attributes.contains("Max-Age=0") {
            self.jar.remove(name);
        } else {
            self.jar.insert(name.to_owned(), value.to_owned());
        }
    }

    /// One request without a body; a whole address loses its origin.
    pub(super) async fn once(&mut self, method: Method, address: &str) -> Got {
        let path = address.strip_prefix(super::town::ORIGIN).unwrap_or(address);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Body::empty())
            .unwrap();
        self.send(request).await
    }

    /// One GET, redirects not followed.
    pub(super) async fn get(&mut self, address: &str) -> Got {
        self.once(Method::GET, address).await
    }

    /// A GET with our own redirects followed.
    pub(super) async fn open(&mut self, address: &str) -> Got {
        let mut got = self.get(address).await;
        for _ in 0..HOPS_MAX {
            if got.status != StatusCode::SEE_OTHER {
                return got;
            }
            let next = got.header(LOCATION.as_str()).to_owned();
            got = self.get(&next).await;
        }
        panic!("redirects do not end");
    }

    /// A form as a page of ours sends it.
    pub(super) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Got {
        self.post_with(
            path,
            fields,
            &[("sec-fetch-site", "same-origin"), ("origin", "null")],
        )
        .await
    }

    /// A form with headers of the caller's choice.
    pub(super) async fn post_with(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Got {
        let body = Serializer::new(String::new()).extend_pairs(fields).finish();
        let path = path.strip_prefix(super::town::ORIGIN).unwrap_or(path);
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// Opens a link's page and goes on to the bank; gives the bank's address.
    pub(super) async fn depart(&mut self, link: &str) -> Url {
        let review = self.open(link).await;
        let got = self.go_on(link, &review).await;
        assert_eq!(got.status, StatusCode::OK, "{}", got.text);
        got.refresh()
    }

    /// Sends the form of a review page.
    pub(super) async fn go_on(&mut self, link: &str, review: &Got) -> Got {
        let token = review.form_token();
        let fields = [("form_token", token.as_str()), ("locale", "en")];
        self.post(&format!("{link}/continue"), &fields).await
    }
}

/// The callback with which the bank answers an authorization request.
pub(super) fn allow(authorize: &Url, code: &str) -> String {
    answer(authorize, &[("code", code), ("iss", &issuer(authorize))])
}

/// The callback of a person who declines.
pub(super) fn deny(authorize: &Url) -> String {
    answer(
        authorize,
        &[("error", "access_denied"), ("iss", &issuer(authorize))],
    )
}

fn issuer(authorize: &Url) -> String {
    authorize.origin().ascii_serialization()
}

/// A callback with the state of an authorization request and further parameters.
pub(super) fn answer(authorize: &Url, pairs: &[(&str, &str)]) -> String {
    let given = |name: &str| {
        let found = authorize.query_pairs().find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned()).unwrap()
    };
    let mut url = Url::parse(&given("redirect_uri")).unwrap();
    url.query_pairs_mut()
        .append_pair("state", &given("state"))
        .extend_pairs(pairs);
    url.to_string()
}
