//! Which statements of a file are pages of one, and which stored rows those have stated so far.
//!
//! Two statements of other periods may state the same rows, so that each begins without claims.
//! The pages of one statement never do: an equal row on another page is another row. A page that
//! stands in the file a second time belongs to a second copy of its statement.

use std::collections::{BTreeMap, HashMap};

use fondaco_model::ids::AccountSourceId;
use fondaco_model::time::Date;

use super::stage::Statement;
use crate::ingest::{Claims, Wrote};

/// What the pages of one statement share: the account's source, the days, and which copy it is.
type Key = (AccountSourceId, Option<Date>, Option<Date>, usize);

type Looks = (u64, String, i64, Option<Date>);

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
        let mut copies: HashMap<(AccountSourceId, Looks), usize> = HashMap::new();
        let mut found = Vec::new();
        for (number, statement) in statements {
            let (Some(account), Some(day)) = (statement.found, statement.first_day) else {
                continue;
            };
            let (from, to) = days(statement);
            let shown = (account.source_id, looks(statement));
            let copy = copies.entry(shown).or_default();
            found.push((*number, (account.source_id, from, to, *copy), day));
            *copy += 1;
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

/// The days that a statement says it covers, else those of its balances.
fn days(statement: &Statement) -> (Option<Date>, Option<Date>) {
    let balances = statement.draft.balances.iter();
    let dates = balances.filter_map(|balance| balance.as_of_date);
    let (first, last) = (dates.clone().min(), dates.max());
    (statement.draft.from.or(first), statement.draft.to.or(last))
}

/// What tells two pages of one statement apart: page number, balances, entries. Equal ones are
/// one page that stands in the file twice.
fn looks(statement: &Statement) -> Looks {
    let (sums, entries) = (format!("{:?}", statement.sums), statement.entries);
    (statement.head, sums, entries, statement.first_day)
}
