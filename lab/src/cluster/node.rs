//! A machine of the topology as a Kubernetes node: its object, and kube-proxy.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use k8s_openapi::api::core::v1::Node;
use kube::ResourceExt as _;
use kube::api::{Api, PostParams};
use serde_json::{Value, json};

use super::network::PodRange;
use super::{Access, Assets, ControlPlane};
use crate::topology::HTTP_PORT;
use crate::{Host, LabError, Process};

/// Registers a machine, as its kubelet would.
pub(crate) fn register(plane: &ControlPlane, host: &Host) -> Result<(), LabError> {
    let what = format!("registering {}", host.name);
    let node = object(host)?;
    let api: Api<Node> = Api::all(plane.client());
    // Not applied: only who creates a Node may give it its status in one go.
    plane
        .block_on(async move { api.create(&PostParams::default(), &node).await })
        .map(drop)
        .map_err(LabError::kubernetes(what))
}

/// Makes the Node of a machine what it was when it was registered.
pub(super) fn restore(plane: &ControlPlane, host: &Host) -> Result<(), LabError> {
    let mut node = object(host)?;
    let api: Api<Node> = Api::all(plane.client());
    let restored = plane.block_on(async move {
        let (name, parameters) = (node.name_any(), PostParams::default());
        node.metadata.resource_version = api.get(&name).await?.resource_version();
        let now = api.replace(&name, &parameters, &node).await?;
        node.metadata.resource_version = now.resource_version();
        api.replace_status(&name, &parameters, &node).await
    });
    restored
        .map(drop)
        .map_err(LabError::kubernetes(format!("restoring {}", host.name)))
}

fn object(host: &Host) -> Result<Node, LabError> {
    serde_json::from_value(json(host))
        .map_err(|error| LabError::Unexpected(format!("the Node of {}: {error}", host.name)))
}

fn json(host: &Host) -> Value {
    let pods = PodRange::of(host);
    let (v4, v6) = (format!("{}/16", pods.v4), format!("{}/64", pods.v6));
    let condition = |kind: &str, status: &str| {
        json!({"type": kind, "status": status, "reason": "Lab", "message": "",
            "lastHeartbeatTime": null, "lastTransitionTime": null})
    };
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": host.name,
            "labels": {"kubernetes.io/hostname": host.name, "kubernetes.io/os": "linux"},
        },
        "spec": {"podCIDR": v4, "podCIDRs": [v4, v6]},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": host.ipv4},
                {"type": "InternalIP", "address": host.ipv6},
                {"type": "Hostname", "address": host.name},
            ],
            "conditions": [condition("Ready", "True"), condition("NetworkUnavailable", "False")],
        },
    })
}

/// Starts kube-proxy on a machine; its files go to `folder`.
pub(super) fn start_proxy(
    host: &Host,
    access: &Access,
    folder: &Path,
) -> Result<Process, LabError> {
    let name = format!("kube-proxy-{}", host.name);
    let kubeconfig = folder.join(format!("{name}.kubeconfig"));
    access.write(&kubeconfig)?;
    let config = folder.join(format!("{name}.json"));
    fs::write(&config, proxy_config(host, &kubeconfig).to_string())
        .map_err(LabError::io(format!("writing {}", config.display())))?;
    let mut command = Assets::find()?.program("kube-proxy");
    command.arg("--config").arg(config);
    host.namespace.spawn(&name, command, folder)
}

impl Host {
    /// Whether kube-proxy of this machine forwards what is sent to an address of a Service. A machine whose kube-proxy is
    /// behind sends it back to the router.
    ///
    /// # Errors
    /// When nft cannot be run.
    pub fn forwards(&self, address: IpAddr) -> Result<bool, LabError> {
        let family = match address {
            IpAddr::V4(_) => "ip",
            IpAddr::V6(_) => "ip6",
        };
        let list = ["list", "map", family, "kube-proxy", "service-ips"];
        let text = self.namespace.exec("nft", list)?;
        Ok(text.contains(&format!(" {address} . tcp . {HTTP_PORT} ")))
    }
}

fn proxy_config(host: &Host, kubeconfig: &Path) -> Value {
    json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration",
        "hostnameOverride": host.name,
        "clientConnection": {"kubeconfig": kubeconfig},
        "mode": "nftables",
        // By default a change waits for a second.
        "nftables": {"minSyncPeriod": "20ms"},
        // These are the machine's, not the namespace's.
        "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "oomScoreAdj": 0,
    })
}
