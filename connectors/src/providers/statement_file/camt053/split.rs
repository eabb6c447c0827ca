//! Splits a file into records while it streams by: the head of each statement, then each entry.
//!
//! A record is a small XML document of its own, without namespaces. Its root says where it stood:
//! `<Ntry at="Stmt[0]/Ntry[3]" line="88">…</Ntry>`.

use std::io::BufRead;

use fondaco_model::{Fault, FaultKind};
use quick_xml::errors::SyntaxError;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Error, Reader};

use super::SUPPORTED;
use crate::core::xml::{DEPTH_MAX, Source, fault, unreadable};
use crate::core::{RECORD_BYTES_MAX, Record, RecordSink};

/// Most statements of one file.
const STATEMENTS_MAX: i32 = 100_000;

const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:";

/// Splits a file; what was handed on before a fault stays good.
pub(in super::super) fn split(
    body: &mut dyn BufRead,
    out: &mut dyn RecordSink,
) -> Result<(), Fault> {
    let mut reader = Reader::from_reader(Source::open(body)?);
    let mut splitter = Splitter::new(out);
    let mut buffer = Vec::new();
    // Ends with the file; each round consumes at least one token of it.
    loop {
        buffer.clear();
        reader.get_mut().begin_token();
        splitter.line = reader.get_ref().line;
        let event = reader.read_event_into(&mut buffer);
        let event = event.map_err(|error| splitter.broken(reader.get_ref(), &error))?;
        match event {
            Event::Start(start) => splitter.start(&start)?,
            Event::Empty(start) => {
                splitter.start(&start)?;
                splitter.end()?;
            }
            Event::End(_) => splitter.end()?,
            Event::Text(text) => splitter.text(&text, ("", ""))?,
            Event::CData(text) => splitter.text(&text, ("<![CDATA[", "]]>"))?,
            Event::GeneralRef(entity) => splitter.entity(&entity)?,
            // Entities of a document type are how a small file becomes a large one.
            Event::DocType(_) => return Err(splitter.refuse("xml.doctype_refused")),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => return splitter.finish(),
        }
    }
}

struct Splitter<'s> {
    out: &'s mut dyn RecordSink,
    /// The line of the present token.
    line: u64,
    /// Names of the open elements.
    path: Vec<String>,
    is_root_seen: bool,
    /// The message that the namespace names; empty without a namespace.
    message: String,
    ordinal: i64,
    statements: i32,
    entries: i64,
    capture: Option<Capture>,
    /// True after the head of the present statement was handed on.
    is_head_done: bool,
    /// Depth of an element that is left out with all that is in it.
    skipped: Option<usize>,
}

/// A record that is being written.
struct Capture {
    bytes: Vec<u8>,
    /// The root's start tag, for the note about a record that is too large.
    opening: String,
    name: String,
    depth: usize,
    is_oversize: bool,
}

impl Capture {
    fn push(&mut self, parts: &[&str]) {
        let more: usize = parts.iter().map(|part| part.len()).sum();
        // Room is left for the end tags of the open elements.
        if self.is_oversize || self.bytes.len() + more > RECORD_BYTES_MAX - 4_096 {
            self.is_oversize = true;
            return;
        }
        for part in parts {
            self.bytes.extend_from_slice(part.as_bytes());
        }
    }
}

impl<'s> Splitter<'s> {
    fn new(out: &'s mut dyn RecordSink) -> Self {
        Self {
            out,
            line: 1,
            path: Vec::new(),
            is_root_seen: false,
            message: String::new(),
            ordinal: 0,
            statements: 0,
            entries: 0,
            capture: None,
            is_head_done: false,
            skipped: None,
        }
    }

    fn refuse(&self, rule: &'static str) -> Fault {
        fault(rule, self.line).with("path", self.place())
    }

    /// The open elements. A name that no schema has could be anything and is not repeated.
    fn place(&self) -> String {
        let plain =
            |name: &String| name.len() <= 35 && name.bytes().all(|b| b.is_ascii_alphanumeric());
        let names = self
            .path
            .iter()
            .map(|name| if plain(name) { name.as_str() } else { "?" });
        names.collect::<Vec<_>>().join("/")
    }

