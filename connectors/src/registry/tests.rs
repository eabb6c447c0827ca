//! The embedded entries, further ones, and another origin for a sandbox.

use url::Url;

use super::*;
use crate::core::manifests::with_origin;

const ENTRY: &str = r#"
id = "de_example"
family = "berlin_group"
name = "Example Bank"
countries = ["DE"]
base_url = "https://xs2a.example/psd2/v1/"
source = "https://xs2a.example/docs, checked 2026-08-01"
[auth]
scheme = "redirect"
[resources.accounts]
[resources.transactions]
parent = "accounts"
[quirks]
booking_status = "booked"
"#;

#[test]
fn every_embedded_entry_loads_and_has_its_family() {
    let institutions = institutions().unwrap();
    assert!(institutions.iter().any(|found| found.id == "sandbox_bank"));
    for institution in institutions {
        assert!(find(&institution.family).is_some());
    }
    assert!(find("nobody").is_none());
}

#[test]
fn a_further_entry_is_loaded_beside_the_embedded_ones() {
    let all = institutions_with([("de_example.toml", ENTRY)]).unwrap();
    assert_eq!(all.len(), institutions().unwrap().len() + 1);
}

#[test]
fn an_entry_with_a_mistake_is_refused_by_its_name() {
    for (from, to, named) in [
        ("countries", "countrys", "countrys"),
        ("parent = \"accounts\"", "parents = \"accounts\"", "parents"),
        ("booking_status", "bookingstatus", "quirks.bookingstatus"),
        ("\"booked\"", "\"pending\"", "quirks.booking_status"),
        ("\"berlin_group\"", "\"berlin\"", "family"),
        ("v1/\"", "v1\"", "base_url"),
        (
            "parent = \"accounts\"",
            "history_days = 3",
            "resources.transactions.parent",
        ),
        ("scheme = \"redirect\"", "scheme = \"none\"", "auth.scheme"),
        ("de_example", "sandbox_bank", "id"),
    ] {
        let text = ENTRY.replacen(from, to, 1);
        let error = institutions_with([("de_example.toml", text.as_str())]).unwrap_err();
        assert_eq!(error.entry, "de_example.toml");
        assert!(error.problem.contains(named), "{named}: {}", error.problem);
    }
}

#[test]
fn an_oauth_entry_names_the_consent_in_its_scope_and_is_spoken_to_with_tls() {
    let oauth = "scheme = \"oauth2\"\nauthorize_url = \"https://xs2a.example/a\"\n\
        token_url = \"https://xs2a.example/t\"\nrevoke_url = \"https://xs2a.example/r\"\n\
        scopes = [\"AIS:{consent}\"]";
    let good = ENTRY.replace("scheme = \"redirect\"", oauth);
    assert!(institutions_with([("de_example.toml", good.as_str())]).is_ok());
    for (from, to, named) in [
        ("AIS:{consent}", "AIS", "auth.scopes"),
        (
            "https://xs2a.example/r",
            "http://xs2a.example/r",
            "auth.revoke_url",
        ),
    ] {
        let text = good.replace(from, to);
        let error = institutions_with([("de_example.toml", text.as_str())]).unwrap_err();
        assert!(error.problem.contains(named), "{}", error.problem);
    }
}

#[test]
fn a_sandbox_moves_to_another_origin_with_all_its_addresses() {
    let institutions = institutions().unwrap();
    let bank = institutions
        .iter()
        .find(|found| found.id == "sandbox_bank")
        .unwrap();
    let origin = Url::parse("http://localhost:4100/").unwrap();
    let moved = with_origin(bank, &origin).unwrap();
    let text = |url: &Option<Url>| url.as_ref().unwrap().to_string();
    assert_eq!(text(&moved.base_url), "http://localhost:4100/psd2/v1/");
    assert_eq!(
        text(&moved.auth.token_url),
        "http://localhost:4100/oauth/token"
    );
    assert_eq!(
        text(&moved.auth.revoke_url),
        "http://localhost:4100/oauth/revoke"
    );
    assert_eq!(moved.auth.issuer.as_deref(), Some("http://localhost:4100"));

    let mut live = bank.clone();
    live.sandbox = false;
    assert!(with_origin(&live, &origin).is_err());
    assert!(with_origin(bank, &Url::parse("file:///tmp").unwrap()).is_err());
}
