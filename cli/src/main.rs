//! `ferrolb`: FerroLB's command line.

mod plan;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use k8s_adapter::telemetry::chain;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Plan(arguments) => plan::run(&arguments),
    };
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
    Plan(plan::Arguments),
}

/// The status of a command that could not be carried out as asked; clap's own is the same.
const USAGE: u8 = 2;
