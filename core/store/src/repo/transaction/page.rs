//! Keyset pages of transactions: filters, orders, forwards and backwards.

use fondaco_model::ids::{AccountId, TransactionId};
use fondaco_model::money::{Currency, LEXEME_MAX, SCALE_MAX};
use fondaco_model::time::Date;
use fondaco_model::v1::TransactionStatus;
use sqlx::{Encode, QueryBuilder, Type};
use uuid::Uuid;

use super::TransactionRow;
use super::read::COLUMNS;
use crate::engine::Session;
use crate::engine::bulk::InList;
use crate::engine::row::FromRecord;
use crate::error::Result;
use crate::repo::Scope;

/// Most accounts whose pages one call answers.
pub(super) const ACCOUNTS_MAX: usize = 250;

/// Most rows of one page.
pub(super) const PAGE_MAX: u32 = 1_000;

/// What orders a list of transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// The sort date, then the id.
    Posted,
    /// The sequence number of the row's making.
    Created,
    /// The sequence number of the row's last change.
    Changed,
}

impl Order {
    fn column(self) -> &'static str {
        match self {
            Self::Posted => "t.sort_date",
            Self::Created => "t.created_seq",
            Self::Changed => "t.changed_seq",
        }
    }
}

/// The key of a row in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Keyset {
    /// A sort date.
    Date(Date),
    /// A sequence number.
    Seq(i64),
}

/// A place in an order: the key and the id of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// The key.
    pub key: Keyset,
    /// The row.
    pub id: TransactionId,
}

impl Position {
    /// The place of a row in an order.
    pub fn of(row: &TransactionRow, order: Order) -> Self {
        let key = match order {
            Order::Posted => Keyset::Date(row.sort_date),
            Order::Created => Keyset::Seq(row.created_seq),
            Order::Changed => Keyset::Seq(row.changed_seq),
        };
        Self { key, id: row.id }
    }
}

/// A bound of an amount range: a plain decimal number without a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AmountBound {
    units: i128,
    scale: u8,
}

impl AmountBound {
    /// Reads a plain decimal text; none for anything else, or for more than 18 fraction digits.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > LEXEME_MAX {
            return None;
        }
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !plain(whole) || !plain(fraction) || digits.ends_with('.') {
            return None;
        }
        let scale = u8::try_from(fraction.len()).ok().filter(|scale| *scale <= SCALE_MAX)?;
        let units: i128 = format!("{whole}{fraction}").parse().ok()?;
        Some(Self { units: if negative { -units } else { units }, scale })
    }

    /// The smallest units at a scale that are not below the bound, within 64 bits.
    fn at_least(self, scale: u8) -> i64 {
        self.at(scale, |units, divisor| {
            units.div_euclid(divisor) + i128::from(units.rem_euclid(divisor) != 0)
        })
    }

    /// The largest units at a scale that are not above the bound, within 64 bits.
    fn at_most(self, scale: u8) -> i64 {
        self.at(scale, i128::div_euclid)
    }

    fn at(self, scale: u8, divide: impl Fn(i128, i128) -> i128) -> i64 {
        let units = if scale >= self.scale {
            self.units.saturating_mul(10_i128.pow(u32::from(scale - self.scale)))
        } else {
            divide(self.units, 10_i128.pow(u32::from(self.scale - scale)))
        };
        i64::try_from(units).unwrap_or(if units < 0 { i64::MIN } else { i64::MAX })
    }
}

/// Which transactions a list holds; all conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Only these accounts; at most [`ACCOUNTS_MAX`].
    pub accounts: Option<Vec<AccountId>>,
    /// Sort date not before.
    pub from: Option<Date>,
    /// Sort date not after.
    pub to: Option<Date>,
    /// Amount not below, compared as a number.
    pub amount_min: Option<AmountBound>,
    /// Amount not above, compared as a number.
    pub amount_max: Option<AmountBound>,
    /// Only this currency.
    pub currency: Option<Currency>,
    /// Only these statuses.
    pub statuses: Vec<TransactionStatus>,
    /// Folded words, each of which must occur in the search text.
    pub words: Vec<String>,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PageQuery {
    /// Which transactions.
    pub filter: Filter,
    /// In which order.
    pub order: Order,
    /// Largest key first.
    pub descending: bool,
    /// Only rows behind this place.
    pub after: Option<Position>,
    /// Only rows before this place.
    pub before: Option<Position>,
    /// Number of rows, 1 to [`PAGE_MAX`].
    pub limit: u32,
    /// True for the last rows of the list instead of the first.
    pub backward: bool,
}

