//! `fondaco migrate`: the database's schema.

use fondaco_store::{Db, migrate};
use serde_json::json;

use crate::cli::Cx;
use crate::failure::{Exit, Outcome};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fondaco migrate --check           exit code 5 when something is missing, nothing is changed
  FONDACO_STORE_POSTGRES_URL=postgres://owner@db/fondaco fondaco migrate

The embedded store is migrated by every command that opens it; PostgreSQL by this command alone,
with `store.postgres_owner_url` where the server's own log-in may not change the schema.")]
pub(crate) struct Args {
    /// Only say what is missing
    #[arg(long)]
    check: bool,
}

pub(super) async fn run(cx: &Cx, args: &Args) -> Outcome {
    let config = cx.config();
    let store = config.store.config(&config.data);
    if args.check {
        return check(cx, &store).await;
    }
    if config.store.is_embedded() {
        crate::folder::make(&config.data)?;
        // They are made together with the database file, never later.
        crate::rings::load(config, &store, &cx.effects)?;
    }
    let report = migrate::migrate(&store, cx.effects.now()).await?;
    let result = json!({ "applied": report.applied, "known": report.known });
    cx.out.result(&result, || {
        let mut lines: Vec<_> = report
            .applied
            .iter()
            .map(|name| format!("applied {name}"))
            .collect();
        lines.push(format!("{} were there before", report.known));
        lines.join("\n")
    })?;
    Ok(Exit::Done)
}

async fn check(cx: &Cx, store: &fondaco_store::StoreConfig) -> Outcome {
    if let fondaco_store::StoreConfig::Sqlite(file) = store
        && !file.path.is_file()
    {
        let text = format!("there is no database at {}", file.path.display());
        return Err(crate::failure::Failure::new(Exit::Unavailable, text)
            .hint("`fondaco migrate` makes it"));
    }
    let db = Db::open(store).await?;
    let pending = migrate::pending(&db).await?;
    cx.out.result(&json!({ "pending": pending }), || {
        match pending.as_slice() {
            [] => "nothing is missing".to_owned(),
            names => names.join("\n"),
        }
    })?;
    Ok(if pending.is_empty() {
        Exit::Done
    } else {
        Exit::Unavailable
    })
}
