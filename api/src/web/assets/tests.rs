//! Tests of the embedded assets: names, types, caching.

use super::*;

#[test]
fn each_asset_is_served_under_its_own_name_for_a_year() {
    for (asset, content_type) in [
        (style(), "text/css; charset=utf-8"),
        (script(), "text/javascript; charset=utf-8"),
        (icon(), "image/svg+xml"),
    ] {
        let response = respond(&asset.name);
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[CONTENT_TYPE], content_type);
        assert_eq!(
            response.headers()[CACHE_CONTROL],
            "public, max-age=31536000, immutable"
        );
        assert_eq!(response.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(asset.href(), format!("/connect/assets/{}", asset.name));
    }
}

#[test]
fn other_names_are_not_found_and_not_cached() {
    for name in [
        "",
        "connect.css",
        "connect-0000000000000000.css",
        "../../web/assets/connect.css",
    ] {
        let response = respond(name);
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{name}");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    }
}

#[test]
fn a_name_changes_with_the_content() {
    let name = |body| Asset::new("css", "text/css", body).name;
    assert_ne!(name("a"), name("b"));
    assert_eq!(name("a"), "connect-ca978112ca1bbdca.css");
}

#[test]
fn assets_ask_no_other_host() {
    for asset in [style(), script(), icon()] {
        let body = asset.body.replace("http://www.w3.org/2000/svg", "");
        for sign in [
            "http:", "https:", "//cdn", "url(", "@import", "fetch(", "eval(",
        ] {
            assert!(!body.contains(sign), "{} has {sign}", asset.name);
        }
    }
}