impl PageQuery {
    /// The first rows of everything, newest sort date first.
    pub fn newest(limit: u32) -> Self {
        Self {
            filter: Filter::default(),
            order: Order::Posted,
            descending: true,
            after: None,
            before: None,
            limit,
            backward: false,
        }
    }

    /// One more than a page, to know whether there is another.
    fn rows_asked(&self) -> i64 {
        i64::from(self.limit.clamp(1, PAGE_MAX)) + 1
    }
}

/// Rows of a page in their order, and whether more follow in the direction of reading.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// True when more rows follow in the direction of reading.
    pub more: bool,
}

impl<T> Page<T> {
    fn cut(mut rows: Vec<T>, query: &PageQuery) -> Self {
        let limit = usize::try_from(query.rows_asked() - 1).unwrap_or(0);
        let more = rows.len() > limit;
        rows.truncate(limit);
        if query.backward {
            rows.reverse();
        }
        Self { rows, more }
    }
}

/// One page of live transactions, as far as the scope sees them. One statement.
pub async fn page(
    session: &mut Session,
    scope: Scope,
    asked: &PageQuery,
) -> Result<Page<TransactionRow>> {
    let tenant = session.tenant().0;
    let rows: Vec<TransactionRow> = on!(session, |conn, D| {
        let mut query = QueryBuilder::<D>::new("select ");
        query.push(COLUMNS).push(" from (select t.* from \"transaction\" t where t.tenant_id = ");
        query.push_bind(tenant);
        scope.push::<D>(&mut query, "t.end_user_id");
        conditions::<D>(&mut query, asked, true);
        ordered::<D>(&mut query, asked);
        query.push(" limit ").push_bind(asked.rows_asked());
        query.push(
            ") t join bank_transaction b
            on b.tenant_id = t.tenant_id and b.transaction_id = t.id",
        );
        ordered::<D>(&mut query, asked);
        let rows = query.build().fetch_all(&mut *conn).await?;
        rows.iter().map(FromRecord::read).collect::<Result<_>>()?
    });
    Ok(Page::cut(rows, asked))
}

/// One page for each account, as far as the scope sees it, in one statement.
///
/// The filter's own list of accounts is not looked at. At most [`ACCOUNTS_MAX`] accounts.
pub async fn pages_by_account(
    session: &mut Session,
    scope: Scope,
    accounts: &[AccountId],
    asked: &PageQuery,
) -> Result<Vec<(AccountId, Page<TransactionRow>)>> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let tenant = session.tenant().0;
    let rows: Vec<TransactionRow> = on!(session, |conn, D| {
        let mut query = QueryBuilder::<D>::new("select ");
        query.push(COLUMNS).push(
            " from \"transaction\" t join bank_transaction b
            on b.tenant_id = t.tenant_id and b.transaction_id = t.id
            where t.tenant_id = ",
        );
        query.push_bind(tenant).push(" and t.id in (");
        for (at, account) in accounts.iter().take(ACCOUNTS_MAX).enumerate() {
            query.push(if at == 0 { "" } else { " union all " });
            query.push("select id from (select t.id from \"transaction\" t where t.tenant_id = ");
            query.push_bind(tenant).push(" and t.account_id = ").push_bind(account.0);
            scope.push::<D>(&mut query, "t.end_user_id");
            conditions::<D>(&mut query, asked, false);
            ordered::<D>(&mut query, asked);
            query.push(" limit ").push_bind(asked.rows_asked()).push(") x");
        }
        query.push(")");
        ordered::<D>(&mut query, asked);
        let rows = query.build().fetch_all(&mut *conn).await?;
        rows.iter().map(FromRecord::read).collect::<Result<_>>()?
    });
    let mut pages: Vec<(AccountId, Vec<TransactionRow>)> =
        accounts.iter().take(ACCOUNTS_MAX).map(|account| (*account, Vec::new())).collect();
    let places: std::collections::HashMap<AccountId, usize> =
        pages.iter().enumerate().map(|(at, (account, _))| (*account, at)).collect();
    for row in rows {
        if let Some(at) = places.get(&row.account_id) {
            pages[*at].1.push(row);
        }
    }
    Ok(pages.into_iter().map(|(account, rows)| (account, Page::cut(rows, asked))).collect())
}

