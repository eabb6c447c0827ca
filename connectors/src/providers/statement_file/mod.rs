//! Statement files that people download at their bank. camt.053 is the first format.
//!
//! A file asks nobody: there is no request and no consent. MAPPING.md lists the fields.

mod camt053;
pub mod verdict;

use std::io::BufRead;

use fondaco_model::draft::Mapped;
use fondaco_model::exchange::{Request, ResponseHead};
use fondaco_model::provider::{AuthScheme, Manifest};
use fondaco_model::{Fault, FaultKind};

use crate::core::{Connector, Cursor, Cx, Entry, Next, Record, RecordSink, Stream};

/// The family.
#[derive(Debug, Clone, Copy)]
pub struct StatementFile;

/// The entry that files are read with.
const ENTRIES: &[Entry] = &[("manifest.toml", include_str!("manifest.toml"))];

impl Connector for StatementFile {
    fn family(&self) -> &'static str {
        "statement_file"
    }

    fn mapping_version(&self) -> u32 {
        1
    }

    fn entries(&self) -> &'static [Entry] {
        ENTRIES
    }

    fn check(&self, manifest: &Manifest) -> Result<(), String> {
        if manifest.auth.scheme != AuthScheme::None || manifest.base_url.is_some() {
            return Err("auth: a file needs neither consent nor address".to_owned());
        }
        match manifest.quirks.keys().next() {
            Some(quirk) => Err(format!("quirks.{quirk}: unknown quirk")),
            None => Ok(()),
        }
    }

    fn request(
        &self,
        cx: &Cx<'_>,
        stream: &Stream,
        _cursor: Option<&Cursor>,
    ) -> Result<Request, Fault> {
        Err(Fault::new(FaultKind::Unsupported, "statement.request")
            .with("institution", &cx.manifest.id)
            .with("resource", stream.resource.as_str()))
    }

    fn page(
        &self,
        _cx: &Cx<'_>,
        _stream: &Stream,
        _head: &ResponseHead,
        body: &mut dyn BufRead,
        out: &mut dyn RecordSink,
    ) -> Result<Next, Fault> {
        camt053::split(body, out)?;
        Ok(Next::Done)
    }

    fn map(&self, _cx: &Cx<'_>, _stream: &Stream, record: &Record<'_>) -> Mapped {
        camt053::map(record)
    }
}

#[cfg(test)]
mod tests;
