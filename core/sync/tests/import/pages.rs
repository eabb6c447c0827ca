//! Several statements in one file: pages of one, copies, corrections, and other periods.

use super::{Entry, House, cents, statement};

const DUPLICATE: &str = "<CpyDplctInd>DUPL</CpyDplctInd>";

/// The part of a text from a first to a last mark, without the last.
fn part<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    &text[text.find(from).unwrap()..text.rfind(to).unwrap()]
}

/// One file of several statements.
fn file(statements: &[String]) -> String {
    let whole = statement(&[]);
    let (head, rest) = whole.split_at(whole.find("<Stmt>").unwrap());
    let tail = &rest[rest.find("</BkToCstmrStmt>").unwrap()..];
    format!("{head}{}{tail}", statements.concat())
}

/// A statement with an id, whatever else its head has, and two balances in cents.
fn stated(id: &str, head: &str, balances: [(&str, i64); 2], entries: &[Entry]) -> String {
    let text = statement(entries);
    let account = part(&text, "<Acct>", "<Bal>");
    let account = &account[..account.find("</Acct>").unwrap() + "</Acct>".len()];
    let balances = balances.map(|(kind, amount)| {
        format!(
            "<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy=\"EUR\">{}</Amt>\
             <CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-01-31</Dt></Dt></Bal>",
            cents(amount)
        )
    });
    let entries = part(&text, "<Ntry>", "</Stmt>");
    format!(
        "<Stmt><Id>{id}</Id>{head}{account}{}{entries}</Stmt>",
        balances.concat()
    )
}

/// One file of several statements with one id, each with a number in its head that only pages
/// have.
fn file_of(pages: &[(u32, &[Entry])]) -> String {
    let pages = pages.iter().map(|(number, entries)| {
        let pagination = format!("<StmtPgntn><PgNb>{number}</PgNb></StmtPgntn>");
        let total: i64 = entries.iter().map(|entry| entry.1).sum();
        let balances = [("OPBD", 10_000), ("CLBD", 10_000 + total)];
        stated("S1", &pagination, balances, entries)
    });
    file(&pages.collect::<Vec<_>>())
}

fn days(from: &str, to: &str) -> String {
    format!("<FrToDt><FrDtTm>{from}T00:00:00</FrDtTm><ToDtTm>{to}T23:59:59</ToDtTm></FrToDt>")
}

impl House {
    /// Imports a file; gives how many entries of each statement were new.
    async fn new_of(&self, text: &str) -> Vec<i64> {
        let report = self.import(text).await;
        for one in &report.statements {
            assert_eq!(one.new + one.known, one.entries, "{}", self.db.name());
        }
        report.statements.iter().map(|one| one.new).collect()
    }
}

fn coffee() -> [Entry; 1] {
    [Entry("2026-01-02", -250, "coffee bar", None)]
}

#[tokio::test]
async fn equal_rows_on_two_pages_of_a_statement_stay_two_and_a_page_that_is_there_twice_is_one() {
    for house in House::each().await {
        let coffee = coffee();
        let pages = file_of(&[(1, &coffee), (2, &coffee)]);
        assert_eq!(house.new_of(&pages).await, [1, 1], "{}", house.db.name());
        let before = house.live().await;
        assert_eq!(before.len(), 2);
        for _ in 0..2 {
            assert_eq!(house.new_of(&pages).await, [0, 0], "{}", house.db.name());
            assert_eq!(house.live().await, before);
        }
        // Both pages a second time in one file: the copies state what the first ones did.
        let copies = file_of(&[(1, &coffee), (2, &coffee), (1, &coffee), (2, &coffee)]);
        house.import(&copies).await;
        assert_eq!(house.live().await, before, "{}", house.db.name());
        let third = file_of(&[(1, &coffee), (2, &coffee), (3, &coffee)]);
        house.import(&third).await;
        assert_eq!(house.live().await.len(), 3, "{}", house.db.name());
    }
}

