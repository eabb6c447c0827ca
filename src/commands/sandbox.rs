//! `fondaco sandbox`: the simulated bank alone.

use std::net::SocketAddr;

use serde_json::json;

use crate::cli::Cx;
use crate::config::Layer;
use crate::failure::{Exit, Failure, Outcome};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fondaco sandbox --redirect-uri http://127.0.0.1:8080/callback/reg_0198…
  fondaco sandbox --today 2026-01-31 --seed 7

People: anna, bruno and chiara, with the password `sandbox`. The bank forgets everything when it
ends. Its control port moves its clock and breaks it on purpose: sandbox/README.md.")]
pub(crate) struct Args {
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Number that the made-up books grow from
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// First day of its clock, from 2022-01-01 on; today without it
    #[arg(long, value_name = "DATE")]
    today: Option<String>,
    /// Redirect URI of the registered client; may be repeated
    #[arg(long = "redirect-uri", value_name = "URL")]
    redirect_uris: Vec<String>,
}

impl Args {
    pub(super) fn options(&self, layer: &mut Layer) {
        if let Some(listen) = self.listen {
            layer.set("sandbox.listen", "--listen", listen.to_string());
        }
        if let Some(seed) = self.seed {
            layer.set("sandbox.seed", "--seed", seed);
        }
    }
}

pub(super) async fn run(cx: &Cx, args: &Args) -> Outcome {
    let settings = &cx.config().sandbox;
    let bank = fondaco_sandbox::start(fondaco_sandbox::Config {
        listen: settings.listen,
        seed: settings.seed,
        today: args.today.clone(),
        redirect_uris: args.redirect_uris.clone(),
        ..fondaco_sandbox::Config::default()
    })
    .await
    .map_err(|error| refused(settings.listen, &error))?;
    let started = json!({
        "url": bank.base_url,
        "control": bank.control_url,
        "clientId": bank.client_id,
        "clientSecret": bank.client_secret,
    });
    let signals = crate::signals::Stop::watch();
    cx.out.result(&started, || {
        format!(
            "The bank is open.\n  address  {}\n  control  {}\n  client   {} / {}\n  people   anna, \
             bruno, chiara; password sandbox\nStop it with Ctrl-C.",
            bank.base_url, bank.control_url, bank.client_id, bank.client_secret
        )
    })?;
    signals.told().await;
    bank.stop().await;
    Ok(Exit::Done)
}

fn refused(listen: SocketAddr, error: &std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::InvalidInput => Failure::usage(error.to_string()),
        std::io::ErrorKind::AddrInUse => Failure::failed(format!("{listen} is in use"))
            .hint("choose another with --listen; port 0 takes a free one"),
        kind => Failure::failed(format!("cannot listen on {listen}: {kind}")),
    }
}
