//! One pass over a GraphQL document before any parser sees it.
//!
//! A parser that descends by recursion can be made to overflow its stack by a few kilobytes of
//! brackets. This scanner never recurses, looks at each byte once, and refuses first.

use async_graphql::Pos;

use super::limits::{Limits, NESTING_MAX, Refusal};

/// What the scanner counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// Tokens, comments not counted.
    pub tokens: usize,
    /// Most brackets open at once.
    pub nesting: usize,
    /// Fields, spreads and inline fragments as written.
    pub selections: usize,
    /// Aliases.
    pub aliases: usize,
    /// Directives.
    pub directives: usize,
    /// Fragment definitions.
    pub fragments: usize,
    /// Operations.
    pub operations: usize,
}

/// Counts a document and refuses it above any limit.
///
/// Total on any bytes: it neither panics nor needs valid UTF-8.
///
/// # Errors
/// `QUERY_TOO_LARGE` above a limit; `QUERY_INVALID` for brackets that do not pair, strings that
/// do not end, and characters that GraphQL does not know.
pub fn scan(document: &[u8], limits: &Limits) -> Result<Outline, Refusal> {
    if document.len() > limits.document_bytes {
        return Err(Refusal::too_many("bytes", limits.document_bytes));
    }
    let mut scanner = Scanner {
        text: document,
        at: 0,
        limits,
        seen: Outline::default(),
        open: [0; NESTING_MAX],
        depth: 0,
        values: 0,
        roots: 0,
        between: true,
        operation: false,
        last: Last::Other,
    };
    scanner.run()?;
    Ok(scanner.seen)
}

