//! `fondaco work`: background work alone.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::serve;
use crate::cli::Cx;
use crate::failure::{Exit, Outcome};
use crate::signals;
use crate::wire::House;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fondaco work
  FONDACO_SYNC_TASKS=16 fondaco work --log-format json

Reads banks, refreshes tokens and imports uploads, beside any number of `serve` and `work`
processes on the same store. SIGINT and SIGTERM end it gracefully: running jobs may end, the rest
is given back. --json prints one line when it works: worker.")]
pub(crate) struct Args {}

pub(super) async fn run(cx: &Cx, _: &Args) -> Outcome {
    let house = House::open(cx).await?;
    let engine = house.engine(cx, cx.config().server.listen)?;
    house
        .publish_institutions(&engine.vault, cx.effects.now())
        .await?;
    let stop = CancellationToken::new();
    let working = serve::work(cx, &engine, stop.clone());
    let signals = signals::Stop::watch();
    cx.out.result(&json!({ "worker": "ready" }), || {
        "The worker runs. Stop it with Ctrl-C.".into()
    })?;
    signals.told().await;
    stop.cancel();
    // The worker keeps the time of server.stop_seconds by itself.
    let _ = working.await;
    house.db().close().await;
    Ok(Exit::Done)
}
