//! The bytes of a file as UTF-8: encoding by mark or declaration, line count, length guard.

use std::io::{self, BufRead, Chain, Cursor, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};
use fondaco_model::Fault;

use super::{fault, unreadable};

/// Bytes within which the XML declaration has to end.
const DECLARATION_MAX: usize = 1_024;

/// Longest single token (a tag, a text, a comment) in bytes.
pub(crate) const TOKEN_MAX: usize = 1 << 20;

const DECODED_CHUNK: usize = 16 << 10;

type Whole<'b> = Chain<Cursor<Vec<u8>>, &'b mut dyn BufRead>;

/// Reads a file and knows on which line it stands.
pub(crate) struct Source<'b> {
    input: Input<'b>,
    /// The present line, from 1.
    pub(crate) line: u64,
    token: usize,
    /// True when the last error was a token above [`TOKEN_MAX`].
    pub(crate) token_too_long: bool,
    /// True when the last error was a byte that the encoding does not have.
    pub(crate) bad_encoding: bool,
}

enum Input<'b> {
    // The parser checks UTF-8 itself.
    Utf8(Whole<'b>),
    Decoded(Box<Decoded<'b>>),
}

impl<'b> Source<'b> {
    /// Finds the encoding: byte order mark, the pattern of UTF-16, or the XML declaration
    /// (XML 1.0 appendix F).
    pub(crate) fn open(body: &'b mut dyn BufRead) -> Result<Self, Fault> {
        let mut start = Vec::new();
        let limit = u64::try_from(DECLARATION_MAX).expect("a small constant fits");
        let read = Read::take(&mut *body, limit).read_to_end(&mut start);
        read.map_err(|_| unreadable(1))?;
        let (encoding, mark) = match start[..] {
            [0xEF, 0xBB, 0xBF, ..] => (UTF_8, 3),
            [0xFF, 0xFE, ..] => (UTF_16LE, 2),
            [0xFE, 0xFF, ..] => (UTF_16BE, 2),
            [b'<', 0, b'?', 0, ..] => (UTF_16LE, 0),
            [0, b'<', 0, b'?', ..] => (UTF_16BE, 0),
            _ => (declared(&start)?, 0),
        };
        start.drain(..mark);
        let whole = Cursor::new(start).chain(body);
        let input = if encoding == UTF_8 {
            Input::Utf8(whole)
        } else {
            Input::Decoded(Box::new(Decoded::new(whole, encoding)))
        };
        Ok(Self {
            input,
            line: 1,
            token: 0,
            token_too_long: false,
            bad_encoding: false,
        })
    }

    /// Begins a new token.
    pub(crate) fn begin_token(&mut self) {
        self.token = 0;
    }
}

fn declared(start: &[u8]) -> Result<&'static Encoding, Fault> {
    let Some(label) = declared_label(start) else {
        return Ok(UTF_8);
    };
    let encoding = Encoding::for_label(label).ok_or_else(|| {
        let label = String::from_utf8_lossy(&label[..label.len().min(40)]);
        fault("xml.encoding_unknown", 1).with("found", crate::core::code_word(&label))
    })?;
    // The declaration was read byte by byte: whatever it says, this is not UTF-16.
    let sixteen = encoding == UTF_16LE || encoding == UTF_16BE;
    Ok(if sixteen { UTF_8 } else { encoding })
}

fn declared_label(start: &[u8]) -> Option<&[u8]> {
    let find = |text: &[u8], word: &[u8]| text.windows(word.len()).position(|at| at == word);
    let end = find(start, b"?>").filter(|_| start.starts_with(b"<?xml"))?;
    let text = &start[..end];
    let rest = text[find(text, b"encoding")? + 8..].trim_ascii_start();
    let rest = rest.strip_prefix(b"=")?.trim_ascii_start();
    let (quote, value) = rest.split_first()?;
    let end = value.iter().position(|byte| byte == quote)?;
    matches!(quote, b'"' | b'\'').then_some(&value[..end])
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Source<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.token > TOKEN_MAX {
            self.token_too_long = true;
            return Err(io::Error::other("token too long"));
        }
        let filled = match &mut self.input {
            Input::Utf8(whole) => whole.fill_buf(),
            Input::Decoded(decoded) => decoded.fill_buf(),
        };
        let invalid = |error: &io::Error| error.kind() == io::ErrorKind::InvalidData;
        self.bad_encoding |= filled.as_ref().is_err_and(invalid);
        filled
    }

    fn consume(&mut self, count: usize) {
        self.token = self.token.saturating_add(count);
        let input: &mut dyn BufRead = match &mut self.input {
            Input::Utf8(whole) => whole,
            Input::Decoded(decoded) => decoded.as_mut(),
        };
        // What was filled is still there; this reads nothing new.
        if let Some(used) = input.fill_buf().ok().and_then(|filled| filled.get(..count)) {
            let ends = used.iter().map(|byte| u64::from(*byte == b'\n'));
            self.line += ends.sum::<u64>();
        }
        input.consume(count);
    }
}

/// Bytes of another encoding, decoded chunk by chunk.
struct Decoded<'b> {
    whole: Whole<'b>,
    decoder: Decoder,
    chunk: Vec<u8>,
    at: usize,
    filled: usize,
    is_finished: bool,
}

impl<'b> Decoded<'b> {
    fn new(whole: Whole<'b>, encoding: &'static Encoding) -> Self {
        Self {
            whole,
            decoder: encoding.new_decoder_without_bom_handling(),
            chunk: vec![0; DECODED_CHUNK],
            at: 0,
            filled: 0,
            is_finished: false,
        }
    }
}

impl Read for Decoded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Decoded<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        // Ends: each round takes bytes of the file or is the last one.
        while self.at == self.filled && !self.is_finished {
            let bytes = self.whole.fill_buf()?;
            let is_last = bytes.is_empty();
            let (outcome, read, written) =
                self.decoder
                    .decode_to_utf8_without_replacement(bytes, &mut self.chunk, is_last);
            self.whole.consume(read);
            (self.at, self.filled) = (0, written);
            match outcome {
                DecoderResult::Malformed(..) => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "encoding"));
                }
                DecoderResult::InputEmpty => self.is_finished = is_last,
                DecoderResult::OutputFull => {}
            }
        }
        Ok(&self.chunk[self.at..self.filled])
    }

    fn consume(&mut self, count: usize) {
        self.at = (self.at + count).min(self.filled);
    }
}
