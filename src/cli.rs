//! The command line: options of every command, and what a command is given.

use std::path::PathBuf;

use clap::{Args, Parser};
use fondaco_model::Effects;

use crate::commands::Command;
use crate::config::sections::{LogFormat, LogLevel};
use crate::config::{Config, Layer, Loaded};
use crate::output::Output;

/// Bank accounts, connected with their owners' consent and read through one GraphQL graph.
#[derive(Debug, Parser)]
#[command(
    name = "fondaco",
    version,
    max_term_width = 100,
    propagate_version = true,
    disable_help_subcommand = true,
    after_help = "Examples:
  fondaco serve --sandbox           try everything with a simulated bank
  fondaco import statement.xml      read a bank statement file
  fondaco export transactions       write what was read as JSON Lines
  fondaco config                    every setting with its meaning and origin
  fondaco doctor                    find out why something does not work

Exit codes: 0 done, 1 failed, 2 wrong command line or configuration, 3 done in part,
4 not found, 5 store not available. docs/guides/cli.md describes every command's JSON."
)]
pub(crate) struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// Configuration file; `fondaco.toml` where there is one
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Folder of the database file and the master keys
    #[arg(long, global = true, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Address of a PostgreSQL server; other users of this machine may see it, so prefer the
    /// variable `FONDACO_STORE_POSTGRES_URL`
    #[arg(long, global = true, value_name = "URL", hide_env_values = true)]
    database: Option<String>,
    /// Results as JSON, one object a line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How logs look
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// The least important log line that is written
    #[arg(long, global = true, value_enum, value_name = "LEVEL")]
    log_level: Option<LogLevel>,
}

impl Global {
    /// The settings that options make, those of the command included.
    pub(crate) fn options(&self, command: &Command) -> Layer {
        let mut layer = Layer::options();
        if let Some(data) = &self.data {
            layer.set("data", "--data", data.display().to_string());
        }
        if let Some(url) = &self.database {
            layer.set("store.postgres_url", "--database", url.as_str());
        }
        if let Some(format) = self.log_format {
            layer.set("log.format", "--log-format", word(&format));
        }
        if let Some(level) = self.log_level {
            layer.set("log.level", "--log-level", word(&level));
        }
        command.options(&mut layer);
        layer
    }
}

fn word(value: &impl clap::ValueEnum) -> String {
    let named = value.to_possible_value();
    named
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
}

/// What a command is given.
pub(crate) struct Cx {
    /// The configuration with its origins.
    pub(crate) loaded: Loaded,
    /// Where results go.
    pub(crate) out: Output,
    /// Clock and randomness.
    pub(crate) effects: Effects,
}

impl Cx {
    /// The configuration.
    pub(crate) fn config(&self) -> &Config {
        &self.loaded.config
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_explains_itself_with_an_example() {
        fn walk(command: &clap::Command) {
            for child in command.get_subcommands() {
                assert!(child.get_about().is_some(), "{}", child.get_name());
                let leaf = child.get_subcommands().next().is_none();
                let explained = child.get_after_help().or(command.get_after_help());
                assert!(!leaf || explained.is_some(), "{}", child.get_name());
                walk(child);
            }
        }
        walk(&Cli::command());
    }
}
