//! Results on standard output: JSON Lines for programs, text for people.

use std::io::{self, Write};

use serde::Serialize;

/// How results are written. Everything else (logs, bars, errors) goes to standard error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    /// Results as JSON or as text.
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// True when results are JSON.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Writes one result: a line of JSON, or the text.
    pub(crate) fn result(
        self,
        value: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> io::Result<()> {
        if self.json {
            let line = serde_json::to_string(value)?;
            print(&line)
        } else {
            print(&text())
        }
    }
}

/// Writes a text as it is, with a line end.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Rows of texts in aligned columns, with a heading; a dash where a text is empty.
pub(crate) fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> String {
    let width = |at: usize| {
        let longest = rows
            .iter()
            .map(|row| row[at].chars().count())
            .max()
            .unwrap_or(0);
        longest.max(heading[at].len()).max(1)
    };
    let line = |cells: [&str; N]| {
        let padded: Vec<_> = cells
            .iter()
            .enumerate()
            .map(|(at, cell)| {
                let cell = if cell.is_empty() { "-" } else { cell };
                format!("{cell:<width$}", width = width(at))
            })
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(heading)];
    lines.extend(
        rows.iter()
            .map(|row| line(row.each_ref().map(String::as_str))),
    );
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_longest_cell() {
        let rows = [
            ["a".to_owned(), String::new()],
            ["längste".to_owned(), "x".to_owned()],
        ];
        let text = table(["ID", "NOTE"], &rows);
        assert_eq!(text, "ID       NOTE\na        -\nlängste  x");
    }
}
