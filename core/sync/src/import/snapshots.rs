//! Which statements of a file are pages of one, and which stored rows those have stated so far.
//!
//! Two statements may state the same rows: a copy, a corrected statement, a month and its days.
//! So each begins without claims. Only the pages of one statement never state a row twice: an
//! equal row on another page is another row. That two statements are pages of one has to be
//! proven, by their page numbers or by the balance at which one ends and the next begins.

use std::collections::{BTreeMap, HashMap, HashSet};

use fondaco_connectors::registry::verdict::verdict;
use fondaco_model::Money;
use fondaco_model::draft::BalanceDraft;
use fondaco_model::ids::AccountSourceId;
use fondaco_model::time::Date;
use fondaco_model::v1::BalanceType;

use super::stage::Statement;
use crate::ingest::{Claims, Wrote};

/// Statements of one account, the latest ones, among which those are searched that a page may
/// belong to.
const LOOK_BACK_MAX: usize = 1_000;

/// A statement with all its pages: the account's source, and which of its statements it is.
type Key = (AccountSourceId, usize);

/// A statement of the file that has rows to resolve.
struct Page {
    key: Key,
    /// The first day that a later page of its statement states; none behind the last page.
    later: Option<Date>,
}

/// The pages of a file, and the claims of the statements that are under way.
pub(super) struct Snapshots {
    pages: HashMap<i32, Page>,
    claims: HashMap<Key, Claims>,
    current: Option<i32>,
}

impl Snapshots {
    pub(super) fn new(statements: &BTreeMap<i32, Statement>) -> Self {
        let mut wholes: HashMap<AccountSourceId, Vec<Whole<'_>>> = HashMap::new();
        let mut found = Vec::new();
        for (number, statement) in statements {
            let (Some(account), Some(day)) = (statement.found, statement.first_day) else {
                continue;
            };
            let of_account = wholes.entry(account.source_id).or_default();
            let at = place(of_account, &Head::of(statement));
            found.push((*number, (account.source_id, at), day));
        }
        let mut later: HashMap<Key, Date> = HashMap::new();
        let mut pages = HashMap::new();
        for (number, key, day) in found.into_iter().rev() {
            let before = later.get(&key).copied();
            later.insert(key, before.map_or(day, |before| before.min(day)));
            pages.insert(number, Page { key, later: before });
        }
        Self {
            pages,
            claims: HashMap::new(),
            current: None,
        }
    }

    /// What a page finds claimed that is about to state rows from a day on; none for a page that
    /// has no rows.
    pub(super) fn begin(&mut self, number: i32, day: Date) -> Option<&Claims> {
        let before = self.current.replace(number).filter(|page| *page != number);
        if let Some(ended) = before.and_then(|page| self.pages.get(&page))
            && ended.later.is_none()
        {
            self.claims.remove(&ended.key);
        }
        let page = self.pages.get(&number)?;
        let claims = self.claims.entry(page.key).or_default();
        // Rows of a page come in the order of days; the next page may go back.
        claims.forget_before(page.later.map_or(day, |later| later.min(day)));
        Some(claims)
    }

    /// Keeps what a batch of a page has claimed.
    pub(super) fn keep(&mut self, number: i32, wrote: Wrote) {
        if let Some(page) = self.pages.get(&number) {
            self.claims.entry(page.key).or_default().keep(wrote);
        }
    }
}

/// The balance at which a page begins or ends.
#[derive(Clone, Copy)]
struct Edge {
    amount: Money,
    /// True for an intermediary balance, which only a page has there.
    between: bool,
}

/// What tells of a page which statement it belongs to.
#[derive(Clone, Copy)]
struct Head<'a> {
    id: Option<&'a str>,
    period: Option<(Date, Date)>,
    page: Option<u32>,
    opens: Option<Edge>,
    closes: Option<Edge>,
}

impl<'a> Head<'a> {
    fn of(statement: &'a Statement) -> Self {
        let (opens, closes) = edges(statement);
        Self {
            id: statement.draft.statement_id.as_deref(),
            period: period(statement),
            page: statement.draft.page,
            opens,
            closes,
        }
    }
}

/// The pages of one statement that were found so far.
#[derive(Default)]
struct Whole<'a> {
    pages: usize,
    ids: HashSet<&'a str>,
    periods: HashSet<(Date, Date)>,
    numbers: HashSet<u32>,
    /// Where its pages begin: at booked, and at intermediary balances.
    opened: HashSet<Money>,
    opened_between: HashSet<Money>,
    /// Where its last page ends.
    closes: Option<Edge>,
}

