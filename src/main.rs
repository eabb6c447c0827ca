//! The program `fondaco`: parses its arguments, runs a command and ends with its code.

mod catalogue;
mod cli;
mod commands;
mod config;
mod demo;
mod failure;
mod find;
mod folder;
mod logging;
mod output;
mod rings;
mod signals;
mod wire;

use std::process::ExitCode;

use clap::Parser as _;
use fondaco_model::Effects;

use cli::{Cli, Cx};
use failure::{Failure, Outcome};
use output::Output;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.global.json;
    match run(cli) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.tell(json);
            failure.exit().into()
        }
    }
}

fn run(cli: Cli) -> Outcome {
    let out = Output::new(cli.global.json);
    let loaded = config::load(
        cli.global.config.as_deref(),
        cli.global.options(&cli.command),
    )?;
    logging::start(loaded.config.log);
    let cx = Cx {
        loaded,
        out,
        effects: Effects::system(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("no threads: {}", error.kind())))?;
    runtime.block_on(commands::run(cx, cli.command))
}
