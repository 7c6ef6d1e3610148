//! The lab on the command line.

use std::error::Error;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use clap::{Parser, Subcommand};
use lab::router::{self, Kind};
use lab::{ArpLoad, Contender, LabError, Load, Policy, Times, cluster, standing};

/// Network namespaces as nodes, a real router and a client; needs root.
#[derive(Debug, Parser)]
#[command(name = "ferrolb-lab", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows the product at work, step by step, and removes everything again
    Demo {
        #[command(flatten)]
        router: RouterFlag,
    },
    /// Builds the demo's lab and leaves it standing
    Up {
        #[command(flatten)]
        router: RouterFlag,
    },
    /// Removes the lab that stands
    Down,
    /// Shows what the router and the product of the standing lab say
    Status,
    /// Runs a command on a host of the standing lab: node1, node2, node3, router1, client
    Exec {
        /// The host.
        host: String,
        /// The program and its arguments.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// A whole Kubernetes cluster: nodes with kube-proxy, FRR and BIRD, the controller and the speakers
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// Measures the controller on a real API server, beside MetalLB's if there is one
    BenchController {
        /// The program of MetalLB's controller
        #[arg(long, env = "METALLB_CONTROLLER", value_name = "FILE")]
        metallb: Option<PathBuf>,
        /// How many Services are created at once
        #[arg(
            long,
            env = "SERVICES",
            value_delimiter = ',',
            default_value = "100,1000,5000"
        )]
        services: Vec<usize>,
    },
    /// Measures the speaker on a real API server, beside MetalLB's if there is one
    BenchSpeaker {
        /// The program of MetalLB's speaker
        #[arg(long, env = "METALLB_SPEAKER", value_name = "FILE")]
        metallb: Option<PathBuf>,
        /// How many Services there are
        #[arg(
            long,
            env = "SERVICES",
            value_delimiter = ',',
            default_value = "1000,5000"
        )]
        services: Vec<u32>,
    },
    /// Measures how addresses on the link move between speakers, beside MetalLB's if there is one
    BenchFailover {
        /// The program of MetalLB's speaker
        #[arg(long, env = "METALLB_SPEAKER", value_name = "FILE")]
        metallb: Option<PathBuf>,
        /// How often a speaker crashes, ends, is drained, and its link fails in each way
        #[arg(long, env = "TRIALS", default_value = "30")]
        trials: usize,
        /// How often the members are cut off from each other
        #[arg(long, env = "SPLITS", default_value = "50")]
        splits: usize,
    },
    /// Measures how fast ARP requests are answered, beside the kernel
    BenchL2 {
        /// How many addresses are answered for
        #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        addresses: u32,
        /// How many requests are sent in a second
        #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        per_second: u32,
        /// For how many seconds
        #[arg(long, default_value_t = 5)]
        seconds: u64,
    },
    /// Is the built-in router, from one file with its configuration, telling its state in another
    #[command(hide = true)]
    Router {
        /// The configuration.
        config: PathBuf,
        /// The state.
        status: PathBuf,
    },
    /// Removes everything of a process as soon as standard input ends
    #[command(hide = true)]
    Guard {
        /// The process.
        pid: u32,
    },
    /// Answers HTTP requests with a name (the workload of the lab's nodes)
    #[command(hide = true)]
    Answer {
        /// The answer.
        name: String,
        /// The port, of TCP and of UDP.
        port: u16,
        /// The addresses; all of the namespace if there are none.
        addresses: Vec<IpAddr>,
    },
}

