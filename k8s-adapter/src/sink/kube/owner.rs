//! Whose objects a speaker's own ones are: they go when their owner does.

use k8s_openapi::api::core::v1::Pod;
use kube::Resource;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tracing::warn;

use super::requests::{ApiError, Requests, Target};
use crate::sink::Failure;

/// A pod, looked up when it is needed first.
#[derive(Debug)]
pub(super) struct Owner {
    pod: String,
    reference: OnceCell<Option<Value>>,
}

impl Owner {
    /// The pod of this name.
    pub(super) fn pod(name: impl Into<String>) -> Self {
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
            Ok(pod) => Ok(pod.metadata.uid.map(
                |uid| json!({ "apiVersion": "v1", "kind": "Pod", "name": self.pod, "uid": uid }),
            )),
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
