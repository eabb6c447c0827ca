//! Berlin Group NextGenPSD2 1.3.x: accounts, balances and transactions over one consent.
//!
//! Source: NextGenPSD2 XS2A Framework, Implementation Guidelines 1.3.x, and its `OpenAPI` file
//! `psd2-api_v1.3.11`. MAPPING.md lists the fields.

mod auth;
mod errors;
mod map;
mod quirks;
mod reader;
mod request;
mod split;
mod wire;

use std::io::BufRead;

use fondaco_model::draft::Mapped;
use fondaco_model::exchange::{Request, Response, ResponseHead};
use fondaco_model::provider::{AuthScheme, Manifest, Resource};
use fondaco_model::{Fault, FaultKind};

use self::quirks::Quirks;
use crate::core::{
    Connector, ConsentFlow, Cursor, Cx, Entry, Next, Position, Record, RecordSink, Stream,
    fault_of_status,
};

/// The family.
#[derive(Debug, Clone, Copy)]
pub struct BerlinGroup;

const ENTRIES: &[Entry] = &[
    ("sandbox_bank.toml", include_str!("banks/sandbox_bank.toml")),
    (
        "sandbox_redirect_bank.toml",
        include_str!("banks/sandbox_redirect_bank.toml"),
    ),
];

impl Connector for BerlinGroup {
    fn family(&self) -> &'static str {
        "berlin_group"
    }

    fn mapping_version(&self) -> u32 {
        1
    }

    fn entries(&self) -> &'static [Entry] {
        ENTRIES
    }

    fn check(&self, manifest: &Manifest) -> Result<(), String> {
        Quirks::read(manifest)?;
        let base = manifest.base_url.as_ref().ok_or("base_url: missing")?;
        if !base.path().ends_with('/') {
            return Err("base_url: has to end with a slash".to_owned());
        }
        if manifest.auth.scheme == AuthScheme::None {
            return Err("auth.scheme: oauth2 or redirect".to_owned());
        }
        let names_consent = |scope: &String| scope.contains("{consent}");
        let is_oauth = manifest.auth.scheme == AuthScheme::Oauth2;
        if is_oauth && !manifest.auth.scopes.iter().any(names_consent) {
            return Err("auth.scopes: one has to hold {consent}".to_owned());
        }
        let resources = &manifest.resources;
        for (word, entry) in [
            ("balances", &resources.balances),
            ("transactions", &resources.transactions),
        ] {
            let parent = entry.as_ref().map(|entry| entry.parent);
            if parent.is_some_and(|parent| parent != Some(Resource::Accounts)) {
                return Err(format!("resources.{word}.parent: has to be accounts"));
            }
        }
        Ok(())
    }

    fn request(
        &self,
        cx: &Cx<'_>,
        stream: &Stream,
        cursor: Option<&Cursor>,
    ) -> Result<Request, Fault> {
        request::read(cx, stream, cursor)
    }

    fn page(
        &self,
        cx: &Cx<'_>,
        stream: &Stream,
        head: &ResponseHead,
        body: &mut dyn BufRead,
        out: &mut dyn RecordSink,
    ) -> Result<Next, Fault> {
        if let Some(fault) = fault_of_status("accounts.page", head) {
            return Err(fault);
        }
        let next = split::split(stream.resource, body, out)?;
        let Some(href) = next else {
            return Ok(Next::Done);
        };
        let base = request::base(cx)?;
        let page = request::address(cx, stream)?;
        Ok(Next::Page(Position::link(base, &page, &href)?.encode()?))
    }

    fn map(&self, cx: &Cx<'_>, stream: &Stream, record: &Record<'_>) -> Mapped {
        // An entry's quirks were checked when it was loaded.
        let quirks = Quirks::read(cx.manifest).unwrap_or_default();
        match stream.resource {
            Resource::Accounts => map::account(record.bytes),
            Resource::Balances => map::balance(record.bytes),
            Resource::Transactions => map::transaction(&quirks, record.bytes),
            Resource::Statement => map::refused("resource.unsupported", ""),
        }
    }

    fn fault(&self, cx: &Cx<'_>, response: &Response) -> Option<Fault> {
        errors::read(cx, response)
    }

    fn consent(&self) -> Option<&dyn ConsentFlow> {
        Some(&auth::BerlinGroupConsent)
    }
}

fn config(cx: &Cx<'_>, reason: &str) -> Fault {
    Fault::new(FaultKind::ConfigInvalid, "berlin_group.request")
        .with("institution", &cx.manifest.id)
        .with("reason", reason)
}

#[cfg(test)]
mod tests;
