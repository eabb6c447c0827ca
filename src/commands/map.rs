//! `fondaco map`: what a recorded answer or a file would become, offline.

mod view;

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::PathBuf;

use fondaco_connectors::core::{Connector, Cx as MapCx, Record, RecordSink, Stream, file_head};
use fondaco_connectors::registry;
use fondaco_model::Fault;
use fondaco_model::draft::{Draft, Mapped, Remark};
use fondaco_model::provider::{Manifest, Resource};
use fondaco_sync::import::FAMILY;
use serde::Serialize;
use serde_json::Value;

use crate::catalogue;
use crate::cli::Cx;
use crate::failure::{Exit, Failure, Outcome};
use crate::output::Output;

/// Characters of an original value that a remark shows.
const ORIGINAL_CHARS_MAX: usize = 80;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fondaco map statement.xml
  fondaco map --institution SOME_BANK --resource transactions answer.json --json

Without --institution and --family the file is read as a bank statement.

Prints a line for each record: `group` and `ordinal` say where it stood, `resource` what it is,
`record` is the canonical record (ids are made up, account numbers are masked, and what tells when a
record was read is null, so that two runs print the same), `remarks` say what was not understood.
Touches neither a store nor the network. Exit code 3: a record was refused.")]
pub(crate) struct Args {
    /// The file with what a provider answered
    file: PathBuf,
    /// The institution that answered
    #[arg(long, value_name = "ID", conflicts_with = "family")]
    institution: Option<String>,
    /// The provider family, when it needs no institution
    #[arg(long, value_name = "NAME")]
    family: Option<String>,
    /// What was asked for: accounts, balances, transactions or statement
    #[arg(long, value_name = "WORD", value_parser = resource)]
    resource: Option<Resource>,
    /// The provider's id of the account, for balances and transactions
    #[arg(long, value_name = "ID", default_value = "account")]
    account: String,
}

fn resource(word: &str) -> Result<Resource, String> {
    Resource::from_word(word)
        .ok_or_else(|| "not accounts, balances, transactions or statement".to_owned())
}

pub(super) fn run(cx: &Cx, args: &Args) -> Outcome {
    let manifest = manifest(cx, args)?;
    let connector = registry::find(&manifest.family)
        .ok_or_else(|| Failure::not_found(format!("there is no family {}", manifest.family)))?;
    let max = cx.config().import.max_bytes;
    let path = args.file.display();
    let file = File::open(&args.file).and_then(|file| Ok((file.metadata()?.len(), file)));
    let (bytes, file) = file.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::not_found(format!("there is no file {path}")),
        kind => Failure::failed(format!("{path}: {kind}")),
    })?;
    if bytes > max {
        return Err(
            Failure::failed(format!("{path} is larger than {max} bytes"))
                .hint("raise import.max_bytes"),
        );
    }
    let stream = stream(args, &manifest);
    let map_cx = MapCx::new(&manifest, cx.effects.now());
    let mut printer = Printer {
        cx: map_cx,
        stream: &stream,
        connector,
        out: cx.out,
        refused: 0,
        records: 0,
        failure: None,
    };
    let mut body = BufReader::new(file.take(max));
    let split = connector.page(&map_cx, &stream, &file_head(), &mut body, &mut printer);
    let (refused, records) = (printer.refused, printer.records);
    if let Some(failure) = printer.failure {
        return Err(failure);
    }
    split.map_err(|fault| broken(&fault, &args.file.display().to_string(), records))?;
    Ok(if refused == 0 {
        Exit::Done
    } else {
        Exit::Partial
    })
}

fn broken(fault: &Fault, path: &str, records: u64) -> Failure {
    Failure::failed(format!("{path}: {fault}"))
        .hint(format!("{records} records before that place were mapped"))
}

