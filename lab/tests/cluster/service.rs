//! One Service, as a test sees it.

use std::ops::Deref;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Event;
use kube::api::{Api, ListParams};
use lab::cluster::ControlPlane;
use lab::until;
use serde_json::{Value, json};

use crate::object::{Object, TIMEOUT};

/// The condition that tells whether a Service has its addresses.
const ADDRESS_ASSIGNED: &str = "ferrolb.io/AddressAssigned";

/// Where it is told which pool the addresses are from.
const POOL: &str = "/metadata/annotations/metallb.io~1ip-allocated-from-pool";

/// A Service by its name; all that can be done with an [`Object`] can be done with it.
#[derive(Clone)]
pub(crate) struct Service {
    plane: Arc<ControlPlane>,
    namespace: String,
    object: Object,
}

/// An event about a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// `Normal` or `Warning`.
    pub(crate) kind: String,
    pub(crate) reason: String,
    pub(crate) message: String,
}

/// A condition in the status of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) status: String,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) since: String,
}

impl Service {
    pub(crate) fn of(plane: &Arc<ControlPlane>, namespace: &str, name: &str) -> Self {
        Self {
            plane: Arc::clone(plane),
            namespace: namespace.to_owned(),
            object: Object::of(plane, "v1", "Service", namespace, name),
        }
    }

    /// The addresses in its status, in their order.
    pub(crate) fn addresses(&self) -> Vec<String> {
        self.get().as_ref().map(addresses).unwrap_or_default()
    }

    /// Waits until it has exactly these addresses, in this order.
    pub(crate) fn until_addresses(&self, expected: &[String]) {
        self.until(&format!("with {expected:?}"), |object| {
            (addresses(object?) == expected).then_some(())
        });
    }

    /// Waits until it has one address, and returns it.
    pub(crate) fn until_address(&self) -> String {
        let mut addresses = self.until_count(1);
        addresses.remove(0)
    }

    /// Waits until it has this many addresses, and returns them.
    pub(crate) fn until_count(&self, count: usize) -> Vec<String> {
        self.until(&format!("with {count} addresses"), |object| {
            Some(addresses(object?)).filter(|addresses| addresses.len() == count)
        })
    }

    /// Waits until it is told that it has no address, and returns the condition that says why.
    pub(crate) fn until_pending(&self) -> Condition {
        self.until("pending", |object| {
            let object = object?;
            condition(object, ADDRESS_ASSIGNED)
                .filter(|found| found.status == "False" && addresses(object).is_empty())
        })
    }

    /// The condition that tells whether it has its addresses.
    pub(crate) fn condition(&self) -> Option<Condition> {
        condition(self.get().as_ref()?, ADDRESS_ASSIGNED)
    }

    /// Sets an annotation, or removes it.
    pub(crate) fn annotate(&self, name: &str, value: Option<&str>) {
        self.patch(json!({"metadata": {"annotations": {name: value}}}));
    }

    /// Waits until nothing in its annotations or its status says that it ever had an address.
    pub(crate) fn until_forgotten(&self) {
        self.until("without a trace", |object| {
            let object = object?;
            let is_forgotten = object.pointer(POOL).is_none()
                && condition(object, ADDRESS_ASSIGNED).is_none()
                && addresses(object).is_empty();
            is_forgotten.then_some(())
        });
    }

    /// The pool that its addresses are from, as the annotation has it.
    pub(crate) fn pool(&self) -> Option<String> {
        let pool = self.at_path(POOL);
        pool.as_str().map(str::to_owned)
    }

    /// All that has been told about it, oldest first. What was told again counts once.
    pub(crate) fn events(&self) -> Vec<Told> {
        let api: Api<Event> = Api::namespaced(self.plane.client(), &self.namespace);
        let selector = format!(
            "involvedObject.kind=Service,involvedObject.name={}",
            self.name()
        );
        let list = self.plane.block_on(async move {
            let parameters = ListParams::default().fields(&selector);
            api.list(&parameters).await
        });
        let mut events = list.unwrap().items;
        events.sort_by(|a, b| {
            a.metadata
                .creation_timestamp
                .cmp(&b.metadata.creation_timestamp)
        });
        let told = |event: Event| Told {
            kind: event.type_.unwrap_or_default(),
            reason: event.reason.unwrap_or_default(),
            message: event.message.unwrap_or_default(),
        };
        events.into_iter().map(told).collect()
    }

    /// Waits until something is told about it for this reason, and returns the newest message.
    pub(crate) fn until_event(&self, reason: &str) -> String {
        self.until_told(reason, |event| event.reason == reason)
            .message
    }

    /// Waits until something that is meant is told about it, and returns the newest of that.
    pub(crate) fn until_told(&self, what: &str, is_meant: impl Fn(&Told) -> bool) -> Told {
        let found = until(
            &format!("event {what} for {}", self.name()),
            TIMEOUT,
            || Ok(self.events().into_iter().rfind(&is_meant)),
        );
        found.unwrap_or_else(|error| panic!("{error}; there are {:?}", self.events()))
    }
}

impl Deref for Service {
    type Target = Object;

    fn deref(&self) -> &Object {
        &self.object
    }
}

fn addresses(object: &Value) -> Vec<String> {
    let ingress = object.pointer("/status/loadBalancer/ingress");
    let entries = ingress.and_then(Value::as_array).into_iter().flatten();
    entries.map(|entry| text(entry, "ip")).collect()
}

/// The condition of a type.
pub(crate) fn condition(object: &Value, condition_type: &str) -> Option<Condition> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    let found = conditions
        .iter()
        .find(|condition| text(condition, "type") == condition_type)?;
    Some(Condition {
        status: text(found, "status"),
        reason: text(found, "reason"),
        message: text(found, "message"),
        since: text(found, "lastTransitionTime"),
    })
}

fn text(object: &Value, field: &str) -> String {
    let value = object.get(field).and_then(Value::as_str);
    value.unwrap_or_default().to_owned()
}
