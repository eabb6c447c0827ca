//! An import of an uploaded statement file: how it goes, and what it did.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use fondaco_model::ids::{RawAnswerId, UploadId};
use fondaco_model::scope::KeyScope;
use fondaco_store::repo::job::{Job, JobState as StoredState};
use fondaco_store::repo::quarantine::{self, ProblemQuery, ProblemRow};
use fondaco_store::repo::upload::{self, LINES_MAX, ReportLines, StatementLine, UploadReport};
use tokio::sync::OnceCell;

use super::common::NullReason;
use crate::http::code::Code;
use crate::schema::access::{Access, Field, store_error};
use crate::schema::opener::SealedValue;
use crate::schema::reads::Reads;
use crate::schema::scalars::{BigInt, CurrencyCode, Decimal};
use crate::schema::words::{ImportOutcome, JobState, NullCause};

/// Most problems that one field answers.
pub(crate) const PROBLEMS_MAX: u32 = 50;

/// Most statements that one field answers.
pub(crate) const STATEMENTS_MAX: usize = LINES_MAX;

/// An import of a statement file.
#[derive(Clone)]
pub(crate) struct ImportJob {
    job: Job,
    upload: UploadId,
    did: Arc<OnceCell<Did>>,
}

/// What an import did, read once for all fields that need it.
#[derive(Default)]
struct Did {
    report: Option<UploadReport>,
    lines: ReportLines,
    raw: Option<RawAnswerId>,
}

impl ImportJob {
    pub(crate) fn new(job: Job, upload: UploadId) -> Self {
        Self {
            job,
            upload,
            did: Arc::default(),
        }
    }

    async fn did(&self, cx: &Context<'_>) -> Result<&Did> {
        self.did.get_or_try_init(|| self.read(cx)).await
    }

    async fn read(&self, cx: &Context<'_>) -> Result<Did> {
        let (reads, scope) = (Reads::of(cx), Access::of(cx).scope());
        let mut session = reads.session().await?;
        let stored = upload::get(&mut session, scope, self.upload).await;
        let report = upload::report(&mut session, scope, self.upload).await;
        drop(session);
        let stored = stored.map_err(|error| store_error(&error))?;
        let Some(report) = report.map_err(|error| store_error(&error))? else {
            return Ok(Did::default());
        };
        let sealed = SealedValue {
            table: "upload",
            column: upload::REPORT_COLUMN,
            row: self.upload.0,
            sealed: report.report_sealed.clone(),
        };
        let opened = reads.identifiers.load(sealed).await;
        let lines = match opened.map_err(|error| store_error(&error))? {
            // The person was erased, and what it was about with it.
            None => ReportLines::default(),
            Some(text) => serde_json::from_str(text.expose())
                .map_err(|_| Code::Internal.error("The report cannot be read."))?,
        };
        Ok(Did {
            report: Some(report),
            lines,
            raw: stored.map(|stored| stored.raw_answer_id),
        })
    }

    async fn of_report<T>(
        &self,
        cx: &Context<'_>,
        field: impl Fn(&UploadReport) -> Option<T>,
    ) -> Field<T> {
        match self.did(cx).await {
            Ok(did) => did.report.as_ref().and_then(field).map(Ok),
            Err(error) => Some(Err(error)),
        }
    }

    async fn count(&self, cx: &Context<'_>) -> Result<i64> {
        let Some(raw) = self.did(cx).await?.raw else {
            return Ok(0);
        };
        let asked = ProblemQuery::all(raw, PROBLEMS_MAX);
        let mut session = Reads::of(cx).session().await?;
        let count = quarantine::count_problems(&mut session, Access::of(cx).scope(), &asked).await;
        count.map_err(|error| store_error(&error))
    }

    async fn listed(&self, cx: &Context<'_>, first: i32) -> Result<Vec<ImportProblem>> {
        let limit = u32::try_from(first).ok();
        let Some(limit) = limit.filter(|limit| (1..=PROBLEMS_MAX).contains(limit)) else {
            let message = format!("`first` is from 1 to {PROBLEMS_MAX}.");
            return Err(Code::QueryInvalid.error(message));
        };
        let did = self.did(cx).await?;
        let Some(raw) = did.raw else {
            return Ok(Vec::new());
        };
        let asked = ProblemQuery::all(raw, limit);
        let mut session = Reads::of(cx).session().await?;
        let rows = quarantine::problems(&mut session, Access::of(cx).scope(), &asked).await;
        let rows = rows.map_err(|error| store_error(&error))?;
        let problem = |row: ProblemRow| ImportProblem {
            statement: did.lines.of(row.ordinal).map(|line| line.statement.clone()),
            row,
        };
        Ok(rows.into_iter().map(problem).collect())
    }
}

