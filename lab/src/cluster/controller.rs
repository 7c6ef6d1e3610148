//! The product's `controller` as a process beside the API server.

use std::process::{Command, ExitStatus};
use std::time::Duration;

use super::{Access, ControlPlane};
use crate::topology::own_binary;
use crate::{LabError, Process};

/// How long the process may take to end after SIGTERM.
const GOODBYE: Duration = Duration::from_secs(10);

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

/// A controller that runs. Dropping it kills it.
#[derive(Debug)]
pub struct Controller {
    process: Process,
}

impl Controller {
    /// Starts one in the namespace of the control plane.
    ///
    /// # Errors
    /// When it is not built or cannot be started.
    pub fn start(plane: &ControlPlane, run: &Run) -> Result<Self, LabError> {
        let mut command = Command::new(own_binary("controller")?);
        command
            .args(["--source", "kube", "--kubeconfig"])
            .arg(plane.kubeconfig(&run.name, &run.access)?)
            .args(["--namespace", &run.namespace])
            .args(["--lb-class", &run.lb_class])
            .args(["--port", &run.port.to_string()])
            .args(["--health-probe-port", &(run.port + 1).to_string()])
            .args(&run.flags);
        let process = plane.spawn(&run.name, command)?;
        Ok(Self { process })
    }

    /// Asks it to end by SIGTERM, and waits until it has, for 10 s at most.
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
