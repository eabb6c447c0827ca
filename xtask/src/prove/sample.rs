//! A bank statement of any length whose every free text carries a given word.

use std::fmt::Write as _;

const DAYS: usize = 28;
/// The account of everybody who pays: an identifier that stands in no log and no database page.
pub(super) const PAYER: &str = "DE02120300000000202051";

/// A camt.053.001.08 statement of `entries` credits that closes.
///
/// Amounts are spread as those of a busy account are: prices repeat, days have thousands of them.
pub(super) fn statement(word: &str, entries: usize) -> String {
    let mut text = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<GrpHdr><MsgId>{word}</MsgId><CreDtTm>2026-02-01T08:00:00Z</CreDtTm></GrpHdr>
<Stmt><Id>{word}-1</Id><CreDtTm>2026-02-01T08:00:00Z</CreDtTm>
<Acct><Id><Othr><Id>{word}-account</Id></Othr></Id><Ccy>EUR</Ccy><Nm>{word} account</Nm></Acct>
{}{}"#,
        balance("OPBD", 0, "2026-01-01"),
        balance("CLBD", (0..entries).map(cents).sum(), "2026-01-31"),
    );
    for number in 0..entries {
        entry(&mut text, word, number);
    }
    text.push_str("</Stmt></BkToCstmrStmt></Document>\n");
    text
}

/// The amount of an entry: 1.00 to 500.99 EUR.
fn cents(number: usize) -> usize {
    100 + number * 7_919 % 50_000
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

fn entry(text: &mut String, word: &str, number: usize) {
    let (day, amount) = (number % DAYS + 1, euros(cents(number)));
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
        let sum = euros((0..30).map(cents).sum());
        assert!(
            text.contains(&format!("<Amt Ccy=\"EUR\">{sum}</Amt>")),
            "{text}"
        );
        assert!(
            text.contains("2026-01-28") && !text.contains("2026-01-29"),
            "{text}"
        );
    }
}
