//! One file per command.

mod completions;
mod config;
mod doctor;
mod export;
mod import;
mod institutions;
mod keys;
mod map;
mod migrate;
mod registrations;
mod sandbox;
mod schema;
mod serve;
mod tenants;
mod work;

use clap::Subcommand;

use crate::cli::Cx;
use crate::config::Layer;
use crate::failure::Outcome;

/// What the program can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the API and the consent pages, and do background work
    Serve(serve::Args),
    /// Do background work only
    Work(work::Args),
    /// Read statement files of a person
    Import(import::Args),
    /// Write what was read as JSON Lines of the canonical schema
    #[command(subcommand)]
    Export(export::Command),
    /// Frontends that ask people for their data
    #[command(subcommand)]
    Tenants(tenants::Command),
    /// Keys of tenants' servers
    #[command(subcommand)]
    Keys(keys::Command),
    /// Client ids and secrets that institutions gave
    #[command(subcommand)]
    Registrations(registrations::Command),
    /// Bring the database's schema to what this build needs
    Migrate(migrate::Args),
    /// Print the settings in force with their meaning and origin, without secrets
    Config(config::Args),
    /// Look at the banks that can be connected
    #[command(subcommand)]
    Institutions(institutions::Command),
    /// Map a recorded answer or a file offline and print what it would become
    Map(map::Args),
    /// Print the schemas that clients build on
    #[command(subcommand)]
    Schema(schema::Command),
    /// Run the simulated bank alone
    Sandbox(sandbox::Args),
    /// Find out why something does not work
    Doctor(doctor::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
}

impl Command {
    /// Adds the settings that the command's own options make.
    pub(crate) fn options(&self, layer: &mut Layer) {
        match self {
            Self::Serve(args) => args.options(layer),
            Self::Sandbox(args) => args.options(layer),
            _ => {}
        }
    }
}

/// Runs a command.
///
/// # Errors
/// Whatever ended it early.
pub(crate) async fn run(cx: Cx, command: Command) -> Outcome {
    match command {
        Command::Serve(args) => serve::run(&cx, &args).await,
        Command::Work(args) => work::run(&cx, &args).await,
        Command::Import(args) => import::run(&cx, &args).await,
        Command::Export(command) => export::run(&cx, &command).await,
        Command::Tenants(command) => tenants::run(&cx, &command).await,
        Command::Keys(command) => keys::run(&cx, &command).await,
        Command::Registrations(command) => registrations::run(&cx, &command).await,
        Command::Doctor(args) => doctor::run(&cx, &args).await,
        Command::Migrate(args) => migrate::run(&cx, &args).await,
        Command::Config(args) => config::run(&cx, &args),
        Command::Institutions(command) => institutions::run(&cx, &command),
        Command::Map(args) => map::run(&cx, &args),
        Command::Schema(command) => schema::run(&command),
        Command::Sandbox(args) => sandbox::run(&cx, &args).await,
        Command::Completions(args) => completions::run(&args),
    }
}
