//! The product's `controller` as a process beside the API server.

use std::process::Command;

use super::{Access, ControlPlane};
use crate::topology::own_binary;
use crate::{LabError, Process};

/// What a controller is started with.
#[derive(Clone, Debug)]
pub struct Run {
    /// What the process and its log are called; one of its own for each that runs at the same time.
    pub name: String,
    /// The namespace of its own objects.
    pub namespace: String,
    /// The loadBalancerClass that it serves; empty: Services without one.
    pub lb_class: String,
    /// Who it is to the API server.
    pub access: Access,
    /// The port of its metrics; its probes are on the next one.
    pub port: u16,
    /// Further flags.
    pub flags: Vec<String>,
}

impl Run {
    /// Starts a controller in the namespace of the control plane.
    ///
    /// # Errors
    /// When it is not built or cannot be started.
    pub fn start(&self, plane: &ControlPlane) -> Result<Process, LabError> {
        let mut command = Command::new(own_binary("controller")?);
        command
            .args(["--source", "kube", "--kubeconfig"])
            .arg(plane.kubeconfig(&self.name, &self.access)?)
            .args(["--namespace", &self.namespace])
            .args(["--lb-class", &self.lb_class])
            .args(["--port", &self.port.to_string()])
            .args(["--health-probe-port", &(self.port + 1).to_string()])
            .args(&self.flags);
        plane.spawn(&self.name, command)
    }
}
