//! A pod: its object, and a process with addresses of its own that answers with the pod's name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1 as core;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::ControlPlane;
use super::network::PodRange;
use crate::topology::{HTTP_PORT, own_binary};
use crate::{Host, LabError, Namespace, Process};

/// How long a pod may take to accept connections.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a pod that is being deleted may go on, in seconds: until the test says otherwise.
const GRACE: u32 = 3600;

/// Each pod has addresses of its own, whichever node it is on.
static NEXT: AtomicU16 = AtomicU16::new(2);

/// A pod that runs and is ready. Dropping it ends the process, gives up the addresses and deletes the object.
#[derive(Debug)]
pub struct Pod {
    plane: Arc<ControlPlane>,
    /// The node's.
    namespace: Namespace,
    key: (String, String),
    addresses: [IpAddr; 2],
    process: Process,
    on_drop: OnDrop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnDrop {
    Remove,
    Keep,
}

impl Pod {
    /// Starts one on a node, with the label `app`, and waits until it is ready. It answers with its name on port 80 of
    /// TCP and UDP, on both its addresses.
    ///
    /// # Errors
    /// When the process does not come up, or the API server refuses the object.
    pub fn start(
        plane: &Arc<ControlPlane>,
        node: &Host,
        namespace: &str,
        name: &str,
        app: &str,
    ) -> Result<Self, LabError> {
        let index = NEXT.fetch_add(1, Ordering::Relaxed);
        let addresses = PodRange::of(node).pod(index);
        let process = start_process(node, name, addresses, plane.folder())?;
        let pod = Self {
            plane: Arc::clone(plane),
            namespace: Namespace::attach(node.namespace.name().to_owned())?,
            key: (namespace.to_owned(), name.to_owned()),
            addresses: [addresses.0.into(), addresses.1.into()],
            process,
            on_drop: OnDrop::Remove,
        };
        pod.create(node, app)?;
        Ok(pod)
    }

    /// Its name, which is also what it answers.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.key.1
    }

    /// Its address of IPv4, then that of IPv6.
    #[must_use]
    pub fn addresses(&self) -> [IpAddr; 2] {
        self.addresses
    }

    /// Reports it as ready or not, as its kubelet would after a probe; the process answers all the same.
    ///
    /// # Errors
    /// When the API server refuses.
    pub fn set_ready(&self, readiness: Readiness) -> Result<(), LabError> {
        self.patch_status(probed(readiness))
    }

    /// Leaves it running when this value is dropped.
    pub fn keep(&mut self) {
        self.on_drop = OnDrop::Keep;
        self.process.keep();
    }

    /// Asks for its end, and lets it go on: its endpoint is terminating and still serves.
    ///
    /// # Errors
    /// When the API server refuses.
    pub fn begin_termination(&self) -> Result<(), LabError> {
        self.delete(GRACE)
    }

    fn create(&self, node: &Host, app: &str) -> Result<(), LabError> {
        let what = format!("creating pod {}", self.name());
        let object = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": self.name(), "labels": {"app": app}},
            "spec": {
                "nodeName": node.name,
                "containers": [{"name": "answer", "image": "ferrolb-lab"}],
            },
        });
        let pod: core::Pod = serde_json::from_value(object)
            .map_err(|error| LabError::Unexpected(format!("{what}: {error}")))?;
        let api = self.api();
        self.plane
            .block_on(async move { api.create(&PostParams::default(), &pod).await })
            .map_err(LabError::kubernetes(what))?;
        let [v4, v6] = self.addresses;
        self.patch_status(json!({
            "phase": "Running",
            "hostIP": node.ipv4, "podIP": v4, "podIPs": [{"ip": v4}, {"ip": v6}],
        }))?;
        self.patch_status(probed(Readiness::Ready))
    }

    fn patch_status(&self, status: Value) -> Result<(), LabError> {
        let (api, name) = (self.api(), self.name().to_owned());
        let patch = Patch::Strategic(json!({"status": status}));
        let done = self.plane.block_on(async move {
            api.patch_status(&name, &PatchParams::default(), &patch)
                .await
        });
        done.map(drop).map_err(LabError::kubernetes(format!(
            "status of pod {}",
            self.name()
        )))
    }

    fn delete(&self, grace: u32) -> Result<(), LabError> {
        let (api, name) = (self.api(), self.name().to_owned());
        let parameters = DeleteParams::default().grace_period(grace);
        let done = self
            .plane
            .block_on(async move { api.delete(&name, &parameters).await });
        done.map(drop).map_err(LabError::kubernetes(format!(
            "deleting pod {}",
            self.name()
        )))
    }

    fn api(&self) -> Api<core::Pod> {
        Api::namespaced(self.plane.client(), &self.key.0)
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        if self.on_drop == OnDrop::Keep {
            return;
        }
        // Without an API server, or a node, nobody asks for it any more.
        let _ = self.delete(0);
        for address in self.addresses {
            let _ = self.namespace.ip(&format!("addr del {address} dev lo"));
        }
    }
}

/// Whether a pod can serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It can.
    Ready,
    /// It says that it cannot.
    NotReady,
}

/// The part of a pod's status that follows from a probe.
fn probed(readiness: Readiness) -> Value {
    let ready = readiness == Readiness::Ready;
    json!({
        "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}],
        "containerStatuses": [{
            "name": "answer", "image": "ferrolb-lab", "imageID": "", "restartCount": 0, "ready": ready,
        }],
    })
}

fn start_process(
    node: &Host,
    name: &str,
    (v4, v6): (Ipv4Addr, Ipv6Addr),
    logs: &Path,
) -> Result<Process, LabError> {
    node.namespace.ip(&format!("addr add {v4}/32 dev lo"))?;
    node.namespace
        .ip(&format!("addr add {v6}/128 dev lo nodad"))?;
    let mut command = Command::new(own_binary("ferrolb-lab")?);
    command.args(["answer", name, &HTTP_PORT.to_string()]);
    command.args([v4.to_string(), v6.to_string()]);
    let mut process = node.namespace.spawn(&format!("pod-{v4}"), command, logs)?;
    process.wait_for_line("answering", START_TIMEOUT)?;
    Ok(process)
}
