//! Manifests: what an institution's entry says, as plain data.

use serde::{Deserialize, Serialize};
use url::Url;

/// One institution as its TOML entry states it. Unknown keys are refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Stable id; appears in faults and metrics: lower case letters, digits, `_` and `-`.
    pub id: String,
    /// The provider family that speaks to it.
    pub family: String,
    /// The name that a person knows.
    pub name: String,
    /// ISO 3166-1 alpha-2 codes of the countries where it serves people.
    pub countries: Vec<String>,
    /// ISO 9362 code.
    #[serde(default)]
    pub bic: Option<String>,
    /// The address that all paths hang on; none for files.
    #[serde(default)]
    pub base_url: Option<Url>,
    /// Where the facts of this entry come from, with the date of the check.
    pub source: String,
    /// True for sandboxes: only `test` tenants reach them, and private addresses are allowed.
    #[serde(default)]
    pub sandbox: bool,
    /// How a person authorises us.
    #[serde(default)]
    pub auth: Auth,
    /// What the institution allows.
    #[serde(default)]
    pub limits: Limits,
    /// What it serves.
    #[serde(default)]
    pub resources: Resources,
    /// Closed list of deviations; each family refuses a quirk that it does not know.
    #[serde(default)]
    pub quirks: std::collections::BTreeMap<String, toml::Value>,
}

/// How a person authorises us at the institution.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// The way.
    pub scheme: AuthScheme,
    /// Expected issuer identifier (RFC 9207); compared exactly when the answer states one.
    pub issuer: Option<String>,
    /// Authorization endpoint.
    pub authorize_url: Option<Url>,
    /// Token endpoint.
    pub token_url: Option<Url>,
    /// Revocation endpoint (RFC 7009).
    pub revoke_url: Option<Url>,
    /// Scope values; `{consent}` stands for the bank's consent id.
    pub scopes: Vec<String>,
    /// How the client authenticates at the token endpoint.
    pub client_auth: ClientAuth,
    /// True when the answer to an authorization must state `iss`.
    pub iss_required: bool,
    /// True when each refresh answers with a new refresh token.
    pub refresh_rotates: bool,
    /// Seconds that a person has at the bank before the attempt is given up.
    pub authorise_seconds_max: Option<u32>,
}

/// The way in which a person authorises us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthScheme {
    /// Nobody has to authorise anything: files.
    #[default]
    None,
    /// OAuth 2.0 authorization code with PKCE.
    Oauth2,
    /// A consent at the bank, authorised on the bank's own page, without tokens.
    Redirect,
}

/// How the client authenticates at the token endpoint (RFC 6749 section 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// In the `Authorization` header.
    #[default]
    Basic,
    /// In the form body.
    Post,
}

/// What the institution allows.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Requests a minute that one credential may make.
    pub requests_per_minute: u32,
    /// Reads a day without the person being present, per account and endpoint.
    pub unattended_per_day: u32,
    /// Longest life of a consent in days.
    pub consent_days_max: u32,
    /// Largest answer in bytes that is read.
    pub answer_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_minute: 60,
            unattended_per_day: 4,
            consent_days_max: 90,
            answer_bytes_max: 64 << 20,
        }
    }
}

/// What the institution serves.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Resources {
    /// Accounts.
    pub accounts: Option<ResourceEntry>,
    /// Balances, read per account.
    pub balances: Option<ResourceEntry>,
    /// Transactions, read per account.
    pub transactions: Option<ResourceEntry>,
}

/// One resource of an institution.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResourceEntry {
    /// The resource whose records each have one of this.
    pub parent: Option<Resource>,
    /// Days of history that can be asked for.
    pub history_days: Option<u32>,
}

/// A kind of thing that a provider serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Accounts of a consent.
    Accounts,
    /// Balances of an account.
    Balances,
    /// Transactions of an account.
    Transactions,
    /// A statement file.
    Statement,
}

impl Resource {
    /// The word that is stored and used on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Balances => "balances",
            Self::Transactions => "transactions",
            Self::Statement => "statement",
        }
    }

    /// The resource that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        [
            Self::Accounts,
            Self::Balances,
            Self::Transactions,
            Self::Statement,
        ]
        .into_iter()
        .find(|resource| resource.as_str() == word)
    }
}

/// Why an entry cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("institution entry {entry}: {problem}")]
pub struct ManifestError {
    /// The entry's file or id.
    pub entry: String,
    /// What is wrong, with line and key where known.
    pub problem: String,
}

impl Manifest {
    /// Reads an entry and checks what a type cannot say.
    ///
    /// # Errors
    /// [`ManifestError`] for an unknown key, a missing one, or values that contradict each other.
    pub fn parse(entry: &str, text: &str) -> Result<Self, ManifestError> {
        let fail = |problem: String| ManifestError {
            entry: entry.to_owned(),
            problem,
        };
        let manifest: Self = toml::from_str(text).map_err(|error| fail(error.to_string()))?;
        manifest.check().map_err(fail)?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        if self.id.is_empty() || self.id.len() > 64 || !self.id.chars().all(plain) {
            return Err("id: 1 to 64 of a-z, 0-9, _ and -".to_owned());
        }
        let country =
            |code: &String| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase());
        if !self.countries.iter().all(country) {
            return Err("countries: ISO 3166-1 alpha-2 codes in upper case".to_owned());
        }
        if self.auth.scheme != AuthScheme::None && self.base_url.is_none() {
            return Err("base_url: missing".to_owned());
        }
        if self.auth.scheme == AuthScheme::Oauth2
            && (self.auth.authorize_url.is_none() || self.auth.token_url.is_none())
        {
            return Err("auth: oauth2 needs authorize_url and token_url".to_owned());
        }
        let urls = [
            &self.base_url,
            &self.auth.authorize_url,
            &self.auth.token_url,
        ];
        let insecure = |url: &Url| url.scheme() != "https" && !self.sandbox;
        if urls.into_iter().flatten().any(insecure) {
            return Err("only sandboxes may be spoken to without TLS".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = r#"
        id = "de_example"
        family = "example"
        name = "Example Bank"
        countries = ["DE"]
        base_url = "https://xs2a.example/"
        source = "https://xs2a.example/docs, checked 2026-08-01"
        [auth]
        scheme = "oauth2"
        authorize_url = "https://xs2a.example/authorize"
        token_url = "https://xs2a.example/token"
    "#;

    #[test]
    fn an_entry_is_read_and_a_misspelt_key_is_refused_with_its_name() {
        let manifest = Manifest::parse("example", ENTRY).unwrap();
        assert_eq!(manifest.limits.unattended_per_day, 4);
        let error = Manifest::parse("example", &ENTRY.replace("token_url", "tokenurl"));
        assert!(error.unwrap_err().problem.contains("tokenurl"));
    }

    #[test]
    fn contradictions_are_refused() {
        for (from, to) in [
            ("de_example", "DE Example"),
            ("[\"DE\"]", "[\"Germany\"]"),
            ("https://xs2a.example/\"", "http://xs2a.example/\""),
        ] {
            assert!(
                Manifest::parse("example", &ENTRY.replacen(from, to, 1)).is_err(),
                "{to}"
            );
        }
    }
}