fn manifest(cx: &Cx, args: &Args) -> Outcome<Manifest> {
    let manifests = catalogue::load(cx.config())?;
    match (&args.institution, &args.family) {
        (Some(id), _) => {
            let found = manifests.into_iter().find(|manifest| manifest.id == *id);
            found.ok_or_else(|| catalogue::unknown(id))
        }
        (None, family) => {
            let name = family.as_deref().unwrap_or(FAMILY);
            let found = manifests
                .into_iter()
                .find(|manifest| manifest.family == name);
            found.ok_or_else(|| {
                Failure::not_found(format!("there is no institution of a family {name}"))
                    .hint("`fondaco institutions list` shows families")
            })
        }
    }
}

fn stream(args: &Args, manifest: &Manifest) -> Stream {
    let by_family = if manifest.base_url.is_none() {
        Resource::Statement
    } else {
        Resource::Transactions
    };
    match args.resource.unwrap_or(by_family) {
        resource @ (Resource::Balances | Resource::Transactions) => {
            Stream::of_account(resource, args.account.clone())
        }
        resource @ (Resource::Accounts | Resource::Statement) => Stream::of(resource),
    }
}

/// Prints records as an answer is split.
struct Printer<'a> {
    cx: MapCx<'a>,
    stream: &'a Stream,
    connector: &'static dyn Connector,
    out: Output,
    refused: u64,
    records: u64,
    failure: Option<Failure>,
}

/// One line of the output.
#[derive(Serialize)]
struct Line<'a> {
    group: i32,
    ordinal: i64,
    resource: &'static str,
    record: Option<Value>,
    remarks: Vec<RemarkLine<'a>>,
}

#[derive(Serialize)]
struct RemarkLine<'a> {
    field: &'a str,
    rule: &'static str,
    original: String,
    fatal: bool,
}

impl RecordSink for Printer<'_> {
    fn record(&mut self, record: Record<'_>) -> Result<(), Fault> {
        self.records += 1;
        let mapped = self.connector.map(&self.cx, self.stream, &record);
        if let Err(failure) = self.print(&record, &mapped) {
            self.failure = Some(failure);
            return Err(Fault::new(fondaco_model::FaultKind::Internal, "map.print"));
        }
        Ok(())
    }
}

impl Printer<'_> {
    fn print(&mut self, record: &Record<'_>, mapped: &Mapped) -> Result<(), Failure> {
        let mut drafts: Vec<Option<&Draft>> = mapped.drafts.iter().map(Some).collect();
        if drafts.is_empty() {
            drafts.push(None);
        }
        for draft in drafts {
            let (view, own) = match draft.map(|draft| view::of(draft, record, &self.cx)) {
                Some(Ok(value)) => (Some(value), None),
                Some(Err(remark)) => (None, Some(remark)),
                None => (None, None),
            };
            self.refused += u64::from(view.is_none());
            let line = Line {
                group: record.group,
                ordinal: record.ordinal,
                resource: draft.map_or(self.stream.resource, Draft::resource).as_str(),
                record: view,
                remarks: mapped.remarks.iter().chain(&own).map(remark).collect(),
            };
            self.out.result(&line, || text(&line))?;
        }
        Ok(())
    }
}

fn remark(remark: &Remark) -> RemarkLine<'_> {
    RemarkLine {
        field: &remark.field,
        rule: remark.rule,
        original: remark.original.chars().take(ORIGINAL_CHARS_MAX).collect(),
        fatal: remark.fatal,
    }
}

fn text(line: &Line<'_>) -> String {
    let mut text = format!("{} {}/{}", line.resource, line.group, line.ordinal);
    match &line.record {
        Some(record) => {
            let pretty = serde_json::to_string_pretty(record).unwrap_or_default();
            text.push('\n');
            text.push_str(&pretty);
        }
        None => text.push_str(" refused"),
    }
    for remark in &line.remarks {
        let mark = if remark.fatal { "refused" } else { "remark" };
        let said = format!(
            "\n{mark}: {} {} {:?}",
            remark.field, remark.rule, remark.original
        );
        text.push_str(&said);
    }
    text
}
