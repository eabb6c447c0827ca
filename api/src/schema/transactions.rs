//! Pages of transactions: of a tenant, of an end user, of one account.

use std::sync::Arc;

use async_graphql::{Context, Result};
use fondaco_model::ids::{AccountId, TransactionId};
use fondaco_model::scope::KeyScope;
use fondaco_store::repo::transaction::{self, Keyset, Order, PageQuery, Position, TransactionRow};

use super::access::{Access, store_error};
use super::cursor::{Binding, Cursors};
use super::filter::{self, TransactionFilter, TransactionOrder};
use super::page::{PageArgs, Paged, Window};
use super::reads::Reads;
use super::types::transaction::{BankTransaction, Transaction};
use crate::http::code::Code;

/// Bytes of a date in a cursor's place.
const DATE_BYTES: usize = 10;

/// What a list of transactions was asked for.
pub(crate) struct Asked {
    pub(crate) page: PageArgs,
    pub(crate) filter: TransactionFilter,
    pub(crate) order: TransactionOrder,
}

/// A list of transactions that was asked for properly.
struct Question {
    window: Window,
    cursors: Arc<Cursors>,
    query: PageQuery,
}

/// A page of everything that the caller sees. One statement.
pub(crate) async fn of_caller(cx: &Context<'_>, asked: Asked) -> Result<Paged<Transaction>> {
    let (reads, access) = (Reads::of(cx), Access::of(cx));
    let question = question(cx, asked, None).await?;
    if question
        .query
        .filter
        .accounts
        .as_ref()
        .is_some_and(Vec::is_empty)
    {
        return Ok(connection(&question, Vec::new(), false));
    }
    let mut session = reads.session().await?;
    let page = transaction::page(&mut session, access.scope(), &question.query).await;
    let page = page.map_err(|error| store_error(&error))?;
    Ok(connection(
        &question,
        page.rows.into_iter().map(Arc::new).collect(),
        page.more,
    ))
}

/// A page of one account; all accounts of a list are read by one statement.
pub(crate) async fn of_account(
    cx: &Context<'_>,
    account: AccountId,
    asked: Asked,
) -> Result<Paged<Transaction>> {
    if asked.filter.accounts.is_some() {
        let message = "`filter.accounts` has no meaning below an account.";
        return Err(Code::QueryInvalid.error(message));
    }
    let question = question(cx, asked, Some(account)).await?;
    let found = Reads::of(cx)
        .pages
        .load((question.query.clone(), account))
        .await;
    let page = found.map_err(|error| store_error(&error))?;
    let (rows, more) = page.map_or((Vec::new(), false), |page| (page.rows.clone(), page.more));
    Ok(connection(&question, rows, more))
}

async fn question(cx: &Context<'_>, asked: Asked, account: Option<AccountId>) -> Result<Question> {
    let access = Access::of(cx);
    access.need(KeyScope::TransactionsRead)?;
    let window = asked.page.check(access)?;
    let mut filter = asked.filter.check()?;
    // The account belongs to what a cursor is bound to, not to the question that is batched.
    let own = account.map(|account| vec![account]);
    let bound = transaction::Filter {
        accounts: own.or(filter.accounts.take()),
        ..filter
    };
    let binding = Binding {
        tenant: access.tenant(),
        scope: access.scope(),
        list: asked.order.list(),
        descending: asked.order.descending(),
        filter: filter::digest(&bound, &asked.filter),
    };
    let cursors = Reads::of(cx).cursors(binding).await?;
    let order = asked.order.order();
    let place = window.place(&cursors, |bytes| position(bytes, order))?;
    let (after, before) = if window.backward {
        (None, place)
    } else {
        (place, None)
    };
    let accounts = if account.is_some() {
        None
    } else {
        bound.accounts
    };
    let query = PageQuery {
        filter: transaction::Filter { accounts, ..bound },
        order,
        descending: asked.order.descending(),
        after,
        before,
        limit: window.size,
        backward: window.backward,
    };
    Ok(Question {
        window,
        cursors,
        query,
    })
}

fn connection(
    question: &Question,
    rows: Vec<Arc<TransactionRow>>,
    more: bool,
) -> Paged<Transaction> {
    let order = question.query.order;
    question
        .window
        .connection((rows, more), &question.cursors, |row| {
            let place = place(Position::of(&row, order));
            (place, Transaction::Bank(BankTransaction(row)))
        })
}

/// The bytes of a position: the key, then the id.
fn place(position: Position) -> Vec<u8> {
    let mut bytes = match position.key {
        Keyset::Date(date) => date.to_string().into_bytes(),
        Keyset::Seq(seq) => seq.to_be_bytes().to_vec(),
    };
    bytes.extend_from_slice(position.id.0.as_bytes());
    bytes
}

fn position(bytes: &[u8], order: Order) -> Option<Position> {
    let key_bytes = match order {
        Order::Posted => DATE_BYTES,
        Order::Created | Order::Changed => size_of::<i64>(),
    };
    let (key, id) = bytes.split_at_checked(key_bytes)?;
    let key = match order {
        Order::Posted => Keyset::Date(std::str::from_utf8(key).ok()?.parse().ok()?),
        Order::Created | Order::Changed => Keyset::Seq(i64::from_be_bytes(key.try_into().ok()?)),
    };
    let id = TransactionId(uuid::Uuid::from_slice(id).ok()?);
    Some(Position { key, id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_back_in_its_own_order_only() {
        let id = TransactionId(uuid::Uuid::from_u128(7));
        let date = Position {
            key: Keyset::Date("2026-01-31".parse().unwrap()),
            id,
        };
        let seq = Position {
            key: Keyset::Seq(-3),
            id,
        };
        assert_eq!(position(&place(date), Order::Posted), Some(date));
        assert_eq!(position(&place(seq), Order::Changed), Some(seq));
        assert_eq!(position(&place(date), Order::Created), None);
        assert_eq!(position(&place(seq), Order::Posted), None);
        assert_eq!(position(b"", Order::Posted), None);
    }
}
