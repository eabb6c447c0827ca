//! `fondaco completions`: a completion script for a shell.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::failure::{Exit, Failure, Outcome};
use crate::output::print;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fondaco completions bash > ~/.local/share/bash-completion/completions/fondaco
  fondaco completions zsh > ~/.zfunc/_fondaco
  fondaco completions fish > ~/.config/fish/completions/fondaco.fish")]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &Args) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "fondaco", &mut script);
    let script = String::from_utf8(script)
        .map_err(|_| Failure::failed("the script is no text; please report it"))?;
    print(script.trim_end())?;
    Ok(Exit::Done)
}
