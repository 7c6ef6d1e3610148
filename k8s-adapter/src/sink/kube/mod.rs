//! Status, conditions and events of objects of an API server.
//!
//! * Status is applied (server-side apply) by a field manager of its own, one write an object: whoever had a field
//!   before, such as MetalLB, loses it, and what others say in conditions of theirs stays.
//! * What was decided about a Service counts for the object and the version that it was decided from: the server refuses
//!   it for any other.

mod events;
mod owner;
mod requests;

use std::fmt;

use k8s_openapi::api::core::v1;
use k8s_openapi::jiff::Timestamp;
use kube::{Client, Resource};
use planner::effect::{Component, ConfigurationState, Effect, StatusAbout, StatusId};
use planner::names::ServiceKey;
use serde_json::{Value, json};

use self::events::Recorder;
use self::owner::Owner;
pub use self::requests::ApiError;
use self::requests::{Part, Requests, Target};
use super::{Failure, Sink, SinkError, patch};
use crate::crd;
use crate::translate::{
    ClusterObjects, IP_ALLOCATED_FROM_POOL, LAST_GOOD_SECRET, ObjectName, Stamp, status_name,
};

/// Writes to an API server.
pub struct KubeSink {
    requests: Requests,
    events: Recorder,
    namespace: String,
    /// Whose the component's own objects are.
    owner: Option<Owner>,
}

impl KubeSink {
    /// Writes as `component`; its own objects are in `namespace`. Must be called in a runtime.
    #[must_use]
    pub fn new(client: Client, namespace: impl Into<String>, component: &Component) -> Self {
        let manager = match component {
            Component::Controller => CONTROLLER,
            Component::Speaker(_) => SPEAKER,
        };
        let requests = Requests::new(client, manager);
        Self {
            events: Recorder::new(requests.clone()),
            requests,
            namespace: namespace.into(),
            owner: None,
        }
    }

    /// Has the component's own objects go when that goes which controls this pod, or the pod where nothing does.
    #[must_use]
    pub fn owned_by_pod(self, name: &str) -> Self {
        let owner = Some(Owner::of_pod(name));
        Self { owner, ..self }
    }

    async fn service(
        &self,
        key: &ServiceKey,
        mut desired: Value,
        objects: &ClusterObjects,
    ) -> Result<(), SinkError> {
        let name = ObjectName::new(key.namespace().as_str(), key.name());
        let Some(object) = objects.services.entry(&name) else {
            return Err(SinkError::NoObject(name));
        };
        identify(&mut desired, object.stamp.as_ref());
        let path = v1::Service::url_path(&(), Some(&name.namespace));
        let target = Target {
            path: &path,
            name: &name.name,
        };
        let shall_have_pool = annotation(&desired).is_some();
        let written = self.requests.apply(target, Part::Status, &desired).await?;
        let has_pool = written
            .metadata
            .annotations
            .contains_key(IP_ALLOCATED_FROM_POOL);
        if has_pool && !shall_have_pool {
            // It is MetalLB's too, from whom the Service was taken over: apply leaves it to the other owner.
            let changes =
                json!({ "metadata": { "annotations": { IP_ALLOCATED_FROM_POOL: null } } });
            self.requests.merge(target, Part::Status, &changes).await?;
        }
        Ok(())
    }

    async fn configuration_state(
        &self,
        state: &ConfigurationState,
        objects: &ClusterObjects,
    ) -> Result<(), SinkError> {
        let name = patch::component_name(&state.component);
        let present = objects.configuration_states.get(&self.own(&name));
        let present = present.and_then(|present| serde_json::to_value(&**present).ok());
        let mut desired =
            patch::configuration_state(&self.namespace, state, present.as_ref(), Timestamp::now());
        self.give_owner(&mut desired).await?;
        let path = crd::ConfigurationState::url_path(&(), Some(&self.namespace));
        let target = Target {
            path: &path,
            name: &name,
        };
        let Some(present) = present else {
            return self.upsert(target, &desired).await;
        };
        let says = |field| holds_field(&present, &desired, field);
        if !says("metadata") {
            self.requests
                .apply(target, Part::Main, &without_status(&desired))
                .await?;
        }
        if !says("status") {
            self.upsert(target, &desired).await?;
        }
        Ok(())
    }

