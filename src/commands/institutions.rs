//! `fondaco institutions`: the banks that can be connected.

use clap::Subcommand;
use fondaco_model::provider::Manifest;
use serde_json::json;

use crate::catalogue;
use crate::cli::Cx;
use crate::failure::{Exit, Failure, Outcome};
use crate::output::{print, table};

/// What to look at.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  fondaco institutions list
  fondaco institutions show SOME_BANK
  FONDACO_INSTITUTIONS_FOLDER=banks fondaco institutions list --json")]
pub(crate) enum Command {
    /// List all, the built-in ones and those of `institutions.folder`
    List,
    /// Show one as it was loaded
    Show {
        /// Its id
        id: String,
    },
}

pub(super) fn run(cx: &Cx, command: &Command) -> Outcome {
    let manifests = catalogue::load(cx.config())?;
    match command {
        Command::List => list(cx, &manifests),
        Command::Show { id } => {
            let found = manifests.iter().find(|manifest| manifest.id == *id);
            let manifest = found.ok_or_else(|| catalogue::unknown(id))?;
            let pretty = serde_json::to_string_pretty(manifest);
            let pretty = pretty.map_err(|_| Failure::failed("the entry is no JSON"))?;
            cx.out.result(manifest, || pretty)?;
            Ok(Exit::Done)
        }
    }
}

fn list(cx: &Cx, manifests: &[Manifest]) -> Outcome {
    if cx.out.is_json() {
        for manifest in manifests {
            let line = json!({
                "id": manifest.id,
                "name": manifest.name,
                "family": manifest.family,
                "countries": manifest.countries,
                "sandbox": manifest.sandbox,
            });
            cx.out.result(&line, String::new)?;
        }
        return Ok(Exit::Done);
    }
    let row = |manifest: &Manifest| {
        let mode = if manifest.sandbox { "test" } else { "live" };
        [
            manifest.id.clone(),
            manifest.name.clone(),
            manifest.family.clone(),
            manifest.countries.join(" "),
            mode.to_owned(),
        ]
    };
    let rows: Vec<_> = manifests.iter().map(row).collect();
    print(&table(["ID", "NAME", "FAMILY", "COUNTRIES", "MODE"], &rows))?;
    Ok(Exit::Done)
}
