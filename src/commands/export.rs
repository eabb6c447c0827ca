//! `fondaco export`: canonical records as JSON Lines.

use std::collections::HashMap;
use std::io::{BufWriter, Write as _};

use clap::Subcommand;
use fondaco_model::ids::{AccountId, TransactionId};
use fondaco_model::time::Date;
use fondaco_store::repo::account::{self, AccountQuery};
use fondaco_store::repo::transaction::{self, DetailRow, Order, PageQuery, Position, RefRow};
use fondaco_store::repo::{ROWS_MAX, Scope};
use fondaco_store::{Db, Session};

use crate::cli::Cx;
use crate::failure::{Exit, Failure, Outcome};
use crate::find;
use crate::wire::House;

/// Accounts that one export may name; the store's page takes no more.
const ACCOUNTS_MAX: usize = 250;

/// Transactions of one page; their details and references are read with it.
const PAGE_ROWS: u32 = 500;

/// What to export.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  fondaco export accounts | jq -r '.id + \" \" + .name'
  fondaco export transactions --from 2026-01-01 --to 2026-03-31 > quarter.jsonl

Writes one canonical record a line, in the order of their making; `fondaco schema canonical` has
its schema. Account numbers are masked.")]
pub(crate) enum Command {
    /// Accounts
    Accounts(Which),
    /// Transactions with their details and references
    Transactions {
        #[command(flatten)]
        which: Which,
        /// Only this account; may be repeated
        #[arg(long = "account", value_name = "ID")]
        accounts: Vec<String>,
        /// First day
        #[arg(long, value_name = "DATE")]
        from: Option<Date>,
        /// Last day
        #[arg(long, value_name = "DATE")]
        to: Option<Date>,
    },
}

/// Whose records.
#[derive(Debug, clap::Args)]
pub(crate) struct Which {
    /// The tenant's id or name; may be left out when there is only one
    #[arg(long)]
    tenant: Option<String>,
    /// Only this person's; all of the tenant without it
    #[arg(long, value_name = "REFERENCE")]
    end_user: Option<String>,
}

pub(super) async fn run(cx: &Cx, command: &Command) -> Outcome {
    let house = House::open(cx).await?;
    let db = house.db();
    match command {
        Command::Accounts(which) => {
            let (mut session, scope) = reading(db, which).await?;
            accounts(&mut session, scope).await
        }
        Command::Transactions {
            which,
            accounts,
            from,
            to,
        } => {
            let (mut session, scope) = reading(db, which).await?;
            let mut query = PageQuery::newest(PAGE_ROWS);
            query.order = Order::Created;
            query.descending = false;
            query.filter.from = *from;
            query.filter.to = *to;
            if !accounts.is_empty() {
                query.filter.accounts = Some(ids(accounts)?);
            }
            transactions(&mut session, scope, query).await
        }
    }
}

async fn reading(db: &Db, which: &Which) -> Outcome<(Session, Scope)> {
    let tenant = find::tenant(db, which.tenant.as_deref()).await?;
    let scope = match &which.end_user {
        None => Scope::Tenant,
        Some(name) => Scope::EndUser(find::end_user(db, tenant.id, Some(name)).await?.id),
    };
    Ok((db.read(tenant.id).await?, scope))
}

fn ids(texts: &[String]) -> Outcome<Vec<AccountId>> {
    if texts.len() > ACCOUNTS_MAX {
        return Err(Failure::usage(format!(
            "at most {ACCOUNTS_MAX} accounts at once"
        )));
    }
    let id = |text: &String| {
        text.parse()
            .map_err(|_| Failure::usage(format!("{text} is no id of an account")))
    };
    texts.iter().map(id).collect()
}

async fn accounts(session: &mut Session, scope: Scope) -> Outcome {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut asked = AccountQuery {
        limit: ROWS_MAX,
        ..AccountQuery::default()
    };
    loop {
        let page = account::list(session, scope, &asked).await?;
        asked.after = page.rows.last().map(|row| row.id);
        for row in page.rows {
            write(&mut out, &row.into_canonical())?;
        }
        if !page.more {
            out.flush()?;
            return Ok(Exit::Done);
        }
    }
}

async fn transactions(session: &mut Session, scope: Scope, mut query: PageQuery) -> Outcome {
    let mut out = BufWriter::new(std::io::stdout().lock());
    loop {
        let page = transaction::page(session, scope, &query).await?;
        query.after = page.rows.last().map(|row| Position::of(row, query.order));
        let ids: Vec<TransactionId> = page.rows.iter().map(|row| row.id).collect();
        let mut details: HashMap<_, Vec<DetailRow>> = HashMap::new();
        for row in transaction::details(session, &ids).await? {
            details.entry(row.transaction_id).or_default().push(row);
        }
        let mut refs: HashMap<_, Vec<RefRow>> = HashMap::new();
        for row in transaction::references(session, &ids).await? {
            refs.entry(row.transaction_id).or_default().push(row);
        }
        for row in page.rows {
            let id = row.id;
            let (details, refs) = (details.remove(&id), refs.remove(&id));
            let canonical =
                row.into_canonical(details.unwrap_or_default(), refs.unwrap_or_default());
            write(&mut out, &canonical)?;
        }
        if !page.more {
            out.flush()?;
            return Ok(Exit::Done);
        }
    }
}

fn write(out: &mut impl std::io::Write, record: &impl serde::Serialize) -> Outcome<()> {
    serde_json::to_writer(&mut *out, record).map_err(std::io::Error::from)?;
    out.write_all(b"\n")?;
    Ok(())
}
