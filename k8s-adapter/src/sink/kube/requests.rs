//! The requests that write, each with a deadline, and what it means when one fails.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Client;
use kube::api::{DeleteParams, GetParams, Patch, PatchParams, PostParams};
use kube::core::{Request, Status, request};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use tokio::time::timeout;

use crate::client::plain;
use crate::sink::Failure;

/// A write that the API server has not carried out.
#[derive(Debug, thiserror::Error)]
#[error("{kind} {name}: {answer}")]
pub struct ApiError {
    /// The kind of the object, in plural as in its path.
    pub kind: String,
    /// The name of the object.
    pub name: String,
    /// What the server said, or why it could not.
    pub answer: String,
    /// What it means for the write.
    pub failure: Failure,
}

/// What is looked at of the object that a write returns.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Written {
    #[serde(default)]
    pub(super) metadata: WrittenMetadata,
    /// Of an Event.
    pub(super) count: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WrittenMetadata {
    pub(super) uid: Option<String>,
    pub(super) annotations: BTreeMap<String, String>,
    #[serde(rename = "ownerReferences")]
    pub(super) owner_references: Vec<OwnerReference>,
}

/// An object to write to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    /// The path of its kind, such as `/api/v1/namespaces/default/services`.
    pub(super) path: &'a str,
    /// Its name.
    pub(super) name: &'a str,
}

/// Which part of an object is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All but the status.
    Main,
    /// The status, and of the kinds of Kubernetes itself the metadata too.
    Status,
}

/// Sends writes, all as one field manager.
#[derive(Clone)]
pub(super) struct Requests {
    client: Client,
    manager: &'static str,
}

impl Requests {
    pub(super) fn new(client: Client, manager: &'static str) -> Self {
        Self { client, manager }
    }

    /// Applies an object: the fields in it are the manager's from now on, whoever had them, and those that were its and
    /// are not in it are removed, unless somebody else has them too.
    pub(super) async fn apply(
        &self,
        target: Target<'_>,
        part: Part,
        object: &Value,
    ) -> Result<Written, ApiError> {
        let params = PatchParams::apply(self.manager).force();
        self.patch(target, part, &params, &Patch::Apply(object))
            .await
    }

    /// Sets the fields in `changes`, and removes those that are null there, whosever they are.
    pub(super) async fn merge(
        &self,
        target: Target<'_>,
        part: Part,
        changes: &Value,
    ) -> Result<Written, ApiError> {
        let params = PatchParams {
            field_manager: Some(self.manager.to_owned()),
            ..PatchParams::default()
        };
        self.patch(target, part, &params, &Patch::Merge(changes))
            .await
    }

    async fn patch(
        &self,
        target: Target<'_>,
        part: Part,
        params: &PatchParams,
        patch: &Patch<&Value>,
    ) -> Result<Written, ApiError> {
        let request = Request::new(target.path);
        let request = match part {
            Part::Main => request.patch(target.name, params, patch),
            Part::Status => request.patch_subresource("status", target.name, params, patch),
        };
        self.send(target, request).await
    }

    pub(super) async fn create(
        &self,
        target: Target<'_>,
        object: &Value,
    ) -> Result<Written, ApiError> {
        let params = PostParams {
            field_manager: Some(self.manager.to_owned()),
            ..PostParams::default()
        };
        let body = object.to_string().into_bytes();
        let request = Request::new(target.path).create(&params, body);
        self.send(target, request).await
    }

    pub(super) async fn get(&self, target: Target<'_>) -> Result<Written, ApiError> {
        let request = Request::new(target.path).get(target.name, &GetParams::default());
        self.send(target, request).await
    }

    /// Deletes an object; that there is none is fine.
    pub(super) async fn delete(&self, target: Target<'_>) -> Result<(), ApiError> {
        let request = Request::new(target.path).delete(target.name, &DeleteParams::default());
        match self.send::<IgnoredAny>(target, request).await {
            Err(error) if error.failure != Failure::Gone => Err(error),
            _ => Ok(()),
        }
    }

    async fn send<T: DeserializeOwned>(
        &self,
        target: Target<'_>,
        request: Result<http::Request<Vec<u8>>, request::Error>,
    ) -> Result<T, ApiError> {
        let failed = |answer: String, failure| {
            let kind = target
                .path
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .to_owned();
            ApiError {
                kind,
                name: target.name.to_owned(),
                answer,
                failure,
            }
        };
        let request = request.map_err(|error| failed(error.to_string(), Failure::Gone))?;
        match timeout(DEADLINE, self.client.request(request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(failed(plain(&error), failure(&error))),
            Err(_) => {
                let answer = format!("no answer within {} s", DEADLINE.as_secs());
                Err(failed(answer, Failure::Transient))
            }
        }
    }
}

fn failure(error: &kube::Error) -> Failure {
    let kube::Error::Api(status) = error else {
        return Failure::Transient;
    };
    match status.code {
        409 => Failure::Conflict,
        404 => Failure::Gone,
        // Another object of the same name.
        422 if names_uid(status) => Failure::Conflict,
        _ => Failure::Transient,
    }
}

fn names_uid(status: &Status) -> bool {
    let mut causes = status.details.iter().flat_map(|details| &details.causes);
    causes.any(|cause| cause.field == "metadata.uid")
}

/// How long a write may take. Whether it was carried out after all, the watch tells.
const DEADLINE: Duration = Duration::from_secs(30);
