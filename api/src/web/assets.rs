//! Style sheet, script and icon of the hosted pages, embedded in the binary.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};
use sha2::{Digest, Sha256};

/// Where the assets are served; the route is `/connect/assets/{name}`.
pub const ASSETS_PATH: &str = "/connect/assets/";

/// The name carries a digest of the content, so that a copy never goes stale.
const CACHE_FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Bytes of the SHA-256 digest that go into a name.
const NAME_DIGEST_BYTES: usize = 8;

/// One embedded file with the name under which it is served.
#[derive(Debug)]
pub struct Asset {
    /// File name with the digest of its content, such as `connect-0123456789abcdef.css`.
    pub name: String,
    /// Media type with character set.
    pub content_type: &'static str,
    /// The content.
    pub body: &'static str,
}

impl Asset {
    fn new(extension: &str, content_type: &'static str, body: &'static str) -> Self {
        let mut name = String::from("connect-");
        for byte in Sha256::digest(body.as_bytes())
            .iter()
            .take(NAME_DIGEST_BYTES)
        {
            write!(name, "{byte:02x}").expect("writing to a string cannot fail");
        }
        name.push('.');
        name.push_str(extension);
        Self {
            name,
            content_type,
            body,
        }
    }

    /// The absolute path of the asset on our own origin.
    pub fn href(&self) -> String {
        format!("{ASSETS_PATH}{}", self.name)
    }
}

/// The pages' style sheet.
pub fn style() -> &'static Asset {
    static STYLE: LazyLock<Asset> = LazyLock::new(|| {
        let body = include_str!("../../web/assets/connect.css");
        Asset::new("css", "text/css; charset=utf-8", body)
    });
    &STYLE
}

/// The pages' script; it only makes the institution search quicker.
pub fn script() -> &'static Asset {
    static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
        let body = include_str!("../../web/assets/connect.js");
        Asset::new("js", "text/javascript; charset=utf-8", body)
    });
    &SCRIPT
}

/// The pages' icon.
pub fn icon() -> &'static Asset {
    static ICON: LazyLock<Asset> = LazyLock::new(|| {
        let body = include_str!("../../web/assets/icon.svg");
        Asset::new("svg", "image/svg+xml", body)
    });
    &ICON
}

/// The asset with exactly this name, digest included.
pub fn find(name: &str) -> Option<&'static Asset> {
    [style(), script(), icon()]
        .into_iter()
        .find(|asset| asset.name == name)
}

/// Answers a request for `/connect/assets/{name}`: the file, cacheable for a year, or 404.
pub fn respond(name: &str) -> Response {
    let Some(asset) = find(name) else {
        return (StatusCode::NOT_FOUND, [(CACHE_CONTROL, "no-store")]).into_response();
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(asset.content_type)),
        (CACHE_CONTROL, CACHE_FOREVER),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, asset.body).into_response()
}

#[cfg(test)]
mod tests;
