//! `ferrolb`: FerroLB's command line.

mod convert;
mod drain;
mod plan;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use k8s_adapter::telemetry::chain;

fn main() -> ExitCode {
    match Cli::parse_from(convert::long_flags(std::env::args_os())).command {
        Command::Convert(arguments) => status(convert::run(&arguments)),
        Command::Drain(arguments) => status(drain::run(&arguments)),
        Command::Plan(arguments) => status(plan::run(&arguments)),
    }
}

fn status(outcome: Result<ExitCode, impl Error>) -> ExitCode {
    outcome.unwrap_or_else(|error| {
        eprintln!("ferrolb: {}", chain(&error));
        ExitCode::from(USAGE)
    })
}

/// Bare-metal load balancing for Kubernetes, on the command line.
#[derive(Debug, Parser)]
#[command(name = "ferrolb", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Convert(convert::Arguments),
    Drain(drain::Arguments),
    Plan(plan::Arguments),
}

/// The status of a command that could not be carried out as asked; clap's own is the same.
const USAGE: u8 = 2;