impl<'a> Whole<'a> {
    /// How surely a page is the statement's: facts that agree, pages that it has; none when
    /// nothing proves it.
    fn likeness(&self, head: &Head<'_>) -> Option<(u8, usize)> {
        if head.page.is_some_and(|page| self.numbers.contains(&page)) {
            return None;
        }
        let id = head.id.is_some_and(|id| self.ids.contains(id));
        let days = head.period.is_some_and(|days| self.periods.contains(&days));
        let numbered = head.page.is_some() && !self.numbers.is_empty();
        let alike = id || days;
        let proven = (numbered && alike) || self.leads_to(head, alike);
        proven.then_some((u8::from(id) + u8::from(days), self.pages))
    }

    /// True when a page begins at the balance where the last one ends. One that begins where an
    /// earlier page did may as well be a copy or a correction of that one.
    fn leads_to(&self, head: &Head<'_>, alike: bool) -> bool {
        let Some((end, begin)) = self.closes.zip(head.opens) else {
            return false;
        };
        let between = end.between && begin.between;
        let again = self.opened_between.contains(&begin.amount)
            || (!between && self.opened.contains(&begin.amount));
        end.amount == begin.amount && (between || alike) && !again
    }

    fn add(&mut self, head: &Head<'a>) {
        self.pages += 1;
        self.ids.extend(head.id);
        self.periods.extend(head.period);
        self.numbers.extend(head.page);
        if let Some(edge) = head.opens {
            let opened = if edge.between {
                &mut self.opened_between
            } else {
                &mut self.opened
            };
            opened.insert(edge.amount);
        }
        self.closes = head.closes;
    }
}

/// The statement that a page belongs to, among those of its account; a new one when nothing
/// proves another. Of several that are equally sure, the last: copies follow one another.
fn place<'a>(wholes: &mut Vec<Whole<'a>>, head: &Head<'a>) -> usize {
    let first = wholes.len().saturating_sub(LOOK_BACK_MAX);
    let recent = wholes.iter().enumerate().skip(first);
    let surest = recent.filter_map(|(at, whole)| Some((whole.likeness(head)?, at)));
    let at = surest.max().map_or(wholes.len(), |(_, at)| at);
    if at == wholes.len() {
        wholes.push(Whole::default());
    }
    wholes[at].add(head);
    at
}

/// The days that a statement says it covers, else those of its balances.
fn period(statement: &Statement) -> Option<(Date, Date)> {
    let balances = statement.draft.balances.iter();
    let dates = balances.filter_map(|balance| balance.as_of_date);
    let (first, last) = (dates.clone().min(), dates.max());
    let (from, to) = (statement.draft.from, statement.draft.to);
    from.or(first).zip(to.or(last))
}

/// The balances at which a statement begins and ends: the booked ones, else an intermediary one
/// when something else stands at the other end.
fn edges(statement: &Statement) -> (Option<Edge>, Option<Edge>) {
    let stated = verdict(&statement.draft, &statement.sums);
    let balances = statement.draft.balances.iter();
    let between = balances.filter(|one| one.balance_type == BalanceType::InterimBooked);
    let day = |one: &&BalanceDraft| one.as_of_date;
    let first = between.clone().min_by_key(day);
    let last = between.clone().max_by_key(day);
    let several = between.count() > 1;
    let first = first.filter(|_| several || stated.closing.is_some());
    let last = last.filter(|_| several || stated.opening.is_some());
    (edge(stated.opening, first), edge(stated.closing, last))
}

