//! What an import did, a line for each statement.

use fondaco_connectors::registry::verdict::verdict;
use fondaco_model::ids::RawAnswerId;
use fondaco_model::{Fault, FaultKind};
use fondaco_store::repo::upload::UploadOutcome;
use serde::Serialize;

use super::stage::{Staged, Statement};
use super::{ImportRequest, Job};

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
    /// Positions of its first and its last record within the raw answer, from 0.
    #[serde(skip)]
    pub records: (i64, i64),
}

impl StatementReport {
    /// True when every entry was imported and they do not contradict the balances.
    pub fn is_complete(&self) -> bool {
        self.quarantined == 0 && self.problem.is_none() && self.closes != Some(false)
    }
}

/// What an import did.
#[derive(Debug, Clone)]
pub struct ImportReport {
    /// The raw answer that holds the file; files of the same content share one.
    pub raw: RawAnswerId,
    /// One for each statement, in the order of the file.
    pub statements: Vec<StatementReport>,
    /// Records that belong to no statement that could be read.
    pub unplaced: i64,
    /// Why the file broke off, when it did; names the line and the rule.
    pub fault: Option<Fault>,
}

impl ImportReport {
    /// True when every entry of every statement was imported, every statement that has both
    /// balances adds up, and the file did not break off.
    pub fn is_complete(&self) -> bool {
        self.fault.is_none()
            && self.unplaced == 0
            && self.statements.iter().all(StatementReport::is_complete)
    }

    /// What became of the file as a whole.
    pub fn outcome(&self) -> UploadOutcome {
        let nothing = self.statements.iter().all(|one| one.problem.is_some());
        if self.is_complete() {
            UploadOutcome::Ok
        } else if nothing {
            UploadOutcome::Failed
        } else {
            UploadOutcome::Partial
        }
    }

    /// Why the file broke off, else why nothing of it was imported.
    pub fn cause(&self) -> Option<Fault> {
        if self.outcome() != UploadOutcome::Failed {
            return self.fault.clone();
        }
        let no_account = Fault::new(FaultKind::NotFoundOrGone, "import.account");
        let no_account = no_account.with("rule", "statement.no_account");
        Some(self.fault.clone().unwrap_or(no_account))
    }
}

pub(super) fn report(job: &Job<'_>, staged: &Staged) -> ImportReport {
    let lines = staged.statements.iter();
    ImportReport {
        raw: job.raw,
        statements: lines
            .map(|(group, one)| line(job.request, *group, one))
            .collect(),
        unplaced: staged.unplaced,
        fault: staged.fault.clone(),
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
        records: (one.ordinal, one.last),
    }
}
