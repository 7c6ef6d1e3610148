//! A lab that is left standing for people who want to look: one for the machine, found by its fixed names.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use crate::folder::{create_anew, remove};
use crate::router::Kind;
use crate::{Lab, LabError, Names, Namespace, remaining, remove_all};

/// What the names of its namespaces begin with. No process id: [`crate::sweep`] leaves them alone.
const PREFIX: &str = "flb-lab-";

/// Where its files are.
const FOLDER: &str = "/run/ferrolb-lab";

/// The file that tells which router it has.
const STATE: &str = "router.txt";

/// How long the sessions may take to be established.
const PATIENCE: Duration = Duration::from_secs(60);

/// Builds the lab, starts the product with all manifests of the example, and leaves it running.
///
/// # Errors
/// When one stands already, or a part of it does not come up; then nothing is left.
pub fn up(kind: Kind) -> Result<(), LabError> {
    if !remaining(PREFIX)?.is_empty() {
        return Err(LabError::Unexpected(
            "a lab stands already; `down` removes it".to_owned(),
        ));
    }
    let folder = Path::new(FOLDER);
    create_anew(folder)?;
    let mut lab = Lab::build(kind, Names::Fixed(PREFIX.to_owned()), folder)?;
    let state = folder.join(STATE);
    fs::write(&state, kind.to_string())
        .map_err(LabError::io(format!("writing {}", state.display())))?;
    lab.manifests.write_example(|_| true)?;
    lab.start_product(PATIENCE)?;
    lab.keep();
    Ok(())
}

/// Ends all processes of the lab and removes it, whatever state it is in.
///
/// # Errors
/// When its files cannot be removed.
pub fn down() -> Result<(), LabError> {
    remove_all(PREFIX)?;
    remove(Path::new(FOLDER))
}

/// What the router and the status files of the lab say, as text.
///
/// # Errors
/// When none stands, or it does not answer.
pub fn status() -> Result<String, LabError> {
    let lab = attach()?;
    let mut text = format!("router: {}, files: {FOLDER}\n\n", lab.router.kind());
    for host in lab.topology.hosts() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:<8} {:<15} {}", host.name, host.ipv4, host.ipv6);
    }
    text.push_str("\nsessions of the router\n");
    for session in lab.router.sessions()? {
        let state = session.uptime.map_or_else(
            || format!("down: {}", session.last_error.unwrap_or_default()),
            |uptime| format!("established for {} s", uptime.as_secs()),
        );
        let _ = writeln!(text, "{:<16} {state}", session.neighbour);
    }
    text.push_str("\nroutes of the router\n");
    for route in lab.router.routes()? {
        let _ = writeln!(text, "{:<20} via {}", route.prefix, route.next_hop);
    }
    text.push_str("\nservices\n");
    for service in lab.manifests.statuses("services", "default")? {
        let name = service
            .pointer("/metadata/name")
            .and_then(|name| name.as_str())
            .unwrap_or_default();
        let addresses = lab.manifests.addresses("default", name)?;
        let owners = lab.manifests.layer2_nodes("default", name)?;
        let announcers = lab.manifests.bgp_nodes("default", name)?;
        let _ = writeln!(
            text,
            "{name:<8} {addresses:?} on the link: {owners:?} by BGP: {announcers:?}"
        );
    }
    Ok(text)
}

/// Runs a command on a host of the lab, with the caller's terminal, and returns how it ended.
///
/// # Errors
/// When there is no such host, or the command cannot be started.
pub fn exec(host: &str, program: &str, arguments: &[String]) -> Result<ExitStatus, LabError> {
    let namespace = Namespace::attach(format!("{PREFIX}{host}"))?;
    let mut command = Command::new(program);
    command.args(arguments);
    namespace
        .run(|| command.status())?
        .map_err(LabError::io(format!("running {program}")))
}

fn attach() -> Result<Lab, LabError> {
    let folder = Path::new(FOLDER);
    let kind = fs::read_to_string(folder.join(STATE))
        .map_err(LabError::io("looking for a lab that stands"))?;
    let kind = kind.parse().map_err(LabError::Unexpected)?;
    Lab::attach(kind, PREFIX, folder)
}
