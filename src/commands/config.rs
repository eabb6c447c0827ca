//! `fondaco config`: the settings in force.

use serde_json::json;

use crate::cli::Cx;
use crate::config::{settings, to_text};
use crate::failure::{Exit, Outcome};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fondaco config > fondaco.toml     a file to start from, with every key explained
  fondaco config --json | jq -r '.settings[] | select(.origin.kind != \"default\") | .key'

The text is a valid configuration file; secrets and keys that are not set stand behind `#`.")]
pub(crate) struct Args {}

pub(super) fn run(cx: &Cx, _: &Args) -> Outcome {
    let settings = json!({ "settings": settings(&cx.loaded) });
    cx.out
        .result(&settings, || to_text(&cx.loaded).trim_end().to_owned())?;
    Ok(Exit::Done)
}