/// What every engine of a composed statement can bind.
pub(super) trait Binds: sqlx::Database + InList {
    /// Adds a value.
    fn bind(query: &mut QueryBuilder<Self>, value: Bound);
}

/// A value of a composed statement.
pub(super) enum Bound {
    Id(Uuid),
    Number(i64),
    Text(String),
}

impl<D> Binds for D
where
    D: sqlx::Database + InList,
    Uuid: for<'q> Encode<'q, D> + Type<D>,
    i64: for<'q> Encode<'q, D> + Type<D>,
    String: for<'q> Encode<'q, D> + Type<D>,
{
    fn bind(query: &mut QueryBuilder<D>, value: Bound) {
        match value {
            Bound::Id(id) => query.push_bind(id),
            Bound::Number(number) => query.push_bind(number),
            Bound::Text(text) => query.push_bind(text),
        };
    }
}

fn conditions<D: Binds>(query: &mut QueryBuilder<D>, asked: &PageQuery, with_accounts: bool) {
    let filter = &asked.filter;
    query.push(" and t.lifecycle = 'LIVE'");
    if let Some(accounts) = filter.accounts.as_ref().filter(|_| with_accounts) {
        let ids: Vec<Uuid> = accounts.iter().take(ACCOUNTS_MAX).map(|id| id.0).collect();
        query.push(" and ");
        D::in_ids(query, "t.account_id", &ids);
    }
    if let Some(from) = filter.from {
        query.push(" and t.sort_date >= ");
        D::bind(query, Bound::Text(from.to_string()));
    }
    if let Some(to) = filter.to {
        query.push(" and t.sort_date <= ");
        D::bind(query, Bound::Text(to.to_string()));
    }
    if let Some(bound) = filter.amount_min {
        amount::<D>(query, " and t.minor >= ", |scale| bound.at_least(scale));
    }
    if let Some(bound) = filter.amount_max {
        amount::<D>(query, " and t.minor <= ", |scale| bound.at_most(scale));
    }
    if let Some(currency) = filter.currency {
        query.push(" and t.currency = ");
        D::bind(query, Bound::Text(currency.code().to_owned()));
    }
    if !filter.statuses.is_empty() {
        let words: Vec<&str> = filter.statuses.iter().map(|status| status.as_str()).collect();
        query.push(" and ");
        D::in_texts(query, "t.status", &words);
    }
    for word in &filter.words {
        query.push(" and t.search_text like ");
        D::bind(query, Bound::Text(like_pattern(word)));
        query.push(" escape '\\'");
    }
    place::<D>(query, asked, asked.after, true);
    place::<D>(query, asked, asked.before, false);
}

/// Compares exactly at each row's own scale: the bound is converted, not the row.
fn amount<D: Binds>(query: &mut QueryBuilder<D>, head: &str, at: impl Fn(u8) -> i64) {
    query.push(head).push("case t.scale");
    for scale in 0..SCALE_MAX {
        query.push(format!(" when {scale} then "));
        D::bind(query, Bound::Number(at(scale)));
    }
    query.push(" else ");
    D::bind(query, Bound::Number(at(SCALE_MAX)));
    query.push(" end");
}

fn like_pattern(word: &str) -> String {
    let mut pattern = String::with_capacity(word.len() + 2);
    pattern.push('%');
    for c in word.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

fn place<D: Binds>(
    query: &mut QueryBuilder<D>,
    asked: &PageQuery,
    position: Option<Position>,
    behind: bool,
) {
    let Some(position) = position else { return };
    let larger = behind != asked.descending;
    query.push(" and (").push(asked.order.column()).push(", t.id) ");
    query.push(if larger { "> (" } else { "< (" });
    let key = match position.key {
        Keyset::Date(date) => Bound::Text(date.to_string()),
        Keyset::Seq(seq) => Bound::Number(seq),
    };
    D::bind(query, key);
    query.push(", ");
    D::bind(query, Bound::Id(position.id.0));
    query.push(")");
}

fn ordered<D: Binds>(query: &mut QueryBuilder<D>, asked: &PageQuery) {
    let word = if asked.descending == asked.backward { "asc" } else { "desc" };
    let column = asked.order.column();
    query.push(format!(" order by {column} {word}, t.id {word}"));
}
