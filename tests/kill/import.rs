//! An import that is killed and started again.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::books::Books;
use crate::points::{self, Seen, copy, each, kill_after};
use crate::program::{Home, homes};

/// Rows of the statement: more than one batch of the import's thousand.
pub(crate) const ENTRIES: usize = 1_300;
/// Equal rows stand in groups of this size; some of them cross the border of a batch.
const EQUAL: usize = 40;
/// Imports at once.
const WORKERS: usize = 2;

/// A statement that closes: every other group has references, the rest of the rows of a group
/// are equal to the last letter.
pub(crate) fn statement() -> String {
    let mut text = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<GrpHdr><MsgId>KILL</MsgId><CreDtTm>2026-02-01T08:00:00Z</CreDtTm></GrpHdr>
<Stmt><Id>KILL-1</Id><CreDtTm>2026-02-01T08:00:00Z</CreDtTm>
<Acct><Id><Othr><Id>000111222</Id></Othr></Id><Ccy>EUR</Ccy></Acct>
{}{}"#,
        balance("OPBD", 0, "2026-01-01"),
        balance("CLBD", ENTRIES * 2, "2026-01-31"),
    );
    for number in 0..ENTRIES {
        let group = number / EQUAL;
        let (day, note) = (group % 28 + 1, group % 5);
        let reference = if group.is_multiple_of(2) {
            String::new()
        } else {
            format!("<AcctSvcrRef>R{number}</AcctSvcrRef>")
        };
        write!(
            text,
            r#"<Ntry><Amt Ccy="EUR">2.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>2026-01-{day:02}</Dt></BookgDt><ValDt><Dt>2026-01-{day:02}</Dt></ValDt>{reference}
<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>
<NtryDtls><TxDtls><RmtInf><Ustrd>bread {note}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
"#
        )
        .expect("a String takes every write");
    }
    text.push_str("</Stmt></BkToCstmrStmt></Document>\n");
    text
}

fn balance(kind: &str, amount: usize, date: &str) -> String {
    format!(
        r#"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>
<Amt Ccy="EUR">{amount}.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{date}</Dt></Dt></Bal>
"#
    )
}

fn arguments(file: &Path) -> [String; 6] {
    let file = file.display().to_string();
    [
        "import",
        &file,
        "--end-user",
        "user-1",
        "--create",
        "--json",
    ]
    .map(str::to_owned)
}

/// Imports the file to its end.
fn import(home: &Home, file: &Path) -> Result<Books, String> {
    let arguments = arguments(file);
    let ran = home.run(&arguments.each_ref().map(String::as_str));
    if ran.code != 0 {
        return Err(format!("exit code {}: {}{}", ran.code, ran.out, ran.err));
    }
    let line = ran.line();
    if line["closes"] != true || line["entries"] != ENTRIES {
        return Err(format!("the statement does not close: {line}"));
    }
    Books::read(home)
}

/// An installation with a tenant and nothing else, and the undisturbed books.
struct Prepared {
    empty: Home,
    file: PathBuf,
    whole: Books,
    took: Duration,
}

fn prepare(empty: Home) -> Prepared {
    empty.tenant("One");
    let file = empty.folder.join("statement.xml");
    std::fs::write(&file, statement()).expect("the temporary folder takes a file");
    let home = copy(&empty);
    let start = Instant::now();
    let arguments = arguments(&file);
    home.run(&arguments.each_ref().map(String::as_str)).ended(0);
    let took = start.elapsed();
    let whole = Books::read(&home).expect("an undisturbed import is exported");
    assert_eq!(whole.len(), ENTRIES, "{}", home.engine());
    Prepared {
        empty,
        file,
        whole,
        took,
    }
}

#[test]
fn an_import_that_is_killed_anywhere_and_run_again_neither_loses_nor_doubles_a_row() {
    let (count, seed) = points::asked();
    for home in homes() {
        let prepared = prepare(home);
        let delays = points::delays(count, seed, prepared.took);
        let outcome = each(&delays, WORKERS, |delay| {
            let home = copy(&prepared.empty);
            let arguments = arguments(&prepared.file);
            let first = home.command(&arguments.each_ref().map(String::as_str));
            let killed = kill_after(first, delay);
            import(&home, &prepared.file)?.same_as(&prepared.whole)?;
            Ok(Seen::whole(killed))
        });
        let engine = prepared.empty.engine();
        outcome.tell("import", engine, (seed, prepared.took));
    }
}
