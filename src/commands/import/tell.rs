//! What an import did, told to a person or a program.

use fondaco_model::ids::TenantId;
use fondaco_sync::import::{
    self, ImportReport, PROBLEMS_MAX, Problem, Problems, StatementReport, problems,
};
use fondaco_vault::Vault;
use serde::Serialize;

use crate::cli::Cx;
use crate::failure::{Exit, Failure, Outcome};

/// Problems of one statement that are told; the number of the others stands beside.
const PROBLEMS_TOLD_MAX: u32 = 20;

/// Tells about the import of one file.
pub(super) struct Teller<'a> {
    pub(super) cx: &'a Cx,
    pub(super) vault: &'a Vault,
    pub(super) tenant: TenantId,
    /// The file as it was given.
    pub(super) file: &'a str,
}

/// One line of the output.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    statement: &'a StatementReport,
    problems: &'a [Problem],
    #[serde(rename = "moreProblems")]
    more_problems: i64,
}

impl Teller<'_> {
    /// Statements on standard output; for people, problems below each on standard error.
    ///
    /// # Errors
    /// When a problem's original does not open, or nobody reads the output.
    pub(super) async fn tell(&self, report: &ImportReport) -> Outcome<()> {
        for statement in &report.statements {
            let asked = (self.tenant, report.raw);
            let found = problems(self.vault, asked, statement.records, PROBLEMS_TOLD_MAX);
            let found = found.await.map_err(|error| self.failed(&error))?;
            let line = Line {
                statement,
                problems: &found.first,
                more_problems: found.more,
            };
            self.cx.out.result(&line, || sentence(statement))?;
            self.list(&found);
        }
        if report.unplaced > 0 {
            self.unplaced(report).await?;
        }
        if let Some(fault) = &report.fault {
            let message = format!("{}: the file breaks off: {fault}", self.file);
            Failure::new(Exit::Partial, message)
                .hint("what came before that place was imported")
                .tell(self.cx.out.is_json());
        }
        Ok(())
    }

    /// Programs read the problems in the line of the statement.
    fn list(&self, found: &Problems) {
        if self.cx.out.is_json() {
            return;
        }
        for problem in &found.first {
            eprintln!("  {}", told(problem));
        }
        if found.more > 0 {
            eprintln!("  … and {} more", found.more);
        }
    }

    /// Records of no statement that could be read, each with the reason where one is kept.
    async fn unplaced(&self, report: &ImportReport) -> Outcome<()> {
        let asked = (self.tenant, report.raw);
        let all = problems(self.vault, asked, (0, i64::MAX), PROBLEMS_MAX);
        let all = all.await.map_err(|error| self.failed(&error))?;
        let placed = |ordinal| {
            let mut ranges = report.statements.iter().map(|one| one.records);
            ranges.any(|(first, last)| (first..=last).contains(&ordinal))
        };
        let reasons = all.first.iter().filter(|one| !placed(one.ordinal));
        let reasons: Vec<String> = reasons.take(1).map(told).collect();
        let message = format!(
            "{}: {} records belong to no statement that could be read; {}",
            self.file,
            report.unplaced,
            reasons.concat()
        );
        Failure::new(Exit::Partial, message.trim_end_matches([' ', ';']))
            .hint("`fondaco map FILE` shows them")
            .tell(self.cx.out.is_json());
        Ok(())
    }

    fn failed(&self, error: &import::ImportError) -> Failure {
        Failure::failed(format!("{}: {error}", self.file))
    }
}

/// Quoted as a program would, so that a file cannot write to a terminal.
fn told(problem: &Problem) -> String {
    let what = if problem.quarantined {
        "quarantined"
    } else {
        "remark"
    };
    let original = match &problem.original {
        Some(original) => format!("{original:?}"),
        None => "(erased)".to_owned(),
    };
    let (path, rule) = (problem.path.escape_debug(), &problem.rule);
    format!(
        "{what}: record {}: {path} {rule} {original}",
        problem.ordinal
    )
}

fn sentence(one: &StatementReport) -> String {
    let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
    let verdict = match one.closes {
        Some(true) => "closes",
        Some(false) => "DOES NOT CLOSE",
        None => "no closing balance to compare",
    };
    let mut text = format!(
        "{} statement {}: {} entries, {} new, {} known, {} quarantined; {} + {} - {} = {} {}, {}",
        one.file,
        one.statement.escape_debug(),
        one.entries,
        one.new,
        one.known,
        one.quarantined,
        or(&one.opening),
        or(&one.credits),
        or(&one.debits),
        or(&one.closing),
        one.currency.as_deref().unwrap_or_default(),
        verdict
    );
    if let Some(problem) = &one.problem {
        text.push_str("; nothing imported: ");
        text.push_str(problem);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_record_path_rule_and_original_and_cannot_write_to_a_terminal() {
        let mut problem = Problem {
            ordinal: 3,
            path: "Ntry/Amt".to_owned(),
            rule: "amount.not_decimal".to_owned(),
            original: Some("1500,00\u{1b}[2J".to_owned()),
            quarantined: true,
        };
        let expected = "quarantined: record 3: Ntry/Amt amount.not_decimal \"1500,00\\u{1b}[2J\"";
        assert_eq!(told(&problem), expected);
        problem.quarantined = false;
        problem.original = None;
        let expected = "remark: record 3: Ntry/Amt amount.not_decimal (erased)";
        assert_eq!(told(&problem), expected);
    }
}
