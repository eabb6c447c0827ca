//! Hostile and very large files.

use std::io::{BufReader, Read};

use fondaco_model::provider::Resource;
use fondaco_model::{Fault, FaultKind};

use super::super::StatementFile;
use super::{entries, map, split};
use crate::core::testing::{Kept, NOW, Seeded, manifest, map_mutations, remarks};
use crate::core::{Connector, Cx, RECORD_BYTES_MAX, Record, RecordSink, Stream};

const START: &str = "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\">\
    <BkToCstmrStmt><Stmt><Id>1</Id><Acct><Id><IBAN>DE02120300000000202051</IBAN></Id></Acct>";
const END: &str = "</Stmt></BkToCstmrStmt></Document>";
const ENTRY: &str = "<Ntry><Amt Ccy=\"EUR\">1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK\
    </Cd></Sts><BookgDt><Dt>2026-05-02</Dt></BookgDt><BkTxCd/><AddtlNtryInf>text</AddtlNtryInf>\
    </Ntry>\n";

fn fixture(name: &str) -> Vec<u8> {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/providers/statement_file/fixtures/"
    );
    std::fs::read(format!("{folder}{name}")).unwrap()
}

fn records() -> Vec<Kept> {
    let mut records = Vec::new();
    for name in [
        "v02_household.xml",
        "v04_shop_batch.xml",
        "v08_two_currencies.xml",
    ] {
        records.extend(split(&fixture(name)[..]).0);
    }
    records
}

#[test]
fn mapping_is_total_on_mutated_records() {
    let manifest = manifest("statement_file");
    let stream = Stream::of(Resource::Statement);
    let cx = Cx::new(&manifest, NOW);
    map_mutations(&StatementFile, &cx, &stream, &records(), 10_000);
}

#[test]
fn splitting_mutated_files_ends_without_a_panic() {
    let mut seeded = Seeded::new(53);
    for name in [
        "v04_shop_batch.xml",
        "v08_two_currencies.xml",
        "utf16.xml",
        "latin1.xml",
    ] {
        let whole = fixture(name);
        for _ in 0..500 {
            let mut bytes = whole.clone();
            seeded.mutate(&mut bytes);
            let (records, _) = split(&bytes[..]);
            for kept in &records {
                map(kept);
            }
        }
    }
}

#[test]
fn a_file_that_is_cut_anywhere_keeps_its_whole_entries() {
    let whole = fixture("v02_household.xml");
    for end in (0..whole.len() - 1).step_by(7) {
        let (records, outcome) = split(&whole[..end]);
        let closing = b"</Document>";
        let cut_after_end = whole[..end].windows(closing.len()).any(|at| at == closing);
        assert_eq!(outcome.is_ok(), cut_after_end, "{end}");
        let mapped: Vec<_> = records.iter().map(map).collect();
        let ends = whole[..end]
            .windows(7)
            .filter(|at| *at == b"</Ntry>")
            .count();
        assert_eq!(entries(&mapped), ends, "{end}");
    }
}

#[test]
fn the_size_of_the_pieces_does_not_change_the_records() {
    for name in [
        "v04_shop_batch.xml",
        "utf16.xml",
        "latin1.xml",
        "utf8_bom.xml",
    ] {
        let whole = fixture(name);
        let (expected, _) = split(&whole[..]);
        for size in [1, 2, 3, 7, 64] {
            let (records, outcome) = split(BufReader::with_capacity(size, &whole[..]));
            outcome.unwrap();
            assert!(
                records
                    .iter()
                    .map(|k| &k.bytes)
                    .eq(expected.iter().map(|k| &k.bytes))
            );
        }
    }
}

/// Endless repetition of a text between a start and an end, without holding it.
struct Repeated {
    left: usize,
    text: &'static [u8],
    at: usize,
}

impl Read for Repeated {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() && self.left > 0 {
            buffer[filled] = self.text[self.at];
            filled += 1;
            self.at += 1;
            if self.at == self.text.len() {
                self.at = 0;
                self.left -= 1;
            }
        }
        Ok(filled)
    }
}

fn big(
    before: &'static str,
    text: &'static str,
    times: usize,
    after: &'static str,
) -> impl std::io::BufRead {
    let middle = Repeated {
        left: times,
        text: text.as_bytes(),
        at: 0,
    };
    BufReader::new(before.as_bytes().chain(middle).chain(after.as_bytes()))
}

/// Counts records and remembers the largest.
#[derive(Default)]
struct Count {
    records: i64,
    largest: usize,
}

impl RecordSink for Count {
    fn record(&mut self, record: Record<'_>) -> Result<(), Fault> {
        assert_eq!(record.ordinal, self.records);
        self.records += 1;
        self.largest = self.largest.max(record.bytes.len());
        Ok(())
    }
}

#[test]
fn a_large_statement_passes_through_in_small_records() {
    let mut count = Count::default();
    super::super::camt053::split(&mut big(START, ENTRY, 40_000, END), &mut count).unwrap();
    assert_eq!(count.records, 40_001);
    assert!(count.largest < 400);
}

#[test]
fn one_endless_text_is_refused_at_its_limit() {
    let before = "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><!--";
    let (_, outcome) = split(big(before, "0123456789", 200_000, "-->"));
    let fault = outcome.unwrap_err();
    assert_eq!(fault.kind, FaultKind::SchemaDrift);
    assert_eq!(fault.get("rule"), Some("xml.token_too_long"));
}

#[test]
fn an_entry_above_the_limit_is_quarantined_and_the_rest_goes_on() {
    let detail = "<NtryDtls><TxDtls><AddtlTxInf>0123456789012345678901234567890123456789\
        </AddtlTxInf></TxDtls></NtryDtls>";
    let times = RECORD_BYTES_MAX / detail.len() + 1;
    let before = String::leak(format!("{START}<Ntry>"));
    let after = String::leak(format!("</Ntry>{ENTRY}{END}"));
    let (records, outcome) = split(big(before, detail, times, after));
    outcome.unwrap();
    assert_eq!(records.len(), 3);
    let large = map(&records[1]);
    assert_eq!(
        remarks(&large),
        ["Stmt[0]/Ntry[0] record.too_large! line 1"]
    );
    assert!(large.drafts.is_empty());
    assert_eq!(map(&records[2]).drafts.len(), 1);
}

#[test]
fn nesting_is_read_up_to_its_limit() {
    // Document, BkToCstmrStmt, Stmt and Ntry are four of the sixty-four.
    for (levels, good) in [(60, true), (61, false)] {
        let nested = format!("{}{}", "<x>".repeat(levels), "</x>".repeat(levels));
        let text = format!("{START}{}{END}", ENTRY.replace("<BkTxCd/>", &nested));
        let (_, outcome) = split(text.as_bytes());
        assert_eq!(outcome.is_ok(), good, "{levels}");
    }
}

#[test]
fn a_fault_of_the_sink_ends_the_page() {
    struct Full;
    impl RecordSink for Full {
        fn record(&mut self, _: Record<'_>) -> Result<(), Fault> {
            Err(Fault::new(FaultKind::Internal, "sink.full"))
        }
    }
    let text = format!("{START}{ENTRY}{END}");
    let fault = super::super::camt053::split(&mut text.as_bytes(), &mut Full).unwrap_err();
    assert_eq!(fault.op, "sink.full");
}

#[test]
fn a_file_is_not_requested() {
    let manifest = manifest("statement_file");
    let stream = Stream::of(Resource::Statement);
    let fault = StatementFile
        .request(&Cx::new(&manifest, NOW), &stream, None)
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unsupported);
}
