//! Where a contender is measured: an API server of its own, with what it finds there.

use std::process::Command;

use super::contender::{Contender, Role};
use crate::cluster::{Access, Audit, ControlPlane, Requests};
use crate::{LabError, Process};

/// The namespace of the contender and of all Services.
pub(crate) const NAMESPACE: &str = "metallb-system";

/// The node that a speaker is told to be on.
pub(crate) const NODE: &str = "node1";

/// What every contender finds; `ROLE` stands for the name of its role. The pool has room for every load.
const OBJECTS: &str = include_str!("objects.yaml");

/// The kinds, which MetalLB reads just as we do.
const DEFINITIONS: &str = include_str!("../../../deploy/manifests/crds.yaml");

/// An API server, and who the contender is to it.
#[derive(Debug)]
pub(crate) struct Site {
    /// The server.
    pub(crate) plane: ControlPlane,
    role: Role,
    access: Access,
}

impl Site {
    /// Starts the server and fills it.
    ///
    /// # Errors
    /// When it does not come up.
    pub(crate) fn build(role: Role) -> Result<Self, LabError> {
        Self::on(ControlPlane::start("bench")?, role)
    }

    /// Fills a server that runs already.
    ///
    /// # Errors
    /// When it refuses.
    pub(crate) fn on(plane: ControlPlane, role: Role) -> Result<Self, LabError> {
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
    pub(crate) fn start(&self, contender: &Contender) -> Result<Process, LabError> {
        let command = self.command(contender, NODE, self.role.name())?;
        self.plane.spawn("contender", command)
    }

    /// The command line of a contender that is told to be this pod on this node.
    ///
    /// # Errors
    /// When it is not built, or its files cannot be written.
    pub(crate) fn command(
        &self,
        contender: &Contender,
        node: &str,
        pod: &str,
    ) -> Result<Command, LabError> {
        let kubeconfig = self.plane.kubeconfig(pod, &self.access)?;
        let mut command = contender.program(self.role)?;
        // Both look there when they are not in a pod; MetalLB's does not start without the name of one.
        command
            .env("KUBECONFIG", kubeconfig)
            .env("METALLB_POD_NAME", pod)
            .args(["--namespace", NAMESPACE]);
        match self.role {
            Role::Controller => command.arg("--webhook-mode=disabled"),
            Role::Speaker => command.args(["--node-name", node]),
        };
        Ok(command)
    }

    /// What the contender has asked for since a place in the audit log.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(crate) fn requests(&self, since: &Audit) -> Result<Requests, LabError> {
        since.requests(&self.account())
    }

    /// The same since the last call alone.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(crate) fn take_requests(&self, since: &mut Audit) -> Result<Requests, LabError> {
        since.take_requests(&self.account())
    }

    /// Who the contender is to the server.
    fn account(&self) -> String {
        let account = self.role.name();
        format!("system:serviceaccount:{NAMESPACE}:{account}")
    }
}
