//! The lab on the command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Network namespaces as nodes, a real router and a client.
#[derive(Debug, Parser)]
#[command(name = "ferrolb-lab", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answers HTTP requests with a name (the workload of the lab's nodes).
    #[command(hide = true)]
    Answer {
        /// The answer.
        name: String,
        /// The TCP port.
        port: u16,
    },
}

#[expect(clippy::print_stdout, reason = "a command line's answer")]
fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Answer { name, port } => {
            match lab::answer(&name, port, || println!("answering on port {port}")) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    eprintln!("port {port}: {error}");
                    ExitCode::FAILURE
                }
            }
        }
    }
}