/// What the token before was, as far as the next one needs to know.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Field,
    Spread,
    SpreadOn,
    At,
    Other,
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    limits: &'a Limits,
    seen: Outline,
    open: [u8; NESTING_MAX],
    depth: usize,
    /// Open parentheses and list brackets: inside them names are values, not selections.
    values: usize,
    roots: usize,
    /// Whether the next token begins a definition.
    between: bool,
    operation: bool,
    last: Last,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Scanner<'_> {
    fn run(&mut self) -> Result<(), Refusal> {
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b',' => self.at += 1,
                b'#' => self.comment(),
                0xef if self.rest().starts_with(BYTE_ORDER_MARK) => self.at += 3,
                _ => self.token(byte)?,
            }
        }
        if self.depth > 0 {
            return Err(self.wrong("A bracket is not closed."));
        }
        Ok(())
    }

    fn rest(&self) -> &[u8] {
        &self.text[self.at..]
    }

    fn comment(&mut self) {
        let end = self.rest().iter().position(|b| matches!(b, b'\n' | b'\r'));
        self.at = end.map_or(self.text.len(), |n| self.at + n);
    }

    fn token(&mut self, byte: u8) -> Result<(), Refusal> {
        self.seen.tokens += 1;
        self.within(self.seen.tokens, self.limits.tokens, "tokens")?;
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => self.name(),
            b'0'..=b'9' | b'-' => {
                self.number();
                Ok(())
            }
            b'"' => self.string(),
            b'.' => self.spread(),
            b'{' | b'(' | b'[' => self.open(byte),
            b'}' | b')' | b']' => self.close(byte),
            b':' => self.colon(),
            b'@' => {
                self.seen.directives += 1;
                self.within(self.seen.directives, self.limits.directives, "directives")?;
                self.step(Last::At);
                Ok(())
            }
            b'!' | b'$' | b'&' | b'=' | b'|' => {
                self.step(Last::Other);
                Ok(())
            }
            _ => Err(self.wrong("The document has a character that GraphQL does not know.")),
        }
    }

    fn step(&mut self, last: Last) {
        self.at += 1;
        self.last = last;
    }

    fn selecting(&self) -> bool {
        self.depth > 0 && self.values == 0
    }

    fn name(&mut self) -> Result<(), Refusal> {
        let rest = self.rest();
        let length = rest
            .iter()
            .position(|b| !(b.is_ascii_alphanumeric() || *b == b'_'))
            .unwrap_or(rest.len());
        let (word, on) = (self.at..self.at + length, &rest[..length] == b"on");
        self.at += length;
        if self.between && self.depth == 0 {
            self.between = false;
            return self.definition(word);
        }
        let last = self.last;
        self.last = Last::Other;
        if !self.selecting() {
            return Ok(());
        }
        match last {
            Last::Spread if on => self.last = Last::SpreadOn,
            Last::Spread | Last::SpreadOn | Last::At => {}
            Last::Field | Last::Other => {
                self.last = Last::Field;
                self.selection()?;
                self.root()?;
            }
        }
        Ok(())
    }

    fn definition(&mut self, word: std::ops::Range<usize>) -> Result<(), Refusal> {
        self.last = Last::Other;
        self.operation = &self.text[word.clone()] != b"fragment";
        if self.operation {
            return self.begin_operation();
        }
        self.seen.fragments += 1;
        self.within(self.seen.fragments, self.limits.fragments, "fragments")
    }

    fn begin_operation(&mut self) -> Result<(), Refusal> {
        self.operation = true;
        self.roots = 0;
        self.seen.operations += 1;
        self.within(self.seen.operations, self.limits.operations, "operations")
    }

    fn selection(&mut self) -> Result<(), Refusal> {
        self.seen.selections += 1;
        self.within(self.seen.selections, self.limits.selections, "selections")
    }

    fn root(&mut self) -> Result<(), Refusal> {
        if self.depth == 1 && self.operation {
            self.roots += 1;
            self.within(self.roots, self.limits.root_fields, "fields at the top")?;
        }
        Ok(())
    }

    /// Turns the field before into an alias: the next name is the field.
    fn colon(&mut self) -> Result<(), Refusal> {
        if self.last == Last::Field && self.selecting() {
            self.seen.aliases += 1;
            self.within(self.seen.aliases, self.limits.aliases, "aliases")?;
            self.seen.selections -= 1;
            if self.depth == 1 && self.operation {
                self.roots -= 1;
            }
        }
        self.step(Last::Other);
        Ok(())
    }

    fn spread(&mut self) -> Result<(), Refusal> {
        if !self.rest().starts_with(b"...") {
            return Err(self.wrong("A dot stands alone."));
        }
        self.at += 3;
        self.last = Last::Spread;
        if self.selecting() {
            self.selection()
        } else {
            Ok(())
        }
    }

    fn number(&mut self) {
        let inside = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'-' | b'_');
        let rest = &self.rest()[1..];
        self.at += 1 + rest.iter().position(|b| !inside(b)).unwrap_or(rest.len());
        self.last = Last::Other;
    }

    fn string(&mut self) -> Result<(), Refusal> {
        let rest = self.rest();
        let length = if rest.starts_with(b"\"\"\"") {
            block_string(rest)
        } else {
            string(rest)
        };
        let Some(length) = length else {
            return Err(self.wrong("A string is not closed."));
        };
        self.at += length;
        self.last = Last::Other;
        Ok(())
    }

    fn open(&mut self, byte: u8) -> Result<(), Refusal> {
        if self.depth >= self.limits.nesting.min(NESTING_MAX) {
            let max = self.limits.nesting.min(NESTING_MAX);
            return Err(Refusal::too_many("brackets inside each other", max).at(self.place()));
        }
        if self.between && self.depth == 0 {
            self.between = false;
            self.begin_operation()?;
        }
        self.open[self.depth] = byte;
        self.depth += 1;
        self.seen.nesting = self.seen.nesting.max(self.depth);
        self.values += usize::from(byte != b'{');
        self.step(Last::Other);
        Ok(())
    }

    fn close(&mut self, byte: u8) -> Result<(), Refusal> {
        let opener = match byte {
            b'}' => b'{',
            b')' => b'(',
            _ => b'[',
        };
        if self.depth == 0 || self.open[self.depth - 1] != opener {
            return Err(self.wrong("A bracket closes what is not open."));
        }
        self.depth -= 1;
        self.values -= usize::from(byte != b'}');
        self.between = self.depth == 0 && byte == b'}';
        self.step(Last::Other);
        Ok(())
    }

    fn within(&self, count: usize, max: usize, what: &str) -> Result<(), Refusal> {
        if count <= max {
            return Ok(());
        }
        Err(Refusal::too_many(what, max).at(self.place()))
    }

    fn wrong(&self, message: &str) -> Refusal {
        Refusal::invalid(message).at(self.place())
    }

    /// Line and column, both from 1; computed only for a refusal.
    fn place(&self) -> Pos {
        let before = &self.text[..self.at.min(self.text.len())];
        let line = before.split(|b| *b == b'\n').count();
        let begin = before
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |n| n + 1);
        let column = 1 + before[begin..]
            .iter()
            .filter(|b| **b & 0xc0 != 0x80)
            .count();
        Pos { line, column }
    }
}

/// Length of a string with its quotes, or nothing when it does not end on its line.
fn string(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\n' | b'\r' => return None,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Length of a block string with its quotes, or nothing when it does not end.
fn block_string(text: &[u8]) -> Option<usize> {
    let mut at = 3;
    loop {
        let rest = text.get(at..)?;
        if rest.starts_with(b"\"\"\"") {
            return Some(at + 3);
        }
        at += if rest.starts_with(b"\\\"\"\"") { 4 } else { 1 };
    }
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