    fn broken(&self, source: &Source<'_>, error: &Error) -> Fault {
        let rule = match error {
            _ if source.token_too_long => "xml.token_too_long",
            _ if source.bad_encoding => "xml.encoding",
            Error::Encoding(_) => "xml.encoding",
            Error::Syntax(SyntaxError::InvalidBangMarkup) => "xml.syntax",
            // The file ended within a tag, a quoted value or a comment.
            Error::Syntax(_) => "xml.unclosed",
            Error::IllFormed(_) => "xml.not_well_formed",
            Error::InvalidAttr(_) => "xml.attribute",
            Error::Escape(_) => "xml.entity",
            Error::Namespace(_) => "xml.namespace",
            Error::Io(_) => return unreadable(source.line),
        };
        // The parser's own message would quote the document.
        fault(rule, source.line).with("path", self.place())
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), Fault> {
        if self.path.len() >= DEPTH_MAX {
            return Err(self.refuse("xml.too_deep"));
        }
        let name = start.local_name().into_inner().to_owned();
        let depth = self.path.len() + 1;
        match depth {
            1 if self.is_root_seen => return Err(self.refuse("xml.second_root")),
            1 => self.root(start, &name)?,
            2 => self.body(start, &name)?,
            3 if name == "Stmt" => self.statement()?,
            4 if self.path[2] == "Stmt" => self.part(&name)?,
            _ => {}
        }
        self.path.push(name);
        let name = self.path.last().expect("it was just pushed");
        // Supplementary data has a schema of its own.
        if name == "SplmtryData" && self.skipped.is_none() {
            self.skipped = Some(depth);
        }
        let inside = self
            .capture
            .as_mut()
            .filter(|capture| depth > capture.depth);
        let Some(capture) = inside.filter(|_| self.skipped.is_none()) else {
            return Ok(());
        };
        let currency = start.try_get_attribute("Ccy");
        let currency = currency.map_err(|_| fault("xml.attribute", self.line))?;
        match currency {
            None => capture.push(&["<", name, ">"]),
            Some(currency) => {
                let value = currency.value.replace('"', "&quot;").replace('<', "&lt;");
                capture.push(&["<", name, " Ccy=\"", &value, "\">"]);
            }
        }
        Ok(())
    }

    fn root(&mut self, start: &BytesStart<'_>, name: &str) -> Result<(), Fault> {
        if name != "Document" {
            return Err(self.wrong_message(name));
        }
        self.is_root_seen = true;
        if let Some(namespace) = namespace(start) {
            self.message = self.known(&namespace)?;
        }
        Ok(())
    }

    fn body(&mut self, start: &BytesStart<'_>, name: &str) -> Result<(), Fault> {
        if name != "BkToCstmrStmt" {
            return Err(self.wrong_message(name));
        }
        if let Some(namespace) = namespace(start).filter(|_| self.message.is_empty()) {
            self.message = self.known(&namespace)?;
        }
        Ok(())
    }

    fn known(&self, namespace: &str) -> Result<String, Fault> {
        let message = namespace.strip_prefix(NAMESPACE).unwrap_or_default();
        let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        if message.strip_prefix("camt.053.001.").is_some_and(digits) {
            Ok(message.to_owned())
        } else {
            Err(self.wrong_message(namespace))
        }
    }

    fn wrong_message(&self, found: &str) -> Fault {
        let plain = |c: &char| c.is_ascii_alphanumeric() || ":._-/".contains(*c);
        let found: String = found.chars().filter(plain).take(120).collect();
        Fault::new(FaultKind::Unsupported, "file.page")
            .with("rule", "message.unsupported")
            .with("line", self.line.to_string())
            .with("found", found)
            .with("supported", SUPPORTED.join(" "))
    }

    fn statement(&mut self) -> Result<(), Fault> {
        if self.statements >= STATEMENTS_MAX {
            return Err(self.refuse("file.too_many_statements"));
        }
        self.statements += 1;
        self.entries = 0;
        self.is_head_done = false;
        let at = format!("Stmt[{}]", self.statements - 1);
        let message = format!("\" message=\"{}", self.message);
        self.open("Stmt", 3, &at, &message);
        Ok(())
    }