    /// Says in an object of the component's own whose it is.
    async fn give_owner(&self, object: &mut Value) -> Result<(), SinkError> {
        let Some(owner) = &self.owner else {
            return Ok(());
        };
        if let Some(reference) = owner.reference(&self.requests, &self.namespace).await? {
            set(object, "/metadata", "ownerReferences", json!([reference]));
        }
        Ok(())
    }

    /// Writes the status of an object of ours that others make.
    async fn status(&self, target: Target<'_>, object: &Value) -> Result<(), SinkError> {
        self.requests.apply(target, Part::Status, object).await?;
        Ok(())
    }

    /// Writes the status of an object of ours, and makes the object first where there is none.
    async fn upsert(&self, target: Target<'_>, object: &Value) -> Result<(), SinkError> {
        match self.requests.apply(target, Part::Status, object).await {
            Err(error) if error.failure == Failure::Gone => {}
            result => return Ok(result.map(drop)?),
        }
        self.create(target, object).await
    }

    /// Makes an object of ours, and then writes its status. That it is there already does no harm.
    async fn create(&self, target: Target<'_>, object: &Value) -> Result<(), SinkError> {
        let main = without_status(object);
        self.requests.apply(target, Part::Main, &main).await?;
        self.requests.apply(target, Part::Status, object).await?;
        Ok(())
    }

    /// An object of our own namespace.
    fn own(&self, name: &str) -> ObjectName {
        ObjectName::new(self.namespace.as_str(), name)
    }

    fn status_path(&self, id: &StatusId) -> String {
        let namespace = Some(self.namespace.as_str());
        match id.about {
            StatusAbout::Layer2(_) => crd::ServiceL2Status::url_path(&(), namespace),
            StatusAbout::Bgp(_) => crd::ServiceBGPStatus::url_path(&(), namespace),
            StatusAbout::Session(_) => crd::BGPSession::url_path(&(), namespace),
        }
    }
}

impl Sink for KubeSink {
    async fn apply(&self, effect: Effect, objects: &ClusterObjects) -> Result<(), SinkError> {
        match &effect {
            Effect::PatchServiceStatus {
                service,
                ingress,
                pool,
                condition,
                announced,
            } => {
                let name = ObjectName::new(service.namespace().as_str(), service.name());
                let present = objects.services.get(&name).map(|present| &**present);
                let (condition, announced) = (condition.as_ref(), announced.as_ref());
                let conditions = patch::conditions(condition, announced, present, Timestamp::now());
                let pool = pool.as_ref().map(ipam::PoolName::as_str);
                let mut desired = patch::service(service, ingress, pool, &conditions);
                if ingress.is_empty() {
                    // Left out, the field would stay with a manager that has it too.
                    set(&mut desired, "/status/loadBalancer", "ingress", json!([]));
                }
                self.service(service, desired, objects).await
            }
            Effect::UpsertStatus { id, body } => {
                let mut object = patch::status(&self.namespace, id, body);
                self.give_owner(&mut object).await?;
                let (path, name) = (self.status_path(id), status_name(id));
                let target = Target {
                    path: &path,
                    name: &name,
                };
                let own = self.own(&name);
                let is_there = match id.about {
                    StatusAbout::Layer2(_) => objects.service_l2_statuses.get(&own).is_some(),
                    StatusAbout::Bgp(_) => objects.service_bgp_statuses.get(&own).is_some(),
                    StatusAbout::Session(_) => objects.bgp_sessions.get(&own).is_some(),
                };
                if is_there {
                    self.upsert(target, &object).await
                } else {
                    self.create(target, &object).await
                }
            }
            Effect::DeleteStatus { id } => {
                let (path, name) = (self.status_path(id), status_name(id));
                let target = Target {
                    path: &path,
                    name: &name,
                };
                Ok(self.requests.delete(target).await?)
            }
            Effect::PoolStatus { pool, usage } => {
                let name = pool.as_str();
                // A pool of the ConfigMap `config` is no object that could have a status.
                let Some(present) = objects.ip_address_pools.entry(&self.own(name)) else {
                    return Ok(());
                };
                let mut desired = patch::pool(&self.namespace, name, usage);
                // Whatever else is new in it, this is how much of it is in use.
                identify_object(&mut desired, present.stamp.as_ref());
                let path = crd::IPAddressPool::url_path(&(), Some(&self.namespace));
                self.status(Target { path: &path, name }, &desired).await
            }
            Effect::ReservationStatus {
                reservation,
                status,
            } => {
                let (name, now) = (reservation.as_str(), Timestamp::now());
                let present = objects.ip_reservations.entry(&self.own(name));
                let before = present.map(|object| &*object.value);
                let mut desired = patch::reservation(&self.namespace, name, status, before, now);
                identify(
                    &mut desired,
                    present.and_then(|object| object.stamp.as_ref()),
                );
                let path = crd::IPReservation::url_path(&(), Some(&self.namespace));
                self.status(Target { path: &path, name }, &desired).await
            }
            Effect::EmitEvent(event) => {
                self.events.record(event, objects);
                Ok(())
            }
            Effect::ConfigurationState(state) => self.configuration_state(state, objects).await,
            Effect::KeepLastGood(versions) => {
                let object = patch::last_good(&self.namespace, versions);
                let path = v1::Secret::url_path(&(), Some(&self.namespace));
                let name = LAST_GOOD_SECRET;
                let target = Target { path: &path, name };
                self.requests.apply(target, Part::Main, &object).await?;
                Ok(())
            }
        }
    }

