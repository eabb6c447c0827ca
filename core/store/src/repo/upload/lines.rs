//! The lines of an import's report as they stand, sealed, beside its upload.

use serde::{Deserialize, Serialize};

use crate::repo::composed::hidden_debug;

/// Statements of a file that are kept; the count of all of them stands beside.
pub const LINES_MAX: usize = 50;

/// What an import did, a line for each of the first [`LINES_MAX`] statements.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportLines {
    /// The lines, in the order of the file.
    pub statements: Vec<StatementLine>,
}

/// One statement. Amounts are exact decimal texts; credits and debits are positive.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementLine {
    /// Position of its first record within the raw answer, from 0.
    pub ordinal: i64,
    /// Position of its last record.
    pub last: i64,
    /// The statement's own id, or its position in the file from 0.
    pub statement: String,
    /// Id of the account, when it was found or made.
    pub account: Option<String>,
    /// The statement's currency.
    pub currency: Option<String>,
    /// Opening balance.
    pub opening: Option<String>,
    /// Closing balance.
    pub closing: Option<String>,
    /// Sum of booked credits.
    pub credits: Option<String>,
    /// Sum of booked debits.
    pub debits: Option<String>,
    /// Entries that were read.
    pub entries: i64,
    /// Transactions that were not stored before.
    pub new: i64,
    /// Transactions that were stored already.
    pub known: i64,
    /// Entries in quarantine.
    pub quarantined: i64,
    /// Whether opening + credits - debits = closing; none when a balance is missing.
    pub closes: Option<bool>,
    /// Why nothing of the statement was imported, when nothing was.
    pub problem: Option<String>,
}

impl ReportLines {
    /// The statement that a record belongs to, by the record's position.
    pub fn of(&self, ordinal: i64) -> Option<&StatementLine> {
        let mut lines = self.statements.iter();
        lines.find(|line| (line.ordinal..=line.last).contains(&ordinal))
    }
}

hidden_debug! { StatementLine }
