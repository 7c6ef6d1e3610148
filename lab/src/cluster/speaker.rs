//! The product's `speaker` as a process on a node of a cluster.

use std::process::{Command, ExitStatus};
use std::time::Duration;

use super::product::NAMESPACE;
use super::{Access, ControlPlane};
use crate::topology::own_binary;
use crate::{Host, LabError, Process};

/// How long the process may take to end after SIGTERM: as long as its pod would be given.
const GOODBYE: Duration = Duration::from_secs(30);

/// A speaker that runs. Dropping it kills it.
#[derive(Debug)]
pub struct Speaker {
    process: Process,
}

impl Speaker {
    /// Starts one on a machine, as its DaemonSet would; its output goes to `speaker-<node>.log` beside that of the
    /// control plane.
    ///
    /// # Errors
    /// When it is not built or cannot be started.
    pub fn start(
        plane: &ControlPlane,
        node: &Host,
        access: &Access,
        flags: &[String],
    ) -> Result<Self, LabError> {
        let name = pod_name(node);
        let mut command = Command::new(own_binary("speaker")?);
        command
            .args(["--source", "kube", "--kubeconfig"])
            .arg(plane.kubeconfig(&name, access)?)
            .args(["--namespace", NAMESPACE])
            .args(flags)
            .env("METALLB_NODE_NAME", &node.name)
            .env("METALLB_POD_NAME", &name);
        let process = node.namespace.spawn(&name, command, plane.folder())?;
        Ok(Self { process })
    }

    /// Asks it to end by SIGTERM, and waits until it has, for 30 s at most.
    ///
    /// # Errors
    /// When it does not end.
    pub fn terminate(self) -> Result<ExitStatus, LabError> {
        self.process.terminate(GOODBYE)
    }

    /// Ends it by SIGKILL.
    ///
    /// # Errors
    /// When the system does not allow it.
    pub fn kill(self) -> Result<(), LabError> {
        self.process.kill()
    }

    /// The process: its log, its id, signals.
    #[must_use]
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// The name of the pod that a speaker is, and of the process.
pub(crate) fn pod_name(node: &Host) -> String {
    format!("speaker-{}", node.name)
}
