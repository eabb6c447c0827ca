//! `fondaco schema`: what clients build on.

use clap::Subcommand;

use crate::failure::{Exit, Failure, Outcome};
use crate::output::print;

/// The schemas.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  fondaco schema graphql > api.graphql
  fondaco schema canonical > canonical-v1.json")]
pub(crate) enum Command {
    /// The GraphQL schema as SDL
    Graphql,
    /// The JSON Schema of the canonical types, which `export` writes
    Canonical,
}

pub(super) fn run(command: &Command) -> Outcome {
    let text = match command {
        Command::Graphql => fondaco_api::schema::sdl(),
        Command::Canonical => serde_json::to_string_pretty(&fondaco_model::v1::json_schema())
            .map_err(|_| Failure::failed("the schema is no JSON; please report it"))?,
    };
    print(text.trim_end())?;
    Ok(Exit::Done)
}
