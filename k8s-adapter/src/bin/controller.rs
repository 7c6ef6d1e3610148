//! `controller`: hands out addresses to Services.

use std::process::ExitCode;

use clap::Parser;
use k8s_adapter::controller::{ControllerFlags, run};
use k8s_adapter::shutdown::Shutdown;
use k8s_adapter::telemetry;
use tracing::error;

/// Hands out addresses from IPAddressPools to Services of type LoadBalancer.
#[derive(Debug, Parser)]
#[command(name = "controller", version)]
struct Arguments {
    #[command(flatten)]
    flags: ControllerFlags,
}

// There is one thing to do at a time, and each thread costs memory: as many as the machine has processors are too many.
#[tokio::main(worker_threads = 2)]
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
            error!(error = telemetry::chain(&error), "controller cannot run");
            ExitCode::FAILURE
        }
    }
}
