//! `speaker`: announces the addresses of Services from one node.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use k8s_adapter::shutdown::Shutdown;
use k8s_adapter::speaker::{SpeakerFlags, give_up_privileges, run};
use k8s_adapter::telemetry;
use tokio::runtime::Builder;
use tracing::error;

/// Announces the addresses of Services of type LoadBalancer from this node, by BGP, ARP and NDP.
#[derive(Debug, Parser)]
#[command(name = "speaker", version)]
struct Arguments {
    #[command(flatten)]
    flags: SpeakerFlags,
}

fn main() -> ExitCode {
    let Arguments { flags } = Arguments::parse();
    telemetry::init(flags.common.log_level);
    match start(&flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!(error = telemetry::chain(&*error), "speaker cannot run");
            ExitCode::FAILURE
        }
    }
}

/// The runtime starts threads, so it comes after what counts for all of them.
fn start(flags: &SpeakerFlags) -> Result<(), Box<dyn Error>> {
    give_up_privileges(flags)?;
    let runtime = Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut shutdown = Shutdown::catch()?;
        Ok(run(flags, shutdown.requested()).await?)
    })
}

/// One to decide, one to answer meanwhile. Each costs memory: as many as the machine has processors are too many.
const THREADS: usize = 2;