fn edge(booked: Option<Money>, between: Option<&BalanceDraft>) -> Option<Edge> {
    let of = |amount, between| Edge { amount, between };
    let booked = booked.map(|amount| of(amount, false));
    booked.or_else(|| between.map(|balance| of(balance.amount, true)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fondaco_model::Currency;

    /// A page in short: id, last day of January that it covers, page number, balances.
    #[derive(Clone, Copy)]
    struct Short(&'static str, u8, u32, &'static str, &'static str);

    /// An amount, `~` before an intermediary one; none when it is empty.
    fn edge_of(text: &str) -> Option<Edge> {
        let euro = Currency::from_code("EUR").expect("the euro is a currency");
        let amount = Money::parse(text.trim_start_matches('~'), euro).ok()?;
        let between = text.starts_with('~');
        Some(Edge { amount, between })
    }

    /// The statement that each page is found to belong to.
    fn places(pages: &[Short]) -> Vec<usize> {
        let mut wholes = Vec::new();
        let mut found = Vec::new();
        for Short(id, to, page, opens, closes) in pages {
            let day = |day: u8| format!("2026-01-{day:02}").parse::<Date>().ok();
            let head = Head {
                id: Some(*id).filter(|id| !id.is_empty()),
                period: day(1).zip(day(*to)),
                page: Some(*page).filter(|page| *page > 0),
                opens: edge_of(opens),
                closes: edge_of(closes),
            };
            found.push(place(&mut wholes, &head));
        }
        found
    }

    fn numbered(id: &'static str, to: u8, page: u32) -> Short {
        Short(id, to, page, "", "")
    }

    fn balanced(id: &'static str, to: u8, opens: &'static str, closes: &'static str) -> Short {
        Short(id, to, 0, opens, closes)
    }

    #[test]
    fn pages_have_other_numbers_and_the_same_id_or_period() {
        let pair = |one, other| places(&[one, other]);
        assert_eq!(pair(numbered("A", 5, 1), numbered("A", 6, 2)), [0, 0]);
        assert_eq!(pair(numbered("A", 5, 1), numbered("B", 5, 2)), [0, 0]);
        assert_eq!(pair(numbered("A", 5, 1), numbered("B", 6, 2)), [0, 1]);
        assert_eq!(pair(numbered("A", 5, 1), numbered("A", 5, 1)), [0, 1]);
        assert_eq!(pair(numbered("A", 5, 1), numbered("A", 5, 0)), [0, 1]);
        assert_eq!(pair(numbered("A", 5, 0), numbered("A", 5, 0)), [0, 1]);
        // Neither an id nor a period: nothing is the same.
        assert_eq!(pair(numbered("", 0, 1), numbered("", 0, 2)), [0, 1]);
    }

    #[test]
    fn a_page_that_stands_there_again_belongs_to_a_copy() {
        let of = |pages: &[u32]| {
            let pages: Vec<_> = pages.iter().map(|page| numbered("A", 5, *page)).collect();
            places(&pages)
        };
        assert_eq!(of(&[1, 2, 1, 2]), [0, 0, 1, 1]);
        assert_eq!(of(&[1, 1, 2, 2]), [0, 1, 1, 0]);
        assert_eq!(of(&[1, 2, 2, 3]), [0, 0, 1, 0]);
        assert_eq!(
            of(&[1, 1, 2]),
            [0, 1, 1],
            "a correction that needs a page more"
        );
        let renamed = [
            numbered("A", 5, 1),
            numbered("B", 5, 1),
            numbered("B", 5, 2),
        ];
        assert_eq!(places(&renamed), [0, 1, 1]);
    }

    #[test]
    fn a_page_begins_where_the_page_before_it_ends() {
        let pair = |one, other| places(&[one, other]);
        let first = balanced("A", 5, "100", "112");
        assert_eq!(pair(first, balanced("A", 6, "112", "120")), [0, 0]);
        assert_eq!(pair(first, balanced("B", 5, "112", "120")), [0, 0]);
        assert_eq!(pair(first, balanced("A", 5, "113", "120")), [0, 1]);
        // The next day begins there as well.
        assert_eq!(pair(first, balanced("B", 6, "112", "120")), [0, 1]);
        assert_eq!(pair(first, balanced("A", 5, "~112", "120")), [0, 0]);
        let first = balanced("A", 5, "100", "~112");
        assert_eq!(pair(first, balanced("B", 6, "~112", "120")), [0, 0]);
        assert_eq!(pair(first, balanced("B", 6, "112", "120")), [0, 1]);
    }

    #[test]
    fn copies_and_corrections_of_a_page_do_not_continue_it() {
        let nothing = balanced("A", 5, "100", "100");
        assert_eq!(
            places(&[nothing, nothing]),
            [0, 1],
            "its rows add up to nothing"
        );
        let first = balanced("A", 5, "100", "112");
        let back = balanced("A", 5, "112", "100");
        assert_eq!(places(&[first, back, first, back]), [0, 0, 1, 1]);
        let first = balanced("A", 5, "100", "~100");
        let last = balanced("B", 6, "~100", "130");
        assert_eq!(places(&[first, last, first, last]), [0, 0, 1, 1]);
        let middle = balanced("A", 5, "~100", "~100");
        assert_eq!(places(&[first, middle, middle]), [0, 0, 1]);
        let numbered = Short("A", 5, 1, "112", "120");
        assert_eq!(places(&[Short("A", 5, 1, "100", "112"), numbered]), [0, 1]);
    }
}
