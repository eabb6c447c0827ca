//! What the families' tests share: a sink, manifests, snapshots and a seeded source of mutations.

use std::fmt::Write as _;
use std::path::Path;

use fondaco_model::draft::{Draft, Mapped};
use fondaco_model::provider::Manifest;
use fondaco_model::{Fault, Instant};

use super::{Connector, Cx, Record, RecordSink, Stream};

/// 2026-06-01T00:00:00Z.
pub(crate) const NOW: Instant = Instant::from_micros(1_780_272_000_000_000);

/// A record that was kept.
pub(crate) struct Kept {
    pub(crate) ordinal: i64,
    pub(crate) group: i32,
    pub(crate) bytes: Vec<u8>,
}

impl Kept {
    pub(crate) fn record(&self) -> Record<'_> {
        Record {
            ordinal: self.ordinal,
            group: self.group,
            bytes: &self.bytes,
        }
    }
}

/// Keeps all records, up to a number after which it refuses.
pub(crate) struct Keep {
    pub(crate) kept: Vec<Kept>,
    pub(crate) most: usize,
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            kept: Vec::new(),
            most: usize::MAX,
        }
    }
}

impl RecordSink for Keep {
    fn record(&mut self, record: Record<'_>) -> Result<(), Fault> {
        if self.kept.len() >= self.most {
            return Err(Fault::new(fondaco_model::FaultKind::Internal, "sink.full"));
        }
        self.kept.push(Kept {
            ordinal: record.ordinal,
            group: record.group,
            bytes: record.bytes.to_vec(),
        });
        Ok(())
    }
}

/// The embedded manifest of an id.
pub(crate) fn manifest(id: &str) -> Manifest {
    let institutions = crate::registry::institutions().unwrap();
    institutions
        .into_iter()
        .find(|found| found.id == id)
        .unwrap()
}

/// Remarks as `path rule! original`, the mark for those that cost the record.
pub(crate) fn remarks(mapped: &Mapped) -> Vec<String> {
    let line = |remark: &fondaco_model::draft::Remark| {
        let mark = if remark.fatal { "!" } else { "" };
        let line = format!("{} {}{mark} {}", remark.field, remark.rule, remark.original);
        line.trim_end().to_owned()
    };
    mapped.remarks.iter().map(line).collect()
}

/// A mapping as text: each stated field on a line, secrets in clear because fixtures are made up.
pub(crate) fn render(mapped: &Mapped) -> String {
    let mut text = String::new();
    for draft in &mapped.drafts {
        let pretty = format!("{draft:#?}");
        let empty = |line: &&str| {
            let line = line.trim_end();
            !line.ends_with(": None,") && !line.ends_with(": [],") && !line.ends_with(": false,")
        };
        for line in pretty.lines().filter(empty) {
            writeln!(text, "{line}").unwrap();
        }
        for secret in secrets(draft) {
            writeln!(text, "secret: {secret}").unwrap();
        }
    }
    for remark in remarks(mapped) {
        writeln!(text, "remark: {remark}").unwrap();
    }
    text
}

fn secrets(draft: &Draft) -> Vec<String> {
    let identifiers = match draft {
        Draft::Account(account) => &account.identifiers,
        Draft::Statement(statement) => &statement.account.identifiers,
        Draft::Transaction(transaction) => &transaction.counterparty.identifiers,
        Draft::Balance(_) => return Vec::new(),
    };
    let mut found: Vec<String> = identifiers
        .iter()
        .map(|found| found.value.expose().to_owned())
        .collect();
    if let Draft::Transaction(transaction) = draft {
        let address = transaction.counterparty.address.as_ref();
        found.extend(address.map(|address| address.expose().to_owned()));
    }
    found
}

/// Compares with a file beside the fixture; with `FONDACO_BLESS` set the file is written anew.
#[expect(
    clippy::disallowed_methods,
    reason = "a test's own switch, read by tests alone"
)]
pub(crate) fn compare(path: &Path, actual: &str) {
    if std::env::var_os("FONDACO_BLESS").is_some() {
        std::fs::write(path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(actual, expected, "{}", path.display());
}

/// The folder that an environment variable names.
#[expect(
    clippy::disallowed_methods,
    reason = "a test's own switch, read by tests alone"
)]
pub(crate) fn folder_of(variable: &str) -> Option<std::path::PathBuf> {
    std::env::var_os(variable).map(Into::into)
}

/// A small generator with a fixed seed (xorshift64), so that a failure can be seen again.
pub(crate) struct Seeded(u64);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    /// One to four changes: a byte replaced, removed, doubled, or the end cut off.
    pub(crate) fn mutate(&mut self, bytes: &mut Vec<u8>) {
        const BYTES: &[u8] = b"<>/&;\"'{}[]:,.-0129aZ\0\x7f\xff\xc3\xa4 nulltrue";
        for _ in 0..=self.below(4) {
            if bytes.is_empty() {
                return;
            }
            let at = self.below(bytes.len());
            match self.below(8) {
                0 => bytes.truncate(at),
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, bytes[at]),
                3 => bytes[at] = u8::try_from(self.below(256)).unwrap(),
                _ => bytes[at] = BYTES[self.below(BYTES.len())],
            }
        }
    }
}

/// Maps mutations of records; the only failure is a panic.
pub(crate) fn map_mutations(
    connector: &dyn Connector,
    cx: &Cx<'_>,
    stream: &Stream,
    records: &[Kept],
    rounds: usize,
) {
    let mut seeded = Seeded::new(0x5eed);
    for round in 0..rounds {
        let kept = &records[round % records.len()];
        let mut bytes = kept.bytes.clone();
        seeded.mutate(&mut bytes);
        let mapped = connector.map(
            cx,
            stream,
            &Record {
                bytes: &bytes,
                ..kept.record()
            },
        );
        let fatal = mapped.remarks.iter().any(|remark| remark.fatal);
        assert_eq!(
            mapped.drafts.is_empty(),
            fatal,
            "a record is a draft or quarantined"
        );
    }
}
