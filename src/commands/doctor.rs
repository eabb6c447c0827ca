//! `fondaco doctor`: why something does not work.

use std::net::TcpListener;
use std::process::Command as Process;

use fondaco_store::repo::ledger;
use fondaco_store::{Db, OPERATOR, StoreConfig, migrate};
use serde_json::json;

use crate::cli::Cx;
use crate::failure::{Exit, Failure, Outcome};
use crate::{catalogue, find, rings};

/// The clock must not stand before this program was made: 2026-01-01T00:00:00Z.
const BUILT_AFTER_MICROS: i64 = 1_767_225_600_000_000;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fondaco doctor
  fondaco doctor --ledger
  fondaco doctor --json | jq 'select(.ok | not)'

Looks at configuration, institutions, database, migrations, clock, master keys and ports; changes
nothing. Exit code 1 when a check fails. Each line of --json has check, ok, text and hint.")]
pub(crate) struct Args {
    /// Verify the ledger of every tenant, from its first entry to its last
    #[arg(long)]
    ledger: bool,
}

/// What a check found: a sentence, or a sentence and what to do.
type Found = Result<String, (String, String)>;

pub(super) async fn run(cx: &Cx, args: &Args) -> Outcome {
    let mut report = Report { cx, failed: 0 };
    report.tell(
        "configuration",
        Ok("is valid; `fondaco config` shows it".to_owned()),
    )?;
    report.tell("institutions", institutions(cx))?;
    report.tell("clock", clock(cx))?;
    report.tell("port", port(cx))?;
    let config = cx.config();
    let store = config.store.config(&config.data);
    report.tell("keys", keys(cx, &store))?;
    match open(&store).await {
        Err(problem) => report.tell("database", Err(problem))?,
        Ok(db) => {
            report.tell("database", Ok(format!("{:?} answers", db.kind())))?;
            report.tell("migrations", migrations(&db).await)?;
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
    fn tell(&mut self, check: &str, found: Found) -> Outcome<()> {
        let (ok, text, hint) = match found {
            Ok(text) => (true, text, None),
            Err((text, hint)) => (false, text, Some(hint)),
        };
        self.failed += u32::from(!ok);
        let line = json!({ "check": check, "ok": ok, "text": text, "hint": hint });
        self.cx.out.result(&line, || {
            let mark = if ok { "ok  " } else { "FAIL" };
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

fn clock(cx: &Cx) -> Found {
    let now = cx.effects.now();
    let local = format!("the time is {now}");
    if now.micros() < BUILT_AFTER_MICROS {
        return Err(problem(
            local,
            "set the clock: consents and certificates depend on it",
        ));
    }
    // What keeps the clock right differs from system to system; where it is asked, it answers.
    let asked = Process::new("timedatectl")
        .args(["show", "-p", "NTPSynchronized"])
        .output();
    match asked {
        Ok(output) if output.stdout.starts_with(b"NTPSynchronized=no") => {
            Ok(format!("{local}; it is not kept by a time server"))
        }
        _ => Ok(local),
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