    /// A child of a statement. The head ends where the first entry begins.
    fn part(&mut self, name: &str) -> Result<(), Fault> {
        let statement = format!("Stmt[{}]", self.statements - 1);
        if name == "Ntry" {
            if !self.is_head_done {
                self.emit()?;
            }
            let at = format!("{statement}/Ntry[{}]", self.entries);
            self.entries += 1;
            self.open("Ntry", 4, &at, "");
        } else if self.is_head_done && !matches!(name, "AddtlStmtInf" | "SplmtryData") {
            self.open(name, 4, &format!("{statement}/{name}"), "");
        }
        Ok(())
    }

    fn open(&mut self, name: &str, depth: usize, at: &str, more: &str) {
        let opening = format!("<{name} at=\"{at}\" line=\"{}{more}\"", self.line);
        let mut capture = Capture {
            bytes: Vec::new(),
            opening,
            name: name.to_owned(),
            depth,
            is_oversize: false,
        };
        capture.bytes.extend_from_slice(capture.opening.as_bytes());
        capture.bytes.push(b'>');
        self.capture = Some(capture);
    }

    /// Hands the open record on.
    fn emit(&mut self) -> Result<(), Fault> {
        let Some(mut capture) = self.capture.take() else {
            return Ok(());
        };
        self.is_head_done = true;
        if capture.is_oversize {
            let note = format!("{} oversize=\"1\"/>", capture.opening);
            capture.bytes = note.into_bytes();
        } else {
            let end = format!("</{}>", capture.name);
            capture.bytes.extend_from_slice(end.as_bytes());
        }
        self.out.record(Record {
            ordinal: self.ordinal,
            group: self.statements - 1,
            bytes: &capture.bytes,
        })?;
        self.ordinal += 1;
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        let depth = self.path.len();
        let name = self.path.pop().unwrap_or_default();
        if self.skipped == Some(depth) {
            self.skipped = None;
            return Ok(());
        }
        match &mut self.capture {
            Some(capture) if capture.depth == depth => self.emit(),
            Some(capture) if depth > capture.depth && self.skipped.is_none() => {
                capture.push(&["</", &name, ">"]);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn text(&mut self, text: &str, (before, after): (&str, &str)) -> Result<(), Fault> {
        let blank = text.trim_ascii().is_empty();
        if self.path.is_empty() && !blank {
            return Err(self.refuse("xml.text_outside"));
        }
        if let Some(capture) = self
            .capture
            .as_mut()
            .filter(|_| self.skipped.is_none() && !blank)
        {
            capture.push(&[before, text, after]);
        }
        Ok(())
    }

    fn entity(&mut self, entity: &BytesRef<'_>) -> Result<(), Fault> {
        // Without a document type there are the five of XML and characters by number.
        let known = match entity.resolve_char_ref() {
            Ok(None) => resolve_xml_entity(entity).is_some(),
            Ok(Some(_)) => true,
            Err(_) => false,
        };
        if !known {
            return Err(self.refuse("xml.entity"));
        }
        if let Some(capture) = self.capture.as_mut().filter(|_| self.skipped.is_none()) {
            capture.push(&["&", entity, ";"]);
        }
        Ok(())
    }

    fn finish(&self) -> Result<(), Fault> {
        if !self.path.is_empty() {
            return Err(self.refuse("xml.cut"));
        }
        if self.statements == 0 {
            return Err(self.refuse("file.no_statement"));
        }
        Ok(())
    }
}

/// The namespace that a start tag declares for its own name.
fn namespace(start: &BytesStart<'_>) -> Option<String> {
    let name = start.name();
    let wanted = match name.prefix() {
        Some(prefix) => format!("xmlns:{}", prefix.into_inner()),
        None => "xmlns".to_owned(),
    };
    let found = start.try_get_attribute(&wanted).ok().flatten();
    found.map(|attribute| attribute.value.trim().to_owned())
}
