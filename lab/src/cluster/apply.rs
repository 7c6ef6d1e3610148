//! Manifests to the API server, as `kubectl apply` has it.

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::{self, Scope};
use kube::{Client, ResourceExt as _};
use tokio::time::{sleep, timeout};

use crate::LabError;

/// How long the server may take to serve a new kind.
const SERVED_TIMEOUT: Duration = Duration::from_secs(60);

/// How often it is asked for one.
const INTERVAL: Duration = Duration::from_millis(50);

/// Whose the fields are that are applied here.
const FIELD_MANAGER: &str = "lab";

/// The objects of a text of YAML documents; empty documents are none.
///
/// # Errors
/// When it is not YAML, or a document is not an object.
pub(super) fn objects(yaml: &str) -> Result<Vec<DynamicObject>, LabError> {
    serde_saphyr::from_multiple(yaml)
        .map_err(|error| LabError::Unexpected(format!("manifest: {error}\n{yaml}")))
}

/// Applies one object by server-side apply, in `namespace` where it names none itself; a CustomResourceDefinition is
/// waited for until it is served.
///
/// # Errors
/// [`LabError::Kubernetes`], with the server's reason.
pub(super) async fn apply(
    client: &Client,
    object: DynamicObject,
    namespace: &str,
) -> Result<(), LabError> {
    let types = object.types.clone().unwrap_or_default();
    let name = object.name_any();
    let what = format!("applying {} {name}", types.kind);
    let failed = LabError::kubernetes(what);
    let Ok(kind) = GroupVersionKind::try_from(&types) else {
        return Err(LabError::Unexpected(format!("a kind like {types:?}")));
    };
    let (resource, capabilities) = match discovery::pinned_kind(client, &kind).await {
        Ok(found) => found,
        Err(error) => return Err(failed(error)),
    };
    let api: Api<DynamicObject> = match capabilities.scope {
        Scope::Cluster => Api::all_with(client.clone(), &resource),
        Scope::Namespaced => {
            let namespace = object.namespace().unwrap_or_else(|| namespace.to_owned());
            Api::namespaced_with(client.clone(), &namespace, &resource)
        }
    };
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    if let Err(error) = api.patch(&name, &parameters, &Patch::Apply(&object)).await {
        return Err(failed(error));
    }
    match object.try_parse::<CustomResourceDefinition>() {
        Ok(definition) if types.kind == "CustomResourceDefinition" => {
            until_served(client, &definition).await
        }
        _ => Ok(()),
    }
}

/// Waits until objects of a new kind can be listed and found by discovery, in every version that is served.
async fn until_served(
    client: &Client,
    definition: &CustomResourceDefinition,
) -> Result<(), LabError> {
    let spec = &definition.spec;
    for version in spec.versions.iter().filter(|version| version.served) {
        let kind = GroupVersionKind::gvk(&spec.group, &version.name, &spec.names.kind);
        let is_served = async || {
            let Ok((resource, _)) = discovery::pinned_kind(client, &kind).await else {
                return false;
            };
            let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
            api.list(&ListParams::default().limit(1)).await.is_ok()
        };
        let wait = async {
            while !is_served().await {
                sleep(INTERVAL).await;
            }
        };
        timeout(SERVED_TIMEOUT, wait)
            .await
            .map_err(|_| LabError::Timeout {
                what: format!("{} served", definition.name_any()),
                after: SERVED_TIMEOUT,
            })?;
    }
    Ok(())
}
