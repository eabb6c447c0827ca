//! `fondaco doctor`: why something does not work.

mod clock;
mod revocations;

use std::net::TcpListener;

use fondaco_store::repo::ledger;
use fondaco_store::{Db, OPERATOR, StoreConfig, migrate};
use serde_json::json;

use crate::cli::Cx;
use crate::failure::{Exit, Failure, Outcome};
use crate::{catalogue, find, rings};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fondaco doctor
  fondaco doctor --ledger
  fondaco doctor --json | jq 'select(.ok | not)'

Looks at configuration, institutions, database, migrations, clock, master keys and ports; changes
nothing. Exit code 1 when a check fails; a warning is none. Each line of --json has check, ok, level
(ok, warn or fail), text and hint.")]
pub(crate) struct Args {
    /// Verify the ledger of every tenant, from its first entry to its last
    #[arg(long)]
    ledger: bool,
}

/// What a check found: a sentence, or a sentence and what to do.
type Found = Result<String, (String, String)>;

/// What a check found, as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Fine(String),
    /// It works, but something should be done.
    Warn(String, String),
    Fail(String, String),
}

impl From<Found> for Verdict {
    fn from(found: Found) -> Self {
        match found {
            Ok(text) => Self::Fine(text),
            Err((text, hint)) => Self::Fail(text, hint),
        }
    }
}

pub(super) async fn run(cx: &Cx, args: &Args) -> Outcome {
    let mut report = Report { cx, failed: 0 };
    report.tell(
        "configuration",
        Ok("is valid; `fondaco config` shows it".to_owned()),
    )?;
    report.tell("institutions", institutions(cx))?;
    let config = cx.config();
    let store = config.store.config(&config.data);
    let opened = open(&store).await;
    let clock = clock::read(&cx.effects, opened.as_ref().ok()).await;
    report.tell("clock", clock::judge(&clock))?;
    report.tell("port", port(cx))?;
    report.tell("keys", keys(cx, &store))?;
    match opened {
        Err(problem) => report.tell("database", Err(problem))?,
        Ok(db) => {
            report.tell("database", Ok(format!("{:?} answers", db.kind())))?;
            let migrations = migrations(&db).await;
            let ready = migrations.is_ok();
            report.tell("migrations", migrations)?;
            if ready {
                report.tell("revocations", revocations::read(&db, &cx.effects).await?)?;
            }
            if args.ledger {
                ledgers(&mut report, &db).await?;
            }
            db.close().await;
        }
    }
    Ok(if report.failed == 0 {
        Exit::Done
    } else {
        Exit::Failed
    })
}

struct Report<'a> {
    cx: &'a Cx,
    failed: u32,
}

impl Report<'_> {
    fn tell(&mut self, check: &str, found: impl Into<Verdict>) -> Outcome<()> {
        let (level, mark, text, hint) = match found.into() {
            Verdict::Fine(text) => ("ok", "ok  ", text, None),
            Verdict::Warn(text, hint) => ("warn", "WARN", text, Some(hint)),
            Verdict::Fail(text, hint) => ("fail", "FAIL", text, Some(hint)),
        };
        let ok = level != "fail";
        self.failed += u32::from(!ok);
        let line = json!({ "check": check, "ok": ok, "level": level, "text": text, "hint": hint });
        self.cx.out.result(&line, || {
            let hint = hint
                .as_ref()
                .map(|hint| format!("\n      {hint}"))
                .unwrap_or_default();
            format!("{mark}  {check}: {text}{hint}")
        })?;
        Ok(())
    }
}

fn problem(text: impl Into<String>, hint: impl Into<String>) -> (String, String) {
    (text.into(), hint.into())
}

fn institutions(cx: &Cx) -> Found {
    match catalogue::load(cx.config()) {
        Ok(all) => Ok(format!("{} are known", all.len())),
        Err(failure) => Err(problem(
            failure.message(),
            "correct the entry or take it away",
        )),
    }
}

fn port(cx: &Cx) -> Found {
    let listen = cx.config().server.listen;
    match TcpListener::bind(listen) {
        Ok(_) => Ok(format!("{listen} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Ok(format!(
            "{listen} is in use; well when this installation serves there"
        )),
        Err(error) => Err(problem(
            format!("{listen}: {}", error.kind()),
            "change server.listen",
        )),
    }
}

fn keys(cx: &Cx, store: &StoreConfig) -> Found {
    if let StoreConfig::Sqlite(file) = store
        && !file.path.exists()
    {
        return Ok("are made with the database, at the first start".to_owned());
    }
    match rings::load(cx.config(), store, &cx.effects) {
        Ok(rings) => Ok(format!(
            "data {}, token {}",
            rings.data.current_kid(),
            rings.token.current_kid()
        )),
        Err(failure) => Err(problem(failure.message(), failure.advice())),
    }
}

async fn open(store: &StoreConfig) -> Result<Db, (String, String)> {
    let place = match store {
        StoreConfig::Sqlite(file) => {
            let path = file.path.display().to_string();
            if !file.path.is_file() {
                let hint = "it is made at the first start, or by `fondaco migrate`";
                return Err(problem(format!("there is no file {path}"), hint));
            }
            path
        }
        StoreConfig::Postgres(_) => "PostgreSQL".to_owned(),
    };
    Db::open(store).await.map_err(|error| {
        let hint = match store {
            StoreConfig::Sqlite(_) => "is the file readable and not held by another program?",
            StoreConfig::Postgres(_) => {
                "is the server up, the address right, and the log-in a member of fondaco_app?"
            }
        };
        problem(format!("{place}: {error}"), hint)
    })
}

async fn migrations(db: &Db) -> Found {
    match migrate::pending(db).await {
        Ok(pending) if pending.is_empty() => Ok("are all applied".to_owned()),
        Ok(pending) => Err(problem(
            format!("{} are missing: {}", pending.len(), pending.join(", ")),
            "run `fondaco migrate`",
        )),
        Err(error) => Err(problem(
            error.to_string(),
            "run `fondaco migrate` with the right build",
        )),
    }
}

async fn ledgers(report: &mut Report<'_>, db: &Db) -> Outcome<()> {
    let tenants = find::tenants(db).await?;
    let named = tenants
        .into_iter()
        .map(|tenant| (tenant.id, tenant.id.to_string()));
    let all = std::iter::once((OPERATOR, "operator".to_owned())).chain(named);
    for (tenant, name) in all {
        let mut session = db.read(tenant).await?;
        let verified = ledger::verify(&mut session).await.map_err(Failure::from)?;
        let found = match verified.first_bad {
            None => Ok(format!("{name}: {} entries, unbroken", verified.events)),
            Some(seq) => Err(problem(
                format!("{name}: entry {seq} was changed, moved or taken away"),
                "compare with a backup; keep this database as it is",
            )),
        };
        report.tell("ledger", found)?;
    }
    Ok(())
}
