//! `speaker`: announces the addresses of Services from one node.

use std::process::ExitCode;

use clap::Parser;
use k8s_adapter::shutdown::Shutdown;
use k8s_adapter::speaker::{SpeakerFlags, run};
use k8s_adapter::telemetry;
use tracing::error;

/// Announces the addresses of Services of type LoadBalancer from this node, by BGP, ARP and NDP.
#[derive(Debug, Parser)]
#[command(name = "speaker", version)]
struct Arguments {
    #[command(flatten)]
    flags: SpeakerFlags,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { flags } = Arguments::parse();
    telemetry::init(flags.common.log_level);
    let mut shutdown = match Shutdown::catch() {
        Ok(shutdown) => shutdown,
        Err(error) => {
            error!(%error, "signals cannot be caught");
            return ExitCode::FAILURE;
        }
    };
    match run(&flags, shutdown.requested()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!(error = telemetry::chain(&error), "speaker cannot run");
            ExitCode::FAILURE
        }
    }
}
