//! What an import did, a line for each statement.

use fondaco_connectors::registry::verdict::verdict;
use serde::Serialize;

use super::ImportRequest;
use super::stage::{Staged, Statement};

/// One statement of a file. Amounts are exact decimal texts; credits and debits are positive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatementReport {
    /// The file's name as it was given.
    pub file: String,
    /// The statement's own id, or its position in the file from 0.
    pub statement: String,
    /// The account, when it was found or made.
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportReport {
    /// One for each statement, in the order of the file.
    pub statements: Vec<StatementReport>,
    /// Why the file broke off, when it did; names the line and the rule.
    pub fault: Option<String>,
}

impl ImportReport {
    /// True when every entry of every statement was imported and the file did not break off.
    pub fn is_complete(&self) -> bool {
        let whole = |one: &StatementReport| one.quarantined == 0 && one.problem.is_none();
        self.fault.is_none() && self.statements.iter().all(whole)
    }
}

pub(super) fn report(request: &ImportRequest, staged: &Staged) -> ImportReport {
    let lines = staged.statements.iter();
    ImportReport {
        statements: lines
            .map(|(group, one)| line(request, *group, one))
            .collect(),
        fault: staged.fault.as_ref().map(ToString::to_string),
    }
}

fn line(request: &ImportRequest, group: i32, one: &Statement) -> StatementReport {
    let verdict = verdict(&one.draft, &one.sums);
    // A record that could not be understood may have held any amount.
    let closes = verdict
        .closes
        .map(|closes| closes && one.counts.quarantined == 0);
    let text = |money: Option<fondaco_model::Money>| money.map(fondaco_model::Money::amount);
    StatementReport {
        file: request.file.clone(),
        statement: one
            .draft
            .statement_id
            .clone()
            .unwrap_or_else(|| group.to_string()),
        account: one.found.map(|found| found.account_id.to_string()),
        currency: verdict.currency.map(|currency| currency.code().to_owned()),
        opening: text(verdict.opening),
        closing: text(verdict.closing),
        credits: text(verdict.credits),
        debits: text(verdict.debits),
        entries: one.entries,
        new: one.counts.inserted,
        known: one.counts.changed + one.counts.unchanged,
        quarantined: one.counts.quarantined,
        closes,
        problem: one.problem.clone(),
    }
}
