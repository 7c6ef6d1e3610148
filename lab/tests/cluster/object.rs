//! Objects of the API server, as a test writes and sees them.

use std::sync::Arc;
use std::time::Duration;

use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use lab::cluster::ControlPlane;
use lab::until;
use serde_json::{Value, json};

/// How long anything may take. A machine that compiles at the same time is slow; a test that passes never waits so long.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// An object by its name; it need not exist.
#[derive(Clone)]
pub(crate) struct Object {
    plane: Arc<ControlPlane>,
    api: Api<DynamicObject>,
    kind: String,
    name: String,
}

impl Object {
    /// One of a kind that is in namespaces, as in `of(plane, "metallb.io/v1beta1", "IPAddressPool", "shop", "pool")`.
    pub(crate) fn of(
        plane: &Arc<ControlPlane>,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Self {
        let resource = resource(api_version, kind);
        let api = Api::namespaced_with(plane.client(), namespace, &resource);
        Self::at(plane, api, kind, name)
    }

    /// One of a kind that is in no namespace.
    pub(crate) fn of_cluster(
        plane: &Arc<ControlPlane>,
        api_version: &str,
        kind: &str,
        name: &str,
    ) -> Self {
        let api = Api::all_with(plane.client(), &resource(api_version, kind));
        Self::at(plane, api, kind, name)
    }

    fn at(plane: &Arc<ControlPlane>, api: Api<DynamicObject>, kind: &str, name: &str) -> Self {
        Self {
            plane: Arc::clone(plane),
            api,
            kind: kind.to_owned(),
            name: name.to_owned(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// All of it but who manages which field, as JSON; `None` when there is none.
    pub(crate) fn get(&self) -> Option<Value> {
        let (api, name) = (self.api.clone(), self.name.clone());
        let found = self
            .plane
            .block_on(async move { api.get_opt(&name).await })
            .unwrap();
        found.map(|mut object| {
            object.metadata.managed_fields = None;
            serde_json::to_value(object).unwrap()
        })
    }

    /// What is at a JSON pointer of it; null when there is nothing.
    pub(crate) fn at_path(&self, pointer: &str) -> Value {
        let object = self.get().unwrap_or_default();
        object.pointer(pointer).cloned().unwrap_or_default()
    }

    /// Changes it by a JSON merge patch.
    pub(crate) fn patch(&self, patch: Value) {
        self.try_patch(patch).unwrap();
    }

    /// The same where the server may refuse it.
    pub(crate) fn try_patch(&self, patch: Value) -> Result<(), kube::Error> {
        let (api, name) = (self.api.clone(), self.name.clone());
        let done = self.plane.block_on(async move {
            let parameters = PatchParams::default();
            api.patch(&name, &parameters, &Patch::Merge(patch)).await
        });
        done.map(drop)
    }

    /// Changes its status by a JSON merge patch, as another controller would.
    pub(crate) fn patch_status(&self, patch: Value) {
        let (api, name) = (self.api.clone(), self.name.clone());
        let done = self.plane.block_on(async move {
            let parameters = PatchParams::default();
            api.patch_status(&name, &parameters, &Patch::Merge(patch))
                .await
        });
        done.unwrap();
    }

    /// Deletes it, and does not wait until it is gone: somebody may make it anew at once.
    pub(crate) fn request_deletion(&self) {
        let (api, name) = (self.api.clone(), self.name.clone());
        self.plane
            .block_on(async move { api.delete(&name, &DeleteParams::default()).await })
            .unwrap();
    }

    /// Deletes it, and waits until it is gone.
    pub(crate) fn delete(&self) {
        self.request_deletion();
        self.until("gone", |object| object.is_none().then_some(()));
    }

    /// Looks at it until `look` finds what it is waited for; `None` stands for an object that is not there.
    pub(crate) fn until<T>(
        &self,
        what: &str,
        mut look: impl FnMut(Option<&Value>) -> Option<T>,
    ) -> T {
        let mut last = None;
        let what = format!("{} {} {what}", self.kind, self.name);
        let found = until(&what, TIMEOUT, || {
            last = self.get();
            Ok(look(last.as_ref()))
        });
        found.unwrap_or_else(|error| {
            let last = serde_json::to_string_pretty(&last).unwrap();
            panic!("{error}; it is:\n{last}")
        })
    }

    /// Waits until what is at a JSON pointer of it is `expected`; null when there is to be nothing.
    pub(crate) fn until_path(&self, pointer: &str, expected: &Value) {
        self.until(&format!("with {expected} at {pointer}"), |object| {
            let found = object.and_then(|object| object.pointer(pointer));
            (found.unwrap_or(&Value::Null) == expected).then_some(())
        });
    }
}

/// Applies objects; those that are in a namespace go to this one unless they name one.
pub(crate) fn apply(plane: &ControlPlane, namespace: &str, objects: &[Value]) {
    let objects = objects
        .iter()
        .map(|object| serde_json::from_value(object.clone()).unwrap())
        .collect();
    plane.apply_objects(objects, namespace).unwrap();
}

pub(crate) fn create_namespace(plane: &ControlPlane, name: &str, labels: Value) {
    let namespace = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": name, "labels": labels},
    });
    apply(plane, name, &[namespace]);
}

/// Changes a JSON value by a merge patch (RFC 7396).
pub(crate) fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (field, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(&field);
        } else {
            merge(&mut target[field.as_str()], value);
        }
    }
}

pub(crate) fn resource(api_version: &str, kind: &str) -> ApiResource {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
}
