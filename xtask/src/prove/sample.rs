//! A bank statement of any length whose every free text carries a given word.

use std::fmt::Write as _;

const DAYS: usize = 28;
/// The account of everybody who pays: an identifier that stands in no log and no database page.
pub(super) const PAYER: &str = "DE02120300000000202051";

/// How the amounts of a statement are spread.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Amounts {
    /// As those of a busy account: prices repeat, days have thousands of them.
    Busy,
    /// No two entries have the same.
    Distinct,
    /// All entries have the same.
    Equal,
}

impl Amounts {
    fn cents(self, number: usize) -> usize {
        match self {
            Self::Busy => 100 + number * 7_919 % 50_000,
            Self::Distinct => 100 + number,
            Self::Equal => 250,
        }
    }
}

/// A camt.053.001.08 statement of `entries` credits that closes.
pub(super) fn statement(word: &str, entries: usize) -> String {
    statement_with(word, entries, Amounts::Busy)
}

/// As [`statement`], of at least so many bytes.
pub(super) fn statement_of_bytes(word: &str, bytes: usize, amounts: Amounts) -> String {
    // The first entries are the shortest ones.
    let (few, none) = (statement_with(word, 100, amounts), statement(word, 0));
    let entry = (few.len() - none.len()) / 100;
    statement_with(word, bytes.div_ceil(entry.max(1)), amounts)
}

fn statement_with(word: &str, entries: usize, amounts: Amounts) -> String {
    let mut text = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<GrpHdr><MsgId>{word}</MsgId><CreDtTm>2026-02-01T08:00:00Z</CreDtTm></GrpHdr>
<Stmt><Id>{word}-1</Id><CreDtTm>2026-02-01T08:00:00Z</CreDtTm>
<Acct><Id><Othr><Id>{word}-account</Id></Othr></Id><Ccy>EUR</Ccy><Nm>{word} account</Nm></Acct>
{}{}"#,
        balance("OPBD", 0, "2026-01-01"),
        balance(
            "CLBD",
            (0..entries).map(|number| amounts.cents(number)).sum(),
            "2026-01-31"
        ),
    );
    for number in 0..entries {
        entry(&mut text, word, (number, amounts.cents(number)));
    }
    text.push_str("</Stmt></BkToCstmrStmt></Document>\n");
    text
}

fn euros(cents: usize) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn balance(kind: &str, cents: usize, date: &str) -> String {
    let amount = euros(cents);
    format!(
        r#"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>
<Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{date}</Dt></Dt></Bal>
"#
    )
}

fn entry(text: &mut String, word: &str, (number, cents): (usize, usize)) {
    let (day, amount) = (number % DAYS + 1, euros(cents));
    write!(
        text,
        r#"<Ntry><NtryRef>{word}-{number}</NtryRef><Amt Ccy="EUR">{amount}</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>2026-01-{day:02}</Dt></BookgDt><ValDt><Dt>2026-01-{day:02}</Dt></ValDt>
<AcctSvcrRef>{word}-{number}</AcctSvcrRef><BkTxCd><Domn><Cd>PMNT</Cd>
<Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>
<NtryDtls><TxDtls><RltdPties><Dbtr><Pty><Nm>{word} payer</Nm></Pty></Dbtr>
<DbtrAcct><Id><IBAN>{PAYER}</IBAN></Id></DbtrAcct></RltdPties>
<RmtInf><Ustrd>{word} {number}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
"#
    )
    .expect("a String takes every write");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_stands_in_the_statement_and_the_balance_counts_them() {
        let text = statement("wren", 30);
        assert_eq!(text.matches("<Ntry>").count(), 30);
        let sum = euros((0..30).map(|number| Amounts::Busy.cents(number)).sum());
        assert!(
            text.contains(&format!("<Amt Ccy=\"EUR\">{sum}</Amt>")),
            "{text}"
        );
        assert!(
            text.contains("2026-01-28") && !text.contains("2026-01-29"),
            "{text}"
        );
    }

    #[test]
    fn a_statement_has_the_bytes_and_the_amounts_that_are_asked_for() {
        for (amounts, kinds) in [(Amounts::Equal, 1), (Amounts::Distinct, usize::MAX)] {
            let text = statement_of_bytes("wren", 100_000, amounts);
            assert!((100_000..120_000).contains(&text.len()), "{}", text.len());
            let stated = text.split("<Ntry>").skip(1).filter_map(|entry| {
                let (_, rest) = entry.split_once("EUR\">")?;
                rest.split_once('<').map(|(amount, _)| amount)
            });
            let all: Vec<&str> = stated.collect();
            let different: std::collections::BTreeSet<&&str> = all.iter().collect();
            assert_eq!(different.len(), kinds.min(all.len()));
        }
    }
}
