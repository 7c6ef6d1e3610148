//! What the product has in a cluster before it runs: its kinds, its accounts and their rights, as they are shipped.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::json;

use super::speaker::pod_name;
use super::{ControlPlane, apply};
use crate::{Host, LabError};

/// The namespace of the product's own objects.
pub const NAMESPACE: &str = "metallb-system";

/// The manifests, in the order in which they are applied.
const MANIFESTS: [&str; 6] = [
    include_str!("../../../deploy/manifests/namespace.yaml"),
    include_str!("../../../deploy/manifests/crds.yaml"),
    include_str!("../../../deploy/manifests/rbac.yaml"),
    include_str!("../../../deploy/manifests/controller.yaml"),
    include_str!("../../../deploy/manifests/speaker-rbac.yaml"),
    include_str!("../../../deploy/manifests/speaker.yaml"),
];

/// Applies what is shipped, but for what would run pods: here nobody would start them.
pub(super) fn install(plane: &ControlPlane) -> Result<(), LabError> {
    for manifest in MANIFESTS {
        let mut objects = apply::objects(manifest)?;
        objects.retain(|object| {
            let kind = object.types.as_ref().map_or("", |types| &types.kind);
            !["Deployment", "DaemonSet"].contains(&kind)
        });
        plane.apply_objects(objects, NAMESPACE)?;
    }
    Ok(())
}

/// Registers the pod that a speaker is, with the addresses of its node: it owns what the speaker writes, and by its labels
/// the other speakers find it.
pub(crate) fn register_speaker(plane: &ControlPlane, node: &Host) -> Result<(), LabError> {
    let pod: Pod = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": pod_name(node), "labels": {"app": "metallb", "component": "speaker"}},
        "spec": {
            "nodeName": node.name, "hostNetwork": true,
            "containers": [{"name": "speaker", "image": "ferrolb-speaker"}],
        },
    }))
    .map_err(|error| LabError::Unexpected(format!("pod of a speaker: {error}")))?;
    let what = format!("registering {}", pod.name_any());
    let api: Api<Pod> = Api::namespaced(plane.client(), NAMESPACE);
    let status = Patch::Merge(json!({"status": {
        "phase": "Running",
        "hostIP": node.ipv4, "podIP": node.ipv4,
        "podIPs": [{"ip": node.ipv4}, {"ip": node.ipv6}],
    }}));
    let registered = plane.block_on(async move {
        let name = pod.name_any();
        api.create(&PostParams::default(), &pod).await?;
        api.patch_status(&name, &PatchParams::default(), &status)
            .await
    });
    registered.map(drop).map_err(LabError::kubernetes(what))
}
