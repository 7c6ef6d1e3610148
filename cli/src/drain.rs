//! `ferrolb drain`: lets a node go of what it announces.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use k8s_adapter::client::{self, ClientError};
use k8s_adapter::flags::DEFAULT_NAMESPACE;
use k8s_adapter::sink::node::{Announced, Request, ask};
use k8s_adapter::source::SourceOption;
use planner::node::DRAIN;
use tokio::runtime;
use tokio::time::{Instant, sleep};

/// Lead traffic away from a node: its routes first say that they will go, then they go, and other nodes take over.
///
/// The Node is annotated with ferrolb.io/drain, which lasts until --undo takes it away. The command waits until nothing is
/// announced from the node any more; with what is still announced when the time is up, the status is 1.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The name of the Node.
    node: String,
    /// Announce from the node again, and do not wait.
    #[arg(long)]
    undo: bool,
    /// How long to wait; 0: not at all.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    timeout: u64,
    /// The namespace of FerroLB's own objects.
    #[arg(long, env = "METALLB_NAMESPACE", default_value = DEFAULT_NAMESPACE)]
    namespace: String,
    /// Where the Node is: kube, the Kubernetes API. A folder of manifests is for its owner to edit.
    #[arg(long, value_name = "kube|dir:PATH", default_value = "kube")]
    source: SourceOption,
    /// How to reach the API server; without it as KUBECONFIG or ~/.kube/config say.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

/// Why a node cannot be asked, or watched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DrainError {
    /// Manifests belong to who wrote them.
    #[error(
        "a folder has no API server to ask: add the annotation {DRAIN}: \"true\" to Node {node} in {}, and remove it to undo",
        folder.display()
    )]
    Folder { node: String, folder: PathBuf },
    /// There is no way to the API server.
    #[error("no way to the API server")]
    Client(#[from] ClientError),
    /// The Node cannot be annotated.
    #[error("Node {node} cannot be annotated with {DRAIN}")]
    Annotate {
        node: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What the node announces cannot be seen.
    #[error(
        "Node {node} is asked to drain, but its ServiceBGPStatuses and ServiceL2Statuses in namespace {namespace} cannot be listed"
    )]
    Look {
        node: String,
        namespace: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no asynchronous runtime.
    #[error("cannot start")]
    Runtime(#[source] io::Error),
    /// Nobody reads what there is to say.
    #[error("cannot write to the standard output")]
    Say(#[source] io::Error),
}

/// Asks the node, and waits. The status is 1 when something is still announced at the end.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, DrainError> {
    if let SourceOption::Dir(folder) = &arguments.source {
        return Err(in_folder(arguments, folder));
    }
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(DrainError::Runtime)?;
    runtime.block_on(drain(arguments))
}

fn in_folder(arguments: &Arguments, folder: &Path) -> DrainError {
    DrainError::Folder {
        node: arguments.node.clone(),
        folder: folder.to_owned(),
    }
}

async fn drain(arguments: &Arguments) -> Result<ExitCode, DrainError> {
    let client = client::connect(arguments.kubeconfig.as_deref()).await?;
    let Arguments {
        node, namespace, ..
    } = arguments;
    let request = if arguments.undo {
        Request::Stay
    } else {
        Request::Drain
    };
    let asked = ask(&client, node, request).await;
    asked.map_err(|source| DrainError::Annotate {
        node: node.clone(),
        source: source.into(),
    })?;
    if request == Request::Stay {
        say(format_args!("{node} announces again what it can"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let end = Instant::now() + Duration::from_secs(arguments.timeout);
    let mut told = None;
    loop {
        let announced = Announced::by(&client, namespace, node).await;
        let announced = announced.map_err(|source| DrainError::Look {
            node: node.clone(),
            namespace: namespace.clone(),
            source: source.into(),
        })?;
        if announced.is_nothing() {
            say(format_args!("{node} announces nothing any more"))?;
            return Ok(ExitCode::SUCCESS);
        }
        if Instant::now() >= end {
            say(format_args!(
                "{node} is asked to drain, and still announces {announced}"
            ))?;
            return Ok(ExitCode::from(STILL_ANNOUNCED));
        }
        let words = announced.to_string();
        if told.as_ref() != Some(&words) {
            say(format_args!("waiting: {node} still announces {words}"))?;
            told = Some(words);
        }
        sleep(PAUSE).await;
    }
}

fn say(text: fmt::Arguments<'_>) -> Result<(), DrainError> {
    writeln!(io::stdout(), "{text}").map_err(DrainError::Say)
}

/// The status when the time is up.
const STILL_ANNOUNCED: u8 = 1;
/// Between two looks at what is announced.
const PAUSE: Duration = Duration::from_millis(500);
