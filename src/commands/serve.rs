//! `fondaco serve`: API, consent pages, callbacks, uploads and, unless told otherwise, work.

use std::net::SocketAddr;

use axum::Router;
use fondaco_sandbox::Sandbox;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::cli::Cx;
use crate::config::Layer;
use crate::demo::Demo;
use crate::failure::{Exit, Failure, Outcome};
use crate::signals;
use crate::wire::{Engine, House};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fondaco serve --sandbox
  fondaco serve --sandbox --json --listen 127.0.0.1:0 | jq -r .explorer
  FONDACO_SERVER_PUBLIC_URL=https://money.example.com fondaco serve

--sandbox starts a simulated bank on a free port of this machine, and makes a test tenant, its
registrations, a key and a consent link. --json prints one line when everything is ready: graphql,
explorer, apiKey and link; null where there is none. SIGINT and SIGTERM end it gracefully.")]
pub(crate) struct Args {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Start a simulated bank beside it, with everything to try it out
    #[arg(long)]
    sandbox: bool,
    /// Leave background work to `fondaco work`
    #[arg(long)]
    no_work: bool,
}

impl Args {
    pub(super) fn options(&self, layer: &mut Layer) {
        if let Some(listen) = self.listen {
            layer.set("server.listen", "--listen", listen.to_string());
        }
        if self.no_work {
            layer.set("server.work", "--no-work", false);
        }
    }
}

/// What a newcomer does next.
const NEXT: &str = "
Open the Connect link, choose the sandbox bank, and log in as anna, bruno or chiara with the
password `sandbox`. Then look at the accounts in the Explorer. The link is open for half an hour;
the mutation `startLink` makes another, and so does a restart.";

/// What a program reads when everything is ready.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ready {
    graphql: String,
    explorer: Option<String>,
    api_key: Option<String>,
    link: Option<String>,
}

pub(super) async fn run(cx: &Cx, args: &Args) -> Outcome {
    let listen = cx.config().server.listen;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| refused(listen, &error))?;
    let address = listener.local_addr()?;
    warn_of_clear_text(cx, address);
    let mut house = House::open(cx).await?;
    let (bank, demo) = if args.sandbox {
        let (bank, demo) = sandbox(cx, &mut house, address).await?;
        (Some(bank), Some(demo))
    } else {
        (None, None)
    };
    let engine = house.engine(cx, address)?;
    house
        .publish_institutions(&engine.vault, cx.effects.now())
        .await?;
    let routes = engine.routes(cx, args.sandbox)?;
    let stop = CancellationToken::new();
    let serving = serve(listener, routes, stop.clone());
    let working = cx
        .config()
        .server
        .work
        .then(|| work(cx, &engine, stop.clone()));
    let signals = signals::Stop::watch();
    let ready = ready(cx, &engine, demo.as_ref()).await?;
    cx.out.result(&ready, || told(&ready))?;
    tracing::info!(address = %address, "The server is ready.");

    signals.told().await;
    tracing::info!("The server stops: what is under way may end.");
    stop.cancel();
    end(cx, serving, working).await;
    if let Some(bank) = bank {
        bank.stop().await;
    }
    house.db().close().await;
    Ok(Exit::Done)
}

fn refused(listen: SocketAddr, error: &std::io::Error) -> Failure {
    let text = format!("cannot listen on {listen}: {}", error.kind());
    match error.kind() {
        std::io::ErrorKind::AddrInUse => Failure::failed(text)
            .hint("another process has the port; choose one with --listen, 0 takes a free one"),
        _ => Failure::failed(text).hint("change server.listen or --listen"),
    }
}

fn warn_of_clear_text(cx: &Cx, address: SocketAddr) {
    if cx.config().server.public_url.is_none() && !address.ip().is_loopback() {
        tracing::warn!(
            address = %address,
            "Others reach this server without TLS; put one in front and set server.public_url."
        );
    }
}

async fn sandbox(cx: &Cx, house: &mut House, address: SocketAddr) -> Outcome<(Sandbox, Demo)> {
    // The bank must know our redirect URIs and we its address: what is ours comes first.
    let demo = Demo::prepare(cx, house, &house.engine(cx, address)?).await?;
    let bank = fondaco_sandbox::start(fondaco_sandbox::Config {
        redirect_uris: demo.redirect_uris.clone(),
        seed: cx.config().sandbox.seed,
        ..fondaco_sandbox::Config::default()
    })
    .await
    .map_err(|error| Failure::failed(format!("the simulated bank: {}", error.kind())))?;
    let origin = Url::parse(&bank.base_url)
        .map_err(|_| Failure::failed("the simulated bank has no address"))?;
    house.move_sandboxes(&origin)?;
    Ok((bank, demo))
}

fn serve(listener: TcpListener, routes: Router, stop: CancellationToken) -> JoinHandle<()> {
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move {
        let served = axum::serve(listener, service);
        let ended = served
            .with_graceful_shutdown(async move { stop.cancelled().await })
            .await;
        if let Err(error) = ended {
            tracing::error!(error = %error.kind(), "The server ended by itself.");
        }
    })
}

pub(super) fn work(cx: &Cx, engine: &Engine, stop: CancellationToken) -> JoinHandle<()> {
    let worker = engine.worker(cx.config());
    tokio::spawn(async move {
        if let Err(error) = worker.run(stop).await {
            tracing::error!(%error, "The worker ended by itself.");
        }
    })
}

/// Waits for answers and jobs under way, each for the time that the configuration gives.
async fn end(cx: &Cx, mut serving: JoinHandle<()>, working: Option<JoinHandle<()>>) {
    let time = cx.config().server.stop_time();
    if tokio::time::timeout(time, &mut serving).await.is_err() {
        tracing::warn!("Connections were still open and are cut.");
        serving.abort();
    }
    if let Some(working) = working {
        // The worker keeps the same time by itself.
        let _ = working.await;
    }
}

async fn ready(cx: &Cx, engine: &Engine, demo: Option<&Demo>) -> Outcome<Ready> {
    let base = &engine.public_url;
    let explorer = cx.config().api.explorer.is_on();
    let key = demo.map(|demo| demo.key.expose().to_owned());
    let hash = key
        .as_ref()
        .map(|key| format!("#key={key}"))
        .unwrap_or_default();
    let link = match demo {
        Some(demo) => Some(demo.link(engine).await?.expose().to_owned()),
        None => None,
    };
    Ok(Ready {
        graphql: format!("{base}graphql"),
        explorer: explorer.then(|| format!("{base}graphiql{hash}")),
        api_key: key,
        link,
    })
}

fn told(ready: &Ready) -> String {
    let mut lines = vec![
        "Fondaco is ready.".to_owned(),
        String::new(),
        format!("  GraphQL   {}", ready.graphql),
    ];
    let further = [
        ("Key", &ready.api_key),
        ("Explorer", &ready.explorer),
        ("Connect", &ready.link),
    ];
    for (word, value) in further {
        lines.extend(value.as_ref().map(|value| format!("  {word:<8}  {value}")));
    }
    if ready.link.is_some() {
        lines.push(NEXT.to_owned());
    }
    lines.push("\nStop it with Ctrl-C.".to_owned());
    lines.join("\n")
}
