//! The product's `speaker` as a process on a node of a cluster.

use std::process::Command;

use super::product::NAMESPACE;
use super::{Access, ControlPlane, membership};
use crate::topology::own_binary;
use crate::{Host, LabError, Process};

/// Starts one on a machine, as its DaemonSet would; its output goes to `speaker-<node>.log` beside that of the control
/// plane.
pub(super) fn start(
    plane: &ControlPlane,
    node: &Host,
    access: &Access,
    flags: &[String],
) -> Result<Process, LabError> {
    let name = pod_name(node);
    let mut command = Command::new(own_binary("speaker")?);
    command
        .args(["--source", "kube", "--kubeconfig"])
        .arg(plane.kubeconfig(&name, access)?)
        .args(["--namespace", NAMESPACE])
        .args(flags)
        .env("METALLB_NODE_NAME", &node.name)
        .env("METALLB_POD_NAME", &name);
    membership::configure(&mut command, node, plane.folder())?;
    node.namespace.spawn(&name, command, plane.folder())
}

/// The name of the pod that a speaker is, and of the process.
pub(crate) fn pod_name(node: &Host) -> String {
    format!("speaker-{}", node.name)
}