/// A count as GraphQL's own integer; a file of 1 GiB holds fewer records than that.
fn whole(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// An import of a statement file as background work. What it did is told once it ended.
#[Object]
impl ImportJob {
    /// Our id.
    async fn id(&self) -> ID {
        self.job.id.into()
    }

    /// Where it stands. `DONE` says that the file was worked through; `outcome` says how far it
    /// could be imported.
    async fn state(&self) -> JobState {
        self.job.state.into()
    }

    /// What became of the file; null until the import ended.
    async fn outcome(&self, cx: &Context<'_>) -> Field<ImportOutcome> {
        match self.did(cx).await {
            Ok(did) => match &did.report {
                Some(report) => Some(Ok(report.outcome.into())),
                // Given up before it could tell what it did.
                None if self.job.state == StoredState::Dead => Some(Ok(ImportOutcome::Failed)),
                None => None,
            },
            Err(error) => Some(Err(error)),
        }
    }

    /// Code of the fault: why the file broke off, why nothing of it was imported, or why the last
    /// try failed; null when there was none. May grow.
    async fn fault(&self, cx: &Context<'_>) -> Field<String> {
        match self.did(cx).await {
            Ok(did) => match &did.report {
                Some(report) => report.fault_code.clone().map(Ok),
                None => self.job.last_fault.clone().map(Ok),
            },
            Err(error) => Some(Err(error)),
        }
    }

    /// Line of the file, from 1, at which it broke off or was refused.
    async fn fault_line(&self, cx: &Context<'_>) -> Field<i32> {
        self.of_report(cx, |report| report.fault_line.map(whole))
            .await
    }

    /// The rule that the file, or every statement of it, broke. May grow.
    async fn fault_rule(&self, cx: &Context<'_>) -> Field<String> {
        self.of_report(cx, |report| report.fault_rule.clone()).await
    }

    /// What the import did, one for each statement of the file, in its order; at most 50 of them.
    async fn statements(&self, cx: &Context<'_>) -> Field<Vec<ImportedStatement>> {
        let did = match self.did(cx).await {
            Ok(did) => did,
            Err(error) => return Some(Err(error)),
        };
        let first = did.lines.statements.iter().take(STATEMENTS_MAX);
        Some(Ok(first
            .map(|line| ImportedStatement::of(line, Access::of(cx)))
            .collect()))
    }

    /// Number of statements of the file, those included that `statements` has no room for.
    async fn statement_count(&self, cx: &Context<'_>) -> Field<i32> {
        self.of_report(cx, |report| Some(whole(report.statement_count)))
            .await
    }

    /// Records in quarantine and remarks about records that were imported, in the order of the
    /// file; files of the same content share them.
    async fn problems(
        &self,
        cx: &Context<'_>,
        #[graphql(desc = "Problems from the beginning of the file, 1 to 50.")] first: i32,
    ) -> Field<Vec<ImportProblem>> {
        Some(self.listed(cx, first).await)
    }

    /// Number of all problems.
    async fn problem_count(&self, cx: &Context<'_>) -> Field<i32> {
        Some(self.count(cx).await.map(whole))
    }
}

/// What an import did with one statement of a file.
#[derive(SimpleObject)]
pub(crate) struct ImportedStatement {
    /// The statement's own id, or its position in the file from 0.
    statement: String,
    /// Id of the account, when it was found or made.
    account: Option<ID>,
    /// The statement's currency.
    currency: Option<CurrencyCode>,
    /// Opening balance, signed. Scope `accounts:read`.
    opening: Option<Decimal>,
    /// Closing balance, signed. Scope `accounts:read`.
    closing: Option<Decimal>,
    /// Sum of booked credits in the currency, positive. Scope `transactions:read`.
    credits: Option<Decimal>,
    /// Sum of booked debits in the currency, positive. Scope `transactions:read`.
    debits: Option<Decimal>,
    /// Entries that were read.
    entries: i32,
    /// Transactions that were not stored before.
    new: i32,
    /// Transactions that were stored already.
    known: i32,
    /// Entries in quarantine.
    quarantined: i32,
    /// Whether opening + credits - debits = closing; false also when currencies differ or an entry
    /// is in quarantine, null when a balance is missing.
    closes: Option<bool>,
    /// Why nothing of the statement was imported, in English; null when something was.
    problem: Option<String>,
    /// Why fields are null.
    null_reasons: Vec<NullReason>,
}

impl ImportedStatement {
    fn of(line: &StatementLine, access: &Access) -> Self {
        let mut null_reasons = Vec::new();
        let mut shown = |names: [&'static str; 2], values: [&Option<String>; 2], scope| {
            if access.may(scope) {
                return values.map(|value| value.clone().map(Decimal));
            }
            null_reasons.extend(names.map(|name| NullReason::new(name, NullCause::NotPermitted)));
            [None, None]
        };
        let [opening, closing] = shown(
            ["opening", "closing"],
            [&line.opening, &line.closing],
            KeyScope::AccountsRead,
        );
        let [credits, debits] = shown(
            ["credits", "debits"],
            [&line.credits, &line.debits],
            KeyScope::TransactionsRead,
        );
        let currency = line.currency.as_deref();
        Self {
            statement: line.statement.clone(),
            account: line.account.clone().map(ID::from),
            currency: currency
                .and_then(|code| fondaco_model::Currency::from_code(code).ok())
                .map(CurrencyCode),
            opening,
            closing,
            credits,
            debits,
            entries: whole(line.entries),
            new: whole(line.new),
            known: whole(line.known),
            quarantined: whole(line.quarantined),
            closes: line.closes,
            problem: line.problem.clone(),
            null_reasons,
        }
    }
}

/// A record of a file that is in quarantine, or a remark about one that was imported.
pub(crate) struct ImportProblem {
    statement: Option<String>,
    row: ProblemRow,
}

impl ImportProblem {
    async fn opened(&self, cx: &Context<'_>) -> Result<Option<String>> {
        if !Access::of(cx).may(KeyScope::RawRead) {
            return Ok(None);
        }
        let sealed = SealedValue {
            table: self.row.sealed_table(),
            column: "original_sealed",
            row: self.row.sealed_row,
            sealed: self.row.original_sealed.clone(),
        };
        let opened = Reads::of(cx).identifiers.load(sealed).await;
        let opened = opened.map_err(|error| store_error(&error))?;
        Ok(opened.map(|secret| secret.expose().to_owned()))
    }
}

/// A record that could not be understood, or only with a doubt.
#[Object]
impl ImportProblem {
    /// The statement's own id, or its position in the file; null when the record belongs to none
    /// of `statements`.
    async fn statement(&self) -> Option<&str> {
        self.statement.as_deref()
    }

    /// Position of the record within the file, from 0.
    async fn ordinal(&self) -> BigInt {
        BigInt(self.row.ordinal)
    }

    /// The source's own path of the field, or its line.
    async fn path(&self) -> &str {
        &self.row.field
    }

    /// The rule that refused or noticed it. May grow.
    async fn rule(&self) -> &str {
        &self.row.rule
    }

    /// True when the record is in quarantine and so was not imported.
    async fn quarantined(&self) -> bool {
        self.row.quarantined
    }

    /// The value as it stood, at most 200 characters; null without the scope `raw:read`, and when
    /// the person was erased. `nullReasons` says which.
    async fn original(&self, cx: &Context<'_>) -> Field<String> {
        self.opened(cx).await.transpose()
    }

    /// Why fields are null.
    async fn null_reasons(&self, cx: &Context<'_>) -> Field<Vec<NullReason>> {
        if !Access::of(cx).may(KeyScope::RawRead) {
            let reason = NullReason::new("original", NullCause::NotPermitted);
            return Some(Ok(vec![reason]));
        }
        let erased = || vec![NullReason::new("original", NullCause::Erased)];
        let opened = self.opened(cx).await;
        Some(opened.map(|value| value.map_or_else(erased, |_| Vec::new())))
    }
}