#[tokio::test]
async fn statements_of_other_periods_in_one_file_may_state_the_same_rows() {
    for house in House::each().await {
        let coffee = coffee();
        let month = file_of(&[(1, &coffee), (2, &coffee)]);
        let (first, second) = month.split_at(month.rfind("<Stmt>").unwrap());
        let day = second.replace("2026-01-31", "2026-01-02");
        let day = day.replace("<Id>S1</Id>", "<Id>S2</Id>");
        house.import(&format!("{first}{day}")).await;
        assert_eq!(house.live().await.len(), 1, "{}", house.db.name());
    }
}

#[tokio::test]
async fn a_copy_or_a_correction_in_the_same_file_adds_only_what_is_new() {
    let row = |amount, words| Entry("2026-01-02", amount, words, None);
    let rows = [row(500, "coffee"), row(700, "lunch"), row(900, "dinner")];
    let day = days("2026-01-02", "2026-01-02");
    let of = |id: &str, more: &str, entries: &[Entry]| {
        let total: i64 = entries.iter().map(|entry| entry.1).sum();
        let balances = [("OPBD", 10_000), ("CLBD", 10_000 + total)];
        stated(id, &format!("{day}{more}"), balances, entries)
    };
    for (what, second, new) in [
        ("a copy with its own id", of("B", DUPLICATE, &rows[..2]), 0),
        ("a copy with the same id", of("A", DUPLICATE, &rows[..2]), 0),
        ("a copy that does not say so", of("A", "", &rows[..2]), 0),
        ("a correction", of("A", "", &rows), 1),
        ("a correction with its own id", of("B", "", &rows), 1),
    ] {
        let text = file(&[of("A", "", &rows[..2]), second]);
        for house in House::each().await {
            let what = format!("{what} {}", house.db.name());
            assert_eq!(house.new_of(&text).await, [2, new], "{what}");
            let before = house.live().await;
            assert_eq!(house.new_of(&text).await, [0, 0], "{what}");
            assert_eq!(house.live().await, before, "{what}");
        }
    }
}

#[tokio::test]
async fn pages_without_numbers_are_those_of_which_each_begins_where_the_last_one_ends() {
    let coffee = coffee();
    let (one, other) = (
        days("2026-01-01", "2026-01-15"),
        days("2026-01-01", "2026-01-31"),
    );
    let of = |id: &str, days: &str, from: (&'static str, i64), to: (&'static str, i64)| {
        stated(id, days, [from, to], &coffee)
    };
    let booked = of("A", &one, ("OPBD", 10_000), ("CLBD", 9_750));
    let between = of("A", &one, ("OPBD", 10_000), ("ITBD", 9_750));
    let last = ("CLBD", 9_500);
    for (what, first, second, new) in [
        (
            "same id",
            &booked,
            of("A", &other, ("OPBD", 9_750), last),
            1,
        ),
        (
            "same days",
            &booked,
            of("B", &one, ("PRCD", 9_750), last),
            1,
        ),
        (
            "neither",
            &booked,
            of("B", &other, ("OPBD", 9_750), last),
            0,
        ),
        (
            "elsewhere",
            &booked,
            of("A", &one, ("OPBD", 9_751), last),
            0,
        ),
        (
            "intermediary",
            &between,
            of("B", &other, ("ITBD", 9_750), last),
            1,
        ),
    ] {
        for house in House::each().await {
            let what = format!("{what} {}", house.db.name());
            let text = file(&[first.clone(), second.clone()]);
            assert_eq!(house.new_of(&text).await, [1, new], "{what}");
            let before = house.live().await;
            let twice = file(&[first.clone(), second.clone(), first.clone(), second.clone()]);
            for text in [text, twice] {
                let new: i64 = house.new_of(&text).await.into_iter().sum();
                assert_eq!(new, 0, "{what}");
                assert_eq!(house.live().await, before, "{what}");
            }
        }
    }
}
