//! The books as they are exported, without what differs between two runs of the same work.

use std::collections::{BTreeMap, HashMap};

use fondaco_store::repo::{staged, tenant};
use fondaco_store::{Db, OPERATOR, SqliteConfig, StoreConfig, StoreError};
use serde_json::{Value, json};

use crate::program::Home;

/// Differences that a message shows.
const SHOWN_MAX: usize = 3;

/// How often each row stands in the books. Ids, sequences and moments are left out; an account
/// goes by what its bank calls it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Books {
    accounts: Vec<String>,
    rows: BTreeMap<String, usize>,
}

/// One account's rows of one status.
#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct Sum {
    pub(crate) count: u64,
    pub(crate) minor: i64,
}

impl Books {
    /// Reads all live rows of the only tenant.
    ///
    /// # Errors
    /// When an export fails, or records are staged for an import that has ended.
    pub(crate) fn read(home: &Home) -> Result<Self, String> {
        // Those of a command that was killed wait for a sweep: its run has not ended.
        match staged_for_nobody(home) {
            Ok(0) => {}
            left => return Err(format!("records staged for nobody: {left:?}")),
        }
        let (accounts, rows) = (export(home, "accounts")?, export(home, "transactions")?);
        let names: HashMap<&str, String> = accounts
            .iter()
            .map(|account| (text(&account["id"]), name(account)))
            .collect();
        let mut books = Self {
            accounts: names.values().cloned().collect(),
            rows: BTreeMap::new(),
        };
        books.accounts.sort();
        for row in &rows {
            let account = names.get(text(&row["accountId"]));
            let account = account.ok_or("a row has no account")?;
            *books.rows.entry(plain(row, account)).or_default() += 1;
        }
        Ok(books)
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.values().sum()
    }

    /// What is missing here and what is too much, against the books of an undisturbed run.
    ///
    /// # Errors
    /// The differences, in words.
    pub(crate) fn same_as(&self, whole: &Self) -> Result<(), String> {
        if self.accounts != whole.accounts {
            return Err(format!(
                "accounts {:?} and not {:?}",
                self.accounts, whole.accounts
            ));
        }
        let (lost, doubled) = (whole.beyond(self), self.beyond(whole));
        if lost.is_empty() && doubled.is_empty() {
            return Ok(());
        }
        let show = |rows: &[String]| rows[..rows.len().min(SHOWN_MAX)].join("\n  ");
        Err(format!(
            "{} rows lost:\n  {}\n{} rows too many:\n  {}",
            lost.len(),
            show(&lost),
            doubled.len(),
            show(&doubled)
        ))
    }

    /// What is too much here, against the books of an undisturbed run; parts may be missing.
    ///
    /// # Errors
    /// The first of these rows.
    pub(crate) fn within(&self, whole: &Self) -> Result<(), String> {
        let doubled = self.beyond(whole);
        match doubled.first() {
            None => Ok(()),
            Some(row) => Err(format!("{} rows too many: {row}", doubled.len())),
        }
    }

    fn beyond(&self, other: &Self) -> Vec<String> {
        let more = self.rows.iter().flat_map(|(row, count)| {
            let known = other.rows.get(row).copied().unwrap_or_default();
            std::iter::repeat_n(row.clone(), count.saturating_sub(known))
        });
        more.collect()
    }

    /// Count and sum of an account's rows of a status, by the account's name.
    pub(crate) fn sum(&self, account: &str, status: &str) -> Sum {
        let mut sum = Sum::default();
        for (row, count) in &self.rows {
            let row: Value = serde_json::from_str(row).expect("a row was written as JSON");
            let is_meant = text(&row["account"]).ends_with(account) && row["status"] == status;
            if is_meant {
                let count = *count as u64;
                sum.count += count;
                sum.minor += minor(text(&row["amount"]["amount"])) * count.cast_signed();
            }
        }
        sum
    }
}

/// An amount in minor units, however many its text has.
pub(crate) fn minor(amount: &str) -> i64 {
    let digits = amount.replace('.', "");
    digits.parse().expect("an amount is a number")
}

/// Records that are staged for runs that have ended.
fn staged_for_nobody(home: &Home) -> Result<i64, StoreError> {
    let config = match &home.postgres {
        Some(postgres) => postgres.config().clone(),
        None => StoreConfig::Sqlite(SqliteConfig {
            path: home.data().join("fondaco.db"),
            readers: 1,
        }),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a test may start a runtime");
    runtime.block_on(async {
        let db = Db::open(&config).await?;
        let mut session = db.read(OPERATOR).await?;
        let tenants = tenant::list(&mut session, None, 10).await?;
        drop(session);
        let mut count = 0;
        for tenant in tenants {
            let mut session = db.read(tenant.id).await?;
            count += staged::count_ended(&mut session).await?;
        }
        db.close().await;
        Ok(count)
    })
}

fn export(home: &Home, what: &str) -> Result<Vec<Value>, String> {
    let ran = home.run(&["export", what]);
    if ran.code != 0 {
        return Err(format!("export {what}: {}", ran.err));
    }
    Ok(ran.lines())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn name(account: &Value) -> String {
    let identifiers = &account["identifiers"];
    format!(
        "{identifiers} {} {}",
        text(&account["currency"]),
        text(&account["name"])
    )
}

fn plain(row: &Value, account: &str) -> String {
    let mut row = row.clone();
    let fields = row.as_object_mut().expect("a row is an object");
    for key in ["id", "accountId", "createdSeq", "changedSeq", "provenance"] {
        fields.remove(key);
    }
    fields.insert("account".to_owned(), json!(account));
    let bank = fields.get_mut("bank").and_then(Value::as_object_mut);
    let bank = bank.expect("the rows are a bank's");
    let references = bank.remove("references").unwrap_or_default();
    let mut plain: Vec<String> = references
        .as_array()
        .into_iter()
        .flatten()
        // A fingerprint is made with the account's own key.
        .filter(|one| one["kind"] != "FINGERPRINT")
        .map(|one| format!("{} {}", text(&one["kind"]), text(&one["value"])))
        .collect();
    plain.sort();
    bank.insert("references".to_owned(), json!(plain));
    for detail in bank
        .get_mut("details")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(detail) = detail.as_object_mut() {
            detail.remove("id");
        }
    }
    row.to_string()
}