#[derive(Debug, Subcommand)]
enum ClusterCommand {
    /// Builds it, with two Services to look at, and leaves it standing
    Up,
    /// Removes it
    Down,
    /// Shows what its routers and its API server say
    Status,
    /// Runs a command on a machine of it: control, node1, node2, node3, router1, router2, client
    Exec {
        /// The machine.
        host: String,
        /// The program and its arguments; kubectl is always there.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
}

#[derive(Debug, clap::Args)]
struct RouterFlag {
    /// frr, bird or builtin; by default the first that is installed
    #[arg(long, env = "ROUTER", value_name = "KIND")]
    router: Option<Kind>,
}

impl RouterFlag {
    fn kind(&self) -> Kind {
        self.router.unwrap_or_else(Kind::preferred)
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            let mut cause: Option<&dyn Error> = Some(&error);
            while let Some(error) = cause {
                eprintln!("ferrolb-lab: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode, LabError> {
    match command {
        Command::Demo { router } => {
            lab::interrupt_on_signals().map_err(LabError::io("catching signals"))?;
            lab::demo(router.kind(), io::stdout())?;
        }
        Command::Up { router } => {
            lab::interrupt_on_signals().map_err(LabError::io("catching signals"))?;
            standing::up(router.kind())?;
            print(&standing::status()?)?;
        }
        Command::BenchController { metallb, services } => {
            lab::interrupt_on_signals().map_err(LabError::io("catching signals"))?;
            let policies = [Policy::Cluster, Policy::Local];
            let loads: Vec<Load> = services
                .into_iter()
                .flat_map(|services| policies.map(|policy| Load { services, policy }))
                .collect();
            lab::bench_controller(&contenders(metallb), &loads, io::stdout())?;
        }
        Command::BenchSpeaker { metallb, services } => {
            lab::interrupt_on_signals().map_err(LabError::io("catching signals"))?;
            lab::bench_speaker(&contenders(metallb), &services, io::stdout())?;
        }
        Command::BenchFailover {
            metallb,
            trials,
            splits,
        } => {
            lab::interrupt_on_signals().map_err(LabError::io("catching signals"))?;
            let times = Times { trials, splits };
            lab::bench_failover(&contenders(metallb), times, io::stdout())?;
        }
        Command::BenchL2 {
            addresses,
            per_second,
            seconds,
        } => {
            lab::interrupt_on_signals().map_err(LabError::io("catching signals"))?;
            let load = ArpLoad {
                addresses,
                per_second,
                time: Duration::from_secs(seconds),
            };
            lab::bench_layer2(load, io::stdout())?;
        }
        Command::Down => standing::down()?,
        Command::Status => print(&standing::status()?)?,
        Command::Exec { host, command } => {
            let (program, arguments) = split(&command);
            return Ok(exit_code(standing::exec(&host, program, arguments)?));
        }
        Command::Cluster(command) => return run_cluster(command),
        Command::Router { config, status } => router::run_builtin(&config, &status)?,
        Command::Guard { pid } => lab::guard(pid)?,
        Command::Answer {
            name,
            port,
            addresses,
        } => {
            let ready = || print(&format!("answering on port {port}\n"));
            lab::answer(&name, port, &addresses, ready)
                .map_err(LabError::io(format!("answering on port {port}")))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Ours, and MetalLB's where it is given.
fn contenders(metallb: Option<PathBuf>) -> Vec<Contender> {
    let metallb = metallb.map(Contender::MetalLb);
    [Contender::FerroLb].into_iter().chain(metallb).collect()
}

fn run_cluster(command: ClusterCommand) -> Result<ExitCode, LabError> {
    match command {
        ClusterCommand::Up => {
            lab::interrupt_on_signals().map_err(LabError::io("catching signals"))?;
            cluster::standing::up()?;
            print(&cluster::standing::status()?)?;
        }
        ClusterCommand::Down => cluster::standing::down()?,
        ClusterCommand::Status => print(&cluster::standing::status()?)?,
        ClusterCommand::Exec { host, command } => {
            let (program, arguments) = split(&command);
            let status = cluster::standing::exec(&host, program, arguments)?;
            return Ok(exit_code(status));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A command line, which has at least one word, as a program and its arguments.
fn split(command: &[String]) -> (&str, &[String]) {
    command
        .split_first()
        .map_or(("", &[]), |(program, rest)| (program.as_str(), rest))
}

fn print(text: &str) -> Result<(), LabError> {
    io::stdout()
        .write_all(text.as_bytes())
        .map_err(LabError::io("printing"))
}

/// The same for the caller; a program ended by a signal counts as failed.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}
