//! A whole cluster that is left standing for people who want to look: one for the machine, found by its fixed names.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use super::assembly::router_config;
use super::network::{NODES, ROUTERS};
use super::{Assets, Cluster};
use crate::folder::{create_anew, remove};
use crate::process::output;
use crate::router::{Kind, Router};
use crate::{LabError, Names, Namespace, Topology, remaining, remove_all};

/// What the names of its namespaces begin with. No process id: [`crate::sweep`] leaves them alone.
const PREFIX: &str = "flb-cluster-";

/// Where its files are.
const FOLDER: &str = "/run/ferrolb-cluster";

/// The kubeconfig file of one who may do everything.
const KUBECONFIG: &str = "admin.kubeconfig";

/// What people find in it: a pool of each kind, and a Service of each with a pod on every node.
const EXAMPLE: &str = include_str!("example.yaml");

/// The Services of the example.
const SERVICES: [&str; 2] = ["web", "shop"];

/// What to try next.
const HINTS: &str = "
ferrolb-lab cluster exec control kubectl get svc
ferrolb-lab cluster exec client curl http://198.18.0.1
ferrolb-lab cluster exec router1 ip route
ferrolb-lab cluster down
";

/// How long the API server or a router may take to answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long the example's Services may take to be reached.
const REACHED_TIMEOUT: Duration = Duration::from_secs(60);

/// Builds it, with two Services to look at, and leaves it running.
///
/// # Errors
/// When one stands already, or a part of it does not come up; then nothing is left.
pub fn up() -> Result<(), LabError> {
    if !remaining(PREFIX)?.is_empty() {
        return Err(LabError::Unexpected(
            "a cluster stands already; `cluster down` removes it".to_owned(),
        ));
    }
    let folder = Path::new(FOLDER);
    create_anew(folder)?;
    let cluster = Cluster::start(Names::Fixed(PREFIX.to_owned()), folder)?;
    cluster.plane.access().write(&folder.join(KUBECONFIG))?;
    cluster.plane.apply(EXAMPLE, "default")?;
    let mut pods = Vec::new();
    for service in SERVICES {
        for node in cluster.node_names() {
            let pod = format!("{service}-{node}");
            pods.push(cluster.start_pod(&node, "default", &pod, service)?);
        }
    }
    let client = &cluster.topology.client;
    for address in ["198.18.0.1", "198.19.0.1", "2001:db8:19::1"] {
        let address = address
            .parse()
            .map_err(|_| LabError::Unexpected(format!("address {address}")))?;
        client.get_within(address, REACHED_TIMEOUT)?;
    }
    for mut pod in pods {
        pod.keep();
    }
    cluster.keep()
}

/// Ends all processes of the cluster and removes it, whatever state it is in.
///
/// # Errors
/// When its files cannot be removed.
pub fn down() -> Result<(), LabError> {
    remove_all(PREFIX)?;
    remove(Path::new(FOLDER))
}

/// What the routers and the API server of the cluster say, and how to ask more, as text.
///
/// # Errors
/// When none stands, or it does not answer.
pub fn status() -> Result<String, LabError> {
    let topology = Topology::attach(PREFIX, NODES, ROUTERS)?;
    let mut text = format!("files and logs: {FOLDER}\n\n");
    for host in topology.hosts().chain([&topology.control]) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:<8} {:<15} {}", host.name, host.ipv4, host.ipv6);
    }
    for (kind, host) in [Kind::Frr, Kind::Bird].into_iter().zip(&topology.routers) {
        let folder = Path::new(FOLDER).join(kind.to_string());
        let config = router_config(kind, host, &topology.nodes);
        let router = Router::attach(kind, host, &folder, &config)?;
        let sessions = router.sessions()?;
        let up = sessions.iter().filter(|session| session.uptime.is_some());
        let _ = writeln!(
            text,
            "\n{} ({kind}): {} of {} sessions established",
            host.name,
            up.count(),
            sessions.len()
        );
        for route in router.routes()? {
            let _ = writeln!(text, "  {:<20} via {}", route.prefix, route.next_hop);
        }
    }
    for question in [
        "get nodes,services,pods",
        "get servicel2status,servicebgpstatus -A",
    ] {
        let _ = writeln!(text, "\n$ kubectl {question}\n{}", kubectl(question)?);
    }
    text.push_str(HINTS);
    Ok(text)
}

/// Runs a command on a machine of the cluster, with the caller's terminal, and returns how it ended. `kubectl` is found,
/// and finds the API server.
///
/// # Errors
/// When there is no such machine, or the command cannot be started.
pub fn exec(host: &str, program: &str, arguments: &[String]) -> Result<ExitStatus, LabError> {
    let namespace = Namespace::attach(format!("{PREFIX}{host}"))?;
    let mut command = command(program)?;
    command.args(arguments);
    namespace
        .run(|| command.status())?
        .map_err(LabError::io(format!("running {program}")))
}

fn kubectl(arguments: &str) -> Result<String, LabError> {
    let namespace = Namespace::attach(format!("{PREFIX}control"))?;
    let mut command = command("kubectl")?;
    command.args(arguments.split_whitespace());
    namespace.run(|| output(command, TIMEOUT))?
}

/// A command that finds the API server; kubectl itself is where the control plane is from.
fn command(program: &str) -> Result<Command, LabError> {
    let mut command = if program == "kubectl" {
        Assets::find()?.program(program)
    } else {
        Command::new(program)
    };
    command.env("KUBECONFIG", Path::new(FOLDER).join(KUBECONFIG));
    Ok(command)
}