    /// The API server forgets a status with its object.
    async fn retain(&self, _: &ClusterObjects) -> Result<(), SinkError> {
        Ok(())
    }
}

impl fmt::Debug for KubeSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubeSink")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

/// Has the server refuse the write where the object is not this one, in this version.
fn identify(object: &mut Value, stamp: Option<&Stamp>) {
    identify_object(object, stamp);
    if let Some(stamp) = stamp {
        let version = json!(&*stamp.resource_version);
        set(object, "/metadata", "resourceVersion", version);
    }
}

/// Has the server refuse the write where the object is not this one, in whatever version.
fn identify_object(object: &mut Value, stamp: Option<&Stamp>) {
    if let Some(stamp) = stamp {
        set(object, "/metadata", "uid", json!(&*stamp.uid));
    }
}

fn set(object: &mut Value, path: &str, field: &str, value: Value) {
    if let Some(Value::Object(fields)) = object.pointer_mut(path) {
        fields.insert(field.to_owned(), value);
    }
}

fn annotation(object: &Value) -> Option<&Value> {
    object
        .get("metadata")?
        .get("annotations")?
        .get(IP_ALLOCATED_FROM_POOL)
}

fn without_status(object: &Value) -> Value {
    let mut main = object.clone();
    if let Some(fields) = main.as_object_mut() {
        fields.remove("status");
    }
    main
}

/// Whether an object has all that another one says in a field.
fn holds_field(object: &Value, said: &Value, field: &str) -> bool {
    match (object.get(field), said.get(field)) {
        (Some(object), Some(said)) => holds(object, said),
        (object, said) => object == said,
    }
}

/// Whether an object has all that another one says, lists being equal.
fn holds(object: &Value, said: &Value) -> bool {
    match (object, said) {
        (Value::Object(object), Value::Object(said)) => said.iter().all(|(field, said)| {
            match object.get(field) {
                Some(value) => holds(value, said),
                // An empty text need not be written down.
                None => said.as_str() == Some(""),
            }
        }),
        (object, said) => object == said,
    }
}

/// The controller, as the owner of fields.
pub(crate) const CONTROLLER: &str = "ferrolb-controller";
/// The speakers, as the owners of fields.
const SPEAKER: &str = "ferrolb-speaker";

#[cfg(test)]
mod tests;
