//! Where a contender is measured: an API server of its own, with what it finds there.

use super::contender::{Contender, Role};
use crate::cluster::{Access, Audit, ControlPlane, Requests};
use crate::{LabError, Process};

/// The namespace of the contender and of all Services.
pub(super) const NAMESPACE: &str = "metallb-system";

/// The node that a speaker is told to be on.
pub(super) const NODE: &str = "node1";

/// What every contender finds; `ROLE` stands for the name of its role. The pool has room for every load.
const OBJECTS: &str = include_str!("objects.yaml");

/// The kinds, which MetalLB reads just as we do.
const DEFINITIONS: &str = include_str!("../../../deploy/manifests/crds.yaml");

/// An API server, and who the contender is to it.
#[derive(Debug)]
pub(super) struct Site {
    /// The server.
    pub(super) plane: ControlPlane,
    role: Role,
    access: Access,
}

impl Site {
    /// Starts the server and fills it.
    ///
    /// # Errors
    /// When it does not come up.
    pub(super) fn build(role: Role) -> Result<Self, LabError> {
        let plane = ControlPlane::start("bench")?;
        plane.apply(DEFINITIONS, NAMESPACE)?;
        plane.apply(&OBJECTS.replace("ROLE", role.name()), NAMESPACE)?;
        let access = plane.access_of(NAMESPACE, role.name())?;
        Ok(Self {
            plane,
            role,
            access,
        })
    }

    /// Starts a contender in the namespace of the server.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(&self, contender: &Contender) -> Result<Process, LabError> {
        let kubeconfig = self.plane.kubeconfig("contender", &self.access)?;
        let mut command = contender.program(self.role)?;
        // Both look there when they are not in a pod; MetalLB's does not start without the name of one.
        command
            .env("KUBECONFIG", kubeconfig)
            .env("METALLB_POD_NAME", self.role.name())
            .args(["--namespace", NAMESPACE]);
        match self.role {
            Role::Controller => command.arg("--webhook-mode=disabled"),
            Role::Speaker => command.args(["--node-name", NODE]),
        };
        self.plane.spawn("contender", command)
    }

    /// What the contender has asked for since a place in the audit log.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(super) fn requests(&self, since: &Audit) -> Result<Requests, LabError> {
        let account = self.role.name();
        since.requests(&format!("system:serviceaccount:{NAMESPACE}:{account}"))
    }
}
