//! The controllers that can be measured.

use std::fmt;
use std::path::PathBuf;
use std::process::Command;

use crate::cluster::{Access, ControlPlane};
use crate::topology::own_binary;
use crate::{LabError, Process};

/// The namespace that both of them run in.
pub(super) const NAMESPACE: &str = "metallb-system";

/// The pod that each is told to be; MetalLB's does not start without one.
const POD: &str = "controller";

/// A controller.
#[derive(Clone, Debug)]
pub enum Contender {
    /// The `controller` that was built beside this program.
    FerroLb,
    /// MetalLB's, by the path of its program.
    MetalLb(PathBuf),
}

impl Contender {
    /// Starts it in the namespace of a control plane, without a webhook.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(&self, plane: &ControlPlane, access: &Access) -> Result<Process, LabError> {
        let kubeconfig = plane.kubeconfig("contender", access)?;
        let mut command = match self {
            Self::FerroLb => Command::new(own_binary("controller")?),
            Self::MetalLb(path) => Command::new(path),
        };
        // Both look there when they are not in a pod.
        command
            .env("KUBECONFIG", kubeconfig)
            .env("METALLB_POD_NAME", POD)
            .args(["--namespace", NAMESPACE, "--webhook-mode=disabled"]);
        plane.spawn("contender", command)
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FerroLb => "FerroLB",
            Self::MetalLb(_) => "MetalLB",
        })
    }
}
