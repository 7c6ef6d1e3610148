//! Whose objects a speaker's own ones are: they go when their owner does.
//!
//! MetalLB's belong to the pod, so that each rolling restart deletes them all and has them written again. These belong to
//! the pod's controller, the DaemonSet, which they outlive no more than those.

use k8s_openapi::api::core::v1::Pod;
use kube::Resource;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tracing::warn;

use super::requests::{ApiError, Requests, Target};
use crate::sink::Failure;

/// What controls a pod, or else the pod; looked up when it is needed first.
#[derive(Debug)]
pub(super) struct Owner {
    pod: String,
    reference: OnceCell<Option<Value>>,
}

impl Owner {
    /// What controls the pod of this name.
    pub(super) fn of_pod(name: impl Into<String>) -> Self {
        Self {
            pod: name.into(),
            reference: OnceCell::new(),
        }
    }

    /// What goes into `metadata.ownerReferences`; `None` if there is no such pod.
    ///
    /// # Errors
    /// The API server does not tell.
    pub(super) async fn reference(
        &self,
        requests: &Requests,
        namespace: &str,
    ) -> Result<Option<&Value>, ApiError> {
        let look = || async { self.look(requests, namespace).await };
        Ok(self.reference.get_or_try_init(look).await?.as_ref())
    }

    async fn look(&self, requests: &Requests, namespace: &str) -> Result<Option<Value>, ApiError> {
        let path = Pod::url_path(&(), Some(namespace));
        let target = Target {
            path: &path,
            name: &self.pod,
        };
        match requests.get(target).await {
            Ok(pod) => {
                let controllers = pod.metadata.owner_references;
                let controller = controllers
                    .into_iter()
                    .find(|owner| owner.controller == Some(true));
                Ok(controller.map_or_else(
                    || {
                        let uid = pod.metadata.uid?;
                        Some(reference("v1", "Pod", &self.pod, &uid))
                    },
                    |owner| {
                        Some(reference(
                            &owner.api_version,
                            &owner.kind,
                            &owner.name,
                            &owner.uid,
                        ))
                    },
                ))
            }
            Err(error) if error.failure == Failure::Gone => {
                warn!(
                    pod = self.pod,
                    namespace, "no such pod: status objects outlive it"
                );
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

fn reference(api_version: &str, kind: &str, name: &str, uid: &str) -> Value {
    json!({ "apiVersion": api_version, "kind": kind, "name": name, "uid": uid })
}
