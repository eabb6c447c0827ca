//! The project's own commands: `cargo xtask test | tidy | prove | generate | release`.
#![expect(
    clippy::disallowed_methods,
    reason = "development commands read the environment, the clock and other programs"
)]

mod generate;
mod process;
mod prove;
mod release;
mod test;
mod tidy;
mod tree;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What a command answers: an error is one readable text, because a person reads it.
type Outcome<T = ()> = Result<T, String>;

/// The commands that developers and CI run on this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Test(test::Args),
    Tidy(tidy::Args),
    Prove(prove::Args),
    Generate(generate::Args),
    Release(release::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Test(args) => test::run(&args),
        Command::Tidy(args) => tidy::run(&args),
        Command::Prove(args) => prove::run(&args),
        Command::Generate(args) => generate::run(&args),
        Command::Release(args) => release::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}
